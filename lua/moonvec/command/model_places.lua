--- The models of a collection: where each is, as kept in the collection itself, or as --model says.
--
-- The meta string "moonvec.model.NAME" says where the model NAME of the schema is: "learn:FILE", a file in the
-- directory of the collection if its path is not absolute, "static:PATH", or "http:URL MODEL".

local core = require "moonvec.core"
local moonvec = require "moonvec"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

local PREFIX = "moonvec.model."

-- The environment variable with the key of an HTTP server.
local KEY_VARIABLE = "MOONVEC_KEY"

-- What a file of a model that was learnt begins with.
local LEARNT_MAGIC = "mvlearnt"

--- The option of commands that ask a model.
M.OPTION = { "model", "NAME=PLACE", "where the model NAME of the collection is, if the collection does not say it: "
  .. "learn:FILE, static:PATH, \"http:URL MODEL\", or a path", many = true }

local loaders = {
  learn = function(directory, rest)
    return moonvec.embed.load(rest:find "^/" and rest or directory .. "/" .. rest)
  end,
  static = function(_, rest)
    return moonvec.embed.static(rest)
  end,
  http = function(_, rest)
    local url, model = rest:match("^(%S+) (.+)$")
    if not url then
      return nil, ("'http:%s' is no place of a model: behind the URL stands a space and the model's name"):format(rest),
        "io"
    end
    local has_key = os.getenv(KEY_VARIABLE) -- a server of one's own needs none
    return moonvec.embed.http { url = url, model = model, key_env = has_key and KEY_VARIABLE or nil }
  end,
}

--- The names of the models in a schema.
function M.names(schema)
  local names, seen = {}, {}
  for _, field in ipairs(schema.vectors) do
    local name = field.embed and field.embed.model
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

--- The place that a person gave: what has no kind is a URL with the name of a model, or the path of a file or folder.
function M.place_of(given)
  if given:find "^https?://" then
    return "http:" .. given
  elseif given:find "^%a+:" then
    return given -- `load` knows the kinds
  end
  local file = io.open(given, "rb")
  local head = file and file:read(#LEARNT_MAGIC)
  if file then
    file:close()
  end
  return (head == LEARNT_MAGIC and "learn:" or "static:") .. given
end

--- Loads a model: `place` is "learn:FILE", "static:PATH" or "http:URL MODEL". Returns nil, message, code if it fails.
function M.load(directory, place)
  local kind, rest = place:match("^(%a+):(.+)$")
  if not loaders[kind] then
    return nil, ("'%s' is no place of a model: it begins with learn:, static: or http:"):format(place), "io"
  end
  return loaders[kind](directory, rest)
end

--- Notes in the collection where its model is.
function M.remember(collection, name, place)
  return collection:meta(PREFIX .. name, place)
end

--- Where the models of the collection are, as it says itself, by name.
function M.places(collection)
  local places = {}
  for _, name in ipairs(M.names(collection.schema)) do
    places[name] = collection:meta(PREFIX .. name)
  end
  return places
end

--- The files of the models that are in the directory of the collection.
function M.files(collection)
  local files = {}
  for _, place in pairs(M.places(collection)) do
    files[#files + 1] = place:match "^learn:([^/].*)$"
  end
  table.sort(files)
  return files
end

--- What stands for a model that is not there: whoever asks it gets the message.
local function absent(schema, name, message)
  for _, field in ipairs(schema.vectors) do
    if field.embed and field.embed.model == name and field.embed.fingerprint then
      return {
        dim = field.dim, fingerprint = field.embed.fingerprint,
        embed = function()
          return nil, message, "not_found"
        end,
      }
    end
  end
end

local function how_to_say(name)
  return ("the collection does not say where the model '%s' is: give --model %s=PLACE, where PLACE is learn:FILE, "
    .. "static:PATH, 'http:URL MODEL' or a path (the program that makes the collection can say it by "
    .. "c:meta('%s%s', 'learn:/path'))"):format(name, name, PREFIX, name)
end

--- Loads the models of an open collection. `given`: places by name that take precedence. For one that cannot be loaded
-- there is something that answers with the message, which is also in the second table. Returns nil, message, code if
-- one that is given cannot be loaded; raises if the collection has no model of its name.
local function load_all(call, collection, directory, given)
  local models, failures, schema = {}, {}, collection.schema
  local names, places = M.names(schema), M.places(collection)
  for name in pairs(given) do
    core.word(call, "model", name, unpack(names))
  end
  for _, name in ipairs(names) do
    local place = given[name] or places[name]
    local model, message, code = nil, how_to_say(name), nil
    if place then
      model, message, code = M.load(given[name] and "." or directory, place)
    end
    if not model and given[name] then
      return nil, ("model '%s': %s"):format(name, message), code
    end
    models[name], failures[name] = model or absent(schema, name, message), not model and message or nil
  end
  return models, failures
end

--- The models of the collection in a directory, by name, for moonvec.open, and the messages of those that could not be
-- loaded: see load_all. `call`: the name of the command, for messages. Returns nil, message, code if the collection
-- cannot be opened.
function M.for_collection(call, directory, given)
  local collection, message, code = moonvec.open(directory, { read_only = true })
  if not collection then
    return nil, message, code
  end
  local ok, models, failures, why = pcall(load_all, call, collection, directory, given)
  collection:close()
  if not ok then
    error(models, 0)
  end
  return models, failures, why
end

return M

--- The models of a collection: where each is, as kept in the collection itself.
--
-- The meta string "moonvec.model.NAME" says where the model NAME of the schema is: "learn:FILE", a file in the
-- directory of the collection, "static:PATH", or "http:URL MODEL".

local moonvec = require "moonvec"

local M = {}

local PREFIX = "moonvec.model."

-- The environment variable with the key of an HTTP server.
local KEY_VARIABLE = "MOONVEC_KEY"

local loaders = {
  learn = function(directory, rest)
    return moonvec.embed.load(directory .. "/" .. rest)
  end,
  static = function(_, rest)
    return moonvec.embed.static(rest)
  end,
  http = function(_, rest)
    local url, model = rest:match("^(%S+) (.+)$")
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

--- The files of the models that are in the directory of the collection.
function M.files(collection)
  local files = {}
  for _, name in ipairs(M.names(collection.schema)) do
    files[#files + 1] = (collection:meta(PREFIX .. name) or ""):match "^learn:(.+)$"
  end
  return files
end

--- Loads the models of an open collection. One that cannot be loaded is left out, with its message in the second table.
local function load_all(collection, directory)
  local models, failures = {}, {}
  for _, name in ipairs(M.names(collection.schema)) do
    local place = collection:meta(PREFIX .. name)
    local model, message
    if place then
      model, message = M.load(directory, place)
    else
      message = ("the collection does not say where the model '%s' is"):format(name)
    end
    models[name], failures[name] = model, not model and message or nil
  end
  return models, failures
end

--- The models of the collection in a directory, by name, for moonvec.open, and the messages of those that could not be
-- loaded. Returns nil, message, code if it cannot be opened.
function M.for_collection(directory)
  local collection, message, code = moonvec.open(directory, { read_only = true })
  if not collection then
    return nil, message, code
  end
  local models, failures = load_all(collection, directory)
  collection:close()
  return models, failures
end

return M

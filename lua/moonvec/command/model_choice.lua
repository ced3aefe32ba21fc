--- The model that --model names, for `moonvec index` and `moonvec import`, which make collections.

local check = require "moonvec.check"
local model_places = require "moonvec.command.model_places"
local moonvec = require "moonvec"
local schema_fields = require "moonvec.schema_fields"
local system = require "moonvec.system"

local M = {}

-- A model that is learnt is kept in the directory of the collection.
M.FILE = "learnt.model"
local NAME = "learnt"

--- The help of the option --model.
M.HELP = "learn (from the texts themselves, the default), none, learn:FILE, static:PATH, or \"http:URL NAME\""

--- The place of a model with an absolute path, since programs run in other directories.
local function absolute_place(place)
  local kind, path = place:match "^(%a+):([^/].*)$"
  if kind == "static" or kind == "learn" then
    return kind .. ":" .. (system.absolute "." or ".") .. "/" .. path
  end
  return place
end

--- The model and where it is; nil for "none", and if there is too little to learn from, which the person is told.
-- next_text(): the texts to learn from. `index`: the index of the field that they are for, whose words are learnt.
function M.make(call, given, next_text, index)
  if given == "none" then
    return nil
  elseif given ~= "learn" then
    local place = absolute_place(model_places.place_of(given))
    local model, failure = model_places.load(".", place)
    if not model then
      call:fail("--model: %s%s", failure, given:find "^%a+:" and "" or "; possible are " .. M.HELP)
    end
    return model, model.save and "learn:" .. M.FILE or place -- `keep` saves a copy of one that was learnt
  end
  local model, message = moonvec.embed.learn(next_text, {
    name = NAME, tokenizer = index.tokenizer, language = index.language, stop_words = index.stop_words,
  })
  if not model then
    call:note("without a model: %s", message)
    return nil
  end
  return model, "learn:" .. M.FILE
end

--- Adds a vector field to a schema: the vectors that the model makes of the field `from`.
function M.add_field(schema, model, from)
  local name = "embedding"
  while schema_fields.find(schema, name) do
    name = name .. "_"
  end
  table.insert(schema.vectors, {
    name = name, type = "vector_fp32", dim = model.dim, metric = "cosine", embed = { from = from, model = model.name },
  })
  return schema
end

--- Makes the collection, and keeps in it where its model is; a model that was learnt is saved there. `model` nil: it
-- has none.
function M.create_collection(call, directory, schema, model, place)
  local collection = call:keep(call:check(moonvec.create_and_open(directory, schema, call:open_options {
    models = model and { [model.name] = model } or nil,
  })))
  if model and model.save then
    call:check(call:save_model(model, directory .. "/" .. M.FILE))
  end
  if model then
    call:check(model_places.remember(collection, model.name, place))
  end
  return collection
end

--- The same for the models of another collection, by name. `given`: where a person said that they are; `places`: where
-- the other collection says so.
function M.keep_all(collection, directory, models, given, places)
  for name, model in pairs(models) do
    local place = given[name] and absolute_place(given[name]) or places[name]
    local file = place:match "^learn:([^/].*)$"
    local done, message, code = true, nil, nil
    if file then
      done, message, code = model:save(directory .. "/" .. file)
    end
    if done then
      done, message, code = model_places.remember(collection, name, place)
    end
    if not done then
      return nil, message, code
    end
  end
  return true
end

--- The string field of the schema with this name; raises if there is none.
function M.text_field(call, schema, name)
  local names = {}
  for _, field in ipairs(schema.fields) do
    if field.name == name and field.type == "string" then
      return field
    elseif field.type == "string" then
      names[#names + 1] = "'" .. field.name .. "'"
    end
  end
  check.misuse("%s: '--embed' must be the name of a string field, got '%s' (there are: %s)", call.command.name, name,
    table.concat(names, ", "))
end

return M

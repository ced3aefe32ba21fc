--- The models of a handle: what makes vectors of texts for the fields with `embed`.
--
-- The schema has the name and the fingerprint of the model of such a field; the models themselves are Lua values that
-- are given to open, create_and_open, load and add_column. A model is kept as long as the handle that it was given to.

local check = require "moonvec.check"
local core = require "moonvec.core"
local tables = require "moonvec.tables"

local misuse = check.misuse
local unpack = table.unpack or unpack -- luacheck: ignore

local M = {}

local DIM_MAX, FINGERPRINT_MAX = 65535, 64

-- Of each handle: a table name -> model. A handle of a collection without such fields has none.
local models_of = setmetatable({}, { __mode = "k" })

--- The models of a handle, or nil if its schema had no fields with `embed` when it was opened.
function M.of(handle)
  return models_of[handle]
end

--- Gives a transaction the models of its collection.
function M.share(collection, tx)
  models_of[tx] = models_of[collection]
end

local function check_model(call, name, model)
  local what = ("%s: models['%s']"):format(call, core.quote(name))
  if type(model) ~= "table" then
    misuse("%s must be a model, got a %s", what, type(model))
  elseif type(model.embed) ~= "function" then
    misuse("%s: 'embed' must be a function(texts) -> vectors, got a %s", what, type(model.embed))
  end
  check.whole(what, "dim", model.dim, nil, 1, DIM_MAX)
  local fingerprint = model.fingerprint
  if type(fingerprint) ~= "string" or #fingerprint == 0 or #fingerprint > FINGERPRINT_MAX then
    misuse("%s: 'fingerprint' must be a string of 1 to %d bytes, got %s", what, FINGERPRINT_MAX,
      type(fingerprint) == "string" and ("%d bytes"):format(#fingerprint) or "a " .. type(fingerprint))
  end
end

--- The option `models`, checked; nil if there is none.
local function read_models(call, options)
  local models = type(options) == "table" and rawget(options, "models") or nil
  if models == nil then
    return nil
  elseif type(models) ~= "table" then
    misuse("%s: 'models' must be a table name -> model, got a %s", call, type(models))
  end
  for name, model in pairs(models) do
    if type(name) ~= "string" then
      misuse("%s: 'models' must be a table name -> model, it has a %s as key", call, type(name))
    end
    check_model(call, name, model)
  end
  return models
end

--- Raises if a model is named by no field with `embed`. `names`: those of the models of the fields.
local function check_names(call, models, names)
  for name in pairs(models or {}) do
    if #names == 0 then
      misuse("%s: models['%s']: no field of the schema has 'embed'", call, core.quote(name))
    end
    core.word(call .. ": models", "model", name, unpack(names))
  end
end

--- The failure of a field whose vectors another model made; nothing if the model fits.
local function mismatch(field, dim, fingerprint, model, name)
  if dim ~= nil and dim ~= model.dim then
    return ("vector field '%s' has dim %s, model '%s' makes vectors of %d numbers"):format(tostring(field),
      tostring(dim), core.quote(name), model.dim)
  elseif fingerprint ~= nil and fingerprint ~= model.fingerprint then
    return ("vector field '%s' has vectors of model '%s' with fingerprint '%s', that of the given one is '%s'"):format(
      tostring(field), core.quote(name), core.quote(tostring(fingerprint)), core.quote(model.fingerprint))
  end
end

--- A vector field as it was given, with the dim and the fingerprint of its model. nil, message: the model does not fit.
local function with_model(field, models)
  local embed = type(field) == "table" and rawget(field, "embed")
  local name = type(embed) == "table" and rawget(embed, "model")
  local model = name and models[name]
  if not model then
    return field, name
  end
  local message = mismatch(rawget(field, "name"), rawget(field, "dim"), rawget(embed, "fingerprint"), model, name)
  if message then
    return nil, message
  end
  local copy = tables.copy(field)
  copy.dim, copy.embed = model.dim, tables.copy(embed)
  copy.embed.fingerprint = model.fingerprint
  return copy, name
end

--- The same for all fields of a schema.
local function with_models(call, schema, models)
  local vectors = type(schema) == "table" and rawget(schema, "vectors")
  if not models or type(vectors) ~= "table" then
    return schema
  end
  local copy, names = tables.copy(schema), {}
  copy.vectors = tables.copy(vectors)
  for i, field in ipairs(vectors) do
    local described, name = with_model(field, models)
    if not described then
      return nil, name, "schema_mismatch"
    end
    copy.vectors[i], names[#names + 1] = described, type(name) == "string" and name or nil
  end
  check_names(call, models, names)
  return copy
end

--- Raises, or returns a message and a code, if the models do not fit the schema of the collection.
local function check_fit(call, models, embeds)
  local names, seen = {}, {}
  for _, field in ipairs(embeds) do
    names[#names + 1], seen[field.model] = not seen[field.model] and field.model or nil, true
  end
  check_names(call, models, names)
  for _, field in ipairs(embeds) do
    local model = models[field.model]
    local message = model and mismatch(field.name, field.dim, field.fingerprint, model, field.model)
    if message then
      return message
    end
  end
end

--- Gives a collection that was opened its models, or closes it.
local function attach(call, models, collection, message, code)
  if not collection then
    return nil, message, code
  end
  local embeds = core.embeds(collection)
  if not embeds and not models then
    return collection
  end
  models = models or {}
  local ok, why = pcall(check_fit, call, models, embeds or {})
  if ok and not why then
    models_of[collection] = models
    return collection
  end
  collection:close()
  if not ok then
    error(why, 0)
  end
  return nil, why, "schema_mismatch"
end

--- core.open, for a collection with fields that are embedded.
function M.open(path, options)
  local models = read_models("open", options)
  if models and rawget(options, "schema") ~= nil then
    local schema, message, code = with_models("open", rawget(options, "schema"), models)
    if not schema then
      return nil, message, code
    end
    options = tables.copy(options)
    options.schema = schema
  end
  return attach("open", models, core.open(path, options))
end

--- core.create_and_open, likewise.
function M.create_and_open(path, schema, options)
  local models = read_models("create_and_open", options)
  local described, message, code = with_models("create_and_open", schema, models)
  if described == nil and schema ~= nil then
    return nil, message, code
  end
  return attach("create_and_open", models, core.create_and_open(path, described, options))
end

--- core.load, likewise.
function M.load(dump, options)
  local models = read_models("load", options)
  return attach("load", models, core.load(dump, options))
end

--- For add_column: the field with the fingerprint of its model, which is one of `options` or of the handle, and that
--- model. nil, message, code: the model does not fit.
function M.column(collection, field, options)
  local embed = type(field) == "table" and rawget(field, "embed") or nil
  local given = read_models("add_column", options)
  if type(embed) ~= "table" then
    check_names("add_column", given, {})
    return field
  end
  local name = rawget(embed, "model")
  check_names("add_column", given, { type(name) == "string" and name or nil })
  local models = given or models_of[collection] or {}
  local described, message = with_model(field, models)
  if not described then
    return nil, message, "schema_mismatch"
  end
  return described, name ~= nil and models[name] or nil
end

--- Keeps the model of a column that was added. `model` nil: it was not given.
function M.keep(collection, name, model)
  local models = tables.copy(models_of[collection] or {})
  models[name] = model or models[name]
  models_of[collection] = models
end

return M

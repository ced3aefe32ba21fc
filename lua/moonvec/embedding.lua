--- Embedding: vector fields with `embed` get vectors that a model makes of texts, in documents that are written and in
-- questions that are asked. A model is asked once for all texts of a call. It is called outside of C and of pcall, so
-- that it may yield.

local check = require "moonvec.check"
local core = require "moonvec.core"
local models = require "moonvec.models"
local tables = require "moonvec.tables"

local copy_of, misuse = tables.copy, check.misuse

local M = {}

-- Texts that add_column gives to the model at once. No more documents are in memory.
local COLUMN_BATCH = 256

-- ---------------------------------------------------------------- asking a model

--- The model of a field; raises if it was not given.
local function model_of(call, handle_models, field)
  local model = handle_models[field.model]
  if not model then
    misuse("%s: field '%s' needs the model '%s', which is not given: open the collection with "
      .. "models = { ['%s'] = ... }, or give the vector", call, field.name, core.quote(field.model),
      core.quote(field.model))
  end
  return model
end

local function check_vectors(name, vectors, count)
  if type(vectors) ~= "table" then
    misuse("model '%s': 'embed' must return an array of vectors, got a %s", core.quote(name), type(vectors))
  end
  for i = 1, count do
    local kind = type(vectors[i])
    if vectors[i] ~= false and kind ~= "string" and kind ~= "table" and kind ~= "userdata" then
      misuse("model '%s': 'embed' must return %d vectors, number %d is a %s", core.quote(name), count, i, kind)
    end
  end
  if vectors[count + 1] ~= nil then -- of which text is each?
    misuse("model '%s': 'embed' must return %d vectors, got more", core.quote(name), count)
  end
end

local function failure_of(name, why)
  return ("model '%s': %s"):format(core.quote(name), tostring(why or "it has no vector for the text"))
end

--- The vectors of the texts, and the failures of those that are false. nil, message, code: the model failed.
local function ask(model, name, texts)
  local count = #texts
  local vectors, failures, code = model.embed(texts)
  if vectors == nil then
    local why = failures == nil and "it returned neither vectors nor a message" or tostring(failures)
    return nil, ("model '%s': %s"):format(core.quote(name), why), type(code) == "string" and code or "io"
  end
  check_vectors(name, vectors, count)
  return vectors, type(failures) == "table" and failures or {}
end

--- Requests: the texts for each model, and for each text a function that receives its vector, or nil and the failure.
local function new_requests()
  return { names = {}, by_name = {} }
end

local function add_request(requests, model, name, text, receive)
  local of_model = requests.by_name[name]
  if not of_model then
    of_model = { model = model, texts = {}, receivers = {} }
    requests.by_name[name], requests.names[#requests.names + 1] = of_model, name
  end
  of_model.texts[#of_model.texts + 1], of_model.receivers[#of_model.receivers + 1] = text, receive
end

--- Asks each model once, for all of its texts. Returns true, or nil, message, code.
local function send(requests)
  for _, name in ipairs(requests.names) do
    local of_model = requests.by_name[name]
    local vectors, failures, code = ask(of_model.model, name, of_model.texts)
    if not vectors then
      return nil, failures, code
    end
    for i, receive in ipairs(of_model.receivers) do
      local vector = vectors[i]
      if vector then
        receive(vector)
      else
        receive(nil, failure_of(name, failures[i]))
      end
    end
  end
  return true
end

-- ---------------------------------------------------------------- documents

--- The text that a field of a document is made of; nil if it needs none. An update without the text leaves the vector.
local function text_for(call, field, document, is_update)
  if rawget(document, field.name) ~= nil then
    return nil
  end
  local text = rawget(document, field.from)
  if text == nil and not is_update then
    text = field.default
  elseif text == core.null and is_update then
    local id = rawget(document, "id")
    misuse("%s: %sfield '%s' becomes NULL, so the vector '%s' must be given", call,
      id and ("document '%s': "):format(core.quote(tostring(id))) or "", field.from, field.name)
  end
  return type(text) == "string" and text or nil
end

local function is_update_call(call)
  return call == "update" or call == "update_by_filter"
end

--- Documents with the vectors that are made of their texts: those without a vector that have a text; in updates those
-- that change the text. `call`: the name of the method, for messages; "update" and "update_by_filter" are updates. The
-- given tables are not changed: an array with copies of some documents is returned, or the given one if there is
-- nothing to do. `failures[i]` says why document i has no vector. If a model fails as a whole, returns nil, message,
-- code. Raises if a model is needed that was not given.
function M.fill(collection, documents, call)
  local handle_models, failures = models.of(collection), {}
  local embeds = handle_models and core.embeds(collection)
  if not embeds then
    return documents, failures
  end
  local filled, requests, is_update = documents, new_requests(), is_update_call(call)
  for i = 1, #documents do
    local document = documents[i]
    for _, field in ipairs(type(document) == "table" and embeds or {}) do
      local text = text_for(call, field, document, is_update)
      if text then
        local model = model_of(call, handle_models, field)
        add_request(requests, model, field.model, text, function(vector, failure)
          if filled[i] == document then
            filled[i] = copy_of(document)
          end
          filled[i][field.name], failures[i] = vector, failure or failures[i]
        end)
      end
    end
  end
  if #requests.names == 0 then
    return documents, failures
  end
  filled = copy_of(documents)
  local done, message, code = send(requests)
  if not done then
    return nil, message, code
  end
  return filled, failures
end

--- fill for a method that writes all documents or none: a failure of one is that of all. `documents`: one or an array.
function M.fill_all(collection, documents, call)
  if type(documents) ~= "table" then
    return documents -- C raises
  end
  local is_one = rawget(documents, "id") ~= nil
  local filled, failures, code = M.fill(collection, is_one and { documents } or documents, call)
  if not filled then
    return nil, failures, code
  end
  for i = 1, next(failures) and #filled or 0 do
    if failures[i] then
      return nil, ("document %d ('%s'): %s"):format(i, core.quote(tostring(rawget(filled[i], "id"))), failures[i]), "io"
    end
  end
  return is_one and filled[1] or filled
end

--- The changes of update_by_filter, which are those of all documents, with the vector of the text in them.
function M.fill_changes(collection, changes)
  local filled, failures, code = M.fill(collection, { changes }, "update_by_filter")
  if not filled or failures[1] then
    return nil, filled and failures[1] or failures, code or "io"
  end
  return filled[1]
end

-- ---------------------------------------------------------------- a new column

--- For add_column: value_of(document) -> vector for a field that is made of the texts in `from`. The model is asked for
-- this document and the next ones at once. Raises { message, code } if it fails.
function M.column_values(collection, from, model, name)
  local next_document = collection:iterate { output_fields = { from } }
  local vectors, is_last = {}, false
  local function read_ahead(first)
    local texts, ids = { first[from] }, { first.id }
    while #texts < COLUMN_BATCH and not is_last do
      local document = next_document()
      is_last = document == nil
      if document and document.id ~= first.id and document[from] then
        texts[#texts + 1], ids[#ids + 1] = document[from], document.id
      end
    end
    local found, failures, code = ask(model, name, texts)
    if not found then
      error({ message = failures, code = code }, 0)
    end
    for i, id in ipairs(ids) do
      if not found[i] then
        local why = ("document '%s': %s"):format(core.quote(id), failure_of(name, failures[i]))
        error({ message = why, code = "io" }, 0)
      end
      vectors[id] = found[i]
    end
  end
  return function(document)
    if not document[from] then
      return nil
    elseif not vectors[document.id] then
      read_ahead(document)
    end
    local vector = vectors[document.id]
    vectors[document.id] = nil
    return vector
  end
end

-- ---------------------------------------------------------------- questions

--- The field whose model embeds the text of these options; nil: the text is searched for as words.
local function asked_field(call, options, embeds, has_text_index)
  local of_vector = options.vector ~= nil or options.vectors ~= nil or options.vectors_of_one ~= nil
    or options.id ~= nil or options.match ~= nil
  if of_vector or type(options.text) ~= "string" then
    return nil
  elseif options.field == nil and has_text_index then
    return nil
  elseif options.field == nil and #embeds > 1 then
    misuse("%s: 'field' must name one of the %d fields that embed texts", call, #embeds)
  elseif options.field == nil then
    return embeds[1]
  end
  for _, field in ipairs(embeds) do
    if field.name == options.field then
      return field
    end
  end
end

--- Options of searches by vector for those that search a field with `embed` by text; others stay as they are. `list`:
-- an array of options, which is returned if nothing changes. nil, message, code: a model failed.
function M.questions(call, collection, list)
  local embeds, has_text_index
  for i = 1, type(collection) == "userdata" and #list or 0 do -- else C raises
    if not embeds and type(list[i]) == "table" and list[i].text ~= nil then
      embeds, has_text_index = core.embeds(collection)
    end
  end
  if not embeds then
    return list
  end
  local asked, requests, failure = copy_of(list), new_requests(), nil
  for i = 1, #list do
    local options = list[i]
    local field = type(options) == "table" and asked_field(call, options, embeds, has_text_index)
    if field then
      local model = model_of(call, models.of(collection) or {}, field)
      add_request(requests, model, field.model, options.text, function(vector, why)
        local copy = copy_of(options)
        copy.text, copy.field, copy.vector = nil, field.name, vector
        asked[i], failure = copy, failure or why
      end)
    end
  end
  local done, message, code = send(requests)
  if not done or failure then
    return nil, failure or message, code or "io"
  end
  return asked
end

--- The same for one search.
function M.question(call, collection, options)
  if type(options) ~= "table" or options.text == nil then
    return options
  end
  local asked, message, code = M.questions(call, collection, { options })
  if not asked then
    return nil, message, code
  end
  return asked[1]
end

return M

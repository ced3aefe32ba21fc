--- The tools that an MCP server of a collection offers: search, get, stats and insert.
--
-- A call gets the arguments as JSON has them, and returns a table for JSON, or nil and a message for the language
-- model. What is wrong with arguments raises.

local check = require "moonvec.check"
local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local hybrid_search = require "moonvec.hybrid_search"
local json = require "moonvec.json"
local schema_fields = require "moonvec.schema_fields"
local tool_schemas = require "moonvec.mcp.tool_schemas"

local misuse = check.misuse

local M = {}

local function check_list(call, name, given, count_max)
  if type(given) ~= "table" or given[1] == nil then
    misuse("%s: '%s' must be an array that is not empty", call, name)
  elseif #given > count_max then
    misuse("%s: '%s' has %d elements, at most %d are allowed", call, name, #given, count_max)
  end
  return given
end

--- Whether one of the fields is a vector field, so that vectors are wanted.
local function has_vector(schema, names)
  for _, name in ipairs(type(names) == "table" and names or {}) do
    if schema_fields.find_vector(schema, name) then
      return "table"
    end
  end
  return nil
end

-- ---------------------------------------------------------------- search

--- Raises if the arguments have what is here called `text` by another name, as the tools of others do.
local function check_text_name(arguments)
  for _, name in ipairs { "query", "q", "question", "search" } do
    if type(arguments[name]) == "string" then
      misuse("search: unknown option '%s' (did you mean 'text'?)", name)
    end
  end
end

--- The searches for a text, as multi_query takes them: in one field, or in all that can be searched by a text.
-- `given_vector`: the field that is searched for a vector of the call. It takes the place of what the model would make
-- of the text.
local function text_searches(schema, model_failures, text, field, given_vector)
  local words = hybrid_search.word_fields(schema, field)
  local meanings, failures = hybrid_search.meaning_fields(schema, model_failures, field)
  if field and failures[1] then
    misuse("search: 'field': %s", failures[1])
  elseif #words + #meanings == 0 then
    misuse("search: %s cannot be searched by a text, it has no full-text index and no model", field
      and "'" .. core.quote(field) .. "'" or "this collection")
  end
  for i = #meanings, 1, -1 do
    if meanings[i] == given_vector then
      table.remove(meanings, i)
    end
  end
  return hybrid_search.searches(schema, text, words, meanings)
end

--- The search for a vector, as query takes it. A field with several vectors is searched for one, or for several.
local function vector_search(schema, vector, name)
  local field = name and schema_fields.find_vector(schema, name) or #schema.vectors == 1 and schema.vectors[1]
  if not field then
    misuse "search: 'field' must name the vector field to search"
  end
  local document, message = document_json.from_json({ [field.name] = vector }, schema)
  if not document then
    misuse("search: %s", message)
  end
  local value = document[field.name]
  if not field.multi then
    return { field = field.name, vector = value }
  end
  local is_one = type(value) == "table" and type(value[1]) == "number"
  return { field = field.name, vectors_of_one = is_one and { value } or value }
end

--- The options of query or multi_query for these arguments; `queries` if there are several searches.
local function query_options(schema, model_failures, arguments)
  check_text_name(arguments)
  local text, vector, field, filter, topk, offset, order_by, fields =
    core.options("search", arguments, "text", "vector", "field", "filter", "topk", "offset", "order_by",
      "output_fields")
  local options = {
    filter = filter, output_fields = fields, include_vector = has_vector(schema, fields), order_by = order_by,
    topk = check.whole("search", "topk", topk, 10, 1, tool_schemas.TOPK_MAX),
    offset = check.whole("search", "offset", offset, 0, 0, tool_schemas.OFFSET_MAX),
  }
  if field ~= nil and type(field) ~= "string" then
    misuse("search: 'field' must be the name of a field, got a %s", type(field))
  elseif text == nil and vector == nil then
    return options
  end
  local by_vector = vector ~= nil and vector_search(schema, vector, field) or nil
  local searches = {}
  if text ~= nil then
    -- With a vector, `field` names the vector field, or the only field that is searched by words.
    local only = field and (by_vector == nil or hybrid_search.word_fields(schema, field)[1]) and field or nil
    searches = text_searches(schema, model_failures, text, only, by_vector and by_vector.field)
  end
  searches[#searches + 1] = by_vector
  if #searches == 1 then
    for name, value in pairs(searches[1]) do
      options[name] = value
    end
  elseif order_by ~= nil then
    misuse "search: 'order_by' cannot be combined with 'text' or 'vector'"
  else
    options.queries = searches
  end
  return options
end

function M.search(context, arguments)
  local collection = context.collection
  local options = query_options(collection.schema, context.model_failures, arguments)
  local hits, message
  if options.queries then
    hits, message = collection:multi_query(options)
  else
    hits, message = collection:query(options)
  end
  if not hits then
    return nil, message
  end
  local schema, list = collection.schema, json.array()
  for i, hit in ipairs(hits) do
    hit.parts = nil
    list[i] = document_json.to_json(hit, schema)
  end
  return { hits = list }
end

-- ---------------------------------------------------------------- the others

--- Ids as strings of bytes. One that is not valid UTF-8 is an object in JSON, as in the hits of a search.
local function read_ids(given, schema)
  local ids = {}
  for i, id in ipairs(check_list("get", "ids", given, tool_schemas.IDS_MAX)) do
    local document = (type(id) == "string" or type(id) == "table") and document_json.from_json({ id = id }, schema)
    if not document then
      misuse("get: ids[%d] must be a string, got a %s", i, type(id))
    end
    ids[i] = document.id
  end
  return ids
end

function M.get(context, arguments)
  local given, fields = core.options("get", arguments, "ids", "output_fields")
  local collection = context.collection
  local schema = collection.schema
  local ids = read_ids(given, schema)
  local found, message = collection:fetch(ids, { output_fields = fields, include_vector = has_vector(schema, fields) })
  if not found then
    return nil, message
  end
  local documents, missing = json.array(), json.array()
  for _, id in ipairs(ids) do
    if found[id] then
      documents[#documents + 1] = document_json.to_json(found[id], schema)
    else
      missing[#missing + 1] = document_json.to_json({ id = id }, schema).id
    end
  end
  return { documents = documents, missing = missing }
end

function M.stats(context, arguments)
  core.options("stats", arguments)
  local stats, message = context.collection:stats()
  if stats then
    stats.path = context.collection.path
    stats.indexes = json.object(stats.indexes)
  end
  return stats, message
end

function M.insert(context, arguments)
  local given, mode = core.options("insert", arguments, "documents", "mode")
  if mode ~= nil and mode ~= "insert" and mode ~= "upsert" then
    misuse "insert: 'mode' must be \"insert\" or \"upsert\""
  end
  local collection, documents = context.collection, {}
  local schema = collection.schema
  for i, members in ipairs(check_list("insert", "documents", given, tool_schemas.DOCUMENTS_MAX)) do
    if type(members) ~= "table" then
      misuse("insert: document %d must be an object, got a %s", i, type(members))
    end
    local document, message = document_json.from_json(members, schema)
    if not document then
      misuse("insert: document %d: %s", i, message)
    end
    documents[i] = document
  end
  local written, message
  if mode == "upsert" then
    written, message = collection:upsert(documents)
  else
    written, message = collection:insert(documents)
  end
  return written and { written = written }, message
end

--- The names of the tools, in the order in which they are listed.
function M.names(may_write)
  return may_write and { "search", "get", "stats", "insert" } or { "search", "get", "stats" }
end

--- The definition of a tool for this schema.
function M.definition(name, context)
  local tool = tool_schemas[name](context.collection.schema, context.model_failures)
  tool.name = name
  return tool
end

return M

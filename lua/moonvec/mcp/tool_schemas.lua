--- What a language model is told about a collection: its fields, as JSON Schema (2020-12) and in words.

local hybrid_search = require "moonvec.hybrid_search"
local json = require "moonvec.json"
local schema_fields = require "moonvec.schema_fields"

local M = {}

-- Limits of one call: a model reads the answer, and a person may wait for it.
M.TOPK_MAX, M.OFFSET_MAX, M.IDS_MAX, M.DOCUMENTS_MAX = 1000, 100000, 1000, 1000

local INTEGERS = {
  int8 = { -128, 127 }, int32 = { -2147483648, 2147483647 }, uint32 = { 0, 4294967295 },
}

local FILTERS = [[
A filter is a condition on fields: comparisons (= != < <= > >=), BETWEEN 1 AND 9, IN ('a', 'b'), LIKE 'a%', ILIKE,
STARTS WITH 'a', IS NULL, IS NOT NULL, AND, OR, NOT, parentheses. Strings stand in single quotes, doubled inside of a
string; COLLATE NOCASE after a comparison ignores case. Arrays: tags CONTAIN_ANY ('a', 'b'), tags CONTAIN_ALL ('a'),
array_length(tags) > 2. Fields with a full-text index: body MATCH 'words "a phrase" -excluded'. Timestamps compare with
'2026-11-01' or '2026-11-01T12:30:00Z'. `id` can be tested like a string.]]

-- ---------------------------------------------------------------- values

local function scalar_schema(type)
  local range = INTEGERS[type]
  if type == "string" then
    return { type = "string" }
  elseif type == "bool" then
    return { type = "boolean" }
  elseif range then
    return { type = "integer", minimum = range[1], maximum = range[2] }
  elseif type == "int64" or type == "uint64" then
    return { type = json.array { "integer", "string" }, description = "beyond 2^53 a string of digits" }
  elseif type == "timestamp" then
    return { type = json.array { "string", "integer" }, description = "RFC 3339, or microseconds since 1970" }
  end
  return { type = "number" }
end

local function vector_schema(field)
  if field.type == "sparse_vector_fp32" then
    return { type = "object", additionalProperties = { type = "number" },
             description = 'weights by index, such as {"17": 0.4}' }
  end
  local item = { type = "number" }
  if field.type == "vector_int8" then
    item = scalar_schema "int8"
  elseif field.type == "vector_binary" then
    item = { type = "integer", minimum = 0, maximum = 1 }
  end
  local numbers = { type = "array", items = item, minItems = field.dim, maxItems = field.dim }
  return field.multi and { type = "array", items = numbers } or numbers
end

local function with_null(schema)
  schema.type = type(schema.type) == "table" and schema.type or json.array { schema.type }
  table.insert(schema.type, "null")
  return schema
end

local function field_schema(field)
  local element = field.type:match "^array_(.*)"
  local schema = element and { type = "array", items = scalar_schema(element) } or scalar_schema(field.type)
  if schema_fields.has_text_index(field) then
    schema.description = "has a full-text index"
  end
  return field.nullable and with_null(schema) or schema
end

--- The JSON Schema of a document, as `insert` takes it. A vector that a model makes may be left out.
local function document_schema(schema)
  local properties, required = json.object { id = { type = "string", minLength = 1 } }, json.array { "id" }
  for _, field in ipairs(schema.fields) do
    properties[field.name] = field_schema(field)
    if not field.nullable and field.default == nil then
      required[#required + 1] = field.name
    end
  end
  for _, field in ipairs(schema.vectors) do
    local one = vector_schema(field)
    if field.embed then
      one.description = ("made of '%s' if it is left out"):format(field.embed.from)
    elseif not field.nullable then
      required[#required + 1] = field.name
    end
    properties[field.name] = field.nullable and with_null(one) or one
  end
  return { type = "object", properties = properties, required = required, additionalProperties = false }
end

-- ---------------------------------------------------------------- words

--- The fields in words, one a line.
function M.describe_fields(schema)
  local lines = {}
  for _, field in ipairs(schema.fields) do
    lines[#lines + 1] = ("- %s: %s%s%s"):format(field.name, field.type, field.nullable and ", may be null" or "",
      schema_fields.has_text_index(field) and ", full-text index" or "")
  end
  for _, field in ipairs(schema.vectors) do
    local size = field.dim and (" of %d numbers"):format(field.dim) or ""
    local origin = field.embed and (", the meaning of '%s'"):format(field.embed.from) or ""
    lines[#lines + 1] = ("- %s: %s%s, %s%s"):format(field.name, field.type, size, field.metric, origin)
  end
  return #lines > 0 and table.concat(lines, "\n") or "- none but the id"
end

local function describe_search(words, meanings)
  local ways = {}
  if #words > 0 then
    ways[#ways + 1] = ("by words in %s"):format(table.concat(words, ", "))
  end
  if #meanings > 0 then
    ways[#ways + 1] = ("by meaning in %s"):format(table.concat(meanings, ", "))
  end
  if #ways == 0 then
    return "No field can be searched by `text`."
  end
  return ("`text` is searched for %s%s."):format(table.concat(ways, " and "),
    #words + #meanings > 1 and ", fused into one list, unless `field` names one" or "")
end

-- ---------------------------------------------------------------- tools

local function output_fields(schema)
  local names = json.array(schema_fields.names(schema))
  return { type = "array", items = #names > 0 and { type = "string", enum = names } or { type = "string" },
           description = "the fields to return, also vector fields (default: all but vectors)" }
end

local function list_result(name)
  return { type = "object", properties = { [name] = { type = "array", items = { type = "object" } } },
           required = json.array { name } }
end

local READS = { readOnlyHint = true, openWorldHint = false }

function M.search(schema, model_failures)
  local words, meanings = hybrid_search.word_fields(schema), hybrid_search.meaning_fields(schema, model_failures)
  local searched = json.array()
  for _, field in ipairs(schema.vectors) do
    searched[#searched + 1] = field.name
  end
  for _, name in ipairs(words) do
    searched[#searched + 1] = name
  end
  local properties = {
    filter = { type = "string", description = "only documents that match this condition" },
    topk = { type = "integer", minimum = 1, maximum = M.TOPK_MAX, default = 10, description = "number of hits" },
    offset = { type = "integer", minimum = 0, maximum = M.OFFSET_MAX, default = 0, description = "hits to skip" },
    order_by = { type = "string", description = "without `text` and `vector`: sort by, such as 'year DESC, title'" },
    output_fields = output_fields(schema),
  }
  if #words + #meanings > 0 then
    properties.text = { type = "string", description = describe_search(words, meanings) }
  end
  if #schema.vectors > 0 then
    properties.vector = { type = json.array { "array", "object" },
                          description = "a vector to search for, or several in a field that has several; "
                            .. "together with `text` both are searched for and fused" }
  end
  if #searched > 0 then
    properties.field = { type = "string", enum = searched, description = "the field to search" }
  end
  local description = ("Search the collection. %s Without `text` and `vector`, lists the documents that match the "
    .. "filter. Hits are sorted by score, the best first.\nFields:\n%s\n%s"):format(
    describe_search(words, meanings), M.describe_fields(schema), (FILTERS:gsub("\n", " ")))
  return {
    title = "Search documents", description = description, annotations = READS, outputSchema = list_result "hits",
    inputSchema = { type = "object", properties = properties, additionalProperties = false },
  }
end

function M.get(schema)
  return {
    title = "Get documents", annotations = READS, outputSchema = list_result "documents",
    description = "Read documents by id. `missing` of the result has the ids that do not exist.",
    inputSchema = {
      type = "object", required = json.array { "ids" }, additionalProperties = false,
      properties = {
        ids = { type = "array", items = { type = "string" }, minItems = 1, maxItems = M.IDS_MAX },
        output_fields = output_fields(schema),
      },
    },
  }
end

function M.stats()
  return {
    title = "Statistics", annotations = READS,
    description = "Numbers about the collection: documents, bytes on disk, indexes and how complete they are.",
    inputSchema = { type = "object", additionalProperties = false },
    outputSchema = { type = "object", properties = { documents = { type = "integer" } },
                     required = json.array { "documents" } },
  }
end

function M.insert(schema)
  return {
    title = "Insert documents",
    description = "Write documents: all or none. `insert` refuses ids that exist, `upsert` replaces such documents.",
    annotations = { readOnlyHint = false, destructiveHint = true, idempotentHint = false, openWorldHint = false },
    inputSchema = {
      type = "object", required = json.array { "documents" }, additionalProperties = false,
      properties = {
        documents = { type = "array", items = document_schema(schema), minItems = 1, maxItems = M.DOCUMENTS_MAX },
        mode = { type = "string", enum = json.array { "insert", "upsert" }, default = "insert" },
      },
    },
    outputSchema = { type = "object", properties = { written = { type = "integer" } },
                     required = json.array { "written" } },
  }
end

return M

--- `moonvec create`: an empty collection with a given schema.

local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local pretty = require "moonvec.terminal.pretty"
local schema_words = require "moonvec.command.schema_words"
local system = require "moonvec.system"

--- The value without the nulls of JSON, which stand for what is not given.
local function without_nulls(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for name, member in pairs(value) do
    if member ~= json.null() then
      copy[name] = without_nulls(member)
    end
  end
  return copy
end

--- The schema in a file: a Lua file returns it, any other file is JSON.
local function read_schema(call, path)
  if path:find "%.lua$" then
    local chunk, message = loadfile(path)
    call:check(chunk or nil, message)
    local ok, schema = pcall(chunk)
    if not ok or type(schema) ~= "table" then
      call:fail("%s: %s", path, ok and "it must return a table, the schema" or tostring(schema))
    end
    return schema
  end
  local schema, message = json.decode(call:check(system.read_file(path)))
  if type(schema) ~= "table" then
    call:fail("%s: %s", path, message or "a schema is an object with 'fields' and 'vectors'")
  end
  return call:check(document_json.schema_from_json(without_nulls(schema)))
end

local function schema_of(call)
  local options = call.options
  if not (options.schema or options.field or options.vector) then
    call:usage("give the schema: --schema FILE, or --field and --vector")
  elseif options.schema and (options.field or options.vector) then
    call:usage("--schema cannot be combined with --field and --vector")
  elseif options.schema then
    return read_schema(call, options.schema)
  end
  local schema = { fields = {}, vectors = {} }
  for i, text in ipairs(options.field or {}) do
    schema.fields[i] = schema_words.field(text)
  end
  for i, text in ipairs(options.vector or {}) do
    schema.vectors[i] = schema_words.vector(text)
  end
  return schema
end

return {
  name = "create",
  summary = "make an empty collection",
  usage = "DIR",
  options = {
    { "schema", "FILE", "the schema: JSON, or a Lua file that returns a table" },
    { "field", "NAME:TYPE[?][:INDEX]", "a field, such as title:string:text, or year:int32? (may be NULL)",
      many = true },
    { "vector", "NAME:DIM[:METRIC]", "a vector field, such as embedding:384:cosine", many = true },
    { "dry-run", nil, "only print the schema" },
  },
  details = {
    "  moonvec create books --field title:string:text:english --field 'year:int32?' --vector embedding:384",
    "TYPE is string, bool, int32, int64, uint32, uint64, float, double, timestamp, or array_ and one of these; INDEX "
      .. "is `text` (search by words; then a tokenizer: unicode, code, ngram, whitespace, or a language: english, "
      .. "german, ...) or `invert` (filters). Behind DIM can stand a metric (cosine, l2, ip, l1, hamming), a type "
      .. "(fp32, fp16, int8, binary) and an index (hnsw, flat). `NAME:sparse` is a sparse vector.",
    "`moonvec schema DIR` prints the schema of a collection as --schema reads it.",
  },
  run = function(call)
    local schema = moonvec.schema(schema_of(call))
    if call.options["dry-run"] then
      call:print(pretty.json(document_json.schema_to_json(schema)))
    else
      call:check(moonvec.create_and_open(call.args[1], schema)):close()
    end
  end,
}

--- The source of `moonvec import` and `moonvec put`: opened by the format of the file, and fitted to a collection.

local check = require "moonvec.check"
local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local schema_fields = require "moonvec.schema_fields"
local system = require "moonvec.system"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

M.FORMATS = { "jsonl", "json", "csv", "tsv", "lines", "fvecs", "bvecs", "ivecs", "npy", "sqlite" }

local FORMAT_OF = {
  jsonl = "jsonl", ndjson = "jsonl", json = "json", csv = "csv", tsv = "tsv", tab = "tsv", txt = "lines", log = "lines",
  fvecs = "fvecs", bvecs = "bvecs", ivecs = "ivecs", npy = "npy", db = "sqlite", sqlite = "sqlite", sqlite3 = "sqlite",
}

--- The format that is asked for, else that of the name of the file.
function M.format(call, path)
  local given = call.options.format
  if given then
    return core.word("import", "format", given, unpack(M.FORMATS))
  end
  local format = FORMAT_OF[(path:match "%.([^./]+)$" or ""):lower()]
  if not format and path ~= "-" then
    call:usage("what is in '%s'? Give --format, one of %s", path, table.concat(M.FORMATS, ", "))
  end
  return format or "jsonl"
end

--- A file that is one JSON value: an array of objects, or one object with such an array.
local function open_json(path)
  local text, message = system.read_file(path)
  if not text then
    return nil, "cannot open " .. message, "io"
  end
  local value, why = json.decode(text)
  if type(value) ~= "table" then
    return nil, ("'%s': %s"):format(path, why or "expected an array of objects"), "io"
  end
  local rows = value
  if value[1] == nil and next(value) ~= nil then
    local _, only = next(value)
    rows = next(value, (next(value))) == nil and type(only) == "table" and only or { value }
  end
  local source = { row = 0, unit = "element", name = path }
  function source:read()
    self.row = self.row + 1
    local row = rows[self.row]
    if row ~= nil and type(row) ~= "table" then
      return false, "expected an object"
    end
    return row and document_json.from_json(row)
  end
  function source:progress()
    return self.row, #rows
  end
  return source
end

--- Gives columns whose names cannot be those of fields names that can: "First Name" becomes First_Name. The table
-- `renamed` of the source has the new names by the old ones.
local function rename_columns(source)
  local taken = {}
  source.renamed = {}
  for _, name in ipairs(source.names or {}) do
    taken[name] = true
  end
  for i, name in ipairs(source.names or {}) do
    if not name:find "^[%a_][%w_]*$" then
      local stem = name:gsub("[^%w_]+", "_"):gsub("_$", ""):gsub("^%d", "_%0")
      local made, count = stem, 1
      while made == "" or taken[made] do
        count = count + 1
        made = ("%s_%d"):format(stem, count)
      end
      source.names[i], source.renamed[name], taken[made] = made, made, true
    end
  end
  return source
end

--- Opens the source of a call. Of sqlite, --query is a SELECT, or the name of a table. Returns the source, or nil,
-- message, code.
function M.open(call, format, path)
  local query, delimiter = call.options.query, call.options.delimiter
  if delimiter and format ~= "csv" then
    call:usage("'--delimiter' is for csv files, this one is %s", format)
  elseif delimiter and delimiter ~= "tab" and not delimiter:find '^[^"\r\n]$' then
    call:usage("'--delimiter' must be one byte other than a quote or a line end, or `tab`, got '%s'",
      core.quote(delimiter))
  end
  if format == "json" then
    return open_json(path)
  elseif format == "sqlite" then
    if not query then
      check.misuse "import: '--query' is missing: what to read from the database, a SELECT or the name of a table"
    elseif not query:find "%s" then
      query = ('SELECT * FROM "%s"'):format(query:gsub('"', '""'))
    end
    return moonvec.source.sqlite(path, query)
  elseif format ~= "csv" and format ~= "tsv" then
    return moonvec.source[format](path)
  end
  delimiter = delimiter == "tab" and "\t" or delimiter or format == "csv" and "auto" or nil
  local source, message, code = moonvec.source[format](path, { delimiter = delimiter })
  if not source or call.options.map then -- which gets the names of the file
    return source, message, code
  end
  return rename_columns(source)
end

--- The member of rows that is the id, if a person calls it `id`; nil if that is nil.
function M.id_of(source, id)
  return source.renamed and source.renamed[id] or id
end

-- ---------------------------------------------------------------- fitting

--- A value for a field of type string: other scalars and objects as their text.
local function text_of(value)
  if type(value) == "table" and type(value.base64) == "string" and next(value, (next(value))) == nil then
    return value -- the bytes of a string, see document_json.lua
  elseif type(value) == "table" then
    return json.encode(value)
  elseif type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 63 then
    return ("%.0f"):format(value)
  end
  return type(value) == "string" and value or tostring(value)
end

--- Makes a row a document of the collection: its id, and values of the types of the fields. Returns the document, or
-- false and a message.
local function fit(self, row)
  local id = row[self.id or "id"]
  local document = {}
  for name, value in pairs(row) do
    local kind = self.types[name]
    if kind then
      document[name] = kind == "string" and self.is_json and value ~= core.null and text_of(value) or value
    elseif name ~= self.id and name ~= "id" and not self.leaves_out then
      document[name] = value -- which `insert` names as unknown
    end
  end
  if id == nil or id == core.null then
    id = ("%.0f"):format(self.source.row)
  end
  document.id = type(id) == "number" and ("%.0f"):format(id) or id
  if not self.is_json then
    return document
  end
  local converted, message = document_json.from_json(document, self.schema)
  return converted or false, message
end

local Fitted = {}
Fitted.__index = Fitted

function Fitted:read()
  local row, message, code = self.source:read()
  self.row = self.source.row
  if not row then
    return row, message, code
  end
  return fit(self, row)
end

--- As of source.jsonl. Rows that it can write have an id, and values that fit.
function Fitted:write_rows(...)
  if not self.is_json or not self.source.write_rows or self.id and self.id ~= "id" then
    return nil
  end
  local count, message, code = self.source:write_rows(...)
  self.row = self.source.row
  return count, message, code
end

for _, name in ipairs { "position", "seek", "progress", "close" } do
  Fitted[name] = function(self, ...)
    local method = self.source[name]
    if method then
      return method(self.source, ...)
    end
  end
end

--- A source of documents that fit the collection. `options`: `id`, the name of the member that is the id (else "id";
-- rows without one get their number), `leaves_out` (members that are no field), `format`.
function M.fit(source, collection, options)
  local types = {}
  for _, field in ipairs(schema_fields.all(collection.schema)) do
    types[field.name] = field.type
  end
  local is_json = options.format == "jsonl" or options.format == "json"
  if not is_json and source.use_schema then
    source:use_schema(collection.schema, false)
  end
  return setmetatable({
    source = source, row = 0, unit = source.unit, name = source.name, types = types, schema = collection.schema,
    id = options.id, leaves_out = options.leaves_out, is_json = is_json,
  }, Fitted)
end

return M

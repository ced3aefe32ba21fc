--- Values of fields from texts, for tables without types: cells of CSV, columns of SQLite.

local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local schema_fields = require "moonvec.schema_fields"

local M = {}

local WORDS = {
  ["true"] = true, t = true, yes = true, y = true, on = true, ["1"] = true,
  ["false"] = false, f = false, no = false, n = false, off = false, ["0"] = false,
}

local REALS = { inf = math.huge, infinity = math.huge, ["+inf"] = math.huge, ["+infinity"] = math.huge,
  ["-inf"] = -math.huge, ["-infinity"] = -math.huge }

local function read_bool(text)
  local value = WORDS[text:lower()]
  if value == nil then
    return nil, ("'%s' is neither true nor false"):format(core.quote(text))
  end
  return value
end

local function read_number(text)
  local trimmed = text:match "^%s*([+-]?[%d.]+[eE]?[+-]?%d*)%s*$"
  local number = trimmed and tonumber((trimmed:gsub("^%+", "")))
  if not number then
    return nil, ("'%s' is not a number"):format(core.quote(text))
  end
  return number
end

local function read_real(text)
  local infinity = REALS[text:lower()]
  if infinity then
    return infinity
  end
  return read_number(text)
end

--- A 64-bit integer stays a string if it is one of digits: as a number it might be rounded.
local function read_whole(text)
  local digits = text:match "^%s*%+?(%-?%d+)%s*$"
  if digits and #digits > 15 then
    return digits
  end
  return read_number(text)
end

local function read_text(text)
  return text
end

local READERS = {
  string = read_text, timestamp = read_text, bool = read_bool,
  int32 = read_number, uint32 = read_number, int64 = read_whole, uint64 = read_whole,
  float = read_real, double = read_real,
}

--- A function that reads JSON: for arrays and vectors.
local function reader_of_json(schema, name)
  return function(text)
    local value, message = json.decode(text)
    if value == nil then
      return nil, ("expected JSON such as [1, 2]: %s"):format(message)
    elseif type(value) ~= "table" then
      return nil, ("expected JSON such as [1, 2], got '%s'"):format(core.quote(text))
    end
    local document
    document, message = document_json.from_json({ [name] = value }, schema)
    if not document then
      return nil, (message:gsub("^field '.-': ", ""))
    end
    return document[name]
  end
end

--- What an empty cell without quotes is: NULL where the field is nullable; "" of other strings; else it is left out,
-- and the document gets the default of the field.
local function value_of_nothing(field)
  if field.nullable then
    return core.null
  end
  return field.type == "string" and field.default == nil and "" or nil
end

local function converter(schema, field)
  local read = READERS[field.type] or reader_of_json(schema, field.name)
  local is_text, nothing = field.type == "string", value_of_nothing(field)
  return function(text)
    if text == nil or text == "" and not is_text then
      return nothing
    end
    return read(text)
  end
end

--- The bytes of a packed vector of this field, or nil if there is no one size.
local function packed_size(field)
  if not field.dim or field.multi then
    return nil
  end
  return field.type == "vector_binary" and field.dim / 8 or field.dim * 4
end

--- The same for a column of SQLite, whose values are numbers or strings: blobs are packed vectors.
local function typed_converter(schema, field)
  local convert, size = converter(schema, field), packed_size(field)
  return function(value)
    if type(value) == "number" then
      if field.type == "bool" then
        return value ~= 0
      end
      return value
    elseif value == nil then
      return field.nullable and core.null or nil
    elseif #value == size then
      return value
    end
    return convert(value)
  end
end

local function converters(schema, names, make)
  local list = {}
  for i, name in ipairs(names or {}) do
    local field = schema_fields.find(schema, name)
    list[i] = field and make(schema, field)
  end
  return list
end

--- For each of the names of columns a function of a text (nil: an empty cell) that returns the value of the field; nil,
-- message. nil: the schema has no such field.
function M.converters(schema, names)
  return converters(schema, names, converter)
end

--- The same for values of SQLite.
function M.typed_converters(schema, names)
  return converters(schema, names, typed_converter)
end

return M

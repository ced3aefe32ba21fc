--- A document as JSON has it, and back: what export writes, source.jsonl reads, and the command prints. JSON lacks some
-- values that documents have. They are written as the JSON form of protocol buffers writes them, where it has them:
--
--   a 64-bit integer beyond 2^53        "9007199254740993"
--   infinity                            "Infinity", "-Infinity"
--   a string that is not valid UTF-8    {"base64": "/w=="}
--   a sparse vector                     {"17": 0.4, "29": 1.2}
--   any other vector                    [0.1, 0.2]; of a field with `multi` an array of these
--   NULL                                null, or the member is absent

local base64 = require "moonvec.base64"
local core = require "moonvec.core"
local json = require "moonvec.json"
local utf8_text = require "moonvec.utf8_text"

local M = {}

-- Up to here a double represents every whole number.
local WHOLE_MAX = 2 ^ 53
-- "%d" has 32 bits in Lua 5.1 on 32-bit machines.
local WHOLE = ("%d"):format(WHOLE_MAX) == "9007199254740992" and "%d" or "%.0f"

-- ---------------------------------------------------------------- to JSON

local function string_to_json(text)
  if type(text) ~= "string" or not utf8_text.first_invalid(text) then
    return text
  end
  return { base64 = base64.encode(text) }
end

local function real_to_json(number)
  if number == math.huge then
    return "Infinity"
  elseif number == -math.huge then
    return "-Infinity"
  end
  return number
end

--- A number of few digits of which the same float is made; its double would be written with 17. Seven digits are enough
-- if they are nearer than half of the distance to the next float, which is at least 2^-25 of the number. Nine always
-- are.
local function float_to_json(number)
  if type(number) ~= "number" or number == math.huge or number == -math.huge then
    return real_to_json(number)
  elseif number % 1 == 0 then
    return number
  end
  local short = tonumber(("%.7g"):format(number))
  local is_near = math.abs(short - number) < math.abs(number) * 2 ^ -25
  return is_near and short or tonumber(("%.9g"):format(number))
end

local function whole_to_json(number)
  if type(number) == "number" and (number > WHOLE_MAX or number < -WHOLE_MAX) then
    return WHOLE:format(number)
  end
  return number
end

local SCALARS = {
  string = string_to_json, float = float_to_json, double = real_to_json,
  int64 = whole_to_json, uint64 = whole_to_json, timestamp = whole_to_json,
}

local function each_to_json(values, convert)
  local list = json.array()
  for i, value in ipairs(values) do
    list[i] = convert and convert(value) or value
  end
  return list
end

--- The bits of a packed binary vector: the most significant bit of a byte first.
local function bits_of(bytes)
  local bits = {}
  for i = 1, #bytes do
    local byte = bytes:byte(i)
    for place = 8, 1, -1 do
      bits[8 * i - 8 + place] = byte % 2
      byte = (byte - byte % 2) / 2
    end
  end
  return bits
end

local function numbers_of(vector, field)
  if field.type == "vector_binary" then
    return type(vector) == "string" and bits_of(vector) or vector
  end
  return type(vector) == "table" and vector or core.unpack(vector)
end

local function sparse_to_json(sparse)
  local members = json.object()
  for index, number in pairs(type(sparse) == "table" and sparse or core.unpack_sparse(sparse)) do
    members[("%.0f"):format(index)] = float_to_json(number)
  end
  return members
end

local function vector_to_json(vector, field)
  if field.type == "sparse_vector_fp32" then
    return sparse_to_json(vector)
  elseif not field.multi then
    return each_to_json(numbers_of(vector, field), float_to_json)
  end
  local list = json.array()
  for i, one in ipairs(vector) do
    list[i] = each_to_json(numbers_of(one, field), float_to_json)
  end
  return list
end

local function value_to_json(value, field)
  if value == core.null then
    return json.null()
  elseif field.is_vector then
    return vector_to_json(value, field)
  elseif field.element then
    return each_to_json(value, SCALARS[field.element])
  end
  local convert = SCALARS[field.type]
  return convert and convert(value) or value
end

-- The fields of a schema by name, kept as long as the schema is.
local known = setmetatable({}, { __mode = "k" })

local function fields_of(schema)
  local fields = known[schema]
  if not fields then
    fields = { id = { type = "string" } }
    for _, field in ipairs(schema.fields or {}) do
      local element = field.type:match "^array_(.*)"
      local scalar = element or field.type
      fields[field.name] =
        { type = field.type, element = element, is_real = scalar == "float" or scalar == "double" }
    end
    for _, field in ipairs(schema.vectors or {}) do
      fields[field.name] = { type = field.type, multi = field.multi, is_vector = true }
    end
    known[schema] = fields
  end
  return fields
end

--- A document, or a hit, as a table for json.encode. Members that are no field of the schema, as the `score` of a hit,
-- are kept as they are.
function M.to_json(document, schema)
  local fields, members = fields_of(schema), json.object()
  for name, value in pairs(document) do
    local field = fields[name]
    if field then
      value = value_to_json(value, field)
    end
    members[name] = value
  end
  return members
end

--- A schema as a table for json.encode: the defaults of its fields are written as the values of documents are.
function M.schema_to_json(schema)
  local kinds, copy = fields_of(schema), {}
  for name, value in pairs(schema) do
    copy[name] = value
  end
  copy.fields = json.array()
  for i, field in ipairs(schema.fields) do
    copy.fields[i] = {}
    for name, value in pairs(field) do
      copy.fields[i][name] = name == "default" and value_to_json(value, kinds[field.name]) or value
    end
  end
  return copy
end

-- ---------------------------------------------------------------- from JSON

--- The bytes of {"base64": "..."}; nil, message: it is something else.
local function string_from_json(value)
  local text = value.base64
  local bytes = type(text) == "string" and next(value) == "base64" and next(value, "base64") == nil
    and base64.decode(text)
  if not bytes then
    return nil, 'expected a string, or {"base64": "..."} with the bytes of one in Base64'
  end
  return bytes
end

local function sparse_from_json(members)
  local sparse = {}
  for index, number in pairs(members) do
    local whole = type(index) == "string" and index:find "^%d+$" and tonumber(index)
    if not whole then
      return nil, ('a sparse vector is an object such as {"17": 0.4}, got the member %s'):format(
        type(index) == "string" and "'" .. core.quote(index) .. "'" or index .. " of an array")
    elseif sparse[whole] then
      return nil, ("the index %.0f is given twice"):format(whole)
    end
    sparse[whole] = number
  end
  return sparse
end

local INFINITIES = { Infinity = math.huge, ["-Infinity"] = -math.huge }

--- The elements of an array, changed in place.
local function elements_from_json(values, field)
  local null = json.null()
  for i = 1, #values do
    local value = values[i]
    if value == null then
      return nil, ("element %d is null"):format(i)
    elseif type(value) == "table" then
      local bytes, message = string_from_json(value)
      if not bytes then
        return nil, ("element %d: %s"):format(i, message)
      end
      values[i] = bytes
    elseif field.is_real and INFINITIES[value] then
      values[i] = INFINITIES[value]
    end
  end
  return values
end

local function table_from_json(value, field)
  if field.type == "sparse_vector_fp32" then
    return sparse_from_json(value)
  elseif field.is_vector then
    return value
  elseif field.element then
    return elements_from_json(value, field)
  elseif field.type == "string" then
    return string_from_json(value)
  end
  return nil, ("expected a value of type %s, got an array or an object"):format(field.type)
end

--- The document of a table that json.decode returned; it is the same table, changed in place. Returns nil and a message
-- if a value has the wrong form. What insert checks is not checked here: types, ranges, names, dimensions. Members that
-- are no field of the schema are kept as they are, for a `map` that makes fields of them. Without a schema, only null
-- is converted, to moonvec.null.
function M.from_json(members, schema)
  local fields, null, moonvec_null = schema and fields_of(schema) or {}, json.null(), core.null
  for name, value in next, members do
    local field = fields[name]
    if value == null then
      members[name] = moonvec_null
    elseif field and type(value) == "table" then
      local converted, message = table_from_json(value, field)
      if converted == nil then
        return nil, ("field '%s': %s"):format(name, message)
      end
      members[name] = converted
    elseif field and field.is_real and INFINITIES[value] then
      members[name] = INFINITIES[value]
    end
  end
  return members
end

--- The schema of a table that json.decode returned; its defaults are changed in place. Returns nil and a message if one
-- has the wrong form. moonvec.schema checks the rest.
function M.schema_from_json(schema)
  for _, field in ipairs(type(schema.fields) == "table" and schema.fields or {}) do
    if type(field) == "table" and type(field.name) == "string" and type(field.type) == "string" then
      local values, message = M.from_json({ [field.name] = field.default }, { fields = { field } })
      if not values then
        return nil, "default value: " .. message
      end
      field.default = values[field.name]
    end
  end
  return schema
end

return M

--- JSON (RFC 8259), read by lua-cjson. It is written here, because lua-cjson keeps 14 digits of a number and makes an
-- object of an empty array.

local check = require "moonvec.check"
local core = require "moonvec.core"

local M = {}

-- Tables with one of these metatables are arrays or objects, also when they are empty.
local ARRAY, OBJECT = {}, {}

-- The deepest value that is written. Deeper ones are taken for tables that contain themselves.
local DEPTH_MAX = 1000

local cjson -- an instance with the settings of this module, made when it is first needed

local function library()
  if not cjson then
    cjson = check.library("JSON", "cjson", "lua-cjson", "lua-cjson", "lua-cjson").new()
    cjson.decode_invalid_numbers(false)
  end
  return cjson
end

--- The value that null becomes.
function M.null()
  return library().null
end

--- The value of a text, or nil and what is wrong with the text. null becomes json.null(). Numbers are doubles: beyond
-- 2^53 they lose digits.
function M.decode(text)
  local zero = text:find("\0", 1, true)
  if zero then
    return nil, ("a zero byte at character %d"):format(zero) -- lua-cjson takes it for the end of the text
  end
  local ok, value = pcall(library().decode, text)
  if ok then
    return value
  end
  return nil, (tostring(value):gsub("^.-: ", "", 1))
end

--- Marks a table as an array, so that it is written as [] when it is empty.
function M.array(values)
  return setmetatable(values or {}, ARRAY)
end

--- Marks a table as an object.
function M.object(values)
  return setmetatable(values or {}, OBJECT)
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(character)
  return ESCAPES[character] or ("\\u%04x"):format(character:byte())
end

local function put_string(out, text)
  out[#out + 1] = '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

-- Up to here a double represents every whole number.
local WHOLE_MAX = 2 ^ 53

--- A whole number has all its digits, another one the shortest of three precisions from which it is read back as it is.
local function put_number(out, number)
  if number ~= number or number == math.huge or number == -math.huge then
    out[#out + 1] = "null"
    return
  elseif number % 1 == 0 and number >= -WHOLE_MAX and number <= WHOLE_MAX then
    out[#out + 1] = ("%.0f"):format(number)
    return
  end
  local text = ("%.14g"):format(number)
  if tonumber(text) ~= number then
    text = ("%.16g"):format(number)
    if tonumber(text) ~= number then
      text = ("%.17g"):format(number)
    end
  end
  out[#out + 1] = text
end

local put

local function put_array(out, values, depth)
  out[#out + 1] = "["
  for i = 1, #values do
    if i > 1 then
      out[#out + 1] = ","
    end
    put(out, values[i], depth)
  end
  out[#out + 1] = "]"
end

--- The members in the order of their names, so that equal objects are equal texts.
local function put_object(out, members, depth)
  local names = {}
  for name in pairs(members) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  out[#out + 1] = "{"
  for i, name in ipairs(names) do
    if i > 1 then
      out[#out + 1] = ","
    end
    put_string(out, name)
    out[#out + 1] = ":"
    local value = members[name]
    put(out, value == nil and members[tonumber(name)] or value, depth)
  end
  out[#out + 1] = "}"
end

function put(out, value, depth)
  local kind = type(value)
  if kind == "string" then
    put_string(out, value)
  elseif kind == "number" then
    put_number(out, value)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "nil" or value == core.null or value == M.null() then
    out[#out + 1] = "null"
  elseif kind ~= "table" then
    core.raise("a " .. kind .. " has no form in JSON")
  elseif depth >= DEPTH_MAX then
    core.raise(("a value of more than %d levels is too deep for JSON"):format(DEPTH_MAX))
  else
    local mark = getmetatable(value)
    if mark == ARRAY or mark ~= OBJECT and value[1] ~= nil then
      put_array(out, value, depth + 1)
    else
      put_object(out, value, depth + 1)
    end
  end
end

--- The text of a value: one line. nil, moonvec.null and json.null() are null, and so are numbers that JSON lacks (NaN,
-- infinity). A table with [1] is an array, another one an object, unless it is marked.
function M.encode(value)
  local out = {}
  put(out, value, 0)
  return table.concat(out)
end

return M

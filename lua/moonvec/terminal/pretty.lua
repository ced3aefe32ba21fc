--- Tables of few levels as indented text: JSON, or Lua.

local json = require "moonvec.json"

local M = {}

local WIDTH = 100

-- Members that come first, since they say what a thing is.
local FIRST = { name = 1, type = 2, dim = 3, metric = 4, fields = 5, vectors = 6 }

local function names_of(value)
  local names = {}
  for name in pairs(value) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    local x, y = FIRST[a] or 99, FIRST[b] or 99
    return x < y or x == y and tostring(a) < tostring(b)
  end)
  return names
end

--- `value` as text, in one line if that fits. `style`: how scalars, names and brackets are written.
local function render(value, indent, style)
  if type(value) ~= "table" then
    return style.scalar(value)
  end
  local is_array = value[1] ~= nil or next(value) == nil
  local parts, size = {}, #indent
  for i, name in ipairs(is_array and value or names_of(value)) do
    local text = is_array and render(name, indent .. "  ", style)
      or style.name(name) .. render(value[name], indent .. "  ", style)
    parts[i] = text
    size = size + #text + 2
  end
  local open, close = style.brackets(is_array)
  local joined = table.concat(parts, ", ")
  if #parts == 0 then
    return open .. close
  elseif size <= WIDTH and not joined:find("\n", 1, true) then
    local space = (style.spaced or not is_array) and " " or ""
    return open .. space .. joined .. space .. close
  end
  local inner = indent .. "  "
  return open .. "\n" .. inner .. table.concat(parts, ",\n" .. inner) .. style.last .. "\n" .. indent .. close
end

local JSON = {
  scalar = json.encode,
  name = function(name)
    return json.encode(tostring(name)) .. ": "
  end,
  brackets = function(is_array)
    return is_array and "[" or "{", is_array and "]" or "}"
  end,
  last = "",
}

--- A number as Lua reads it. A whole number that may not be one of a double is a decimal string, as moonvec takes it.
local function lua_number(number)
  if number == math.huge or number == -math.huge then
    return number > 0 and "1/0" or "-1/0"
  elseif math.type and math.type(number) == "integer" and (number > 2 ^ 53 or number < -2 ^ 53) then -- luacheck: ignore
    return ('"%d"'):format(number)
  elseif number == 0 and 1 / number < 0 then
    return "1/(-1/0)" -- -0 is a whole number in Lua 5.3, which has no sign; -0.0 may become 0 in Lua 5.1
  end
  return json.encode(number)
end

--- A string as a Lua literal that reads the same in each Lua, and from a file of text.
local function lua_string(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(character)
    return character:find '["\\]' and "\\" .. character or ("\\%03d"):format(character:byte())
  end) .. '"'
end

local LUA = {
  scalar = function(value)
    return type(value) == "string" and lua_string(value) or type(value) == "number" and lua_number(value)
      or json.encode(value)
  end,
  name = function(name)
    return name:find "^[%a_][%w_]*$" and name .. " = " or ("[%q] = "):format(name)
  end,
  brackets = function()
    return "{", "}"
  end,
  spaced = true,
  last = ",",
}

--- The value as JSON.
function M.json(value)
  return render(value, "", JSON)
end

--- The value as a Lua expression.
function M.lua(value)
  return render(value, "", LUA)
end

return M

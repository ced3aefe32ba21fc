--- Lines of Lua in the shell: how they are told from filters, how they are run, and how their values are shown.
--
-- A line is Lua if it begins with "=" or "#", with a keyword that begins a statement, or with a name and directly
-- behind it one of . : ( [ { " ', as in c:count(), print(1) and _[1].title. The names "c" and "_" alone are Lua, too.
-- All other lines are filters: no filter begins like that, but for the two words in NEVER.

local display_text = require "moonvec.terminal.display_text"

local M = {}

local KEYWORDS = {
  ["local"] = true, ["for"] = true, ["while"] = true, ["repeat"] = true, ["if"] = true, ["do"] = true,
  ["function"] = true, ["return"] = true,
}

-- What a filter may begin with before a parenthesis: NOT (...), array_length(name).
local NEVER = { ["not"] = true, array_length = true }

-- Deeper tables are shown as {...}.
local DEPTH_MAX = 6

--- Is the line Lua?
function M.is_lua(line)
  if line:find "^[=#]" then
    return true
  end
  local name, rest = line:match "^([%a_][%w_]*)(.*)$"
  if not name or NEVER[name:lower()] then
    return false
  elseif KEYWORDS[name] then
    return not rest:find "^%s*[=<>!]" -- a field of this name
  end
  return rest:find "^[.:(%[{\"']" ~= nil or rest == "" and (name == "c" or name == "_")
end

local function load_in(code, env)
  if setfenv then -- luacheck: ignore
    local chunk, message = loadstring(code, "=line") -- luacheck: ignore
    return chunk and setfenv(chunk, env), message -- luacheck: ignore
  end
  return load(code, "=line", "t", env)
end

--- The function of an expression or of statements. Returns nil, message, is_incomplete if they are wrong: is_incomplete
-- says that a further line may complete them.
function M.compile(code, env)
  local bare, is_marked = code:gsub("^=", "")
  local chunk, as_expression = load_in("return " .. bare, env)
  if chunk then
    return chunk
  end
  local as_statements
  chunk, as_statements = load_in(bare, env)
  if chunk then
    return chunk
  end
  local is_incomplete = as_statements:find "<eof>'?$" or as_expression:find "<eof>'?$"
  local message = is_marked > 0 and as_expression or as_statements
  return nil, (message:gsub("^line:%d+: ", "")), is_incomplete ~= nil
end

local function key_text(key, show)
  return type(key) == "string" and key:find "^[%a_][%w_]*$" and key or "[" .. show(key) .. "]"
end

local function sorted_keys(values)
  local keys = {}
  for key in pairs(values) do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > #values then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end

--- A value as Lua writes it, in one line.
function M.describe(value, depth)
  depth = depth or 0
  if type(value) == "string" then
    return '"' .. display_text.visible(value) .. '"'
  elseif type(value) ~= "table" or getmetatable(value) then
    return display_text.visible(tostring(value))
  elseif depth == DEPTH_MAX then
    return "{...}"
  end
  local parts = {}
  local function show(member)
    return M.describe(member, depth + 1)
  end
  for i = 1, #value do
    parts[i] = show(value[i])
  end
  for _, key in ipairs(sorted_keys(value)) do
    parts[#parts + 1] = key_text(key, show) .. " = " .. show(value[key])
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

local function is_document(value)
  return type(value) == "table" and type(value.id) == "string"
end

--- The documents that a value is: an array of them, or one; nil if it is something else.
function M.documents_of(value)
  if is_document(value) then
    return { value }
  elseif type(value) ~= "table" or value[1] == nil then
    return nil
  end
  for _, member in ipairs(value) do
    if not is_document(member) then
      return nil
    end
  end
  return value
end

return M

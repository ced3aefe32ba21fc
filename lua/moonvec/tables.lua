--- Copying and comparing tables.

local M = {}

--- A copy of a table, made with raw access as C reads tables.
function M.copy(from)
  local copy = {}
  for key, value in next, from do
    copy[key] = value
  end
  return copy
end

--- Whether two values are the same: scalars, strings, or tables of these, member by member.
function M.is_same(a, b)
  if a == b or type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not M.is_same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

return M

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

--- The keys of the first member in which two values differ, outermost first; nil if they are the same. Values are
-- scalars, strings, or tables of these.
function M.difference(a, b)
  if a == b then
    return nil
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return {}
  end
  for _, both in ipairs { { a, b }, { b, a } } do
    for key, value in pairs(both[1]) do
      local inner = M.difference(value, both[2][key])
      if inner then
        table.insert(inner, 1, key)
        return inner
      end
    end
  end
end

--- Whether two values are the same.
function M.is_same(a, b)
  return M.difference(a, b) == nil
end

return M

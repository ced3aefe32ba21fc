-- Lists of whole numbers as files of little-endian int32, which the C programs of the bench read and write.

local M = {}

-- The packed bytes of a list. The only negative number it may contain is -1.
function M.pack(list)
  local parts = {}
  for i, n in ipairs(list) do
    if n < 0 then n = n + 2 ^ 32 end
    parts[i] = string.char(n % 256, math.floor(n / 2 ^ 8) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 2 ^ 24))
  end
  return table.concat(parts)
end

-- All numbers of a file, none of them negative.
function M.read(path)
  local file, list = assert(io.open(path, "rb")), {}
  local bytes = file:read("*a")
  file:close()
  for at = 1, #bytes, 4 do
    local a, b, c, d = bytes:byte(at, at + 3)
    list[#list + 1] = a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
  end
  return list
end

return M

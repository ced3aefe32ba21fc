--- Base64 (RFC 4648).

local M = {}

local VALUES = {}
do
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  for i = 1, #alphabet do
    VALUES[alphabet:byte(i)] = i - 1
  end
end

--- The bytes of three or four characters without padding.
local function decode_group(a, b, c, d)
  local sum = ((VALUES[a] * 64 + VALUES[b]) * 64 + VALUES[c or 65]) * 64 + VALUES[d or 65]
  local third = sum % 256
  local second = (sum - third) / 256 % 256
  return string.char((sum - third - second * 256) / 65536, second, third)
end

--- The bytes of a text in base64, or nil if it is none.
function M.decode(text)
  local body = text:match("^([%w+/]*)=?=?$")
  if not body or #text % 4 ~= 0 then
    return nil
  end
  local out = {}
  for at = 1, #body, 4 do
    out[#out + 1] = decode_group(body:byte(at, at + 3))
  end
  local missing = (4 - #body % 4) % 4
  if missing > 0 then
    out[#out] = out[#out]:sub(1, 3 - missing)
  end
  return table.concat(out)
end

return M

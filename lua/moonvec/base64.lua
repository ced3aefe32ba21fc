--- Base64 (RFC 4648) with padding.

local M = {}

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- The digit of each number from 0 to 63, and the number of the byte of each digit.
local DIGIT_OF, NUMBER_OF = {}, {}
for number = 0, 63 do
  local digit = DIGITS:sub(number + 1, number + 1)
  DIGIT_OF[number], NUMBER_OF[digit:byte()] = digit, number
end

--- The digits of one to three bytes.
local function encode_group(group)
  local a, b, c = group:byte(1, 3)
  local number = a * 65536 + (b or 0) * 256 + (c or 0)
  return DIGIT_OF[math.floor(number / 262144)] .. DIGIT_OF[math.floor(number / 4096) % 64] ..
    (b and DIGIT_OF[math.floor(number / 64) % 64] or "=") .. (c and DIGIT_OF[number % 64] or "=")
end

--- The text of a string of bytes.
function M.encode(bytes)
  return (bytes:gsub("..?.?", encode_group))
end

--- The three bytes of two to four digits; those that are missing count as 0.
local function decode_group(a, b, c, d)
  local sum = ((NUMBER_OF[a] * 64 + NUMBER_OF[b]) * 64 + (NUMBER_OF[c] or 0)) * 64 + (NUMBER_OF[d] or 0)
  local third = sum % 256
  local second = (sum - third) / 256 % 256
  return string.char((sum - third - second * 256) / 65536, second, third)
end

--- The bytes of a text, or nil if it is not Base64 with its padding.
function M.decode(text)
  local body = text:match "^([%w+/]*)=?=?$"
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

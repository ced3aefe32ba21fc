--- UTF-8 in strings of bytes, on every Lua: whether a text is valid, and where its characters begin.

local M = {}

--- The number of bytes of the character that begins at `at`, or nil if the bytes there are no UTF-8: a stray or missing
-- continuation byte, an overlong form, a surrogate, or a number above U+10FFFF (RFC 3629).
function M.character_size(text, at)
  local first, second, third, fourth = text:byte(at, at + 3)
  if first < 128 then
    return 1
  elseif first < 194 or first > 244 or not second or second < 128 or second > 191 then
    return nil
  elseif first < 224 then
    return 2
  elseif not third or third < 128 or third > 191 then
    return nil
  elseif first < 240 then
    local is_overlong, is_surrogate = first == 224 and second < 160, first == 237 and second > 159
    return not is_overlong and not is_surrogate and 3 or nil
  elseif not fourth or fourth < 128 or fourth > 191 then
    return nil
  end
  local is_overlong, is_too_large = first == 240 and second < 144, first == 244 and second > 143
  return not is_overlong and not is_too_large and 4 or nil
end

--- The position of the first byte that is no part of a valid character, or nil if all of the text is UTF-8. `from`:
-- where a character begins (default 1).
function M.first_invalid(text, from)
  local find, size_of = text.find, M.character_size
  local at = find(text, "[\128-\255]", from)
  while at do
    local size = size_of(text, at)
    if not size then
      return at
    end
    at = find(text, "[\128-\255]", at + size)
  end
  return nil
end

-- Windows-1252, which texts that are not UTF-8 are most often in: the characters of the bytes 128 to 159. The bytes
-- from 160 on are the characters of the same numbers, as in Latin-1; so are the five that it does not define.
local WINDOWS = {
  [128] = 0x20AC, [130] = 0x201A, [131] = 0x0192, [132] = 0x201E, [133] = 0x2026, [134] = 0x2020, [135] = 0x2021,
  [136] = 0x02C6, [137] = 0x2030, [138] = 0x0160, [139] = 0x2039, [140] = 0x0152, [142] = 0x017D, [145] = 0x2018,
  [146] = 0x2019, [147] = 0x201C, [148] = 0x201D, [149] = 0x2022, [150] = 0x2013, [151] = 0x2014, [152] = 0x02DC,
  [153] = 0x2122, [154] = 0x0161, [155] = 0x203A, [156] = 0x0153, [158] = 0x017E, [159] = 0x0178,
}

--- The UTF-8 of a number from 128 to 65535.
local function encode(number)
  local low = 128 + number % 64
  if number < 2048 then
    return string.char(192 + math.floor(number / 64), low)
  end
  return string.char(224 + math.floor(number / 4096), 128 + math.floor(number / 64) % 64, low)
end

--- The text as UTF-8, and how many bytes were converted: each byte that is no part of a valid character is read as
-- Windows-1252.
function M.repair(text)
  local parts, from, count = {}, 1, 0
  local at = M.first_invalid(text)
  while at do
    local byte = text:byte(at)
    parts[#parts + 1] = text:sub(from, at - 1)
    parts[#parts + 1] = encode(WINDOWS[byte] or byte)
    from, count = at + 1, count + 1
    at = M.first_invalid(text, from)
  end
  if count == 0 then
    return text, 0
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts), count
end

return M

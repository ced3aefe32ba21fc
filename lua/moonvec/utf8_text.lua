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

--- The position of the first byte that is no part of a valid character, or nil if all of the text is UTF-8.
function M.first_invalid(text)
  local find, size_of = text.find, M.character_size
  local at = find(text, "[\128-\255]")
  while at do
    local size = size_of(text, at)
    if not size then
      return at
    end
    at = find(text, "[\128-\255]", at + size)
  end
  return nil
end

return M

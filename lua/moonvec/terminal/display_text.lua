--- Texts as a terminal shows them: how many columns they take, cut to a width, and without characters that a terminal
-- obeys.

local utf8_text = require "moonvec.utf8_text"

local M = {}

-- Ranges of characters that take two columns (East Asian Width "W" and "F" of Unicode, and emoji), and of those that
-- take none (combining marks, joiners, variation selectors). The common scripts; others are off by a column or two.
local WIDE = {
  { 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
  { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x17000, 0x18aff }, { 0x1b000, 0x1b2ff },
  { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
}
local ZERO = {
  { 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5c7 }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x670, 0x670 },
  { 0x6d6, 0x6dc }, { 0x6df, 0x6ed }, { 0x900, 0x902 }, { 0x93c, 0x93c }, { 0x941, 0x948 }, { 0x94d, 0x94d },
  { 0xe31, 0xe31 }, { 0xe34, 0xe3a }, { 0xe47, 0xe4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d },
  { 0x2060, 0x2064 }, { 0x20d0, 0x20ff }, { 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f },
  { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
}

-- Patterns for marks that reorder the text around them, and for line separators: U+061C, U+200E, U+200F, U+2028 to
-- U+202E, U+2066 to U+2069.
local MARKS = { "\216\156", "\226\128[\142\143\168-\174]", "\226\129[\166-\169]" }

local ELLIPSIS = "\226\128\166"

--- Is the number in one of the ranges, which are in ascending order?
local function is_in(ranges, number)
  local low, high = 1, #ranges
  while low <= high do
    local middle = math.floor((low + high) / 2)
    if number < ranges[middle][1] then
      high = middle - 1
    elseif number > ranges[middle][2] then
      low = middle + 1
    else
      return true
    end
  end
  return false
end

--- The number of the character of `size` bytes, 2 to 4, at `at`.
local function code_point(text, at, size)
  local first, second, third, fourth = text:byte(at, at + size - 1)
  if size == 2 then
    return (first - 192) * 64 + second - 128
  elseif size == 3 then
    return ((first - 224) * 64 + second - 128) * 64 + third - 128
  end
  return (((first - 240) * 64 + second - 128) * 64 + third - 128) * 64 + fourth - 128
end

local function escape_mark(mark)
  return ("\\u{%x}"):format(code_point(mark, 1, #mark))
end

--- The bytes of the character at `at`, 1 if there is none, and whether it is shown: control characters and bytes that
-- are not UTF-8 are not.
local function shown_character(text, at)
  local size = utf8_text.character_size(text, at)
  return size or 1, size and not text:find("^[%z\1-\31\127]", at) and not text:find("^\194[\128-\159]", at)
end

--- The text in one line, with everything escaped that a terminal would obey: control characters and invalid UTF-8 as
-- \xNN, marks of direction as \u{NNNN}. So data cannot control a terminal.
function M.visible(text)
  text = text:gsub("[\r\n\t]+", " ")
  if not text:find "[^\32-\126]" then
    return text
  end
  local out, at = {}, 1
  while at <= #text do
    local run = text:match("^[\32-\126]+", at)
    if not run then
      local size, is_shown = shown_character(text, at)
      run = is_shown and text:sub(at, at + size - 1)
    end
    out[#out + 1] = run or ("\\x%02x"):format(text:byte(at))
    at = at + (run and #run or 1)
  end
  text = table.concat(out)
  for _, pattern in ipairs(text:find "[\216\226]" and MARKS or {}) do
    text = text:gsub(pattern, escape_mark)
  end
  return text
end

--- The same for a text of several lines, which stay.
function M.visible_lines(text)
  return (text:gsub("[^\n]+", M.visible))
end

--- The size in bytes and the columns of the character at `at` of a visible text.
local function character(text, at)
  local size = utf8_text.character_size(text, at) or 1
  if size == 1 then
    return 1, 1
  end
  local number = code_point(text, at, size)
  return size, is_in(ZERO, number) and 0 or is_in(WIDE, number) and 2 or 1
end

--- The columns that a visible text takes.
function M.width(text)
  if not text:find "[\128-\255]" then
    return #text
  end
  local columns, at = 0, 1
  while at <= #text do
    local size, more = character(text, at)
    columns, at = columns + more, at + size
  end
  return columns
end

--- A visible text that takes at most `columns`, 1 or more: a longer one is cut, and ends with an ellipsis.
function M.cut(text, columns)
  if #text <= columns or M.width(text) <= columns then
    return text
  end
  local used, at = 0, 1
  while at <= #text do
    local size, more = character(text, at)
    if used + more > columns - 1 then
      break
    end
    used, at = used + more, at + size
  end
  return text:sub(1, at - 1) .. ELLIPSIS
end

--- The text with spaces behind it, or before it if `is_right`, so that it takes `columns`.
function M.pad(text, columns, is_right)
  local spaces = (" "):rep(columns - M.width(text))
  return is_right and spaces .. text or text .. spaces
end

return M

-- Writes the table of word breaks: Unicode's files -> engine/text/text_word_table.h.
--
--   lua5.4 engine/word_table.lua /usr/share/unicode > engine/text/text_word_table.h
--
-- Debian has the files in its package unicode-data. Each character gets one byte: its value of the property Word_Break
-- and three flags (engine/text/text_word.h). Neighbours with the same byte are one range, and a range is one number.
-- Before it writes, the script looks every code point up in the ranges.

local CODE_POINT_MAX = 0x10FFFF
local BLOCK = 256

-- In the order of text_word_class.
local CLASSES = {
  "Other", "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Katakana", "Hebrew_Letter", "ALetter", "Single_Quote",
  "Double_Quote", "MidNumLet", "MidLetter", "MidNum", "Numeric", "ExtendNumLet", "WSegSpace", "Regional_Indicator",
}
local SEARCHABLE, PICTOGRAPHIC, SPACELESS = 0x20, 0x40, 0x80

-- Scripts whose words are not separated by spaces; line break class SA adds Thai, Lao, Khmer, Burmese and others.
local SPACELESS_SCRIPTS = { Han = true, Hiragana = true, Katakana = true, Hangul = true }

local EMOJI_FIRST = 0x2600 -- before it, only what is shown as an emoji by default: the others are arrows and bullets

local number_of = {}
for i, name in ipairs(CLASSES) do
  number_of[name] = i - 1
end

-- Call visit(first, last, value) for each line "0041..005A ; value # comment" of a file.
local function each_range(path, visit)
  for line in io.lines(path) do
    local first, last, value = line:match("^(%x+)%.*(%x*)%s*;%s*([%w_]+)")
    if first then
      visit(tonumber(first, 16), tonumber(last ~= "" and last or first, 16), value)
    end
  end
end

-- The set of the code points whose value is in `wanted` (a map of values).
local function set_of(path, wanted)
  local set = {}
  each_range(path, function(first, last, value)
    if wanted[value] then
      for c = first, last do
        set[c] = true
      end
    end
  end)
  assert(next(set), path .. " has none of the values")
  return set
end

-- The sets of letters and numbers (general categories L* and N*) and of other symbols (So) in UnicodeData.txt, where
-- long ranges are two lines.
local function categories_of(path)
  local searchable, symbols, first = {}, {}, nil
  for line in io.lines(path) do
    local c, name, category = line:match("^(%x+);([^;]*);(%a%a)")
    c = tonumber(c, 16)
    if name:find(", First>", 1, true) then
      first = c
    end
    for each = name:find(", Last>", 1, true) and first or c, c do
      searchable[each] = category:find("^[LN]") ~= nil
      symbols[each] = category == "So"
    end
  end
  return searchable, symbols
end

local function classes_of(path)
  local classes = {}
  each_range(path, function(first, last, value)
    local class = assert(number_of[value], "there is a new class of characters: " .. value)
    for c = first, last do
      classes[c] = class
    end
  end)
  return classes
end

local function bytes_of(folder)
  local class = classes_of(folder .. "/auxiliary/WordBreakProperty.txt")
  local searchable, symbols = categories_of(folder .. "/UnicodeData.txt")
  local emoji_file = folder .. "/emoji/emoji-data.txt"
  local emoji, shown = set_of(emoji_file, { Emoji = true }), set_of(emoji_file, { Emoji_Presentation = true })
  local pictographic = set_of(emoji_file, { Extended_Pictographic = true })
  local spaceless = set_of(folder .. "/Scripts.txt", SPACELESS_SCRIPTS)
  local without_spaces = set_of(folder .. "/LineBreak.txt", { SA = true })
  local joining = { [number_of.Extend] = true, [number_of.ZWJ] = true, [number_of.Format] = true }
  local bytes = {}
  for c = 0, CODE_POINT_MAX do
    local byte = class[c] or 0
    if not joining[byte] then
      local is_katakana = byte == number_of.Katakana
      local is_letter = searchable[c] or is_katakana and symbols[c] -- whole words are such symbols (U+3300)
      local is_spaceless = is_letter and (spaceless[c] or without_spaces[c] or is_katakana)
      local is_searchable = is_letter or shown[c] or (emoji[c] and c >= EMOJI_FIRST)
      byte = byte + (is_searchable and SEARCHABLE or 0) + (is_spaceless and SPACELESS or 0)
    end
    bytes[c] = byte + (pictographic[c] and PICTOGRAPHIC or 0)
  end
  return bytes
end

-- Each range as its first code point << 8 | byte.
local function ranges_of(bytes)
  local ranges = {}
  for c = 0, CODE_POINT_MAX do
    if bytes[c] ~= bytes[c - 1] then
      ranges[#ranges + 1] = c << 8 | bytes[c]
    end
  end
  return ranges
end

-- For each block of code points, the position (from 0) of the last range that begins at or before it. The last block
-- goes on to the end of the code points.
local function blocks_of(ranges)
  local blocks, at = {}, 1
  for first = 0, 0x323FF, BLOCK do -- behind it are a few ranges of plane 14 only
    while at < #ranges and ranges[at + 1] >> 8 <= first do
      at = at + 1
    end
    blocks[#blocks + 1] = at - 1
  end
  return blocks
end

local function check(bytes, ranges, blocks)
  for c = 0, CODE_POINT_MAX do
    local at = blocks[math.min(c // BLOCK + 1, #blocks)] + 1
    while ranges[at + 1] and ranges[at + 1] >> 8 <= c do
      at = at + 1
    end
    assert(ranges[at] & 0xFF == bytes[c], ("U+%04X differs"):format(c))
  end
end

local function print_numbers(numbers, format, in_line)
  for i = 1, #numbers, in_line do
    local cells = {}
    for at = i, math.min(i + in_line - 1, #numbers) do
      cells[#cells + 1] = format:format(numbers[at])
    end
    print("    " .. table.concat(cells, ", ") .. ",")
  end
end

local folder = assert(arg[1], "usage: word_table.lua FOLDER_OF_UNICODE_DATA")
local version = assert(io.lines(folder .. "/auxiliary/WordBreakProperty.txt")():match("%-([%d.]+)%.txt"))
local bytes = bytes_of(folder)
local ranges = ranges_of(bytes)
local blocks = blocks_of(ranges)
check(bytes, ranges, blocks)

print(([[
/* Word breaks of Unicode %s: %d ranges of characters.
 * Written by engine/word_table.lua. */
#ifndef MV_TEXT_WORD_TABLE_H
#define MV_TEXT_WORD_TABLE_H

#include <stdint.h>

#define WORD_BLOCK %du

/* clang-format off */
/* Each range: its first character << 8 | the byte of its characters. */
static const uint32_t WORD_RANGES[] = {]]):format(version, #ranges, BLOCK))
print_numbers(ranges, "0x%X", 8)
print([[
    UINT32_MAX, /* the end */
};

/* For each block of WORD_BLOCK characters, the last range that begins at or before it. The last
 * block has all characters behind it. */
static const uint16_t WORD_BLOCKS[] = {]])
print_numbers(blocks, "%d", 16)
print([[
};
/* clang-format on */

#endif]])

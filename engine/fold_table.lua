-- Writes the table of simple case folding: Unicode's CaseFolding.txt -> engine/query/filter_fold_table.h.
--
--   lua5.4 engine/fold_table.lua /usr/share/unicode/CaseFolding.txt > engine/query/filter_fold_table.h
--
-- Debian has the file in its package unicode-data. Of each character the mapping of status C (common) or S (simple) is
-- taken: one character to one character. The status F (full) maps one to several, and T is for Turkic languages only.
--
-- Neighbouring characters with the same distance to their foldings become one range. In most scripts an upper-case
-- letter is followed by its lower-case form: there every second character of the range is folded (stride 2). Before it
-- writes, the script unfolds the ranges and compares them with the file, for every code point.

local CODE_POINT_MAX = 0x10FFFF
local BLOCK = 128 -- 42 ranges begin in the block at U+0180, 3 in that of Cyrillic

-- The mappings of the file, ascending: { from, to }, and its first line, which names the version.
local function read(path)
  local mappings, version = {}, nil
  for line in io.lines(path) do
    version = version or line:match("CaseFolding%-([%d.]+)%.txt")
    local from, to = line:match("^(%x+); [CS]; (%x+);")
    if from then
      mappings[#mappings + 1] = { tonumber(from, 16), tonumber(to, 16) }
    end
  end
  assert(version and #mappings > 0, path .. " is not a CaseFolding.txt")
  return mappings, version
end

local function ranges_of(mappings)
  local ranges, range = {}, nil
  for _, mapping in ipairs(mappings) do
    local from, delta = mapping[1], mapping[2] - mapping[1]
    local step = range and from - range.last
    local has_one = range and range.first == range.last
    if range and delta == range.delta and (has_one and step <= 2 or step == range.stride) then
      range.last, range.stride = from, step
    else
      range = { first = from, last = from, delta = delta, stride = 1 }
      ranges[#ranges + 1] = range
    end
  end
  return ranges
end

-- For each block of code points, the position (from 0) of the last range that begins at or before it.
local function blocks_of(ranges)
  local blocks, at = {}, 1
  for block = 0, math.floor(ranges[#ranges].last / BLOCK) do
    while at < #ranges and ranges[at + 1].first <= block * BLOCK do
      at = at + 1
    end
    blocks[#blocks + 1] = at - 1
  end
  assert(at <= 256, "the position of a range does not fit a byte")
  return blocks
end

local function check(ranges, mappings)
  local wanted, found = {}, {}
  for _, mapping in ipairs(mappings) do
    wanted[mapping[1]] = mapping[2]
  end
  for _, range in ipairs(ranges) do
    for from = range.first, range.last, range.stride do
      found[from] = from + range.delta
    end
  end
  for code_point = 0, CODE_POINT_MAX do
    assert(found[code_point] == wanted[code_point], ("U+%04X differs"):format(code_point))
  end
end

local mappings, version = read(assert(arg[1], "usage: fold_table.lua CaseFolding.txt"))
local ranges = ranges_of(mappings)
check(ranges, mappings)

print(([[
/* Simple case folding of Unicode %s: %d characters in %d ranges.
 * Written by engine/fold_table.lua. */
#ifndef MV_FILTER_FOLD_TABLE_H
#define MV_FILTER_FOLD_TABLE_H

#include <stdint.h>

#define FOLD_BLOCK %du

/* Every stride-th character (1 or 2) from first to first + span: `delta` is added to its code
 * point. */
typedef struct fold_range {
    uint32_t first;
    int32_t delta;
    uint16_t span, stride;
} fold_range;

/* clang-format off */
static const fold_range FOLD_RANGES[] = {]]):format(version, #mappings, #ranges, BLOCK))
for i = 1, #ranges, 3 do
  local cells = {}
  for at = i, math.min(i + 2, #ranges) do
    local range = ranges[at]
    cells[#cells + 1] = ("{0x%X, %d, %d, %d},"):format(range.first, range.delta, range.last - range.first, range.stride)
  end
  print("    " .. table.concat(cells, " "))
end
print([[
    {UINT32_MAX, 0, 0, 1}, /* the end */
};

/* For each block of FOLD_BLOCK characters, the last range that begins at or before it. */
static const uint8_t FOLD_BLOCKS[] = {]])
local blocks = blocks_of(ranges)
for i = 1, #blocks, 20 do
  print("    " .. table.concat(blocks, ", ", i, math.min(i + 19, #blocks)) .. ",")
end
print([[
};
/* clang-format on */

#endif]])

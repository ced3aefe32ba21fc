-- Fits the constants of engine/query/filter_cost.h and the costs in engine/index/invert.h: filters that do one
-- thing each, whose time `explain` tells. What is measured and how: bench/README.md.

local moonvec = require "moonvec"
local constants = require "fit_constants"
local harness = require "harness"
local tools = require "tools"

local M = {}

local BATCH = 10000
local WORDS = { "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "hazel", "ivory", "jade" }
local ROWS_OF_TITLE = 8 -- few enough titles that LIKE is tested on their dictionary
local STEP = 7919       -- prime: numbers come in no order
local AT_LEAST = 0.005  -- seconds of a measurement
local NOISE = 0.1       -- of a measurement: a cost that is less of it cannot be fitted

local FIELDS = {
  { name = "number", type = "int64" },
  { name = "listed_number", type = "int64", index = "invert" },
  { name = "listed_rank", type = "int64", index = "invert" },
  { name = "title", type = "string" },
  { name = "listed_title", type = "string", index = "invert" },
  { name = "note", type = "string", nullable = true },
  { name = "tags", type = "array_string" },
}
local VECTORS = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" } }

-- Row `i` of `rows`: the number is unique, below `rows` and in no order.
local function document(i, rows)
  local number = i * STEP % rows
  local word = number % (rows / ROWS_OF_TITLE)
  local title = ("%s %d %s"):format(WORDS[word % 10 + 1], word, WORDS[math.floor(word / 10) % 10 + 1])
  local tags = {}
  for j = 1, number % 5 do tags[j] = WORDS[(number + 3 * j) % 10 + 1] end
  return { id = ("%d"):format(i), number = number, listed_number = number, listed_rank = i, title = title,
    listed_title = title, note = number % 4 > 0 and WORDS[number % 10 + 1] or nil, tags = tags, v = { number } }
end

-- A collection of `rows` documents. Their vectors take next to no time: a search is the means to run a filter alone.
local function make(rows)
  local path = ("%s/fit-filter-%d.mv"):format(tools.directory, rows)
  tools.remove(path)
  local collection = assert(moonvec.create_and_open(path, { name = "fit", vectors = VECTORS, fields = FIELDS },
    { durability = "none", maintenance = "manual" }))
  for first = 0, rows - 1, BATCH do
    local docs = {}
    for i = first, math.min(first + BATCH, rows) - 1 do docs[#docs + 1] = document(i, rows) end
    assert(collection:insert(docs))
  end
  assert(collection:optimize { threads = 2 })
  return collection, path
end

-- Nanoseconds of a filter: the median of as many searches as take AT_LEAST seconds.
local function nanoseconds(collection, filter)
  local times, begin = {}, harness.seconds()
  local query = { vector = { 0 }, topk = 1, filter = filter, output_fields = {}, explain = true }
  repeat
    times[#times + 1] = 1e6 * assert(collection:query(query))[constants.names.filter_ms]
  until harness.seconds() - begin > AT_LEAST
  return harness.summary(times).median
end

local function numbers(count, rows)
  local list = {}
  for i = 1, count do list[i] = ("%d"):format((i * 104729) % rows) end
  return table.concat(list, ", ")
end

local function titles(count, rows)
  local list = {}
  for i = 1, count do list[i] = "'" .. document(i * 31 % rows, rows).title .. "'" end
  return table.concat(list, ", ")
end

-- What is timed, by name.
local function filters(rows)
  local part = rows / 16 -- lists have a bitmap at each of these places
  local below, between = "listed_number < %d", "listed_number BETWEEN %d AND %d"
  return {
    COST_IS_NULL_64_NS = "note IS NULL",
    COST_RANGE_64_NS = ("number >= %d"):format(rows / 2),
    COST_IN_64_NS = ("number IN (%s)"):format(numbers(10, rows)),
    COST_STRING_64_NS = ("title = %s"):format(titles(1, rows)),
    COST_LENGTH_64_NS = "array_length(tags) > 2",
    COST_STRING_IN_64_NS = ("title IN (%s)"):format(titles(10, rows)),
    COST_CONTAIN_64_NS = "tags CONTAIN_ANY ('amber', 'jade')",
    COST_LIKE_64_NS = "title LIKE '%b%q%'",
    COST_FOLD_64_NS = "title ILIKE '%b%q%'",
    infix = "title LIKE '%bq%'",
    infix_of_values = "listed_title LIKE '%bq%'",
    pattern_of_values = "listed_title LIKE '%b%q%'",
    few_values = ("listed_number IN (%s)"):format(numbers(128, rows)),
    many_values = ("listed_number IN (%s)"):format(numbers(512, rows)),
    at_mark = below:format(2 * part),
    behind_mark = below:format(2.5 * part),
    one_bitmap = below:format(8 * part),
    two_bitmaps = between:format(part, 8 * part - 1),
    other_bitmap = ("listed_rank < %d"):format(8 * part),
    both_fields = ("listed_number < %d AND listed_rank < %d"):format(8 * part, 8 * part),
  }
end

-- Words per nanosecond, where handling `words` of them took `ns` out of measurements of `whole` ns. nil: that is too
-- little beside the noise of a measurement (NOISE) to be fitted.
local function rate(words, ns, whole)
  return ns > NOISE * whole and words / ns or nil
end

-- The constants by name, and the rows they were measured on. Those too small to be measured are missing.
function M.fit(options)
  local rows = math.floor(options.filter_rows / 1024) * 1024
  local all, names, runs, took = filters(rows), {}, {}, {}
  local collection, path = make(rows)
  for name in pairs(all) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    runs[i] = function() return nanoseconds(collection, all[name]) end
  end
  for i, times in ipairs(harness.alternate(options.rounds, runs)) do took[names[i]] = harness.summary(times).median end
  collection:close()
  tools.remove(path)

  local fitted, words = {}, rows / 64
  for name in pairs(all) do
    if name:find("_64_NS$") then fitted[name] = took[name] / words end
  end
  fitted.COST_FIND_VALUE_NS = (took.many_values - took.few_values) / (512 - 128)
  fitted.COST_TEST_VALUE_NS = took.pattern_of_values / (rows / ROWS_OF_TITLE)
  fitted.LIKE_ROWS_PER_VALUE_MIN = took.infix_of_values / (rows / ROWS_OF_TITLE) / (took.infix / rows)
  fitted.INVERT_COST_ROW_NS = (took.behind_mark - took.at_mark) / (rows / 32)
  -- A range takes two bitmaps over, unless it begins at the least value. What is left is setting the result's words.
  local one_bitmap = took.two_bitmaps - took.one_bitmap
  fitted.INVERT_COST_WORDS_PER_NS = rate(words, 2 * one_bitmap, took.two_bitmaps)
  fitted.COST_SET_WORDS_PER_NS = rate(words, took.one_bitmap - one_bitmap, took.two_bitmaps)
  fitted.COST_COMBINE_WORDS_PER_NS =
    rate(2 * words, took.both_fields - took.one_bitmap - took.other_bitmap, took.both_fields)
  return fitted, rows
end

return M

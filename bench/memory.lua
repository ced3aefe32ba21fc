-- memory.lua: saving a collection with its graph and loading it into memory, beside building it and beside
-- copying its files. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"
local graph_rows = require "graph_rows"

local options = harness.options { rows = 100000, dim = 128, rounds = 5, seed = 1 }
local report = harness.report("memory", "a collection in memory and back", options.seed)

local path, copy = tools.directory .. "/memory.mv", tools.directory .. "/memory_copy.mv"
local file = tools.data(0, options.rows, options.dim, options.seed)

local function timed(work)
  collectgarbage()
  local begin = harness.seconds()
  local made = work()
  return harness.seconds() - begin, made
end

local function build()
  local collection = graph_rows.insert(path, file, options.dim)
  assert(collection:optimize())
  return collection
end

local function check(collection)
  assert(collection:count() == options.rows and collection:stats().indexes.v.indexed_rows == options.rows)
end

-- The seconds of making a collection in memory, which is then checked and closed.
local function load_by(make)
  return function()
    local seconds, collection = timed(make)
    check(collection)
    assert(collection:close())
    return seconds
  end
end

local building, collection = timed(build)
check(collection)
assert(collection:flush())
local dump = assert(collection:dump())

local function back_up(how)
  return function()
    tools.remove(copy)
    return (timed(function() return assert(collection:backup(copy, how)) end))
  end
end

local SIDES = {
  { "dump to a string", function() return (timed(function() return assert(collection:dump()) end)) end },
  { "load of the string", load_by(function() return assert(moonvec.load(dump)) end) },
  { 'open(":memory:", { from = path })',
    load_by(function() return assert(moonvec.open(":memory:", { from = path })) end) },
  { "backup, files linked", back_up() },
  { "backup, files copied", back_up { copy = true } },
  { "cp -r of the files", function()
    tools.remove(copy)
    return (timed(function() return tools.run("cp", "-r", path, copy) end))
  end },
}

local runs = {}
for i, side in ipairs(SIDES) do runs[i] = side[2] end
local results = harness.alternate(options.rounds, runs)

report:line("%s rows of %d dims with a graph; the dump has %s MB; inserting and optimizing took %.2f s",
  harness.number(options.rows), options.dim, harness.number(#dump / 1e6, 1), building)
report:line("milliseconds, median (min - max) of %d alternated runs, files in the page cache", options.rounds)
report:line()
local rows = { { "", "ms", "MB/s", "of building" } }
for i, side in ipairs(SIDES) do
  local summary = harness.summary(results[i])
  rows[#rows + 1] = { side[1],
    harness.spread({ median = summary.median * 1e3, min = summary.min * 1e3, max = summary.max * 1e3 }, 1),
    harness.number(#dump / 1e6 / summary.median), ("1/%.0f"):format(building / summary.median) }
end
report:table(rows)
report:finish(options.save)
collection:close()
tools.remove(path)
tools.remove(copy)

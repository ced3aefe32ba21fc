-- open.lua: opening a collection of 100,000 documents in a new process, with its files in the page cache and without,
-- and how much of the files is read; and the first queries of a new process through a graph over a million vectors.
-- What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local graph_rows = require "graph_rows"
local documents = require "documents"
local tools = require "tools"

local options = harness.options { rows = 100000, dim = 768, seed = 1, rounds = 11, graph_rows = 1000000 }
local GRAPH_DIM, QUERIES = 128, 10
local file = tools.data(0, options.rows, options.dim, options.seed)
local report = harness.report("open", "opening an existing collection", options.seed)

local moonvec_path = tools.directory .. "/open.mv"
local zvec_path = tools.directory .. "/open.zvec"

local function files_of(path)
  local list = {}
  for name in tools.run("find", path, "-type", "f"):gmatch("[^\n]+") do list[#list + 1] = name end
  return list
end

-- A function that runs the command in a new process. Before that, the files are dropped from the page cache, or read
-- into it.
local function opener(path, cold, ...)
  local command = { ... }
  return function()
    for _, name in ipairs(files_of(path)) do
      if cold then harness.os.drop_cache(name) else tools.run("dd", "if=" .. name, "of=/dev/null", "bs=1M") end
    end
    local figures = tools.figures(tools.unpack(command))
    assert(not figures.documents or figures.documents == options.rows, "documents are missing")
    return figures
  end
end

local function make_moonvec()
  local collection = documents.insert(moonvec_path, file, options.dim, "none", harness.seconds)
  assert(collection:optimize())
  assert(collection:close())
end

make_moonvec()
local lua = arg[-1]
local sides = {
  { "moonvec, cached", opener(moonvec_path, false, lua, "bench/support/open_once.lua", moonvec_path) },
  { "moonvec, cold", opener(moonvec_path, true, lua, "bench/support/open_once.lua", moonvec_path) },
}
local zvec, reason = tools.zvec()
if zvec then
  tools.peer("zvec_insert.mjs", file, options.rows, options.dim, zvec_path, "optimize")
  sides[3] = { "Zvec 0.7.0, cached", opener(zvec_path, false, "node", "bench/peers/zvec_open.mjs", zvec_path) }
  sides[4] = { "Zvec 0.7.0, cold", opener(zvec_path, true, "node", "bench/peers/zvec_open.mjs", zvec_path) }
else
  report:line("Zvec is not here: %s", reason)
end

local runs = {}
for i, side in ipairs(sides) do runs[i] = side[2] end
local results = harness.alternate(options.rounds, runs)

local function summary(rounds, name, scale)
  local list = {}
  for i, figures in ipairs(rounds) do list[i] = figures[name] * scale end
  return harness.summary(list)
end

local rows = { { "", "open ms", "first fetch ms", "KB asked for", "KB from disk" } }
for i, side in ipairs(sides) do
  rows[#rows + 1] = { side[1],
    harness.spread(summary(results[i], "open", 1000), 2),
    harness.spread(summary(results[i], "fetch", 1000), 2),
    harness.number(summary(results[i], "rchar", 1 / 1024).median),
    harness.number(summary(results[i], "disk", 1 / 1024).median) }
end

report:line("%s documents of %d dims and three scalars, %s MB on disk%s", harness.number(options.rows), options.dim,
  tools.run("du", "-sm", moonvec_path):match("%d+"),
  zvec and (", Zvec %s MB"):format(tools.run("du", "-sm", zvec_path):match("%d+")) or "")
report:line("median (min - max) of %d fresh processes each, alternated; bytes read while opening (/proc/self/io)",
  options.rounds)
report:line()
report:table(rows)
report:line("moonvec, cold: %.2f ms (target: less than 5)", summary(results[2], "open", 1000).median)
report:line()

-- ---------------------------------------------------------------- the first queries

local graph_path = ("%s/open-%d.base"):format(tools.directory, options.graph_rows)

graph_rows.once(graph_path, tools.data(0, options.graph_rows, GRAPH_DIM, options.seed), GRAPH_DIM)
local queries = tools.data(options.graph_rows, 1000, GRAPH_DIM, options.seed)
local function queries_in(cold, ...)
  return opener(graph_path, cold, lua, "bench/support/open_queries.lua", graph_path, queries, GRAPH_DIM, QUERIES, ...)
end
local first = harness.alternate(options.rounds,
  { queries_in(false), queries_in(false, "prefault"), queries_in(true), queries_in(true, "prefault") })
local query_rows = { { "of a new process, ms", "cached", "cached, prefault", "cold", "cold, prefault" } }
for i = 0, QUERIES do
  local row = { i == 0 and "open" or ("query %d"):format(i) }
  for side = 1, #first do
    row[side + 1] = harness.spread(summary(first[side], i == 0 and "open" or "query" .. i, 1000), 2)
  end
  query_rows[i + 2] = row
end
report:line("a graph over %s vectors of %d dims", harness.number(options.graph_rows), GRAPH_DIM)
report:table(query_rows)
report:finish(options.save)
tools.remove(moonvec_path)
tools.remove(zvec_path)

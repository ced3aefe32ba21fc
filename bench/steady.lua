-- steady.lua: queries while another process writes to the collection: at a steady rate, one document at a time, and as
-- fast as it can, in batches. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local graph_rows = require "graph_rows"
local harness = require "harness"
local sets = require "ann_sets"
local tools = require "tools"

local options = harness.options {
  rows = 200000, set = "embed", seed = 1, rate = 1000, seconds = 60, windows = 6, modes = "rate,full", full_rows = 0,
}
local modes = harness.words(options.modes, "mode", { "rate", "full" })
local QUERIES, RECALL_QUERIES = 1000, 20
local recipe = assert(sets.recipe(options.set), "there is no such set")
local base = ("%s/steady-%s-%d.base"):format(tools.directory, recipe.name, options.rows)
local path = tools.directory .. "/steady.mv"
local report = harness.report("steady", "queries while another process writes", options.seed)
local queries = tools.vectors(sets.rows(recipe, 100000000, QUERIES, options.seed), recipe.dim)


local function percentile(sorted, share) return sorted[math.max(1, math.ceil(#sorted * share))] end

local function query(c, q, params)
  return assert(c:query { vector = q, topk = 10, output_fields = {}, params = params })
end

-- Query for some seconds, or until `is_over`. Returns the sorted latencies in ms.
local function ask(c, seconds, is_over)
  local times, until_time = {}, harness.seconds() + seconds
  while harness.seconds() < until_time and not (is_over and is_over()) do
    local q = queries[#times % QUERIES + 1]
    local begin = harness.seconds()
    query(c, q)
    times[#times + 1] = (harness.seconds() - begin) * 1000
  end
  table.sort(times)
  return times
end

local function recall(c)
  local found, k = 0, 10
  for _ = 1, RECALL_QUERIES do
    local q, near = queries[math.random(QUERIES)], {}
    local hits = query(c, q)
    for _, hit in ipairs(query(c, q, { exact = true })) do near[hit.id] = true end
    for _, hit in ipairs(hits) do if near[hit.id] then found = found + 1 end end
  end
  return found / (RECALL_QUERIES * k)
end

local function window_row(name, c, times)
  local s = assert(c:stats())
  return { name, harness.number(s.documents), harness.number(s.segments), harness.number(s.pending_rows),
    harness.number(s.indexes.v.completeness, 3), harness.number(percentile(times, 0.5), 3),
    harness.number(percentile(times, 0.99), 3), harness.number(times[#times], 1), harness.number(#times),
    harness.number(recall(c), 3), harness.number(s.disk_bytes / (s.documents * recipe.dim * 4), 2) }
end

-- Queries while the writer works. `rate` 0: as fast as it can.
local function run_mode(name, rate)
  tools.remove(path)
  tools.run("cp", "-r", base, path)
  local c = assert(moonvec.open(path, { durability = "none" }))
  local rows_of_table = { { "", "documents", "segments", "pending", "by graph", "p50 ms", "p99", "max", "queries",
    "recall", "disk / raw" } }
  ask(c, 2)
  rows_of_table[2] = window_row("idle", c, ask(c, 10))
  local rows = options.full_rows
  if rate > 0 then rows = rate * options.seconds elseif rows == 0 then rows = options.seconds * 15000 end
  local log = tools.directory .. "/steady.log"
  os.remove(log)
  local file = sets.rows(recipe, options.rows, rows, options.seed)
  assert(os.execute(("%s bench/support/steady_writer.lua %s %s %d %d %d %d > %s 2>&1 &"):format(arg[-1], path, file,
    options.rows, recipe.dim, rate, options.seconds, log)))
  for i = 1, options.windows do
    local times = ask(c, options.seconds / options.windows)
    rows_of_table[#rows_of_table + 1] = window_row(("%d s"):format(i * options.seconds / options.windows), c, times)
  end
  local text
  repeat
    harness.os.sleep(0.2)
    local handle = io.open(log)
    text = handle and handle:read("*a") or ""
    if handle then handle:close() end
  until text:find("figure done") or text:find("error") or text:find("lua5%.%d:")
  local figures = {}
  for figure, value in text:gmatch("figure (%S+) (%S+)") do figures[figure] = tonumber(value) end
  assert(figures.done, text)
  report:line("%s: %s rows in %.0f s (%s a second); insert p50 %.2f ms, p99 %.2f, max %.1f; slowed for %.1f s", name,
    harness.number(figures.rows), figures.seconds, harness.number(figures.rows / figures.seconds), figures.p50,
    figures.p99, figures.max, figures.slowed / 1000)
  report:table(rows_of_table)
  assert(c:close())
  tools.remove(path)
end

graph_rows.once(base, sets.rows(recipe, 0, options.rows, options.seed), recipe.dim, recipe.metric)
report:line("%s rows of %s (%d dims) with a graph; one process asks for the 10 nearest, another one writes",
  harness.number(options.rows), recipe.name, recipe.dim)
report:line("pending: rows that wait for a graph, which are searched by codes; durability none")
report:line()
if modes.rate then run_mode(("one document at a time, %d a second"):format(options.rate), options.rate) end
if modes.full then run_mode("batches of 100, at full speed", 0) end
report:finish(options.save)

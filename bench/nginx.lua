-- nginx.lua: searches through nginx while its workers build an index of other rows. What is measured and how to read
-- it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local graph_rows = require "graph_rows"
local harness = require "harness"
local nginx_run = require "nginx_run"
local sets = require "ann_sets"
local tools = require "tools"

local options = harness.options {
  rows = 100000, set = "sift", seed = 1, seconds = 20, connections = 8, delay_ms = 5, budget_ms = 1, interval_ms = 5,
  workers = 2,
}
local recipe = assert(sets.recipe(options.set), "there is no such set")
local QUERIES = 1000
local report = harness.report("nginx", "searches through nginx while an index is built", options.seed)

local function base_of(what)
  return ("%s/nginx-%s-%d-%s.base"):format(tools.directory, recipe.name, options.rows, what)
end

local rows = sets.rows(recipe, 0, options.rows, options.seed)
local more_rows = sets.rows(recipe, options.rows, options.rows, options.seed)
local queries = sets.rows(recipe, 100000000, QUERIES, options.seed)
graph_rows.once(base_of "graph", rows, recipe.dim, recipe.metric)

-- A collection of the rows without a graph.
if not tools.exists(base_of "fresh" .. "/catalog.mdb") then
  assert(graph_rows.insert(base_of "fresh", more_rows, recipe.dim, nil, recipe.metric):close())
end

local function copy_of(what)
  local path = ("%s/nginx-%s.mv"):format(tools.directory, what)
  tools.remove(path)
  tools.run("cp", "-r", base_of(what), path)
  return path
end

-- The collection with a graph, and the other rows without one.
local function grown()
  local path = copy_of "graph"
  local c = assert(moonvec.open(path, { durability = "none", maintenance = "manual" }))
  local id = options.rows
  for packed in tools.batches(more_rows, recipe.dim, 1000) do
    local documents = {}
    for at = 1, #packed, 4 * recipe.dim do
      documents[#documents + 1] = { id = id, v = packed:sub(at, at + 4 * recipe.dim - 1) }
      id = id + 1
    end
    assert(c:insert(documents))
  end
  assert(c:close())
  return path
end

local SLICES = ("{ durability = 'none', budget_ms = %g, interval_ms = %d }"):format(options.budget_ms,
  options.interval_ms)
local THREAD = "{ durability = 'none', maintenance = 'auto' }"
local STILL = "{ durability = 'none', maintenance = 'manual' }"

-- Each: its name, the path of what is searched and how it is opened, and the same of what is built.
local cases = {
  { "idle", function() return copy_of "graph" end, STILL },
  { "another collection, in slices", function() return copy_of "graph" end, STILL, SLICES },
  { "another collection, by the engine's thread", function() return copy_of "graph" end, STILL, THREAD },
  { "the same collection, in slices", grown, SLICES },
  { "idle again", function() return copy_of "graph" end, STILL },
}

local function measure(case)
  local name, served, served_options, built_options = case[1], case[2](), case[3], case[4]
  local built = built_options and ("moonvec.open(%q, %s)"):format(copy_of "fresh", built_options) or "nil"
  local server = nginx_run.start {
    SERVED = served, SERVED_OPTIONS = served_options, BUILT = built, QUERIES = queries, DIM = recipe.dim,
    WORKERS = options.workers,
  }
  nginx_run.load(server, 1, options.connections, options.delay_ms)
  local before = nginx_run.pending(server)
  local found = nginx_run.load(server, options.seconds, options.connections, options.delay_ms)
  local after = nginx_run.pending(server)
  nginx_run.stop(server)
  return { name, harness.number(found.p50, 3), harness.number(found.p99, 3), harness.number(found.max, 1),
    harness.number(found.requests / found.seconds), harness.number(found.failed), harness.number(before),
    harness.number(after) }
end

report:line("%s rows of %s (%d dims) with a graph are searched; as many other rows wait for one",
  harness.number(options.rows), recipe.name, recipe.dim)
report:line("%d workers; %d connections, each waits %d ms between two requests; slices of %g ms every %d ms",
  options.workers, options.connections, options.delay_ms, options.budget_ms, options.interval_ms)
report:line()
local lines = { { "an index is built of", "p50 ms", "p99", "max", "requests/s", "failed", "pending", "at the end" } }
for _, case in ipairs(cases) do lines[#lines + 1] = measure(case) end
report:table(lines)
report:finish(options.save)

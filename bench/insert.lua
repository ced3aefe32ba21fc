-- insert.lua: documents per second in batches of 1,000, moonvec and Zvec. Neither side syncs, except
-- in moonvec's third run. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local documents = require "documents"
local tools = require "tools"

local options = harness.options { rows = 100000, dim = 768, seed = 1, rounds = 3 }
local file = tools.data(0, options.rows, options.dim, options.seed)
local report = harness.report("insert", "documents inserted per second", options.seed)

local function run_moonvec(durability)
  local path = tools.directory .. "/insert.mv"
  tools.run("sync")
  local cpu = os.clock()
  local collection, insert, assemble = documents.insert(path, file, options.dim, durability, harness.seconds)
  local figures = { insert = insert, assemble = assemble, cpu = os.clock() - cpu, documents = collection:count() }
  local begin = harness.seconds()
  assert(collection:close())
  figures.close = harness.seconds() - begin
  tools.remove(path)
  collectgarbage()
  return figures
end

local function run_zvec()
  local path = tools.directory .. "/insert.zvec"
  tools.run("sync")
  local figures = tools.peer("zvec_insert.mjs", file, options.rows, options.dim, path)
  tools.remove(path)
  return figures
end

local sides = {
  { name = "moonvec, durability none", run = function() return run_moonvec("none") end },
  { name = "moonvec, durability full", run = function() return run_moonvec("full") end },
}
local zvec, reason = tools.zvec()
if zvec then
  table.insert(sides, 2, { name = "Zvec 0.7.0 (node), no sync", run = run_zvec })
else
  report:line("Zvec is not here: %s", reason)
end

local runs = {}
for i, side in ipairs(sides) do runs[i] = side.run end
local results = harness.alternate(options.rounds, runs)

-- One figure of one side over all rounds, computed by a function of the figures of a round.
local function over_rounds(rounds, value)
  local list = {}
  for i, figures in ipairs(rounds) do
    assert(figures.documents == options.rows, "documents are missing")
    list[i] = value(figures)
  end
  return harness.summary(list)
end

local rows = { { "", "insert only, docs/s", "with assembly", "CPU s", "close s" } }
local rates = {}
for i, side in ipairs(sides) do
  rates[i] = over_rounds(results[i], function(f) return options.rows / f.insert end)
  local all = over_rounds(results[i], function(f) return options.rows / (f.insert + f.assemble) end)
  local cpu = over_rounds(results[i], function(f) return f.cpu end)
  local close = over_rounds(results[i], function(f) return f.close end)
  rows[#rows + 1] = { side.name, harness.spread(rates[i]), harness.number(all.median),
    harness.number(cpu.median, 2), harness.number(close.median, 2) }
end

report:line("%s documents: %d-dim float32, a string, an int64, a double; batches of %s",
  harness.number(options.rows), options.dim, harness.number(documents.BATCH))
report:line("median (min - max) of %d alternated runs; where one figure stands, it is the median", options.rounds)
report:line()
report:table(rows)
if zvec then
  report:line("insert only, moonvec without sync / Zvec: %.2f (target: 2 or more)", rates[1].median / rates[2].median)
end
report:finish(options.save)

-- several.lua: queries a second with one vector a call, with many vectors a call, and with many on two threads. What is
-- measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local ann_sets = require "ann_sets"
local graph_rows = require "graph_rows"
local int32_file = require "int32_file"
local tools = require "tools"

-- sets: comma-separated names, empty for sift and embed. rows: of each set, 0 for all.
local options = harness.options { sets = "", rows = 0, vectors = 100, k = 10, rounds = 15, core = 1, seed = 1 }
local names = {}
for i, recipe in ipairs(ann_sets.made) do names[i] = recipe.name end
local wanted = harness.words(options.sets == "" and "sift,embed" or options.sets, "set", names)
local report = harness.report("several", "many vectors in one query", options.seed)
local path = tools.directory .. "/several.mv"

-- The side of one query for each vector, and those of `threads` threads with many vectors a query. Each is called with
-- the collection and the queries, and returns a list of hits for each query.
local function single(collection, queries)
  local results = {}
  for q, vector in ipairs(queries) do
    results[q] = assert(collection:query { vector = vector, topk = options.k, output_fields = {} })
  end
  return results
end

local function several(threads)
  return function(collection, queries)
    local results = {}
    for from = 1, #queries, options.vectors do
      local vectors = { tools.unpack(queries, from, math.min(from + options.vectors - 1, #queries)) }
      local lists = assert(collection:query {
        vectors = vectors, topk = options.k, threads = threads, output_fields = {},
      })
      for _, hits in ipairs(lists) do results[#results + 1] = hits end
    end
    return results
  end
end

local SIDES = {
  { name = "one vector a call", cores = { options.core }, search = single },
  { name = ("vectors = { %d }"):format(options.vectors), cores = { options.core }, search = several(1) },
  { name = ("vectors = { %d }, threads = 2"):format(options.vectors), cores = { 0, 1 }, search = several(2) },
}

local function recall(set, results)
  local found = {}
  for _, hits in ipairs(results) do
    for i = 1, options.k do found[#found + 1] = hits[i] and tonumber(hits[i].id) or -1 end
  end
  local out = tools.directory .. "/several.found"
  local file = assert(io.open(out, "wb"))
  file:write(int32_file.pack(found))
  file:close()
  return ann_sets.recalls(set, options.k, out)[1]
end

-- Passes of all sides over all queries, in turns. Returns for each side the list of queries a second, and its recall.
local function measure(collection, set)
  local queries, runs, recalls = tools.vectors(set.queries, set.dim), {}, {}
  for i, side in ipairs(SIDES) do
    recalls[i] = recall(set, side.search(collection, queries))
    runs[i] = function()
      harness.os.pin(tools.unpack(side.cores))
      collectgarbage()
      local begin = harness.seconds()
      side.search(collection, queries)
      return #queries / (harness.seconds() - begin)
    end
  end
  return harness.alternate(options.rounds, runs), recalls
end

report:line("top %d, ids only; median (min - max) of %d alternated passes over %s queries", options.k, options.rounds,
  harness.number(1000))
report:line("\"times\" is the ratio of medians to the line above")
report:line()
for _, recipe in ipairs(ann_sets.made) do
  if wanted[recipe.name] then
    local set = ann_sets.make(recipe, options.rows > 0 and options.rows or recipe.rows, options.seed)
    local collection = graph_rows.insert(path, set.base, set.dim, nil, set.metric)
    assert(collection:optimize())
    local results, recalls = measure(collection, set)
    local rows = { { ("%s, %s rows"):format(set.name, harness.number(set.rows)), "queries/s", "times", "recall" } }
    local before
    for i, side in ipairs(SIDES) do
      local s = harness.summary(results[i])
      rows[#rows + 1] = { side.name, harness.spread(s), before and ("%.2f"):format(s.median / before) or "",
        ("%.4f"):format(recalls[i]) }
      before = s.median
    end
    report:table(rows)
    assert(collection:close())
    tools.remove(path)
  end
end
report:line("targets: 1.5 times with many vectors a call, 1.9 times that on two cores")
report:finish(options.save)

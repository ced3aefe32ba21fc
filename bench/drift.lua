-- drift.lua: recall and time with a declared recall, for queries that do not look like the rows, beside the best fixed
-- `ef` and hnswlib. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local drift_queries = require "drift_queries"
local ann_engines = require "ann_engines"
local ann_sets = require "ann_sets"
local drift_hnswlib = require "drift_hnswlib"
local tools = require "tools"

local EFS = { 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048 }
local SHARES = { 100, 50, 10, 1 } -- per cent of the rows that match
local METRICS = { "l2", "cosine", "ip" }

-- sets, metrics: comma-separated names, empty for all. data: a directory with further sets, as for the ann bench.
-- segments: each has a quarter of the rows of the one before it. Rows of a part with fewer than 4,096 may stay fresh.
local options = harness.options {
  sets = "", metrics = "", data = "", rows = 60000, queries = 200, k = 10, recall = 0.95, rounds = 3, core = 1,
  seed = 1, segments = 1,
}
local available, names = ann_sets.list(options), {}
for i, entry in ipairs(available) do names[i] = entry.name end
local wanted_sets = harness.words(options.sets, "set", names)
local wanted_metrics = harness.words(options.metrics, "metric", METRICS)

local path = tools.directory .. "/drift.mv"

-- The numbers of rows after which segments end.
local function segment_ends(rows)
  local ends, count = {}, options.segments
  for i = 1, count do ends[i] = math.floor((1 - 4 ^ -i) / (1 - 4 ^ -count) * rows) end
  return ends
end

-- One vector field for each metric, all with the same rows, and a number from 0 to 99 that does not depend on them.
-- Each segment is inserted in one batch, and the graphs are built by create_index, which merges nothing.
local function build(set, metrics)
  tools.remove(path)
  local vectors = {}
  for i, metric in ipairs(metrics) do
    vectors[i] = { name = metric, type = "vector_fp32", dim = set.dim, metric = metric, index = "flat" }
  end
  local collection = assert(moonvec.create_and_open(path, {
    fields = { { name = "n", type = "int32", index = "invert" } }, vectors = vectors,
  }, { durability = "none", maintenance = "manual" }))
  local row, docs, ends = 0, {}, segment_ends(set.rows)
  for vector in tools.batches(set.base, set.dim, 1) do
    local doc = { id = row, n = (row * 2654435761) % 4294967296 % 100 }
    for _, metric in ipairs(metrics) do doc[metric] = vector end
    docs[#docs + 1] = doc
    row = row + 1
    if row >= ends[1] then
      assert(collection:insert(docs))
      docs = {}
      table.remove(ends, 1)
    end
  end
  for _, metric in ipairs(metrics) do assert(collection:create_index(metric, "hnsw")) end
  return collection
end

-- A pass: the hits of all queries, the microseconds of a query, and the distances computed for one.
local function pass(collection, metric, queries, filter, params)
  local hits, begin = {}, harness.seconds()
  for q, vector in ipairs(queries) do
    hits[q] = assert(collection:query { field = metric, vector = vector, topk = options.k, filter = filter,
      params = params, output_fields = {} })
  end
  return { hits = hits, us = (harness.seconds() - begin) / #queries * 1e6 }
end

local function recall(hits, truth)
  local right = 0
  for q, list in ipairs(hits) do
    local bound = truth[q][#truth[q]].score
    for _, hit in ipairs(list) do
      if hit.score >= bound - 1e-6 * math.abs(bound) then right = right + 1 end
    end
  end
  local wanted = 0
  for _, list in ipairs(truth) do wanted = wanted + #list end
  return right / wanted
end

local function median_us(rounds)
  local list = {}
  for i, result in ipairs(rounds) do list[i] = result.us end
  return harness.summary(list).median
end

-- The least `ef` that finds as much as moonvec does, or as much as is declared if that is more.
local function best_ef(collection, metric, queries, filter, truth, least)
  for _, ef in ipairs(EFS) do
    local got = recall(pass(collection, metric, queries, filter, { ef = ef }).hits, truth)
    if got >= least then return ef, got end
  end
end

local about = ("queries that do not look like the rows, recall %g declared"):format(options.recall)
local report = harness.report("drift", about, options.seed)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
ann_engines.pin(options.core)
report:line("recall@%d with params = { recall = %g }, exact search being the truth; the least fixed ef with this",
  options.k, options.recall)
report:line("recall, or the declared one if that is more; microseconds of a query with either, median of %d alternated",
  options.rounds)
report:line("passes of %d queries, one core; and of hnswlib with the ef that has moonvec's recall", options.queries)
report:line()

local lowest = {} -- by kind of query
local declared = { recall = options.recall }

local function measure(set, collection, metric, kinds)
  local title = ("%s, %s"):format(set.name, metric)
  local rows = { { title, "matching", "recall", "us", "ef", "recall", "us", "us / us", "hnswlib us", "x" } }
  local peer, reason = drift_hnswlib.build(set, metric)
  if not peer then report:line("%s", reason) end
  for _, kind in ipairs(kinds) do
    local queries = tools.vectors(kind.path, set.dim)
    for _, share in ipairs(SHARES) do
      local filter = share < 100 and ("n < %d"):format(share) or nil
      local truth = pass(collection, metric, queries, filter, { exact = true }).hits
      local found = recall(pass(collection, metric, queries, filter, declared).hits, truth)
      lowest[kind.name] = math.min(lowest[kind.name] or 1, found)
      local ef, fixed = best_ef(collection, metric, queries, filter, truth, math.max(found, options.recall))
      local runs = { function() return pass(collection, metric, queries, filter, declared) end }
      if ef then runs[2] = function() return pass(collection, metric, queries, filter, { ef = ef }) end end
      local results = harness.alternate(options.rounds, runs)
      local us, fixed_us = median_us(results[1]), ef and median_us(results[2])
      local peer_us = peer and not filter and drift_hnswlib.microseconds(peer, kind, options.k, found)
      rows[#rows + 1] = { kind.name, share .. " %", ("%.3f"):format(found), harness.number(us), ef or "none",
        ef and ("%.3f"):format(fixed) or "-", ef and harness.number(fixed_us) or "-",
        ef and ("%.2f"):format(us / fixed_us) or "-", peer_us and harness.number(peer_us) or "-",
        peer_us and ("%.2f"):format(peer_us / us) or "-" }
    end
  end
  report:table(rows)
  if peer then drift_hnswlib.remove(peer) end
end

for _, entry in ipairs(available) do
  if next(wanted_sets) == nil or wanted_sets[entry.name] then
    local set, metrics = entry.make(), {}
    for _, metric in ipairs(METRICS) do
      if next(wanted_metrics) == nil or wanted_metrics[metric] then metrics[#metrics + 1] = metric end
    end
    local collection = build(set, metrics)
    local kinds = drift_queries.make(set, options.queries, options.seed)
    for _, metric in ipairs(metrics) do
      local info = collection:stats().indexes[metric]
      report:line("%s, %s: %s rows of %d dims, %d segments, codes %s, usually %s candidates", set.name, metric,
        harness.number(set.rows), set.dim, collection:stats().segments, tostring(info.quantize), tostring(info.ef))
      measure(set, collection, metric, kinds)
    end
    collection:close()
    tools.remove(path)
  end
end
local list = {}
for kind, value in pairs(lowest) do list[#list + 1] = ("%s %.3f"):format(kind, value) end
table.sort(list)
report:line("lowest recall: %s", table.concat(list, ", "))
report:finish(options.save)

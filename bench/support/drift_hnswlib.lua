-- hnswlib in the drift bench: microseconds of a query at the recall that moonvec has, over the same rows and queries.

local curve = require "ann_curve"
local engines = require "ann_engines"
local sets = require "ann_sets"
local tools = require "tools"

local M = {}

local EFS = { 10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048 }
local SECONDS = 0.05 -- of searching at each ef, and at least one pass

-- An index of hnswlib over the rows of `set` with this metric. nil and a reason if hnswlib is not here.
function M.build(set, metric)
  local reason
  local engine = engines.list({ hnswlib = true }, false, function(text) reason = text end)[1]
  if not engine then return nil, reason end
  local index = { engine = engine, set = {} }
  for key, value in pairs(set) do index.set[key] = value end
  index.set.metric, index.set.name = metric, set.name .. "-" .. metric
  engine.build(index.set, 2)
  return index
end

-- Microseconds of a query at this recall of `k` hits, interpolated between values of ef. nil: no ef has it.
function M.microseconds(index, kind, k, recall)
  local set, found = index.set, tools.directory .. "/drift.found"
  set.queries, set.truth = kind.path, tools.directory .. "/drift.ivecs"
  tools.run(tools.program("exact_truth"), set.base, set.queries, set.dim, math.max(k, 10), set.metric, set.truth)
  os.remove(found)
  engines.k = k
  local figures, points = index.engine.search(set, EFS, SECONDS, found), {}
  for i, value in ipairs(sets.recalls(set, k, found)) do
    points[i] = { recall = value, qps = figures["qps:" .. EFS[i]] }
  end
  local qps = curve.qps_at(points, recall)
  return qps and 1e6 / qps
end

function M.remove(index)
  index.engine.remove(index.set)
end

return M

-- Measures the points of the hybrid bench: a correlation of filter and vectors at a selectivity. A first pass, every
-- query once, finds the recall of each side and chooses its settings; then the sides are measured in turns with these
-- settings.

local harness = require "harness"
local engines = require "ann_engines"
local sets = require "hybrid_sets"
local tools = require "tools"

local M = {}

M.ENOUGH = 0.95
M.PLANS = { "auto", "exact", "graph" } -- of moonvec

-- The values of ef that are tried for moonvec and each kind of Zvec, until their recall is high enough.
M.EFS = { { 16, 24, 32, 48 }, { 64, 96, 128 }, { 192, 256, 384, 512 } }

local CHOSEN = 2       -- settings of Zvec to measure: the fastest of the first pass, whose times are noisy
local PATIENCE = 4     -- times `seconds`: after that a pass is stopped
local FOUND = tools.directory .. "/hybrid.found"

-- One whole pass of `engine` with each of `labels`: figures, and recall by label. The engine does not know a label
-- without figures.
local function look(engine, case, limit, labels)
  local figures = engine.search(case, limit, labels, 0, 1e6, FOUND)
  local recalls, by_label = sets.recalls(case, limit, FOUND), {}
  for _, label in ipairs(labels) do
    if figures["qps:" .. label] then by_label[label] = table.remove(recalls, 1) end
  end
  return figures, by_label
end

-- The time without the cost of a call, if the engine reports that cost.
local function net_qps(figures, label)
  return 1e6 / engines.net(1e6 / figures["qps:" .. label], figures["floor:" .. label] or 0)
end

-- The smallest ef at which `engine` has a recall of `floor` or more; if there is none, the ef of the highest recall.
-- A setting is { engine, ef, recall, qps }.
local function choose_ef(engine, case, limit, floor)
  local best
  for _, efs in ipairs(M.EFS) do
    local figures, recalls = look(engine, case, limit, efs)
    for _, ef in ipairs(efs) do
      if not best or recalls[ef] > best.recall then
        best = { engine = engine, ef = ef, recall = recalls[ef], qps = net_qps(figures, ef) }
      end
      if best.recall >= floor then return best end
    end
  end
  return best
end

-- The settings of Zvec to measure: those with a recall of `floor` or more; if there is none, the one of the highest.
local function choose(zvecs, case, limit, floor)
  local all = {}
  for i, engine in ipairs(zvecs) do all[i] = choose_ef(engine, case, limit, floor) end
  table.sort(all, function(a, b)
    local a_reaches, b_reaches = math.min(a.recall, floor), math.min(b.recall, floor)
    if a_reaches ~= b_reaches then return a_reaches > b_reaches end
    return a.qps > b.qps
  end)
  while all[2] and (#all > CHOSEN or all[#all].recall < math.min(floor, all[1].recall)) do table.remove(all) end
  return all
end

local function median(rounds, value)
  local list = {}
  for i, figures in ipairs(rounds) do list[i] = value(figures) end
  return #list > 0 and harness.summary(list).median or nil
end

-- The faster pure plan; the graph only where its recall is ENOUGH or that of auto.
local function best_plan(point)
  local plans, best = point.plans, point.plans.exact.qps
  local graph = plans.graph
  if graph.recall >= math.min(M.ENOUGH, plans.auto.recall) then best = math.max(best, graph.qps) end
  return best
end

-- Adds the results of the rounds of both sides.
local function finish(point, rounds, rounds_of_settings)
  for label, plan in pairs(point.plans) do
    for _, name in ipairs { "qps", "p50", "p99" } do
      plan[name] = median(rounds, function(figures) return figures[name .. ":" .. label] end)
    end
  end
  point.of_best_plan = best_plan(point) / point.plans.auto.qps
  for i, setting in ipairs(point.settings) do
    local list = rounds_of_settings[i]
    setting.qps = median(list, function(figures) return net_qps(figures, setting.ef) end)
    setting.gross = median(list, function(figures) return figures["qps:" .. setting.ef] end)
    if i > 1 and (not point.zvec or setting.qps > point.zvec.qps) then point.zvec = setting end
  end
  local auto = point.plans.auto
  point.least = point.settings[1]
  if auto.recall >= M.ENOUGH and auto.qps > point.least.qps then
    point.least = { ef = "-", recall = auto.recall, qps = auto.qps }
  end
end

-- Measures a case of a set at each of `limits`, the numbers of rows that match. Returns for each a point: { limit, near
-- (the share of the queries' neighbours in the whole set that match), plans (by name { recall, qps, p50, p99 }; auto,
-- exact and graph), of_best_plan (auto's time relative to the faster pure plan), least ({ ef, recall, qps }
-- of moonvec with the smallest ef of sufficient recall, or with the defaults if that is faster), zvec ({ engine, ef,
-- recall, qps without the cost of a call, gross } or nil) }.
function M.measure(case, limits, moonvec, zvecs, rounds, seconds)
  local points, runs, near = {}, {}, sets.near_matching(case, limits)
  local function add(engine, limit, labels)
    runs[#runs + 1] = function()
      return engine.search(case, limit, labels, seconds, PATIENCE * seconds, FOUND)
    end
    return #runs
  end
  for i, limit in ipairs(limits) do
    local _, recalls = look(moonvec, case, limit, M.PLANS)
    assert(recalls.exact == 1, "an exact search misses rows: the truth or moonvec is wrong")
    local point = { limit = limit, near = near[limit], plans = {}, settings = {}, run_of_settings = {} }
    for plan, recall in pairs(recalls) do point.plans[plan] = { recall = recall } end
    local enough = math.min(M.ENOUGH, recalls.auto)
    point.settings = choose(zvecs, case, limit, enough)
    table.insert(point.settings, 1, choose_ef(moonvec, case, limit, enough))
    point.run = add(moonvec, limit, M.PLANS)
    for j, setting in ipairs(point.settings) do
      point.run_of_settings[j] = add(setting.engine, limit, { setting.ef })
    end
    points[i] = point
  end
  local results = harness.alternate(rounds, runs)
  for _, point in ipairs(points) do
    local of_settings = {}
    for j, run in ipairs(point.run_of_settings) do of_settings[j] = results[run] end
    finish(point, results[point.run], of_settings)
  end
  return points
end

return M

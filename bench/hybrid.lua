-- hybrid.lua: filtered vector search over the selectivity of the filter and its correlation with the vectors, compared
-- with the two pure plans of moonvec and with Zvec. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local ann_engines = require "ann_engines"
local engines = require "hybrid_engines"
local points = require "hybrid_points"
local sets = require "hybrid_sets"

-- sets, cases, engines: comma-separated names, empty for all. shares: percent of the rows that match; 100 is added for
-- reference.
local options = harness.options {
  sets = "", cases = "", engines = "", shares = "50,20,10,5,2,1,0.1", rows = 200000, queries = 200, rounds = 3,
  seconds = 0.3, core = 1, seed = 1, plot = false,
}

local TARGETS = { of_best_plan = 2, of_zvec = 3 }

local function names(list)
  local result = {}
  for i, entry in ipairs(list) do result[i] = entry.name end
  return result
end

local wanted_sets = harness.words(options.sets, "set", sets.names)
local wanted_cases = harness.words(options.cases, "case", names(sets.cases))
local wanted_engines = harness.words(options.engines, "engine", { "moonvec", "zvec" })

local function is_wanted(name, wanted)
  return next(wanted) == nil or wanted[name] == true
end

-- The number of rows that match at each share, most first. Shares with fewer rows than a query asks for are left out.
local function read_limits(complain)
  local limits = { options.rows }
  for word in options.shares:gmatch("[^,]+") do
    local share = tonumber(word)
    if not share or share <= 0 or share > 100 then
      io.stderr:write(("--shares: '%s' is not a percentage\n"):format(word))
      os.exit(2)
    end
    local limit = math.floor(options.rows * share / 100 + 0.5)
    if limit < sets.K then
      complain(("%g %% of %d rows are fewer than the %d asked for: left out"):format(share, options.rows, sets.K))
    elseif limit < options.rows then
      limits[#limits + 1] = limit
    end
  end
  table.sort(limits, function(a, b) return a > b end)
  return limits
end

-- ---------------------------------------------------------------- report

local function recall(plan)
  return plan and ("%.4f"):format(plan.recall) or "-"
end

local function qps(plan)
  return plan and harness.number(plan.qps) or "-"
end

local function show_case(report, set, case, list)
  local rows = { { "matching", "of the near", "recall", "QPS", "p50/p99 us", "exact", "graph", "recall", "x best plan",
    "ef", "recall", "QPS", "Zvec", "ef", "recall", "net QPS", "x", "x by ef", "measured QPS", "x", "x by ef" } }
  for i, point in ipairs(list) do
    local auto, least, zvec = point.plans.auto, point.least, point.zvec
    rows[i + 1] = { ("%g %%"):format(100 * point.limit / set.rows), ("%.1f %%"):format(100 * point.near), recall(auto),
      qps(auto), ("%.0f / %.0f"):format(auto.p50, auto.p99), qps(point.plans.exact), qps(point.plans.graph),
      recall(point.plans.graph), ("%.2f"):format(point.of_best_plan), least.ef, recall(least), qps(least) }
    local cells = zvec and { zvec.engine.kind, zvec.ef, recall(zvec), qps(zvec), ("%.2f"):format(auto.qps / zvec.qps),
      ("%.2f"):format(least.qps / zvec.qps), harness.number(zvec.gross), ("%.2f"):format(auto.qps / zvec.gross),
      ("%.2f"):format(least.qps / zvec.gross) } or {}
    for j = 1, 9 do table.insert(rows[i + 1], cells[j] or "-") end
  end
  report:line("%s-%d-%s, %s", set.name, set.dim, set.metric, case.name)
  report:line()
  report:table(rows)
end

-- The worst points, and how many miss each target. There is no target without a filter.
local function show_targets(report, results)
  local worst, missed, count = {}, { recall = 0, plan = 0, zvec = 0, least = 0 }, 0
  local function judge(name, value, is_worse, is_missed)
    if not worst[name] or is_worse then worst[name] = value end
    if is_missed then missed[name] = missed[name] + 1 end
  end
  for _, result in ipairs(results) do
    for _, case in ipairs(result.cases) do
      for _, point in ipairs(case.points) do
        if point.limit < result.set.rows then
          local auto = point.plans.auto
          local of_zvec = point.zvec and auto.qps / point.zvec.qps
          local by_ef = point.zvec and point.least.qps / point.zvec.qps
          count = count + 1
          judge("recall", auto.recall, auto.recall < (worst.recall or 1), auto.recall < points.ENOUGH)
          judge("plan", point.of_best_plan, point.of_best_plan > (worst.plan or 0),
            point.of_best_plan > TARGETS.of_best_plan)
          if of_zvec then judge("zvec", of_zvec, of_zvec < (worst.zvec or 1e9), of_zvec < TARGETS.of_zvec) end
          if by_ef then judge("least", by_ef, by_ef < (worst.least or 1e9), by_ef < TARGETS.of_zvec) end
        end
      end
    end
  end
  if count == 0 then return end
  report:line("of %d filtered points:", count)
  report:line("  recall: lowest %.4f; below %.2f at %d", worst.recall, points.ENOUGH, missed.recall)
  report:line("  time of the faster pure plan: at most %.2f x; above %g at %d", worst.plan, TARGETS.of_best_plan,
    missed.plan)
  if worst.zvec then
    report:line("  queries of Zvec, net of its call, with nothing set: at least %.2f x; below %g at %d", worst.zvec,
      TARGETS.of_zvec, missed.zvec)
    report:line("  the same, both with the smallest ef for the recall: at least %.2f x; below %g at %d", worst.least,
      TARGETS.of_zvec, missed.least)
  end
end

-- ---------------------------------------------------------------- main

-- Builds a set in all engines. Engines with the same path share one build.
local function build(report, set, list)
  local done, parts = {}, {}
  for _, engine in ipairs(list) do
    local path = engine.path(set)
    if not done[path] then
      done[path] = true
      local built = engine.build(set)
      parts[#parts + 1] = ("%s %.1f s"):format(engine.name, built.build)
    end
  end
  report:line("%s-%d-%s: %s rows; built on 2 threads: %s", set.name, set.dim, set.metric, harness.number(set.rows),
    table.concat(parts, ", "))
  report:line()
end

local function measure_set(report, name, limits, moonvec, zvecs)
  local set = sets.make(name, options.rows, options.queries, options.seed)
  local result, all = { set = set, cases = {} }, { moonvec }
  for _, zvec in ipairs(zvecs) do all[#all + 1] = zvec end
  build(report, set, all)
  for _, case in ipairs(set.cases) do
    if is_wanted(case.case.name, wanted_cases) then
      local list = points.measure(case, limits, moonvec, zvecs, options.rounds, options.seconds)
      show_case(report, set, case.case, list)
      result.cases[#result.cases + 1] = { case = case.case, points = list }
    end
  end
  for _, engine in ipairs(all) do engine.remove(set) end
  return result
end

local report = harness.report("hybrid", "filtered search over selectivity and correlation", options.seed)
local function complain(text) report:line("%s", text) end
local pinned, reason = ann_engines.pin(options.core)
if not pinned then complain("not pinned: " .. reason) end
local limits = read_limits(complain)
local moonvec, zvecs = engines.moonvec(), is_wanted("zvec", wanted_engines) and engines.zvecs(complain) or {}

report:line("top %d, %d queries a correlation; moonvec with nothing set, and with its smallest ef for recall %.2f;",
  sets.K, options.queries, points.ENOUGH)
report:line("Zvec with its fastest setting of that recall, net of a call on ten rows; median of %d alternated rounds,",
  options.rounds)
report:line("%.1f s or more each, one process and one core", options.seconds)
report:line()
local results = {}
for _, name in ipairs(sets.names) do
  if is_wanted(name, wanted_sets) then
    results[#results + 1] = measure_set(report, name, limits, moonvec, zvecs)
  end
end
show_targets(report, results)
if options.plot then
  local path = "bench/results/hybrid.png"
  local ok, message = pcall(require("hybrid_plot").draw, results, path)
  report:line(ok and "drawn: " .. path or "not drawn: " .. tostring(message))
end
report:finish(options.save)

-- ann.lua: approximate search: queries per second at a recall, build time and size, compared with hnswlib,
-- USearch and Zvec, on several data sets. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local curve = require "ann_curve"
local engines = require "ann_engines"
local sets = require "ann_sets"
local tools = require "tools"

-- data: a directory of more sets. sets, engines: comma-separated names, empty for all. rows: 0 for the default of each
-- set. dump: a directory to write the sets to; then nothing is measured.
local options = harness.options {
  data = "", sets = "", engines = "", rows = 0, rounds = 3, seconds = 0.3, core = 1, seed = 1,
  variants = false, plot = false, sizes = "10000,30000,100000,300000,1000000", dump = "",
}

-- The values of ef that are tried for an engine, in this order, until its recall is ENOUGH.
local EFS = {
  { 10, 12, 16, 20, 24, 32, 40, 48, 64 },
  { 80, 96, 128, 160, 192, 256 },
  { 384, 512, 768 },
}
local ENOUGH = 0.995
local WORTHLESS = 0.9 -- points below are not measured
local LEVELS = { 0.95, 0.99 }
local FOUND = tools.directory .. "/ann.found"

-- The sets that --sets names, or all, as entries of sets.list.
local function chosen_sets()
  local all, names, list = sets.list(options), {}, {}
  for i, entry in ipairs(all) do names[i] = entry.name end
  local wanted = harness.words(options.sets, "set", names)
  for _, entry in ipairs(all) do
    if next(wanted) == nil or wanted[entry.name] then list[#list + 1] = entry end
  end
  return list
end

local chosen = chosen_sets()
local wanted_engines = harness.words(options.engines, "engine", engines.sides)

-- ---------------------------------------------------------------- measuring

-- One sweep. Returns the figures and the recall at each ef.
local function sweep(engine, set, efs, seconds)
  tools.remove(FOUND)
  local figures = engine.search(set, efs, seconds, FOUND)
  local recalls = {}
  for i, recall in ipairs(sets.recalls(set, engines.k, FOUND)) do recalls[efs[i]] = recall end
  return figures, recalls
end

-- The values of ef to measure: from a recall of WORTHLESS to the first with ENOUGH. Takes one pass each.
local function choose(engine, set)
  local efs = {}
  for _, step in ipairs(EFS) do
    local _, recalls = sweep(engine, set, step, 0)
    for _, ef in ipairs(step) do
      if recalls[ef] >= WORTHLESS then efs[#efs + 1] = ef end
      if recalls[ef] >= ENOUGH then return efs end
    end
  end
  if #efs == 0 then efs[1] = EFS[#EFS][#EFS[#EFS]] end
  return efs
end

-- Builds with two threads; returns the figures of the build. `done`: figures by path of what is built already, because
-- two engines may search the same index.
local function build(engine, set, done)
  local path = engine.path(set)
  done[path] = done[path] or engine.build(set, 2)
  return done[path]
end

-- The medians over all rounds for each ef: `gross` as measured, `points` without the cost of a call through node.
local function points_of(m, rounds)
  local floors = {}
  m.points, m.gross = {}, {}
  for i, ef in ipairs(m.efs) do
    local function median(value)
      local list = {}
      for j, round in ipairs(rounds) do list[j] = value(round.figures) end
      return harness.summary(list).median
    end
    local function floor(figures) return figures["floor:" .. ef] or 0 end
    local function net(name)
      return median(function(figures) return engines.net(figures[name .. ef], floor(figures)) end)
    end
    local recall = rounds[#rounds].recalls[ef]
    floors[i] = median(floor)
    m.gross[i] = { ef = ef, recall = recall, qps = median(function(figures) return figures["qps:" .. ef] end) }
    m.points[i] = { ef = ef, recall = recall, p50 = net("p50:"), p99 = net("p99:"), qps = median(function(figures)
      return 1e6 / engines.net(1e6 / figures["qps:" .. ef], floor(figures))
    end) }
  end
  m.floor = harness.summary(floors).median
end

-- Builds and searches a set with all engines, in turns. Returns a list of measurements. An engine that fails is left
-- out and reported to `complain`.
local function measure(set, list, complain)
  local measured, done = {}, {}
  for _, engine in ipairs(list) do
    local m = { engine = engine }
    local ok, message = pcall(function()
      m.built = build(engine, set, done)
      m.mb = tonumber(tools.run("du", "-s", "--apparent-size", "-B1", engine.path(set)):match("%d+")) / 1e6
      m.efs = choose(engine, set)
      if engine.memory then
        m.searched_bytes = 0
        for size in tools.shell(("cd '%s' && stat -c %%s *.vec *.hnsw"):format(engine.path(set))):gmatch("%d+") do
          m.searched_bytes = m.searched_bytes + tonumber(size)
        end
        m.memory = engine.memory(set)
        table.insert(m.efs, 1, "default")
      end
    end)
    if ok then measured[#measured + 1] = m else complain(("%s failed: %s"):format(engine.name, message)) end
  end
  local runs = {}
  for i, m in ipairs(measured) do
    runs[i] = function()
      local figures, recalls = sweep(m.engine, set, m.efs, options.seconds)
      return { figures = figures, recalls = recalls }
    end
  end
  for i, rounds in ipairs(harness.alternate(options.rounds, runs)) do points_of(measured[i], rounds) end
  for _, m in ipairs(measured) do m.engine.remove(set) end
  return measured
end

-- The points of the sweep, without the point of the defaults.
local function swept(points)
  local list = {}
  for _, point in ipairs(points) do
    if point.ef ~= "default" then list[#list + 1] = point end
  end
  return list
end

-- ---------------------------------------------------------------- report

local function ratio(a, b)
  return a and b and ("%.2f"):format(a / b) or "-"
end

local function either(value, digits)
  return value and harness.number(value, digits) or "-"
end

-- The queries per second of the yardstick, and the best of all peers, at each recall.
local function best_of(measured)
  local yardstick, best = {}, {}
  for _, m in ipairs(measured) do
    for i, level in ipairs(LEVELS) do
      local qps = curve.qps_at(swept(m.points), level)
      if m.engine.side == "hnswlib" then yardstick[i] = qps end
      if m.engine.side ~= "moonvec" and qps and qps > (best[i] or 0) then best[i] = qps end
    end
  end
  return yardstick, best
end

local function show_table(report, measured)
  local yardstick, best = best_of(measured)
  local rows = { { "", "QPS @0.95", "@0.99", "x hnswlib", "x best peer", "p50/p99 us", "max recall",
    "build on 2 threads s", "MB" } }
  for _, m in ipairs(measured) do
    local points = swept(m.points)
    local qps = {}
    for i, level in ipairs(LEVELS) do qps[i] = curve.qps_at(points, level) end
    local at = curve.point_at(points, LEVELS[1])
    rows[#rows + 1] = { m.engine.name, either(qps[1]), either(qps[2]),
      ("%s / %s"):format(ratio(qps[1], yardstick[1]), ratio(qps[2], yardstick[2])),
      ("%s / %s"):format(ratio(qps[1], best[1]), ratio(qps[2], best[2])),
      at and ("%.0f / %.0f"):format(at.p50, at.p99) or "-", ("%.4f"):format(curve.recall_max(points)),
      either(m.built.build, 1), either(m.mb) }
  end
  report:table(rows)
end

-- Figures that only moonvec reports.
local function show_moonvec(report, set, measured)
  for _, m in ipairs(measured) do
    if m.engine.side == "moonvec" then
      local built, default = m.built, m.points[1]
      local raw, links = set.rows * set.dim * 4, set.rows * 2 * engines.m * 4
      local codes = set.rows * set.dim * (({ int4 = 0.5, int8 = 1, fp16 = 2 })[built.quantize] or 0)
      m.disk = m.searched_bytes / (raw + codes + links)
      report:line("%s: codes %s (error %s), %d segment(s), completeness %s%s", m.engine.name, built.quantize,
        ("%.2g"):format(built.code_error), built.segments, tostring(built.completeness),
        built.merged == "true" and "; the build contains a merge of raw rows" or "")
      report:line("  with no parameters: ef %s, recall %.4f, %s QPS, p50/p99 %.0f / %.0f us", tostring(built.ef),
        default.recall, harness.number(default.qps), default.p50, default.p99)
      report:line("  vectors and graph %s MB = %.3f of raw vectors + codes + links at the bottom (%s + %s + %s MB)",
        harness.number(m.searched_bytes / 1e6, 1), m.disk,
        harness.number(raw / 1e6, 1), harness.number(codes / 1e6, 1), harness.number(links / 1e6, 1))
      report:line("  the whole collection, with documents and their ids, %s MB",
        harness.number(built.disk_bytes / 1e6, 1))
      report:line("  memory of a process that opened it and searched, beyond mapped files: %s KB (stats: %s KB)",
        harness.number(m.memory.anonymous_bytes / 1024), harness.number(m.memory.memory_bytes / 1024))
    end
  end
  report:line()
end

local function show_sweep(report, measured)
  report:line("the sweep, ef: recall, queries a second as measured")
  for _, m in ipairs(measured) do
    local parts = {}
    for _, point in ipairs(m.gross) do
      parts[#parts + 1] = ("%s: %.4f, %s"):format(point.ef, point.recall, harness.number(point.qps))
    end
    report:line("  %s%s", m.engine.name, m.engine.is_node and (" (a call costs %.0f us)"):format(m.floor) or "")
    for i = 1, #parts, 5 do report:line("    %s", table.concat(parts, "; ", i, math.min(i + 4, #parts))) end
  end
  report:line()
end

-- The figures that have targets, one row for each set.
local function show_targets(report, results)
  local rows = { { "", "x best peer @0.95", "@0.99", "build on 2 threads, of hnswlib's", "p99 / p50",
    "recall of defaults", "memory KB", "disk" } }
  for _, result in ipairs(results) do
    local yardstick
    local _, best = best_of(result.measured)
    for _, m in ipairs(result.measured) do
      if m.engine.side == "hnswlib" then yardstick = m end
    end
    for _, m in ipairs(result.measured) do
      if m.engine.side == "moonvec" then
        local points = swept(m.points)
        local at = curve.point_at(points, LEVELS[1])
        rows[#rows + 1] = { result.set.name .. m.engine.name:gsub("^moonvec", ""),
          ratio(curve.qps_at(points, LEVELS[1]), best[1]), ratio(curve.qps_at(points, LEVELS[2]), best[2]),
          ratio(m.built.build, yardstick and yardstick.built.build), at and ratio(at.p99, at.p50) or "-",
          ("%.4f"):format(m.points[1].recall), harness.number(m.memory.anonymous_bytes / 1024),
          ("%.3f"):format(m.disk) }
      end
    end
  end
  if #rows > 1 then report:table(rows) end
  report:line("targets: 2 x the best peer or more, half of hnswlib's build time or less, p99 at most 2 x p50,")
  report:line("recall of defaults 0.95 or more, memory below 10 MB for a million rows, vectors and graph on disk")
  report:line("within 1.05 of their parts")
end

-- ---------------------------------------------------------------- main

local function compare(report, complain)
  local list, results = engines.list(wanted_engines, options.variants, complain), {}
  report:line("graphs with m = %d, ef_construction = %d; top %d; median of %d alternated rounds of whole passes,",
    engines.m, engines.ef_construction, engines.k, options.rounds)
  report:line("%.1f s or more at each ef, one process and one core each; peers run by node net of a call on ten rows",
    options.seconds)
  report:line()
  for _, entry in ipairs(chosen) do
    local set = entry.make()
    report:line("%s: %s rows of %d dims, %s, %s queries", set.name, harness.number(set.rows), set.dim, set.metric,
      harness.number(set.queries_count))
    report:line()
    local measured = measure(set, list, complain)
    show_table(report, measured)
    show_moonvec(report, set, measured)
    show_sweep(report, measured)
    results[#results + 1] = { set = set, measured = measured }
  end
  show_targets(report, results)
end

-- Build time and queries per second of moonvec and the yardstick over the number of rows, on the 128-dim set.
local function grow(report, complain)
  local list = engines.list({ hnswlib = true, moonvec = true }, options.variants, complain)
  local recipe, sizes, lines = sets.made[2], {}, {}
  for size in options.sizes:gmatch("%d+") do sizes[#sizes + 1] = tonumber(size) end
  table.sort(sizes)
  local rows = { { "", "rows", "QPS @0.95", "@0.99", "p50/p99 us", "build on 2 threads s", "rows/s", "MB",
    "memory KB" } }
  for i, engine in ipairs(list) do lines[i] = { name = engine.name } end
  for _, size in ipairs(sizes) do
    local set = sets.make(recipe, size, options.seed, sizes[#sizes])
    for i, m in ipairs(measure(set, list, complain)) do
      local points = swept(m.points)
      local at, built = curve.point_at(points, LEVELS[1]), m.built.build
      local qps = curve.qps_at(points, LEVELS[1])
      lines[i][#lines[i] + 1] = { rows = size, qps = qps, build = built }
      rows[#rows + 1] = { m.engine.name, harness.number(size), either(qps), either(curve.qps_at(points, LEVELS[2])),
        at and ("%.0f / %.0f"):format(at.p50, at.p99) or "-", either(built, 2), harness.number(size / built),
        either(m.mb), either(m.memory and m.memory.anonymous_bytes / 1024) }
    end
  end
  report:table(rows)
  local path = "bench/results/ann.png"
  local ok, message = pcall(require("ann_plot").draw, lines, path)
  report:line(ok and "drawn: " .. path or "not drawn: " .. tostring(message))
end

local function dump()
  for _, entry in ipairs(chosen) do
    local set = entry.make()
    sets.dump(set, options.dump)
    print(set.name)
  end
end

if options.dump ~= "" then return dump() end

local title = options.plot and "how approximate search grows with the rows"
  or "approximate search, queries a second at a recall"
local report = harness.report(options.plot and "ann_growth" or "ann", title, options.seed)
local function complain(text) report:line("%s", text) end
local pinned, reason = engines.pin(options.core)
if not pinned then complain("not pinned: " .. reason) end
if options.plot then grow(report, complain) else compare(report, complain) end
report:finish(options.save)

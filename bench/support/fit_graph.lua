-- Fits the constants of engine/index/hnsw_cost.h: searches of made sets by each strategy, forced with `params.plan`,
-- whose times and counts `explain` tells. What is measured and how: bench/README.md.

local moonvec = require "moonvec"
local ann_build = require "ann_build"
local constants = require "fit_constants"
local engines = require "ann_engines"
local fit_squares = require "fit_squares"
local harness = require "harness"
local hybrid_sets = require "hybrid_sets"
local tools = require "tools"

local M = {}

M.PROMISED = 0.95 -- recall where nothing is set
M.AIM = 0.97      -- the same with some in reserve

local SETS = { -- `rows` at most; int8 codes beside those that are chosen tell what a byte costs
  { name = "heavy", rows = 200000 },
  { name = "heavy", rows = 200000, quantize = "int8" },
  { name = "sift", rows = 200000 },
  { name = "embed", rows = 200000 },
  { name = "embed", rows = 100000, quantize = "int8" },
}
local SCAN_SHARES = { 0.2, 0.1, 0.05, 0.02, 0.01 }
local WALK_SHARES = { 1, 0.5, 0.2, 0.1, 0.05 }
local WALK_PAYS_SHARE = 0.2 -- about from which on walks are chosen: these fit what one takes
local NEAR_SHARES = { 0.2, 0.1, 0.05 } -- at which walks over bridges pay where the matching rows are as near as others,
local FAR_SHARES = { 0.5, 0.2, 0.1 }   -- and where few of the near rows match
local EXTRA_PARTS = { 0.25, 0.5, 0.75, 1, 1.5, 2 }
local K = hybrid_sets.K
local NAMES = constants.names

-- Bytes of a code: engine/vector/codes.c. A scale and a bias of 4 bytes each lie behind the numbers.
local function code_bytes(quantize, dim)
  local numbers = { int8 = math.ceil(dim / 4) * 4, int4 = math.ceil(dim / 8) * 4 }
  assert(numbers[quantize], "the costs are of int8 and int4 codes, not of " .. quantize)
  return numbers[quantize] + 8
end

local function label(set)
  return ("%s-%d-%s"):format(set.name, set.dim, set.quantize)
end

-- Build one of SETS and open it: the set of hybrid_sets.lua, and collection, bytes, quantize, degree (links of a row at
-- the bottom), ef.
local function make_set(wanted, options)
  local set = hybrid_sets.make(wanted.name, math.min(wanted.rows, options.rows), options.queries, options.seed)
  local path = ("%s/fit-%s-%s.mv"):format(tools.directory, wanted.name, wanted.quantize or "auto")
  tools.remove(path)
  engines.figures(engines.lua, "bench/support/hybrid_moonvec.lua", "build", set.base, set.dim, set.metric, 2,
    set.keys.random, set.keys.pole, path, wanted.quantize or "auto")
  set.path, set.collection = path, assert(moonvec.open(path, { maintenance = "manual" }))
  set.has_chosen_codes = not wanted.quantize
  local stats = set.collection:stats()
  assert(stats.segments == 1 and stats.fresh_rows == 0, "the set is not one segment")
  local index = stats.indexes[ann_build.FIELD]
  set.quantize, set.ef = index.quantize, index.ef
  set.bytes = code_bytes(set.quantize, set.dim)
  set.degree = 2 * set.collection.schema.vectors[1].index.m
  for _, case in ipairs(set.cases) do case.vectors = tools.vectors(case.queries, set.dim) end
  return set
end

function M.make_sets(options)
  local sets = {}
  for _, wanted in ipairs(SETS) do
    local of_its_name = options.sets[wanted.name] or not next(options.sets)
    if of_its_name then sets[#sets + 1] = make_set(wanted, options) end
  end
  return sets
end

function M.remove_sets(sets)
  for _, set in ipairs(sets) do
    set.collection:close()
    tools.remove(set.path)
  end
end

-- ---------------------------------------------------------------- searches

-- A query of `case` that a share of the rows match, by a strategy with `ef` (may be nil).
local function query_of(case, share, strategy, ef)
  local limit = math.floor(case.rows * share + 0.5)
  local params = { [NAMES.strategy_param] = strategy, ef = ef }
  local query = { field = ann_build.FIELD, topk = K, output_fields = {}, params = params }
  if limit < case.rows then
    query.filter, query.args = ("key_%s < ?"):format(case.case.column), { limit }
  end
  return query, limit
end

-- Search for all queries of a case. Returns for each that the strategy answered to the end { nanoseconds, distances }.
local function pass(case, query, strategy)
  local searches = {}
  query.explain = true
  for _, vector in ipairs(case.vectors) do
    query.vector = vector
    local part = assert(case.set.collection:query(query)).steps[1]
    if part[NAMES.strategy] == strategy then
      searches[#searches + 1] = { nanoseconds = 1e6 * part[NAMES.search_ms],
        distances = part[NAMES.code_distances] }
    end
  end
  return searches
end

-- The means of one search: of its median time in all passes, as one is interrupted now and then, and of its distances.
local function means_of(passes)
  local nanoseconds, distances, count = 0, 0, #passes[1]
  for i, search in ipairs(passes[1]) do
    local times = {}
    for j, searches in ipairs(passes) do times[j] = searches[i].nanoseconds end
    nanoseconds = nanoseconds + harness.summary(times).median / count
    distances = distances + search.distances / count
  end
  return nanoseconds, distances
end

-- A point to be measured: { set, strategy, share, ef, matches, run }.
local function point_of(set, case, strategy, share, ef)
  local query, limit = query_of(case, share, strategy, ef)
  return { set = set, strategy = strategy, share = share, ef = ef or set.ef, matches = limit,
    run = function() return pass(case, query, strategy) end }
end

-- What is measured of a set. The engine adds BRIDGE_EXTRA_EF to the ef of a walk over bridges, or
-- BRIDGE_EXTRA_EF_FEW_NEAR after a walk that met few matches; `c` has both.
local function points_of(set, c)
  local points, independent, negative = {}, set.cases[1], set.cases[3]
  local function add(...) points[#points + 1] = point_of(set, ...) end
  for _, share in ipairs(SCAN_SHARES) do add(independent, "codes", share) end
  for _, share in ipairs(WALK_SHARES) do
    add(independent, "graph", share)
    add(independent, "graph", share, 2 * set.ef)
  end
  for _, share in ipairs(NEAR_SHARES) do add(independent, "bridges", share) end
  for _, share in ipairs(FAR_SHARES) do
    add(negative, "bridges", share, set.ef + c.BRIDGE_EXTRA_EF_FEW_NEAR - c.BRIDGE_EXTRA_EF)
  end
  return points
end

-- Measure every point once a round, all sets in turn. Each point gets nanoseconds and distances of one search. `c`: the
-- constants of the engine that is measured.
function M.measure(sets, rounds, c)
  local points, runs = {}, {}
  for _, set in ipairs(sets) do
    for _, point in ipairs(points_of(set, c)) do points[#points + 1] = point end
  end
  for i, point in ipairs(points) do
    point.run() -- brings the pages in
    runs[i] = point.run
  end
  local measured = {}
  for i, passes in ipairs(harness.alternate(rounds, runs)) do
    local point = points[i]
    point.nanoseconds, point.distances = means_of(passes)
    if point.distances > 0 then measured[#measured + 1] = point end
  end
  return measured
end

-- ---------------------------------------------------------------- fits

local function select_points(points, strategy, accepts)
  local list = {}
  for _, point in ipairs(points) do
    if point.strategy == strategy and (not accepts or accepts(point)) then list[#list + 1] = point end
  end
  return list
end

-- Time = what a search of the set takes beside + count(point) × (row + byte × bytes of a code). Returns row, byte and
-- the first by set.
local function fit_rows(sets, points, count)
  local equations, position = {}, {}
  for i, set in ipairs(sets) do position[set] = 2 + i end
  for i, point in ipairs(points) do
    local factors = { count(point), count(point) * point.set.bytes }
    for j = 1, #sets do factors[2 + j] = 0 end
    factors[position[point.set]] = 1
    equations[i] = { factors = factors, value = point.nanoseconds }
  end
  local unknowns, beside = fit_squares.fit(equations), {}
  for _, set in ipairs(sets) do beside[set] = unknowns[position[set]] end
  return unknowns[1], unknowns[2], beside
end

local function median_of(points, value)
  local list = {}
  for i, point in ipairs(points) do list[i] = value(point) end
  return harness.summary(list).median
end

-- The power p for which walks grow as share^-p, the median of all sets and shares: the mean of what distances and times
-- give, as the engine compares both.
local function fit_growth(points)
  local whole, list = {}, {}
  for _, point in ipairs(points) do
    if point.share == 1 then whole[point.set] = point end
  end
  for _, point in ipairs(points) do
    if point.share < 1 then list[#list + 1] = point end
  end
  local function power(name)
    return median_of(list, function(point)
      return -math.log(point[name] / whole[point.set][name]) / math.log(point.share)
    end)
  end
  return (power("distances") + power("nanoseconds")) / 2
end

-- The constants by name. `extra_ef`: BRIDGE_EXTRA_EF of the engine that was measured.
function M.fit_costs(sets, points, extra_ef)
  local fitted, scans = {}, select_points(points, "codes")
  local walks = select_points(points, "graph", function(point) return point.share >= WALK_PAYS_SHARE end)
  local bridges = select_points(points, "bridges")
  local default = select_points(points, "graph", function(point) return point.ef == point.set.ef end)
  fitted.COST_SCAN_ROW_NS, fitted.COST_SCAN_BYTE_NS = fit_rows(sets, scans, function(point) return point.matches end)
  local row, byte, beside = fit_rows(sets, walks, function(point) return point.distances end)
  fitted.COST_WALK_ROW_NS, fitted.COST_WALK_BYTE_NS = row, byte
  local function links(point) return point.set.degree * (point.ef + extra_ef) end
  fitted.COST_BRIDGE_LINK_NS = median_of(bridges, function(point)
    local distances = point.distances * (row + byte * point.set.bytes)
    return (point.nanoseconds - beside[point.set] - distances) / links(point)
  end)
  fitted.BRIDGE_DISTANCES_PER_LINK = median_of(bridges, function(point) return point.distances / links(point) end)
  fitted.WALK_DISTANCES_PER_LINK = median_of(
    select_points(default, "graph", function(point) return point.share == 1 end),
    function(point) return point.distances / (point.set.degree * point.ef) end)
  fitted.WALK_GROWTH_POWER = fit_growth(default)
  return fitted
end

-- Rows of a table: for each set and strategy what the points take by the constants `c`, over what they took.
function M.errors(sets, points, c, extra_ef)
  local rows = { { "predicted / measured", "codes", "graph", "bridges" } }
  for i, set in ipairs(sets) do
    rows[i + 1] = { label(set) }
    for _, strategy in ipairs { "codes", "graph", "bridges" } do
      local list = select_points(points, strategy, function(point) return point.set == set end)
      local scan = c.COST_SCAN_ROW_NS + c.COST_SCAN_BYTE_NS * set.bytes
      local walk = c.COST_WALK_ROW_NS + c.COST_WALK_BYTE_NS * set.bytes
      local ratios = {}
      for j, point in ipairs(list) do
        local predicted = strategy == "codes" and point.matches * scan or point.distances * walk
        if strategy == "bridges" then
          predicted = predicted + set.degree * (point.ef + extra_ef) * c.COST_BRIDGE_LINK_NS
        end
        ratios[j] = predicted / point.nanoseconds
      end
      rows[i + 1][#rows[i + 1] + 1] = harness.spread(harness.summary(ratios), 2)
    end
  end
  return rows
end

-- ---------------------------------------------------------------- recall

-- The distance of the last hit of an exact search for each query of the case.
local function bounds_of(case, share)
  local query, bounds = query_of(case, share, "exact"), {}
  for i, vector in ipairs(case.vectors) do
    query.vector = vector
    local hits = assert(case.set.collection:query(query))
    bounds[i] = hits[#hits].distance
  end
  return bounds
end

local function recall(case, share, strategy, ef, bounds)
  local query, found = query_of(case, share, strategy, ef), 0
  for i, vector in ipairs(case.vectors) do
    query.vector = vector
    for _, hit in ipairs(assert(case.set.collection:query(query))) do
      if hit.distance <= bounds[i] then found = found + 1 end
    end
  end
  return found / (K * #case.vectors)
end

-- The lowest recall at each of `efs`, over the cases of a set (by number) and the shares.
local function lowest_recalls(set, cases, shares, strategy, efs)
  local lowest = {}
  for _, number in ipairs(cases) do
    for _, share in ipairs(shares) do
      local case = set.cases[number]
      local bounds = bounds_of(case, share)
      for i, ef in ipairs(efs) do
        lowest[i] = math.min(lowest[i] or 1, recall(case, share, strategy, ef, bounds))
      end
    end
  end
  return lowest
end

-- The smallest value at which the recall is `enough`, straight between those measured, and how to read it: "<" where it
-- is at all of them, ">" where it is at none.
local function value_needed(values, recalls, enough)
  for i, value in ipairs(values) do
    if recalls[i] >= enough then
      if i == 1 then return value, "<" end
      local part = (enough - recalls[i - 1]) / (recalls[i] - recalls[i - 1])
      return values[i - 1] + part * (value - values[i - 1]), ""
    end
  end
  return values[#values], ">"
end

-- Widen the range `name` of `fitted` to what these values need for the recall that is promised, and for that with the
-- engine's margin. A range is { low, high, low_note, high_note }.
local function widen(fitted, name, values, recalls)
  local range = fitted[name] or { low = 0, high = 0 }
  local low, low_note = value_needed(values, recalls, M.PROMISED)
  local high, high_note = value_needed(values, recalls, M.AIM)
  if low > range.low then range.low, range.low_note = low, low_note end
  if high > range.high then range.high, range.high_note = high, high_note end
  fitted[name] = range
end

-- Walks over bridges with as many extra candidates as the constant `name` says, and parts of it.
local function measure_extra(sets, name, c, cases, shares, fitted)
  local rows = { { name } }
  for i, part in ipairs(EXTRA_PARTS) do rows[1][i + 1] = ("%.0f"):format(part * c[name]) end
  for _, set in ipairs(sets) do
    local efs, values = {}, {}
    for i, part in ipairs(EXTRA_PARTS) do
      values[i] = part * c[name]
      efs[i] = math.max(1, math.floor(set.ef + values[i] - c.BRIDGE_EXTRA_EF + 0.5))
    end
    local recalls, row = lowest_recalls(set, cases, shares, "bridges", efs), { label(set) }
    for i, lowest in ipairs(recalls) do row[i + 1] = ("%.4f"):format(lowest) end
    rows[#rows + 1] = row
    widen(fitted, name, values, recalls)
  end
  return rows
end

local function scan_recalls(sets)
  local rows = { { "recall of a scan of codes", "lowest" } }
  for i, set in ipairs(sets) do
    local lowest = lowest_recalls(set, { 1, 2, 3 }, { 0.1, 0.02 }, "codes", { set.ef }) -- a scan has no use for ef
    rows[i + 1] = { label(set), ("%.4f"):format(lowest[1]) }
  end
  return rows
end

-- The constants that recall fits, ranges by name, and tables to show. `c`: the constants of the engine.
function M.fit_recalls(all, c)
  local sets, fitted, tables = {}, {}, {}
  for _, set in ipairs(all) do
    if set.has_chosen_codes then sets[#sets + 1] = set end
  end
  tables[1] = measure_extra(sets, "BRIDGE_EXTRA_EF", c, { 1, 2 }, NEAR_SHARES, fitted)
  tables[2] = measure_extra(sets, "BRIDGE_EXTRA_EF_FEW_NEAR", c, { 3 }, FAR_SHARES, fitted)
  tables[3] = scan_recalls(sets)
  return fitted, tables
end

return M

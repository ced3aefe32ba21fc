-- fit.lua: measures the constants by which searches and filters are planned, and shows them beside those in the
-- engine's source. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local constants = require "fit_constants"
local fit_filter = require "fit_filter"
local fit_graph = require "fit_graph"

-- sets: names with commas between, empty for all; rows: of a set, at most.
local options = harness.options {
  sets = "", rows = 200000, queries = 200, filter_rows = 500000, rounds = 5, core = 1, seed = 1,
}
options.sets = harness.words(options.sets, "set", { "heavy", "sift", "embed" })

local MOVED = 0.25 -- of its value, from which on a constant counts as moved

-- The constants of a group in the engine's source, by name.
local function read(group)
  local values = {}
  for _, constant in ipairs(group) do values[constant[1]] = constants.value(group.file, constant[1]) end
  return values
end

-- How much `value` differs from a number or, outside of it, from a range; in parts of `value`.
local function difference(value, fitted)
  local low, high = fitted, fitted
  if type(fitted) == "table" then low, high = fitted.low, fitted.high end
  local nearest = math.max(low, math.min(value, high))
  return nearest / value - 1
end

local function text_of(fitted)
  if type(fitted) ~= "table" then return fitted and ("%.3g"):format(fitted) or "-" end
  return ("%s%.3g - %s%.3g"):format(fitted.low_note, fitted.low, fitted.high_note, fitted.high)
end

-- Show the constants of `group` beside those fitted. Those that differ are appended to `moved`.
local function show(report, group, values, fitted, moved)
  local rows = { { group.file, "in the tree", "fitted", "unit", "moved" } }
  for _, constant in ipairs(group) do
    local name, unit = constant[1], constant[2]
    local value, now = values[name], fitted[name]
    local differs = now and math.abs(difference(value, now)) > MOVED
    if differs then
      moved[#moved + 1] = ("  %s: %g in the tree, %s fitted"):format(name, value, text_of(now))
    end
    rows[#rows + 1] = { name, ("%g"):format(value), text_of(now), unit,
      differs and ("%+.0f %%"):format(100 * difference(value, now)) or "-" }
  end
  report:table(rows)
end

local function show_moved(report, moved)
  if #moved == 0 then
    report:line("no constant differs by more than %.0f %%", 100 * MOVED)
    return
  end
  report:line("these differ by more than %.0f %%:", 100 * MOVED)
  for _, line in ipairs(moved) do report:line("%s", line) end
end

local report = harness.report("fit", "the constants of plans, fitted on this machine", options.seed)
local begin = harness.seconds()
local sets = fit_graph.make_sets(options)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
local graph, moved = read(constants.graph), {}
report:line("medians of %d alternated rounds, %d queries a point, one process and one core; built in %.0f s",
  options.rounds, options.queries, harness.seconds() - begin)
report:line()

local points = fit_graph.measure(sets, options.rounds, graph)
local fitted = fit_graph.fit_costs(sets, points, graph.BRIDGE_EXTRA_EF)
local by_recall, tables = fit_graph.fit_recalls(sets, graph)
for name, value in pairs(by_recall) do fitted[name] = value end
show(report, constants.graph, graph, fitted, moved)
report:line("by the constants in the tree")
report:table(fit_graph.errors(sets, points, graph, graph.BRIDGE_EXTRA_EF))
report:line("by those fitted")
report:table(fit_graph.errors(sets, points, fitted, graph.BRIDGE_EXTRA_EF))
report:line("lowest recall over shares and correlations; fitted: from %.2f, promised, to %.2f in reserve",
  fit_graph.PROMISED, fit_graph.AIM)
for _, rows in ipairs(tables) do report:table(rows) end
fit_graph.remove_sets(sets)

local filter, lists = read(constants.filter), read(constants.lists)
local of_filters, filter_rows = fit_filter.fit(options)
report:line("filters, on %s rows", harness.number(filter_rows))
show(report, constants.filter, filter, of_filters, moved)
show(report, constants.lists, lists, of_filters, moved)

show_moved(report, moved)
local margins = {}
for i, name in ipairs(constants.margins) do
  margins[i] = ("%s %g"):format(name, constants.value(constants.margins.file, name))
end
report:line("not fitted here, judged by the hybrid bench: %s", table.concat(margins, ", "))
report:line("took %.0f s", harness.seconds() - begin)
report:finish(options.save)

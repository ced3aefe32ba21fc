-- Draws the hybrid bench with gnuplot: queries per second over selectivity, a panel for each set and correlation.

local tools = require "tools"

local M = {}

local HEAD = [[
set terminal pngcairo noenhanced size %d,%d font "DejaVu Sans,11" background "white"
set output "%s"
set logscale xy
set format y "%%.0s%%c"
set grid xtics ytics lt 1 lw 1 lc rgb "#d8d8d8"
set border 3
set tics nomirror
set key bottom left
set xlabel "%% of rows that match"
set multiplot layout %d,%d
]]

-- The lines of a panel: each has a title, a colour and a function of a point.
local LINES = {
  { "moonvec", "#d0402b", function(point) return point.plans.auto.qps end },
  { "exact over matching rows", "#e0b0a0", function(point) return point.plans.exact.qps end },
  { "graph alone", "#b06fd0", function(point) return point.plans.graph and point.plans.graph.qps end },
  { "Zvec, net of a call", "#2b6cd0", function(point) return point.zvec and point.zvec.qps end },
}

local function panel(name, title, rows, points)
  local data, plots = {}, {}
  for i, line in ipairs(LINES) do
    local list = {}
    for _, point in ipairs(points) do
      local qps = line[3](point)
      if qps then list[#list + 1] = ("%g %.3f"):format(100 * point.limit / rows, qps) end
    end
    if #list > 0 then
      data[#data + 1] = ("$%s_%d << EOD\n%s\nEOD\n"):format(name, i, table.concat(list, "\n"))
      plots[#plots + 1] = ('$%s_%d with linespoints pt 7 lw 2 lc rgb "%s" title "%s"'):format(name, i, line[2], line[1])
    end
  end
  return ('%sset title "%s"\nplot %s\n'):format(table.concat(data), title, table.concat(plots, ", "))
end

-- `results`: a list of { set, cases = { { case, points }, ... } }. Raises if gnuplot is not installed.
function M.draw(results, path)
  local columns, script = 0, {}
  for _, result in ipairs(results) do columns = math.max(columns, #result.cases) end
  script[1] = HEAD:format(480 * columns, 420 * #results, path, #results, columns)
  for i, result in ipairs(results) do
    for j, case in ipairs(result.cases) do
      script[#script + 1] = panel(("panel_%d_%d"):format(i, j), ("%d dims, filter %s: queries a second"):format(
        result.set.dim, case.case.name), result.set.rows, case.points)
    end
    for _ = #result.cases + 1, columns do script[#script + 1] = "set multiplot next\n" end
  end
  tools.gnuplot(table.concat(script), path)
end

return M

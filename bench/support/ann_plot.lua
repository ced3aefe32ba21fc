-- Draws the growth of the ann bench with gnuplot: build time and queries per second over the rows.

local tools = require "tools"

local M = {}

local HEAD = [[
set terminal pngcairo noenhanced size 1200,480 font "DejaVu Sans,11" background "white"
set output "%s"
set logscale xy
set format x "%%.0s%%c"
set grid xtics ytics lt 1 lw 1 lc rgb "#d8d8d8"
set border 3
set tics nomirror
set xlabel "rows of 128 dims"
set multiplot layout 1,2
]]
local COLOURS = { "#888888", "#d0402b", "#2b6cd0", "#2b9d5a", "#b06fd0" }

-- One panel: `column` of the points of all lines, with the legend in `corner`.
local function panel(lines, title, column, format, corner)
  local plots = {}
  for i, line in ipairs(lines) do
    plots[i] = ('$line%d using 1:%d with linespoints pt 7 lw 2 lc rgb "%s" title "%s"'):format(i, column,
      COLOURS[(i - 1) % #COLOURS + 1], line.name)
  end
  return ('set title "%s"\nset format y "%s"\nset key %s\nplot %s\n'):format(title, format, corner,
    table.concat(plots, ", "))
end

-- `lines`: { name, { rows, qps, build }, ... }. Raises if gnuplot is not installed.
function M.draw(lines, path)
  local script = { HEAD:format(path) }
  for i, line in ipairs(lines) do
    local rows = {}
    for j, point in ipairs(line) do
      rows[j] = ("%d %s %.6f"):format(point.rows, point.qps and ("%.3f"):format(point.qps) or "NaN", point.build)
    end
    script[#script + 1] = ("$line%d << EOD\n%s\nEOD\n"):format(i, table.concat(rows, "\n"))
  end
  script[#script + 1] = panel(lines, "queries a second at recall@10 = 0.95, one thread", 2, "%.0s%c", "top right")
  script[#script + 1] = panel(lines, "seconds to build on two threads", 3, "%g", "top left")
  tools.gnuplot(table.concat(script), path)
end

return M

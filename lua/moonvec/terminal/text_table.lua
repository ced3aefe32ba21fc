--- Tables of text: columns of equal width, cut so that they fit a terminal.

local display_text = require "moonvec.terminal.display_text"

local M = {}

local GAP = "  "

-- A column is not cut to less than this.
local CUT_MIN = 6

--- The width of each column, cut to the largest common limit with which all fit in `width`.
local function fit(widths, width)
  local total, widest = (#widths - 1) * #GAP, 0
  for _, columns in ipairs(widths) do
    total, widest = total + columns, math.max(widest, columns)
  end
  local limit = math.min(widest, width + 1)
  while total > width and limit > CUT_MIN do
    limit = limit - 1
    for i, columns in ipairs(widths) do
      if columns > limit then
        widths[i], total = limit, total - (columns - limit)
      end
    end
  end
  return widths
end

--- How many columns fit in `width`: at least one.
local function count_that_fit(widths, width)
  local total = -#GAP
  for i, columns in ipairs(widths) do
    total = total + #GAP + columns
    if total > width then
      return math.max(1, i - 1)
    end
  end
  return #widths
end

local function line_of(cells, columns, widths, count)
  local parts = {}
  for i = 1, count do
    parts[i] = display_text.pad(display_text.cut(cells[i], widths[i]), widths[i], columns[i].is_right)
  end
  return (table.concat(parts, GAP):gsub(" +$", ""))
end

--- The lines of a table, and how many columns were left out because they do not fit. `columns`: { name =, is_right = }
-- for each; `rows`: arrays with a text for each column. `width`: the columns of the terminal, nil for no limit. Texts
-- must be visible (display_text.visible).
function M.lines(columns, rows, width)
  local widths, header, rule = {}, {}, {}
  for i, column in ipairs(columns) do
    header[i], widths[i] = column.name, display_text.width(column.name)
    for _, row in ipairs(rows) do
      widths[i] = math.max(widths[i], display_text.width(row[i]))
    end
  end
  local count = #columns
  if width then
    fit(widths, width)
    count = count_that_fit(widths, width)
  end
  for i = 1, count do
    rule[i] = ("-"):rep(widths[i])
  end
  local lines = { line_of(header, columns, widths, count), table.concat(rule, GAP, 1, count) }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = line_of(row, columns, widths, count)
  end
  return lines, #columns - count
end

return M

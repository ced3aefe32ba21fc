--- The rows of c:measure as lines for people.

local text_table = require "moonvec.terminal.text_table"

local COLUMNS = {
  { name = "setting" }, { name = "recall", is_right = true }, { name = "+-", is_right = true },
  { name = "p50 us", is_right = true }, { name = "p99 us", is_right = true }, { name = "distances", is_right = true },
}

--- Recalls are rounded down, so that 1.0000 means all. There is none if no search has an answer.
local function row_text(row)
  return {
    row.setting, row.recall and ("%.4f"):format(math.floor(row.recall * 10000 + 1e-6) / 10000) or "-",
    row.margin and ("%.4f"):format(row.margin) or "-",
    ("%.0f"):format(row.p50_us), ("%.0f"):format(row.p99_us), ("%.0f"):format(row.distances),
  }
end

--- Returns the lines, none if there are no rows.
return function(rows)
  local texts = {}
  for i, row in ipairs(rows) do
    texts[i] = row_text(row)
  end
  return #rows > 0 and text_table.lines(COLUMNS, texts) or {}
end

-- The sweep that measures the searches of moonvec (the same as in peers/sweep.mjs and hnswlib_ann.cpp).

local int32_file = require "int32_file"
local tools = require "tools"

local seconds = tools.os().seconds

local M = {}

function M.figure(name, value)
  print(("figure %s %s"):format(name, tostring(value)))
end

local function percentile(sorted, fraction)
  return sorted[math.min(#sorted, math.floor(fraction * #sorted) + 1)]
end

-- One pass over the queries, which stops at the time `deadline`. Appends the seconds of each query to `times`; returns
-- the rows found.
local function pass(queries, k, search, times, deadline)
  local found = {}
  for q, vector in ipairs(queries) do
    local begin = seconds()
    local hits = search(vector)
    local now = seconds()
    times[#times + 1] = now - begin
    for i = 1, k do found[#found + 1] = hits[i] and tonumber(hits[i].id) or -1 end
    if now > deadline and q < #queries then
      for _ = 1, k * (#queries - q) do found[#found + 1] = -1 end
      break
    end
  end
  return found
end

-- Measures each of `points`, { label, search = function(vector) -> hits }, with whole passes over the queries for
-- `at_least` seconds. Prints "figure qps:LABEL", "figure p50:LABEL" and "figure p99:LABEL" (microseconds); appends the
-- rows found to the file `out`. An unmeasured pass before the first point loads the pages. With `at_most`, there
-- is one before every point, and the passes of a point end after that number of seconds, complete or not.
function M.sweep(queries, k, points, at_least, at_most, out)
  local output = assert(io.open(out, "ab"))
  for i, point in ipairs(points) do
    if i == 1 or at_most then pass(queries, k, point.search, {}, seconds() + (at_most or math.huge) / 4) end
    collectgarbage()
    local times, begin = {}, seconds()
    local deadline = begin + (at_most or math.huge)
    local found = pass(queries, k, point.search, times, deadline)
    while seconds() - begin < at_least do pass(queries, k, point.search, times, deadline) end
    local sum = 0
    for _, time in ipairs(times) do sum = sum + time end
    table.sort(times)
    M.figure("qps:" .. point.label, #times / sum)
    M.figure("p50:" .. point.label, 1e6 * percentile(times, 0.50))
    M.figure("p99:" .. point.label, 1e6 * percentile(times, 0.99))
    output:write(int32_file.pack(found))
  end
  output:close()
end

return M

-- Analysis of a sweep: the curve of recall and queries per second over ef.

local M = {}

-- The Pareto front: the points that no other point beats in both values, by increasing recall.
local function frontier(points)
  local sorted = {}
  for i, point in ipairs(points) do sorted[i] = point end
  table.sort(sorted, function(a, b)
    if a.recall ~= b.recall then return a.recall > b.recall end
    return a.qps > b.qps
  end)
  local best, list = 0, {}
  for _, point in ipairs(sorted) do
    if point.qps > best then
      best = point.qps
      table.insert(list, 1, point)
    end
  end
  return list
end

-- Queries per second at exactly this recall: interpolated between the two nearest points, linear in the logarithm.
-- If all points have a higher recall, the value of the first; nil if all have a lower recall.
function M.qps_at(points, recall)
  local before
  for _, point in ipairs(frontier(points)) do
    if point.recall >= recall then
      if not before then return point.qps end
      local fraction = (recall - before.recall) / (point.recall - before.recall)
      return math.exp((1 - fraction) * math.log(before.qps) + fraction * math.log(point.qps))
    end
    before = point
  end
end

-- The point with the smallest recall of at least this, or nil.
function M.point_at(points, recall)
  for _, point in ipairs(frontier(points)) do
    if point.recall >= recall then return point end
  end
end

function M.recall_max(points)
  local best = 0
  for _, point in ipairs(points) do best = math.max(best, point.recall) end
  return best
end

return M

-- What is read off a sweep: points of recall against queries per second, which a larger ef moves along.

local M = {}

-- The points that no other one beats in both, by growing recall.
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

-- Queries per second at exactly this recall: between the two points beside it, straight in the logarithm. The
-- first point's when all have more; nil when none has as much.
function M.qps_at(points, recall)
  local before
  for _, point in ipairs(frontier(points)) do
    if point.recall >= recall then
      if not before then return point.qps end
      local part = (recall - before.recall) / (point.recall - before.recall)
      return math.exp((1 - part) * math.log(before.qps) + part * math.log(point.qps))
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

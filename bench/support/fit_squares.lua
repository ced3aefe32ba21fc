-- Least squares.

local M = {}

-- Solve a linear system by elimination, the largest pivot first. Both are overwritten.
local function solve(matrix, right)
  local n = #right
  for column = 1, n do
    local best = column
    for row = column + 1, n do
      if math.abs(matrix[row][column]) > math.abs(matrix[best][column]) then best = row end
    end
    assert(matrix[best][column] ~= 0, "the points do not determine the unknowns")
    matrix[column], matrix[best], right[column], right[best] = matrix[best], matrix[column], right[best], right[column]
    for row = column + 1, n do
      local factor = matrix[row][column] / matrix[column][column]
      for i = column, n do matrix[row][i] = matrix[row][i] - factor * matrix[column][i] end
      right[row] = right[row] - factor * right[column]
    end
  end
  local unknowns = {}
  for row = n, 1, -1 do
    local sum = right[row]
    for i = row + 1, n do sum = sum - matrix[row][i] * unknowns[i] end
    unknowns[row] = sum / matrix[row][row]
  end
  return unknowns
end

-- The unknowns u for which the sums of factors[i] * u[i] are nearest to the values. `points`: { factors, value }; what
-- counts is the error relative to the value.
function M.fit(points)
  local n = #points[1].factors
  local matrix, right = {}, {}
  for i = 1, n do
    matrix[i], right[i] = {}, 0
    for j = 1, n do matrix[i][j] = 0 end
  end
  for _, point in ipairs(points) do
    local weight = 1 / point.value ^ 2
    for i = 1, n do
      right[i] = right[i] + weight * point.factors[i] * point.value
      for j = 1, n do matrix[i][j] = matrix[i][j] + weight * point.factors[i] * point.factors[j] end
    end
  end
  return solve(matrix, right)
end

return M

-- The queries of the drift bench: of the distribution of the rows, and of others.

local moonvec = require "moonvec"
local tools = require "tools"

local M = {}

-- A generator of its own, so that a seed gives the same queries on every Lua.
local function generator(seed)
  local state = seed * 7919 + 1
  local function uniform()
    state = (state * 16807) % 2147483647
    return state / 2147483647
  end
  return {
    below = function(limit) return math.floor(uniform() * limit) end,
    normal = function() return math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()) end,
  }
end

local function rows_of(path, dim, numbers)
  local rows, file = {}, assert(io.open(path, "rb"))
  for i, number in ipairs(numbers) do
    file:seek("set", number * dim * 4)
    rows[i] = moonvec.unpack(file:read(dim * 4))
  end
  file:close()
  return rows
end

local function norm(vector)
  local sum = 0
  for _, x in ipairs(vector) do sum = sum + x * x end
  return math.sqrt(sum)
end

local function distance(a, b)
  local sum = 0
  for i, x in ipairs(a) do sum = sum + (x - b[i]) ^ 2 end
  return sum
end

local function map(vector, change)
  local made = {}
  for i, x in ipairs(vector) do made[i] = change(x, i) end
  return made
end

-- Each makes one query of `held`, a row that is not in the base, and `others`, some rows of the base.
M.kinds = {
  { name = "rows", make = function(held) return held end },
  { name = "between two", make = function(held, others)
    local farthest = others[1] -- of a few: in another cluster
    for _, other in ipairs(others) do
      if distance(held, other) > distance(held, farthest) then farthest = other end
    end
    return map(held, function(x, i) return (x + farthest[i]) / 2 end)
  end },
  { name = "uniform", make = function(held, _, random)
    local made = map(held, function() return random.normal() end)
    local scale = norm(held) / norm(made)
    return map(made, function(x) return x * scale end)
  end },
  { name = "rows + noise", make = function(held, _, random)
    local scale = norm(held) / math.sqrt(#held)
    return map(held, function(x) return x + scale * random.normal() end)
  end },
  { name = "other", make = function(held) -- the same numbers, in the reverse order of the dims
    return map(held, function(_, i) return held[#held + 1 - i] end)
  end },
}

-- Files of `count` queries of each kind, as raw float32: a list of { name, path }.
function M.make(set, count, seed)
  local random, list = generator(seed), {}
  local numbers, others = {}, {}
  for q = 1, count do numbers[q] = q - 1 end
  local held = rows_of(set.queries, set.dim, numbers)
  for q = 1, count do
    local some = {}
    for i = 1, 8 do some[i] = random.below(set.rows) end
    others[q] = rows_of(set.base, set.dim, some)
  end
  for _, kind in ipairs(M.kinds) do
    local path = ("%s/drift-%s.%s.f32"):format(tools.directory, set.name, kind.name:gsub("%W+", "-"))
    local file = assert(io.open(path, "wb"))
    for q = 1, count do file:write(moonvec.pack(kind.make(held[q], others[q], random))) end
    file:close()
    list[#list + 1] = { name = kind.name, path = path }
  end
  return list
end

return M

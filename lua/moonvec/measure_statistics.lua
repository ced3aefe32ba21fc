--- Samples and percentiles, for c:measure and `moonvec bench`.

local M = {}

-- The generator of Park and Miller, x * 16807 mod (2^31 - 1): its numbers are the same on every Lua.
local MULTIPLIER, MODULUS = 16807, 2147483647

--- A function of n that returns random whole numbers from 1 to n. `seed`: a whole number, 0 or more.
function M.random(seed)
  local state = seed % (MODULUS - 1) + 1
  return function(n)
    state = state * MULTIPLIER % MODULUS
    return math.floor(state / MODULUS * n) + 1
  end
end

--- The ids of `count` documents that match the filter, or of all if there are fewer: each is as likely as any other.
-- `random` is M.random(seed). This is algorithm R of Vitter, "Random sampling with a reservoir" (1985). A failure
-- raises, as in iterate.
function M.sample_ids(collection, count, random, filter)
  local ids, seen = {}, 0
  for document in collection:iterate { output_fields = {}, filter = filter } do
    seen = seen + 1
    local place = seen <= count and seen or random(seen)
    if place <= count then
      ids[place] = document.id
    end
  end
  return ids
end

--- The value that a share of the sorted numbers does not exceed. `share`: above 0, up to 1.
function M.percentile(sorted, share)
  return sorted[math.max(1, math.ceil(share * #sorted))]
end

return M

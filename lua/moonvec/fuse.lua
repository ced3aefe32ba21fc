--- Fusing several lists of hits into one: moonvec.fuse.
--
-- A fuser is a function(lists, count) -> hits. Each list is an array of hits, best first, with the `weight` of its
-- query. `count` is how many fused hits are wanted: more may be returned. The fusers here give each document the sum,
-- over the lists, of what its hit there is worth.
--
-- rrf: Cormack, Clarke, Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods"
-- (2009). dbsf: Mazzeschi, "Distribution-Based Score Fusion" (2023), in the form of Qdrant.

local check = require "moonvec.check"
local core = require "moonvec.core"
local rrf_settings = require "moonvec.rrf_settings"

local M = {}

local RRF_K = 60 -- of the paper
local FEW_WANTED = 32 -- hits: more are sorted together with all others

local function weight_of(call, weights, lists, i)
  check.weights_of(call, weights, #lists)
  return weights and weights[i] or lists[i].weight or 1
end

--- The hits of all lists, each document once, and for each list the positions of its hits among them.
local function all_hits(lists)
  local hits, position_of, positions, count = {}, {}, {}, 0
  for i = 1, #lists do
    local list, of_list = lists[i], {}
    for rank = 1, #list do
      local hit = list[rank]
      local id = hit.id
      local position = position_of[id]
      if not position then
        count = count + 1
        position = count
        position_of[id], hits[count] = count, hit
      end
      of_list[rank] = position
    end
    positions[i] = of_list
  end
  return hits, positions
end

--- Adds to the totals what the hits of a list are worth, and to all others what they are worth that it does not have.
local function add_worths(totals, positions, weight, found, absent)
  local worth_at = {}
  for rank = 1, #positions do
    worth_at[positions[rank]] = found[rank]
  end
  for position = 1, #totals do
    totals[position] = totals[position] + weight * (worth_at[position] or absent)
  end
end

--- The positions of the `count` largest totals, largest first, equal ones in their order. Each total is compared with
-- the last of them: faster than sorting all, if few are wanted.
local function largest(totals, count)
  local best, last, least = {}, 0, nil
  for position = 1, #totals do
    local total = totals[position]
    if last < count or total > least then
      last = last < count and last + 1 or last
      local at = last
      while at > 1 and total > totals[best[at - 1]] do
        best[at] = best[at - 1]
        at = at - 1
      end
      best[at] = position
      least = totals[best[last]]
    end
  end
  return best
end

--- The positions of all totals, largest first, equal ones in their order.
local function sorted(totals)
  local order = {}
  for position = 1, #totals do
    order[position] = position
  end
  table.sort(order, function(a, b)
    if totals[a] ~= totals[b] then
      return totals[a] > totals[b]
    end
    return a < b
  end)
  return order
end

--- The hits of all lists by the sum of weight × worth, best first: `count` of them, nil: all. worths(list) returns what
-- each of its hits is worth, in their order, and what a document is worth that the list does not have. Of equal
-- documents that comes first which an earlier list has, or has at a better rank.
local function fuse(call, lists, weights, worths, count)
  local hits, positions = all_hits(lists)
  local totals, best = {}, {}
  for position = 1, #hits do
    totals[position] = 0
  end
  for i = 1, #lists do
    local weight = weight_of(call, weights, lists, i)
    add_worths(totals, positions[i], weight, worths(lists[i]))
  end
  local order = count and count <= FEW_WANTED and largest(totals, count) or sorted(totals)
  for rank = 1, #order do
    local hit = hits[order[rank]]
    hit.score, best[rank] = totals[order[rank]], hit
  end
  return best
end

--- The mean and the sample standard deviation of the scores.
local function distribution(list)
  local sum, squares = 0, 0
  for _, hit in ipairs(list) do
    sum = sum + hit.score
  end
  local mean = #list > 0 and sum / #list or 0
  for _, hit in ipairs(list) do
    squares = squares + (hit.score - mean) ^ 2
  end
  return mean, #list > 1 and math.sqrt(squares / (#list - 1)) or 0
end

--- The scores of a list as `scale` maps them, and the lowest of them.
local function scaled(list, scale)
  local worths, lowest = {}, nil
  for rank, hit in ipairs(list) do
    local worth = scale(hit.score)
    worths[rank] = worth
    lowest = lowest and math.min(lowest, worth) or worth
  end
  return worths, lowest or 0
end

local normalizations = {}

function normalizations.none(list)
  return scaled(list, function(score)
    return score
  end)
end

function normalizations.minmax(list)
  local low, high = math.huge, -math.huge
  for _, hit in ipairs(list) do
    low, high = math.min(low, hit.score), math.max(high, hit.score)
  end
  return scaled(list, function(score)
    return high > low and (score - low) / (high - low) or 1
  end), 0
end

function normalizations.zscore(list)
  local mean, deviation = distribution(list)
  return scaled(list, function(score)
    return deviation > 0 and (score - mean) / deviation or 0
  end)
end

--- Reciprocal rank fusion: a hit is worth 1 / (k + rank), whatever its score.
function M.rrf(options)
  local k, weights = core.options("fuse.rrf", options, "k", "weights")
  k = check.number("fuse.rrf", "k", k, RRF_K, 0)
  weights = check.weights("fuse.rrf", weights)
  local function fuser(lists, count)
    return fuse("fuse.rrf", lists, weights, function(list)
      local worths = {}
      for rank = 1, #list do
        worths[rank] = 1 / (k + rank)
      end
      return worths, 0
    end, count)
  end
  rrf_settings[fuser] = { k = k, weights = weights }
  return fuser
end

--- The weighted sum of normalized scores. A list that does not have a document counts with its lowest hit, since the
-- document would not have scored more.
function M.weighted(options)
  local weights, normalize = core.options("fuse.weighted", options, "weights", "normalize")
  weights = check.weights("fuse.weighted", weights)
  normalize = core.word("fuse.weighted", "normalize", normalize == nil and "minmax" or normalize,
    "minmax", "zscore", "none")
  return function(lists, count)
    return fuse("fuse.weighted", lists, weights, normalizations[normalize], count)
  end
end

--- Distribution-based score fusion: three standard deviations below the mean are worth 0, three above it 1. Hits that
-- all have the same score are worth 0.5.
function M.dbsf(options)
  local weights = core.options("fuse.dbsf", options, "weights")
  weights = check.weights("fuse.dbsf", weights)
  return function(lists, count)
    return fuse("fuse.dbsf", lists, weights, function(list)
      local mean, deviation = distribution(list)
      return scaled(list, function(score)
        return deviation > 0 and (score - mean) / (6 * deviation) + 0.5 or 0.5
      end), 0
    end, count)
  end
end

return setmetatable(M, {
  __index = function(module, key)
    return core.raise_if_synonym("moonvec.fuse", module, key)
  end,
})

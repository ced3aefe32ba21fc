--- Re-ranking, the last step of a query: the user's function computes a new score for each candidate, and the best
-- candidates become the hits.
--
-- This is Lua code so that the user's function may yield: there is no C frame between it and the caller.

local core = require "moonvec.core"

local M = {}

local function new_score(rerank, hit, query)
  local score = rerank(hit, query)
  if type(score) ~= "number" then
    core.raise(("query: 'rerank' must return a number, got a %s for document '%s'"):format(
      type(score), core.quote(hit.id)))
  elseif score ~= score then
    core.raise(("query: 'rerank' returned NaN for document '%s'"):format(core.quote(hit.id)))
  end
  return score
end

--- Sorts `hits` by rerank(hit, query), with equal scores in their earlier order, then keeps `topk` hits after the first
-- `offset`. Changes `hits` itself.
function M.apply(hits, rerank, query, topk, offset)
  local order, scores, ranks = {}, {}, {}
  for rank, hit in ipairs(hits) do
    order[rank], ranks[hit] = hit, rank
    scores[hit] = new_score(rerank, hit, query)
  end
  table.sort(order, function(a, b)
    if scores[a] ~= scores[b] then
      return scores[a] > scores[b]
    end
    return ranks[a] < ranks[b]
  end)

  for i = 1, #order do
    local hit = i <= topk and order[offset + i] or nil
    hits[i] = hit
    if hit then
      hit.score = scores[hit]
    end
  end
  return hits
end

return M

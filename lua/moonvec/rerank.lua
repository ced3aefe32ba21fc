--- The last step of a query: the user's function gives each candidate a new score, the best stay.
--
-- All of it is Lua, so that the function may yield: no C frame stands between it and the caller.

local core = require "moonvec.core"

local M = {}

local function new_score(rerank, hit, query)
  local score = rerank(hit, query)
  if type(score) ~= "number" then
    core.raise(("query: rerank must return a number, got a %s for document '%s'"):format(type(score), hit.id))
  elseif score ~= score then
    core.raise(("query: rerank returned not-a-number for document '%s'"):format(hit.id))
  end
  return score
end

--- Orders `hits` by rerank(hit, query), equal ones as they came, and keeps `topk` after `offset`.
function M.apply(hits, rerank, query, topk, offset)
  local order, scores, places = {}, {}, {}
  for place, hit in ipairs(hits) do
    order[place], places[hit] = hit, place
    scores[hit] = new_score(rerank, hit, query)
  end
  table.sort(order, function(a, b)
    if scores[a] ~= scores[b] then
      return scores[a] > scores[b]
    end
    return places[a] < places[b]
  end)

  for place = 1, #order do
    local hit = place <= topk and order[offset + place] or nil
    hits[place] = hit
    if hit then
      hit.score = scores[hit]
    end
  end
  return hits
end

return M

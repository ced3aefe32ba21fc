--- Re-ranking, the last step of a query: candidates get new scores or a new order, and the best become the hits.
--
-- A function of the user scores one hit at a time. A re-ranker is a table with a method `rerank`, which is given all
-- candidates; moonvec.rerank makes some. This is Lua code so that both may yield: there is no C frame between them and
-- the caller.

local core = require "moonvec.core"
local misuse = require("moonvec.check").misuse

local M = {}

--- Is it a re-ranker?
function M.is_reranker(given)
  return type(given) == "table" and type(given.rerank) == "function"
end

--- The function or re-ranker that is given for the option `name` of `call`, or nil.
function M.check(call, name, given)
  if given ~= nil and type(given) ~= "function" and not M.is_reranker(given) then
    misuse("%s: '%s' must be a function or a re-ranker, got a %s", call, name, type(given))
  end
  return given
end

local function new_score(call, score_of, hit, query)
  local score = score_of(hit, query)
  if type(score) ~= "number" then
    misuse("%s: 'rerank' must return a number, got a %s for document '%s'", call, type(score), core.quote(hit.id))
  elseif score ~= score then
    misuse("%s: 'rerank' returned NaN for document '%s'", call, core.quote(hit.id))
  end
  return score
end

--- A list by descending `scores` of its elements, equal ones in their earlier order.
function M.sort(list, scores)
  local order, ranks = {}, {}
  for rank, element in ipairs(list) do
    order[rank], ranks[element] = element, rank
  end
  table.sort(order, function(a, b)
    if scores[a] ~= scores[b] then
      return scores[a] > scores[b]
    end
    return ranks[a] < ranks[b]
  end)
  return order
end

--- The same for hits, which get these scores.
function M.sort_hits(hits, scores)
  for _, hit in ipairs(hits) do
    hit.score = scores[hit]
  end
  return M.sort(hits, scores)
end

local function check_hits(call, hits)
  if type(hits) ~= "table" then
    misuse("%s: 'rerank' must return an array of hits, got a %s", call, type(hits))
  end
  for i, hit in ipairs(hits) do
    if type(hit) ~= "table" then
      misuse("%s: 'rerank' must return an array of hits, element %d is a %s", call, i, type(hit))
    end
  end
  return hits
end

--- The hits in the order of `reranker`, as another array.
function M.order(call, reranker, hits, query, collection)
  if type(reranker) == "function" then
    local scores = {}
    for _, hit in ipairs(hits) do
      scores[hit] = new_score(call, reranker, hit, query)
    end
    return M.sort_hits(hits, scores)
  end
  local candidates = {}
  for i, hit in ipairs(hits) do
    candidates[i] = hit
  end
  return check_hits(call, reranker:rerank(candidates, query, collection))
end

--- Re-ranks `hits`, then keeps `topk` of them after the first `offset`. Changes `hits` itself, and removes the fields
-- `added` of the hits that stay.
function M.apply(call, reranker, hits, query, collection, topk, offset, added)
  local order = M.order(call, reranker, hits, query, collection)
  for i = 1, math.max(#hits, topk) do
    local hit = i <= topk and order[offset + i] or nil
    hits[i] = hit
    for _, name in ipairs(hit and added or {}) do
      hit[name] = nil
    end
  end
  return hits
end

--- The fields that hits have when a query has these options. Without `include_vector`, vectors that are named.
local function returned_fields(options, schema)
  local names, is_returned, has_vector = {}, { id = true, score = true, distance = true }, false
  if options.output_fields == nil then
    for i, field in ipairs(schema.fields) do
      names[i] = field.name
    end
  else
    for i, name in ipairs(options.output_fields) do
      names[i] = name
    end
  end
  for _, name in ipairs(names) do
    is_returned[name] = true
  end
  for _, vector in ipairs(schema.vectors) do
    has_vector = has_vector or is_returned[vector.name]
  end
  for _, vector in ipairs(not has_vector and options.include_vector and schema.vectors or {}) do
    is_returned[vector.name] = true
  end
  return names, is_returned
end

--- The options of a query whose hits also have the fields `needed`, and the names of those that were added.
function M.with_fields(options, needed, schema)
  local given = options.output_fields
  if not needed or #needed == 0 or given ~= nil and type(given) ~= "table" then
    return options, {}
  end
  local names, is_returned = returned_fields(options, schema)
  local added, copy = {}, {}
  for _, name in ipairs(needed) do
    if not is_returned[name] then
      is_returned[name] = true
      added[#added + 1], names[#names + 1] = name, name
    end
  end
  for name, value in pairs(options) do
    copy[name] = value
  end
  copy.output_fields = names
  return #added > 0 and copy or options, added
end

--- The same for what a re-ranker reads: the names in its `output_fields`.
function M.prepare(options, reranker, collection)
  if not M.is_reranker(reranker) or not reranker.output_fields then
    return options, {}
  end
  return M.with_fields(options, reranker.output_fields, collection.schema)
end

return M

--- Re-rankers for `rerank` of a query: moonvec.rerank.
--
-- A re-ranker is a table with a method rerank(self, hits, query, collection) -> hits, which is given all candidates,
-- best first. `output_fields` names the fields that it reads; the hits have them also if the query does not ask for
-- them. Where one is expected, a function(hit, query) -> score serves, too.
--
-- mmr: Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
-- Summaries" (1998). decay: the functions of Elasticsearch's function_score.

local check = require "moonvec.check"
local core = require "moonvec.core"
local fuse = require "moonvec.fuse"
local rescore = require "moonvec.rescore"
local schema_fields = require "moonvec.schema_fields"

local M = {}

local TOPK_DEFAULT = 10 -- of a query
local TOPK_MAX = 1000000

-- ---------------------------------------------------------------- maximal marginal relevance

local function dot(a, b)
  local sum = 0
  for i = 1, #a do
    sum = sum + a[i] * b[i]
  end
  return sum
end

local function different(a, b)
  local count = 0
  for i = 1, #a do
    count = count + (a[i] ~= b[i] and 1 or 0)
  end
  return -count
end

--- The score of one vector when the other is searched for. Vectors under cosine have length 1.
local similarities = { ip = dot, cosine = dot, hamming = different }

function similarities.l2(a, b)
  local sum = 0
  for i = 1, #a do
    sum = sum + (a[i] - b[i]) ^ 2
  end
  return -sum
end

function similarities.l1(a, b)
  local sum = 0
  for i = 1, #a do
    sum = sum + math.abs(a[i] - b[i])
  end
  return -sum
end

--- The bits of a vector_binary, as zeros and ones.
local function bits_of(packed)
  local bits = {}
  for i = 1, #packed do
    local byte = packed:byte(i)
    for at = 8 * i, 8 * i - 7, -1 do
      bits[at] = byte % 2
      byte = math.floor(byte / 2)
    end
  end
  return bits
end

--- The numbers of a vector as a hit has it.
local function numbers_of(vector, field)
  local numbers = vector
  if type(vector) == "string" then
    numbers = field.type == "vector_binary" and bits_of(vector) or core.unpack(vector)
  end
  if field.metric ~= "cosine" then
    return numbers
  end
  local scaled, length = {}, math.sqrt(dot(numbers, numbers))
  for i = 1, #numbers do
    scaled[i] = numbers[i] / length
  end
  return scaled
end

--- A function that brings the numbers of `list` to 0 to 1.
local function minmax(list)
  local low, high = math.huge, -math.huge
  for _, number in ipairs(list) do
    low, high = math.min(low, number), math.max(high, number)
  end
  return function(number)
    return high > low and (number - low) / (high - low) or 1
  end
end

--- Brings relevance and similarity to 0 to 1 each. All pairs are compared for that.
local function normalized(relevance, similarity)
  local scaled, pairs_seen = {}, {}
  for i = 1, #relevance do
    for j = 1, i - 1 do
      pairs_seen[#pairs_seen + 1] = similarity(i, j)
    end
  end
  local scale, scale_pair = minmax(relevance), minmax(pairs_seen)
  for i, number in ipairs(relevance) do
    scaled[i] = scale(number)
  end
  return scaled, function(i, j)
    return scale_pair(similarity(i, j))
  end
end

--- Chooses `count` positions of `relevance`, each time the one that is worth most: its relevance, less its similarity
-- to the nearest of those that are chosen. Returns them with what they were worth.
local function choose(relevance, similarity, lambda, count)
  local chosen, worths, is_chosen, nearest = {}, {}, {}, {}
  while #chosen < math.min(count, #relevance) do
    local best, best_worth
    for i = 1, #relevance do
      local worth = lambda * relevance[i] - (nearest[i] and (1 - lambda) * nearest[i] or 0)
      if not is_chosen[i] and (not best or worth > best_worth) then
        best, best_worth = i, worth
      end
    end
    chosen[#chosen + 1], worths[#worths + 1], is_chosen[best] = best, best_worth, true
    for i = 1, #relevance do
      if not is_chosen[i] then
        local closeness = similarity(i, best)
        nearest[i] = nearest[i] and math.max(nearest[i], closeness) or closeness
      end
    end
  end
  return chosen, worths
end

--- Hits that are relevant and differ from each other.
function M.mmr(options)
  local call = "rerank.mmr"
  local field, lambda, count, normalize = core.options(call, options, "field", "lambda", "count", "normalize")
  check.field(call, "field", field)
  lambda = check.number(call, "lambda", lambda, 0.5, 0, 1)
  count = count ~= nil and check.whole(call, "count", count, nil, 1, TOPK_MAX) or nil
  normalize = core.word(call, "normalize", normalize == nil and "none" or normalize, "none", "minmax")

  local function rerank(_, hits, query, collection)
    local vector_field = schema_fields.find_vector(collection.schema, field)
    if not vector_field then
      check.misuse("rerank.mmr: '%s' is no vector field", core.quote(field))
    elseif vector_field.multi or vector_field.type == "sparse_vector_fp32" then
      check.misuse("rerank.mmr: '%s' must have one dense vector", core.quote(field))
    end
    local metric_similarity = similarities[vector_field.metric]
    local vectors, relevance, order = {}, {}, {}
    for i, hit in ipairs(hits) do
      vectors[i], relevance[i] = numbers_of(hit[field], vector_field), hit.score
    end
    local function similarity(i, j)
      return metric_similarity(vectors[i], vectors[j])
    end
    if normalize == "minmax" then
      relevance, similarity = normalized(relevance, similarity)
    end
    local wanted = count or (query.topk or TOPK_DEFAULT) + (query.offset or 0)
    local chosen, worths = choose(relevance, similarity, lambda, wanted)
    for rank, i in ipairs(chosen) do
      order[rank] = hits[i]
      order[rank].score = worths[rank]
    end
    return order
  end
  return { rerank = rerank, output_fields = { field } }
end

-- ---------------------------------------------------------------- decay

-- The share of the score that remains at `distance` from the offset, if the share `decay` remains at `scale`.
local shapes = {}

function shapes.exp(distance, scale, decay)
  return decay ^ (distance / scale)
end

function shapes.gauss(distance, scale, decay)
  return decay ^ ((distance / scale) ^ 2)
end

function shapes.linear(distance, scale, decay)
  return math.max(0, 1 - (1 - decay) * distance / scale)
end

local LEAST = 1e-30 -- a factor below it counts as this, where a score is divided by it

--- Worse than `score`, also if it is negative.
local function weaken(score, factor)
  if score < 0 then
    return score / math.max(factor, LEAST)
  end
  return score * factor
end

--- Scores that get worse with the distance of a number from `origin`.
function M.decay(options)
  local call = "rerank.decay"
  local field, origin, scale, decay, shape, offset =
    core.options(call, options, "field", "origin", "scale", "decay", "shape", "offset")
  check.field(call, "field", field)
  check.number(call, "origin", origin, nil, -math.huge, math.huge)
  check.positive(call, "scale", scale)
  decay = check.number(call, "decay", decay, 0.5, 0, 1)
  if decay == 0 or decay == 1 then
    check.misuse("%s: 'decay' must be between 0 and 1, got %d", call, decay)
  end
  offset = check.number(call, "offset", offset, 0, 0)
  local left_at = shapes[core.word(call, "shape", shape == nil and "exp" or shape, "exp", "gauss", "linear")]

  local function score_of(hit)
    local value = hit[field]
    if value == nil then
      return hit.score
    end
    local number = type(value) ~= "table" and tonumber(value) -- a 64-bit integer may be a decimal string
    if not number then
      check.misuse("%s: field '%s' of document '%s' is no number", call, core.quote(field), core.quote(hit.id))
    end
    return weaken(hit.score, left_at(math.max(0, math.abs(number - origin) - offset), scale, decay))
  end
  local function rerank(_, hits, query, collection)
    return rescore.order(call, score_of, hits, query, collection)
  end
  return { rerank = rerank, output_fields = { field } }
end

-- ---------------------------------------------------------------- several re-rankers

--- The fields that any of them reads.
local function fields_of(rerankers)
  local names = {}
  for _, reranker in ipairs(rerankers) do
    for _, name in ipairs(rescore.is_reranker(reranker) and reranker.output_fields or {}) do
      names[#names + 1] = name
    end
  end
  return names
end

local function check_all(call, rerankers)
  if type(rerankers) ~= "table" or #rerankers == 0 then
    check.misuse("%s: expected functions or re-rankers, got %s", call,
      type(rerankers) == "table" and "none" or "a " .. type(rerankers))
  end
  for i = 1, #rerankers do
    if type(rerankers[i]) ~= "function" and not rescore.is_reranker(rerankers[i]) then
      check.misuse("%s: expected functions or re-rankers, element %d is a %s", call, i, type(rerankers[i]))
    end
  end
  return rerankers
end

--- One re-ranker after the other: each is given what the one before returned.
function M.chain(...)
  local rerankers = check_all("rerank.chain", { ... })
  local function rerank(_, hits, query, collection)
    for _, reranker in ipairs(rerankers) do
      hits = rescore.order("rerank.chain", reranker, hits, query, collection)
    end
    return hits
  end
  return { rerank = rerank, output_fields = fields_of(rerankers) }
end

local function copy_of(hits)
  local copies = {}
  for i, hit in ipairs(hits) do
    copies[i] = {}
    for name, value in pairs(hit) do
      copies[i][name] = value
    end
  end
  return copies
end

--- A re-ranker that lets each of `rerankers` order the candidates, and fuses these orders.
local function fused(call, rerankers, fuser)
  check_all(call, rerankers)
  local function rerank(_, hits, query, collection)
    local lists = {}
    for i, reranker in ipairs(rerankers) do
      lists[i] = rescore.order(call, reranker, copy_of(hits), query, collection)
    end
    return fuser(lists)
  end
  return { rerank = rerank, output_fields = fields_of(rerankers) }
end

function M.rrf(rerankers, options)
  return fused("rerank.rrf", rerankers, fuse.rrf(options))
end

function M.weighted(rerankers, options)
  return fused("rerank.weighted", rerankers, fuse.weighted(options))
end

return setmetatable(M, {
  __index = function(module, key)
    return core.raise_if_synonym("moonvec.rerank", module, key)
  end,
})

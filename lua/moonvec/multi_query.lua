--- Queries with several searches whose hits are fused: multi_query.

local check = require "moonvec.check"
local core = require "moonvec.core"
local embedding = require "moonvec.embedding"
local fuse = require "moonvec.fuse"
local pinned = require "moonvec.pinned"
local rescore = require "moonvec.rescore"
local rrf_settings = require "moonvec.rrf_settings"

local misuse = check.misuse

local TOPK_DEFAULT, TOPK_MAX = 10, 1000000
local CANDIDATES_DEFAULT = 4 -- times topk: the hits that a re-ranker is given
-- The least number of hits that a search is asked for. Fusing finds documents that are good in several searches, and
-- those are often in none of them among the first ten.
local LEG_TOPK_MIN = 50

local fusers = { rrf = fuse.rrf(), weighted = fuse.weighted(), dbsf = fuse.dbsf() }

-- What a search can search for: exactly one of these options.
local targets = { "vector", "vectors_of_one", "id", "text", "match" }

local function check_target(name, leg)
  local given
  for _, target in ipairs(targets) do
    if leg[target] ~= nil and given then
      misuse("%s: only one of '%s' can be given", name, table.concat(targets, "', '"))
    end
    given = leg[target] ~= nil and target or given
  end
  if not given then
    misuse("%s: expected one of '%s'", name, table.concat(targets, "', '"))
  end
end

--- One of `queries`, checked: its options for the engine, its filter and its weight.
local function read_leg(name, leg, wanted, options)
  if type(leg) ~= "table" then
    misuse("%s must be a table of options, got a %s", name, type(leg))
  end
  local field, vector, vectors_of_one, id, text, match, topk, filter, args, params, weight, min_score, max_distance =
    core.options(name, leg, "field", "vector", "vectors_of_one", "id", "text", "match", "topk", "filter", "args",
      "params", "weight", "min_score", "max_distance")
  check_target(name, leg)
  return {
    name = name,
    weight = check.number(name, "weight", weight, 1, 0),
    sources = { { filter = options.filter, args = options.args }, { filter = filter, args = args } },
    options = {
      field = field, vector = vector, vectors_of_one = vectors_of_one, id = id, text = text, match = match,
      params = params, min_score = min_score, max_distance = max_distance,
      topk = check.whole(name, "topk", topk, math.max(wanted, LEG_TOPK_MIN), 1, TOPK_MAX),
      output_fields = options.output_fields, include_vector = options.include_vector, explain = options.explain,
    },
  }
end

local function read_legs(queries, wanted, options)
  if type(queries) ~= "table" or #queries == 0 then
    misuse("multi_query: 'queries' must be an array of searches, got %s",
      type(queries) == "table" and "none" or "a " .. type(queries))
  end
  local legs = {}
  for i = 1, #queries do
    legs[i] = read_leg(("multi_query: queries[%d]"):format(i), queries[i], wanted, options)
  end
  return legs
end

--- Gives the legs vectors of their texts where the field is one with `embed`. All texts go to a model at once.
local function embed_legs(collection, legs)
  local options = {}
  for i, leg in ipairs(legs) do
    options[i] = leg.options
  end
  local asked, message, code = embedding.questions("multi_query", collection, options)
  for i, leg in ipairs(asked and legs or {}) do
    leg.options = asked[i]
  end
  return asked, message, code
end

local function read_fuse(given)
  if type(given) == "function" then
    return given
  elseif given ~= nil and type(given) ~= "string" then
    misuse("multi_query: 'fuse' must be a function, or one of 'rrf', 'weighted' and 'dbsf', got a %s", type(given))
  end
  return fusers[core.word("multi_query", "way to fuse", given or "rrf", "rrf", "weighted", "dbsf")]
end

local function check_options(collection, options)
  if type(collection) ~= "userdata" then
    misuse("multi_query: expected a collection, got a %s (call it with ':')", type(collection))
  elseif type(options) ~= "table" then
    misuse("multi_query: expected a table of options, got a %s", type(options))
  end
  local _, topk, offset, _, _, _, rerank, candidates, explain = core.options("multi_query", options, "queries", "topk",
    "offset", "filter", "args", "fuse", "rerank", "candidates", "explain", "output_fields", "include_vector")
  topk = check.whole("multi_query", "topk", topk, TOPK_DEFAULT, 1, TOPK_MAX)
  offset = check.whole("multi_query", "offset", offset, 0, 0, TOPK_MAX)
  local page_end = topk + offset
  if page_end > TOPK_MAX then
    misuse("multi_query: 'topk' + 'offset' must be at most %d, got %d", TOPK_MAX, page_end)
  end
  check.flag("multi_query", "explain", explain)
  if rescore.check("multi_query", "rerank", rerank) then
    candidates = check.whole("multi_query", "candidates", candidates,
      math.min(CANDIDATES_DEFAULT * topk + offset, TOPK_MAX), page_end, TOPK_MAX)
  elseif candidates ~= nil then
    misuse "multi_query: 'candidates' needs 'rerank'"
  end
  return topk, offset, candidates or page_end
end

--- The hits of each search, all of one commit, and in `plans` the plan of each if they are explained.
local function search_all(collection, legs, plans)
  return pinned.run(collection, function(search)
    local lists = {}
    for i, leg in ipairs(legs) do
      local hits, message, code = search(leg.name, leg.options, leg.sources)
      if not hits then
        return nil, message, code
      elseif leg.options.explain then
        plans[i], hits = hits, hits.hits
        plans[i].hits = nil
      end
      hits.weight = leg.weight
      lists[i] = hits
    end
    return lists
  end)
end

--- The same as a fuser of fuse.rrf of these settings, with the `parts` of the hits.
local function fuse_ranks(collection, legs, wanted, settings, options)
  local weights = {}
  check.weights_of("fuse.rrf", settings.weights, #legs)
  for i, leg in ipairs(legs) do
    weights[i] = settings.weights and settings.weights[i] or leg.weight
  end
  return pinned.run(collection, function(_, result_of)
    local results = {}
    for i, leg in ipairs(legs) do
      local result, message, code = result_of(leg.name, leg.options, leg.sources)
      if not result then
        return nil, message, code
      end
      results[i] = result
    end
    return core.fuse_pinned(collection, results, weights, settings.k, wanted,
      { output_fields = options.output_fields, include_vector = options.include_vector })
  end)
end

--- What `explain` returns: the hits, the plan of each search, and the sums of their times.
local function plan_of(hits, plans)
  local plan = { hits = hits, queries = plans, filter_ms = 0, search_ms = 0 }
  for _, one in ipairs(plans) do
    plan.filter_ms, plan.search_ms = plan.filter_ms + one.filter_ms, plan.search_ms + one.search_ms
  end
  return plan
end

--- The scores of each list: those of the hits become the fused ones.
local function scores_of(lists)
  local scores = {}
  for i, list in ipairs(lists) do
    local of_list = {}
    for rank, hit in ipairs(list) do
      of_list[rank] = hit.score
    end
    scores[i] = of_list
  end
  return scores
end

--- Sets the `parts` of hits: what each search found.
local function set_parts(hits, lists, scores)
  local parts = {}
  for _, hit in ipairs(hits) do
    parts[hit.id] = {}
    hit.parts = parts[hit.id]
    hit.distance = nil -- each search has its own
  end
  for i, list in ipairs(lists) do
    for rank, hit in ipairs(list) do
      local of_hit = parts[hit.id]
      if of_hit then
        of_hit[i] = { rank = rank, score = scores[i][rank] }
      end
    end
  end
end

--- The first `count` of the hits that the fuser returned.
local function check_fused(hits, count, lists, scores)
  if type(hits) ~= "table" then
    misuse("multi_query: 'fuse' must return an array of hits, got a %s", type(hits))
  end
  local kept = {}
  for i = 1, math.min(#hits, count) do
    local hit = hits[i]
    if type(hit) ~= "table" or type(hit.score) ~= "number" or hit.score ~= hit.score or hit.id == nil then
      misuse("multi_query: 'fuse' must return hits of the lists, each with a score, element %d is none", i)
    end
    kept[i] = hit
  end
  set_parts(kept, lists, scores)
  for i, hit in ipairs(kept) do
    if next(hit.parts) == nil then
      misuse("multi_query: 'fuse' must return hits of the lists, each with a score, element %d is none", i)
    end
  end
  return kept
end

--- The `wanted` best hits of the searches, fused by `fuser`.
local function search_fused(collection, fuser, legs, wanted, options, plans)
  local settings = rrf_settings[fuser]
  if settings and not options.explain then
    return fuse_ranks(collection, legs, wanted, settings, options)
  end
  local lists, message, code = search_all(collection, legs, plans)
  if not lists then
    return nil, message, code
  end
  local scores = scores_of(lists)
  return check_fused(fuser(lists, wanted), wanted, lists, scores)
end

--- The hits behind the first `offset` ones.
local function page_of(hits, offset)
  local page = {}
  for i = offset + 1, #hits do
    page[i - offset] = hits[i]
  end
  return page
end

--- c:multi_query{ queries = { ... } }: the hits of several searches, fused into one list.
return function(collection, options)
  local topk, offset, wanted = check_options(collection, options)
  local fuser = read_fuse(options.fuse)
  local extended, added = rescore.prepare(options, options.rerank, collection)
  local legs = read_legs(options.queries, wanted, extended)
  local asked, why, failure = embed_legs(collection, legs)
  if not asked then
    return nil, why, failure
  end
  local plans = {}
  local hits, message, code = search_fused(collection, fuser, legs, wanted, extended, plans)
  if not hits then
    return nil, message, code
  end
  if options.rerank then
    rescore.apply("multi_query", options.rerank, hits, options, collection, topk, offset, added)
  elseif offset > 0 then
    hits = page_of(hits, offset)
  end
  return options.explain and plan_of(hits, plans) or hits
end

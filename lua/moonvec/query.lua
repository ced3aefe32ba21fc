--- Queries that call functions of the user: `where`, `rerank` and cursors. This is Lua code so that these functions may
-- yield.

local check = require "moonvec.check"
local core = require "moonvec.core"
local embedding = require "moonvec.embedding"
local multi_query = require "moonvec.multi_query"
local rescore = require "moonvec.rescore"
local schema_fields = require "moonvec.schema_fields"

local misuse = check.misuse

local M = {}

-- Hits of the first step of a cursor, and the maximum of a step. Each step finds twice as many as the one before.
local STEP_MIN, STEP_MAX = 32, 8192

local function check_function(options, name)
  local given = options[name]
  if given ~= nil and type(given) ~= "function" then
    local hint = name == "where" and " (did you mean 'filter'?)" or ""
    misuse("query: '%s' must be a function, got a %s%s", name, type(given), hint)
  end
  return given
end

--- A copy of `options` with the values in `changes`; `false` removes an option.
local function with(options, changes)
  local copy = {}
  for name, value in pairs(options) do
    copy[name] = value
  end
  for name, value in pairs(changes) do
    copy[name] = value or nil
  end
  return copy
end

-- ---------------------------------------------------------------- cursors

--- Returns two functions. The first returns the next best hit, nil at the end, or nil, message, code. The second ends
-- the search. All hits are of one commit. Each step searches again for more hits than all earlier steps returned, so
-- that a hit that an earlier step missed comes late instead of never. `first`: the caller needs at least this number of
-- hits.
local function stepper(collection, options, first)
  local step, position, hits, search = math.max(first, STEP_MIN), 0, {}, nil
  local is_last = false
  local function finish()
    if search then
      core.query_end(collection, search)
    end
    search, is_last, hits, position = nil, true, {}, 0
  end
  local function next_hit()
    position = position + 1
    local hit = hits[position]
    if hit or is_last then
      return hit
    end
    local found, result, code = core.query_some(collection, options, step, search)
    if not found then
      finish()
      return nil, result, code
    end
    hits, position, search = found, 1, result
    if #found < step then
      finish()
      hits, position = found, 1
    end
    step = math.min(step * 2, STEP_MAX)
    return hits[1]
  end
  return next_hit, finish
end

--- `for hit in c:cursor{...}`: the hits of a query for one vector, best first, until the loop ends. A failure of the
-- search raises, because a `for` loop would take nil, message for the end. The search begins with the first hit, so
-- that an unused cursor refers to no commit.
function M.cursor(collection, options)
  if type(collection) ~= "userdata" then
    misuse("cursor: expected a collection, got a %s (call it with ':')", type(collection))
  elseif type(options) ~= "table" then
    misuse("cursor: expected a table of options, got a %s", type(options))
  end
  core.options("cursor", options, "field", "vector", "vectors_of_one", "id", "text", "match", "filter", "args", "where",
    "min_score", "max_distance", "params", "output_fields", "include_vector", "order_by")
  local where = check_function(options, "where")
  local asked, failure = embedding.question("cursor", collection, options)
  options = asked or misuse("cursor: %s", failure)
  local next_hit, finish = stepper(collection, with(options, { where = false }), 1)
  local function next_or_raise()
    local hit, message = next_hit()
    if message then
      misuse("cursor: %s", message)
    end
    return hit
  end
  local function step()
    local hit = next_or_raise()
    while hit and where and not where(hit) do
      hit = next_or_raise()
    end
    return hit
  end
  return step, nil, nil, setmetatable({}, { __close = finish })
end

-- ---------------------------------------------------------------- where

--- Inserts `hit` into `hits`, which are sorted by score. Almost always it becomes the last; only a hit that an earlier
-- step missed moves up.
local function insert_sorted(hits, hit)
  local i = #hits + 1
  while i > 1 and hits[i - 1].score < hit.score do
    hits[i] = hits[i - 1]
    i = i - 1
  end
  hits[i] = hit
end

--- `count` hits for which where(hit) is true, best first, behind the first `offset` of them. The steps of the search
-- do not depend on the offset, so that pages with the same `count` share no hit.
local function filter_by_function(collection, options, where, count, offset)
  local next_hit, finish = stepper(collection, options, count)
  local matching, skipped = {}, 0
  local function collect()
    while #matching < count do
      local hit, message, code = next_hit()
      if not hit then
        return message, code
      elseif where(hit) then
        if skipped < offset then
          skipped = skipped + 1
        else
          insert_sorted(matching, hit)
        end
      end
    end
  end
  local ok, message, code = pcall(collect)
  finish()
  if not ok then
    error(message, 0)
  elseif message then
    return nil, message, code
  end
  return matching
end

--- One page of the hits for which `where` is true, re-ranked if `reranker` is given.
local function query_where(collection, options, where, reranker, added, shown)
  local wanted, topk, offset = core.query_page(collection, options, reranker ~= nil)
  local bare = with(options, {
    where = false, rerank = false, candidates = false, into = false, topk = false, offset = false,
  })
  local hits, message, code = filter_by_function(collection, bare, where, reranker and wanted or topk,
    reranker and 0 or offset)
  if not hits then
    return nil, message, code
  elseif reranker then
    return rescore.apply("query", reranker, hits, shown or options, collection, topk, offset, added)
  end
  local page = options.into or {}
  for i = 1, math.max(topk, #page) do
    page[i] = hits[i]
  end
  return page
end

-- ---------------------------------------------------------------- query

local function rerank_all(collection, found, reranker, options, topk, offset, added, shown)
  local results = options.explain and found.hits or found
  for _, hits in ipairs(options.vectors and results or { results }) do
    rescore.apply("query", reranker, hits, shown or options, collection, topk, offset, added)
  end
  return found
end

local function check_after(options)
  for _, other in ipairs { "rerank", "vectors", "offset" } do
    if options[other] then
      misuse("query: 'after' cannot be combined with '%s'", other)
    end
  end
end

--- The options of a query for a vector and a text.
local HYBRID = {
  field = true, vector = true, vectors_of_one = true, id = true, text = true, match = true, topk = true, offset = true,
  filter = true, args = true, params = true, rerank = true, candidates = true, output_fields = true,
  include_vector = true, explain = true,
}

local function is_hybrid(options)
  return type(options) == "table" and (options.text ~= nil or options.match ~= nil)
    and (options.vector ~= nil or options.id ~= nil or options.vectors_of_one ~= nil)
end

--- A query for a vector and a text: the hits of both, fused by rrf.
local function query_hybrid(collection, options)
  for name in pairs(options) do
    if not HYBRID[name] then
      core.options("query", { [name] = options[name] }, "field", "vector", "vectors_of_one", "id", "text", "match",
        "topk", "filter", "args", "params", "rerank", "candidates", "output_fields", "include_vector", "vectors",
        "offset", "where", "min_score", "max_distance", "order_by", "into", "explain", "after", "threads", "highlight")
      misuse("query: '%s' cannot be used with a vector and a text: see multi_query", name)
    end
  end
  if options.text ~= nil and options.match ~= nil then
    misuse "query: 'text' cannot be used with 'match'"
  end
  local of_vector = options.field ~= nil and schema_fields.find_vector(collection.schema, options.field) ~= nil
  return multi_query(collection, {
    queries = {
      {
        field = of_vector and options.field or nil, vector = options.vector, id = options.id, params = options.params,
        vectors_of_one = options.vectors_of_one,
      },
      { field = not of_vector and options.field or nil, text = options.text, match = options.match },
    },
    topk = options.topk, offset = options.offset, filter = options.filter, args = options.args,
    rerank = options.rerank, candidates = options.candidates, output_fields = options.output_fields,
    include_vector = options.include_vector, explain = options.explain,
  })
end

--- c:query: the search in C, then the user's `where` and `rerank` if they are given.
function M.query(collection, options)
  if is_hybrid(options) then
    return query_hybrid(collection, options)
  elseif type(options) == "table" and options.after ~= nil then
    check_after(options)
  end
  local shown -- to the re-ranker: the question has its text and its vector
  if type(options) == "table" and options.text ~= nil then
    local asked, message, code = embedding.question("query", collection, options)
    if not asked then
      return nil, message, code
    elseif asked ~= options then
      shown, options = with(options, { vector = asked.vector, field = asked.field }), asked
    end
  end
  if type(options) ~= "table" or not (options.rerank or options.where) then
    return core.query(collection, options)
  end
  local reranker, where = rescore.check("query", "rerank", options.rerank), check_function(options, "where")
  local added
  options, added = rescore.prepare(options, reranker, collection)
  if not where then
    local found, topk, offset = core.query(collection, options, true)
    if not found then
      return nil, topk, offset -- message and code
    end
    return rerank_all(collection, found, reranker, options, topk, offset, added, shown)
  elseif options.explain then
    misuse("query: 'explain' cannot be combined with 'where'")
  elseif not options.vectors then
    return query_where(collection, options, where, reranker, added, shown)
  end

  local results = {}
  for i, vector in ipairs(options.vectors) do
    local one = with(options, { vectors = false, into = false, vector = vector })
    local hits, message, code = query_where(collection, one, where, reranker, added)
    if not hits then
      return nil, message, code
    end
    results[i] = hits
  end
  return results
end

return M

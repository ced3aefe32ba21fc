--- Queries: the search, and what functions of the user make of it. All of it is Lua, so that they may yield.

local core = require "moonvec.core"
local rerank = require "moonvec.rerank"

local M = {}

-- Hits of the first step of a search that goes on for as long as somebody wants more, and at most of any.
local STEP_MIN, STEP_MAX = 32, 8192

local function misuse(format, ...)
  core.raise(format:format(...))
end

local function check_function(options, name)
  local given = options[name]
  if given ~= nil and type(given) ~= "function" then
    misuse("query: '%s' must be a function, got a %s", name, type(given))
  end
  return given
end

--- The options that the search itself knows, with other values for some; `false` leaves one out.
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

-- ---------------------------------------------------------------- hits for as long as somebody wants more

--- A function that returns the next best hit, or nil at the end, or nil, message, code. All hits are of one commit.
-- Each step searches anew for more than all steps before together have given, so that a hit that was missed at first
-- comes late instead of never. `first` is how many hits will be wanted at least.
local function stepper(collection, options, first)
  local step, place, hits, search = math.max(first, STEP_MIN), 0, {}, nil
  local is_last = false
  local function finish()
    if search then
      core.query_end(collection, search)
    end
    search, is_last, hits, place = nil, true, {}, 0
  end
  local function next_hit()
    place = place + 1
    local hit = hits[place]
    if hit or is_last then
      return hit
    end
    local found, result, code = core.query_some(collection, options, step, search)
    if not found then
      finish()
      return nil, result, code
    end
    hits, place, search = found, 1, result
    if #found < step then
      finish()
      hits, place = found, 1
    end
    step = math.min(step * 2, STEP_MAX)
    return hits[1]
  end
  return next_hit, finish
end

--- `for hit in c:cursor{...}`: hits of a query for one vector, best first, until the loop is left. An error of the
-- search is raised: a `for` loop could not tell a message from the end. The search begins with the loop, so that a
-- cursor that nobody asks holds no commit.
function M.cursor(collection, options)
  if type(collection) ~= "userdata" then
    misuse("cursor: expected a collection, got a %s (call it with ':')", type(collection))
  elseif type(options) ~= "table" then
    misuse("cursor: expected a table of options, got a %s", type(options))
  end
  core.options("cursor", options, "field", "vector", "id", "filter", "args", "where", "min_score", "max_distance",
    "params", "output_fields", "include_vector", "order_by")
  local where = check_function(options, "where")
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

--- Hits come in order but for those that an earlier step has missed: these go up to where they belong.
local function put_in_place(hits, hit)
  local place = #hits + 1
  while place > 1 and hits[place - 1].score < hit.score do
    hits[place] = hits[place - 1]
    place = place - 1
  end
  hits[place] = hit
end

--- The best `wanted` hits for which where(hit) is true.
local function filter_by_function(collection, options, where, wanted)
  local next_hit, finish = stepper(collection, options, wanted)
  local passed = {}
  local function collect()
    while #passed < wanted do
      local hit, message, code = next_hit()
      if not hit then
        return message, code
      elseif where(hit) then
        put_in_place(passed, hit)
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
  return passed
end

--- One page of the hits that pass, re-ranked if the user wants it.
local function query_where(collection, options, where, score)
  local wanted, topk, offset = core.query_page(collection, options, score ~= nil)
  local bare = with(options, {
    where = false, rerank = false, candidates = false, into = false, topk = false, offset = false,
  })
  local hits, message, code = filter_by_function(collection, bare, where, score and wanted or topk + offset)
  if not hits then
    return nil, message, code
  elseif score then
    return rerank.apply(hits, score, options, topk, offset)
  end
  local page = options.into or {}
  for place = 1, math.max(topk, #page) do
    page[place] = place <= topk and hits[offset + place] or nil
  end
  return page
end

-- ---------------------------------------------------------------- query

local function rerank_all(found, score, options, topk, offset)
  local results = options.explain and found.hits or found
  for _, hits in ipairs(options.vectors and results or { results }) do
    rerank.apply(hits, score, options, topk, offset)
  end
  return found
end

--- The raw search, the user's predicate and re-ranker if there are any.
function M.query(collection, options)
  if type(options) ~= "table" or not (options.rerank or options.where) then
    return core.query(collection, options)
  end
  local score, where = check_function(options, "rerank"), check_function(options, "where")
  if not where then
    local found, topk, offset = core.query(collection, options, true)
    if not found then
      return nil, topk, offset -- message and code
    end
    return rerank_all(found, score, options, topk, offset)
  elseif options.explain then
    misuse("query: 'explain' cannot be combined with 'where'")
  elseif not options.vectors then
    return query_where(collection, options, where, score)
  end

  local results = {}
  for place, vector in ipairs(options.vectors) do
    local one = with(options, { vectors = false, into = false, vector = vector })
    local hits, message, code = query_where(collection, one, where, score)
    if not hits then
      return nil, message, code
    end
    results[place] = hits
  end
  return results
end

return M

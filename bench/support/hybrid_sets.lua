-- The data of the hybrid bench: a generated set of ann_sets.lua, two columns of keys for filters, and for each
-- correlation of filter and vectors its queries, with a truth for each filter. filter_keys.c describes the keys.

local ann_sets = require "ann_sets"
local int32_file = require "int32_file"
local tools = require "tools"

local M = {}

M.K = 10
M.names = { "heavy", "embed" }

-- `column`: the column that the filter reads. `which`: the queries chosen from the pool: its first ones, those nearest
-- to the pole, or those farthest from it.
M.cases = {
  { name = "independent", column = "random" },
  { name = "positive", column = "pole", which = "near" },
  { name = "negative", column = "pole", which = "far" },
}

local POOL = 100 -- rows to choose a query from: the nearest and the farthest are 1 % of them

-- A set of `rows` rows: { name, dim, metric, rows, base, keys = { random, pole }, cases }. Each of `cases` has the
-- fields of ann_sets.lua's sets, and `case`, an entry of M.cases, and `set`.
function M.make(name, rows, queries, seed)
  local recipe = ann_sets.recipe(name)
  local set = { name = recipe.name, dim = recipe.dim, metric = recipe.metric, rows = rows, keys = {}, cases = {} }
  set.base = ann_sets.rows(recipe, 0, rows, seed)
  local pool = ann_sets.rows(recipe, rows, POOL * queries, seed)
  local stem = ("%s/hybrid-%s-%d-seed%d"):format(tools.directory, name, rows, seed)
  local function keys(kind, path, ...)
    local rest = { ... }
    return ann_sets.made_once(path, function(part)
      tools.run(tools.program("filter_keys"), kind, set.base, set.dim, set.metric, seed, part, tools.unpack(rest))
    end)
  end
  for _, kind in ipairs { "random", "pole" } do set.keys[kind] = keys(kind, ("%s.%s"):format(stem, kind)) end
  for i, case in ipairs(M.cases) do
    set.cases[i] = { case = case, set = set, dim = set.dim, metric = set.metric, rows = rows, base = set.base,
      keys = set.keys[case.column], queries_count = queries,
      queries = case.which and keys(case.which, ("%s-%d.%s"):format(stem, queries, case.which), pool, queries)
        or ann_sets.rows(recipe, rows, queries, seed),
      stem = ("%s-%d.%s"):format(stem, queries, case.name) }
  end
  return set
end

-- The truth among the `limit` rows that match the filter; among all rows if `limit` is their number.
local function truth(set, limit)
  return ann_sets.made_once(("%s-%d.ivecs"):format(set.stem, limit), function(part)
    tools.run(tools.program("exact_truth"), set.base, set.queries, set.dim, M.K, set.metric, part, set.keys, limit)
  end)
end

-- recall@K under the filter of each block of rows in the file `found`, in order. Raises if a found row does not match.
function M.recalls(set, limit, found)
  local list = {}
  for line in tools.run(tools.program("recall_of"), set.base, set.queries, set.dim, set.metric, truth(set, limit), M.K,
    found, set.keys, limit):gmatch("%S+") do
    list[#list + 1] = tonumber(line)
  end
  return list
end

-- For each of `limits`, the share of the queries' neighbours in the whole set that match the filter.
function M.near_matching(set, limits)
  local keys, lists, parts = int32_file.read(set.keys), int32_file.read(truth(set, set.rows)), {}
  for _, limit in ipairs(limits) do
    local matching = 0
    for at = 1, #lists, M.K + 1 do -- each list follows its length
      for i = at + 1, at + M.K do
        if keys[lists[i] + 1] < limit then matching = matching + 1 end
      end
    end
    parts[limit] = matching / (M.K * set.queries_count)
  end
  return parts
end

return M

--- Queries whose hits are grouped by the value of a field: group_by_query.
--
-- Each round of searches leaves out the groups that were found, so it finds another group if there is one, however many
-- hits the groups before have. The groups come in the order of their best hits, since all hits of a round are better
-- than those of the next. Then each group that is not full is searched alone.

local check = require "moonvec.check"
local core = require "moonvec.core"
local embedding = require "moonvec.embedding"
local filters = require "moonvec.filter"
local pinned = require "moonvec.pinned"
local rescore = require "moonvec.rescore"
local schema_fields = require "moonvec.schema_fields"

local misuse = check.misuse
local CALL = "group_by_query"

local GROUPS_DEFAULT, HITS_MAX = 10, 1000000 -- of all groups
-- Hits of one round: twice as many as are missing, between these bounds.
local ROUND_MIN, ROUND_MAX = 32, 8192

--- Checks the options. Returns the engine's options, and what is grouped how.
local function read_options(collection, options)
  if type(collection) ~= "userdata" then
    misuse("%s: expected a collection, got a %s (call it with ':')", CALL, type(collection))
  elseif type(options) ~= "table" then
    misuse("%s: expected a table of options, got a %s", CALL, type(options))
  end
  local by, groups, per_group = core.options(CALL, options, "group_by", "group_count", "topk_per_group", "field",
    "vector", "vectors_of_one", "id", "text", "match", "filter", "args", "min_score", "max_distance", "params",
    "output_fields", "include_vector", "order_by")
  groups = check.whole(CALL, "group_count", groups, GROUPS_DEFAULT, 1, HITS_MAX)
  per_group = check.whole(CALL, "topk_per_group", per_group, 1, 1, HITS_MAX)
  if groups * per_group > HITS_MAX then
    misuse("%s: 'group_count' × 'topk_per_group' must be at most %d, got %.14g", CALL, HITS_MAX, groups * per_group)
  end
  return check.field(CALL, "group_by", by), groups, per_group
end

--- Raises unless the field has single values. The engine raises for a name that no field has.
local function check_group_field(by, schema)
  local vector = schema_fields.find_vector(schema, by)
  if vector then
    misuse("%s: 'group_by' must name a scalar field, '%s' is a %s", CALL, by, vector.type)
  end
  for _, field in ipairs(schema.fields) do
    if field.name == by and field.type:find "^array_" then
      misuse("%s: 'group_by' must name a field with single values, '%s' is an %s", CALL, by, field.type)
    elseif field.name == by then
      return
    end
  end
  if by == "id" or by == "score" or by == "distance" then
    misuse("%s: 'group_by' must name a scalar field, got '%s'", CALL, by)
  end
end

local engine_options = {
  "field", "vector", "vectors_of_one", "id", "text", "match", "min_score", "max_distance", "params", "include_vector",
  "order_by",
}

--- search_for(count, filter) -> hits that match the filter, too.
local function searcher(search, options, output_fields)
  return function(count, filter)
    local one = { topk = count, output_fields = output_fields }
    for _, name in ipairs(engine_options) do
      one[name] = options[name]
    end
    return search(CALL, one, { { filter = options.filter, args = options.args }, { filter = filter } })
  end
end

--- Puts the hits of a round into groups, which are added up to `count`. `is_last`: there are no other hits of groups
-- that earlier rounds had not found.
local function add_round(groups, by_value, hits, by, count, per_group, is_last)
  local known = #groups
  for _, hit in ipairs(hits) do
    local group = by_value[hit[by]]
    if not group and #groups < count then
      group = { group = hit[by], hits = {} }
      by_value[group.group], groups[#groups + 1] = group, group
    end
    if group and #group.hits < per_group then
      group.hits[#group.hits + 1] = hit
    end
  end
  for i = known + 1, #groups do
    groups[i].is_full = is_last or #groups[i].hits == per_group
  end
end

--- The best `count` groups, with the hits that were found on the way.
local function find_groups(search_for, by, count, per_group)
  local groups, by_value, seen = {}, {}, {}
  repeat
    local wanted = math.max(ROUND_MIN, math.min(ROUND_MAX, 2 * per_group * (count - #groups)))
    local others = filters.all(filters.not_null(by), filters.no(filters.one_of(by, seen)))
    local hits, message, code = search_for(wanted, others)
    if not hits then
      return nil, message, code
    end
    local known, is_last = #groups, #hits < wanted
    add_round(groups, by_value, hits, by, count, per_group, is_last)
    for i = known + 1, #groups do
      seen[i] = groups[i].group
    end
  until is_last or #groups == count
  return groups
end

--- Searches for the other hits of a group. A hit that this search missed, as a search of a graph may, stays.
local function fill_group(search_for, by, group, per_group)
  local hits, message, code = search_for(per_group, filters.eq(by, group.group))
  if not hits then
    return nil, message, code
  end
  local all, scores, is_known = {}, {}, {}
  for _, list in ipairs { hits, group.hits } do
    for _, hit in ipairs(list) do
      if not is_known[hit.id] then
        is_known[hit.id], scores[hit] = true, hit.score
        all[#all + 1] = hit
      end
    end
  end
  all = rescore.sort(all, scores)
  for i = 1, per_group do
    group.hits[i] = all[i]
  end
  return true
end

local function search_groups(search_for, by, count, per_group)
  local groups, message, code = find_groups(search_for, by, count, per_group)
  for _, group in ipairs(groups or {}) do
    local done = group.is_full
    if not done then
      done, message, code = fill_group(search_for, by, group, per_group)
    end
    if not done then
      return nil, message, code
    end
    group.is_full = nil
  end
  return groups, message, code
end

--- Sorts the groups by their best hits, removes the fields that were not asked for.
local function finish(groups, added)
  local best = {}
  for _, group in ipairs(groups) do
    best[group] = group.hits[1].score
    for _, hit in ipairs(group.hits) do
      for _, name in ipairs(added) do
        hit[name] = nil
      end
    end
  end
  return rescore.sort(groups, best)
end

--- c:group_by_query{ group_by = "source" }: the best hits of each of the best groups.
return function(collection, options)
  local by, count, per_group = read_options(collection, options)
  local asked, why, failure = embedding.question(CALL, collection, options)
  if not asked then
    return nil, why, failure
  end
  options = asked
  local schema = collection.schema
  check_group_field(by, schema)
  local extended, added = rescore.with_fields(options, { by }, schema)
  local groups, message, code = pinned.run(collection, function(search)
    return search_groups(searcher(search, options, extended.output_fields), by, count, per_group)
  end)
  if not groups then
    return nil, message, code
  end
  return finish(groups, added)
end

--- Hits of an indexed folder as a person wants them: of a file that has many good passages only the best, and a
-- passage that several files have only once.

local passage_context = require "moonvec.command.passage_context"

local M = {}

-- Passages of one file among the hits.
local PER_FILE = 3

-- For each hit that is wanted, as many are searched for at first, but COUNT_MIN in any case, so that equal ones are
-- seen; then this many times as many, while too few are left, up to COUNT_MAX: if a file has so many good passages,
-- there are fewer hits.
local CANDIDATES, COUNT_MIN, COUNT_MAX = 4, 40, 2560

-- The fields that this needs.
local FIELDS = { "path", "line", "heading", "text" }

local function fold(hits, topk)
  local kept, by_text, of_file = {}, {}, {}
  for _, hit in ipairs(hits) do
    local text, path = passage_context.strip(hit.text, hit.path, hit.heading), hit.path
    local better = by_text[text]
    if better then
      better.also = better.also or {}
      table.insert(better.also, { path = path, line = hit.line })
    elseif #kept < topk and (of_file[path] or 0) < PER_FILE then
      of_file[path] = (of_file[path] or 0) + 1
      kept[#kept + 1], by_text[text] = hit, hit
    end
  end
  return kept
end

--- The output_fields of a search, from those that the person wants (nil: all).
function M.output_fields(wanted)
  if not wanted then
    return nil
  end
  local names, has = {}, {}
  for _, list in ipairs { wanted, FIELDS } do
    for _, name in ipairs(list) do
      if not has[name] then
        names[#names + 1], has[name] = name, true
      end
    end
  end
  return names
end

local function remove_unwanted(hits, wanted)
  local is_wanted = {}
  for _, name in ipairs(wanted or FIELDS) do
    is_wanted[name] = true
  end
  for _, hit in ipairs(hits) do
    for _, name in ipairs(FIELDS) do
      hit[name] = is_wanted[name] and hit[name] or nil
    end
  end
end

--- Up to `topk` hits of search(count), which returns what query or multi_query returns. Hits whose text others have,
-- too, have `also`: an array of { path, line }. `wanted`: the fields that the hits shall have (nil: all).
function M.search(search, topk, topk_max, wanted)
  local count = math.min(math.max(topk * CANDIDATES, COUNT_MIN), topk_max)
  local count_max = math.min(math.max(count, COUNT_MAX), topk_max)
  while true do
    local found = search(count)
    local hits = found.hits or found
    local kept = fold(hits, topk)
    if #kept == topk or #hits < count or count == count_max then
      remove_unwanted(kept, wanted)
      if found.hits then
        found.hits = kept
        return found
      end
      return kept
    end
    count = math.min(count * CANDIDATES, count_max)
  end
end

return M

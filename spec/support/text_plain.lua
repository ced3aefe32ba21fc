-- A plain Lua program that searches texts: the truth for what full-text queries match and for BM25 scores.
--
-- A query is a tree { kind, word | words | members, slop, edits, by }, named like the constructors of moonvec.text. The
-- words of a document are a list. spec/support/text_trees.lua makes such trees.

-- The LuaJIT of Debian 12 compiles this program wrongly now and then: in 2 of 240 runs of text_match_spec on x86-64 a
-- document did not match, and matched when it was looked at again.
if jit then jit.off(true, true) end -- luacheck: globals jit

local M = {}

local K1, B = 1.2, 0.75
local NEAR = 1e-5 -- the engine's scores are float32

-- The characters of a word.
local function characters_of(word)
  local list = {}
  for character in word:gmatch "[%z\1-\127\194-\244][\128-\191]*" do list[#list + 1] = character end
  return list
end

-- Characters inserted, left out, replaced, and neighbours exchanged.
local function distance(a, b)
  local rows = {}
  a, b = characters_of(a), characters_of(b)
  for i = 0, #a do
    rows[i] = { [0] = i }
    for j = 1, #b do
      if i == 0 then
        rows[0][j] = j
      else
        local same = a[i] == b[j]
        local least = math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (same and 0 or 1))
        if i > 1 and j > 1 and a[i] == b[j - 1] and a[i - 1] == b[j] then
          least = math.min(least, rows[i - 2][j - 2] + 1)
        end
        rows[i][j] = least
      end
    end
  end
  return rows[#a][#b]
end

-- Does the word match this leaf, which is no phrase?
local function is_like(leaf, word)
  if leaf.kind == "prefix" then
    return word:sub(1, #leaf.word) == leaf.word
  elseif leaf.kind == "fuzzy" then
    return distance(leaf.word, word) <= leaf.edits
  end
  return leaf.word == word
end

local function frequency(leaf, words)
  local count, known = 0, leaf.known or {}
  leaf.known = known
  for _, word in ipairs(words) do
    if known[word] == nil then known[word] = is_like(leaf, word) end
    count = count + (known[word] and 1 or 0)
  end
  return count
end

local function has_phrase(phrase, slop, words)
  for first, word in ipairs(words) do
    local at, found = first, word == phrase[1]
    for i = 2, #phrase do
      repeat at = at + 1 until at > #words or words[at] == phrase[i]
      found = found and at <= #words
    end
    if found and at - first - (#phrase - 1) <= slop then return true end
  end
  return false
end

local holds = {}

--- Does a document with these words match?
function M.matches(tree, words)
  local evaluate = holds[tree.kind]
  if evaluate then return evaluate(tree, words) end
  return frequency(tree, words) > 0
end

function holds.phrase(tree, words) return has_phrase(tree.words, tree.slop, words) end
function holds.maybe() return true end
function holds.no(tree, words) return not M.matches(tree.members[1], words) end
function holds.all(tree, words)
  for _, member in ipairs(tree.members) do if not M.matches(member, words) then return false end end
  return true
end
function holds.any(tree, words)
  for _, member in ipairs(tree.members) do if M.matches(member, words) then return true end end
  return false
end

-- Adds { leaf, boost } of each word that a hit is scored by.
local function add_leaves(leaves, tree, boost)
  boost = boost * (tree.by or 1)
  if tree.kind == "no" then return leaves end
  for _, member in ipairs(tree.members or {}) do add_leaves(leaves, member, boost) end
  for _, word in ipairs(tree.words or {}) do
    leaves[#leaves + 1] = { leaf = { kind = "word", word = word }, boost = boost }
  end
  if tree.word then leaves[#leaves + 1] = { leaf = tree, boost = boost } end
  return leaves
end

--- The score by id of each document that matches and for whose id passes(id) is true. `words`: by id, the words of all
--- documents that have a text.
function M.scores(words, tree, passes)
  local count, tokens, result = 0, 0, {}
  local leaves = add_leaves({}, tree, 1)
  for _, list in pairs(words) do count, tokens = count + 1, tokens + #list end
  for _, entry in ipairs(leaves) do
    local with = 0
    entry.freqs = {}
    for id, list in pairs(words) do
      entry.freqs[id] = frequency(entry.leaf, list)
      with = with + (entry.freqs[id] > 0 and 1 or 0)
    end
    entry.weight = entry.boost * math.log(1 + (count - with + 0.5) / (with + 0.5)) * (K1 + 1)
  end
  for id, list in pairs(words) do
    if passes(id) and M.matches(tree, list) then
      result[id] = 0
      for _, entry in ipairs(leaves) do
        local f = entry.freqs[id]
        result[id] = result[id] + entry.weight * f / (f + K1 * (1 - B + B * #list * count / tokens))
      end
    end
  end
  return result
end

--- What is wrong with the hits of a search for the `topk` best, or nil. `scores`: those of all documents that match.
function M.fault_of(hits, scores, topk)
  local sorted = {}
  for _, score in pairs(scores) do sorted[#sorted + 1] = score end
  table.sort(sorted, function(x, y) return x > y end)
  local wanted = math.min(topk, #sorted)
  if #hits ~= wanted then return ("%d hits, %d expected"):format(#hits, wanted) end
  local seen = {}
  for i, hit in ipairs(hits) do
    local score = scores[tonumber(hit.id)]
    if not score then return hit.id .. " does not match" end
    if seen[hit.id] then return hit.id .. " is a hit twice" end
    seen[hit.id] = true
    if math.abs(hit.score - score) > NEAR * score then
      return ("%s has %.8f instead of %.8f"):format(hit.id, hit.score, score)
    end
    if math.abs(hit.score - sorted[i]) > NEAR * sorted[i] then return ("%s has not rank %d"):format(hit.id, i) end
  end
  return nil
end

--- Filters over the fields `body` and `n`, and whether a document passes. `found`: does its text match; nil if NULL.
M.FILTERS = {
  ["body MATCH ?"] = function(_, found) return found == true end,
  ["body NOT MATCH ?"] = function(_, found) return found == false end,
  ["n <= 3 AND body MATCH ?"] = function(doc, found) return doc.n <= 3 and found == true end,
  ["n <= 3 OR body MATCH ?"] = function(doc, found) return doc.n <= 3 or found == true end,
  ["n <= 3 OR body NOT MATCH ?"] = function(doc, found) return doc.n <= 3 or found == false end,
  ["NOT (n <= 3 OR body MATCH ?)"] = function(doc, found) return doc.n > 3 and found == false end,
  ["NOT (n <= 3 AND body NOT MATCH ?)"] = function(doc, found) return doc.n > 3 or found == true end,
  ["body IS NULL OR body MATCH ?"] = function(_, found) return found ~= false end,
}

--- The ids, as sorted strings, of the documents that pass one of the filters with this query.
function M.filtered(documents, words, tree, filter)
  local ids = {}
  for id, doc in pairs(documents) do
    local found
    if words[id] then found = M.matches(tree, words[id]) end
    if M.FILTERS[filter](doc, found) then ids[#ids + 1] = ("%d"):format(id) end
  end
  table.sort(ids)
  return ids
end

--- The ids, as sorted strings, of the documents of a collection that pass a filter.
function M.ids_of(c, filter, args)
  local ids = {}
  for doc in c:iterate { filter = filter, args = args, output_fields = {} } do ids[#ids + 1] = doc.id end
  table.sort(ids)
  return ids
end

--- Changes a collection and the same documents in plain Lua, by chance. `document(random, id)` makes one; `ids.last` is
-- the largest id.
function M.change(random, c, documents, ids, document)
  local kind = random(10)
  if kind <= 5 then
    local batch = {}
    for i = 1, random(300) do
      ids.last = ids.last + 1
      batch[i] = document(random, ids.last)
      documents[ids.last] = batch[i]
    end
    assert(c:insert(batch))
  elseif kind <= 7 then
    for _ = 1, random(60) do
      local id = random(ids.last)
      if documents[id] then
        assert(c:delete(id))
        documents[id] = nil
      end
    end
  elseif kind == 8 then
    for _ = 1, random(40) do
      local id = random(ids.last)
      documents[id] = document(random, id)
      assert(c:upsert(documents[id]))
    end
  else
    assert(c:optimize())
  end
end

return M

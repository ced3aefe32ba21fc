-- Random full-text queries: trees as spec/support/text_plain.lua evaluates them, and their forms: built by
-- moonvec.text, typed, and in the language of FTS5.
--
-- Leaves have `word` or `words` as a document has them, and `spelled` as they are written in a query.

local moonvec = require "moonvec"

local t = moonvec.text

local M = {}

--- One of a list. Small numbers are frequent, as words are.
function M.pick(random, list)
  return list[math.floor((#list) ^ ((random(100000) - 0.5) / 100000))]
end

local Trees = {}
Trees.__index = Trees

--- A source of queries. `some_word(random)` gives a word, and how it is spelled if that differs. `plain`: there is only
--- what FTS5 can say.
function M.new(random, some_word, plain)
  return setmetatable({ random = random, some_word = some_word, plain = plain }, Trees)
end

-- The beginning of a word, of 1 to `most` characters.
local function some_prefix(random, word, most)
  return word:match("^" .. ("[%z\1-\127\194-\244][\128-\191]*"):rep(random(most))) or word
end

function Trees:word(kind)
  local word, spelled = self.some_word(self.random)
  if kind == "prefix" then word = some_prefix(self.random, word, 2) end
  return { kind = kind, word = word, spelled = kind ~= "prefix" and spelled or word }
end

function Trees:phrase(count, slop)
  local words, spelled = {}, {}
  for i = 1, count do
    local leaf = self:word "word"
    words[i], spelled[i] = leaf.word, leaf.spelled
  end
  return { kind = "phrase", words = words, spelled = table.concat(spelled, " "), slop = slop }
end

function Trees:leaf()
  local random, kind = self.random, self.random(10)
  if kind <= 5 then
    return self:word "word"
  elseif kind <= 6 then
    return self:word "prefix"
  elseif kind <= 8 and not self.plain then
    local leaf = self:word "fuzzy"
    leaf.edits = random(2)
    return leaf
  end
  return self:phrase(1 + random(2), self.plain and 0 or random(4) - 1)
end

function Trees:group(kind, depth, count)
  local members = {}
  for i = 1, count do members[i] = self:tree(depth - 1) end
  return { kind = kind, members = members }
end

--- A query of at most `depth` groups in groups.
function Trees:tree(depth)
  local random, kind = self.random, self.random(10)
  local tree
  if depth == 0 or kind <= 4 then
    tree = self:leaf()
  elseif kind <= 7 then
    tree = self:group("any", depth, random(3))
  else
    tree = self:group("all", depth, random(2))
    if random(3) == 1 then table.insert(tree.members, self:group("no", depth, 1)) end
    if not self.plain and random(3) == 1 then
      table.insert(tree.members, 1, self:group("maybe", depth, random(2)))
    end
  end
  tree.by = not self.plain and random(5) == 1 and random(16) / 4 or nil
  return tree
end

-- A word, prefix or phrase, how it is typed, and whether a search demands it.
function Trees:typed_part()
  local random = self.random
  local kind = random(10)
  if kind <= 5 then
    local leaf = self:word "word"
    return leaf, leaf.spelled, false
  elseif kind == 6 then
    local leaf = self:word "prefix"
    return leaf, leaf.spelled .. "*", false
  elseif kind <= 8 then
    local leaf = self:word "word"
    return leaf, "+" .. leaf.spelled, true
  end
  local leaf = self:phrase(1 + random(2), 0)
  return leaf, ('"%s"'):format(leaf.spelled), true
end

--- What a person types: `text`, and the tree that it is in a search (`search`) and in a filter (`filter`).
function Trees:typed()
  local random, texts = self.random, {}
  local demanded, optional, chains, excluded = {}, {}, {}, {}
  for _ = 1, random(4) do
    if #chains > 0 and random(5) == 1 then
      local leaf, text = self:typed_part()
      texts[#texts + 1] = "-" .. text:gsub("^%+", "")
      excluded[#excluded + 1] = { kind = "no", members = { leaf } }
    else
      local chain, is_demanded = { kind = "any", members = {} }, false
      for i = 1, random(4) == 1 and 2 or 1 do
        local leaf, text, demands = self:typed_part()
        texts[#texts + 1] = (i > 1 and "OR " or "") .. text
        chain.members[i] = leaf
        is_demanded = is_demanded or demands
      end
      chains[#chains + 1] = chain
      local role = is_demanded and demanded or optional
      role[#role + 1] = chain
    end
  end
  local search, filter = { kind = "all", members = demanded }, { kind = "all", members = chains }
  if #optional > 0 then
    table.insert(demanded, { kind = #demanded > 0 and "maybe" or "any", members = optional })
  end
  for _, member in ipairs(excluded) do
    table.insert(demanded, member)
    table.insert(chains, member)
  end
  return { text = table.concat(texts, " "), search = search, filter = filter }
end

--- The tree as data.
function M.match_of(tree)
  local match
  if tree.members then
    local members = {}
    for i, member in ipairs(tree.members) do members[i] = M.match_of(member) end
    match = tree.kind == "no" and t.no(members[1]) or tree.kind ~= "no" and t[tree.kind](members)
  elseif tree.kind == "phrase" then
    match = t.phrase { tree.spelled, slop = tree.slop }
  elseif tree.kind == "fuzzy" then
    match = t.fuzzy { tree.spelled, edits = tree.edits }
  else
    match = t[tree.kind](tree.spelled)
  end
  return tree.by and t.boost { match, by = tree.by } or match
end

--- The tree in the language of FTS5, which has no `maybe`, and `NOT` only behind something else.
function M.fts_of(tree)
  if not tree.members then return ('"%s"%s'):format(tree.spelled, tree.kind == "prefix" and "*" or "") end
  local parts, excluded = {}, {}
  for _, member in ipairs(tree.members) do
    if member.kind == "no" then
      excluded[#excluded + 1] = " NOT " .. M.fts_of(member.members[1])
    elseif member.kind ~= "maybe" then
      parts[#parts + 1] = M.fts_of(member)
    end
  end
  local text = ("(%s)"):format(table.concat(parts, tree.kind == "any" and " OR " or " AND "))
  for _, negation in ipairs(excluded) do text = ("(%s%s)"):format(text, negation) end
  return text
end

return M

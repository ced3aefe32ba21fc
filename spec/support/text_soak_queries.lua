-- What the soak of full text (spec/text_soak.lua) writes and asks, all of it from a seed, so that a second process asks
-- the same.

local plain = require "spec.support.text_plain"
local support = require "spec.support.init"
local trees = require "spec.support.text_trees"

local M = {}

M.ALL = 100000 -- hits: more than there are documents

-- Spellings of words that are the same to `unicode` of moonvec and `unicode61` of FTS5. The first is how the plain
-- program knows the word. Between words may stand what is a letter to neither.
local SPELLINGS = {
  { "cafe", "café", "Café", "CAFÉ", "cafe\204\129" }, { "naive", "naïve", "Naive" }, { "uber", "über", "ÜBER" },
  { "disk", "Disk", "DISK" }, { "disks" }, { "drive", "Drive" }, { "drives" }, { "hard", "HARD" }, { "tape" },
  { "2024" }, { "20" }, { "a" }, { "ab", "AB" }, { "abc" }, { "facade", "façade" }, { "senor", "señor", "SEÑOR" },
  { "жук", "Жук", "ЖУК" }, { "дом", "Дом" }, { "домик" }, { "λογο", "ΛΟΓΟ" }, { "λογοτυπο" },
  { "𐐨𐐩", "𐐀𐐁" }, { "fast" }, { "old", "Old" }, { "automatic" }, { "auto" },
}
local SEPARATORS = { " ", " ", " ", ", ", "\n", " - ", " (", "; ", " — ", "\194\160", "\227\128\128" }

-- Words of a whitespace tokenizer, which are spelled in one way and separated by one space.
local SIMPLE = {}
for _, first in ipairs { "b", "d", "f", "st", "tr" } do
  for _, last in ipairs { "ab", "abe", "ed", "ig", "ok", "un" } do SIMPLE[#SIMPLE + 1] = { first .. last } end
end

M.VOCABULARIES = {
  unicode = { words = SPELLINGS, separators = SEPARATORS },
  whitespace = { words = SIMPLE, separators = { " " } },
}

local function some_word(random, vocabulary)
  local spellings = trees.pick(random, vocabulary.words)
  return spellings[1], spellings[random(#spellings)]
end

--- A document, and its words, nil if it has no text.
function M.document(random, tokenizer, id)
  local vocabulary, doc, kind = M.VOCABULARIES[tokenizer], { id = id, n = random(10) }, random(12)
  if kind == 1 then return doc, nil end
  if kind == 2 then
    doc.body = random(2) == 1 and "" or (tokenizer == "unicode" and "… !" or "  ")
    return doc, {}
  end
  local words, pieces = {}, {}
  for i = 1, random(random(4) == 1 and 60 or 12) do
    local word, spelled = some_word(random, vocabulary)
    words[i] = word
    pieces[#pieces + 1] = spelled
    pieces[#pieces + 1] = vocabulary.separators[random(#vocabulary.separators)]
  end
  doc.body = table.concat(pieces)
  return doc, words
end

--- Query `seed`: { tree, match, is_plain, filter or topk, only_small }. `match` is what was typed, or built as data;
--- `filter` one of plain.FILTERS, in which it stands; else it is a search for `topk` hits, with the filter n <= 3 if
--- `only_small`. `is_plain`: FTS5 can say it.
function M.query(seed, tokenizer)
  local random = support.random(seed)
  random() -- the first number of a seed is near that of the next
  local is_plain = random(4) > 1
  local source = trees.new(random, function() return some_word(random, M.VOCABULARIES[tokenizer]) end, is_plain)
  local query = { is_plain = is_plain }
  if random(5) <= 2 then
    local filters = {}
    for filter in pairs(plain.FILTERS) do filters[#filters + 1] = filter end
    table.sort(filters)
    query.filter = filters[random(#filters)]
  else
    query.topk = random(2) == 1 and random(30) or M.ALL
    query.only_small = random(3) == 1
  end
  if is_plain and random(2) == 1 then
    local typed = source:typed()
    query.tree, query.match = query.filter and typed.filter or typed.search, typed.text
  else
    query.tree = source:tree(random(4) - 1)
    query.match = trees.match_of(query.tree)
  end
  return query
end

--- What a collection answers: the ids of a filter, sorted, or the hits of a search with their scores.
function M.answer(c, query)
  if query.filter then
    local ids = plain.ids_of(c, query.filter, { query.match })
    assert(#ids == c:count(query.filter, { query.match }), "iterate and count differ")
    return table.concat(ids, " ")
  end
  local hits = assert(c:query {
    [type(query.match) == "string" and "text" or "match"] = query.match, field = "body", topk = query.topk,
    filter = query.only_small and "n <= 3" or nil, output_fields = {},
  })
  local parts = {}
  for i, hit in ipairs(hits) do parts[i] = ("%s:%.9g"):format(hit.id, hit.score) end
  return table.concat(parts, " ")
end

--- The hits in an answer: { id, score }.
function M.hits_in(answer)
  local hits = {}
  for id, score in answer:gmatch "(%S+):(%S+)" do hits[#hits + 1] = { id = id, score = tonumber(score) } end
  return hits
end

return M

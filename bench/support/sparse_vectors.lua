-- Sparse vectors like those of learned sparse models such as SPLADE, from a seed: documents of about 120 terms of a
-- vocabulary of 30,522 (that of BERT), queries of about 40. A document is about three of 400 topics. A topic has 300
-- terms, with frequencies as in Zipf's law; of the terms of a document 85 % are of its topics and the rest of the whole
-- vocabulary, by Zipf's law, too. The weights of a term of a topic are log-normal around what the term has there, 0.02
-- to 3.5, as SPLADE's log(1 + relu(x)) makes them. Queries are made as documents are, of one or two topics.

local M = {}

local unpack = rawget(table, "unpack")

local VOCABULARY, TOPICS, TOPIC_TERMS = 30522, 400, 300

local function normal(random)
  return math.sqrt(-2 * math.log(1 - random())) * math.cos(2 * math.pi * random())
end

--- A function that draws a rank from 1 to `count`, by Zipf's law.
local function zipf(random, count)
  local sums, sum = {}, 0
  for rank = 1, count do
    sum = sum + 1 / rank
    sums[rank] = sum
  end
  return function()
    local wanted, low, high = random() * sum, 1, count
    while low < high do
      local middle = (low + high) // 2
      if sums[middle] < wanted then low = middle + 1 else high = middle end
    end
    return low
  end
end

local function make_topics(random)
  local topics = {}
  for t = 1, TOPICS do
    local terms = {}
    for i = 1, TOPIC_TERMS do
      terms[i] = { index = random(VOCABULARY) - 1, weight = 0.3 + 0.6 * math.abs(normal(random)) }
    end
    topics[t] = terms
  end
  return topics
end

--- Writes `count` vectors of about `size` terms to a file: of each its number of entries n, n indexes, ascending, and
--- n weights; all of 4 bytes. Returns their packed strings (moonvec.pack_sparse) too, if `keep`.
local function write(path, maker, count, size, topics_most, keep)
  local file, kept = assert(io.open(path, "wb")), {}
  for n = 1, count do
    local weights, indexes, numbers = {}, {}, {}
    local chosen = {}
    for i = 1, maker.random(topics_most) do chosen[i] = maker.topics[maker.random(TOPICS)] end
    for _ = 1, math.floor(size * (0.7 + 0.6 * maker.random())) do
      if maker.random() < 0.85 then
        local term = chosen[maker.random(#chosen)][maker.of_topic()]
        weights[term.index] = math.min(3.5, term.weight * math.exp(0.5 * normal(maker.random)))
      else
        weights[maker.order[maker.of_all()]] = 0.02 + 0.4 * maker.random()
      end
    end
    for index in pairs(weights) do indexes[#indexes + 1] = index end
    table.sort(indexes)
    for i, index in ipairs(indexes) do numbers[i] = weights[index] end
    local packed = ("<" .. ("I4"):rep(#indexes)):pack(unpack(indexes)) ..
      ("<" .. ("f"):rep(#numbers)):pack(unpack(numbers))
    file:write(("<I4"):pack(#indexes), packed)
    if keep then kept[n] = packed end
  end
  file:close()
  return kept
end

--- Writes documents and queries; returns the packed strings of both.
function M.make(documents_path, queries_path, documents, queries, seed)
  math.randomseed(seed)
  local random = math.random
  local order = {}
  for i = 1, VOCABULARY do order[i] = i - 1 end
  for i = VOCABULARY, 2, -1 do
    local j = random(i)
    order[i], order[j] = order[j], order[i]
  end
  local maker = {
    random = random, topics = make_topics(random), order = order,
    of_topic = zipf(random, TOPIC_TERMS), of_all = zipf(random, VOCABULARY),
  }
  -- Terms repeat within a document, so that more are drawn than it has in the end.
  return write(documents_path, maker, documents, 235, 3, true), write(queries_path, maker, queries, 55, 2, true)
end

return M

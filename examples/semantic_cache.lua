-- A semantic cache: the answer to a question is taken from a question that means the same and was answered before.
-- Answers expire, and the least recently used ones make room. With a path as argument the cache is stored there and
-- shared by processes, otherwise it is in memory.

local moonvec = require "moonvec"

local cache = assert(moonvec.open(arg[1] or ":memory:", { schema = {
  fields = {
    { name = "partition", type = "string", index = "invert" }, -- who may see the answer
    { name = "answer", type = "string" },
    { name = "expires", type = "double" }, -- seconds since 1970
  },
  vectors = { { name = "question", type = "vector_fp32", dim = 64 } },
  expires = "expires",
  max_documents = 100000,
  evict = "least_recent",
} }))

local ANSWER_SECONDS = 3600
local SAME_MEANING = 0.25 -- the largest cosine distance; for a model of your own, measure it

-- In place of a model of embeddings: the letters and pairs of letters of a text, counted.
local function embed(text)
  local counts = {}
  for i = 1, 64 do
    counts[i] = 0
  end
  text = " " .. text:lower():gsub("%p", "") .. " "
  for i = 1, #text - 1 do
    local slot = (text:byte(i) * 31 + text:byte(i + 1)) % 64 + 1
    counts[slot] = counts[slot] + 1
  end
  return counts
end

local function ask(partition, question, answer_of)
  local vector = embed(question)
  local hit = assert(cache:query {
    vector = vector, topk = 1, max_distance = SAME_MEANING, filter = "partition = ?", args = { partition },
  })[1]
  if hit then
    return hit.answer, "from the cache"
  end
  local answer = answer_of(question)
  assert(cache:upsert {
    id = partition .. "/" .. question, partition = partition, question = vector, answer = answer,
    expires = os.time() + ANSWER_SECONDS,
  })
  return answer, "answered"
end

local function think(question) -- in place of a large language model
  return "42, as to '" .. question .. "'"
end

for _, question in ipairs { "What is the meaning of life?", "what's the meaning of life", "How tall is a giraffe?" } do
  print(question, ask("anna", question, think))
end
print("What is the meaning of life?", ask("ben", "What is the meaning of life?", think))

local stats = assert(cache:stats())
print(("%d hits, %d misses, %d answers kept, %d expired, %d evicted"):format(stats.hits, stats.misses, stats.documents,
  stats.expired, stats.evicted))
cache:close()

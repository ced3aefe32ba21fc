-- Hybrid search: the nearest vectors among the documents that match a filter.
-- With a path as argument the collection is stored there, otherwise in memory.

local moonvec = require "moonvec"

local DIM = 128
local CATEGORIES = { "book", "film", "song" }

local collection = assert(moonvec.open(arg[1] or ":memory:", { schema = {
  name = "hybrid",
  fields = { { name = "category", type = "string" } },
  vectors = { { name = "embedding", type = "vector_fp32", dim = DIM, metric = "cosine" } },
} }))

-- Takes the place of an embedding model: numbers that are close get vectors that are close.
local function embed(number)
  local vector = {}
  for i = 1, DIM do
    vector[i] = math.sin(number * i / DIM)
  end
  return vector
end

local documents = {}
for i = 1, 300 do
  documents[i] = { id = "doc_" .. i, category = CATEGORIES[i % 3 + 1], embedding = embed(i) }
end
assert(collection:upsert(documents))

local function search(title, filter, args)
  print(title)
  local hits = assert(collection:query({
    field = "embedding",
    vector = embed(100.4),
    topk = 5,
    filter = filter,
    args = args,
  }))
  for _, hit in ipairs(hits) do
    print(("  %-8s %-5s %.3f"):format(hit.id, hit.category, hit.score))
  end
end

print(("%d documents"):format(collection:count()))
search("nearest of all")
search("nearest films", "category = ?", { "film" })
search("nearest books and songs", "category IN ('book', 'song')")

collection:close()

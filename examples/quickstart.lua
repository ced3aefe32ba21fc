-- A first collection: two documents and one query.
-- With a path as argument the collection is stored there, otherwise in memory.

local moonvec = require "moonvec"

local collection = assert(moonvec.open(arg[1] or ":memory:", { schema = {
  name = "example",
  vectors = { { name = "embedding", type = "vector_fp32", dim = 4 } },
} }))

assert(collection:upsert({
  { id = "doc_1", embedding = { 0.1, 0.2, 0.3, 0.4 } },
  { id = "doc_2", embedding = { 0.2, 0.3, 0.4, 0.1 } },
}))

for _, hit in ipairs(assert(collection:query({ vector = { 0.4, 0.3, 0.3, 0.1 }, topk = 10 }))) do
  print(("%s  score %.3f"):format(hit.id, hit.score))
end

collection:close()

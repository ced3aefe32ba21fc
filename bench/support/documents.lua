-- The documents of the insert and open benches: three scalars and one vector. The scripts for other
-- databases build the same documents.

local moonvec = require "moonvec"
local tools = require "tools"

local M = {}

M.BATCH = 1000

function M.schema(dim)
  return {
    name = "bench",
    fields = {
      { name = "title", type = "string" },
      { name = "year", type = "int64" },
      { name = "price", type = "double" },
    },
    vectors = {
      { name = "embedding", type = "vector_fp32", dim = dim, metric = "cosine", index = { type = "flat" } },
    },
  }
end

-- The documents from row `first` on. Their vectors are substrings of one packed string.
function M.assemble(first, packed, dim)
  local docs = {}
  for i = 0, #packed / (4 * dim) - 1 do
    local row = first + i
    docs[i + 1] = {
      id = ("%d"):format(row),
      title = "document number " .. row,
      year = 1900 + row % 120,
      price = row * 0.25,
      embedding = packed:sub(i * 4 * dim + 1, (i + 1) * 4 * dim),
    }
  end
  return docs
end

-- Inserts all rows of `file` into a new collection at `path`. Returns the open collection, the seconds
-- spent in insert, and those spent in building the documents. `seconds` is the clock.
function M.insert(path, file, dim, durability, seconds)
  tools.remove(path)
  local collection = assert(moonvec.create_and_open(path, M.schema(dim), { durability = durability }))
  local inserting, assembling, first = 0, 0, 0
  for packed in tools.batches(file, dim, M.BATCH) do
    local begin = seconds()
    local docs = M.assemble(first, packed, dim)
    local assembled = seconds()
    first = first + assert(collection:insert(docs))
    inserting = inserting + (seconds() - assembled)
    assembling = assembling + (assembled - begin)
  end
  return collection, inserting, assembling
end

return M

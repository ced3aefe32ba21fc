-- Schema format 5: sparse vectors, with lists of weights, and several vectors in a field, with a graph. README.md.

local contents = require "spec.data.contents"

local M = {
  schema = {
    name = "v5_vectors",
    fields = contents.fields,
    vectors = {
      { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat" },
      { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
      { name = "sparse", type = "sparse_vector_fp32", nullable = true },
      { name = "several", type = "vector_fp32", dim = 2, metric = "ip", multi = true,
        index = { type = "hnsw", m = 4 } },
    },
  },
}

--- Few entries, whose numbers float32 represents exactly.
function M.sparse(n)
  return { [n % 50] = n % 8 + 1, [50 + n % 7] = (n % 5 - 2.5) / 8, [4294967295] = 0.25 }
end

--- One vector, and up to two others.
function M.several(n)
  local vectors = {}
  for i = 1, n <= 60 and 1 + n % 3 or 1 do
    vectors[i] = contents.eighths(n + 300000 + 1000 * i, 2)
  end
  return vectors
end

function M.documents(from, to)
  local documents = contents.documents(from, to)
  for _, document in ipairs(documents) do
    local n = document.n
    document.several = M.several(n)
    if document.flag ~= nil and n % 5 > 0 then document.sparse = M.sparse(n) end
  end
  return documents
end

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(M.documents(1, contents.ROWS)))
  assert(c:optimize())
  assert(c:delete { "d0002", "d0040" })
  assert(c:delete(contents.two_thirds(61, contents.ROWS)))
  assert(c:update {
    { id = "d0003", text = "changed", sparse = M.sparse(17) }, { id = "d0501", several = M.several(7) },
  })
  assert(c:insert(M.documents(contents.ROWS + 1, contents.ROWS + 10)))
  assert(c:delete { "d1030" })
end

return M

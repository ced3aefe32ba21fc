-- Schema format 3: timestamps, l1, and bits with hamming. README.md.

local contents = require "spec.data.contents"

local M = {}

local HOUR = 3600 * 1000000
local NOVEMBER = 1793491200000000 -- 2026-11-01T00:00:00Z, in microseconds

M.schema = {
  name = "v3",
  fields = {},
  vectors = {
    { name = "v", type = "vector_fp32", dim = 4, metric = "l1", index = { type = "hnsw", m = 4, quantize = "fp16" } },
    { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
    { name = "bits", type = "vector_binary", dim = 32, metric = "hamming", index = { type = "hnsw", m = 4 } },
  },
}
for i, field in ipairs(contents.fields) do
  M.schema.fields[i] = field
end
M.schema.fields[#contents.fields + 1] = { name = "at", type = "timestamp", nullable = true, index = "invert" }
M.schema.fields[#contents.fields + 2] = { name = "seen", type = "array_timestamp", nullable = true, index = "invert" }

--- 32 zeros and ones, which differ for each `n`.
function M.bits(n)
  local bits = contents.vector(n + 200000, 32)
  for i, number in ipairs(bits) do
    bits[i] = number > 0 and 1 or 0
  end
  return bits
end

function M.documents(from, to)
  local documents = contents.documents(from, to)
  for _, document in ipairs(documents) do
    local n = document.n
    document.bits = M.bits(n)
    if document.flag ~= nil and n % 5 > 0 then
      document.at = NOVEMBER + n % 48 * HOUR
      document.seen = { NOVEMBER - n % 7 * HOUR, document.at }
    end
  end
  return documents
end

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(M.documents(1, contents.ROWS)))
  assert(c:optimize())
  assert(c:delete { "d0002", "d0040" })
  assert(c:delete(contents.two_thirds(61, contents.ROWS)))
  assert(c:update { { id = "d0003", text = "changed", bits = M.bits(5000) }, { id = "d0501", at = NOVEMBER } })
  assert(c:insert(M.documents(contents.ROWS + 1, contents.ROWS + 10)))
  assert(c:delete { "d1030" })
end

return M

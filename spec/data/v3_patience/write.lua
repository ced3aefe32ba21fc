-- Graph format 3: what walks need for a recall, measured. README.md.

local contents = require "spec.data.contents"
local v3 = require "spec.data.v3.write"

local M = {
  schema = {
    name = "v3_patience",
    fields = v3.schema.fields,
    vectors = {
      { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = { type = "hnsw", m = 4, quantize = "int4" } },
      { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
      { name = "bits", type = "vector_binary", dim = 32, metric = "hamming", index = { type = "hnsw", m = 4 } },
    },
  },
}

M.documents, M.write, M.bits = v3.documents, v3.write, v3.bits
M.ROWS = contents.ROWS

return M

-- State format 1, schema format 1, before there were graphs: README.md.

local contents = require "spec.data.contents"

local M = {}

M.schema = {
  name = "v1_exact",
  fields = contents.fields,
  vectors = {
    { name = "v", type = "vector_fp16", dim = 4, metric = "l2", index = "flat" },
    { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
  },
}

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(contents.documents(1, 100)))
  assert(c:optimize())
  assert(c:delete { "d0002", "d0040" })
  assert(c:update { { id = "d0003", text = "changed", w = { 1, 2, 3 } }, { id = "d0099", big = -1 } })
  assert(c:insert(contents.documents(contents.ROWS + 1, contents.ROWS + 10)))
  assert(c:delete { "d1030" })
end

return M

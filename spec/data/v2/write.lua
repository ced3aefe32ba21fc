-- State format 2, schema format 2, graph format 2, inverted lists of format 1: README.md.

local contents = require "spec.data.contents"

local M = {}

M.schema = {
  name = "v2",
  fields = {},
  vectors = {
    { name = "v", type = "vector_fp16", dim = 4, metric = "l2", index = { type = "hnsw", m = 4, quantize = "int4" } },
    { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
  },
}
for i, field in ipairs(contents.fields) do
  M.schema.fields[i] = field
end
M.schema.fields[#contents.fields + 1] = { name = "word", type = "string", nullable = true, index = "invert" }

local function documents(from, to)
  local list = contents.documents(from, to)
  for _, document in ipairs(list) do
    document.word = document.text and document.text:sub(1, 3)
  end
  return list
end

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(documents(1, contents.ROWS)))
  assert(c:optimize())
  assert(c:create_index("tags", "invert"))
  assert(c:drop_column("price"))
  assert(c:alter_column("ratio", { rename = "share" }))
  assert(c:add_column({ name = "added", type = "string", nullable = true }, function(document)
    return document.n <= 10 and "added to " .. document.id or nil
  end))
  assert(c:delete { "d0002", "d0040" })
  assert(c:delete(contents.two_thirds(61, contents.ROWS)))
  assert(c:update { { id = "d0003", text = "changed", w = { 1, 2, 3 } }, { id = "d0501", added = "late" } })
  local late = documents(contents.ROWS + 1, contents.ROWS + 10)
  for _, document in ipairs(late) do
    document.price, document.ratio, document.share = nil, nil, document.ratio
  end
  assert(c:insert(late))
  assert(c:delete { "d1030" })
end

return M

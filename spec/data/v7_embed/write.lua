-- Schema format 7: a vector field whose vectors a model makes of texts. README.md.

local contents = require "spec.data.contents"

local M = {
  schema = {
    name = "v7_embed",
    fields = { { name = "title", type = "string", nullable = true } },
    vectors = {
      {
        name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat",
        embed = { from = "title", model = "words", fingerprint = "0123abcd" },
      },
      { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
    },
  },
}

for i, field in ipairs(contents.fields) do
  M.schema.fields[i + 1] = field
end

--- Every second document has a heading, which was called a title at first. All have their vectors.
function M.documents(from, to)
  local documents = contents.documents(from, to)
  for i, document in ipairs(documents) do
    document.heading = (from + i) % 2 == 0 and "heading " .. document.n or nil
  end
  return documents
end

local function titled(documents)
  for _, document in ipairs(documents) do
    document.title, document.heading = document.heading, nil
  end
  return documents
end

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(titled(M.documents(1, contents.ROWS))))
  assert(c:optimize())
  assert(c:alter_column("title", { rename = "heading" }))
  assert(c:delete(contents.two_thirds(61, contents.ROWS)))
  assert(c:update { { id = "d0003", text = "changed" }, { id = "d0011", heading = "new", v = { 1, 2, 3, 4 } } })
  assert(c:insert(M.documents(2001, 2010)))
end

return M

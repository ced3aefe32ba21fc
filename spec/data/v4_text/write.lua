-- Schema format 4: text indexes, with ranked lists. README.md.

local contents = require "spec.data.contents"

local M = {
  schema = {
    name = "v4_text",
    fields = {},
    vectors = {
      { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat" },
      { name = "w", type = "vector_int8", dim = 3, metric = "cosine", index = "flat" },
    },
  },
}
for i, field in ipairs(contents.fields) do
  local copy = {}
  for name, value in pairs(field) do copy[name] = value end
  if field.name == "text" then copy.index = { type = "text", language = "english", k1 = 1.5, b = 0.5 } end
  if field.name == "tags" then copy.index = "text" end
  M.schema.fields[i] = copy
end

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(contents.documents(1, contents.ROWS)))
  assert(c:optimize())
  assert(c:delete { "d0002", "d0040" })
  assert(c:delete(contents.two_thirds(61, contents.ROWS)))
  assert(c:update { { id = "d0003", text = "changed" }, { id = "d0501", text = "greener" } })
  assert(c:insert(contents.documents(contents.ROWS + 1, contents.ROWS + 10)))
  assert(c:delete { "d1030" })
end

return M

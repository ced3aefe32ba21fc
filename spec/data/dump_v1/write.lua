-- Dump format 1: a small collection in memory. README.md.

local contents = require "spec.data.contents"

local M = {}

M.is_dump = true

M.schema = {
  name = "dump_v1",
  fields = contents.fields,
  vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat" } },
}

local function documents(from, to)
  local list = contents.documents(from, to)
  for _, document in ipairs(list) do
    document.w = nil
  end
  return list
end

function M.write(c)
  assert(c:insert(documents(1, 20)))
  assert(c:optimize())
  assert(c:delete { "d0003", "d0004" })
  assert(c:insert(documents(21, 24)))
end

return M

-- A cache: documents that expire, and limits. README.md.

local contents = require "spec.data.contents"
local v4_text = require "spec.data.v4_text.write"

local M = {
  schema = {
    name = "v6_cache",
    fields = { { name = "gone_at", type = "timestamp", nullable = true } },
    vectors = v4_text.schema.vectors,
  },
}

for i, field in ipairs(contents.fields) do
  M.schema.fields[i + 1] = field
end

local PAST, FUTURE = 1000000000000000, 8000000000000000 -- 2001-09-09 and 2223-07-06, in microseconds

--- Of five documents, one has expired, one will in 2223, and the others never do.
function M.documents(from, to)
  local documents = contents.documents(from, to)
  for i, document in ipairs(documents) do
    document.gone_at = ({ PAST, FUTURE })[(from + i) % 5 + 1]
  end
  return documents
end

local RETENTION = { expires = "gone_at", max_documents = 1e6, max_bytes = 1e12, evict = "least_recent" }

-- `c` is a collection, or one in plain Lua tables (spec/support/plain_collection.lua).
function M.write(c)
  assert(c:insert(M.documents(1, contents.ROWS)))
  assert(c:optimize())
  assert(c:delete(contents.two_thirds(121, contents.ROWS)))
  assert(c:update { { id = "d0063", gone_at = FUTURE }, { id = "d0011", text = "changed" } })
  assert(c:insert(M.documents(2001, 2020)))
  assert(c:alter(RETENTION)) -- removes 64 documents, and leaves others that have expired, too
end

return M

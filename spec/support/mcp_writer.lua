-- Makes a collection at arg[1], prints "ready", and writes documents, one after the other, until it is killed.

local moonvec = require "moonvec"

local c = assert(moonvec.open(arg[1], {
  durability = "none",
  schema = {
    name = "planets",
    fields = { { name = "body", type = "string", index = "text" }, { name = "n", type = "int32", nullable = true } },
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
  },
}))
assert(c:insert { { id = "arrakis", body = "a desert planet, also called Dune", v = { 1, 0 } },
                  { id = "caladan", body = "an ocean planet", v = { 0, 1 } } })
print "ready"
io.stdout:flush()
local n = 0
while true do
  n = n + 1
  assert(c:insert { id = "moon" .. n, body = "moon number " .. n, n = n, v = { n, n } })
end

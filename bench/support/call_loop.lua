-- call_loop.lua COLLECTION QUERIES DIM TOPK SEARCHES: microseconds of a query from this Lua version, to
-- compare with search_cost.c. The same searches, with ids only.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local tools = require "tools"

local seconds = tools.os().seconds
local collection = assert(moonvec.open(arg[1]))
local dim, topk, searches = tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
local packed = tools.vectors(arg[2], dim)
local tables = {}
for i, vector in ipairs(packed) do tables[i] = moonvec.unpack(vector) end

-- The microseconds of a query with these vectors. `into`: the array of hits to reuse, or nil.
local function run(count, vectors, into)
  local options = { topk = topk, output_fields = {}, into = into }
  collectgarbage()
  local begin = seconds()
  for i = 1, count do
    options.vector = vectors[i % #vectors + 1]
    assert(collection:query(options))
  end
  return 1e6 * (seconds() - begin) / count
end

run(math.ceil(searches / 10), packed) -- warms up
print(("figure string %.3f"):format(run(searches, packed)))
print(("figure into %.3f"):format(run(searches, packed, {})))
print(("figure table %.3f"):format(run(searches, tables)))
collection:close()

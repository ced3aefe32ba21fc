-- cache_writer.lua PATH DIM FIRST RATE SECONDS: insert documents of the cache bench one by one, from row FIRST on:
-- RATE a second, or with RATE 0 as fast as it can. Prints how many a second.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local cache = require "cache_documents"
local tools = require "tools"
local clock = tools.os()

local path, dim, first, rate, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
local vectors = cache.written(dim)
local c = assert(moonvec.open(path, { durability = "none" }))
local written, begun = 0, clock.seconds()
while clock.seconds() - begun < seconds do
  if rate > 0 then clock.sleep(begun + written / rate - clock.seconds()) end
  assert(c:insert(cache.document(first + written, vectors[written % #vectors + 1])))
  written = written + 1
end
local took = clock.seconds() - begun
c:close()
print(("figure rate %f"):format(written / took))

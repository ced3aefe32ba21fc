-- open_queries.lua PATH FILE DIM COUNT [prefault]: open a collection in this new process, and print how long that and
-- each of the first queries takes.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local tools = require "tools"
local seconds = tools.os().seconds

local path, file, dim, count = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local queries = tools.vectors(file, dim)
local opening = seconds()
local collection = assert(moonvec.open(path, { prefault = arg[5] == "prefault" }))
print(("figure open %.9f"):format(seconds() - opening))
for i = 1, count do
  local begin = seconds()
  assert(collection:query { vector = queries[i], topk = 10, output_fields = {} })
  print(("figure query%d %.9f"):format(i, seconds() - begin))
end
collection:close()

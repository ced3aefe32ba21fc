-- open_queries.lua PATH FILE DIM COUNT: open a collection in this new process, and print how long each of the first
-- queries takes.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local tools = require "tools"
local seconds = tools.os().seconds

local path, file, dim, count = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local queries = tools.vectors(file, dim)
local collection = assert(moonvec.open(path))
for i = 1, count do
  local begin = seconds()
  assert(collection:query { vector = queries[i], topk = 10, output_fields = {} })
  print(("figure query%d %.9f"):format(i, seconds() - begin))
end
collection:close()

-- steady_writer.lua PATH FILE FIRST DIM RATE SECONDS: insert the rows of FILE into the collection at PATH: RATE a
-- second, one at a time; or with RATE 0 as fast as it can, in batches of 100. Prints the times of the calls.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local tools = require "tools"
local clock = tools.os()

local path, file, row, dim = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local rate, seconds = tonumber(arg[5]), tonumber(arg[6])
local c = assert(moonvec.open(path, { durability = "none" }))
local times, written, begun = {}, 0, clock.seconds()
for packed in tools.batches(file, dim, rate > 0 and 1 or 100) do
  local batch = {}
  for i = 1, #packed / (4 * dim) do
    batch[i] = { id = row, v = packed:sub((i - 1) * 4 * dim + 1, i * 4 * dim) }
    row = row + 1
  end
  if rate > 0 then clock.sleep(begun + written / rate - clock.seconds()) end
  local before = clock.seconds()
  if before - begun >= seconds then break end
  assert(c:insert(batch))
  times[#times + 1] = (clock.seconds() - before) * 1000
  written = written + #batch
end
local took = clock.seconds() - begun
table.sort(times)
print(("figure rows %d\nfigure seconds %f\nfigure slowed %d"):format(written, took, c:stats().slowed_ms))
print(("figure p50 %f\nfigure p99 %f\nfigure max %f"):format(times[math.ceil(#times / 2)],
  times[math.ceil(#times * 0.99)], times[#times]))
c:close()
print("figure done 1")

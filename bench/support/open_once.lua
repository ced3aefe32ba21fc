-- open_once.lua PATH: open a collection in this new process, and print the time and the bytes read.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local seconds = require("tools").os().seconds

-- The bytes that this process has read (rchar), and those that came from the disk (read_bytes).
local function bytes_read()
  local file = assert(io.open("/proc/self/io"))
  local text = file:read("*a")
  file:close()
  return tonumber(text:match("rchar: (%d+)")), tonumber(text:match("read_bytes: (%d+)"))
end

local rchar, disk = bytes_read()
local begin = seconds()
local collection = assert(moonvec.open(arg[1]))
local opened = seconds()
local rchar_after, disk_after = bytes_read()
local fetch_begin = seconds()
assert(collection:fetch("777", { include_vector = false }))
local fetched = seconds()

print(("figure open %.9f"):format(opened - begin))
print(("figure fetch %.9f"):format(fetched - fetch_begin))
print(("figure rchar %d"):format(rchar_after - rchar))
print(("figure disk %d"):format(disk_after - disk))
print(("figure documents %d"):format(collection:count()))
collection:close()

-- moonvec in the ann bench; each command is a separate process.
--
--   ann_moonvec.lua build BASE DIM l2|cosine|ip QUANTIZE THREADS M EF_CONSTRUCTION COLLECTION
--   ann_moonvec.lua search COLLECTION QUERIES DIM K SECONDS EF,EF,... FOUND
--   ann_moonvec.lua memory COLLECTION QUERIES DIM K
--
-- QUANTIZE "auto" leaves the choice to moonvec; EF "default" sets no parameters.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local ann_build = require "ann_build"
local ann_sweep = require "ann_sweep"
local tools = require "tools"

local FIELD = ann_build.FIELD

local function search(path, file, dim, k, at_least, efs, out)
  k = tonumber(k)
  local collection = assert(moonvec.open(path, { maintenance = "manual" }))
  local points = {}
  for ef in efs:gmatch("[^,]+") do
    local params = ef ~= "default" and { ef = tonumber(ef) } or nil
    points[#points + 1] = { label = ef, search = function(vector)
      return assert(collection:query {
        field = FIELD, vector = vector, topk = k, output_fields = {}, params = params,
      })
    end }
  end
  ann_sweep.sweep(tools.vectors(file, tonumber(dim)), k, points, tonumber(at_least), nil, out)
  collection:close()
end

-- The memory of this process without mapped files, in bytes.
local function anonymous_bytes()
  collectgarbage()
  collectgarbage()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^RssAnon:%s*(%d+)")
    if kib then return 1024 * tonumber(kib) end
  end
end

-- The queries are read one by one, because after a large string is freed, malloc allocates later blocks of that size on
-- its heap and keeps them resident.
local function memory(path, file, dim, k)
  local queries = {}
  for vector in tools.batches(file, tonumber(dim), 1) do queries[#queries + 1] = vector end
  local before = anonymous_bytes()
  local collection = assert(moonvec.open(path, { maintenance = "manual" }))
  for _, vector in ipairs(queries) do
    assert(collection:query { field = FIELD, vector = vector, topk = tonumber(k), output_fields = {} })
  end
  ann_sweep.figure("anonymous_bytes", anonymous_bytes() - before)
  ann_sweep.figure("memory_bytes", collection:stats().memory_bytes)
  collection:close()
end

local commands = { build = ann_build.build, search = search, memory = memory }
commands[arg[1]](tools.unpack(arg, 2))

-- moonvec in the hybrid bench; each command is a separate process.
--
--   hybrid_moonvec.lua build BASE DIM l2|cosine|ip THREADS KEY_RANDOM KEY_POLE COLLECTION [QUANTIZE]
--   hybrid_moonvec.lua search COLLECTION QUERIES DIM K SECONDS SECONDS_MAX FIELD LIMIT ROWS PLAN,PLAN,... FOUND
--
-- KEY_RANDOM and KEY_POLE are files of int32. QUANTIZE is "auto" by default. A search has the filter FIELD < LIMIT, or
-- none if all ROWS match. PLAN: auto (no parameters), exact (over the matching rows), graph (only the graph), or a
-- number: ef.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local ann_build = require "ann_build"
local ann_sweep = require "ann_sweep"
local int32_file = require "int32_file"
local tools = require "tools"

local PARAMS = { exact = { exact = true }, graph = { plan = "graph" } }

local function build(file, dim, metric, threads, key_random, key_pole, path, quantize)
  ann_build.build(file, dim, metric, quantize or "auto", threads, nil, nil, path,
    { key_random = int32_file.read(key_random), key_pole = int32_file.read(key_pole) })
end

local function search(path, file, dim, k, at_least, at_most, field, limit, rows, plans, out)
  k, limit, rows = tonumber(k), tonumber(limit), tonumber(rows)
  local queries = tools.vectors(file, tonumber(dim))
  local collection = assert(moonvec.open(path, { maintenance = "manual" }))
  local filter = limit < rows and field .. " < ?" or nil
  local points = {}
  for plan in plans:gmatch("[^,]+") do
    local params = tonumber(plan) and { ef = tonumber(plan) } or PARAMS[plan]
    local function query(vector)
      return assert(collection:query {
        field = ann_build.FIELD, vector = vector, topk = k, filter = filter, args = filter and { limit },
        output_fields = {}, params = params,
      })
    end
    points[#points + 1] = { label = plan, search = query }
  end
  ann_sweep.sweep(queries, k, points, tonumber(at_least), tonumber(at_most), out)
  collection:close()
end

local commands = { build = build, search = search }
commands[arg[1]](tools.unpack(arg, 2))

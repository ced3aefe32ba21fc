-- Builds the moonvec collections of the benches of approximate search.

local moonvec = require "moonvec"
local ann_sweep = require "ann_sweep"
local tools = require "tools"

local seconds = tools.os().seconds
local figure = ann_sweep.figure

local M = {}

M.FIELD = "embedding"

-- All rows in one batch, which becomes one segment: optimize finds nothing to merge and builds the graph.
local function insert(collection, file, dim, columns)
  local docs, size = {}, 4 * dim
  for packed in tools.batches(file, dim, 1000) do
    for at = 1, #packed, size do
      local doc = { id = ("%d"):format(#docs), [M.FIELD] = packed:sub(at, at + size - 1) }
      for name, numbers in pairs(columns) do doc[name] = numbers[#docs + 1] end
      docs[#docs + 1] = doc
    end
  end
  local begin = seconds()
  assert(collection:insert(docs))
  figure("insert", seconds() - begin)
end

-- Creates a collection with indexed int64 fields of these names.
local function create(path, vector, names)
  local fields = {}
  for i, name in ipairs(names) do fields[i] = { name = name, type = "int64", index = "invert" } end
  return assert(moonvec.create_and_open(path, { name = "ann", fields = fields, vectors = { vector } },
    { durability = "none", maintenance = "manual" }))
end

-- Creates a collection at `path` from the raw float32 in `file`, builds its graph by optimize, and prints figures of
-- both. `columns`: { name = numbers, ... }, may be nil. "auto" leaves the choice to moonvec.
function M.build(file, dim, metric, quantize, threads, m, ef_construction, path, columns)
  local index = { type = "hnsw", m = tonumber(m), ef_construction = tonumber(ef_construction) }
  if quantize ~= "auto" then index.quantize = quantize end
  local names = {}
  for name in pairs(columns or {}) do names[#names + 1] = name end
  table.sort(names)
  local collection = create(path, {
    name = M.FIELD, type = "vector_fp32", dim = tonumber(dim), metric = metric, index = index,
  }, names)
  insert(collection, file, tonumber(dim), columns or {})
  collectgarbage()
  local before = collection:stats()
  local begin = seconds()
  assert(collection:optimize { threads = tonumber(threads) })
  figure("build", seconds() - begin)

  local stats = collection:stats()
  local of_index = stats.indexes[M.FIELD]
  figure("merged", before.segments ~= 1 or before.fresh_rows ~= 0)
  figure("segments", stats.segments)
  figure("completeness", of_index.completeness)
  figure("quantize", of_index.quantize)
  figure("code_error", of_index.code_error)
  figure("ef", of_index.ef)
  figure("index_bytes", of_index.bytes)
  figure("disk_bytes", stats.disk_bytes)
  assert(collection:close())
end

return M

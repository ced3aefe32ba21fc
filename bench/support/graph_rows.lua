-- A collection with one vector field and a graph, of the rows of a file. The benches that need no more begin with one.

local moonvec = require "moonvec"
local tools = require "tools"

local M = {}

local BATCH = 1000

-- Inserts the rows of `file` for which `wanted(number, vector)` (default: all) into a new collection at
-- `path`. Ids are the numbers of the rows, from 0. Returns the open collection and the number of documents.
-- `metric`: l2 by default.
function M.insert(path, file, dim, wanted, metric)
  local size, row, count = 4 * dim, 0, 0
  tools.remove(path)
  local collection = assert(moonvec.create_and_open(path, {
    vectors = { { name = "v", type = "vector_fp32", dim = dim, metric = metric or "l2" } },
  }, { durability = "none", maintenance = "manual" }))
  for packed in tools.batches(file, dim, BATCH) do
    local docs = {}
    for at = 1, #packed, size do
      local vector = packed:sub(at, at + size - 1)
      if not wanted or wanted(row, vector) then docs[#docs + 1] = { id = row, v = vector } end
      row = row + 1
    end
    if #docs > 0 then count = count + assert(collection:insert(docs)) end
  end
  return collection, count
end

-- The same for all rows, with its graph, and closed, unless there is one at `path` from an earlier run.
function M.once(path, file, dim, metric)
  if tools.exists(path .. "/catalog.mdb") then return end
  local part = path .. ".part"
  local collection = M.insert(part, file, dim, nil, metric)
  assert(collection:optimize())
  assert(collection:close())
  assert(os.rename(part, path))
end

return M

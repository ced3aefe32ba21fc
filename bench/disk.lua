-- disk.lua: what a load takes on the disk, before and after optimize, beside its vectors and its graph. What is
-- measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"

local options = harness.options { rows = 40000, dim = 256, batch = 1000, seed = 1 }
local report = harness.report("disk", "space on the disk", options.seed)
local path = tools.directory .. "/disk.mv"
local file = tools.data(0, options.rows, options.dim, options.seed)
local raw = options.rows * options.dim * 4

local function insert_all(collection)
  local id = 0
  for packed in tools.batches(file, options.dim, options.batch) do
    local documents = {}
    for at = 1, #packed, 4 * options.dim do
      id = id + 1
      documents[#documents + 1] = { id = id, v = packed:sub(at, at + 4 * options.dim - 1) }
    end
    assert(collection:upsert(documents))
  end
end

-- A load, or two of the same rows while a cursor is open that sees the first.
local function measure(name, maintenance, with_cursor)
  tools.remove(path)
  local collection = assert(moonvec.create_and_open(path, {
    vectors = { { name = "v", type = "vector_fp32", dim = options.dim } },
  }, { durability = "none", maintenance = maintenance }))
  insert_all(collection)
  local cursor = with_cursor and collection:iterate()
  if cursor then
    cursor()
    insert_all(collection)
  end
  local loaded = collection:stats()
  cursor = nil -- luacheck: ignore
  collectgarbage()
  assert(collection:optimize())
  local stats = collection:stats()
  collection:close()
  local function mb(bytes) return bytes and harness.number(bytes / 1e6, 1) or "-" end
  local parts = raw + stats.indexes.v.bytes
  return { name, mb(raw), mb(stats.indexes.v.bytes), mb(loaded.disk_bytes), mb(loaded.catalog_bytes),
    mb(stats.disk_bytes), mb(stats.catalog_bytes), ("%.2f"):format(stats.disk_bytes / parts) }
end

report:line("%s rows of %d dims, inserted by %d; MB", harness.number(options.rows), options.dim, options.batch)
report:line()
report:table {
  { "", "vectors", "graph", "loaded", "its catalog", "optimized", "its catalog", "of vectors and graph" },
  measure("maintenance manual", "manual"),
  measure("maintenance auto", "auto"),
  measure("manual, loaded twice under a cursor", "manual", true),
}
report:finish(options.save)
tools.remove(path)

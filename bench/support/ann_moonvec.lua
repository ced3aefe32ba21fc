-- moonvec in the ann bench, each command in a process of its own.
--
--   ann_moonvec.lua build BASE DIM l2|cosine|ip QUANTIZE THREADS M EF_CONSTRUCTION COLLECTION
--   ann_moonvec.lua search COLLECTION QUERIES DIM K SECONDS EF,EF,... FOUND
--   ann_moonvec.lua memory COLLECTION QUERIES DIM K
--
-- QUANTIZE "auto" leaves the choice to moonvec; the ef "default" gives no parameters at all.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local tools = require "tools"

local seconds = tools.os().seconds
local FIELD = "embedding"

local function figure(name, value)
  print(("figure %s %s"):format(name, tostring(value)))
end

-- All rows in one batch, which becomes one segment: optimize finds nothing to merge and builds the graph.
local function insert(collection, file, dim)
  local docs, size = {}, 4 * dim
  for packed in tools.batches(file, dim, 1000) do
    for at = 1, #packed, size do
      docs[#docs + 1] = { id = ("%d"):format(#docs), [FIELD] = packed:sub(at, at + size - 1) }
    end
  end
  local begin = seconds()
  assert(collection:insert(docs))
  figure("insert", seconds() - begin)
end

local function build(file, dim, metric, quantize, threads, m, ef_construction, path)
  local index = { type = "hnsw", m = tonumber(m), ef_construction = tonumber(ef_construction) }
  if quantize ~= "auto" then index.quantize = quantize end
  local collection = assert(moonvec.create_and_open(path, { name = "ann", fields = {}, vectors = {
    { name = FIELD, type = "vector_fp32", dim = tonumber(dim), metric = metric, index = index },
  } }, { durability = "none", maintenance = "manual" }))
  insert(collection, file, tonumber(dim))
  collectgarbage()
  local before = collection:stats()
  local begin = seconds()
  assert(collection:optimize { threads = tonumber(threads) })
  figure("build", seconds() - begin)

  local stats = collection:stats()
  local of_index = stats.indexes[FIELD]
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

local function percentile(sorted, part)
  return sorted[math.min(#sorted, math.floor(part * #sorted) + 1)]
end

-- One pass over the queries. Appends the seconds of each to `times`; returns the rows found.
local function pass(collection, queries, k, params, times)
  local found = {}
  for _, vector in ipairs(queries) do
    local begin = seconds()
    local hits = assert(collection:query {
      field = FIELD, vector = vector, topk = k, output_fields = {}, params = params,
    })
    times[#times + 1] = seconds() - begin
    for i = 1, k do found[#found + 1] = hits[i] and tonumber(hits[i].id) or -1 end
  end
  return found
end

-- A list of whole numbers as little-endian int32, -1 being the only negative one.
local function pack_int32(list)
  local parts = {}
  for i, n in ipairs(list) do
    if n < 0 then n = n + 2 ^ 32 end
    parts[i] = string.char(n % 256, math.floor(n / 2 ^ 8) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 2 ^ 24))
  end
  return table.concat(parts)
end

local function search(path, file, dim, k, at_least, efs, out)
  local queries = tools.vectors(file, tonumber(dim))
  local collection = assert(moonvec.open(path, { maintenance = "manual" }))
  local output = assert(io.open(out, "ab"))
  local warm = false
  k, at_least = tonumber(k), tonumber(at_least)
  for ef in efs:gmatch("[^,]+") do
    local params = ef ~= "default" and { ef = tonumber(ef) } or nil
    if not warm then pass(collection, queries, k, params, {}) end -- brings the pages in
    warm = true
    collectgarbage()
    local times, begin = {}, seconds()
    local found = pass(collection, queries, k, params, times)
    while seconds() - begin < at_least do pass(collection, queries, k, params, times) end
    local sum = 0
    for _, time in ipairs(times) do sum = sum + time end
    table.sort(times)
    figure("qps:" .. ef, #times / sum)
    figure("p50:" .. ef, 1e6 * percentile(times, 0.50))
    figure("p99:" .. ef, 1e6 * percentile(times, 0.99))
    output:write(pack_int32(found))
  end
  output:close()
  collection:close()
end

-- Memory of this process that is not a mapped file, in bytes.
local function anonymous_bytes()
  collectgarbage()
  collectgarbage()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^RssAnon:%s*(%d+)")
    if kib then return 1024 * tonumber(kib) end
  end
end

-- The queries are read one by one: a large string that was freed makes malloc keep, and touch, later blocks of that
-- size on its heap.
local function memory(path, file, dim, k)
  local queries = {}
  for vector in tools.batches(file, tonumber(dim), 1) do queries[#queries + 1] = vector end
  local before = anonymous_bytes()
  local collection = assert(moonvec.open(path, { maintenance = "manual" }))
  for _, vector in ipairs(queries) do
    assert(collection:query { field = FIELD, vector = vector, topk = tonumber(k), output_fields = {} })
  end
  figure("anonymous_bytes", anonymous_bytes() - before)
  figure("memory_bytes", collection:stats().memory_bytes)
  collection:close()
end

local commands = { build = build, search = search, memory = memory }
commands[arg[1]](tools.unpack(arg, 2))

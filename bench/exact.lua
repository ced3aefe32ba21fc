-- exact.lua: exact search from Lua as a share of the memory bandwidth of one core, and the gain of smaller
-- element types. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"

local K = 10
local BATCH = 1000

-- rows = 0: 100,000, and also 400,000 if half of the smaller set could be in the cache.
local options = harness.options {
  rows = 0, dim = 768, queries = 20, rounds = 5, metric = "cosine", core = 1, seed = 1,
}

local TYPES = {
  { field = "fp32", type = "vector_fp32", bytes = 4 },
  { field = "fp16", type = "vector_fp16", bytes = 2 },
  { field = "int8", type = "vector_int8", bytes = 1 },
}

-- A collection with the same vectors in all three types, sealed.
local function build(path, file)
  local vectors = {}
  for i, t in ipairs(TYPES) do
    vectors[i] = {
      name = t.field, type = t.type, dim = options.dim, metric = options.metric, index = { type = "flat" },
    }
  end
  tools.remove(path)
  local schema = { name = "exact", fields = {}, vectors = vectors }
  local collection = assert(moonvec.create_and_open(path, schema, { durability = "none" }))
  local row, size = 0, 4 * options.dim
  for packed in tools.batches(file, options.dim, BATCH) do
    local docs = {}
    for i = 0, #packed / size - 1 do
      local vector = packed:sub(i * size + 1, (i + 1) * size)
      docs[i + 1] = { id = ("%d"):format(row), fp32 = vector, fp16 = vector, int8 = vector }
      row = row + 1
    end
    assert(collection:insert(docs))
  end
  assert(collection:optimize())
  return collection
end

-- One pass: all queries, one call each. Returns the seconds per query, and stores the hits in `results`.
local function pass(collection, field, queries, results)
  local begin = harness.seconds()
  for i, vector in ipairs(queries) do
    results[i] = assert(collection:query { field = field, vector = vector, topk = K, output_fields = {} })
  end
  return (harness.seconds() - begin) / #queries
end

local function read_bandwidth(file)
  local mapped, anonymous = tools.run(tools.program("read_bandwidth"), file):match("mapped (%S+)%s+anonymous (%S+)")
  return { mapped = tonumber(mapped), anonymous = tonumber(anonymous) }
end

-- Measures one size: every type, Zvec if it is available, and the bandwidth, in turns.
local function measure(rows, with_zvec)
  local file = tools.data(0, rows, options.dim, options.seed)
  local query_file = tools.data(rows, options.queries, options.dim, options.seed)
  local queries = tools.vectors(query_file, options.dim)
  local path, zvec_path = tools.directory .. "/exact.mv", tools.directory .. "/exact.zvec"
  local collection = build(path, file)
  local m = { truth = tools.truth(file, query_file, options.dim, 2 * K, options.metric), hits = {} }

  local runs = {}
  for i, t in ipairs(TYPES) do
    m.hits[i] = {}
    pass(collection, t.field, queries, m.hits[i]) -- loads the pages
    runs[i] = function() return pass(collection, t.field, queries, m.hits[i]) end
  end
  runs[#runs + 1] = function() return read_bandwidth(file) end
  if with_zvec then
    tools.peer("zvec_insert.mjs", file, rows, options.dim, zvec_path, "optimize")
    runs[#runs + 1] = function()
      local figures = tools.peer("zvec_query.mjs", zvec_path, query_file, options.dim, K)
      m.zvec_hits = {}
      for q, ids in figures.ids:gmatch("(%d+):([%d,]*)") do
        local hits = {}
        for id in ids:gmatch("%d+") do hits[#hits + 1] = { id = id } end
        m.zvec_hits[tonumber(q)] = hits
      end
      return figures.query
    end
  end
  m.times = harness.alternate(options.rounds, runs)
  m.stats = collection:stats()
  collection:close()
  tools.remove(path)
  tools.remove(zvec_path)
  return m
end

-- The rates of one side: queries per second, and GB/s computed from the bytes of a row.
local function rates(times, rows, bytes)
  local qps, speed = {}, {}
  for i, seconds in ipairs(times) do
    qps[i], speed[i] = 1 / seconds, rows * options.dim * bytes / seconds / 1e9
  end
  return harness.summary(qps), harness.summary(speed)
end

local function show(report, rows, m)
  local mapped, anonymous = {}, {}
  for i, both in ipairs(m.times[#TYPES + 1]) do mapped[i], anonymous[i] = both.mapped, both.anonymous end
  mapped, anonymous = harness.summary(mapped), harness.summary(anonymous)
  local best = math.max(mapped.median, anonymous.median)

  report:line("%s rows of %d dims, %s, top %d, %d queries a pass, one thread, one core; %d segment(s)",
    harness.number(rows), options.dim, options.metric, K, options.queries, m.stats.segments)
  report:line("read bandwidth of the core, GB/s: mapped file %s, memory %s", harness.spread(mapped, 2),
    harness.spread(anonymous, 2))
  report:line()

  local lines = { { "", "QPS", "recall@10", "GB/s", "of bandwidth", "rows/s vs fp32" } }
  local base
  local function add(name, times, bytes, hits)
    local qps, speed = rates(times, rows, bytes)
    base = base or qps.median
    lines[#lines + 1] = { name, harness.spread(qps, 1), ("%.4f"):format(harness.recall(hits, m.truth, K)),
      ("%.2f"):format(speed.median), ("%.0f %%"):format(100 * speed.median / best),
      ("%.2f x"):format(qps.median / base) }
  end
  for i, t in ipairs(TYPES) do add("moonvec " .. t.field, m.times[i], t.bytes, m.hits[i]) end
  if m.zvec_hits then add("Zvec 0.7.0 fp32, flat", m.times[#TYPES + 2], 4, m.zvec_hits) end
  report:table(lines)
end

local function sizes(report)
  if options.rows > 0 then return { options.rows } end
  local kib = tools.shell("cat /sys/devices/system/cpu/cpu0/cache/index3/size 2>/dev/null || echo 0"):match("%d+")
  if 2 * kib * 1024 <= 100000 * options.dim * 4 then return { 100000 } end
  report:line("the last cache holds more than half of 100,000 rows: 400,000 are measured too")
  report:line()
  return { 100000, 400000 }
end

local report = harness.report("exact", "exact search against the read bandwidth of one core", options.seed)
local zvec, reason = tools.zvec()
if not zvec then report:line("Zvec is not here: %s", reason) end
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
report:line("median (min - max) of %d alternated passes; percentages are of the better bandwidth", options.rounds)
for _, rows in ipairs(sizes(report)) do show(report, rows, measure(rows, zvec)) end
report:line("targets: fp32 at 80 % of the bandwidth or more, int8 at 3 x the rows of fp32 or more, recall 1")
report:finish(options.save)

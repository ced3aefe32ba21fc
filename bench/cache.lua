-- cache.lua: a semantic cache: lookups by vector in one partition, while two processes write documents one by one, and
-- how many single writes a second there are. Redis is measured beside it, with keys and a scan in Lua. What is measured
-- and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local cache = require "cache_documents"
local redis_cache = require "cache_redis"
local tools = require "tools"

local options = harness.options {
  rows = 100000, dims = "384,1536", seed = 1, rate = 500, writers = 2, seconds = 10, lookups = 20,
  engines = "moonvec,redis",
}
local engines = harness.words(options.engines, "engine", { "moonvec", "redis" })
local path = tools.directory .. "/cache.mv"
local report = harness.report("cache", "lookups in a semantic cache while it is written", options.seed)

local function percentiles(times)
  table.sort(times)
  local function at(share) return times[math.max(1, math.ceil(#times * share))] end
  return { p50 = at(0.5), p99 = at(0.99), max = times[#times], count = #times }
end

-- Look up for some seconds, or `count` times. Returns the percentiles in us.
local function look_up(lookup, queries, seconds, count)
  local times, deadline, hits = {}, harness.seconds() + seconds, 0
  while #times < count and harness.seconds() < deadline do
    local n = #times + 1
    local q = queries[(n - 1) % #queries + 1]
    local begin = harness.seconds()
    local hit = lookup(q)
    times[n] = (harness.seconds() - begin) * 1e6
    hits = hits + (hit and 1 or 0)
  end
  local found = percentiles(times)
  found.hits = hits / #times
  return found
end

local function row_of(name, figures)
  return { name, harness.number(figures.p50), harness.number(figures.p99), harness.number(figures.max),
    harness.number(figures.count), harness.number(figures.hits, 2) }
end

-- Run the writers for some seconds while `work` runs. Returns its result and the writes a second of each.
local function beside_writers(dim, first, work)
  local logs = {}
  cache.written(dim) -- the writers would make the file at once
  for i = 1, options.writers do
    logs[i] = ("%s/cache-writer-%d.log"):format(tools.directory, i)
    os.remove(logs[i])
    assert(os.execute(("%s bench/support/cache_writer.lua %s %d %d %d %d > %s 2>&1 &"):format(arg[-1], path, dim,
      first + i * 10000000, options.rate, options.seconds, logs[i])))
  end
  harness.os.sleep(0.5)
  local result, rates = work(), {}
  for i, log in ipairs(logs) do
    local text
    repeat
      harness.os.sleep(0.1)
      text = tools.shell("cat " .. log)
    until text:find("figure rate") or text:find("lua5%.%d:")
    rates[i] = assert(tonumber(text:match("figure rate (%S+)")), text)
  end
  return result, rates
end

local function measure_moonvec(rows, dim, queries)
  tools.remove(path)
  local c = assert(moonvec.open(path, { schema = cache.schema(dim), durability = "none" }))
  cache.fill(c, options.rows, dim, options.seed)
  assert(c:optimize())
  local function lookup(q)
    local hits = c:query { vector = q.vector, topk = 1, filter = "partition = ?", args = { q.partition },
      min_score = 0.9, output_fields = { "response" } }
    return assert(hits)[1]
  end
  look_up(lookup, queries, 1, math.huge)
  rows[#rows + 1] = row_of("moonvec, idle", look_up(lookup, queries, options.seconds / 2, math.huge))
  local busy, rates = beside_writers(dim, options.rows, function()
    return look_up(lookup, queries, options.seconds - 1, math.huge)
  end)
  local name = ("moonvec, %d writers of %s a second"):format(options.writers, harness.number(rates[1]))
  rows[#rows + 1] = row_of(name, busy)
  assert(c:close())
  tools.remove(path)
end

local function measure_redis(rows, dim, queries)
  local server = redis_cache.start(tools.directory .. "/redis")
  cache.each(options.rows, dim, options.seed, function(document) server:store(document) end)
  server:flush()
  rows[#rows + 1] = row_of("Redis and a scan in Lua, idle", look_up(function(q)
    return server:look_up(q.partition, q.vector, 0.9)
  end, queries, 600, options.lookups))
  server:stop()
end

for dim in options.dims:gmatch("%d+") do
  dim = tonumber(dim)
  local queries = cache.queries(options.rows, dim, options.seed)
  local rows = { { dim .. " dims", "p50 us", "p99", "max", "lookups", "hit ratio" } }
  if engines.moonvec then measure_moonvec(rows, dim, queries) end
  if engines.redis then measure_redis(rows, dim, queries) end
  report:table(rows)
end

if engines.moonvec then
  local rates = {}
  for i = 1, 3 do
    tools.remove(path)
    assert(moonvec.open(path, { schema = cache.schema(64), durability = "none" })):close()
    rates[i] = tools.figures(arg[-1], "bench/support/cache_writer.lua", path, 64, 0, 0, 3).rate
  end
  report:line("single writes of 64 dims, durability none, one process: %s a second",
    harness.spread(harness.summary(rates)))
  tools.remove(path)
end
report:finish(options.save)

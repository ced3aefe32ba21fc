-- sparse.lua: searching sparse vectors, compared with Zvec's graph over them. What is measured and how to read it:
-- bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local sparse_vectors = require "sparse_vectors"
local tools = require "tools"

local BATCH, K = 2000, 10

local options = harness.options {
  rows = 200000, queries = 500, rounds = 3, core = 1, seed = 1, ef = "20,40,80,160,320",
}

local path = tools.directory .. "/sparse.mv"
local documents_path, queries_path = tools.directory .. "/sparse.documents", tools.directory .. "/sparse.queries"

local function build(documents)
  tools.remove(path)
  local c = assert(moonvec.create_and_open(path, {
    fields = { { name = "n", type = "int32", index = "invert" } },
    vectors = { { name = "terms", type = "sparse_vector_fp32" } },
  }, { durability = "none", maintenance = "manual" }))
  local begin = harness.seconds()
  for from = 1, #documents, BATCH do
    local batch = {}
    for i = from, math.min(from + BATCH - 1, #documents) do
      batch[#batch + 1] = { id = i - 1, n = i * 2654435761 % 4294967296 % 100, terms = documents[i] }
    end
    assert(c:insert(batch))
  end
  local inserted = harness.seconds()
  assert(c:optimize { threads = 1 })
  return c, inserted - begin, harness.seconds() - inserted
end

--- The times of all queries in microseconds, sorted, and the ids found.
local function search(c, queries, filter, exact)
  local times, found = {}, {}
  for i, query in ipairs(queries) do
    local begin = harness.seconds()
    local hits = assert(c:query { vector = query, topk = K, filter = filter, output_fields = {},
      params = exact and { exact = true } or nil })
    times[i] = (harness.seconds() - begin) * 1e6
    local ids = {}
    for j, hit in ipairs(hits) do ids[j] = tonumber(hit.id) end
    found[i] = ids
  end
  return times, found
end

local function figures(times)
  local sum = 0
  table.sort(times)
  for _, time in ipairs(times) do sum = sum + time end
  return #times * 1e6 / sum, times[math.ceil(#times / 2)], times[math.ceil(#times * 0.99)]
end

local function recall(truth, found)
  local hits, wanted = 0, 0
  for i, ids in ipairs(truth) do
    local is_true = {}
    for _, id in ipairs(ids) do is_true[id] = true end
    for _, id in ipairs(found[i]) do hits = hits + (is_true[id] and 1 or 0) end
    wanted = wanted + #ids
  end
  return hits / wanted
end

local function read_found(file, queries)
  local found = {}
  for i = 1, queries do
    local ids = {}
    for j = 1, K do ids[j] = ("<i4"):unpack(file:read(4)) end
    found[i] = ids
  end
  return found
end

if not harness.os.pin(options.core) then io.stderr:write("sparse: not pinned to a core\n") end
local documents, queries =
  sparse_vectors.make(documents_path, queries_path, options.rows, options.queries, options.seed)
local entries = 0
for _, packed in ipairs(documents) do entries = entries + #packed / 8 end
local c, inserting, indexing = build(documents)
local size = tonumber(tools.shell(("cd '%s' && stat -c %%s *.sparse | paste -sd+ | bc"):format(path)))
local report = harness.report("sparse", "the ten best documents for sparse vectors", options.seed)
report:line("%s vectors, %.0f entries each", harness.number(#documents), entries / #documents)
report:line("moonvec: insert %.1f s, index %.1f s, %.1f MB = %.2f bytes an entry", inserting, indexing, size / 1e6,
  size / entries)
local _, truth = search(c, queries, nil, true)
report:line()
report:line("engine              recall     QPS   p50   p99")
for _, filter in ipairs { false, "n < 50", "n < 10", "n < 1" } do
  local _, wanted = search(c, queries, filter or nil, true)
  local all, found = {}, nil
  for _ = 1, options.rounds do
    local times
    times, found = search(c, queries, filter or nil)
    for _, time in ipairs(times) do all[#all + 1] = time end
  end
  local qps, p50, p99 = figures(all)
  report:line("moonvec %-10s %7.4f %7.0f %5.0f %5.0f", filter or "", recall(wanted, found), qps, p50, p99)
end
c:close()
local zvec, reason = tools.zvec()
if zvec then
  local directory, out = tools.directory .. "/sparse.zvec", tools.directory .. "/sparse.found"
  local built = tools.peer("zvec_sparse.mjs", "build", documents_path, directory)
  report:line("Zvec 0.7.0: insert %.1f s, index %.1f s", built.insert, built.build)
  os.remove(out)
  local swept = tools.peer("zvec_sparse.mjs", "search", directory, queries_path, K, 1, options.ef, out)
  local file = assert(io.open(out, "rb"))
  for ef in tostring(options.ef):gmatch("%d+") do
    local qps, floor = swept["qps:" .. ef], swept["floor:" .. ef]
    report:line("Zvec ef %-10s %7.4f %7.0f %5.0f %5.0f (net of its call %.0f)", ef,
      recall(truth, read_found(file, #queries)), qps, swept["p50:" .. ef], swept["p99:" .. ef],
      1e6 / (1e6 / qps - floor))
  end
  file:close()
  tools.remove(directory)
else
  report:line("Zvec is not here: %s", reason)
end
report:finish(options.save)
tools.remove(path)

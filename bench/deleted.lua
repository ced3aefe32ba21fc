-- deleted.lua: the graph that `optimize` leaves after most rows were deleted, compared with a graph built from
-- the remaining rows. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"
local graph_rows = require "graph_rows"

local K = 10
local EFS = { false, 64 } -- false: the default
local SHARES = { 0.3, 0.5, 0.75, 0.9, 0.99 }

local options = harness.options { rows = 100000, dim = 96, queries = 200, rounds = 5, core = 1, seed = 1 }

-- The first element of a packed vector: a half-space by it is a region.
local function first_element(vector)
  return moonvec.unpack(vector:sub(1, 4))[1]
end

-- Which rows are deleted: a function of number and vector.
local function by_chance(share)
  return function(row) return (row * 2654435761) % 4294967296 < share * 4294967296 end
end

local function by_region(share, file)
  local values = {}
  for packed in tools.batches(file, options.dim, 1000) do
    for at = 1, #packed, 4 * options.dim do values[#values + 1] = first_element(packed:sub(at, at + 3)) end
  end
  table.sort(values)
  local limit = values[math.floor(share * #values) + 1]
  return function(_, vector) return first_element(vector) < limit end
end

local function delete(collection, file, is_deleted)
  local ids, row, size = {}, 0, 4 * options.dim
  for packed in tools.batches(file, options.dim, 1000) do
    for at = 1, #packed, size do
      if is_deleted(row, packed:sub(at, at + size - 1)) then ids[#ids + 1] = row end
      row = row + 1
    end
  end
  assert(collection:delete(ids) == #ids)
end

local function timed(work, ...)
  local begin = harness.seconds()
  assert(work(...))
  return harness.seconds() - begin
end

local function exact_neighbours(collection, queries)
  local truth = {}
  for q, vector in ipairs(queries) do
    truth[q] = {}
    for i, hit in ipairs(assert(collection:query { vector = vector, topk = 2 * K, params = { exact = true } })) do
      truth[q][i] = { id = hit.id, distance = hit.distance }
    end
  end
  return truth
end

-- A pass over all queries. Returns the queries a second, and the hits.
local function pass(collection, queries, ef)
  local hits, begin = {}, harness.seconds()
  for q, vector in ipairs(queries) do
    hits[q] = assert(collection:query { vector = vector, topk = K, output_fields = {},
      params = { plan = "graph", ef = ef or nil } })
  end
  return { qps = #queries / (harness.seconds() - begin), hits = hits }
end

local report = harness.report("deleted", "the graph after deletions, beside a new one", options.seed)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
report:line("%s rows of %d dims, l2; a part is deleted, then `optimize`; beside it a collection of the rows left",
  harness.number(options.rows), options.dim)
report:line("%d queries like the rows, forced through the graph, one thread, one core; QPS: median of %d passes",
  options.queries, options.rounds)
report:line()

local file = tools.data(0, options.rows, options.dim, options.seed)
local queries = tools.vectors(tools.data(options.rows, options.queries, options.dim, options.seed), options.dim)
local old_path, new_path = tools.directory .. "/deleted.mv", tools.directory .. "/deleted_new.mv"
local rows = { { "deleted", "rows left", "optimize s", "new s", "ef", "recall@10", "new", "QPS", "new" } }

local function measure(name, is_deleted)
  local old = graph_rows.insert(old_path, file, options.dim)
  assert(old:optimize())
  delete(old, file, is_deleted)
  local old_seconds = timed(old.optimize, old)
  local new, left = graph_rows.insert(new_path, file, options.dim,
    function(row, vector) return not is_deleted(row, vector) end)
  local new_seconds = timed(new.optimize, new)
  local truth = exact_neighbours(new, queries)
  for i, ef in ipairs(EFS) do
    local results = harness.alternate(options.rounds, {
      function() return pass(old, queries, ef) end, function() return pass(new, queries, ef) end,
    })
    local recall, qps = {}, {}
    for side = 1, 2 do
      local list = {}
      for round, result in ipairs(results[side]) do list[round] = result.qps end
      qps[side] = harness.number(harness.summary(list).median)
      recall[side] = ("%.4f"):format(harness.recall(results[side][1].hits, truth, K))
    end
    rows[#rows + 1] = { i == 1 and name or "", i == 1 and harness.number(left) or "",
      i == 1 and ("%.2f"):format(old_seconds) or "", i == 1 and ("%.2f"):format(new_seconds) or "",
      ef or "default", recall[1], recall[2], qps[1], qps[2] }
  end
  old:close()
  new:close()
end

for _, share in ipairs(SHARES) do
  measure(("%.0f %% at random"):format(share * 100), by_chance(share))
  measure(("%.0f %% by region"):format(share * 100), by_region(share, file))
end
report:table(rows)
report:finish(options.save)
tools.remove(old_path)
tools.remove(new_path)

-- Recall@10 under filters, by the share of rows that match, and by the correlation of the filter with the vectors:
-- none, matching rows are near the queries, or matching rows are far from them. Exact search of the same collection is
-- the truth. The number and contents of the hits are checked against a copy of the documents. It is the
-- engine that finds, the same for every Lua: one of them is enough.

if _VERSION ~= "Lua 5.4" then
  return
end

local support = require "spec.support"
local moonvec = require "moonvec"

local DIM, CENTRES, QUERIES, K, FLOOR = 32, 60, 40, 10, 0.95
local SHARES = { 50, 20, 10, 5, 2, 1, 0.1 }

local function near(random, centre)
  local v = support.vector(random, DIM)
  for i = 1, DIM do v[i] = centre[i] + v[i] end
  return v
end

local function distance(a, b)
  return -support.scores.l2(a, b)
end

-- The numbers 1 to n, sorted by cost, smallest first.
local function ranked(n, cost)
  local costs, order = {}, {}
  for i = 1, n do costs[i], order[i] = cost(i), i end
  table.sort(order, function(a, b)
    if costs[a] ~= costs[b] then return costs[a] < costs[b] end
    return a < b
  end)
  return order
end

-- `rows` documents around CENTRES points. key_random is a permutation of 0 .. rows - 1; key_pole is the rank by
-- distance from the pole, one of these points. Also returns, for each kind of filter, its field and its queries: random
-- ones, and of many random ones those nearest to the pole and those farthest from it.
local function make_data(rows, seed)
  local random, centres, documents = support.random(seed), {}, {}
  for i = 1, CENTRES do centres[i] = support.vector(random, DIM) end
  local pole = centres[1]
  for n = 1, rows do
    documents[n] = { id = ("%d"):format(n), v = near(random, centres[random(CENTRES)]) }
  end
  for rank, n in ipairs(ranked(rows, function() return random() end)) do documents[n].key_random = rank - 1 end
  for rank, n in ipairs(ranked(rows, function(n) return distance(documents[n].v, pole) end)) do
    documents[n].key_pole = rank - 1
  end

  local pool, any, nearest, farthest = {}, {}, {}, {}
  for q = 1, 20 * QUERIES do pool[q] = near(random, centres[random(CENTRES)]) end
  local by_pole = ranked(#pool, function(q) return distance(pool[q], pole) end)
  for q = 1, QUERIES do
    any[q], nearest[q], farthest[q] = pool[q], pool[by_pole[q]], pool[by_pole[#pool + 1 - q]]
  end
  return documents, {
    { name = "independent", field = "key_random", queries = any },
    { name = "positive", field = "key_pole", queries = nearest },
    { name = "negative", field = "key_pole", queries = farthest },
  }
end

-- The recall of all queries of `case` with the filter `field < limit`. `alive`: the documents by id. `plan`: of the
-- searches, or nil.
local function recall(c, case, limit, alive, plan)
  local matches, expected, found = 0, 0, 0
  for _, document in pairs(alive) do
    if document[case.field] < limit then matches = matches + 1 end
  end
  for _, vector in ipairs(case.queries) do
    local query = { vector = vector, topk = K, filter = case.field .. " < ?", args = { limit }, output_fields = {},
      params = { plan = plan } }
    local hits, seen = assert(c:query(query)), {}
    query.params = { exact = true }
    local exact = assert(c:query(query))
    assert.equal(math.min(K, matches), #exact)
    assert.equal(#exact, #hits)
    for _, hit in ipairs(hits) do
      local document = assert(alive[hit.id], "a deleted document was found")
      assert.is_true(document[case.field] < limit)
      assert.is_nil(seen[hit.id])
      seen[hit.id] = true
      if hit.score >= exact[#exact].score then found = found + 1 end
    end
    expected = expected + #exact
  end
  return expected == 0 and 1 or found / expected
end

-- One assertion for all points, so that a failure shows all that are below the floor.
local function holds(c, cases, rows, alive, stage, plan)
  local low, limits = {}, { 0, 3, K }
  for _, share in ipairs(SHARES) do limits[#limits + 1] = math.floor(rows * share / 100) end
  for _, case in ipairs(cases) do
    for _, limit in ipairs(limits) do
      local value = recall(c, case, limit, alive, plan)
      if value < FLOOR then low[#low + 1] = ("%s, %d of %d rows: %.3f"):format(case.name, limit, rows, value) end
    end
  end
  assert.same({}, low, stage)
end

-- Inserts documents `from` to `to`, and deletes every tenth of them.
local function write(c, documents, from, to, alive)
  local batch, gone = {}, {}
  for n = from, to do
    batch[#batch + 1] = documents[n]
    alive[documents[n].id] = documents[n]
    if n % 10 == 0 then gone[#gone + 1] = documents[n].id end
  end
  assert(c:insert(batch))
  for _, id in ipairs(gone) do alive[id] = nil end
  return gone
end

local function lives(rows, metric, fields, plan)
  local documents, cases = make_data(rows, 7)
  local schema = {
    fields = fields,
    vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = metric, index = { type = "hnsw" } } },
  }
  local path, options, alive = support.path(), { maintenance = "manual", durability = "none" }, {}
  local c = assert(moonvec.create_and_open(path, schema, options))
  -- A segment with a graph, and deletions since the graph was built.
  local built, sealed = math.floor(rows * 0.7), math.floor(rows * 0.97)
  local gone = write(c, documents, 1, built, alive)
  assert(c:optimize { threads = 2 })
  assert(c:delete(gone))
  holds(c, cases, rows, alive, "a graph and deletions", plan)
  -- In addition a segment without a graph, and fresh rows, with deletions in both.
  assert(c:delete(write(c, documents, built + 1, sealed, alive)))
  assert(c:delete(write(c, documents, sealed + 1, rows, alive)))
  local stats = c:stats()
  assert.is_true(stats.segments >= 2 and stats.fresh_rows > 0 and stats.deleted_rows > 0)
  holds(c, cases, rows, alive, "several segments, fresh rows and deletions", plan)
  -- Merged, and reopened.
  assert(c:optimize { threads = 2 })
  assert(c:close())
  c = assert(moonvec.open(path, options))
  holds(c, cases, rows, alive, "all in one graph", plan)
  c:close()
end

describe("recall under filters", function()
  after_each(support.clean)

  local plain = { { name = "key_random", type = "int64" }, { name = "key_pole", type = "int64" } }

  for _, metric in ipairs { "l2", "cosine" } do
    it(("is %.2f or more with all filters, under %s"):format(FLOOR, metric), function()
      lives(16000, metric, plain)
    end)
  end

  -- Graphs are worth walking for so few rows in far larger collections.
  it(("is %.2f or more where a graph is walked for any filter"):format(FLOOR), function()
    lives(16000, "l2", plain, "graph")
  end)
end)

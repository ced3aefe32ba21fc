-- Several vectors in one query: the hits are those of a query for each, whatever `threads` is.

local support = require "spec.support.init"

local ROWS, DIM, QUERIES = 6000, 16, 70 -- enough rows for graphs, and vectors for several turns of four threads

local INDEXES = {
  l2 = { type = "hnsw" },
  cosine = { type = "hnsw", quantize = "none" },
  ip = { type = "hnsw", m = 6, quantize = "int8" },
}
local FIELDS = { "l2", "cosine", "ip", "l1" } -- each named by its metric

local function documents(random, from, to)
  local list = {}
  for i = from, to do
    local document = { id = "d" .. i, n = i, tag = "t" .. i % 7 }
    for _, field in ipairs(FIELDS) do
      document[field] = support.vector(random, DIM)
    end
    list[#list + 1] = document
  end
  return list
end

-- Of the engine, on Lua 5.4 only; below is what is also the binding's.
describe("several vectors in one query, of each plan: #once", function()
  local c, queries

  -- Two segments with graphs, deleted rows in both, and fresh rows.
  setup(function()
    local vectors = {}
    for i, field in ipairs(FIELDS) do
      vectors[i] = { name = field, type = "vector_fp32", dim = DIM, metric = field, index = "flat" }
    end
    c = support.collection({
      fields = { { name = "n", type = "int32", index = "invert" }, { name = "tag", type = "string" } },
      vectors = vectors,
    }, { path = ":memory:", maintenance = "manual" })
    local random = support.random(23)
    c:insert(documents(random, 1, ROWS))
    c:insert(documents(random, ROWS + 1, ROWS + 4500))
    for field, index in pairs(INDEXES) do
      assert(c:create_index(field, index)) -- of each segment: it merges none
    end
    c:insert(documents(random, ROWS + 4501, ROWS + 5200))
    assert(c:delete_by_filter("n < 7000 AND tag = 't3'"))
    queries = {}
    for i = 1, QUERIES do
      queries[i] = support.vector(random, DIM)
    end
  end)
  teardown(support.clean)

  -- The hits of `options` with all queries at once, for each number of threads, are those of a query for each.
  local function check(options)
    options.vectors = nil
    local singles = {}
    for i, query in ipairs(queries) do
      options.vector = query
      singles[i] = assert(c:query(options))
    end
    options.vector = nil
    options.vectors = queries
    for threads = 0, 4 do
      options.threads = threads > 0 and threads or nil
      assert.same(singles, assert(c:query(options)))
    end
    options.threads = nil
    return singles
  end

  it("the collection has what is tested", function()
    local stats = c:stats()
    assert.equal(2, stats.segments)
    assert.equal(700, stats.fresh_rows)
    for field in pairs(INDEXES) do
      assert.is_true(stats.indexes[field].completeness > 0.9)
    end
  end)

  for _, field in ipairs(FIELDS) do
    it(field .. ": the hits of single queries", function()
      check { field = field, topk = 10, output_fields = {} }
      check { field = field, topk = 1, output_fields = {} }
      check { field = field, topk = 100, output_fields = {} }
      check { field = field, topk = 10, output_fields = {}, params = { exact = true } }
    end)

    it(field .. ": with filters", function()
      check { field = field, filter = "n <= 7000", output_fields = {} }
      check { field = field, filter = "n >= 5900 AND n < 6100", output_fields = {} }
      check { field = field, filter = "tag = 't5'", output_fields = {} }
      check { field = field, filter = "tag = 'none'", output_fields = {} }
    end)

    it(field .. ": with an offset, a largest distance, a predicate", function()
      check { field = field, topk = 5, offset = 7, output_fields = {} }
      local hits = check { field = field, topk = 10, output_fields = {} }
      check { field = field, topk = 10, max_distance = hits[1][5].distance, output_fields = {} }
      check { field = field, topk = 3, where = function(hit) return hit.n % 2 == 0 end }
    end)
  end

  it("with all params of a graph", function()
    for field in pairs(INDEXES) do
      for _, params in ipairs {
        { ef = 1 }, { ef = 12 }, { ef = 300 }, { recall = 0.5 }, { recall = 0.999 }, { recall = 1 },
        { refine = false }, { plan = "graph" }, { plan = "bridges" }, { plan = "codes" },
      } do
        check { field = field, topk = 10, params = params, output_fields = {} }
        check { field = field, topk = 10, params = params, filter = "n <= 8000", output_fields = {} }
      end
    end
  end)

  it("explain counts the same", function()
    local plans = {}
    for threads = 1, 3 do
      plans[threads] = c:query { field = "l2", vectors = queries, threads = threads, explain = true }
      for _, step in ipairs(plans[threads].steps) do
        step.filter_ms, step.search_ms = nil, nil
      end
      assert.same(plans[1].steps, plans[threads].steps)
    end
  end)

end)

describe("several vectors in one query:", function()
  local c, queries = nil, {}

  setup(function()
    c = support.collection({ vectors = { { name = "l2", type = "vector_fp32", dim = DIM, metric = "l2" } } },
      { path = ":memory:", maintenance = "manual" })
    local random, list = support.random(29), {}
    for i = 1, 200 do list[i] = { id = i, l2 = support.vector(random, DIM) } end
    assert(c:insert(list))
    for i = 1, 9 do queries[i] = support.vector(random, DIM) end
  end)
  teardown(support.clean)

  it("the hits are those of single queries", function()
    local singles = {}
    for i, query in ipairs(queries) do singles[i] = assert(c:query { field = "l2", vector = query }) end
    for threads = 1, 3 do
      assert.same(singles, assert(c:query { field = "l2", vectors = queries, threads = threads }))
    end
  end)

  it("threads may be more than the vectors", function()
    local one, other = c:query { field = "l2", vector = queries[1] }, c:query { field = "l2", vector = queries[2] }
    assert.same({ one, other }, c:query { field = "l2", vectors = { queries[1], queries[2] }, threads = 64 })
    assert.same(one, c:query { field = "l2", vector = queries[1], threads = 8 })
    assert.same({}, c:query { field = "l2", vectors = {}, threads = 2 })
  end)

  local cases = {
    { 0, "query: 'threads' must be a whole number from 1 to 64, got 0" },
    { 65, "query: 'threads' must be a whole number from 1 to 64, got 65" },
    { 1.5, "query: 'threads' must be a whole number from 1 to 64, got 1.5" },
    { "2", "query: 'threads' must be a whole number, got a string" },
  }
  for _, case in ipairs(cases) do
    it("mistake: " .. case[2], function()
      assert.equal(case[2], support.message_of(c.query, c, { field = "l2", vectors = queries, threads = case[1] }))
    end)
  end
end)

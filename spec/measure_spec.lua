-- c:measure: its recall equals one that plain Lua computes from the hits of queries, and its advice fits what it found.

local moonvec = require "moonvec"
local support = require "spec.support"

local DIM, ROWS = 8, 1500

--- A collection with a graph, and its documents.
local function indexed(metric, rows)
  local random, documents = support.random(11), {}
  for n = 1, rows do
    documents[n] = { id = ("%d"):format(n), n = n, v = support.vector(random, DIM) }
  end
  local c = support.collection({
    fields = { { name = "n", type = "int32" } },
    vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = metric,
                  index = { type = "hnsw", m = 4, ef_construction = 8 } } },
  }, { maintenance = "manual" })
  assert(c:insert(documents))
  assert(c:optimize { threads = 1 })
  return c, documents
end

--- The mean recall of queries for these vectors: `farthest` has the score of the last of the nearest documents of each,
--- computed in plain Lua from all documents.
local function plain_recall(c, queries, farthest, topk, params, filter)
  local found = 0
  for i, query in ipairs(queries) do
    local hits = assert(c:query { vector = query, topk = topk, params = params, output_fields = {}, filter = filter })
    for _, hit in ipairs(hits) do
      found = found + (hit.score >= farthest[i] - 1e-5 and 1 or 0)
    end
  end
  return found / (#queries * topk)
end

local function row_named(rows, setting)
  for _, row in ipairs(rows) do
    if row.setting == setting then
      return row
    end
  end
end

describe("measure", function()
  after_each(support.clean)

  for _, metric in ipairs { "l2", "cosine" } do
    it("finds the recall that plain Lua finds, with " .. metric, function()
      local c, documents = indexed(metric, ROWS)
      local random, queries = support.random(5), {}
      for i = 1, 20 do
        queries[i] = support.vector(random, DIM)
      end
      for _, matches in ipairs { false, function(document) return document.n <= 700 end } do
        local farthest = {}
        for i, query in ipairs(queries) do
          farthest[i] = support.exact(documents, "v", metric, query, matches or nil)[7].score
        end
        local rows = assert(c:measure {
          queries = queries, topk = 7, recalls = { 0.5, 0.95 }, efs = { 7 }, filter = matches and "n <= ?" or nil,
          args = matches and { 700 } or nil,
        })
        assert.same({ "recall 0.5", "recall 0.95", "ef 7", "exact" },
          { rows[1].setting, rows[2].setting, rows[3].setting, rows[4].setting })
        for _, row in ipairs(rows) do
          local plain = plain_recall(c, queries, farthest, 7, row.params, matches and "n <= 700" or nil)
          assert.is_true(math.abs(row.recall - plain) < 1e-9, ("%s: %g, %g"):format(row.setting, row.recall, plain))
          assert.is_true(row.p50_us > 0 and row.p50_us <= row.p99_us)
        end
        assert.equal(1, rows[4].recall)
      end
    end)
  end

  it("measures a poor setting as poor, and says how sure it is", function()
    local c = indexed("l2", ROWS)
    local few, many = assert(c:measure { samples = 10, efs = { 1 }, topk = 1 }),
      assert(c:measure { samples = 400, efs = { 1 }, topk = 1 })
    local poor = row_named(many, "ef 1")
    assert.is_true(poor.recall > 0.05 and poor.recall < 0.9, "recall " .. poor.recall)
    assert.is_true(poor.recall < row_named(many, "recall 0.99").recall)
    assert.is_true(poor.distances < row_named(many, "recall 0.99").distances)
    -- The standard deviation of a share, for one hit of each question.
    local deviation = math.sqrt(poor.recall * (1 - poor.recall) * 400 / 399)
    assert.is_true(math.abs(poor.margin - 1.96 * deviation / math.sqrt(400)) < 1e-9)
    assert.is_true(row_named(few, "recall 0.9").margin >= 3 / 10)
  end)

  it("searches for the same documents with the same seed, each as likely as another", function()
    local c = support.collection({ fields = { { name = "n", type = "int32" } },
                                   vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } } })
    assert(c:insert(support.numbered(1, 200)))
    local function ids_of(seed)
      local core, found = require "moonvec.core", {}
      local query_pinned = core.query_pinned
      core.query_pinned = function(collection, options, pinned)
        found[options.id] = true
        return query_pinned(collection, options, pinned)
      end
      local ok, rows = pcall(c.measure, c, { samples = 20, seed = seed })
      core.query_pinned = query_pinned
      assert(ok and rows, rows)
      return found
    end
    local first = ids_of(1)
    assert.same(first, ids_of(1))
    assert.are_not.same(first, ids_of(2))
    local times = {}
    for seed = 1, 150 do
      local count = 0
      for id in pairs(ids_of(seed * 7919)) do
        times[tonumber(id)], count = (times[tonumber(id)] or 0) + 1, count + 1
      end
      assert.equal(20, count)
    end
    for n = 1, 200 do -- 15 times on average, with a standard deviation of 3.7
      assert.is_true((times[n] or 0) > 0 and times[n] < 34, ("%d was chosen %d times"):format(n, times[n] or 0))
    end
  end)

  it("measures bits, several vectors in a field, and sparse ones", function()
    local random, documents = support.random(3), {}
    for n = 1, 60 do
      documents[n] = {
        id = n, bits = support.vector(random, 16, "vector_binary"),
        terms = n % 2 == 0 and { [n] = 1, [7] = 0.5 } or nil,
        several = n % 3 == 0 and { support.vector(random, 4), support.vector(random, 4) } or nil,
      }
    end
    local c = support.collection { vectors = {
      { name = "bits", type = "vector_binary", dim = 16 },
      { name = "terms", type = "sparse_vector_fp32", nullable = true },
      { name = "several", type = "vector_fp32", dim = 4, multi = true, nullable = true },
    } }
    assert(c:insert(documents))
    local rows, advice = assert(c:measure { field = "bits" })
    assert.equal(1, rows[1].recall)
    assert.matches("60 documents are too few for a graph", advice)
    rows, advice = assert(c:measure { field = "terms", samples = 5 })
    assert.same({ "exact" }, { rows[1].setting, rows[2] })
    assert.matches("searches for sparse vectors are exact", advice)
    rows = assert(c:measure { field = "several" })
    assert.equal(1, rows[#rows].recall)
    rows = assert(c:measure { field = "several", queries = { { { 1, 2, 3, 4 }, { 4, 3, 2, 1 } } } })
    assert.equal(1, rows[#rows].recall)
  end)

  it("counts hits that are equally far for each other", function()
    local c = support.collection { vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2" } } }
    local documents = {}
    for n = 1, 1200 do
      documents[n] = { id = n, v = { n % 3 } }
    end
    assert(c:insert(documents))
    assert(c:optimize())
    for _, row in ipairs(assert(c:measure { samples = 20 })) do
      assert.equal(1, row.recall)
    end
  end)

  it("reports its progress", function()
    local c, last = indexed("l2", 40), 0
    assert(c:measure { samples = 5, recalls = { 0.9 }, progress = function(done, total)
      assert.equal(last + 1, done)
      assert.equal(3 + 5 * 3, total)
      last = done
    end })
    assert.equal(18, last)
  end)
end)

describe("the advice of measure", function()
  after_each(support.clean)

  it("says that there is nothing to measure", function()
    local c = indexed("l2", 30)
    local rows, advice = c:measure { filter = "n > 1000" }
    assert.equal(1, rows[#rows].setting == "exact" and 1)
    assert.equal("no document matches the filter: there is nothing to measure", advice)
    assert(c:delete_by_filter("true"))
    rows, advice = c:measure()
    assert.same({}, rows)
    assert.equal("no document has a vector in 'v': there is nothing to measure", advice)
  end)

  it("says when an index is missing or unfinished", function()
    local c, documents = indexed("l2", ROWS)
    assert(c:create_index("v", "flat"))
    local rows, advice = c:measure { samples = 3 }
    assert.equal(1, #rows)
    assert.matches("^'v' has no index: each search compares all 1500 documents, in [%d.]+ [um]s; that is fine", advice)
    assert(c:create_index("v", "hnsw"))
    local more = {}
    for i, document in ipairs(documents) do
      more[i] = { id = "more" .. i, n = i, v = document.v }
    end
    assert(c:insert(more))
    advice = select(2, c:measure { samples = 3 })
    assert.matches("^the graph has only 1500 of 3000 documents, .* run optimize, then measure again$", advice)
  end)

  local choose = require "moonvec.measure_advice"
  local function advise(rows, filter, matches)
    local index = { rows = 50000, graphs = 1, completeness = 1, indexed_rows = 50000 }
    return choose {
      field = { name = "v", index = { type = "hnsw" } }, index = index, rows = rows, matches = matches or 50000,
      filter = filter, questions = 100,
    }
  end
  local function row(recall, found, us, margin, by_index)
    return {
      setting = recall and "recall " .. recall or "exact", params = recall and { recall = recall } or { exact = true },
      recall = found, p50_us = us, p99_us = us, margin = margin or 0.005, by_index = by_index or recall and 1 or 0,
    }
  end

  it("names the setting that is best", function()
    assert.equal("recall = 0.95 gives 0.956 at 60 us here, exact search takes 900 us: the default is fine",
      advise { row(0.9, 0.93, 40), row(0.95, 0.956, 60), row(0.99, 0.995, 90), row(nil, 1, 900, 0) })
    assert.equal("recall = 0.95 gives 0.956 at 60 us here, and recall = 0.99 gives 0.995 at 65 us, hardly more "
      .. "(exact search: 1.2 ms): set recall = 0.99",
      advise { row(0.95, 0.956, 60), row(0.99, 0.995, 65), row(nil, 1, 1200, 0) })
    assert.equal("recall = 0.99 gives 0.960 at 90 us here, exact search takes 900 us: set recall = 0.99, because the "
      .. "default finds only 0.910", advise { row(0.95, 0.91, 60), row(0.99, 0.9601, 90), row(nil, 1, 900, 0) })
    assert.equal("no setting that was measured finds 0.95; recall = 0.95 gives 0.900 at 60 us, exact search takes "
      .. "900 us: set a higher recall, or exact = true", advise { row(0.95, 0.9, 60), row(nil, 1, 900, 0) })
    assert.equal("recall = 0.5 gives 0.999 at 950 us here, exact search takes no longer, 723 us: set exact = true",
      advise { row(0.5, 0.999, 950), row(nil, 1, 723, 0) })
    assert.equal("recall = 0.95 gives 0.970 at 60 us here, exact search takes hardly longer, 70 us: set exact = true",
      advise { row(0.95, 0.97, 60), row(nil, 1, 70, 0) })
  end)

  it("does not ask for more than nearly all", function()
    assert.equal("recall = 0.95 gives 0.999 at 60 us here, exact search takes 70 us: the default is fine",
      advise { row(0.95, 0.999, 60, 0.0001), row(0.99, 1, 60, 0.0001), row(nil, 1, 70, 0) })
  end)

  it("says when samples are too few to tell", function()
    assert.matches("the default is fine; 100 queries tell a recall to 0.03, not 0.95 from 0.96: give more of them",
      advise { row(0.95, 0.93, 60, 0.03), row(nil, 1, 900, 0) })
  end)

  it("says that few matches are compared anyway", function()
    assert.equal("the filter matches only 12 documents, so searches are exact anyway and take 9 us: there is nothing "
      .. "to set", advise({ row(0.95, 1, 9, 0.005, 0), row(nil, 1, 9, 0) }, true, 12))
  end)
end)

describe("misuse of measure", function()
  teardown(support.clean)
  local c = support.collection({ vectors = {
    { name = "title", type = "vector_fp32", dim = 2 }, { name = "body", type = "vector_fp32", dim = 2 },
  } }, { path = ":memory:" })
  local cases = {
    { {}, "measure: 'field' is missing, and the collection has 2 vector fields" },
    { { field = "boddy" }, "measure: unknown vector field 'boddy' (did you mean 'body'?)" },
    { { field = "body", topk = 0 }, "measure: 'topk' must be a whole number from 1 to 10000, got 0" },
    { { field = "body", samples = "many" }, "measure: 'samples' must be a whole number, got a string" },
    { { field = "body", sample = 5 }, "measure: unknown option 'sample' (did you mean 'samples'?)" },
    { { field = "body", recalls = { 0.9, 95 } }, "measure: 'recalls[2]' must be a number from 0 to 1, got 95" },
    { { field = "body", recalls = 0.9 }, "measure: 'recalls' must be an array of numbers, got a number" },
    { { field = "body", efs = { 0 } }, "measure: 'efs[1]' must be a whole number from 1 to 1000000, got 0" },
    { { field = "body", queries = {} }, "measure: 'queries' must be an array of vectors, got an empty table" },
    { { field = "body", queries = { { 1, 2, 3 } } },
      "measure: vector has 3 numbers, field 'body' wants 2" },
    { { field = "body", progress = true }, "measure: 'progress' must be a function, got a boolean" },
  }
  for _, case in ipairs(cases) do
    it("is told: " .. case[2], function()
      assert.equal(case[2], support.message_of(c.measure, c, case[1]))
    end)
  end

  it("is told when there is no vector field", function()
    local none = support.collection({ fields = { { name = "n", type = "bool" } } }, { path = ":memory:" })
    assert.equal("measure: the collection has no vector field", support.message_of(none.measure, none))
  end)

  it("is told when the filter is wrong", function()
    local message = support.message_of(c.measure, c, { field = "body", queries = { { 1, 2 } }, filter = "yeer > 1" })
    assert.matches("filter:1: unknown field 'yeer'", message)
    assert.equal(moonvec.simd, c:stats().simd) -- the collection still works
  end)
end)

-- The option `params` of a query: how a graph is searched.

local support = require "spec.support.init"

local ROWS, DIM, QUERIES = 9000, 24, 60 -- enough rows for a graph

-- Rows and queries whose first number is large but carries no information: with eight bits for each number, most of the
-- information in the others is lost.
local function row_of(random)
  local row = support.vector(random, DIM)
  row[1] = random(2) * 400
  return row
end

local function has(list, id)
  for _, hit in ipairs(list) do
    if hit.id == id then
      return true
    end
  end
  return false
end

describe("params of a query:", function()
  local c, documents, queries, truth

  -- A poor graph on purpose, so that the effect of each parameter can be measured.
  setup(function()
    c = support.collection({
      fields = { { name = "n", type = "int32" } },
      vectors = {
        {
          name = "v", type = "vector_fp32", dim = DIM, metric = "l2",
          index = { type = "hnsw", m = 4, ef_construction = 8, quantize = "int8" },
        },
        { name = "f", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" },
      },
    }, { path = ":memory:", maintenance = "manual" })
    local random = support.random(11)
    documents, queries, truth = {}, {}, {}
    for i = 1, ROWS do
      documents[i] = { id = "d" .. i, n = i, v = row_of(random), f = { i } }
    end
    c:insert(documents)
    assert(c:optimize())
    assert.equal(1, c:stats().indexes.v.completeness)
    for i = 1, QUERIES do
      queries[i] = row_of(random)
      truth[i] = c:query { field = "v", vector = queries[i], topk = 10, params = { exact = true } }
    end
  end)
  teardown(support.clean)

  -- Recall@10.
  local function recall(params)
    local found = 0
    for i, query in ipairs(queries) do
      local hits = assert(c:query { field = "v", vector = query, topk = 10, output_fields = {}, params = params })
      assert.equal(10, #hits)
      for n = 1, 10 do
        found = found + (has(hits, truth[i][n].id) and 1 or 0)
      end
    end
    return found / QUERIES / 10
  end

  it("ef: more finds more", function()
    local few, many = recall { ef = 1 }, recall { ef = 400 }
    assert.is_true(few < 0.9, few)
    assert.is_true(many > few + 0.1, few .. ", " .. many)
  end)

  it("recall: what is declared is found, more is found with more candidates, and 1 is exact", function()
    local function explained(value)
      return assert(c:query { field = "v", vector = queries[1], explain = true,
        params = { recall = value, plan = value < 1 and "graph" or nil } })
    end
    assert.is_true(recall { recall = 0.95 } >= 0.94)
    for _, declared in ipairs { 0.8, 0.95, 0.99 } do
      assert.equal(declared, explained(declared).steps[1].expected_recall)
    end
    assert.is_true(explained(0.999).followed > explained(0.5).followed)
    assert.equal(recall { recall = 0.95 }, recall {})
    assert.equal(1, recall { recall = 1 })
    local exact = explained(1).steps[1]
    assert.same({ "exact", 1, 0 }, { exact.plan, exact.expected_recall, exact.followed })
    local by_ef = assert(c:query { field = "v", vector = queries[1], explain = true, params = { ef = 20 } })
    assert.is_nil(by_ef.steps[1].expected_recall)
  end)

  it("exact: everything is found", function()
    for i = 1, 3 do
      local nearest = support.exact(documents, "v", "l2", queries[i])
      for n = 1, 10 do
        assert.equal(nearest[n].id, truth[i][n].id)
      end
    end
    assert.equal(1, recall { exact = true })
    assert.is_true(recall { exact = false, ef = 1 } < 0.9)
    assert.equal(1, recall { exact = true, ef = 1, refine = false })
  end)

  it("refine = false: what the codes say is taken", function()
    local refined, raw = recall { ef = 400, refine = true }, recall { ef = 400, refine = false }
    assert.is_true(raw < refined - 0.1, raw .. ", " .. refined)
    assert.equal(refined, recall { ef = 400 })
  end)

  it("scores are exact and in order, with all params", function()
    for _, params in ipairs { {}, { ef = 20 }, { ef = 300, refine = false }, { exact = true } } do
      local hits = c:query { field = "v", vector = queries[1], topk = 20, params = params }
      for i, hit in ipairs(hits) do
        local score = support.scores.l2(documents[hit.n].v, queries[1])
        assert.is_true(math.abs(hit.score - score) <= 1e-3 * math.abs(score), hit.score .. ", " .. score)
        assert.is_true(i == 1 or hits[i - 1].score >= hit.score)
      end
    end
  end)

  it("the same comes every time", function()
    for _, params in ipairs { {}, { ef = 1 }, { ef = 30, refine = false } } do
      local options = { field = "v", vector = queries[2], topk = 20, params = params }
      assert.same(c:query(options), c:query(options))
    end
  end)

  it("go with id, vectors, filter and a re-ranker", function()
    local exact = { exact = true }
    local hits = c:query { field = "v", id = "d7", topk = 5, params = exact }
    assert.is_false(has(hits, "d7"))
    local near = support.exact(documents, "v", "l2", documents[7].v)
    assert.same({ near[2].id, near[3].id, near[4].id, near[5].id, near[6].id }, support.ids(hits))

    local results = c:query { field = "v", vectors = { queries[1], queries[2] }, topk = 3, params = exact }
    for i = 1, 2 do
      assert.same({ truth[i][1].id, truth[i][2].id, truth[i][3].id }, support.ids(results[i]))
    end
    assert.same({}, c:query { field = "v", vectors = {}, params = exact })

    local first = support.exact(documents, "v", "l2", queries[1], function(document)
      return document.n <= 40
    end)[1]
    local best = c:query({ field = "v", vector = queries[1], filter = "n <= 40", topk = 1, params = exact })[1]
    assert.equal(first.id, best.id)

    local function forwards(hit)
      return hit.score
    end
    hits = c:query { field = "v", vector = queries[1], topk = 3, params = exact, rerank = forwards }
    assert.same({ truth[1][1].id, truth[1][2].id, truth[1][3].id }, support.ids(hits))
  end)

  it("a flat index takes exact", function()
    assert.equal("d9", c:query({ field = "f", vector = { 9 }, topk = 1, params = { exact = true } })[1].id)
    assert.equal("d9", c:query({ field = "f", vector = { 9 }, topk = 1, params = { exact = false } })[1].id)
    assert.equal("d9", c:query({ field = "f", vector = { 9 }, topk = 1, params = {} })[1].id)
  end)

  local cases = {
    { { ef = 0 }, "query: params: 'ef' must be a whole number from 1 to 1000000, got 0" },
    { { ef = 1000001 }, "query: params: 'ef' must be a whole number from 1 to 1000000, got 1000001" },
    { { ef = 1.5 }, "query: params: 'ef' must be a whole number from 1 to 1000000, got 1.5" },
    { { ef = "64" }, "query: params: 'ef' must be a whole number, got a string" },
    { { recall = 0 }, "query: params: 'recall' must be more than 0 and at most 1, got 0" },
    { { recall = 1.5 }, "query: params: 'recall' must be more than 0 and at most 1, got 1.5" },
    { { recall = "0.9" }, "query: params: 'recall' must be a number, got a string" },
    { { recall = 0.9, ef = 50 }, "query: params: only one of 'recall' and 'ef' can be given" },
    { { target_recall = 0.9 }, "query: params: unknown option 'target_recall' (did you mean 'recall'?)" },
    { { exact = 1 }, "query: params: 'exact' must be true or false, got a number" },
    { { refine = "no" }, "query: params: 'refine' must be true or false, got a string" },
    { { efs = 5 }, "query: params: unknown option 'efs' (did you mean 'ef'?)" },
    { { nprobe = 5 }, "query: params: unknown option 'nprobe' (did you mean 'ef'?)" },
    { 5, "query: params: options must be a table, got a number" },
  }
  for _, case in ipairs(cases) do
    it("mistake: " .. case[2], function()
      assert.equal(case[2], support.message_of(c.query, c, { field = "v", vector = queries[1], params = case[1] }))
      assert.equal(case[2], support.message_of(c.query, c, { field = "v", id = "d1", params = case[1] }))
    end)
  end

  it("mistake: ef, recall or refine for a flat index", function()
    local function message(params)
      return support.message_of(c.query, c, { field = "f", vector = { 1 }, params = params })
    end
    assert.equal("query: params: the flat index of field 'f' has no option 'ef'", message { ef = 5 })
    assert.equal("query: params: the flat index of field 'f' has no option 'recall'", message { recall = 0.9 })
    assert.equal("query: params: the flat index of field 'f' has no option 'refine'", message { refine = true })
  end)

  it("mistake: nothing to search for", function()
    local text = "query: 'params' needs 'vector', 'vectors' or 'id'"
    assert.equal(text, support.message_of(c.query, c, { order_by = "n", params = { exact = true } }))
    assert.equal(text, support.message_of(c.query, c, { params = {} }))
  end)
end)

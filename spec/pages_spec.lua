-- Pages of one commit by `offset`: with the same topk they share no hit, and together they are as good as one search
-- that is as large.

local support = require "spec.support.init"

local DIM, ROWS, PAGES = 24, 5000, 12

local function collection()
  local random = support.random(23)
  local c = support.collection({
    fields = { { name = "n", type = "int32" } },
    vectors = {
      { name = "v", type = "vector_fp32", dim = DIM, index = { type = "hnsw", m = 5, ef_construction = 20 } },
    },
  }, { path = ":memory:", maintenance = "manual" })
  local function insert(from, to)
    local documents = {}
    for i = from, to do
      documents[#documents + 1] = { id = i, n = i % 10, v = support.vector(random, DIM, "vector_fp32") }
    end
    assert(c:insert(documents))
  end
  insert(1, ROWS)
  assert(c:optimize { threads = 1 })
  insert(ROWS + 1, ROWS + 200) -- fresh rows
  for i = 1, 200, 7 do
    assert.equal(1, c:delete(i))
  end
  local queries = {}
  for i = 1, 12 do
    queries[i] = support.vector(random, DIM, "vector_fp32")
  end
  return c, queries
end

local function with(options, more)
  local copy = {}
  for name, value in pairs(options) do copy[name] = value end
  for name, value in pairs(more) do copy[name] = value end
  return copy
end

local function expect_sorted(hits)
  for i = 2, #hits do
    assert.is_true(hits[i - 1].score >= hits[i].score)
  end
end

-- Adds the hits to `seen`, in which none of them may be.
local function add(seen, hits)
  expect_sorted(hits)
  for _, hit in ipairs(hits) do
    assert.is_nil(seen[hit.id])
    seen[hit.id] = true
  end
end

describe("pages by offset", function()
  local c, queries
  setup(function() c, queries = collection() end)
  teardown(support.clean)

  local cases = {
    ["through the graph"] = { params = { plan = "graph", ef = 12 } },
    ["with the measured ef"] = {},
    ["by codes"] = { params = { plan = "codes" } },
    ["with a filter"] = { filter = "n < 5", params = { plan = "graph", ef = 12 } },
    ["over bridges"] = { filter = "n = 3", params = { plan = "bridges", ef = 12 } },
    ["with a distance limit"] = { max_distance = 0.9, params = { plan = "graph", ef = 12 } },
    ["without refining"] = { params = { plan = "graph", refine = false, ef = 12 } },
    ["by candidates in Lua"] = { where = function(hit) return hit.n ~= 7 end, params = { plan = "graph", ef = 12 } },
    ["exactly"] = { params = { exact = true } },
  }
  for name, options in pairs(cases) do
    it("share no hit, and together find what one page would, " .. name, function()
      local found, wanted = 0, 0
      for _, query in ipairs(queries) do
        local seen, topk = {}, 10
        for page = 0, PAGES - 1 do
          local hits = assert(c:query(with(options, { vector = query, topk = topk, offset = page * topk })))
          assert.equal(topk, #hits)
          add(seen, hits)
        end
        local exact = with(options, { vector = query, topk = PAGES * topk, params = { exact = true } })
        for _, hit in ipairs(assert(c:query(exact))) do
          wanted = wanted + 1
          found = found + (seen[hit.id] and 1 or 0)
        end
      end
      assert.is_true(found >= 0.8 * wanted, found / wanted)
    end)
  end

  it("share no hit where the search for a page turns from the graph to all rows #once", function()
    for _, topk in ipairs { 100, 65 } do
      for i = 1, 3 do
        local seen = {}
        for page = 0, math.floor(2600 / topk) do
          local hits = assert(c:query {
            vector = queries[i], topk = topk, offset = page * topk, output_fields = {}, params = { plan = "graph" },
          })
          assert.equal(topk, #hits)
          add(seen, hits)
        end
      end
    end
  end)

  it("share no hit at offsets that are no multiples of topk", function()
    for _, query in ipairs(queries) do
      local seen, options = {}, { vector = query, topk = 10, params = { plan = "graph", ef = 12 } }
      for page = 0, PAGES - 1 do
        add(seen, assert(c:query(with(options, { offset = 5 + page * 10 }))))
      end
    end
  end)

  it("end with the last hit", function()
    local options = { vector = queries[1], topk = 10, filter = "n = 3 AND id LIKE '1%'", params = { plan = "graph" } }
    local count, seen, page, hits = assert(c:count(options.filter)), {}, 0
    repeat
      hits = assert(c:query(with(options, { offset = page * 10 })))
      add(seen, hits)
      page = page + 1
    until #hits < 10
    for _ in pairs(seen) do count = count - 1 end
    assert.equal(0, count)
  end)

  it("are the same for several vectors", function()
    local options = { topk = 10, offset = 50, params = { plan = "graph", ef = 12 } }
    local results = assert(c:query(with(options, { vectors = queries })))
    for i, query in ipairs(queries) do
      assert.same(assert(c:query(with(options, { vector = query }))), results[i])
    end
  end)

  it("never have the document that is searched for", function()
    local seen = {}
    for page = 0, PAGES - 1 do
      add(seen, assert(c:query { id = 1000, topk = 10, offset = page * 10, params = { plan = "graph", ef = 12 } }))
    end
    assert.is_nil(seen["1000"])
  end)

  it("count the matching rows of a plan once", function()
    local options = { vector = queries[1], filter = "n = 3", explain = true, params = { plan = "graph" } }
    local first, deep = assert(c:query(options)), assert(c:query(with(options, { offset = 100 })))
    assert.equal(first.matches, deep.matches)
  end)
end)

describe("pages after a hit", function()
  local c, queries
  setup(function() c, queries = collection() end)
  teardown(support.clean)

  local cases = {
    ["through the graph"] = { params = { plan = "graph", ef = 12 } },
    ["with the measured ef"] = {},
    ["with a filter"] = { filter = "n < 5", params = { plan = "graph", ef = 12 } },
    ["without refining"] = { params = { plan = "graph", refine = false, ef = 12 } },
    ["by candidates in Lua"] = { where = function(hit) return hit.n ~= 7 end, params = { plan = "graph", ef = 12 } },
    ["exactly"] = { params = { exact = true } },
  }
  for name, options in pairs(cases) do
    it("go on where the last one ended, " .. name, function()
      local found, wanted = 0, 0
      for _, query in ipairs(queries) do
        local seen, last = {}, nil
        for _ = 1, PAGES do
          local hits = assert(c:query(with(options, { vector = query, topk = 10, after = last })))
          assert.equal(10, #hits)
          assert.is_true(not last or hits[1].score <= last.score)
          add(seen, hits)
          last = hits[10]
        end
        local exact = with(options, { vector = query, topk = PAGES * 10, params = { exact = true } })
        for _, hit in ipairs(assert(c:query(exact))) do
          wanted = wanted + 1
          found = found + (seen[hit.id] and 1 or 0)
        end
      end
      -- a hit that the page before has missed stays out, and the forced searches miss many
      local least = name == "exactly" and 1 or options.params and 0.4 or 0.9
      assert.is_true(found >= least * wanted, found / wanted)
    end)
  end

  it("are exactly the rest of the order, for any order_by and filter", function()
    local orders = { false, "n", "n DESC", "n, id DESC", "id", "id DESC" }
    for _, order in ipairs(orders) do
      for _, filter in ipairs { false, "n < 4" } do
        local options = { order_by = order or nil, filter = filter or nil }
        local all = assert(c:query(with(options, { topk = 6000 })))
        local at, last = 0, nil
        repeat
          local hits = assert(c:query(with(options, { topk = 701, after = last })))
          for i, hit in ipairs(hits) do
            assert.equal(all[at + i].id, hit.id)
          end
          at, last = at + #hits, hits[#hits]
        until #hits < 701
        assert.equal(#all, at)
      end
    end
  end)

  it("show no hit twice when documents are written and deleted between them", function()
    local m = support.collection({
      fields = { { name = "n", type = "int32", nullable = true } },
      vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2" } },
    }, { path = ":memory:" })
    for i = 1, 100 do
      m:insert { id = i, n = i % 7 > 0 and i % 7 or nil, v = { i % 10 } }
    end
    for _, options in ipairs { { vector = { 0 } }, { order_by = "n" }, {} } do
      local seen, last = {}, nil
      for page = 1, 5 do
        local hits = assert(m:query(with(options, { topk = 10, after = last })))
        assert.equal(10, #hits)
        for _, hit in ipairs(hits) do
          assert.is_nil(seen[hit.id])
          seen[hit.id] = true
        end
        last = hits[10]
        m:upsert { id = "new" .. page, n = 0, v = { 0 } } -- before all that follows, but for docids
        m:delete(hits[3].id)
        m:upsert { id = hits[3].id, n = page, v = { page } } -- comes back at its new place
        seen[hits[3].id] = nil
        seen["new" .. page] = nil
      end
      for page = 1, 5 do
        m:delete("new" .. page)
      end
    end
  end)

  it("begin behind documents that do not match, and behind ids", function()
    local first = assert(c:query { vector = queries[1], topk = 5, params = { exact = true } })
    local rest = assert(c:query { vector = queries[1], topk = 5, after = first[3].id, params = { exact = true } })
    assert.equal(first[4].id, rest[1].id)
    assert.equal(first[5].id, rest[2].id)
    local filtered = assert(c:query {
      vector = queries[1], topk = 5, after = first[3], filter = "id != ?", args = { first[3].id },
      params = { exact = true },
    })
    assert.equal(first[4].id, filtered[1].id)
    assert.same({}, assert(c:query { vector = queries[1], after = first[5], max_distance = first[5].distance }))
  end)

  it("are refused where they mean nothing", function()
    local function message(options)
      return support.message_of(c.query, c, options)
    end
    local hit = assert(c:query { vector = queries[1], topk = 1 })[1]
    assert.equal("query: 'after' cannot be combined with 'offset'",
      message { vector = queries[1], after = hit, offset = 10 })
    assert.equal("query: 'after' cannot be combined with 'vectors'", message { vectors = queries, after = hit })
    assert.equal("query: 'after' cannot be combined with 'rerank'",
      message { vector = queries[1], after = hit, rerank = function() return 1 end })
    assert.equal("query: an id is a string or a whole number, got a nil", message { vector = queries[1], after = {} })
    assert.equal("query: an id is a string or a whole number, got a boolean", message { after = true })
    local hits, text, code = c:query { vector = queries[1], after = "nobody" }
    assert.is_nil(hits)
    assert.equal("document 'nobody' not found", text)
    assert.equal("not_found", code)
    assert.equal("not_found", select(3, c:query { order_by = "n", after = "nobody" }))
  end)
end)

-- The options of query, one by one.

local moonvec = require "moonvec"
local support = require "spec.support.init"

for _, state in ipairs { "fresh", "sealed" } do
  describe("query in a " .. state .. " collection:", function()
    local c

    -- Points 1 to 12 on a line; the score of point n for the query { 0 } is -n².
    setup(function()
      c = support.collection({
        fields = {
          { name = "n", type = "int32" },
          { name = "group", type = "string", nullable = true },
          { name = "tags", type = "array_int32", nullable = true },
        },
        vectors = { { name = "at", type = "vector_fp32", dim = 1, metric = "l2" } },
      }, { maintenance = "manual" })
      local points = {}
      for n = 1, 12 do
        local group = n % 3 ~= 0 and "g" .. n % 3 or nil
        points[n] = { id = "p" .. n, n = n, group = group, tags = { n, 2 * n }, at = { n } }
      end
      c:insert(points)
      if state == "sealed" then
        assert(c:optimize())
      end
    end)
    teardown(support.clean)

    local function ids(options)
      return table.concat(support.ids(assert(c:query(options))), " ")
    end

    it("topk and offset", function()
      assert.equal("p1 p2 p3 p4 p5 p6 p7 p8 p9 p10", ids { vector = { 0 } })
      assert.equal("p1 p2", ids { vector = { 0 }, topk = 2 })
      assert.equal("p3 p4", ids { vector = { 0 }, topk = 2, offset = 2 })
      assert.equal("p12", ids { vector = { 0 }, topk = 5, offset = 11 })
      assert.equal("", ids { vector = { 0 }, topk = 5, offset = 12 })
      assert.equal("p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12", ids { vector = { 0 }, topk = 1000 })
    end)

    it("min_score and max_distance", function()
      assert.equal("p1 p2 p3", ids { vector = { 0 }, min_score = -9 })
      assert.equal("p1 p2 p3", ids { vector = { 0 }, max_distance = 9 })
      assert.equal("p2 p3", ids { vector = { 0 }, max_distance = 9.5, offset = 1 })
      assert.equal("p1", ids { vector = { 0 }, max_distance = 9, min_score = -1 })
      assert.equal("", ids { vector = { 0 }, min_score = 1 })
    end)

    it("filter and args", function()
      assert.equal("p3 p6 p9 p12", ids { vector = { 0 }, filter = "group IS NULL" })
      assert.equal("p7 p10", ids { vector = { 0 }, filter = "group = ? AND n > ?", args = { "g1", 4 } })
      assert.equal("p4 p8", ids { vector = { 0 }, filter = "tags CONTAIN_ANY ?", args = { { 8 } } })
      assert.equal("p5", ids { vector = { 0 }, filter = moonvec.filter.eq("id", "p5") })
      assert.equal("", ids { vector = { 0 }, filter = "group = ?", args = { moonvec.null } })
    end)

    it("id: what is near a stored document, without itself", function()
      assert.equal("p6 p8 p5", ids { id = "p7", topk = 3 })
      assert.equal("p5 p9", ids { id = "p7", topk = 2, offset = 2 })
      assert.equal("p10 p1", ids { id = "p7", filter = "n IN (1, 7, 10)" })
      local found, message, code = c:query { id = "p99" }
      assert.is_nil(found)
      assert.equal("not_found", code)
      assert.truthy(message:find("p99", 1, true), message)
    end)

    it("vectors: a result for each", function()
      local results = c:query { vectors = { { 0 }, { 20 }, { 6 } }, topk = 2, output_fields = {} }
      assert.equal(3, #results)
      assert.same({ "p1", "p2" }, support.ids(results[1]))
      assert.same({ "p12", "p11" }, support.ids(results[2]))
      assert.same({ "p6", "p5" }, support.ids(results[3]))
      assert.same({}, c:query { vectors = {} })
      results = c:query { vectors = { { 0 }, { 20 }, { 6 } }, max_distance = 64, filter = "n > 10" }
      assert.same({ 0, 1, 2 }, { #results[1], #results[2], #results[3] })
    end)

    it("output_fields and include_vector", function()
      local hit = c:query({ vector = { 0 }, topk = 1 })[1]
      assert.same({ id = "p1", score = -1, distance = 1, n = 1, group = "g1", tags = { 1, 2 } }, hit)
      hit = c:query({ vector = { 0 }, topk = 1, output_fields = {} })[1]
      assert.same({ id = "p1", score = -1, distance = 1 }, hit)
      hit = c:query({ vector = { 0 }, topk = 1, output_fields = { "n" }, include_vector = "table" })[1]
      assert.same({ id = "p1", score = -1, distance = 1, n = 1, at = { 1 } }, hit)
      hit = c:query({ vector = { 0 }, topk = 1, output_fields = { "at" } })[1]
      assert.equal(moonvec.pack { 1 }, hit.at)
    end)

    it("without a vector: the documents that match, in order of insertion or as order_by says", function()
      assert.equal("p1 p2 p3", ids { topk = 3 })
      assert.equal("p3 p6", ids { topk = 2, filter = "group IS NULL" })
      assert.equal("p12 p11", ids { topk = 2, order_by = "n DESC" })
      assert.equal("p9 p8", ids { topk = 2, offset = 3, order_by = "n DESC" })
      assert.equal("p10 p7 p4 p1", ids { filter = "group = 'g1'", order_by = "group, n DESC" })
      assert.equal("p8 p5 p2", ids { filter = "group = 'g2' AND n < 11", order_by = "n desc" })
      local hit = c:query({ topk = 1 })[1]
      assert.same({ 0, 0 }, { hit.score, hit.distance })
    end)

    it("params: exact, and nothing else", function()
      assert.equal("p1", ids { vector = { 0 }, topk = 1, params = { exact = true } })
      assert.equal(
        "query: params: unknown option 'exat' (did you mean 'exact'?)",
        support.message_of(c.query, c, { vector = { 0 }, params = { exat = true } })
      )
    end)
  end)
end

describe("equal scores", function()
  after_each(support.clean)

  it("go to the older document, whether fresh or sealed", function()
    local c = support.collection({
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "ip" } },
    }, { maintenance = "manual" })
    local order = {}
    for i = 1, 40 do
      c:insert { id = "a" .. i, v = { 1, i % 2 } }
      order[i] = "a" .. i
      if i == 15 or i == 30 then
        assert(c:optimize())
      end
    end
    assert.same(order, support.ids(c:query { vector = { 1, 0 }, topk = 40 }))
    c:update { id = "a3", v = { 1, 7 } }
    table.insert(order, table.remove(order, 3))
    assert.same(order, support.ids(c:query { vector = { 1, 0 }, topk = 40 }))
    assert.same({ "a3", "a1" }, support.ids(c:query { vector = { 0, 1 }, topk = 2 }))
  end)
end)

describe("into", function()
  local c, queries, ids -- keeping the ids alive avoids creating their strings again

  setup(function()
    c = support.collection({
      fields = { { name = "n", type = "int32", nullable = true } },
      vectors = { { name = "v", type = "vector_fp32", dim = 8 } },
    }, { path = ":memory:" })
    local random = support.random(3)
    queries, ids = {}, {}
    for i = 1, 100 do
      local vector = support.vector(random, 8)
      ids[i] = "document " .. i
      c:insert { id = ids[i], n = i % 2 == 0 and i or nil, v = vector }
      queries[i] = moonvec.pack(vector)
    end
  end)
  teardown(support.clean)

  it("is what comes back, with its hits used again", function()
    local into = { { stale = true }, "no table" }
    local first = into[1]
    local hits = c:query { vector = queries[1], topk = 3, into = into }
    assert.equal(into, hits)
    assert.equal(first, hits[1])
    assert.same(c:query { vector = queries[1], topk = 3 }, hits)
    assert.same(c:query { vector = queries[2], topk = 5 }, c:query { vector = queries[2], topk = 5, into = into })
    assert.same(c:query { vector = queries[7], topk = 2 }, c:query { vector = queries[7], topk = 2, into = into })
    assert.equal(first, hits[1])
    assert.same(
      c:query { vector = queries[9], topk = 2, output_fields = {} },
      c:query { vector = queries[9], topk = 2, output_fields = {}, into = into }
    )
    assert.same({}, c:query { vector = queries[9], filter = "false", into = into })
  end)

  it("serves several vectors", function()
    local into = {}
    c:query { vectors = { queries[1], queries[2], queries[3] }, topk = 4, into = into }
    local first = into[1]
    local results = c:query { vectors = { queries[5], queries[6] }, topk = 3, into = into }
    assert.same(c:query { vectors = { queries[5], queries[6] }, topk = 3 }, results)
    assert.equal(first, results[1])
  end)

  it("makes no garbage", function()
    local options = { topk = 10, into = {}, filter = "n IS NULL OR n >= ?", args = { 0 } }
    local unpacked = moonvec.unpack(queries[1])
    local function frames()
      for i = 1, 1000 do
        options.vector = i % 2 == 0 and unpacked or queries[i % 100 + 1]
        c:query(options)
      end
    end
    frames()
    collectgarbage()
    collectgarbage()
    local before = collectgarbage("count")
    collectgarbage("stop")
    frames()
    local grown = collectgarbage("count") - before
    collectgarbage("restart")
    assert.is_true(grown < 4, grown .. " KiB in 1,000 frames") -- 4 bytes a frame: the state of Lua itself
  end)
end)

-- Queries with a predicate in Lua, and cursors: hits, best first, until the loop ends.

local moonvec = require "moonvec"
local support = require "spec.support"

local ROWS, DIM = 3000, 8

local function assert_raises(text, ...)
  assert.matches(text, support.message_of(...), 1, true)
end

local function vector_of(number)
  return support.waves(number, DIM)
end

local function filled()
  local c = assert(moonvec.open(":memory:", {
    schema = {
      name = "numbers",
      fields = { { name = "number", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = "l2", index = "hnsw" } },
    },
    maintenance = "manual",
  }))
  local batch = {}
  for number = 1, ROWS do
    batch[number] = { id = number, number = number, v = vector_of(number) }
  end
  assert(c:insert(batch))
  assert(c:optimize())
  for number = ROWS + 1, ROWS + 50 do
    assert(c:insert { id = number, number = number, v = vector_of(number) })
  end
  return c
end

local ids = support.ids

describe("where", function()
  local c
  local target = vector_of(0.5)

  setup(function()
    c = filled()
  end)

  teardown(function()
    c:close()
  end)

  local function exact(options)
    options.vector, options.params = target, { exact = true }
    return assert(c:query(options))
  end

  it("has the best first where the walks before have missed some", function()
    local other = assert(moonvec.open(":memory:", {
      schema = { vectors = { { name = "v", type = "vector_fp32", dim = 32, metric = "l2" } } },
    }))
    local random, centres, batch = support.random(4), {}, {}
    local function around(centre)
      local vector = {}
      for d = 1, 32 do
        vector[d] = centre and centre[d] + random() or 4 * random()
      end
      return vector
    end
    for n = 1, 20 do
      centres[n] = around()
    end
    for n = 1, 9000 do
      batch[n] = { id = n, v = around(centres[n * 7 % 20 + 1]) }
    end
    assert(other:insert(batch))
    assert(other:optimize())
    for n = 1, 200 do
      local hits = assert(other:query {
        vector = around(centres[n % 20 + 1]),
        topk = 20,
        params = { ef = 8 },
        where = function(hit)
          return tonumber(hit.id) % 3 == 0
        end,
      })
      assert.equal(20, #hits)
      for rank = 2, #hits do
        assert.is_true(hits[rank].score <= hits[rank - 1].score)
      end
    end
    other:close()
  end)

  it("finds what a filter that says the same finds", function()
    for _, divisor in ipairs { 2, 7, 100, 1000 } do
      local filter = {}
      for number = divisor, ROWS + 50, divisor do
        filter[#filter + 1] = number
      end
      local truth = exact { filter = "number IN ?", args = { filter }, topk = 10 }
      local hits = exact {
        where = function(hit)
          return hit.number % divisor == 0
        end,
        topk = 10,
      }
      assert.same(truth, hits)
      local by_graph = assert(c:query {
        vector = target,
        where = function(hit)
          return hit.number % divisor == 0
        end,
      })
      assert.equal(#truth, #by_graph)
      assert.equal(truth[1].id, by_graph[1].id)
    end
  end)

  it("goes on to the last document", function()
    local seen = {}
    local hits = assert(c:query {
      vector = target,
      where = function(hit)
        assert(not seen[hit.id])
        seen[hit.id] = true
        return false
      end,
    })
    assert.same({}, hits)
    local count = 0
    for _ in pairs(seen) do
      count = count + 1
    end
    assert.equal(ROWS + 50, count)
  end)

  it("is asked about the nearest first, and no more than needed", function()
    local asked = {}
    local hits = exact {
      topk = 3,
      offset = 2,
      where = function(hit)
        asked[#asked + 1] = hit.distance
        return true
      end,
    }
    assert.equal(5, #asked)
    for i = 2, #asked do
      assert.is_true(asked[i - 1] <= asked[i])
    end
    assert.same(ids(exact { topk = 3, offset = 2 }), ids(hits))
  end)

  it("goes with filters, several vectors, re-rankers, limits and a table to reuse", function()
    local function even(hit)
      return hit.number % 2 == 0
    end
    local hits = exact { where = even, filter = "number <= 100", topk = 100 }
    assert.equal(50, #hits)

    local results = assert(c:query { vectors = { target, vector_of(7) }, where = even, topk = 2 })
    assert.equal(2, #results)
    assert.same(ids(exact { where = even, topk = 2 }), ids(results[1]))

    local reranked = exact {
      where = even,
      topk = 2,
      candidates = 20,
      rerank = function(hit)
        return hit.number
      end,
    }
    local best = exact { where = even, topk = 20 }
    table.sort(best, function(a, b)
      return a.number > b.number
    end)
    assert.same({ best[1].id, best[2].id }, ids(reranked))

    local limit = best[10].distance
    for _, hit in ipairs(exact { where = even, topk = 1000, max_distance = limit }) do
      assert.is_true(hit.distance <= limit)
    end

    local into = { "old", "old", "old" }
    assert.equal(into, exact { where = even, topk = 2, into = into })
    assert.equal(2, #into)
  end)

  it("selects without a vector, in order", function()
    local hits = assert(c:query {
      order_by = "number DESC",
      topk = 3,
      where = function(hit)
        return hit.number % 1000 == 0
      end,
    })
    assert.same({ "3000", "2000", "1000" }, ids(hits))
  end)

  it("lets errors of the function through, and misuse too", function()
    local ok, message = pcall(c.query, c, {
      vector = target,
      where = function()
        error "no idea"
      end,
    })
    assert.is_false(ok)
    assert.matches("no idea", message)
    assert_raises("query: 'where' must be a function, got a string", c.query, c, { vector = target, where = "x" })
    assert_raises("query: 'topk'", c.query, c, { vector = target, topk = 0, where = print })
    assert_raises("'explain' cannot be combined with 'where'", c.query, c,
      { vector = target, explain = true, where = print })
  end)

  it("sees one commit, also while others write", function()
    local count = 0
    local hits = assert(c:query {
      vector = target,
      topk = 5000,
      where = function()
        count = count + 1
        if count == 10 then
          assert(c:insert { id = "later", number = 0, v = target })
        end
        return true
      end,
    })
    assert.equal(ROWS + 50, #hits)
    assert.equal(1, assert(c:delete "later"))
  end)
end)

describe("cursor", function()
  local c
  local target = vector_of(0.5)

  setup(function()
    c = filled()
  end)

  teardown(function()
    c:close()
  end)

  it("yields all hits, best first", function()
    local last, seen, count = -1, {}, 0
    for hit in c:cursor { vector = target, params = { exact = true } } do
      assert.is_true(hit.distance >= last)
      assert.is_nil(seen[hit.id])
      last, seen[hit.id], count = hit.distance, true, count + 1
    end
    assert.equal(ROWS + 50, count)
  end)

  it("can be left early, and be filtered", function()
    local found = {}
    for hit in c:cursor {
      vector = target,
      filter = "number > 10",
      where = function(hit)
        return hit.number % 3 == 0
      end,
    } do
      found[#found + 1] = hit
      if #found == 40 then
        break
      end
    end
    assert.equal(40, #found)
  end)

  it("refuses what a query for one vector has not", function()
    assert_raises("cursor: unknown option 'topk'", c.cursor, c, { vector = target, topk = 3 })
  end)

  it("raises what is wrong with it", function()
    assert_raises("cursor: expected a table of options, got a nil", c.cursor, c)
    assert_raises("cursor: expected a collection, got a table (call it with ':')", c.cursor, { vector = target })
    assert_raises("unknown field 'colour'", c:cursor { vector = target, filter = "colour = 1" })
    assert_raises("not found", c:cursor { id = "nobody" })
  end)

  it("sees the commit of its first step", function()
    local other = filled()
    local step = other:cursor { vector = target }
    assert(step())
    assert(other:delete_by_filter("true"))
    assert.is_truthy(step())
    other:close()
  end)

  it("holds nothing before it is asked", function()
    for _ = 1, 2000 do
      c:cursor { vector = target }
    end
    assert.equal(ROWS + 50, assert(c:count()))
  end)

  it("ends with its collection", function()
    local other = filled()
    local next_hit = other:cursor { vector = target }
    assert.is_truthy(next_hit())
    other:close()
    for _ = 1, 31 do
      assert.is_truthy(next_hit()) -- found by the step before
    end
    assert_raises("closed", next_hit)
  end)
end)

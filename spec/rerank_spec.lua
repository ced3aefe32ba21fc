-- Re-ranking by a function of the user.

local support = require "spec.support.init"

describe("rerank", function()
  local c

  -- Points 1 to 20 on a line, nearest first for the query { 0 }.
  setup(function()
    c = support.collection {
      fields = { { name = "n", type = "int32" } },
      vectors = { { name = "at", type = "vector_fp32", dim = 1, metric = "l2" } },
    }
    for n = 1, 20 do
      c:insert { id = "p" .. n, n = n, at = { n } }
    end
  end)
  teardown(support.clean)

  local function ids(options)
    return table.concat(support.ids(assert(c:query(options))), " ")
  end

  local function by_n(hit)
    return hit.n
  end

  it("gives new scores to four times topk candidates, then cuts", function()
    assert.equal("p8 p7", ids { vector = { 0 }, topk = 2, rerank = by_n })
    assert.equal("p7 p6", ids { vector = { 0 }, topk = 2, offset = 2, candidates = 9, rerank = by_n })
    assert.equal("p20 p19", ids { vector = { 0 }, topk = 2, candidates = 100, rerank = by_n })
    local hits = c:query { vector = { 0 }, topk = 2, rerank = by_n }
    assert.same({ id = "p8", n = 8, score = 8, distance = 64 }, hits[1])
  end)

  it("sees candidates after the offset, too", function()
    local seen = 0
    local hits = c:query {
      vector = { 0 }, topk = 2, offset = 3,
      rerank = function(hit)
        seen = seen + 1
        return hit.score
      end,
    }
    assert.equal(11, seen)
    assert.same({ "p4", "p5" }, support.ids(hits))
    assert.same({}, c:query { vector = { 0 }, topk = 2, offset = 30, rerank = by_n })
  end)

  it("is given the query", function()
    local options
    options = {
      vector = { 0 }, topk = 1,
      rerank = function(_, query)
        assert.equal(options, query)
        return 1
      end,
    }
    c:query(options)
  end)

  it("keeps the order of equal scores", function()
    local function same_for_all()
      return 0.5
    end
    assert.equal("p1 p2 p3 p4 p5", ids { vector = { 0 }, topk = 5, rerank = same_for_all })
  end)

  it("works on each of several results", function()
    local results = c:query { vectors = { { 0 }, { 21 } }, topk = 2, rerank = by_n }
    assert.same({ "p8", "p7" }, support.ids(results[1]))
    assert.same({ "p20", "p19" }, support.ids(results[2]))
  end)

  it("works without a vector, and with into", function()
    assert.equal("p8 p7", ids { topk = 2, rerank = by_n })
    local into = {}
    local hits = c:query { vector = { 0 }, topk = 2, rerank = by_n, into = into }
    assert.equal(into, hits)
    assert.same({ "p8", "p7" }, support.ids(into))
    assert.equal("p1 p2 p3", ids { vector = { 0 }, topk = 3, into = into })
  end)

  it("may query itself", function()
    local hits = c:query {
      vector = { 0 }, topk = 1,
      rerank = function(hit)
        return #c:query { id = hit.id, max_distance = 1 }
      end,
    }
    assert.same({ "p2" }, support.ids(hits))
  end)

  it("may yield", function()
    local ask = coroutine.wrap(function()
      return c:query {
        vector = { 0 }, topk = 2, candidates = 3,
        rerank = function(hit)
          return coroutine.yield(hit.id)
        end,
      }
    end)
    assert.equal("p1", ask())
    assert.equal("p2", ask(1))
    assert.equal("p3", ask(3))
    assert.same({ "p2", "p3" }, support.ids(ask(2)))
  end)

  it("must return a number", function()
    local function message_of(rerank)
      return support.message_of(c.query, c, { vector = { 0 }, topk = 1, rerank = rerank })
    end
    assert.equal("query: 'rerank' must return a number, got a string for document 'p1'", message_of(tostring))
    assert.equal("query: 'rerank' must return a number, got a nil for document 'p1'", message_of(function() end))
    assert.equal("query: 'rerank' returned NaN for document 'p1'", message_of(function()
      return 0 / 0
    end))
    assert.equal("query: 'rerank' must be a function or a re-ranker, got a table", message_of {})
    assert.equal(
      "query: 'candidates' must be at least 'topk' + 'offset' = 8, got 4",
      support.message_of(c.query, c, { vector = { 0 }, topk = 3, offset = 5, candidates = 4, rerank = tostring })
    )
    assert.equal(
      "query: 'candidates' needs 'rerank'",
      support.message_of(c.query, c, { vector = { 0 }, candidates = 5 })
    )
  end)

  it("lets errors of the function through", function()
    local mistake = {}
    local ok, message = pcall(c.query, c, {
      vector = { 0 },
      rerank = function()
        error(mistake)
      end,
    })
    assert.is_false(ok)
    assert.equal(mistake, message)
    assert.equal(20, #c)
  end)
end)

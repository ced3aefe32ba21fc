-- slowdown_rows: writes wait while rows lack an index and somebody reads.

local support = require "spec.support.init"

local ROWS = 1100 -- as one segment they wait for a graph

local function document(n)
  return { id = n, v = { math.sin(n), math.cos(n) } }
end

--- A collection, opened with this limit, of which ROWS rows lack an index as long as the second handle has its job.
local function behind(slowdown_rows)
  local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } } }
  local other, path = support.collection(schema, { maintenance = "manual" })
  local documents = {}
  for n = 1, ROWS do
    documents[n] = document(n)
  end
  assert(other:insert(documents))
  while other:stats().segments == 0 do
    assert.equal("more", other:optimize { budget_ms = 0.25 }) -- keeps maintenance out
  end
  assert.equal(ROWS, other:stats().pending_rows)
  return support.collection(nil, { path = path, slowdown_rows = slowdown_rows }), other
end

local function search_and_write(c, n)
  assert.equal(1, #c:query { vector = { 1, 0 }, topk = 1 })
  assert(c:upsert { document(n), document(n + 1), document(n + 2) })
end

describe("slowdown_rows", function()
  after_each(support.clean)

  it("slows writes down beside reads, until the indexes have caught up", function()
    local c, other = behind(100)
    assert(c:insert(document(5000)))
    assert.equal(0, c:stats().slowed_ms) -- no search has run
    support.wait_until(function()
      search_and_write(c, 5001)
      return c:stats().slowed_ms > 0
    end)
    assert.is_true(c:stats().slowed_ms >= 6) -- 2 ms for each of three rows
    assert(other:optimize())
    search_and_write(c, 5001) -- looks at the new commit: no row lacks an index
    local before = c:stats().slowed_ms
    search_and_write(c, 5001)
    assert.equal(before, c:stats().slowed_ms)
  end)

  it("is not reached by fewer rows, and 0 means never", function()
    for _, limit in ipairs { ROWS, 0 } do
      local c = behind(limit)
      for n = 5000, 5005 do
        search_and_write(c, n)
      end
      assert.equal(0, c:stats().slowed_ms)
    end
  end)

  it("must be a whole number", function()
    local message = support.message_of(support.collection, nil, { path = support.path(), slowdown_rows = -1 })
    assert.matches("'slowdown_rows' must be a whole number from 0 to 4294967295", message)
  end)
end)

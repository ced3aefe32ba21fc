-- Several handles on the same collection in one process share one engine.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
}

local function document(id)
  return { id = id, v = { 1, 2 } }
end

describe("handles on the same collection in one process", function()
  after_each(support.clean)

  it("see each other's commits at once, also if they were opened by different paths", function()
    local first, path = support.collection(SCHEMA)
    local second = support.collection(nil, { path = path .. "/." })
    first:insert(document("a"))
    assert.equal(1, #second)
    second:delete("a")
    assert.equal(0, #first)
  end)

  it("do not see each other's open transaction, and do not wait for it", function()
    local first, path = support.collection(SCHEMA)
    local second = support.collection(nil, { path = path })
    first:transaction(function(tx)
      tx:insert(document("a"))
      assert.equal(1, #tx)
      assert.equal(0, #first)
      assert.equal(0, #second)
      local written, message, code = second:insert(document("b"))
      assert.is_nil(written)
      assert.equal("busy", code, message)
    end)
    assert.equal(1, #second)
    assert.equal(1, second:insert(document("b")))
  end)

  it("live on when others are closed", function()
    local first, path = support.collection(SCHEMA)
    local second = support.collection(nil, { path = path })
    first:insert(document("a"))
    first:close()
    assert.equal(1, #second)
    assert.equal(1, second:insert(document("b")))
  end)

  it("keep it from being destroyed, until the last one is closed", function()
    local first, path = support.collection(SCHEMA)
    do
      local second = assert(moonvec.open(path))
      second:insert(document("a"))
    end
    first:close()
    collectgarbage()
    collectgarbage()
    assert.is_true(moonvec.destroy(path))

    first = support.collection(SCHEMA, { path = path })
    local destroyed, _, code = moonvec.destroy(path)
    assert.is_nil(destroyed)
    assert.equal("busy", code)
    assert.equal(1, first:insert(document("a")))
  end)

  it("may be hundreds", function()
    local _, path = support.collection(SCHEMA)
    local handles = {}
    for i = 1, 300 do
      handles[i] = assert(moonvec.open(path))
      handles[i]:insert(document(tostring(i)))
    end
    for i = 1, 300 do
      assert.equal(300, #handles[i])
      handles[i]:close()
    end
  end)
end)

-- Several calls as one transaction.

local support = require "spec.support.init"

describe("a transaction", function()
  local c, other, path

  before_each(function()
    c, path = support.collection {
      fields = { { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2" } },
    }
    other = support.collection(nil, { path = path })
    c:insert { { id = "a", n = 1, v = { 1 } }, { id = "b", n = 2, v = { 2 } } }
  end)
  after_each(support.clean)

  it("is seen by its own reads at once, by others at the end", function()
    local result, second = c:transaction(function(...)
      assert.same({ "x", 2 }, { ... })
      assert.equal(1, c:insert { id = "c", n = 3, v = { 3 } })
      assert.equal(1, c:delete("a"))
      assert.equal(1, c:update { id = "b", n = 20 })
      assert.equal(2, #c)
      assert.equal(20, c:fetch("b").n)
      assert.same({ "b", "c" }, support.ids(c:query { vector = { 0 } }))
      assert.same({ "c" }, support.ids(c:query { vector = { 0 }, filter = "n = 3" }))
      assert.same({ "b", "c" }, { c:fetch("b").id, c:fetch("c").id })
      assert.equal(2, #other)
      assert.equal(2, other:fetch("b").n)
      assert.equal("a", other:fetch("a").id)
      return "kept", 5
    end, "x", 2)
    assert.equal("kept", result)
    assert.equal(5, second)
    assert.equal(20, other:fetch("b").n)
    assert.is_nil(other:fetch("a"))
  end)

  it("returns true when its function returns nothing", function()
    assert.is_true(c:transaction(function() end))
  end)

  it("is undone by an error, which goes on unchanged", function()
    local mistake = { "any value" }
    local ok, message = pcall(c.transaction, c, function()
      c:insert { id = "c", n = 3, v = { 3 } }
      c:delete { "a", "b" }
      error(mistake)
    end)
    assert.is_false(ok)
    assert.equal(mistake, message)
    assert.same({ "a", "b" }, support.ids(support.documents(c)))
    assert.is_true(c:transaction(function()
      c:delete("a")
    end))
    assert.equal(1, #other)
  end)

  it("goes on after a call in it that failed", function()
    assert.is_true(c:transaction(function()
      c:insert { id = "c", n = 3, v = { 3 } }
      local inserted, _, code = c:insert { { id = "d", n = 4, v = { 4 } }, { id = "a", n = 5, v = { 5 } } }
      assert.is_nil(inserted)
      assert.equal("exists", code)
      assert.has_error(function()
        c:insert { id = "e", n = "wrong" }
      end)
    end))
    assert.same({ "a", "b", "c" }, support.ids(support.documents(c)))
  end)

  it("cannot be inside another one of the same handle", function()
    c:transaction(function()
      local done, message, code = c:transaction(function() end)
      assert.is_nil(done)
      assert.equal("busy", code)
      assert.is_string(message)
      c:insert { id = "c", n = 3, v = { 3 } }
    end)
    assert.equal(3, #other)
  end)

  it("is undone when the handle is closed in it", function()
    assert.has_error(function()
      c:transaction(function()
        c:delete("a")
        c:close()
      end)
    end)
    assert.equal(2, #other)
  end)

  it("may yield, except on plain Lua 5.1", function()
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      return
    end
    local work = coroutine.wrap(function()
      return c:transaction(function()
        c:delete("a")
        coroutine.yield("in the middle")
        return "end"
      end)
    end)
    assert.equal("in the middle", work())
    assert.equal(2, #other)
    assert.equal("end", work())
    assert.equal(1, #other)
  end)

  it("wants a function", function()
    assert.equal("transaction: expected a function, got a table", support.message_of(c.transaction, c, {}))
  end)
end)

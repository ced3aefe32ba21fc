-- Several calls as one transaction, through the handle `tx`.

local children = require "spec.support.children"
local support = require "spec.support.init"

local CAN_YIELD = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil -- across pcall

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2" } },
}

describe("a transaction", function()
  local c, other, path

  before_each(function()
    c, path = support.collection(SCHEMA)
    other = support.collection(nil, { path = path })
    c:insert { { id = "a", n = 1, v = { 1 } }, { id = "b", n = 2, v = { 2 } } }
  end)
  after_each(function()
    support.clean()
    children.clean()
  end)

  it("is seen by its own reads at once, by others at the end", function()
    local result, second = c:transaction(function(tx, ...)
      assert.same({ "x", 2 }, { ... })
      assert.equal(1, tx:insert { id = "c", n = 3, v = { 3 } })
      assert.equal(1, tx:delete("a"))
      assert.equal(1, tx:update { id = "b", n = 20 })
      assert.equal(2, #tx)
      assert.equal(2, tx:count())
      assert.equal(20, tx:fetch("b").n)
      assert.same({ "b", "c" }, support.ids(tx:query { vector = { 0 } }))
      assert.same({ "c" }, support.ids(tx:query { vector = { 0 }, filter = "n = 3" }))
      assert.same({ "c", "b" }, support.ids(support.documents(tx)))
      for _, outside in ipairs { c, other } do
        assert.equal(2, #outside)
        assert.equal(2, outside:fetch("b").n)
        assert.equal("a", outside:fetch("a").id)
        assert.same({ "a", "b" }, support.ids(outside:query { vector = { 0 } }))
      end
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
    local ok, message = pcall(c.transaction, c, function(tx)
      tx:insert { id = "c", n = 3, v = { 3 } }
      tx:delete { "a", "b" }
      error(mistake)
    end)
    assert.is_false(ok)
    assert.equal(mistake, message)
    assert.same({ "a", "b" }, support.ids(support.documents(c)))
    assert.is_true(c:transaction(function(tx)
      tx:delete("a")
    end))
    assert.equal(1, #other)
  end)

  it("goes on after a call in it that failed", function()
    assert.is_true(c:transaction(function(tx)
      tx:insert { id = "c", n = 3, v = { 3 } }
      local inserted, _, code = tx:insert { { id = "d", n = 4, v = { 4 } }, { id = "a", n = 5, v = { 5 } } }
      assert.is_nil(inserted)
      assert.equal("exists", code)
      assert.has_error(function()
        tx:insert { id = "e", n = "wrong" }
      end)
    end))
    assert.same({ "a", "b", "c" }, support.ids(support.documents(c)))
  end)

  it("refuses writes of its thread that do not go through it", function()
    local document = { id = "c", n = 3, v = { 3 } }
    assert.is_true(c:transaction(function(tx)
      local writes = {
        function(of) return of:insert(document) end,
        function(of) return of:upsert(document) end,
        function(of) return of:update { id = "a", n = 3 } end,
        function(of) return of:delete("a") end,
        function(of) return of:delete_by_filter("n = 1") end,
        function(of) return of:meta("key", "value") end,
        function(of) return of:transaction(function() end) end,
        function(of) return of:add_column { name = "more", type = "int32", nullable = true } end,
        function(of) return of:alter_column("n", { nullable = true }) end,
        function(of) return of:create_index("n", "invert") end,
        function(of) return of:optimize() end,
        function(of) return of:optimize { budget_ms = 1 } end,
        function(of) return of:optimize { background = true } end,
      }
      for _, write in ipairs(writes) do
        for _, outside in ipairs { c, other } do
          local done, message, code = write(outside)
          assert.is_nil(done)
          assert.equal("busy", code)
          assert.truthy(message:find("transaction", 1, true), message)
        end
      end
      assert.equal(1, tx:insert(document))
    end))
    assert.same({ "a", "b", "c" }, support.ids(support.documents(other)))
    assert.equal(1, c:fetch("a").n)
  end)

  it("has no calls that concern the whole collection", function()
    local calls = {
      function(tx) tx:flush() end,
      function(tx) tx:check() end,
      function(tx) tx:backup(support.path()) end,
      function(tx) tx:optimize() end,
      function(tx) tx:optimize { background = true } end,
      function(tx) tx:create_index("n", "invert") end,
      function(tx) tx:drop_index("v") end,
      function(tx) tx:add_column { name = "more", type = "int32", nullable = true } end,
      function(tx) tx:drop_column("n") end,
      function(tx) tx:alter_column("n", { nullable = true }) end,
      function(tx) tx:destroy() end,
    }
    c:transaction(function(tx)
      for _, call in ipairs(calls) do
        assert.matches("not in a transaction", support.message_of(call, tx))
      end
      assert.matches("inside another one", support.message_of(tx.transaction, tx, function() end))
      tx:insert { id = "c", n = 3, v = { 3 } }
    end)
    assert.equal(3, #other)
  end)

  it("is a handle with path, schema and a text, until it ends", function()
    local kept
    c:transaction(function(tx)
      kept = tx
      assert.equal(path, tx.path)
      assert.same(c.schema, tx.schema)
      assert.equal("moonvec.transaction: " .. path .. " (2 documents)", tostring(tx))
      assert.equal(2, tx:stats().documents)
    end)
    assert.equal("moonvec.transaction: " .. path .. " (ended)", tostring(kept))
    assert.equal("insert: the transaction has ended", support.message_of(kept.insert, kept, { id = "x" }))
    assert.equal("query: the transaction has ended", support.message_of(kept.query, kept, { vector = { 1 } }))
    assert.is_true(kept:close())
  end)

  it("is undone when it is closed, and when the collection is closed in it", function()
    for _, close in ipairs { function(tx) return tx:close() end, function() return c:close() end } do
      assert.matches("was closed, and so undone", support.message_of(c.transaction, c, function(tx)
        tx:delete("a")
        assert.is_true((close(tx)))
      end))
      assert.equal(2, #other)
    end
    assert.equal(1, other:delete("a"))
  end)

  it("that is open when the collection is closed is undone, which close says", function()
    if not CAN_YIELD then
      return
    end
    local work = coroutine.wrap(function()
      c:transaction(function(tx)
        tx:delete("a")
        coroutine.yield()
      end)
    end)
    work()
    local done, message = c:close()
    assert.is_true(done)
    assert.equal("a transaction was open: it has been undone", message)
    assert.equal(2, #other)
    assert.equal(1, other:delete("a"))
    assert.has_error(work)
  end)

  it("may yield, except on plain Lua 5.1; meanwhile others cannot write in it", function()
    if not CAN_YIELD then
      return
    end
    local work = coroutine.wrap(function()
      return c:transaction(function(tx)
        tx:delete("a")
        coroutine.yield("in the middle")
        return "end"
      end)
    end)
    assert.equal("in the middle", work())
    assert.equal(2, #other)
    assert.equal(2, #c)
    local inserted, _, code = c:insert { id = "c", n = 3, v = { 3 } }
    assert.is_nil(inserted)
    assert.equal("busy", code)
    assert.equal("end", work())
    assert.equal(1, #other)
    assert.equal(1, c:insert { id = "c", n = 3, v = { 3 } })
  end)

  it("that fails in one coroutine loses no write that another was told of", function()
    if not CAN_YIELD then
      return
    end
    local failing = coroutine.create(function()
      return c:transaction(function(tx)
        assert(tx:upsert { id = "c", n = 3, v = { 3 } })
        coroutine.yield()
        error("the service is down")
      end)
    end)
    assert.is_true(coroutine.resume(failing))
    local acknowledged = c:insert { id = "d", n = 4, v = { 4 } }
    assert.is_false((coroutine.resume(failing)))
    acknowledged = acknowledged or c:insert { id = "d", n = 4, v = { 4 } }
    assert.equal(1, acknowledged)
    assert.same({ "a", "b", "d" }, support.ids(support.documents(other)))
  end)

  it("of a coroutine that is dropped in the middle is undone by the next write", function()
    if not CAN_YIELD then
      return
    end
    local function begin_and_drop()
      coroutine.wrap(function()
        c:transaction(function(tx)
          assert(tx:upsert { id = "lost", n = 3, v = { 3 } })
          coroutine.yield()
        end)
      end)()
    end
    for round = 1, 20 do
      begin_and_drop()
      local writer = round % 2 == 0 and c or other
      -- the garbage collection that the first write does may come too early for the newest one
      local tries, written = 0
      repeat
        local result, _, code = writer:upsert { id = "n" .. round, n = round, v = { round } }
        written, tries = result, tries + 1
        assert.is_true(written == 1 or code == "busy")
      until written or tries == 100
      assert.equal(1, written)
    end
    assert.is_nil((other:fetch("lost")))
    assert.equal(22, #other)
    assert.is_true(c:optimize())
    assert.is_true(c:flush())
    c:close()
    c = support.collection(nil, { path = path })
    assert.equal(22, #c)
  end)

  it("of a coroutine that is closed is undone at once", function()
    if not coroutine.close then -- luacheck: ignore
      return
    end
    local work = coroutine.create(function()
      c:transaction(function(tx)
        assert(tx:delete("a"))
        coroutine.yield()
      end)
    end)
    coroutine.resume(work)
    collectgarbage("stop")
    assert.is_true(coroutine.close(work)) -- luacheck: ignore
    assert.equal(1, other:insert { id = "c", n = 3, v = { 3 } })
    collectgarbage("restart")
    assert.equal(3, #other)
  end)

  it("of add_column is undone, too, when its coroutine is closed", function()
    if not coroutine.close then -- luacheck: ignore
      return
    end
    local work = coroutine.create(function()
      c:add_column({ name = "more", type = "int32", nullable = true }, function()
        coroutine.yield()
      end)
    end)
    assert.is_true(coroutine.resume(work))
    collectgarbage("stop")
    assert.is_true(coroutine.close(work)) -- luacheck: ignore
    assert.equal(1, other:insert { id = "c", n = 3, v = { 3 } })
    collectgarbage("restart")
    assert.equal(1, #c.schema.fields)
  end)

  it("keeps results, cursors and iterators of its own, which end with it", function()
    local next_hit, next_document
    c:transaction(function(tx)
      tx:insert { id = "c", n = 3, v = { 3 } }
      next_hit = tx:cursor { vector = { 0 } }
      next_document = tx:iterate()
      assert.equal("a", next_hit().id)
      assert.equal("a", next_document().id)
    end)
    assert.has_error(next_document)
    local ok, hit = pcall(next_hit) -- may still have hits that it found before
    assert.is_true(not ok or hit.id == "b")
    assert.equal(3, #c)
  end)

  it("waits for other writers no longer than busy_ms", function()
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where))
      collection:transaction(function(tx)
        tx:delete("a")
        print("begun")
        io.read()
      end)
      collection:close()
    end, path)
    assert.equal("begun", child:read())
    for _, busy_ms in ipairs { 0, 20 } do
      local impatient = support.collection(nil, { path = path, busy_ms = busy_ms })
      local writes = {
        function() return impatient:insert { id = "c", n = 3, v = { 3 } } end,
        function() return impatient:transaction(function() end) end,
        function() return impatient:alter_column("n", { nullable = true }) end,
      }
      for i, write in ipairs(writes) do
        local done, message, code = write()
        assert.is_nil(done, "write " .. i)
        assert.equal("busy", code)
        local waited = ("waited %d ms for another writer (busy_ms)"):format(busy_ms)
        assert.equal(busy_ms > 0 and waited or "another writer has the collection", message)
      end
      assert.equal("more", impatient:optimize { budget_ms = 2 })
      assert.equal(2, #impatient)
      impatient:close()
    end
    child:send("go on")
    child:wait()
    assert.equal(1, c:insert { id = "c", n = 3, v = { 3 } })
    assert.same({ "b", "c" }, support.ids(support.documents(c)))
  end)

  it("wants a function, and open a number of milliseconds", function()
    local moonvec = require "moonvec"
    assert.equal("transaction: expected a function, got a table", support.message_of(c.transaction, c, {}))
    assert.matches("busy_ms", support.message_of(moonvec.open, path, { busy_ms = -1 }))
    assert.matches("busy_ms", support.message_of(moonvec.open, path, { busy_ms = "long" }))
  end)
end)

describe("meta", function()
  after_each(support.clean)

  it("keeps strings of the program, with the transaction that sets them", function()
    local c, path = support.collection(SCHEMA)
    local other = support.collection(nil, { path = path })
    assert.is_nil(c:meta("position"))
    assert.is_true(c:meta("position", "17"))
    assert.is_true(c:meta("with\0zero", "\0\255"))
    assert.is_true(c:meta("empty", ""))
    assert.equal("17", other:meta("position"))
    pcall(c.transaction, c, function(tx)
      assert.is_true(tx:meta("position", "18"))
      assert.equal("18", tx:meta("position"))
      assert.equal("17", c:meta("position"))
      error("undo")
    end)
    assert.equal("17", other:meta("position"))
    assert.is_true(c:transaction(function(tx)
      assert(tx:insert { id = "a", n = 1, v = { 1 } })
      assert(tx:meta("position", "19"))
    end))
    assert.equal(1, #c)
    assert.is_true(c:check())
    c:close()
    other:close()
    c = support.collection(nil, { path = path, verify = true })
    assert.equal("19", c:meta("position"))
    assert.equal("\0\255", c:meta("with\0zero"))
    assert.equal("", c:meta("empty"))
    assert.is_true(c:meta("position", require("moonvec").null))
    assert.is_nil(c:meta("position"))
    assert.is_true(c:meta("position", require("moonvec").null))
    assert.equal(1, #c)
  end)

  it("is copied by a backup, and does not touch what the engine keeps", function()
    local c = support.collection(SCHEMA)
    local copy = support.path()
    for _, key in ipairs { "state", "schema", ("k"):rep(255) } do
      assert.is_true(c:meta(key, ("v"):rep(4096)))
    end
    assert.is_true(c:backup(copy))
    local copied = support.collection(nil, { path = copy, verify = true })
    assert.equal(("v"):rep(4096), copied:meta("state"))
    assert.equal(("v"):rep(4096), copied:meta(("k"):rep(255)))
    assert.equal(0, #copied)
  end)

  it("says what is wrong", function()
    local c, path = support.collection(SCHEMA)
    local function fails(code, ...)
      local done, message, found = c:meta(...)
      assert.is_nil(done)
      assert.equal(code, found)
      assert.is_string(message)
    end
    fails("limit", "")
    fails("limit", ("k"):rep(256), "v")
    fails("limit", "key", ("v"):rep(4097))
    assert.equal("meta: 'key' must be a string, got a nil", support.message_of(c.meta, c))
    assert.matches("'value' must be a string", support.message_of(c.meta, c, "key", 5))
    local reader = support.collection(nil, { path = path, read_only = true })
    assert.equal("read_only", select(3, reader:meta("key", "value")))
    assert.is_nil(reader:meta("key"))
  end)
end)

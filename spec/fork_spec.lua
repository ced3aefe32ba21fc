-- Collections opened before a fork work in the child and in the parent. Objects that use a snapshot of the parent
-- return "busy" in the child.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local support = require "spec.support.init"

local has_posix, posix = pcall(require, "posix")

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2", index = "flat" } },
}

local function document(id)
  return { id = id, n = tonumber(id) or 0, v = { tonumber(id) or 0, 0 } }
end

-- Runs work() in a fork of this process. Raises here the error raised there.
local function forked(work)
  local from, to = posix.pipe()
  local pid = assert(posix.fork())
  if pid == 0 then
    local ok, message = pcall(work)
    posix.write(to, ok and "ended" or "in the child: " .. tostring(message))
    posix._exit(0)
  end
  posix.close(to)
  local parts = {}
  repeat
    parts[#parts + 1] = posix.read(from, 4096)
  until parts[#parts] == "" or parts[#parts] == nil
  posix.close(from)
  posix.wait(pid)
  local said = table.concat(parts)
  if said ~= "ended" then
    error(said, 2)
  end
end

local function assert_busy(message_part, result, message, code)
  assert.is_nil(result)
  assert.equal("busy", code)
  assert.truthy(message:find(message_part, 1, true), message)
end

if not has_posix then
  describe("after a fork", function()
    it("a collection works on in the child", function()
      pending("left out, not failed: there is no luaposix for " .. _VERSION .. ". The other Luas run this spec")
    end)
  end)
  return
end

describe("after a fork", function()
  local c, path

  before_each(function()
    c, path = support.collection(SCHEMA, { maintenance = "manual" })
    c:insert { document("1"), document("2") }
    c:optimize()
    c:insert(document("3"))
  end)
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("child and parent go on reading and writing", function()
    assert.equal(3, #c)
    forked(function()
      assert.equal(3, #c)
      assert.equal("2", c:query({ vector = { 2, 0 }, topk = 1 })[1].id)
      assert.equal(1, c:insert(document("4")))
      assert.is_true(c:optimize())
      assert.equal(4, c:fetch("4").n)
      forked(function() -- a fork of the fork
        assert.equal(4, #c)
        assert.equal(1, c:delete("1"))
      end)
      assert.same({ "2", "3", "4" }, support.ids(support.documents(c)))
      assert.is_true(c:check())
    end)
    assert.same({ "2", "3", "4" }, support.ids(support.documents(c)))
    assert.equal(1, c:insert(document("5")))
    forked(function()
      assert.equal(4, #c)
    end)
    assert.is_true(c:check())
  end)

  it("all handles work in the child, read-only ones too", function()
    local second = support.collection(nil, { path = path })
    local reader = support.collection(nil, { path = path, read_only = true })
    forked(function()
      assert.equal(3, #reader)
      assert.equal(1, second:insert(document("4")))
      assert.equal(4, #c)
      assert.equal(4, #reader)
      assert.equal("read_only", select(3, reader:delete("4")))
    end)
    assert.equal(4, #reader)
  end)

  it("the child gives back space of the catalog, but none that an iterator of the parent needs", function()
    local function rewrite(from, to)
      for n = from, to do
        local documents = {}
        for id = 1, 1000 do
          documents[id] = { id = ("%d"):format(id), n = n, v = { n, id } }
        end
        assert.equal(1000, c:upsert(documents))
      end
    end
    rewrite(1, 3)
    local next_document = c:iterate()
    assert.equal(3, next_document().n)
    forked(function()
      rewrite(4, 15)
      assert.is_true(c:optimize())
      local oldest = c:stats().oldest_reader
      assert.equal(posix.getpid("ppid"), oldest.pid)
      assert.is_true(oldest.catalog_bytes > 100000)
    end)
    local count = 1
    for row in next_document do
      count = count + 1
      assert.equal(3, row.n)
    end
    assert.equal(1000, count)
    forked(function()
      assert.is_true(c:optimize())
      assert.is_nil(c:stats().oldest_reader)
    end)
    assert.equal(15, c:fetch("1").n)
    assert.is_true(c:check())
  end)

  it("iterators of the parent are refused in the child and go on in the parent", function()
    local next_document = c:iterate()
    assert.equal("1", next_document().id)
    forked(function()
      local ok, message = pcall(next_document)
      assert.is_false(ok)
      assert.truthy(tostring(message):find("before the process forked", 1, true), message)
      collectgarbage()
      assert.equal(3, #support.documents(c)) -- a new iterator works
    end)
    assert.equal("2", next_document().id)
    assert.equal("3", next_document().id)
    assert.is_nil(next_document())
  end)

  it("work begun by the parent is refused in the child and goes on in the parent", function()
    assert.equal("more", c:optimize { budget_ms = 0.001 })
    forked(function()
      assert_busy("", c:optimize())
    end)
    assert.is_true(c:optimize())
    assert.equal(0, c:stats().fresh_rows)
  end)

  it("the parent's transaction is neither seen nor ended by the child", function()
    c:transaction(function(tx)
      tx:insert(document("4"))
      tx:delete("1")
      forked(function()
        assert_busy("from before the process forked", tx:insert(document("5")))
        assert_busy("from before the process forked", tx:count())
        tx:close()
        assert.equal(3, #c)
        assert.is_nil((c:fetch("4")))
        assert.equal(1, c:fetch("1").n)
        c:close()
      end)
      assert.equal(3, #tx)
      assert.equal(4, tx:fetch("4").n)
    end)
    assert.is_nil((c:fetch("1")))
    assert.equal(3, #c)
    assert.is_true(c:check())
  end)

  it("a transaction whose function ends in the child is not committed there", function()
    local parent = posix.getpid("pid")
    local from, to = posix.pipe()
    local committed, _, code
    local ok, message = pcall(function()
      committed, _, code = c:transaction(function(tx)
        tx:insert(document("4"))
        posix.fork()
      end)
    end)
    if posix.getpid("pid") ~= parent then
      posix.write(to, tostring(ok and committed) .. " " .. tostring(code or message))
      posix._exit(0)
    end
    posix.wait(-1)
    assert.is_true(committed)
    posix.close(to)
    local said = posix.read(from, 1000)
    posix.close(from)
    assert.equal("nil busy", said)
    assert.equal(4, #c)
  end)

  it("a collection in memory stays with the parent", function()
    local memory = support.collection(SCHEMA, { path = ":memory:" })
    memory:insert(document("1"))
    forked(function()
      assert_busy("in memory", memory:count())
      assert_busy("in memory", memory:insert(document("2")))
      assert_busy("in memory", memory:query { vector = { 1, 2 } })
      memory:close()
    end)
    assert.equal(1, memory:insert(document("2")))
    assert.equal(2, #memory)
  end)

  it("closing in the child leaves the parent's snapshots alone", function()
    local next_document = c:iterate()
    assert.equal("1", next_document().id)
    local held = listing.names(path, "^%d")
    forked(function()
      assert.equal(3, #c)
      c:close()
    end)
    forked(function()
      c:close() -- also when the child never used it
    end)
    forked(function()
      c = nil
      collectgarbage()
      collectgarbage()
    end)
    children.start(function(where)
      local collection = assert(require("moonvec").open(where, { maintenance = "manual" }))
      assert(collection:delete("2"))
      assert(collection:optimize())
      assert(collection:delete("nothing"))
      collection:close()
    end, path):wait()
    local there = table.concat(listing.names(path), " ")
    for _, name in ipairs(held) do
      assert.truthy(there:find(name, 1, true), name .. " was removed under the parent's iterator")
    end
    assert.equal("2", next_document().id)
    assert.equal("3", next_document().id)
    assert.is_nil(next_document())
    assert.equal(2, #c)
  end)

  it("a child that lives on does not keep the parent from optimizing again", function()
    assert.equal("more", c:optimize { budget_ms = 0.001 })
    local from, to = posix.pipe()
    local pid = posix.fork()
    if pid == 0 then
      posix.close(to)
      posix.read(from, 1) -- until the parent closes the other end
      posix._exit(0)
    end
    posix.close(from)
    local first, second = c:optimize(), { c:optimize() }
    posix.close(to)
    posix.wait(pid)
    assert.is_true(first)
    assert.same({ true }, second)
  end)
end)

-- Out of memory and back: dump and load, and ":memory:" with the option `from`.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  name = "sample",
  fields = { { name = "n", type = "int32", index = "invert" }, { name = "t", type = "string", nullable = true } },
  vectors = { { name = "v", type = "vector_fp32", dim = 8, metric = "l2", index = { type = "hnsw", m = 8 } } },
}

local function documents(from, to)
  local random, list = support.random(from), {}
  for n = from, to do
    list[#list + 1] = { id = n, n = n, t = n % 3 > 0 and "text " .. n or nil, v = support.vector(random, 8) }
  end
  return list
end

-- A segment with indexes, deleted and fresh rows.
local function filled(path)
  local c = support.collection(SCHEMA, { path = path, maintenance = "manual" })
  assert(c:insert(documents(1, 2000)))
  assert(c:optimize())
  assert(c:delete { 5, 6, 7 })
  assert(c:upsert(documents(2000, 2010)))
  return c
end

local function same(c, other)
  assert.same(c.schema, other.schema)
  assert.same(support.documents(c), support.documents(other))
  local indexes, others = c:stats().indexes, other:stats().indexes
  assert.same(indexes, others)
  assert.equal(1, indexes.v.graphs)
  assert.equal(1, indexes.n.lists)
  local query = { vector = documents(77, 77)[1].v, topk = 10, filter = "n > 50" }
  assert.same(c:query(query), other:query(query))
  assert.is_true(other:check())
end

describe("a dump", function()
  after_each(support.clean)

  for _, where in ipairs { "in memory", "in a directory" } do
    it("of a collection " .. where .. " loads with its indexes", function()
      local c = filled(where == "in memory" and ":memory:" or nil)
      local dump = assert(c:dump())
      local back = assert(moonvec.load(dump, { maintenance = "manual" }))
      assert.equal("moonvec.collection: :memory: (2,007 documents)", tostring(back))
      same(c, back)
      assert.equal(1, back:insert { id = "more", n = 0, v = documents(1, 1)[1].v })
      assert.equal(2007, #c)
      assert.is_true(back:optimize())
      assert.is_true(back:check())
      back:close()
    end)
  end

  it("is of the last commit, also while a transaction is open", function()
    for _, c in ipairs { filled(":memory:"), filled(support.path()) } do
      c:transaction(function(tx)
        assert(tx:delete(1))
        assert.matches("not in a transaction", support.message_of(tx.dump, tx))
        assert.equal(2007, #assert(moonvec.load(assert(c:dump()))))
      end)
      assert.equal(2006, #assert(moonvec.load(c:dump())))
    end
  end)

  it("can be written to a directory again", function()
    local path = support.path()
    assert(moonvec.load(filled(":memory:"):dump()):backup(path))
    local c = support.collection(SCHEMA, { path = path })
    assert.equal(2007, #c)
    assert.is_true(c:check())
    assert.equal(1, c:stats().indexes.v.graphs)
  end)

  it("is refused when it is damaged or cut short", function()
    local dump = filled(":memory:"):dump()
    local function refused(bytes, ...)
      local c, message, code = moonvec.load(bytes)
      assert.is_nil(c)
      assert.equal("corrupt", code)
      for _, part in ipairs { ... } do
        assert.truthy(message:find(part, 1, true), message)
      end
    end
    refused("", "0 bytes does not begin as one")
    refused("a text", "6 bytes does not begin as one")
    refused(dump:sub(1, -2), tostring(#dump - 1), tostring(#dump))
    refused(dump .. "x", tostring(#dump + 1))
    refused(dump:sub(1, -2) .. string.char((dump:byte(-1) + 1) % 256), "checksum")
    refused(dump:sub(1, 39) .. "X" .. dump:sub(41), "header")
    local _, _, code = moonvec.load(dump:sub(1, 8) .. "\2" .. dump:sub(10))
    assert.equal("version", code)
  end)

  it("compares its schema with one that is given", function()
    local dump = filled(":memory:"):dump()
    assert(moonvec.load(dump, { schema = SCHEMA }))
    local other = { vectors = { { name = "v", type = "vector_fp32", dim = 8 } } }
    assert.equal("schema_mismatch", select(3, moonvec.load(dump, { schema = other })))
  end)

  it("raises for wrong arguments", function()
    local c = filled(":memory:")
    local function says(wanted, ...)
      local message = support.message_of(...)
      assert.truthy(message:find(wanted, 1, true), message)
    end
    says("load: a dump is a string, got a table", moonvec.load, {})
    says("did you mean 'schema'", moonvec.load, "", { shema = SCHEMA })
    says("load: unknown option 'from'", moonvec.load, "", { from = "x" })
    c:close()
    says("is closed", c.dump, c)
  end)
end)

describe("a collection in memory that is copied from a directory", function()
  after_each(support.clean)

  it("has the documents and indexes of the directory, which stays as it is", function()
    local c = filled()
    local path = c.path
    same(c, assert(moonvec.open(":memory:", { from = path, maintenance = "manual" })))
    c:close()
    local state = listing.state(path)
    local memory = assert(moonvec.open(":memory:", { from = path, verify = true, schema = SCHEMA }))
    assert.equal(state, listing.state(path))
    assert(memory:delete_by_filter("n > 10"))
    assert(memory:optimize())
    assert.equal(7, #memory)
    assert.is_true(memory:backup(path, { replace = true }))
    assert.equal(7, #support.collection(nil, { path = path }))
  end)

  it("is refused where there is none, and for another path", function()
    local path = support.path()
    local c, message, code = moonvec.open(":memory:", { from = path })
    assert.is_nil(c)
    assert.equal("not_found", code, message)
    assert.falsy(children.succeeds("test -e " .. path))
    message = support.message_of(moonvec.open, path, { from = path })
    assert.truthy(message:find("'from' needs the path :memory:", 1, true), message)
    message = support.message_of(moonvec.open, ":memory:", { from = path, read_only = true })
    assert.truthy(message:find("read_only", 1, true), message)
    filled(path):close()
    local other = { vectors = { { name = "v", type = "vector_fp32", dim = 8 } } }
    assert.equal("schema_mismatch", select(3, moonvec.open(":memory:", { from = path, schema = other })))
  end)
end)

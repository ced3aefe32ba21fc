-- Open, create, close and destroy collections.

local moonvec = require "moonvec"
local children = require "spec.support.children"
local support = require "spec.support.init"

local function schema(dim)
  return {
    name = "books",
    fields = { { name = "title", type = "string" } },
    vectors = { { name = "embedding", type = "vector_fp32", dim = dim or 2 } },
  }
end

local dune = { id = "dune", title = "Dune", embedding = { 1, 0 } }

describe("opening a collection", function()
  after_each(support.clean)

  it("creates it when a schema is given, and finds it again without", function()
    local path = support.path()
    local books = assert(moonvec.open(path, { schema = schema() }))
    assert.equal(1, books:insert(dune))
    assert.is_true(books:close())

    books = assert(moonvec.open(path))
    assert.equal("Dune", books:fetch("dune").title)
    books:close()
  end)

  it("answers not_found when nothing is there", function()
    local path = support.path()
    local books, message, code = moonvec.open(path)
    assert.is_nil(books)
    assert.equal("not_found", code)
    assert.truthy(message:find(path, 1, true), message)
  end)

  it("refuses a schema that is not the one there", function()
    local _, path = support.collection(schema(2))
    local books, message, code = moonvec.open(path, { schema = schema(3) })
    assert.is_nil(books)
    assert.equal("schema_mismatch", code)
    assert.truthy(message:find("embedding", 1, true), message)
    assert(moonvec.open(path, { schema = schema(2) })):close()
  end)

  it("creates only what is not there yet with create_and_open", function()
    local path = support.path()
    local books = assert(moonvec.create_and_open(path, schema()))
    books:close()
    local again, _, code = moonvec.create_and_open(path, schema())
    assert.is_nil(again)
    assert.equal("exists", code)
  end)

  it("works twice at once, each handle seeing what the other writes", function()
    local first, path = support.collection(schema())
    local second = support.collection(nil, { path = path })
    first:insert(dune)
    assert.equal(1, #second)
    second:delete("dune")
    assert.equal(0, #first)
  end)

  it("can be read-only", function()
    local books, path = support.collection(schema())
    books:insert(dune)
    books:close()
    local reader = support.collection(nil, { path = path, read_only = true })
    assert.equal("Dune", reader:fetch("dune").title)
    local written, _, code = reader:insert { id = "emma", title = "Emma", embedding = { 0, 1 } }
    assert.is_nil(written)
    assert.equal("read_only", code)
  end)

  it("verifies everything when asked to", function()
    local books, path = support.collection(schema())
    books:insert(dune)
    books:close()
    assert.equal(1, #support.collection(nil, { path = path, verify = true }))
  end)

  it("takes durability none and manual maintenance", function()
    local books, path = support.collection(schema(), { durability = "none", maintenance = "manual" })
    books:insert(dune)
    assert.is_true(books:flush())
    books:close()
    assert.equal(1, #support.collection(nil, { path = path }))
  end)

  it("takes a number of threads for maintenance", function()
    local books, path = support.collection(schema(), { maintenance_threads = 2 })
    assert.equal(1, books:insert(dune))
    assert.matches(
      "'maintenance_threads' must be a whole number from 1 to 64",
      support.message_of(support.collection, nil, { path = path, maintenance_threads = 65 })
    )
  end)

  it("maps indexes before it ends, with 'prefault'", function()
    local books, path = support.collection {
      fields = { { name = "title", type = "string", index = "invert" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2" } },
    }
    local batch = {}
    for n = 1, 1500 do
      batch[n] = { id = n, title = "book " .. n, v = support.waves(n, 4) }
    end
    assert(books:insert(batch))
    assert(books:optimize())
    assert(books:close())
    for _, options in ipairs { {}, { read_only = true }, { path = ":memory:", from = path } } do
      options.path, options.prefault = options.path or path, true
      books = support.collection(nil, options)
      assert.equal(1500, books:stats().indexes.v.indexed_rows)
      assert.equal("7", assert(books:query { vector = support.waves(7, 4), topk = 1 })[1].id)
      assert(books:close())
    end
    assert.matches("'prefault' must be true or false",
      support.message_of(support.collection, nil, { path = path, prefault = 1 }))
  end)

  it("keeps everything in memory at ':memory:'", function()
    local books = support.collection(schema(), { path = ":memory:" })
    books:insert(dune)
    assert.equal(1, #books)
    local others = support.collection(schema(), { path = ":memory:" })
    assert.equal(0, #others)
    books:close()
    local file = io.open(":memory:")
    assert.is_nil(file)
  end)

  it("leaves addresses for others where a process may have few of them #once", function()
    if (os.getenv "LD_PRELOAD" or ""):find("libasan", 1, true) then
      return pending "AddressSanitizer needs all addresses"
    end
    local child = children.start_under([[sh -c 'ulimit -v 4194304; exec "$@"' sh]], function()
      local m = require "moonvec"
      local opened = {}
      for i = 1, 10 do
        opened[i] = assert(m.open(":memory:", { schema = { fields = { { name = "n", type = "int32" } } } }))
        assert(opened[i]:insert { id = i, n = i })
      end
      print(#opened)
    end)
    assert.equal("10", child:read())
    child:wait()
  end)
end)

describe("removing a collection", function()
  after_each(support.clean)

  it("works when it is not open", function()
    local books, path = support.collection(schema())
    local done, _, code = moonvec.destroy(path)
    assert.is_nil(done)
    assert.equal("busy", code)
    books:close()
    assert.is_true(moonvec.destroy(path))
    done, _, code = moonvec.destroy(path)
    assert.is_nil(done)
    assert.equal("not_found", code)
  end)

  it("closes first when done through the handle", function()
    local books, path = support.collection(schema())
    assert.is_true(books:destroy())
    assert.equal("moonvec.collection: " .. path .. " (closed)", tostring(books))
    assert.equal("not_found", select(3, moonvec.open(path)))
    assert.is_true(support.collection(schema(), { path = ":memory:" }):destroy())
  end)
end)

describe("a handle", function()
  after_each(support.clean)

  it("shows its path, its schema and its size", function()
    local books, path = support.collection(schema())
    assert.equal(path, books.path)
    assert.same(moonvec.schema(schema()), books.schema)
    assert.equal("moonvec.collection: " .. path .. " (0 documents)", tostring(books))
    books:insert(dune)
    assert.equal("moonvec.collection: " .. path .. " (1 document)", tostring(books))
    local many = {}
    for i = 1, 1203 do
      many[i] = { id = i, title = "x", embedding = { 1, i } }
    end
    books:insert(many)
    assert.equal("moonvec.collection: " .. path .. " (1,204 documents)", tostring(books))
    assert.equal(1204, #books)
    assert.is_false(getmetatable(books))
    assert.is_nil(books.no_such_method)
  end)

  it("can be closed more than once, and then says so", function()
    local books, path = support.collection(schema())
    assert.is_true(books:close())
    assert.is_true(books:close())
    local closed = "collection '" .. path .. "' is closed"
    assert.equal(path, books.path)
    for _, call in ipairs { "insert", "fetch", "query", "count", "iterate", "stats", "optimize", "check", "flush" } do
      assert.equal(closed, support.message_of(books[call], books, {}))
    end
    assert.equal(closed, support.message_of(books.transaction, books, function() end))
    assert.equal(closed, support.message_of(function()
      return #books
    end))
  end)

  it("is closed by the collector", function()
    local books, path = support.collection(schema(), { path = support.path() })
    books:close()
    for _ = 1, 50 do
      assert(moonvec.open(path))
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(moonvec.destroy(path))
  end)

  it("takes what was made of it along when closed", function()
    local books = support.collection(schema(), { maintenance = "manual" })
    books:insert { dune, { id = "emma", title = "Emma", embedding = { 0, 1 } } }
    local next_book = books:iterate()
    assert.equal("dune", next_book().id)
    books:optimize { budget_ms = 0.001 }
    books:close()
    assert.truthy(support.message_of(next_book):find("closed", 1, true))
  end)
end)

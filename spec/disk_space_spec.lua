-- Space on the disk: what a load leaves after optimize, what a stopped reader holds back, and that giving space back
-- disturbs no reader or writer.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local DIM = 1024
local COUNT = 300 -- documents that are written again and again, in children too

local function schema(index)
  return { vectors = { { name = "v", type = "vector_fp32", dim = DIM, index = index } } }
end

-- Different vectors, of which each is a part of the same numbers.
local numbers = moonvec.pack(support.vector(support.random(3), 4 * DIM))

local function vector(n)
  local first = n * 7 % (3 * DIM)
  return numbers:sub(4 * first + 1, 4 * (first + DIM))
end

local TEXTS = { fields = { { name = "n", type = "int64" }, { name = "text", type = "string" } } }

-- All documents, as they are in version `n`.
local function version(n)
  local documents = {}
  for id = 1, COUNT do
    documents[id] = { id = id, n = n, text = ("%d "):format(n):rep(500) }
  end
  return documents
end

-- What the last commits have freed, and single pages, may stay.
local function assert_tight(c)
  local stats = c:stats()
  assert.is_true(stats.catalog_free_bytes < 512 * 1024 + stats.catalog_bytes / 4, stats.catalog_free_bytes .. " free")
end

describe("space on the disk", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("of large replaced files comes back one file at a time, and by optimize at once", function()
    local rows = 4200 -- 17 MB, and a segment at once
    local function load(from)
      local documents = {}
      for n = 1, rows do
        documents[n] = { id = from + n, v = vector(n) }
      end
      return documents
    end
    local c, path = support.collection(schema "flat", { maintenance = "manual" })
    local function vector_files()
      return #listing.names(path, "%.vec$")
    end
    assert(c:insert(load(0)))
    assert(c:insert(load(rows)))
    local held = c:iterate()
    assert.is_true(c:optimize())
    assert.equal(3, vector_files())
    for _ in held do end -- luacheck: ignore 542
    for left = 2, 1, -1 do
      assert(c:delete("nobody"))
      assert.equal(left, vector_files())
    end
    assert(c:insert(load(2 * rows)))
    assert.is_true(c:optimize())
    assert.equal(1, vector_files())
    assert.equal(3 * rows, #c)
  end)

  for _, maintenance in ipairs { "manual", "auto" } do
    it("is that of vectors and indexes after a load, maintenance " .. maintenance, function()
      local rows = 1500
      local c = support.collection(schema { type = "hnsw", m = 4, ef_construction = 8 }, { maintenance = maintenance })
      for first = 1, rows, 500 do
        local documents = {}
        for n = first, first + 499 do
          documents[#documents + 1] = { id = n, v = vector(n) }
        end
        assert.equal(500, c:insert(documents))
      end
      assert.is_true(c:optimize())
      local stats = c:stats()
      local raw = rows * DIM * 4
      assert.is_true(stats.disk_bytes <= 1.1 * (raw + stats.indexes.v.bytes), stats.disk_bytes .. " bytes")
      assert_tight(c)
    end)
  end

  it("is bounded while rows are loaded with manual maintenance", function()
    local c = support.collection(schema "flat", { maintenance = "manual" })
    local documents = {}
    for n = 1, 9000 do
      documents[#documents + 1] = { id = n, v = vector(n) }
      if #documents == 500 then
        assert.equal(500, c:insert(documents))
        documents = {}
      end
    end
    local stats = c:stats()
    assert.equal(2, stats.segments) -- of 16 MiB each
    assert.is_true(stats.fresh_rows < 9000 - 2 * 4000)
    assert.is_true(stats.catalog_bytes < 40 * 1024 * 1024, stats.catalog_bytes .. " bytes")
  end)

  it("is held back by a reader that is stopped, which stats name", function()
    local c, path = support.collection(TEXTS, { maintenance = "manual" })
    c:insert(version(1))
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { read_only = true }))
      local next_document = collection:iterate()
      local count = next_document().n
      print "reading"
      io.read()
      for document in next_document do
        count = count + document.n
      end
      print(("%d"):format(count))
      io.read()
    end, path)
    assert.equal("reading", child:read())
    assert.is_nil(c:stats().oldest_reader)
    assert.is_true(children.succeeds("kill -STOP " .. child.pid))
    for n = 2, 6 do
      c:upsert(version(n))
    end
    assert.is_true(c:optimize())
    local stats = c:stats()
    assert.equal(child.pid, stats.oldest_reader.pid)
    assert.is_true(stats.oldest_reader.commits >= 5)
    assert.is_true(stats.oldest_reader.catalog_bytes > 5 * COUNT * 1000)
    assert.equal(0, stats.oldest_reader.file_bytes)
    c:upsert(version(7))
    assert.is_true(c:optimize())
    assert.is_true(c:stats().oldest_reader.file_bytes > COUNT * 1000)
    assert.is_true(children.succeeds("kill -CONT " .. child.pid))
    child:send ""
    assert.equal(("%d"):format(COUNT), child:read()) -- each of them is of version 1
    assert.is_nil(c:stats().oldest_reader)
    assert.is_true(c:optimize())
    assert_tight(c)
    child:send ""
    child:wait()
  end)

  it("is given back while other processes read and write", function()
    local c, path = support.collection(TEXTS, { maintenance = "manual" })
    c:insert(version(1))
    local readers = {}
    for i = 1, 2 do
      readers[i] = children.start(function(where)
        local collection = assert(require("moonvec").open(where, { read_only = true }))
        local last = 0
        repeat
          local count, n = 0, nil
          for document in collection:iterate() do
            n = n or document.n
            assert(document.n == n and document.text == ("%d "):format(n):rep(500), "a document of another commit")
            count = count + 1
          end
          assert(count == 300 and n >= last, "documents are missing")
          last = n
        until n == 25
      end, path)
    end
    local writer = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { durability = "none", maintenance = "manual" }))
      for n = 2, 25 do
        local documents = {}
        for id = 1, 300 do
          documents[id] = { id = id, n = n, text = ("%d "):format(n):rep(500) }
        end
        assert(collection:upsert(documents))
      end
    end, path)
    repeat
      assert(c:optimize())
    until c:fetch("1").n == 25
    writer:wait()
    for i = 1, 2 do
      readers[i]:wait()
    end
    assert.is_true(c:optimize())
    assert_tight(c)
    assert.equal(COUNT, c:count "n = 25")
    assert.is_true(c:check())
  end)
end)

-- Limits: a write that goes over max_documents or max_bytes removes other documents in the same commit.

local children = require "spec.support.children"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local VECTORS = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2", index = "flat" } }

local function schema(options)
  local given = { fields = { { name = "n", type = "int32" } }, vectors = VECTORS }
  for name, value in pairs(options) do
    given[name] = value
  end
  return given
end

--- The ids of a collection, oldest first, as numbers.
local function numbers(c)
  local list = {}
  for i, id in ipairs(support.ids(c:query { topk = 10000 })) do
    list[i] = tonumber(id)
  end
  return list
end

local function range(from, to)
  local list = {}
  for n = from, to do
    list[#list + 1] = n
  end
  return list
end

describe("max_documents", function()
  after_each(support.clean)

  it("keeps the documents that were written last", function()
    for _, maintenance in ipairs { "manual", "auto" } do
      local c = support.collection(schema { max_documents = 1500 }, { maintenance = maintenance })
      assert(c:insert(support.numbered(1, 1500)))
      assert.equal(1500, #c)
      assert(c:insert(support.numbered(1501, 1501)))
      assert.same(range(2, 1501), numbers(c))
      assert(c:update { id = 2, n = 7 }) -- writes it
      assert(c:insert(support.numbered(1502, 3000)))
      assert(c:insert(support.numbered(3001, 3003)))
      assert(c:optimize())
      assert(c:upsert(support.numbered(1600, 1610)))
      assert(c:insert(support.numbered(3004, 3100)))
      local expected, found = range(1600, 3100), numbers(c)
      table.remove(expected, 12) -- 1611: those before it were written again
      table.sort(found)
      assert.same(expected, found)
      assert.is_true(c:check())
      assert.equal(1600, c:stats().evicted)
    end
  end)

  it("leaves as many documents of a larger batch, the last ones", function()
    for _, count in ipairs { 100, 6000 } do -- the latter becomes a segment at once
      local c = support.collection(schema { max_documents = 40 })
      assert(c:insert(support.numbered(-10, -1)))
      assert.equal(count, c:insert(support.numbered(1, count)))
      assert.same(range(count - 39, count), numbers(c))
      assert.equal(count - 30, c:stats().evicted)
      assert.is_true(c:check())
    end
  end)

  it("is kept within a transaction, and what it undoes is there again", function()
    local c = support.collection(schema { max_documents = 10 })
    assert(c:insert(support.numbered(1, 10)))
    pcall(c.transaction, c, function(tx)
      assert(tx:insert(support.numbered(11, 15)))
      assert.same(range(6, 15), numbers(tx))
      error("undo")
    end)
    assert.same(range(1, 10), numbers(c))
    assert.equal(0, c:stats().evicted)
    assert.is_true(c:transaction(function(tx)
      assert(tx:insert(support.numbered(11, 15)))
      assert(tx:delete { 14, 15 })
      assert(tx:insert(support.numbered(16, 16)))
    end))
    assert.same({ 6, 7, 8, 9, 10, 11, 12, 13, 16 }, numbers(c))
    assert.equal(5, c:stats().evicted)
  end)

  it("removes expired documents first", function()
    local fields = { { name = "n", type = "int32" }, { name = "e", type = "int64", nullable = true } }
    for _, many in ipairs { 0, 5000 } do -- fresh, or in a segment
      local c = support.collection { fields = fields, vectors = VECTORS, expires = "e", max_documents = many + 4 }
      local batch = support.numbered(1, many + 4)
      for n = 3, many + 4 do
        batch[n].e = 1
      end
      assert(c:insert(batch))
      assert(c:insert(support.numbered(many + 5, many + 6)))
      assert.same({ 1, 2, many + 5, many + 6 }, numbers(c))
      assert.equal(0, c:stats().evicted)
      assert.is_true(c:stats().expired > 0)
      assert.is_true(c:check())
    end
  end)
end)

describe("max_bytes", function()
  after_each(support.clean)

  it("limits the bytes of ids, values and vectors", function()
    local c, path = support.collection(schema { max_bytes = 100000 })
    assert(c:insert(support.numbered(1, 100)))
    local each = c:stats().bytes / 100
    assert.equal(math.floor(each), each)
    assert(c:insert(support.numbered(101, 5000)))
    assert(c:insert(support.numbered(5001, 5000 + 7)))
    local kept = math.floor(100000 / each)
    assert.same({ kept, kept * each }, { #c, c:stats().bytes })
    assert.equal(5007, numbers(c)[kept])
    assert.is_true(c:check())
    assert(c:delete { 5007, 5006, 1 })
    assert.equal((kept - 2) * each, c:stats().bytes)
    assert(c:optimize())
    assert(c:add_column({ name = "more", type = "string", default = "" }))
    assert.is_true(c:stats().bytes <= 100000 and #c < kept - 2) -- all documents are larger now, and some are evicted
    assert.is_true(c:check())
    local left = #c
    assert(c:drop_column("more"))
    assert.equal(left * each, c:stats().bytes)
    assert(c:close())
    c = support.collection(nil, { path = path })
    assert(c:insert(support.numbered(6001, 6003)))
    assert.equal((left + 3) * each, c:stats().bytes)
    assert.is_true(c:check())
  end)

  it("refuses a column with which no document would be left", function()
    for _, place in ipairs { "fresh", "in segments" } do
      local c = support.collection(schema { max_bytes = 5000 })
      assert(c:insert(support.numbered(1, 20)))
      assert(place == "fresh" or c:optimize())
      local before = numbers(c)
      local none, text, code = c:add_column { name = "more", type = "string", default = ("x"):rep(5000) }
      assert.same({ nil, "limit" }, { none, code })
      assert.matches("with the new column no document has less than max_bytes of the collection, which is 5000", text)
      assert.same(before, numbers(c))
      assert.is_true(c:add_column { name = "more", type = "string", default = "x" })
      assert.is_true(c:check())
    end
  end)

  it("refuses a document that is larger alone, and changes nothing", function()
    local c = support.collection(schema { max_bytes = 500 })
    assert(c:insert(support.numbered(1, 3)))
    local large = { { id = 9, n = 1, v = { 1, 1 } }, { id = ("x"):rep(600), n = 1, v = { 1, 1 } } }
    local none, text, code = c:insert(large)
    assert.same({ nil, "limit" }, { none, code })
    assert.matches("document 'xxx.*' has %d+ bytes, max_bytes of the collection is 500", text)
    assert.same({ 1, 2, 3 }, numbers(c))
    local many = support.numbered(100, 4300)
    many[4000].id = ("x"):rep(600)
    assert.equal("limit", (select(3, c:insert(many))))
    assert.same({ 1, 2, 3 }, numbers(c))
  end)
end)

--- Numbers from 1 to `count`, number i with a probability proportional to 1 / i ^ 0.9.
local function zipf(random, count)
  local sums, sum = {}, 0
  for i = 1, count do
    sum = sum + i ^ -0.9
    sums[i] = sum
  end
  return function()
    local x, low, high = random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < x then
        low = middle + 1
      else
        high = middle
      end
    end
    return low
  end
end

--- How many of the keys an exact cache of `size` finds: a list in the order of use, by number.
local function exact_hits(keys, size)
  local used, key_at, count, hits, oldest = {}, {}, 0, 0, 1
  for now, key in ipairs(keys) do
    if used[key] then
      hits = hits + 1
      key_at[used[key]] = nil
    else
      count = count + 1
    end
    used[key], key_at[now] = now, key
    if count > size then
      while not key_at[oldest] do
        oldest = oldest + 1
      end
      used[key_at[oldest]], key_at[oldest] = nil, nil
      count = count - 1
    end
  end
  return hits
end

describe("evict = 'least_recent'", function()
  after_each(support.clean)

  it("finds nearly as much as a cache that keeps the order of all uses", function()
    local KEYS, SIZE, READS = 5000, 500, 12000
    local draw, keys = zipf(support.random(5), KEYS), {}
    for i = 1, READS do
      keys[i] = draw()
    end
    local hits = {}
    for _, evict in ipairs { "oldest", "least_recent" } do
      local c = support.collection(schema { max_documents = SIZE, evict = evict }, { maintenance = "auto" })
      for _, key in ipairs(keys) do
        if not c:fetch(key) then
          assert(c:insert { id = key, n = key, v = { key, 1 } })
        end
      end
      local stats = c:stats()
      assert.equal(READS, stats.hits + stats.misses)
      assert.equal(SIZE, stats.documents)
      assert.equal(stats.misses - SIZE, stats.evicted)
      hits[evict] = stats.hits
    end
    local best = exact_hits(keys, SIZE)
    assert.is_true(hits.least_recent >= best - 0.005 * READS, hits.least_recent .. " of " .. best)
    assert.is_true(hits.oldest < best - 0.03 * READS) -- else the test would tell nothing
  end)

  it("counts hits of queries, and reads of other processes", function()
    local c, path = support.collection(schema { max_documents = 60, evict = "least_recent" })
    assert(c:insert(support.numbered(1, 60)))
    local child = children.start(function(shared)
      local other = assert(require("moonvec").open(shared))
      for n = 1, 10 do
        assert(other:fetch(n))
      end
      assert(#other:query { vector = { 15, 1 }, topk = 11 } == 11)
      other:close()
    end, path)
    child:wait()
    assert.same({ 0, 0 }, { c:stats().hits, c:stats().misses }) -- of this process
    for n = 61, 75 do
      assert(c:insert(support.numbered(n, n)))
    end
    assert.equal(20, c:count("n <= 20")) -- of 16 documents chosen at random, one is always older
    assert.equal(60, #c)
  end)

  it("needs no file of its own, and is not kept from working by one that is in the way", function()
    local c, path = support.collection(schema { max_documents = 5, evict = "least_recent" })
    assert(c:insert(support.numbered(1, 5)))
    assert(io.open(path .. "/catalog.mdb-uses")):close()
    assert(c:close())
    assert(os.remove(path .. "/catalog.mdb-uses"))
    assert(os.execute("mkdir " .. path .. "/catalog.mdb-uses"))
    c = support.collection(nil, { path = path })
    assert(c:insert(support.numbered(6, 7)))
    assert.same({ 3, 4, 5, 6, 7 }, numbers(c)) -- without the file, the oldest go
    assert(os.execute("rmdir " .. path .. "/catalog.mdb-uses"))
    assert(c:close())
    c = support.collection(nil, { path = path, read_only = true })
    assert.equal(5, #assert(c:query { topk = 10 }))
    assert(c:close())
    assert.is_nil(io.open(path .. "/catalog.mdb-uses"))
    assert.is_true(moonvec.destroy(path))
  end)

  it("works in memory", function()
    local c = assert(moonvec.open(":memory:", { schema = schema { max_documents = 30, evict = "least_recent" } }))
    assert(c:insert(support.numbered(1, 30)))
    for n = 31, 45 do
      assert.is_table(c:fetch { 1, 2, 3 })
      assert(c:insert(support.numbered(n, n)))
    end
    assert.equal(3, c:count("n <= 3"))
    c:close()
  end)
end)

describe("alter", function()
  after_each(support.clean)

  it("sets, changes and removes limits", function()
    local c, path = support.collection(schema {})
    assert(c:insert(support.numbered(1, 100)))
    assert.same({ 0, 0 }, { c:stats().bytes, c:stats().evicted })
    assert.is_true(c:alter { max_documents = 50, evict = "least_recent" })
    assert.equal(50, #c)
    assert.is_true(c:alter { max_bytes = 1000 })
    local stats = c:stats()
    assert.is_true(stats.bytes <= 1000 and stats.documents < 50)
    assert.equal(100 - stats.documents, stats.evicted)
    assert.same(
      { 50, 1000, "least_recent" },
      { c.schema.max_documents, c.schema.max_bytes, c.schema.evict }
    )
    assert.is_true(c:alter { max_documents = false, evict = false })
    assert.is_true(c:check())
    assert(c:close())
    c = support.collection(nil, { path = path })
    assert.same({ [1] = nil, [2] = 1000, [3] = "oldest" }, { nil, c.schema.max_bytes, c.schema.evict })
    assert.is_true(c:alter { max_bytes = false })
    assert.is_nil(c.schema.evict)
    assert(c:insert(support.numbered(200, 400)))
    assert.is_true(#c > 201)
    assert.equal(0, c:stats().bytes)
    assert.is_true(c:check())
  end)

  it("names what is wrong", function()
    local c = support.collection(schema {})
    local function message(options)
      local ok, err = pcall(c.alter, c, options)
      assert.is_false(ok)
      return tostring(err)
    end
    assert.matches("alter: expected a table of options, got nil", message(nil))
    assert.matches("unknown option 'max_document' %(did you mean 'max_documents'%?%)", message { max_document = 1 })
    assert.matches("'max_documents'", message { capacity = 1 })
    assert.matches("'max_documents' must be from 1 to 2^53, got 0", message { max_documents = 0 }, 1, true)
    assert.matches("'max_bytes' must be a whole number", message { max_bytes = 1.5 })
    assert.matches("'max_bytes' must be a whole number", message { max_bytes = "1" })
    assert.matches("'evict' needs 'max_documents' or 'max_bytes'", message { evict = "oldest" })
    assert.matches("unknown evict 'lru' %(did you mean 'least_recent'%?%)", message { max_bytes = 1, evict = "lru" })
    assert.matches("expires: unknown field 'm'", message { expires = "m" })
    assert.is_nil(c.schema.max_documents)
    assert.is_true(c:transaction(function(tx)
      local ok, err = pcall(tx.alter, tx, { max_documents = 5 })
      assert.is_false(ok)
      assert.matches("not in a transaction", tostring(err))
    end))
    local ok, err = pcall(moonvec.schema, schema { evict = "least_recent" })
    assert.is_false(ok)
    assert.matches("schema: 'evict' needs 'max_documents' or 'max_bytes'", tostring(err))
  end)

  it("is seen by other handles, whose batches stay valid", function()
    local c, path = support.collection(schema {})
    local other = support.collection(nil, { path = path })
    assert(other:insert(support.numbered(1, 10)))
    assert.is_true(c:alter { max_documents = 10 })
    assert(other:insert(support.numbered(11, 13)))
    assert.same(range(4, 13), numbers(other))
  end)
end)

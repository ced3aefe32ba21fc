-- Documents that expire: from that second on no call finds them, and their space comes back by itself.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local PAST, FUTURE = 1000, 4000000000

local FIELDS = {
  { name = "n", type = "int32", index = "invert" },
  { name = "kind", type = "string" },
  { name = "body", type = "string", index = "text" },
  { name = "until_", type = "int64", nullable = true },
}
local VECTORS = {
  { name = "v", type = "vector_fp32", dim = 8, metric = "l2" },
  { name = "terms", type = "sparse_vector_fp32", index = "sparse" },
  { name = "tokens", type = "vector_fp32", dim = 4, multi = true, index = "flat" },
}

local function schema(options)
  local given = { fields = FIELDS, vectors = VECTORS, expires = "until_" }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  return given
end

local WORDS = { "red", "green", "blue", "grey", "pink" }

--- Document n. Of three, one has expired, one will, and one never does.
local function document(n)
  local random = support.random(n * 31 + 7)
  local words = {}
  for i = 1, 2 + random(6) do
    words[i] = WORDS[random(5)]
  end
  return {
    id = "d" .. n,
    n = n % 100,
    kind = WORDS[n % 4 + 1],
    body = table.concat(words, " "),
    until_ = ({ PAST + n, FUTURE + n })[n % 3 + 1],
    v = support.vector(random, 8),
    terms = { [n % 7] = 1 + random(9) / 10, [7 + n % 5] = 0.5 },
    tokens = { { 1, 0, random(), 0 }, { 0, 1, 0, random() } },
  }
end

local function is_there(given)
  return not given.until_ or given.until_ > os.time()
end

local function documents(from, to)
  local all, those_there = {}, {}
  for n = from, to do
    all[#all + 1] = document(n)
    those_there[#those_there + 1] = is_there(all[#all]) and all[#all] or nil
  end
  return all, those_there
end

local function ids_and_scores(hits)
  local list = {}
  for i, hit in ipairs(assert(hits)) do
    list[i] = { hit.id, hit.score }
  end
  return list
end

-- Every call that reads, with an answer that does not depend on how rows lie in segments.
local reads = {
  length = function(c)
    return #c
  end,
  count = function(c)
    return { c:count(), c:count("n < 50"), c:count("kind = 'red' AND until_ IS NOT NULL"), c:stats().documents }
  end,
  vector = function(c)
    local query = { field = "v", vector = { 1, 0, 0, 1, 0, 0, 1, 0 }, topk = 40, params = { exact = true } }
    local all = ids_and_scores(c:query(query))
    query.filter = "n BETWEEN 10 AND 60"
    return { all, ids_and_scores(c:query(query)) }
  end,
  text = function(c)
    local filtered = { field = "body", text = "green pink", topk = 30, filter = "n > 20" }
    return {
      ids_and_scores(c:query { field = "body", text = "red blue", topk = 30 }),
      ids_and_scores(c:query(filtered)),
      c:count "body MATCH 'grey'",
    }
  end,
  sparse = function(c)
    return ids_and_scores(c:query { field = "terms", vector = { [1] = 1, [8] = 0.5 }, topk = 30 })
  end,
  several = function(c)
    local query = { field = "tokens", vectors_of_one = { { 1, 0, 1, 0 }, { 0, 1, 0, 1 } }, topk = 30 }
    return ids_and_scores(c:query(query))
  end,
  fused = function(c)
    local queries = {
      { field = "v", vector = { 0, 1, 0, 0, 1, 0, 0, 1 }, topk = 20, params = { exact = true } },
      { field = "body", text = "blue", topk = 20 },
    }
    return ids_and_scores(c:multi_query { queries = queries, topk = 20 })
  end,
  groups = function(c)
    local query = { field = "body", text = "red", group_by = "kind", group_count = 3, topk_per_group = 4 }
    local groups = {}
    for i, group in ipairs(assert(c:group_by_query(query))) do
      groups[i] = { group.group, ids_and_scores(group.hits) }
    end
    return groups
  end,
  facet = function(c)
    return { c:facet("kind"), c:facet("n", { filter = "kind = 'blue'" }) }
  end,
  select = function(c)
    return support.ids(c:query { filter = "n >= 30", order_by = "n DESC", topk = 50, offset = 5 })
  end,
  iterate = function(c)
    return support.documents(c, "n < 70")
  end,
  cursor = function(c)
    local list = {}
    for hit in c:cursor { field = "v", vector = { 1, 1, 1, 1, 1, 1, 1, 1 }, params = { exact = true } } do
      list[#list + 1] = hit.id
      if #list == 100 then
        break
      end
    end
    return list
  end,
  fetch = function(c)
    local found = {}
    for n = 1, 40 do
      found["d" .. n] = c:fetch("d" .. n)
    end
    return found
  end,
}

--- All reads of `c` answer as those of `plain`, in which nothing has ever expired.
local function compare(plain, c)
  for name, read in pairs(reads) do
    local expected, got = read(plain), read(c)
    local ok = pcall(assert.same, expected, got)
    if not ok then
      assert.same(expected, got, name)
    end
  end
  assert.is_true(assert(c:check()))
end

describe("an expired document", function()
  after_each(support.clean)

  for _, maintenance in ipairs { "manual", "auto" } do
    it("is not there for any call that reads, with " .. maintenance .. " maintenance", function()
      local c, path = support.collection(schema(), { maintenance = maintenance })
      local plain = support.collection(schema { expires = false }, { maintenance = maintenance })
      local all, those_there = documents(1, 600)
      assert(c:insert(all))
      assert(plain:insert(those_there))
      compare(plain, c)
      assert(c:optimize())
      assert(plain:optimize())
      compare(plain, c)
      all, those_there = documents(601, 1200)
      for _, given in ipairs(all) do -- they expire after they were written to the segment
        given.until_ = given.until_ and given.until_ < FUTURE and FUTURE or given.until_
      end
      assert(c:insert(all))
      assert(plain:insert(those_there))
      assert(c:optimize())
      for _, given in ipairs(all) do
        if given.until_ == FUTURE then
          assert(c:update { id = given.id, until_ = PAST })
        end
      end
      compare(plain, c)
      assert(c:close())
      c = support.collection(nil, { path = path, maintenance = maintenance })
      compare(plain, c)
    end)
  end

  it("frees its id, and cannot be updated, deleted or searched for", function()
    local c = support.collection(schema())
    local given = document(3)
    for _, stage in ipairs { "fresh", "sealed" } do
      given.until_ = PAST
      assert(c:upsert { given, document(5) })
      if stage == "sealed" then
        assert.is_true(c:alter { expires = false })
        for n = 102, 402, 3 do -- 'alter' removes some rows that have expired, the oldest first
          assert(c:upsert(document(n)))
        end
        assert(c:upsert(given))
        assert(c:optimize())
        assert.is_true(c:alter { expires = "until_" })
      end
      local writes = {
        update = function()
          return c:update { id = "d3", n = 1 }
        end,
        query = function()
          return c:query { id = "d3", field = "v" }
        end,
        after = function()
          return c:query { after = { id = "d3" }, order_by = "n" }
        end,
      }
      for name, write in pairs(writes) do
        local found, _, code = write()
        assert.same({ nil, "not_found" }, { found, code }, stage .. name)
      end
      assert.equal(0, c:delete("d3"))
      given.until_ = PAST
      assert(c:upsert(given))
      assert.equal(0, c:delete_by_filter("n = 3"))
      assert.equal(0, c:update_by_filter("n = 3", nil, { n = 4 }))
      given.until_ = nil
      assert.equal(1, c:insert(given))
      local none, _, code = c:insert(given)
      assert.same({ nil, "exists" }, { none, code })
      assert.is_table(c:fetch("d3"))
      assert.is_true(c:check())
    end
  end)

  it("is free for a batch of any size and for a transaction, but an id may not stand twice in an insert", function()
    local c = support.collection(schema())
    local bulk = {}
    for n = 1, 4200 do
      bulk[n] = document(n)
      bulk[n].until_ = PAST
    end
    for _ = 1, 2 do
      assert.equal(4200, c:insert(bulk))
      assert.equal(0, #c)
    end
    assert.is_true(c:transaction(function(tx)
      assert.equal(1, tx:upsert(document(5)))
      assert.equal(2, tx:update { { id = "d5", until_ = PAST }, { id = "d5", n = 77 } }) -- what a batch wrote is there
      assert.is_nil(tx:fetch("d5"))
      assert.equal(1, tx:insert(bulk[7]))
      assert.equal(0, #tx)
      assert.equal(1, tx:insert(bulk[7]))
      local none, _, code = tx:insert { bulk[8], bulk[8] }
      assert.same({ nil, "exists" }, { none, code })
    end))
    local none, _, code = c:insert { bulk[8], bulk[8] }
    assert.same({ nil, "exists" }, { none, code })
    bulk[4201] = bulk[9]
    none, _, code = c:insert(bulk)
    assert.same({ nil, "exists" }, { none, code })
    assert.is_true(c:check())
  end)

  it("goes at its second, also from indexed segments, while an open iterator still shows it", function()
    local c = support.collection(schema())
    local soon = os.time() + 2
    local all = documents(1, 1300)
    for n, given in ipairs(all) do
      given.until_ = n % 10 == 0 and soon or nil
    end
    assert(c:insert(all))
    assert(c:optimize())
    local fresh = document(5000)
    fresh.until_ = soon
    assert(c:insert(fresh))
    local seen = 0
    local next_document = c:iterate()
    if os.time() < soon then -- else the machine was too slow to see them
      assert.equal(1301, #c)
      assert.is_table(c:fetch("d10"))
      next_document = c:iterate()
      seen = 1301
    end
    support.wait_until(function()
      return os.time() >= soon
    end)
    assert.equal(1170, #c)
    assert.equal(1170, c:count("n >= 0"))
    assert.is_nil(c:fetch("d10"))
    assert.is_nil(c:fetch("d5000"))
    for _, hit in ipairs(c:query { field = "v", vector = all[10].v, topk = 100 }) do
      assert.is_true(tonumber(hit.id:sub(2)) % 10 > 0)
    end
    local left = 0
    for _ in next_document do
      left = left + 1
    end
    assert.is_true(seen == 0 or left == seen)
    assert.equal(0, c:stats().expired)
    assert(c:optimize())
    assert.equal(131, c:stats().expired)
    assert.equal(0, c:stats().deleted_rows)
    assert.is_true(c:check())
  end)

  --- A collection of `count` documents that have expired since they were written.
  local function expired_since(count)
    local c, path = support.collection(schema { expires = false }, { maintenance = "manual" })
    local all = {}
    for n = 1, count do
      all[n] = document(n)
      all[n].until_ = PAST
    end
    assert(c:insert(all))
    assert.equal(count, #c)
    assert.is_true(c:alter { expires = "until_" })
    assert.equal(0, #c)
    return c, path
  end

  it("is removed by writes of other documents, a bounded number each", function()
    local c = expired_since(5000)
    local before = c:stats().expired
    for n = 1, 5 do
      assert(c:insert(document(9000 + 3 * n + 1)))
      local after = c:stats().expired
      assert.is_true(after > before and after <= before + 100)
      before = after
    end
    assert(c:optimize())
    local stats = c:stats()
    assert.same({ 5000, 0, 5 }, { stats.expired, stats.deleted_rows, stats.documents })
  end)

  it("is removed by maintenance when no program writes", function()
    local c, path = expired_since(4200)
    c:close()
    c = support.collection(nil, { path = path, maintenance = "auto" })
    support.wait_until(function()
      return #c == 0 and c:stats().expired == 4200
    end)
  end)
end)

describe("the field 'expires'", function()
  after_each(support.clean)

  it("may have any type that has seconds, or be a timestamp", function()
    local now = os.time()
    local values = {
      int32 = { 1, 2147483647, past = { -2147483648 } },
      uint32 = { 1, 4294967295, past = { 0 } },
      int64 = { now, now + 1000, past = { -2 ^ 52 } },
      uint64 = { now, "18446744073709551615", past = { 0 } },
      double = { now - 0.5, now + 1000.25, past = { -math.huge, -1e300, 0 } },
      timestamp = { "2001-01-01", "2101-01-01", past = { -1, "0001-01-01" } },
    }
    for type, value in pairs(values) do
      local fields = { { name = "e", type = type, nullable = true } }
      local c = support.collection { fields = fields, expires = "e" }
      assert(c:insert { { id = "gone", e = value[1] }, { id = "there", e = value[2] }, { id = "for ever" } })
      for i, past in ipairs(value.past) do
        assert(c:insert { id = "past" .. i, e = past })
      end
      for _ = 1, 2 do
        assert.same({ "there", "for ever" }, support.ids(c:query {}), type)
        assert(c:alter { expires = false })
        assert(c:alter { expires = "e" })
        assert(c:insert { id = "gone", e = value[1] })
        assert(c:optimize())
      end
    end
    local c = support.collection { fields = { { name = "e", type = "double" } }, expires = "e" }
    assert(c:insert { { id = "infinite", e = math.huge }, { id = "far", e = 1e300 } })
    assert.equal(2, #c)
  end)

  it("must be in the schema, and have such a type", function()
    local function message(given)
      local ok, err = pcall(moonvec.schema, given)
      assert.is_false(ok)
      return tostring(err)
    end
    assert.matches("expires: unknown field 'untl_' %(did you mean 'until_'%?%)", message(schema { expires = "untl_" }))
    assert.matches("expires: field 'kind' is string, it must be int32, int64", message(schema { expires = "kind" }))
    assert.matches("'expires' must be a string", message(schema { expires = 3 }))
    local given = schema()
    given.expire, given.expires = "until_", nil
    assert.matches("unknown option 'expire' %(did you mean 'expires'%?%)", message(given))
    given.expire, given.ttl = nil, "until_"
    assert.matches("'expires'", message(given))
    assert.matches(
      "field 'f' is float, it must be",
      message { fields = { { name = "f", type = "float" } }, expires = "f" }
    )
  end)

  it("follows its field when that is renamed, and keeps it from being dropped", function()
    local c, path = support.collection(schema())
    assert(c:insert { document(1), document(2), document(3) })
    assert.is_true(c:alter_column("until_", { rename = "gone_at" }))
    assert.equal("gone_at", c.schema.expires)
    local given = document(4)
    given.id, given.gone_at, given.until_ = "x", PAST, nil
    assert(c:insert(given))
    assert.is_nil(c:fetch("x"))
    local ok, err = pcall(c.drop_column, c, "gone_at")
    assert.is_false(ok)
    assert.matches("field 'gone_at' says when documents expire: change 'expires' first", tostring(err))
    assert.is_true(c:alter { expires = false })
    assert.is_nil(c:fetch("x"))
    assert.is_true(c:drop_column("gone_at"))
    assert.is_nil(c.schema.expires)
    assert(c:close())
    local none, text, code = moonvec.open(path, { schema = schema() })
    assert.same({ nil, "schema_mismatch" }, { none, code })
    assert.matches("field 'until_' is in the given schema but not in the collection", text)
  end)

  it("is compared when a collection is opened with a schema", function()
    local _, path = support.collection(schema())
    local none, text, code = moonvec.open(path, { schema = schema { expires = false } })
    assert.same({ nil, "schema_mismatch" }, { none, code })
    assert.equal("'expires' is until_ in the collection, not set in the given schema", text)
  end)

  it("shows a new column's function only what is there", function()
    local c = support.collection(schema())
    local all, those_there = documents(1, 300)
    assert(c:insert(all))
    local seen = {}
    assert(c:add_column({ name = "twice", type = "int32" }, function(given)
      seen[#seen + 1] = given.id
      return given.n * 2
    end))
    assert.same(support.ids(those_there), seen)
    assert.is_true(c:check())
  end)

  it("holds in backups and dumps", function()
    local c, path = support.collection(schema())
    local all, those_there = documents(1, 90)
    assert(c:insert(all))
    local copies = { assert(moonvec.load(c:dump())), assert(moonvec.open(":memory:", { from = path })) }
    for _, copy in ipairs(copies) do
      assert.equal(#those_there, #copy)
      assert.is_nil(copy:fetch("d3"))
      copy:close()
    end
  end)
end)

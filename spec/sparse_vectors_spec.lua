-- Sparse vectors: how they are declared, written, read and searched. A plain Lua computation is the truth for scores
-- and for what is found, in all states that rows can be in.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local DIM, ENTRIES = 400, 12

local function schema(options)
  local terms = { name = "terms", type = "sparse_vector_fp32" }
  for name, value in pairs(options or {}) do
    terms[name] = value
  end
  return { fields = { { name = "n", type = "int32", index = "invert" } }, vectors = { terms } }
end

-- A float32, so that sums of products are equal in C.
local function float(number)
  return moonvec.unpack(moonvec.pack { number })[1]
end

-- A vector of a number; frequent indexes are small. `sign`: a third of the numbers are negative.
local function vector(n, sign)
  local random, entries = support.random(n), {}
  for _ = 1, random(ENTRIES) + 1 do
    local index = math.floor(random() * random() * DIM)
    entries[index] = float(random() + 0.01) * (sign and random() < 0.3 and -1 or 1)
  end
  return entries
end

local function product(a, b)
  local sum, shared = 0, 0
  for index, number in pairs(a) do
    if b[index] then
      sum, shared = sum + number * b[index], shared + 1
    end
  end
  return sum, shared > 0
end

-- The best `count` of the documents, as { id, score }.
local function best(documents, query, count, matches)
  local hits = {}
  for id, document in pairs(documents) do
    local score, is_hit = product(query, document.terms or {})
    if is_hit and (not matches or matches(document)) then
      hits[#hits + 1] = { id = id, score = score, n = document.order }
    end
  end
  table.sort(hits, function(a, b)
    if a.score ~= b.score then
      return a.score > b.score
    end
    return a.n < b.n
  end)
  for i = #hits, count + 1, -1 do
    hits[i] = nil
  end
  return hits
end

local function expect_hits(wanted, hits)
  assert.equal(#wanted, #hits)
  for i, hit in ipairs(hits) do
    assert.is_true(math.abs(wanted[i].score - hit.score) <= 1e-5 * (1 + math.abs(hit.score)))
    assert.equal(0 - hit.score, hit.distance)
    -- Where scores are nearly equal, the order is that of the floats.
    local is_clear = (i == 1 or wanted[i - 1].score - wanted[i].score > 1e-4) and wanted[i + 1] and
      wanted[i].score - wanted[i + 1].score > 1e-4
    if is_clear then
      assert.equal(wanted[i].id, hit.id)
    end
  end
end

local function raises(wanted, ...)
  local message = support.message_of(...)
  assert.is_truthy(message:find(wanted, 1, true), message)
end

describe("a sparse vector", function()
  after_each(support.clean)

  it("is a table by index, and comes back as one", function()
    local c = support.collection(schema())
    local given = { [0] = 0.5, [17] = -2, [4294967295] = 1e15, [30] = 0 }
    assert(c:insert { id = "a", n = 1, terms = given })
    assert(c:insert { id = "empty", n = 2, terms = {} })
    for _ = 1, 2 do
      local a = assert(c:fetch("a", { include_vector = true }))
      assert.same({ [0] = 0.5, [17] = -2, [4294967295] = float(1e15) }, a.terms)
      assert.same({}, assert(c:fetch("empty", { include_vector = "table" })).terms)
      assert.is_nil(assert(c:fetch("a")).terms)
      assert.same(a.terms, assert(c:fetch("a", { output_fields = { "terms" } })).terms)
      assert.is_nil(assert(c:fetch("a", { output_fields = { "terms" } })).n)
      assert(c:optimize())
    end
    local copy = c:fetch("a", { include_vector = true })
    copy.id = "copy"
    assert(c:insert(copy))
    assert.same(copy, c:fetch("copy", { include_vector = true }))
  end)

  it("is a packed string, too", function()
    local c = support.collection(schema())
    local packed = moonvec.pack_sparse({ 29, 17 }, { 1.5, 0.25 })
    assert.equal(16, #packed)
    assert.equal("\29\0\0\0\17\0\0\0\0\0\192\63\0\0\128\62", packed)
    assert.same({ [17] = 0.25, [29] = 1.5 }, moonvec.unpack_sparse(packed))
    assert.same({ [5] = 2 }, moonvec.unpack_sparse(moonvec.pack_sparse { [5] = 2 }))
    assert.equal("", moonvec.pack_sparse {})
    assert(c:insert { id = "a", n = 1, terms = packed })
    assert.same({ [17] = 0.25, [29] = 1.5 }, c:fetch("a", { include_vector = true }).terms)
    assert.equal(0.5, c:query { vector = moonvec.pack_sparse { [17] = 2 } }[1].score)
  end)

  it("can be NULL where the field is nullable", function()
    local c = support.collection(schema { nullable = true })
    assert(c:insert { { id = "a", n = 1 }, { id = "b", n = 2, terms = { [1] = 1 } },
      { id = "c", n = 3, terms = moonvec.null } })
    assert.equal(2, c:count "terms IS NULL")
    assert.equal(1, #c:query { vector = { [1] = 1 } })
    assert(c:update { id = "b", terms = moonvec.null })
    assert.equal(0, #c:query { vector = { [1] = 1 } })
    local strict = support.collection(schema())
    raises("terms", strict.insert, strict, { id = "a", n = 1 })
  end)

  local wrong = {
    ["an index that is no number"] = { { x = 1 }, "the keys of a sparse vector are whole numbers, got a string" },
    ["a fraction"] = { { [1.5] = 1 }, "from 0 to 4294967295, got 1.5" },
    ["a negative index"] = { { [-1] = 1 }, "from 0 to 4294967295, got -1" },
    ["a large index"] = { { [4294967296] = 1 }, "from 0 to 4294967295, got 4294967296" },
    ["a number that is none"] = { { [7] = "1" },
      "the value at index 7 of the sparse vector is a string, expected a number" },
    ["NaN"] = { { [7] = 0 / 0 }, "the number at index 7 of the sparse vector is" },
    ["a large number"] = { { [7] = 2e15 }, "it must be from -1e15 to 1e15" },
    ["an index twice"] = { moonvec.pack_sparse({ 3, 9, 3 }, { 1, 1, 1 }), "the sparse vector has index 3 twice" },
    ["a string of another size"] = { "1234567", "8 bytes for each entry, got 7 bytes" },
    ["no vector"] = { true, "a sparse vector is a table of numbers by index, or a packed string, got a boolean" },
  }
  for name, case in pairs(wrong) do
    it("must not have " .. name, function()
      local c = support.collection(schema())
      raises(case[2], c.insert, c, { id = "a", n = 1, terms = case[1] })
      raises(case[2], c.query, c, { vector = case[1] })
      assert.equal(0, #c)
    end)
  end

  it("has at most 65,536 entries", function()
    local c, most = support.collection(schema()), {}
    for i = 1, 65536 do
      most[i] = 1
    end
    assert(c:insert { id = "a", n = 1, terms = most })
    assert.equal(65536, c:query { vector = most, topk = 1 }[1].score)
    most[0] = 1
    raises("the sparse vector has 65537 entries, the maximum is 65536", c.insert, c,
      { id = "b", n = 1, terms = most })
  end)

  it("is declared among the vectors", function()
    assert.same({ name = "terms", type = "sparse_vector_fp32", metric = "ip", nullable = false,
      index = { type = "sparse" } }, moonvec.schema(schema()).vectors[1])
    assert.same({ type = "flat" }, moonvec.schema(schema { index = "flat" }).vectors[1].index)
    raises("'dim'", moonvec.schema, schema { dim = 3 })
    raises("the metric of sparse vectors is 'ip'", moonvec.schema, schema { metric = "cosine" })
    raises("index type of a sparse vector", moonvec.schema, schema { index = "hnsw" })
    raises("belongs in 'vectors'", moonvec.schema,
      { fields = { { name = "terms", type = "sparse_vector_fp32" } } })
    raises("may be 'nullable'", moonvec.schema,
      { vectors = { { name = "v", type = "vector_fp32", dim = 2, nullable = true } } })
  end)

  it("is nothing that filters compare, that is sorted by or counted", function()
    local c = support.collection(schema())
    raises("filters test it by IS NULL only", c.query, c, { filter = "terms = 1" })
    raises("cannot be sorted by", c.query, c, { order_by = "terms" })
    raises("its values cannot be counted", c.facet, c, "terms")
    raises("group_by", c.group_by_query, c, { group_by = "terms", vector = { [1] = 1 } })
    raises("has no option 'ef'", c.query, c, { vector = { [1] = 1 }, params = { ef = 5 } })
  end)
end)

describe("a search by sparse vector", function()
  after_each(support.clean)

  for _, kind in ipairs { "positive", "of both signs" } do
    it("finds the documents with the largest inner product: " .. kind, function()
      local sign, documents, order = kind ~= "positive", {}, 0
      local c = support.collection(schema(), { maintenance = "manual" })
      local function write(from, to, seed)
        local batch = {}
        for n = from, to do
          order = order + 1
          batch[#batch + 1] = { id = tostring(n), n = n % 100, terms = vector(n * 7 + seed, sign) }
          documents[tostring(n)] = { n = n % 100, terms = batch[#batch].terms, order = order }
        end
        assert(c:upsert(batch))
      end
      local filters = {
        { nil, nil }, { "n < 50", function(d) return d.n < 50 end }, { "n = 7", function(d) return d.n == 7 end },
      }
      local function look(seed)
        for q = 1, 6 do
          local query = vector(100000 + seed * 10 + q, sign)
          for _, filter in ipairs(filters) do
            for _, topk in ipairs { 1, 10, 5000 } do
              local options = { vector = query, topk = topk, filter = filter[1] }
              local wanted = best(documents, query, topk, filter[2])
              expect_hits(wanted, assert(c:query(options)))
              options.params = { exact = true }
              expect_hits(wanted, assert(c:query(options)))
            end
          end
        end
      end
      write(1, 700, 0)
      look(1) -- fresh
      assert(c:optimize())
      look(2) -- indexed
      for n = 1, 700, 5 do
        assert(c:delete(n))
        documents[tostring(n)] = nil
      end
      write(300, 420, 5) -- replaces
      look(3)
      assert(c:optimize())
      write(701, 1100, 0)
      assert(c:optimize())
      look(4)
      assert.is_true(c:check())
      assert.equal(1, c:stats().indexes.terms.completeness)
      assert.is_true(c:stats().indexes.terms.entries > 1000)
    end)
  end

  local function filled()
    local c, documents = support.collection(schema(), { maintenance = "manual" }), {}
    for n = 1, 600 do
      documents[n] = { id = n, n = n % 100, terms = vector(n) }
    end
    assert(c:insert(documents))
    assert(c:optimize())
    return c, documents
  end

  it("takes several at once, and the vector of a document", function()
    local c, documents = filled()
    local queries = { vector(9001), {}, moonvec.pack_sparse(vector(9002)) }
    local results = assert(c:query { vectors = queries, topk = 5 })
    assert.equal(3, #results)
    assert.same(c:query { vector = queries[1], topk = 5 }, results[1])
    assert.same({}, results[2])
    assert.same(c:query { vector = queries[3], topk = 5 }, results[3])
    local by_id, by_vector = c:query { id = 5, topk = 20 }, c:query { vector = documents[5].terms, topk = 21 }
    assert.equal("5", by_vector[1].id)
    table.remove(by_vector, 1)
    assert.same(by_vector, by_id)
    local found, message, code = c:query { id = "nobody" }
    assert.is_nil(found)
    assert.equal("not_found", code, message)
  end)

  it("goes through pages, cursors and limits of the score", function()
    local c = filled()
    local query = {}
    for index = 0, 60 do
      query[index] = 1 / (index + 1)
    end
    local all = assert(c:query { vector = query, topk = 600 })
    local pages, after = {}, {}
    for offset = 0, #all, 13 do
      for _, hit in ipairs(c:query { vector = query, topk = 13, offset = offset }) do
        pages[#pages + 1] = hit
      end
    end
    assert.same(all, pages)
    repeat
      local page = c:query { vector = query, topk = 17, after = after[#after] }
      for _, hit in ipairs(page) do
        after[#after + 1] = hit
      end
    until #page == 0
    assert.same(all, after)
    local walked = {}
    for hit in c:cursor { vector = query } do
      walked[#walked + 1] = hit
    end
    assert.same(all, walked)
    local middle = all[40]
    for _, options in ipairs { { min_score = middle.score }, { max_distance = middle.distance } } do
      options.vector, options.topk = query, 600
      local hits = c:query(options)
      assert.is_true(#hits >= 40 and hits[#hits].score >= middle.score)
      assert.is_true(all[#hits + 1].score < middle.score)
    end
  end)

  it("says what it did", function()
    local c = filled()
    local plan = assert(c:query { vector = vector(9004), topk = 5, explain = true })
    assert.is_true(plan.blocks_read > 0 and plan.exact_distances < 600)
    assert.equal(1, plan.steps[1].expected_recall)
  end)

  it("is fused with others", function()
    local c = support.collection { fields = { { name = "body", type = "string", index = "text" } }, vectors = {
      { name = "v", type = "vector_fp32", dim = 2, metric = "l2" }, { name = "terms", type = "sparse_vector_fp32" } } }
    assert(c:insert {
      { id = "a", body = "one", v = { 0, 0 }, terms = { [1] = 1 } },
      { id = "b", body = "two", v = { 5, 5 }, terms = { [1] = 3, [2] = 1 } },
      { id = "c", body = "one two", v = { 9, 9 }, terms = { [3] = 1 } },
    })
    raises("'field' must name one of the 2 vector fields", c.query, c, { vector = { [1] = 1 } })
    local hits = assert(c:multi_query { queries = {
      { field = "v", vector = { 0, 0 } }, { field = "terms", vector = { [1] = 1 } },
      { field = "body", text = "one" },
    } })
    assert.equal("a", hits[1].id)
    assert.equal(1, hits[1].parts[2].score)
    assert.is_nil(hits[3].parts[2])
    local groups = assert(c:group_by_query { field = "terms", vector = { [1] = 1 }, group_by = "body" })
    assert.equal("two", groups[1].group)
  end)
end)

describe("a field of sparse vectors", function()
  after_each(support.clean)

  it("is added, indexed, renamed and dropped while the collection is open", function()
    local c = support.collection({ fields = { { name = "n", type = "int32" } } }, { maintenance = "manual" })
    for n = 1, 400 do
      assert(c:insert { id = n, n = n })
    end
    assert(c:optimize())
    assert(c:add_column({ name = "terms", type = "sparse_vector_fp32", index = "flat" }, function(document)
      return { [document.n % 7] = document.n, [100] = 1 }
    end))
    assert.equal("399", c:query { vector = { [0] = 1 }, topk = 1 }[1].id)
    assert.is_true(c:create_index("terms", "sparse"))
    assert.equal(400, c:stats().indexes.terms.indexed_rows)
    assert.equal("399", c:query { vector = { [0] = 1 }, topk = 1 }[1].id)
    assert.equal(400, #c:query { vector = { [100] = 1 }, topk = 1000 })
    assert.is_true(c:alter_column("terms", { rename = "words" }))
    assert.equal("399", c:query { vector = { [0] = 1 }, topk = 1 }[1].id)
    assert.is_true(c:drop_index "words")
    assert.same({ type = "flat" }, c.schema.vectors[1].index)
    assert.equal("399", c:query { vector = { [0] = 1 }, topk = 1 }[1].id)
    assert.is_true(c:add_column { name = "more", type = "sparse_vector_fp32", nullable = true })
    assert.equal(400, c:count "more IS NULL")
    assert.is_true(c:drop_column "words")
    assert.is_true(c:drop_column "more")
    raises("no vector field", c.query, c, { vector = { [0] = 1 } })
    assert.is_true(c:check())
  end)

  it("lives on in copies", function()
    local c, path = support.collection(schema())
    for n = 1, 300 do
      assert(c:insert { id = n, n = n % 100, terms = vector(n) })
    end
    assert(c:optimize())
    local query = vector(777)
    local wanted = c:query { vector = query, topk = 50 }
    local backup = support.path()
    assert.is_true(c:backup(backup))
    local copies = {
      support.collection(nil, { path = backup }), assert(moonvec.load(assert(c:dump()))),
      assert(moonvec.open(":memory:", { from = path })), assert(moonvec.open(path, { read_only = true })),
    }
    for i, copy in ipairs(copies) do
      assert.same(wanted, copy:query { vector = query, topk = 50 }, "copy " .. i)
      assert.is_true(copy:check())
      copy:close()
    end
  end)
end)

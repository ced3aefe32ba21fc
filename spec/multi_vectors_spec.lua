-- Several vectors in a field, as late interaction has them: how they are declared, written, read and searched. A plain
-- Lua computation of MaxSim is the truth.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local DIM = 8

local function schema(options)
  local tokens = { name = "tokens", type = "vector_fp32", dim = DIM, multi = true }
  for name, value in pairs(options or {}) do
    tokens[name] = value
  end
  return { fields = { { name = "n", type = "int32", index = "invert" } }, vectors = { tokens } }
end

local function raises(wanted, ...)
  local message = support.message_of(...)
  assert.is_truthy(message:find(wanted, 1, true), message)
end

-- `count` vectors of a number: some of 40 directions, with the bias of their document.
local function vectors(n, count)
  local random, list = support.random(n), {}
  local bias = support.vector(support.random(n + 7), DIM)
  for i = 1, count do
    local direction, vector = support.vector(support.random(5000 + random(40)), DIM), {}
    for d = 1, DIM do
      vector[d] = direction[d] + 0.5 * bias[d] + 0.1 * random()
    end
    list[i] = moonvec.unpack(moonvec.pack(vector))
  end
  return list
end

local function max_sim(query, document)
  local sum = 0
  for _, a in ipairs(query) do
    local most = -math.huge
    for _, b in ipairs(document) do
      local product = 0
      for d = 1, DIM do
        product = product + a[d] * b[d]
      end
      most = math.max(most, product)
    end
    sum = sum + most
  end
  return sum
end

local function best(documents, query, count, matches)
  local hits = {}
  for id, document in pairs(documents) do
    if #document.tokens > 0 and (not matches or matches(document)) then
      hits[#hits + 1] = { id = id, score = max_sim(query, document.tokens) }
    end
  end
  table.sort(hits, function(a, b) return a.score > b.score end)
  for i = #hits, count + 1, -1 do
    hits[i] = nil
  end
  return hits
end

local function expect_hits(wanted, hits)
  assert.equal(#wanted, #hits)
  for i, hit in ipairs(hits) do
    assert.is_true(math.abs(wanted[i].score - hit.score) < 1e-4 * (1 + math.abs(hit.score)))
    assert.equal(0 - hit.score, hit.distance)
  end
end

describe("a field of several vectors", function()
  after_each(support.clean)

  it("takes lists of vectors of any form, and gives them back", function()
    local c = support.collection(schema { nullable = true })
    local list = vectors(1, 3)
    local packed = { moonvec.pack(list[1]), moonvec.pack(list[2]), moonvec.pack(list[3]) }
    assert(c:insert {
      { id = "tables", n = 1, tokens = list }, { id = "packed", n = 2, tokens = packed },
      { id = "one string", n = 3, tokens = table.concat(packed) },
      { id = "mixed", n = 4, tokens = { list[1], packed[2], moonvec.vector(list[3]) } },
      { id = "none", n = 5, tokens = {} }, { id = "null", n = 6 },
    })
    for _ = 1, 2 do
      for _, id in ipairs { "tables", "packed", "one string", "mixed" } do
        assert.same(list, c:fetch(id, { include_vector = "table" }).tokens)
        assert.same(packed, c:fetch(id, { output_fields = { "tokens" } }).tokens)
        assert.is_nil(c:fetch(id).tokens)
      end
      assert.same({}, c:fetch("none", { include_vector = true }).tokens)
      assert.is_nil(c:fetch("null", { include_vector = true }).tokens)
      assert(c:optimize())
    end
    local copy = c:fetch("tables", { include_vector = true })
    copy.id = "copy"
    assert(c:insert(copy))
    assert(c:update { id = "packed", tokens = { list[3] } })
    assert.same({ packed[3] }, c:fetch("packed", { include_vector = true }).tokens)
  end)

  it("is declared among the vectors", function()
    local made = moonvec.schema(schema()).vectors[1]
    assert.equal("hnsw", made.index.type)
    made.index = nil
    assert.same({ name = "tokens", type = "vector_fp32", dim = DIM, multi = true, metric = "ip", nullable = false },
      made)
    assert.equal("flat", moonvec.schema(schema { index = "flat" }).vectors[1].index.type)
    assert.equal(5, moonvec.schema(schema { index = { type = "hnsw", m = 5 } }).vectors[1].index.m)
    raises("of type 'vector_fp32'", moonvec.schema, schema { type = "vector_int8" })
    raises("is 'ip'", moonvec.schema, schema { metric = "cosine" })
    raises("'dim' must be a whole number from 1 to 65535", moonvec.schema, schema { dim = 70000 })
    local c, path = support.collection(schema())
    c:close()
    local other, message, code = moonvec.open(path, { schema = schema { dim = DIM + 1 } })
    assert.is_nil(other)
    assert.equal("schema_mismatch", code)
    assert.is_truthy(message:find("has dim 8", 1, true), message)
  end)

  local wrong = {
    ["a vector instead of a list"] = { { 1, 2, 3, 4, 5, 6, 7, 8 },
      "element 1 of the list is a number, expected a vector" },
    ["a vector of another dim"] = { { { 1, 2 } }, "vector 1 of the list has 2 numbers, expected 8" },
    ["a string of another size"] = { ("x"):rep(33), "has 32 bytes for each, got 33" },
    ["a number"] = { 7, "a list of vectors" },
    ["NaN"] = { { { 0 / 0, 0, 0, 0, 0, 0, 0, 0 } }, "-1e15 to 1e15" },
  }
  for name, case in pairs(wrong) do
    it("does not take " .. name, function()
      local c = support.collection(schema())
      raises(case[2], c.insert, c, { id = "a", n = 1, tokens = case[1] })
      raises(name == "NaN" and "tokens" or case[2], c.query, c, { vectors_of_one = case[1] })
      assert.equal(0, #c)
    end)
  end

  it("is searched by several vectors together only", function()
    local c = support.collection { vectors = {
      { name = "tokens", type = "vector_fp32", dim = DIM, multi = true }, { name = "v", type = "vector_fp32", dim = 2 },
    } }
    raises("use 'vectors_of_one'", c.query, c, { field = "tokens", vector = vectors(1, 1)[1] })
    raises("use 'vectors_of_one'", c.query, c, { field = "tokens", vectors = {} })
    raises("'v' is none", c.query, c, { field = "v", vectors_of_one = {} })
    raises("has 0 vectors, it must have 1 to 1024", c.query, c, { field = "tokens", vectors_of_one = {} })
    raises("'field' must name one of the 2", c.query, c, { vectors_of_one = vectors(1, 1) })
    raises("after", c.query, c, { field = "tokens", vectors_of_one = vectors(1, 1), after = "x" })
    raises("IS NULL only", c.query, c, { filter = "tokens = 1" })
    raises("cannot be sorted by", c.query, c, { order_by = "tokens" })
  end)

  it("finds the documents with the largest MaxSim, in all states of rows", function()
    local c, documents = support.collection(schema(), { maintenance = "manual" }), {}
    local function write(from, to, seed)
      local batch = {}
      for n = from, to do
        local tokens = vectors(n * 3 + seed, n % 5 == 0 and 0 or 1 + n % 6)
        batch[#batch + 1] = { id = n, n = n % 100, tokens = tokens }
        documents[tostring(n)] = { n = n % 100, tokens = tokens }
      end
      assert(c:upsert(batch))
    end
    local filters = {
      { nil, nil }, { "n < 50", function(d) return d.n < 50 end }, { "n = 7", function(d) return d.n == 7 end },
    }
    local function look(seed)
      local found, wanted_count = 0, 0
      for q = 1, 4 do
        local query = vectors(90000 + seed * 10 + q, 5)
        for _, filter in ipairs(filters) do
          local wanted = best(documents, query, 10, filter[2])
          local options = { vectors_of_one = query, topk = 10, filter = filter[1] }
          expect_hits(wanted, assert(c:query(options)))
          options.params = { exact = true }
          expect_hits(wanted, assert(c:query(options)))
          options.params = { plan = "graph" }
          local hits = assert(c:query(options))
          assert.equal(#wanted, #hits)
          for _, hit in ipairs(hits) do
            found = found + (hit.score >= wanted[#wanted].score - 1e-4 and 1 or 0)
            assert.is_true(math.abs(hit.score - max_sim(query, documents[hit.id].tokens)) < 1e-4 * (1 + hit.score))
          end
          wanted_count = wanted_count + #wanted
        end
      end
      assert.is_true(found >= 0.95 * wanted_count, found .. " of " .. wanted_count)
    end
    write(1, 1500, 0)
    look(1) -- fresh
    assert(c:optimize())
    assert.equal(1500, c:stats().indexes.tokens.indexed_rows)
    look(2) -- with a graph
    for n = 1, 1500, 4 do
      assert(c:delete(n))
      documents[tostring(n)] = nil
    end
    write(700, 900, 5) -- replaces
    look(3)
    assert(c:optimize())
    look(4)
    assert.is_true(c:check())
  end)

  it("takes the vectors of a document, pages and limits", function()
    local c = support.collection(schema(), { maintenance = "manual" })
    local documents = {}
    for n = 1, 300 do
      documents[n] = { id = n, n = n, tokens = vectors(n, 4) }
    end
    assert(c:insert(documents))
    assert(c:optimize())
    local all = assert(c:query { vectors_of_one = documents[9].tokens, topk = 300 })
    local by_id = assert(c:query { id = 9, topk = 300 })
    assert.equal(299, #by_id)
    local others = {}
    for _, hit in ipairs(all) do
      others[#others + 1] = hit.id ~= "9" and hit or nil
    end
    assert.same(others, by_id)
    local pages = {}
    for offset = 0, 299, 70 do
      for _, hit in ipairs(c:query { vectors_of_one = documents[9].tokens, topk = 70, offset = offset }) do
        pages[#pages + 1] = hit
      end
    end
    assert.same(all, pages)
    local near = assert(c:query { vectors_of_one = documents[9].tokens, topk = 300, min_score = all[20].score })
    assert.is_true(#near >= 20 and near[#near].score >= all[20].score)
    local fused = assert(c:multi_query { queries = { { vectors_of_one = documents[9].tokens } }, topk = 3 })
    assert.equal(all[1].id, fused[1].id)
    assert.is_true(c:query { vectors_of_one = documents[9].tokens, explain = true }.exact_distances > 0)
    local groups = assert(c:group_by_query { vectors_of_one = documents[9].tokens, group_by = "n", group_count = 2 })
    assert.equal(all[1].id, groups[1].hits[1].id)
    local walked = {}
    for hit in c:cursor { vectors_of_one = documents[9].tokens } do
      walked[#walked + 1] = hit
    end
    assert.same(all, walked)
  end)

  it("is added, indexed and dropped while the collection is open", function()
    local c = support.collection({ fields = { { name = "n", type = "int32" } } }, { maintenance = "manual" })
    for n = 1, 1100 do
      assert(c:insert { id = n, n = n })
    end
    assert(c:optimize())
    local column = { name = "tokens", type = "vector_fp32", dim = DIM, multi = true, index = "flat" }
    assert(c:add_column(column, function(document) return vectors(document.n, 2) end))
    local query, documents = vectors(77, 2), {}
    for n = 1, 1100 do
      documents[tostring(n)] = { tokens = vectors(n, 2) }
    end
    local nearest = best(documents, query, 1)[1].id
    assert.equal(nearest, c:query { vectors_of_one = query, topk = 1 }[1].id)
    assert.is_true(c:create_index("tokens", { type = "hnsw", m = 8 }))
    assert.equal(1100, c:stats().indexes.tokens.indexed_rows)
    assert.equal(nearest, c:query { vectors_of_one = query, topk = 1, params = { plan = "graph" } }[1].id)
    assert.is_true(c:drop_index "tokens")
    assert.equal("flat", c.schema.vectors[1].index.type)
    column.name, column.nullable, column.index = "more", true, nil
    assert.is_true(c:add_column(column))
    assert.equal(1100, c:count "more IS NULL")
    assert(c:optimize()) -- a graph over no vectors
    assert.same({}, c:query { field = "more", vectors_of_one = query, params = { plan = "graph" } })
    assert.is_true(c:drop_column "tokens")
    assert.is_true(c:check())
  end)
end)

-- What must hold of every metric, held against plain Lua: in all states that rows can be in, through graphs,
-- after changes of documents and schema, in copies and after reopening. The specs of single metrics call
-- these with a kind: { type =, metric =, dim =, quantize =, vector = function(n, dim) }.

local assert = require "luassert"
local support = require "spec.support.init"
local moonvec = require "moonvec"

local M = {}

local ROWS, QUERIES, FLOOR = 2000, 50, 0.95

local function schema(kind, index)
  return {
    fields = { { name = "n", type = "int32" } },
    vectors = { { name = "v", type = kind.type, dim = kind.dim, metric = kind.metric, index = index } },
  }
end

local function graph(kind)
  return { type = "hnsw", m = 8, ef_construction = 64, quantize = kind.quantize }
end

local function documents(kind, from, to)
  local docs = {}
  for n = from, to do
    docs[#docs + 1] = { id = ("%d"):format(n), n = n, v = kind.vector(n, kind.dim) }
  end
  return docs
end

-- A query like the documents, equal to none by number.
local function query_vector(kind, q)
  return kind.vector(1000000 + q, kind.dim)
end

local near, expect = support.near, support.expect

local function expect_exact(hits, exact, count)
  support.expect_exact(hits, exact, count, function(hit)
    return hit.distance == 0 - hit.score
  end)
end

-- A collection of fresh rows, a segment with deleted and replaced rows, and what is in it.
local function mixed(kind)
  local c = support.collection(schema(kind, "flat"), { path = ":memory:", maintenance = "manual" })
  assert(c:insert(documents(kind, 1, 120)))
  assert(c:optimize())
  assert(c:insert(documents(kind, 121, 180)))
  for n = 1, 180, 7 do
    assert.equal(1, c:delete(("%d"):format(n)))
  end
  local replaced = documents(kind, 30, 40)
  for i, document in ipairs(replaced) do
    document.v = kind.vector(5000 + i, kind.dim)
  end
  assert(c:upsert(replaced))
  return c, support.documents(c)
end

--- min_score and max_distance cut where plain Lua would, limits themselves included.
function M.limits(kind)
  local c, stored = mixed(kind)
  for q = 1, 5 do
    local query = query_vector(kind, q)
    local exact = support.exact(stored, "v", kind.metric, query)
    for _, at in ipairs { 1, 20, #exact } do
      -- What the engine itself gives as the score: a limit is compared with that.
      local limit = assert(c:query { vector = query, topk = at })[at].score
      local wanted = 0
      for _, hit in ipairs(c:query { vector = query, topk = 1000 }) do
        wanted = wanted + (hit.score >= limit and 1 or 0)
      end
      expect_exact(c:query { vector = query, topk = 1000, min_score = limit }, exact, wanted)
      expect_exact(c:query { vector = query, topk = 1000, max_distance = -limit }, exact, wanted)
    end
    assert.same({}, c:query { vector = query, max_distance = -1 })
    assert.same({}, c:query { vector = query, min_score = 1 })
  end
end

--- A search by id is one for that document's vector, without the document.
function M.by_id(kind)
  local c, stored = mixed(kind)
  for _, i in ipairs { 1, 50, #stored } do
    local document = stored[i]
    local exact = support.exact(stored, "v", kind.metric, document.v, function(other)
      return other.id ~= document.id
    end)
    expect_exact(c:query { id = document.id, topk = 60 }, exact, 60)
    local itself = assert(c:query { vector = document.v, topk = 1 })[1]
    assert.equal(0, itself.distance)
    assert.equal(0, itself.score)
  end
end

--- A cursor gives all, in order, each once; so does one with a filter.
function M.cursors(kind)
  local c, stored = mixed(kind)
  local query = query_vector(kind, 1)
  local function even(document)
    return document.n % 2 == 0
  end
  for filter, matches in pairs { ["n >= 0"] = false, ["n IN ?"] = even } do
    local evens, hits = {}, {}
    for n = 0, 200, 2 do
      evens[#evens + 1] = n
    end
    local args = matches and { evens } or nil
    for hit in c:cursor { vector = query, filter = filter, args = args } do
      hits[#hits + 1] = hit
    end
    local exact = support.exact(stored, "v", kind.metric, query, matches or nil)
    expect_exact(hits, exact, #exact)
  end
end

--- Updates and schema changes: the vector follows, nothing else does.
function M.changes(kind)
  local c = mixed(kind)
  local query = query_vector(kind, 3)
  assert(c:update { id = "51", v = query })
  assert.equal(0, c:query({ vector = c:fetch("51", { include_vector = true }).v, topk = 1 })[1].distance)
  local before = support.documents(c)
  local added = { name = "w", type = kind.type, dim = kind.dim, metric = kind.metric, index = "flat" }
  assert(c:add_column(added, function(document)
    return kind.vector(document.n + 100, kind.dim)
  end))
  local after = support.documents(c)
  for i, document in ipairs(after) do
    assert.same(before[i].v, document.v)
    for at, number in ipairs(kind.vector(document.n + 100, kind.dim)) do
      expect(math.abs(number - document.w[at]) < 1e-2, "number " .. at .. " of " .. document.id)
    end
  end
  expect_exact(c:query { field = "w", vector = query, topk = 40 }, support.exact(after, "w", kind.metric, query), 40)
  assert(c:optimize())
  assert(c:drop_column("v"))
  assert(c:check())
  after = support.documents(c)
  expect_exact(c:query { vector = query, topk = 40 }, support.exact(after, "w", kind.metric, query), 40)
end

-- The share of what exact search finds, with equally far ones counted, and every score checked.
local function recall(c, kind, options)
  local found, wanted = 0, 0
  for q = 1, QUERIES do
    local query = { vector = query_vector(kind, q), topk = 10, output_fields = { "n" }, filter = options.filter }
    query.params = { exact = true }
    local exact = assert(c:query(query))
    query.params = options.params
    query.include_vector = "table"
    local hits = assert(c:query(query))
    assert.equal(#exact, #hits)
    wanted = wanted + #exact
    for _, hit in ipairs(hits) do
      expect(near(support.scores[kind.metric](hit.v, query.vector), hit.score), "score of " .. hit.id)
      found = found + (hit.distance <= exact[#exact].distance and 1 or 0)
    end
  end
  return found / wanted
end

local function expect_recall(c, kind, graph_rows)
  assert.equal(graph_rows, c:stats().indexes.v.indexed_rows)
  for _, options in ipairs {
    {}, { params = { ef = 100 } }, { params = { plan = "graph" } }, { filter = "n < 1500" },
    { filter = "n < 100" }, { filter = "n < 1000", params = { plan = "bridges" } },
    { filter = "n < 1000", params = { plan = "codes" } },
  } do
    local share = recall(c, kind, options)
    expect(share >= FLOOR, ("recall is %.3f with filter %s"):format(share, tostring(options.filter)))
  end
  assert(c:check())
end

--- Graphs: built, used beside fresh and deleted rows, extended, copied, reopened, replaced by another.
function M.graphs(kind)
  local path = support.path()
  local c = support.collection(schema(kind, graph(kind)), { path = path, maintenance = "manual" })
  assert(c:insert(documents(kind, 1, ROWS)))
  assert(c:optimize { threads = 2 })
  expect_recall(c, kind, ROWS)
  assert(c:insert(documents(kind, ROWS + 1, ROWS + 200)))
  local gone = {}
  for n = 1, ROWS, 10 do
    gone[#gone + 1] = ("%d"):format(n)
  end
  assert(c:delete(gone))
  expect_recall(c, kind, ROWS - #gone)
  assert(c:optimize { threads = 1 })
  expect_recall(c, kind, ROWS)
  local copy = support.path()
  assert(c:backup(copy))
  assert(c:close())
  local first
  for _, there in ipairs { path, copy } do
    local again = support.collection(nil, { path = there, verify = true, maintenance = "manual" })
    expect_recall(again, kind, ROWS)
    local hits = assert(again:query { vector = query_vector(kind, 1), topk = 50 })
    first = first or hits
    assert.same(first, hits)
    assert(again:create_index("v", { type = "hnsw", m = 6, quantize = "none" }))
    expect_recall(again, kind, ROWS)
    assert(again:drop_index("v"))
    expect_exact(again:query { vector = query_vector(kind, 1), topk = 50 },
      support.exact(support.documents(again), "v", kind.metric, query_vector(kind, 1)), 50)
  end
end

--- The plan of a search tells how its hits were found, and has them in it.
function M.explained(kind)
  local c = support.collection(schema(kind, graph(kind)), { path = ":memory:", maintenance = "manual" })
  assert(c:insert(documents(kind, 1, ROWS)))
  assert(c:optimize { threads = 1 })
  assert(c:insert(documents(kind, ROWS + 1, ROWS + 50)))
  local query = { vector = query_vector(kind, 1), topk = 10, explain = true, params = { plan = "graph" } }
  local plan = assert(c:query(query))
  assert.equal(2, #plan.steps)
  assert.equal("segment", plan.steps[1].of)
  assert.equal("graph", plan.steps[1].plan)
  assert.is_true(plan.code_distances > 0 and plan.code_distances < ROWS)
  assert.equal("exact", plan.steps[2].plan)
  assert.equal(50, plan.steps[2].exact_distances)
  query.explain = nil
  assert.same(assert(c:query(query)), plan.hits)
end

--- What a schema says of the field comes back, and opening with another metric is refused.
function M.schemas(kind, other)
  local path = support.path()
  local c = support.collection(schema(kind), { path = path, maintenance = "manual" })
  local field = c.schema.vectors[1]
  assert.same({ kind.type, kind.metric, kind.dim }, { field.type, field.metric, field.dim })
  assert(c:close())
  c = support.collection(schema(kind), { path = path, maintenance = "manual" })
  assert.equal(kind.metric, c.schema.vectors[1].metric)
  assert(c:close())
  local different = schema(kind)
  different.vectors[1].type, different.vectors[1].metric = other.type, other.metric
  local opened, message, code = moonvec.open(path, { schema = different })
  assert.is_nil(opened)
  assert.equal("schema_mismatch", code)
  return message
end

--- All of them for one kind, in the file of a spec. `message`: what opening with the field of the schema `other` says.
function M.describe(title, kind, other, message)
  local busted = require "busted"
  busted.describe(title, function()
    busted.after_each(support.clean)

    busted.it("is cut off by min_score and max_distance", function() M.limits(kind) end)
    busted.it("is searched by id", function() M.by_id(kind) end)
    busted.it("is read by a cursor", function() M.cursors(kind) end)
    busted.it("follows updates and changes of the schema", function() M.changes(kind) end)
    busted.it("is found through graphs #once", function() M.graphs(kind) end)
    busted.it("is explained #once", function() M.explained(kind) end)
    busted.it("is part of the schema", function()
      assert.equal(message, M.schemas(kind, other))
    end)
  end)
end

return M

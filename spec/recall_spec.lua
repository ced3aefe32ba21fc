-- Recall@10 of graph search against exact search of the same collection: after a build, inserts,
-- deletes, merges and a reopening, for every element type, metric and code. It is the
-- engine that finds, the same for every Lua: one of them is enough.

if _VERSION ~= "Lua 5.4" then
  return
end

local support = require "spec.support"
local moonvec = require "moonvec"

local DIM, ROWS, QUERIES, FLOOR = 24, 2600, 40, 0.95

local function vector(n, vector_type)
  return support.clustered(n, DIM, 20, vector_type == "vector_int8" and 70 or nil)
end

local function documents(from, to, vector_type)
  local docs = {}
  for n = from, to do docs[#docs + 1] = { id = ("%d"):format(n), v = vector(n, vector_type) } end
  return docs
end

local function recall(c, vector_type, params, queries)
  local found = 0
  queries = queries or QUERIES
  for q = 1, queries do
    local query = { vector = vector(100000 + q, vector_type), topk = 10, output_fields = {}, params = params }
    local hits, near = assert(c:query(query)), {}
    query.params = { exact = true }
    local exact = assert(c:query(query))
    assert.equal(#exact, #hits)
    for _, hit in ipairs(exact) do near[hit.id] = hit.score end
    for _, hit in ipairs(hits) do
      if near[hit.id] then
        assert.equal(near[hit.id], hit.score) -- exact with any codes
        found = found + 1
      end
    end
  end
  return found / (queries * 10)
end

local function holds(c, vector_type, graph_rows)
  local stats = c:stats().indexes.v
  assert.equal(graph_rows, stats.indexed_rows)
  assert.is_true(recall(c, vector_type) >= FLOOR)
  assert.is_true(recall(c, vector_type, { ef = 100 }) >= FLOOR)
  assert.is_true(assert(c:check()))
end

local function lives(path, vector_type, metric, quantize)
  local index = { type = "hnsw", m = 8, ef_construction = 64, quantize = quantize }
  local schema = { vectors = { { name = "v", type = vector_type, dim = DIM, metric = metric, index = index } } }
  local options = { maintenance = "manual", durability = "none" }
  local c = assert(moonvec.create_and_open(path, schema, options))
  assert(c:insert(documents(1, ROWS, vector_type)))
  assert(c:optimize { threads = 1 })
  holds(c, vector_type, ROWS)
  -- In addition to the graph: fresh rows and deletions.
  assert(c:insert(documents(ROWS + 1, ROWS + 200, vector_type)))
  local gone = {}
  for n = 1, ROWS, 10 do gone[#gone + 1] = ("%d"):format(n) end
  assert(c:delete(gone))
  holds(c, vector_type, ROWS - #gone)
  -- Merged: the new graph is built from the old one.
  assert(c:optimize { threads = 1 })
  holds(c, vector_type, ROWS - #gone + 200)
  assert(c:close())
  c = assert(moonvec.open(path, options))
  holds(c, vector_type, ROWS - #gone + 200)
  c:close()
end

describe("recall of graph search", function()
  after_each(function()
    support.clean()
  end)

  for _, vector_type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
    for _, metric in ipairs { "l2", "ip", "cosine" } do
      for _, quantize in ipairs { "auto", "none", "fp16", "int8", "int4" } do
        it(("is %.2f or more for %s, %s, %s, after all kinds of writes"):format(FLOOR, vector_type, metric, quantize),
          function()
            lives(support.path(), vector_type, metric, quantize)
          end)
      end
    end
  end

  -- Replaces all rows ten times, in `parts` rounds each. Each round deletes the oldest rows.
  local function replaced_ten_times(parts)
    local schema = { vectors = { { name = "v", type = "vector_fp32", dim = DIM, index = { type = "hnsw", m = 8 } } } }
    local options = { maintenance = "manual", durability = "none" }
    local c = assert(moonvec.create_and_open(support.path(), schema, options))
    local rows = ROWS / parts
    assert(c:insert(documents(1, ROWS, "vector_fp32")))
    assert(c:optimize { threads = 1 })
    for round = 1, 10 * parts do
      local gone = {}
      for n = (round - 1) * rows + 1, round * rows do gone[#gone + 1] = ("%d"):format(n) end
      assert(c:insert(documents(ROWS + gone[1], ROWS + gone[#gone], "vector_fp32")))
      assert(c:delete(gone))
      assert(c:optimize { threads = 1 })
    end
    local fresh = assert(moonvec.create_and_open(support.path(), schema, options))
    assert(fresh:insert(documents(10 * ROWS + 1, 11 * ROWS, "vector_fp32")))
    assert(fresh:optimize { threads = 1 })
    for _, ef in ipairs { 16, 64, 256 } do
      local params = { ef = ef, plan = "graph" }
      local of_fresh = recall(fresh, "vector_fp32", params, 10 * QUERIES)
      assert.is_true(recall(c, "vector_fp32", params, 10 * QUERIES) >= of_fresh - 0.01)
    end
    assert.is_true(c:stats().indexes.v.bytes <= 1.01 * fresh:stats().indexes.v.bytes)
    assert.is_true(c:stats().disk_bytes <= 1.5 * fresh:stats().disk_bytes)
    c:close()
    fresh:close()
  end

  it("is that of a fresh build after the content was replaced ten times, at once or in parts", function()
    replaced_ten_times(1)
    replaced_ten_times(4)
  end)

  -- Vectors of 8 clusters that are far apart, of 128 dims. Document n is of cluster n % 8.
  local function of_cluster(number, random)
    local v = {}
    for d = 1, 128 do v[d] = 30 * math.sin(number * d * d) + random(1000) / 1000 + random(1000) / 1000 end
    return v
  end

  it("is 0.95 by default, of a graph that lost half of its rows, or more", function()
    local random = support.random(5)
    local index = { type = "hnsw", m = 16, ef_construction = 100 }
    local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 128, metric = "l2", index = index } } }
    local c = support.collection(schema, { maintenance = "manual" })
    local docs = {}
    for n = 1, 6000 do docs[n] = { id = n, v = of_cluster(n % 8, random) } end
    assert(c:insert(docs))
    assert(c:optimize { threads = 1 })
    for _, clusters in ipairs { 4, 1 } do -- that are left: the graph is taken over, then built anew
      local gone = {}
      for n = 1, 6000 do
        if n % 8 >= clusters then gone[#gone + 1] = n end
      end
      assert(c:delete(gone))
      assert(c:optimize { threads = 1 })
      local found = 0
      for q = 1, 100 do
        local query = { vector = of_cluster(q % clusters, random), topk = 10, output_fields = {} }
        query.params = { exact = true }
        local near = {}
        for _, hit in ipairs(assert(c:query(query))) do near[hit.id] = true end
        query.params = { plan = "graph" }
        for _, hit in ipairs(assert(c:query(query))) do found = found + (near[hit.id] and 1 or 0) end
      end
      assert.is_true(found / 1000 >= FLOOR)
    end
    assert.is_true(c:check())
    c:destroy()
  end)
end)

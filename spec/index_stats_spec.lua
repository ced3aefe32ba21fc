-- Stats of indexes.

local support = require "spec.support.init"

local function documents(from, to)
  local random = support.random(from)
  local all = {}
  for n = from, to do
    all[#all + 1] = { id = n, n = n, v = support.vector(random, 8), f = { n } }
  end
  return all
end

describe("stats of indexes", function()
  local c, path
  before_each(function()
    c, path = support.collection({
      fields = { { name = "n", type = "int32" } },
      vectors = {
        { name = "v", type = "vector_fp32", dim = 8, index = { type = "hnsw", m = 8, ef_construction = 40 } },
        { name = "f", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" },
      },
    }, { maintenance = "manual" })
  end)
  after_each(support.clean)

  it("of an empty collection are complete", function()
    assert.same({
      v = { type = "hnsw", rows = 0, indexed_rows = 0, completeness = 1, graphs = 0, bytes = 0 },
      f = { type = "flat", rows = 0, completeness = 1 },
    }, c:stats().indexes)
  end)

  it("follow what is inserted, optimized and deleted", function()
    c:insert(documents(1, 3000))
    assert.same({
      v = { type = "hnsw", rows = 3000, indexed_rows = 0, completeness = 0, graphs = 0, bytes = 0 },
      f = { type = "flat", rows = 3000, completeness = 1 },
    }, c:stats().indexes)

    assert.is_true(c:optimize { threads = 2 })
    local v = c:stats().indexes.v
    assert.same({ 3000, 3000, 1, 1 }, { v.rows, v.indexed_rows, v.completeness, v.graphs })
    assert.truthy(({ int4 = true, int8 = true, fp16 = true, none = true })[v.quantize], v.quantize)
    assert.is_true(v.ef >= 1)
    assert.is_true(v.code_error >= 0 and v.code_error < 1, v.code_error)
    assert.is_true(v.bytes > 3000 * 2 * 8 * 4) -- the links
    assert.is_nil(v.warning)

    c:insert(documents(3001, 4000))
    assert.equal(1500, c:delete_by_filter("n <= 1500"))
    v = c:stats().indexes.v
    assert.same({ 2500, 1500, 0.6 }, { v.rows, v.indexed_rows, v.completeness })
    assert.is_true(c:optimize())
    v = c:stats().indexes.v
    assert.same({ 2500, 2500, 1 }, { v.rows, v.indexed_rows, v.completeness })
    assert.is_true(c:check())
  end)

  it("are the same when the collection is opened again", function()
    c:insert(documents(1, 2000))
    assert.is_true(c:optimize())
    local stats = c:stats().indexes
    c:close()
    c = support.collection(nil, { path = path })
    assert.same(stats, c:stats().indexes)
  end)

  it("warn of a damaged graph, which is searched around and rebuilt", function()
    c:insert(documents(1, 2000))
    assert.is_true(c:optimize())
    c:close()
    local pipe = io.popen("ls " .. path .. "/*.hnsw")
    local name = pipe:read("*l")
    pipe:close()
    local file = assert(io.open(name, "r+b"))
    local size = file:seek("end")
    file:seek("set", 0)
    file:write(("\255"):rep(size))
    file:close()

    c = support.collection(nil, { path = path, maintenance = "manual" })
    local hit = c:query({ field = "v", vector = documents(1, 2000)[77].v, topk = 1 })[1]
    assert.equal("77", hit.id)
    local v = c:stats().indexes.v
    assert.truthy(v.warning:find(name:match("[^/]+$"), 1, true), v.warning)
    assert.same({ 0, 0 }, { v.completeness, v.graphs })
    local sound, message, code = c:check()
    assert.is_nil(sound)
    assert.equal("corrupt", code)
    assert.truthy(message:find(name:match("[^/]+$"), 1, true), message)

    assert.is_true(c:optimize())
    v = c:stats().indexes.v
    assert.is_nil(v.warning)
    assert.equal(1, v.completeness)
    assert.is_true(c:check())
  end)
end)

-- Maintenance of a collection: optimize, stats, check, backup, flush.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local numbered = support.numbered

describe("looking after a collection:", function()
  local c, path

  before_each(function()
    c, path = support.collection({
      fields = { { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    }, { maintenance = "manual", durability = "full" })
  end)
  after_each(support.clean)

  it("optimize seals fresh rows and drops deleted ones", function()
    c:insert(numbered(1, 500))
    assert.equal(500, c:stats().fresh_rows)
    assert.is_true(c:optimize())
    assert.equal(0, c:stats().fresh_rows)
    assert.is_true(c:stats().segments >= 1)
    assert.equal(100, c:delete_by_filter("n <= 100"))
    assert.equal(100, c:stats().deleted_rows)
    c:insert(numbered(501, 600))
    assert.is_true(c:optimize())
    local stats = c:stats()
    assert.same({ 0, 0, 500 }, { stats.fresh_rows, stats.deleted_rows, stats.documents })
    assert.equal("101", c:query({ vector = { 0, 1 }, topk = 1 })[1].id)
    assert.is_true(c:optimize())
    assert.is_true(c:check())
  end)

  it("optimize reports its progress", function()
    c:insert(numbered(1, 500))
    local calls, last_done, last_total = 0, 0, nil
    assert.is_true(c:optimize {
      progress = function(done, total, stage)
        calls = calls + 1
        assert.is_true(done >= last_done and done <= total)
        assert.is_string(stage)
        last_done, last_total = done, total
      end,
    })
    assert.is_true(calls > 0)
    assert.equal(last_total, last_done)
  end)

  it("optimize works in slices", function()
    c:insert(numbered(1, 3000))
    local answer, slices = "more", 0
    while answer == "more" do
      answer = c:optimize { budget_ms = 0.01 }
      slices = slices + 1
      c:upsert { id = "beside", n = slices, v = { 0, 0 } }
      assert.is_true(slices < 100000)
    end
    assert.equal("done", answer)
    assert.equal(3001, #c)
    assert.equal(slices, c:fetch("beside").n)
    assert.is_true(c:check())
  end)

  it("an error in progress ends optimize, and it can be done again", function()
    c:insert(numbered(1, 500))
    local mistake = {}
    local ok, message = pcall(c.optimize, c, {
      progress = function()
        error(mistake)
      end,
    })
    assert.is_false(ok)
    assert.equal(mistake, message)
    assert.is_true(c:optimize())
    assert.equal(500, #c)
    assert.is_true(c:check())
  end)

  it("stats describe the collection", function()
    local empty = c:stats()
    assert.same({ 0, 0, 0, 0 }, { empty.documents, empty.segments, empty.fresh_rows, empty.deleted_rows })
    c:insert(numbered(1, 10))
    local stats = c:stats()
    assert.equal(10, stats.documents)
    assert.is_true(stats.commit > empty.commit)
    assert.is_true(stats.disk_bytes > 0)
    assert.is_true(stats.memory_bytes >= 0)
    assert.is_true(stats.durable)
    assert.equal(moonvec.simd, stats.simd)
    assert.is_false(stats.background)
    assert.equal("hnsw", stats.indexes.v.type)
  end)

  it("stats tell when commits are not synced", function()
    local cache = support.collection(c.schema, { durability = "none" })
    cache:insert(numbered(1, 3))
    assert.is_false(cache:stats().durable)
    assert.is_true(cache:flush())
    assert.is_true(cache:stats().durable)
  end)

  it("check finds damage and names the file", function()
    c:insert(numbered(1, 200))
    c:optimize()
    assert.is_true(c:check())
    local pipe = io.popen("ls " .. path .. "/*.vec " .. path .. "/*.rows")
    local files = {}
    for name in pipe:lines() do
      files[#files + 1] = name
    end
    pipe:close()
    assert.is_true(#files >= 2)
    local file = assert(io.open(files[1], "r+b"))
    local size = file:seek("end")
    file:seek("set", size - 200)
    local byte = file:read(1)
    file:seek("set", size - 200)
    file:write(byte == "\1" and "\2" or "\1")
    file:close()
    local sound, message, code = c:check()
    assert.is_nil(sound)
    assert.equal("corrupt", code)
    assert.truthy(message:find(files[1]:match("[^/]+$"), 1, true), message)
  end)

  it("backup writes a copy that stands alone", function()
    c:insert(numbered(1, 100))
    c:optimize()
    c:insert(numbered(101, 120))
    local copy_path = support.path()
    assert.is_true(c:backup(copy_path))
    assert.equal("exists", select(3, c:backup(copy_path)))
    c:delete_by_filter("n > 50")
    c:destroy()
    local copy = support.collection(nil, { path = copy_path })
    assert.equal(120, #copy)
    assert.is_true(copy:check())
    assert.equal(1, copy:insert { id = "more", n = 0, v = { 0, 0 } })
  end)
end)

-- c:optimize{ background = true }: a job in a thread of the engine.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local ROWS = 6000

describe("optimize in the background", function()
  local c

  local function fill(from, to)
    local random = support.random(from)
    local documents = {}
    for n = from, to do
      documents[#documents + 1] = { id = n, v = support.vector(random, 16) }
    end
    assert.equal(to - from + 1, c:insert(documents))
  end

  local function open(index)
    index.type = "hnsw"
    c = support.collection(
      { vectors = { { name = "v", type = "vector_fp32", dim = 16, index = index } } },
      { maintenance = "manual" }
    )
    fill(1, ROWS)
  end

  -- Building its graph takes seconds, on any machine more than a thousand times as long as the calls that the tests
  -- make meanwhile.
  local function open_slow()
    open { m = 64, ef_construction = 2000 }
  end

  before_each(function()
    c = nil
  end)
  after_each(support.clean)

  it("is waited for", function()
    open { m = 8 }
    local job = assert(c:optimize { background = true, threads = 2 })
    assert.truthy(tostring(job):find("^moonvec.job: %l+$"), tostring(job))
    assert.is_true(job:wait())
    assert.is_true(job:wait())
    assert.is_true(job:wait(0))
    local done, total, stage = job:progress()
    assert.same({ total, "done" }, { done, stage })
    assert.is_true(total > 0)
    assert.equal("moonvec.job: done", tostring(job))
    assert.equal(1, c:stats().indexes.v.completeness)
    assert.is_true(c:check())
  end)

  it("lets the program go on", function()
    open { m = 8 }
    local job = assert(c:optimize { background = true, threads = 1 })
    local before, looks = 0, 0
    repeat
      local done, total = job:progress()
      assert.is_true(done >= before and done <= total)
      before, looks = done, looks + 1
      assert.equal(1, #c:query { vector = support.vector(support.random(looks), 16), topk = 1 })
      c:upsert { id = "beside", v = support.vector(support.random(looks), 16) }
    until job:wait(0.001)
    assert.equal(ROWS + 1, #c)
    assert.is_true(c:check())
  end)

  it("is cancelled, and leaves the collection as it was or with some of the work done", function()
    open_slow()
    local job = assert(c:optimize { background = true, threads = 1 })
    assert.is_false(job:wait(0.05))
    job:cancel()
    assert.is_true(job:wait())
    job:cancel()
    assert.equal("cancelled", select(3, job:progress()))
    assert.equal(0, c:stats().indexes.v.graphs)
    assert.equal(ROWS, #c)
    assert.is_true(c:check())
    job = assert(c:optimize { background = true, threads = 1 })
    assert.is_false(job:wait(0))
  end)

  it("is one at a time", function()
    open_slow()
    local job = assert(c:optimize { background = true, threads = 1 })
    assert.equal("busy", select(3, c:optimize { background = true }))
    assert.equal("busy", select(3, c:optimize()))
    assert.is_true(c:stats().background)
    assert.is_false(job:wait(0))
    job:cancel()
    assert.is_true(job:wait())
    assert.is_false(c:stats().background)
    assert.is_false(assert(c:optimize { background = true }):wait(0))
  end)

  it("is not begun beside one in slices", function()
    open_slow()
    assert.equal("more", c:optimize { budget_ms = 0.01, threads = 1 })
    assert.equal("busy", select(3, c:optimize { background = true }))
    assert.equal("more", c:optimize { budget_ms = 0.01 })
  end)

  it("goes on when the job object is collected", function()
    open { m = 8 }
    assert(c:optimize { background = true })
    collectgarbage()
    collectgarbage()
    support.wait_until(function()
      return c:stats().indexes.v.completeness == 1
    end)
  end)

  it("ends with the collection", function()
    open_slow()
    local path = c.path
    local job = assert(c:optimize { background = true, threads = 1 })
    assert.is_true(c:close())
    for _, method in ipairs { "wait", "progress", "cancel" } do
      local message = support.message_of(job[method], job)
      assert.equal(method .. ": the job ended when its collection was closed", message)
    end
    assert.equal("moonvec.job: closed", tostring(job))
    c = support.collection(nil, { path = path })
    assert.equal(ROWS, #c)
    assert.is_true(c:check())
  end)

  it("ends with a collection that was dropped", function()
    open_slow()
    local path = support.path()
    assert(c:backup(path))
    local dropped = assert(moonvec.open(path, { durability = "none", maintenance = "manual" }))
    assert.is_false(assert(dropped:optimize { background = true, threads = 1 }):wait(0.01))
    dropped = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_true(moonvec.destroy(path))
  end)

  it("raises on mistakes", function()
    open { m = 8 }
    local job = assert(c:optimize { background = true })
    assert.equal("wait: 'seconds' must be a number, got a string", support.message_of(job.wait, job, "1"))
    assert.equal("wait: 'seconds' must be 0 or more, got -1", support.message_of(job.wait, job, -1))
    assert.truthy(support.message_of(job.wait, job, 0 / 0):find("'seconds' must be 0 or more", 1, true))
    assert.equal("wait: expected a job, got a nil (call it with ':')", support.message_of(job.wait, nil))
    assert.is_true(job:wait(math.huge))
    assert.is_false(getmetatable(job))
  end)

  it("does not wait for the transaction of its own thread", function()
    open_slow()
    local job = assert(c:optimize { background = true, threads = 1 })
    assert(c:transaction(function()
      assert.is_false(job:wait(0))
      assert.equal("busy", select(3, job:wait()))
      assert.equal("busy", select(3, job:wait(0.1)))
    end))
    assert.is_false(job:wait(0.01))
  end)
end)

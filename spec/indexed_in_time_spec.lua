-- What is written gets its index, whichever processes live how long: a process that ends finishes a small group that it
-- has written, and a process that reads goes on with what others left.

local children = require "spec.support.children"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = { vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2" } } }

-- In the child: inserts documents from .. to in one call. "stay": until the child is killed.
local function insert(path, from, to, maintenance, how)
  local c = assert(require("moonvec").open(path, { durability = "none", maintenance = maintenance }))
  local documents = {}
  for n = from, to do
    documents[#documents + 1] = { id = n, v = { math.sin(n), math.sin(n * 7), math.sin(n * 13), n % 97 } }
  end
  assert(c:insert(documents))
  if how == "stay" then
    print("inserted")
    io.read()
  end
  assert(c:close())
end

-- Reads until all rows but the fresh ones are found through a graph.
local function wait_for_graphs(c)
  local stats
  for _ = 1, 6000 do
    stats = c:stats()
    assert.is_nil(stats.background_error)
    if stats.pending_rows == stats.fresh_rows and not stats.background then
      break
    end
    os.execute("sleep 0.01")
  end
  assert.equal(stats.documents - stats.fresh_rows, stats.indexes.v.indexed_rows)
  return stats
end

describe("what is written gets its index", function()
  local path

  before_each(function()
    path = support.path()
    assert(moonvec.open(path, { schema = SCHEMA })):close()
  end)
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("by many short processes", function()
    for n = 0, 9 do
      children.start(insert, path, n * 500 + 1, n * 500 + 500, "auto"):wait()
    end
    local c = support.collection(nil, { path = path, maintenance = "manual" })
    local stats = c:stats()
    assert.same({ 5000, 904, 4096 }, { stats.documents, stats.fresh_rows, stats.indexes.v.indexed_rows })
    assert.same({ 904, "manual", 1 }, { stats.pending_rows, stats.pending, stats.segments })
    assert.is_true(c:check())
  end)

  it("by a process that reads what another one wrote before it ended #once", function()
    children.start(insert, path, 1, 20000, "manual"):wait()
    local c = support.collection(nil, { path = path, maintenance = "auto" })
    c:query { vector = { 1, 2, 3, 4 }, topk = 1 }
    local stats = wait_for_graphs(c)
    assert.same({ 0, 20000 }, { stats.pending_rows, stats.indexes.v.indexed_rows })
    assert.is_nil(stats.pending)
    assert.is_true(c:check())
  end)

  it("by a process that was open already, after the writer was killed #once", function()
    local c = support.collection(nil, { path = path, maintenance = "auto" })
    assert.equal(0, c:stats().pending_rows)
    local child = children.start(insert, path, 1, 30000, "auto", "stay")
    assert.equal("inserted", child:read())
    child:kill()
    c:query { vector = { 1, 2, 3, 4 }, topk = 1 }
    assert.equal(30000, wait_for_graphs(c).documents)
    assert.is_true(c:check())
  end)

  it("and a write waits for that no longer than it takes #once", function()
    local c = support.collection(nil, { path = path, maintenance = "auto", slowdown_rows = 1 })
    for first = 1, 5001, 5000 do
      local documents = {}
      for n = first, first + 4999 do documents[#documents + 1] = { id = n, v = { n % 7, n % 11, n % 13, n % 97 } } end
      assert(c:insert(documents)) -- the second one, for 10 s at 2 ms for each row
      c:query { vector = { 1, 2, 3, 4 }, topk = 1 }
    end
    assert.is_true(c:stats().slowed_ms < 5000)
  end)

  it("but not by a read_only or manual handle, and stats tell it", function()
    children.start(insert, path, 1, 6000, "manual"):wait()
    for _, how in ipairs { { "read_only", { read_only = true } }, { "manual", { maintenance = "manual" } } } do
      how[2].path = path
      local c = support.collection(nil, how[2])
      local stats = c:stats()
      assert.same({ 6000, how[1], false }, { stats.pending_rows, stats.pending, stats.background })
      c:close()
    end
  end)

  it("by a job, to which the maintenance of another process gives way", function()
    local slow = { name = "v", type = "vector_fp32", dim = 4, metric = "l2" }
    slow.index = { type = "hnsw", m = 64, ef_construction = 2000 } -- 20 s of work
    local dir = support.path()
    assert(moonvec.open(dir, { schema = { vectors = { slow } } })):close()
    local child = children.start(insert, dir, 1, 60000, "auto", "stay")
    assert.equal("inserted", child:read())
    local impatient = support.collection(nil, { path = dir, maintenance = "manual", busy_ms = 0 })
    local tries = 0
    repeat
      tries = tries + 1
      local done, _, code = impatient:optimize { budget_ms = 0.001 }
      if done then -- the maintenance has not begun
        impatient:close()
        os.execute("sleep 0.01")
        impatient = support.collection(nil, { path = dir, maintenance = "manual", busy_ms = 0 })
      end
    until code == "busy" or tries == 3000
    assert.is_true(tries < 3000)
    local c = support.collection(nil, { path = dir, maintenance = "manual", busy_ms = 10000 })
    local job = assert(c:optimize { background = true })
    local stage
    repeat
      assert.is_false(job:wait(0.01))
      stage = select(3, job:progress())
    until stage ~= "wait"
    job:cancel()
    assert.is_true(job:wait())
    child:kill()
  end)

  it("when there are enough fresh rows", function()
    children.start(insert, path, 1, 1000, "auto"):wait()
    local c = support.collection(nil, { path = path, maintenance = "auto" })
    local stats = c:stats()
    assert.same({ 1000, "few", false }, { stats.pending_rows, stats.pending, stats.background })
    assert(c:optimize())
    assert.is_nil(c:stats().pending)
  end)
end)

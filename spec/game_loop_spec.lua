-- A game: it writes in each frame, asks something now and then, and gives optimize a short slice in each frame.

local support = require "spec.support.init"

local DIM = 8

local function vector(n)
  local v = {}
  for i = 1, DIM do
    v[i] = math.sin(n * i * 0.37) + math.sin(n * 0.011 * i)
  end
  return v
end

local function documents(from, to)
  local list = {}
  for n = from, to do
    list[#list + 1] = { id = n, text = "memory " .. n, v = vector(n) }
  end
  return list
end

describe("a game that optimizes in each frame", function()
  after_each(support.clean)

  local function open(path)
    return support.collection({
      fields = { { name = "text", type = "string" } },
      vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = "l2" } },
    }, { path = path, maintenance = "manual", durability = "none" })
  end

  -- Plays `frames` frames. Returns how often fresh rows became a segment.
  local function play(c, from, frames)
    local seals, fresh = 0, c:stats().fresh_rows
    for n = from, from + frames - 1 do
      assert(c:insert { id = n, text = "new", v = vector(n) })
      local answer = assert(c:optimize { budget_ms = 1 })
      assert.is_true(answer == "more" or answer == "done")
      local now = c:stats().fresh_rows
      seals = seals + (now < fresh and 1 or 0)
      fresh = now
    end
    return seals
  end

  local function finish(c)
    local slices = 0
    repeat
      slices = slices + 1
      assert.is_true(slices < 100000)
    until c:optimize { budget_ms = 1 } == "done"
    return slices
  end

  for _, path in ipairs { ":memory:", "in a directory" } do
    it(("seals when there are enough rows, and is done when it pauses: %s"):format(path), function()
      local c = open(path == ":memory:" and path or nil)
      assert(c:insert(documents(1, 1500)))
      assert.equal(2, play(c, 1501, 1200)) -- the first rows, and 1,024 of those in frames
      assert.is_true(c:stats().fresh_rows < 1024)
      finish(c)
      local stats = c:stats()
      assert.same({ 2700, 0, 1, 2700 },
        { stats.documents, stats.fresh_rows, stats.segments, stats.indexes.v.indexed_rows })
      assert.equal("2700", c:query({ vector = vector(2700), topk = 1 })[1].id)
      assert.equal("done", c:optimize { budget_ms = 1 })
      assert.is_true(c:check())
    end)
  end

  it("does not rewrite thousands of rows for each new one", function()
    local c = open(":memory:")
    assert(c:insert(documents(1, 3000)))
    finish(c)
    for n = 3001, 3020 do
      assert(c:insert { id = n, text = "new", v = vector(n) })
      for _ = 1, 3 do
        assert.equal("more", c:optimize { budget_ms = 1 })
      end
    end
    assert.same({ 20, 1 }, { c:stats().fresh_rows, c:stats().segments })
    assert.is_true(finish(c) > 1)
    assert.same({ 0, 3020 }, { c:stats().fresh_rows, c:stats().indexes.v.indexed_rows })
  end)

  it("optimize without a budget finishes what slices have left", function()
    local c = open(":memory:")
    assert(c:insert(documents(1, 2000)))
    play(c, 2001, 10)
    assert.is_true(c:optimize())
    assert.same({ 0, 1, 2010 }, { c:stats().fresh_rows, c:stats().segments, c:stats().indexes.v.indexed_rows })
  end)

  it("a slice that waits leaves the collection to others", function()
    local path = support.path()
    local c = open(path)
    local other = support.collection(nil, { path = path, maintenance = "manual" })
    assert(c:insert(documents(1, 900)))
    for _ = 1, 2 do
      assert.equal("more", c:optimize { budget_ms = 1 })
    end
    assert.is_true(other:optimize())
    assert.equal(0, c:stats().fresh_rows)
    assert.equal("done", c:optimize { budget_ms = 1 })
  end)
end)

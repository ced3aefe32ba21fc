-- Lifetimes under the garbage collector: collections, iterators and results.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
}

local function collect()
  collectgarbage()
  collectgarbage() -- what was finalized in the first round is freed in the second
end

local function fill(c, count)
  local documents = {}
  for n = 1, count do
    documents[n] = { id = n, n = n, v = { n, 1 } }
  end
  assert(c:insert(documents))
  return c
end

describe("an iterator", function()
  after_each(support.clean)

  it("keeps its collection alive", function()
    local path = support.path()
    local next_document = fill(assert(moonvec.open(path, { schema = SCHEMA })), 3):iterate()
    collect()
    assert.equal("1", next_document().id)
    collect()
    assert.equal("2", next_document().id)
    next_document = nil -- luacheck: ignore
    collect()
    assert.is_true(moonvec.destroy(path))
  end)

  it("that cannot begin raises the reason", function()
    local c = fill(support.collection(SCHEMA), 2)
    assert.equal("iterate: filter:201: more than 200 levels of parentheses and NOT",
      support.message_of(c.iterate, c, { filter = ("("):rep(1000) }))
    local iterators, message = {}, nil
    while not message and #iterators < 10000 do
      local ok, result = pcall(c.iterate, c)
      if ok then
        result() -- the first document of two
        iterators[#iterators + 1] = result
      else
        message = result
      end
    end
    assert.matches("iterate: .* reader slots$", message)
  end)

  it("is released at its end, when its collection is closed, or by the collector", function()
    local c, path = support.collection(SCHEMA)
    fill(c, 100)
    for _ = 1, 300 do -- more than there are reader slots
      assert.equal("1", c:iterate()().id)
      collectgarbage("step", 100)
    end
    local iterators = {}
    for i = 1, 20 do
      iterators[i] = c:iterate { filter = "n <= ?", args = { i } }
      iterators[i]()
    end
    for _ in iterators[1] do
      error("there was one document only")
    end
    c:close()
    for i = 2, 20 do
      assert.has_error(iterators[i])
    end
    assert.is_nil(iterators[1]())
    assert.is_true(moonvec.destroy(path))
  end)
end)

describe("the collector", function()
  after_each(support.clean)

  it("may come at any time", function()
    local pause = collectgarbage("setpause", 1)
    local c = fill(support.collection(SCHEMA, { path = ":memory:" }), 50)
    local into = {}
    for i = 1, 200 do
      local seen = 0
      for document in c:iterate { filter = "n <= 10", include_vector = "table" } do
        seen = seen + 1
        assert.equal(document.n, c:query({ vector = document.v, topk = 1, into = into })[1].n)
        if i % 10 == 0 then
          collect()
        end
        if seen == i % 12 then
          break
        end
      end
      c:upsert { id = "x" .. i, n = 100 + i, v = { 1, i } }
    end
    collectgarbage("setpause", pause)
    assert.equal(250, #c)
  end)

  it("leaves nothing open of collections that were dropped", function()
    local path = support.path()
    assert(moonvec.open(path, { schema = SCHEMA })):close()
    for i = 1, 40 do
      local c = assert(moonvec.open(path))
      c:upsert { id = i, n = i, v = { 1, i } }
      c:query { vector = { 1, 1 } }
      c:iterate()()
      if i % 3 == 0 then
        c:optimize { budget_ms = 0.001 }
      end
      pcall(c.query, c, { vector = { 1 } })
      pcall(c.insert, c, { { id = "y", n = i, v = { 1, i } }, { id = "z", n = "wrong" } })
    end
    collect()
    assert.is_true(moonvec.destroy(path))
  end)
end)

describe("a finalizer of the program", function()
  after_each(support.clean)

  -- Creates an unreferenced object whose finalizer calls `work`.
  local function drop(work)
    if newproxy then -- luacheck: ignore
      getmetatable(newproxy(true)).__gc = work -- luacheck: ignore
    else
      setmetatable({}, { __gc = work })
    end
  end

  local calls = {
    function(c, documents)
      return c:upsert(documents)
    end,
    function(c)
      return c:query { vector = { 1, 1 }, topk = 300, include_vector = "table" }
    end,
    function(c)
      return c:query { vectors = { { 1, 1 }, { 2, 1 } }, topk = 300, rerank = function(hit) return -hit.n end }
    end,
    function(c)
      return c:fetch({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { include_vector = true })
    end,
    function(c)
      local count = 0
      for _ in c:iterate { include_vector = true } do
        count = count + 1
      end
      return count
    end,
    function(c)
      return c:optimize {}
    end,
    function(c)
      return c.schema
    end,
  }

  it("may close the collection in the middle of any call", function()
    local documents = {}
    for n = 1, 300 do
      documents[n] = { id = n, n = n, v = { n, 1 } }
    end
    local pause = collectgarbage("setpause", 1)
    for round = 1, 60 do
      for _, call in ipairs(calls) do
        local c = assert(moonvec.open(":memory:", { schema = SCHEMA, maintenance = "manual" }))
        c:insert(documents)
        drop(function()
          c:query { vector = { 1, 1 }, topk = 3 }
          c:close()
        end)
        if round % 2 == 0 then
          collectgarbage("step", round)
        end
        local ok, message = pcall(call, c, documents)
        assert.is_true(ok or message:find("closed", 1, true) ~= nil, message)
      end
    end
    collectgarbage("setpause", pause)
  end)
end)

describe("Lua 5.4's to-be-closed variables", function()
  after_each(support.clean)

  local function run(text, ...)
    return assert((loadstring or load)(text))(...) -- luacheck: ignore
  end

  it("close collections, and loops left early", function()
    if _VERSION < "Lua 5.4" then
      return
    end
    local c, path = support.collection(SCHEMA)
    fill(c, 3):close()
    run([[
      local moonvec, path = ...
      local c <close> = assert(moonvec.open(path))
      for document in c:iterate() do
        break
      end
    ]], moonvec, path)
    assert.is_true(moonvec.destroy(path))
  end)
end)

describe("a call that fails, however it does", function()
  after_each(support.clean)

  it("does not keep the collection from being closed", function()
    local c, path = support.collection(SCHEMA)
    local function deeper() -- until Lua itself raises inside some call
      c:query { vector = { 1, 1 } }
      deeper()
      return 1
    end
    assert.is_false((pcall(deeper)))
    c:close()
    assert.is_true(moonvec.destroy(path))
  end)

  it("does not let it be closed under another call", function()
    local c = fill(support.collection(SCHEMA, { path = ":memory:" }), 500)
    local query = { vector = { 1, 1 }, topk = 500 }
    local pause = collectgarbage("setpause", 1)
    for i = 1, 100 do
      local t = newproxy and newproxy(true) or setmetatable({}, {}) -- luacheck: ignore
      getmetatable(t).__gc = function()
        pcall(moonvec.pack, c) -- misuse of a function that is not a method
        if i == 50 then
          c:close()
        end
      end
      if newproxy == nil then -- luacheck: ignore
        setmetatable(t, getmetatable(t)) -- now that it has a finalizer
      end
      t = nil -- luacheck: ignore
      local ok, message = pcall(c.query, c, query)
      assert.truthy(ok or message:find("is closed", 1, true), message)
    end
    collectgarbage("setpause", pause)
  end)
end)

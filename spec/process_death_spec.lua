-- Writers that are killed at any moment: every acknowledged operation is present; the last unacknowledged one is
-- present completely or not at all.
--
-- A child does operations 1, 2, 3, ... and prints the number of each after it is done, until it is killed. Then another
-- child continues. MOONVEC_KILLS=2000 in the environment runs for hours.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local operations = require "spec.support.operations"
local support = require "spec.support.init"

-- What a writer leaves when it dies: the header of a file is written last.
local WHOLE_FILE = "moonvec\0" .. ("\0"):rep(120)
local HALF_FILE = ("\0"):rep(64) .. "half of the rows"

local KILLS = tonumber(os.getenv("MOONVEC_KILLS")) or 20 -- for each durability

-- In the child: does operations `last` + 1, `last` + 2, ... without end.
local function work(path, durability, last)
  local operations = require "spec.support.operations" -- luacheck: ignore
  local c = assert(require("moonvec").open(path, { durability = durability }))
  print("ready")
  for n = last + 1, math.huge do
    operations.run(c, operations.operation(n))
    print(("%d"):format(n))
  end
end

local function spin(seconds)
  local until_then = os.clock() + seconds
  repeat until os.clock() >= until_then
end

-- Runs a child and kills it after one of its first acknowledgements. Returns the number of the last acknowledged
-- operation.
local function kill_one(random, path, durability, last)
  local child = children.start(work, path, durability, last)
  assert.equal("ready", child:read())
  for _ = 1, random(6) - 1 do
    last = tonumber(child:read())
  end
  spin(random() * 0.004)
  for _, line in ipairs(child:kill()) do
    last = assert(tonumber(line), line)
  end
  return last
end

local function scores_of(hits)
  local scores = {}
  for i, hit in ipairs(hits) do
    scores[i] = hit.score
  end
  return scores
end

-- Exact search finds what the model contains. Scores are compared, because ties may be in any order.
local function check_search(c, model, random)
  local documents = {}
  for _, document in pairs(model) do
    documents[#documents + 1] = document
  end
  local query = { random(1000), random(1000), random(1000) }
  local expected = scores_of(support.exact(documents, "v", "l2", query))
  assert.same({ (table.unpack or unpack)(expected, 1, 5) }, scores_of(c:query { vector = query, topk = 5 })) -- luacheck: ignore
end

-- No unfinished files of dead writers are left: there are two files for each segment, and the files of the catalog.
local function check_leftovers(c, path)
  for _ = 1, 2 do
    c:delete("nothing") -- the first write removes replaced files, the next one unfinished files
  end
  assert.same({}, listing.names(path, "%.new"))
  assert.equal(c:stats().segments * 2, #listing.names(path, "^%d"))
end

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("a writer that is killed", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  for _, durability in ipairs { "full", "none" } do
    it("loses nothing acknowledged and leaves nothing half-done, durability " .. durability, function()
      local random = support.random(durability == "full" and 5 or 6)
      local c, path = support.collection(operations.SCHEMA, { durability = durability })
      c:close()
      local last, model = 0, {}
      for kill = 1, KILLS do
        local acknowledged = kill_one(random, path, durability, last)
        for n = last + 1, acknowledged do
          model = operations.apply(model, operations.operation(n))
        end
        last = acknowledged

        local when = ("kill %d, after operation %d"):format(kill, last)
        c = support.collection(nil, { path = path, durability = durability })
        local sound, message = c:check()
        assert.is_true(sound, when .. ": " .. tostring(message))
        if not operations.agrees(c, model) then
          last = last + 1
          model = operations.apply(model, operations.operation(last))
          assert.is_true(operations.agrees(c, model), when)
        end
        check_search(c, model, random)
        check_leftovers(c, path)
        c:close()
      end
    end)
  end

  it("while it optimizes leaves the collection as it was, and others clean up", function()
    local c, path = support.collection(operations.SCHEMA, { durability = "full", maintenance = "manual" })
    local documents = {}
    for n = 1, 5000 do
      documents[n] = { id = n, n = n, v = { n, 0, 0 } }
    end
    c:insert(documents)
    local random = support.random(9)
    for round = 1, 6 do
      c:upsert { id = 1, n = round, v = { 1, 0, 0 } }
      local child = children.start(function(where)
        local collection = assert(require("moonvec").open(where, { maintenance = "manual" }))
        print("ready")
        collection:optimize { progress = function() end }
        print("optimized")
        io.read()
      end, path)
      assert.equal("ready", child:read())
      spin(random() * 0.02)
      child:kill()
      assert.is_true(c:check())
      assert.equal(5000, #c)
      assert.equal(round, c:fetch("1").n)
    end
    c:close()
    c = support.collection(nil, { path = path })
    check_leftovers(c, path)
  end)

  it("with an open transaction lets others write at once", function()
    local c, path = support.collection(operations.SCHEMA)
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where))
      collection:transaction(function(tx)
        assert(tx:insert { id = "lost", n = 1, v = { 1, 2, 3 } })
        print("writing")
        io.read()
      end)
    end, path)
    assert.equal("writing", child:read())
    child:kill()
    assert.equal(1, c:insert { id = "next", n = 2, v = { 1, 2, 3 } })
    assert.is_nil(c:fetch("lost"))
    assert.is_true(c:check())
  end)

  it("in the middle of a segment does not stand in the way of the next one of that number", function()
    local c, path = support.collection(operations.SCHEMA)
    assert(c:insert { id = "first", n = 0, v = { 0, 0, 0 } }) -- looks for unfinished files before there are any
    local documents = {}
    for n = 1, 5000 do
      documents[n] = { id = n, n = n, v = { n, 0, 0 } }
    end
    local other, other_path = support.collection(operations.SCHEMA)
    other:insert(documents)
    local names = listing.names(other_path, "^%d")
    assert.equal(2, #names)
    for _, name in ipairs(names) do
      write_file(path .. "/" .. name, WHOLE_FILE) -- that the catalog does not name
      write_file(path .. "/" .. name .. ".new", HALF_FILE)
    end
    assert.equal(5000, c:insert(documents))
    assert.is_true(c:check())
    assert.same(names, listing.names(path, "^%d"))
  end)
end)

describe("files of a dead process", function()
  after_each(support.clean)

  it("are removed by the first write, those that are not ours stay", function()
    local c, path = support.collection(operations.SCHEMA)
    c:close()
    write_file(path .. "/000007.rows", WHOLE_FILE)
    write_file(path .. "/000007.rows.new", HALF_FILE)
    write_file(path .. "/000008.2.vec.new", "")
    write_file(path .. "/unsynced.123-0.new", "0ef1a2")
    write_file(path .. "/notes.txt", "x")
    c = support.collection(nil, { path = path })
    assert.equal(4, #listing.names(path, "^%d") + #listing.names(path, "^unsynced%."))
    c:delete("nothing")
    assert.same({ "catalog.mdb", "catalog.mdb-lock", "catalog.mdb-writers", "notes.txt" }, listing.names(path))
    c:destroy()
    assert.same({ "notes.txt" }, listing.names(path))
  end)

  it("go with the collection when it is destroyed", function()
    local c, path = support.collection(operations.SCHEMA)
    c:close()
    write_file(path .. "/000007.rows.new", HALF_FILE)
    write_file(path .. "/unsynced.123-0.new", "0ef1a2")
    assert.is_true(moonvec.destroy(path))
    assert.is_false(children.succeeds("test -e " .. path))
  end)
end)

describe("a reader that is killed", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("does not keep files alive", function()
    local c, path = support.collection(operations.SCHEMA, { maintenance = "manual" })
    c:insert { { id = "a", n = 1, v = { 1, 0, 0 } }, { id = "b", n = 2, v = { 2, 0, 0 } } }
    c:optimize()
    local held = listing.names(path, "^%d")
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { read_only = true }))
      local next_document = collection:iterate()
      print(next_document().id)
      io.read()
    end, path)
    assert.equal("a", child:read())
    c:delete("a")
    c:optimize()
    assert.is_true(#listing.names(path, "^%d") > #held)
    child:kill()
    c:delete("nothing")
    assert.equal(#held, #listing.names(path, "^%d"))
    assert.is_true(c:check())
  end)
end)

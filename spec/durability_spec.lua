-- The option durability: what is synced and when, and which collections do not open after a power cut.
-- spec/process_death_spec.lua kills processes; ./run powercut simulates power cuts.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
}

local function document(id)
  return { id = id, v = { 1, 2 } }
end

local function is_marked(path)
  return #listing.names(path, "^unsynced$") == 1
end

-- Makes the collection look as if the machine had been restarted after the last write.
local function reboot(path)
  local file = assert(io.open(path .. "/unsynced", "w"))
  file:write("another start of the machine")
  file:close()
end

describe("durability none", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("leaves a mark from the first commit to the flush", function()
    local c, path = support.collection(SCHEMA)
    assert.is_false(is_marked(path))
    c:insert(document("a"))
    assert.is_true(is_marked(path))
    assert.is_false(c:stats().durable)
    assert.is_true(c:flush())
    assert.is_false(is_marked(path))
    assert.is_true(c:stats().durable)
  end)

  it("leaves no mark when nothing was written", function()
    local c, path = support.collection(SCHEMA)
    assert.equal(0, c:delete("nobody"))
    assert.is_nil((c:update(document("nobody"))))
    pcall(c.transaction, c, function(tx)
      tx:insert(document("a"))
      error("undo it")
    end)
    assert.is_false(is_marked(path))
  end)

  it("is over with close", function()
    local c, path = support.collection(SCHEMA)
    c:insert(document("a"))
    c:close()
    assert.is_false(is_marked(path))
  end)

  it("is refused after the machine went down before a flush", function()
    local path = support.path()
    local child = children.start(function(at)
      local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 2 } } }
      local c = assert(require("moonvec").create_and_open(at, schema, { durability = "none" }))
      assert(c:insert { id = "a", v = { 1, 2 } })
      print("inserted")
      io.read()
    end, path)
    assert.equal("inserted", child:read())
    child:kill()
    local c = support.collection(nil, { path = path }) -- only the process died
    assert.equal(1, #c)
    c:close()
    reboot(path)
    for _, options in ipairs { {}, { read_only = true }, { durability = "none" } } do
      local refused, message, code = moonvec.open(path, options)
      assert.is_nil(refused)
      assert.equal("corrupt", code)
      assert.truthy(message:find("without syncing", 1, true), message)
    end
    assert.is_true(moonvec.destroy(path))
  end)

  -- The mark as a sync leaves it that failed, or whose process died.
  local function leave_sync_unfinished(path, commit)
    local file = assert(io.open(path .. "/unsynced", "a"))
    file:write(" syncing ", commit)
    file:close()
  end

  it("writes and verifies everything again after a sync that did not end", function()
    local c, path = support.collection(SCHEMA)
    c:insert { document("a"), document("b") }
    leave_sync_unfinished(path, 1)
    assert.is_false(c:stats().durable)
    assert.is_true(c:flush())
    assert.is_true(c:stats().durable)
    assert.is_false(is_marked(path))
    assert.equal(2, #c)
  end)

  it("does not count as synced when the catalog has lost commits", function()
    local c, path = support.collection(SCHEMA)
    c:insert(document("a"))
    leave_sync_unfinished(path, 1000000)
    for _ = 1, 2 do
      local done, message, code = c:flush()
      assert.is_nil(done)
      assert.equal("corrupt", code)
      assert.truthy(message:find("catalog.mdb", 1, true), message)
      assert.is_false(c:stats().durable)
    end
    local strict = support.collection(nil, { path = path, durability = "full" })
    assert.is_nil((strict:insert(document("b"))))
    assert.equal(1, #strict)
  end)

  it("ends with the first synced commit, which makes all before it safe", function()
    local lax, path = support.collection(SCHEMA)
    local strict = support.collection(nil, { path = path, durability = "full" })
    lax:insert(document("a"))
    assert.is_true(is_marked(path))
    strict:insert(document("b"))
    assert.is_false(is_marked(path))
    assert.is_true(strict:check())
  end)
end)

describe("the system calls of a commit", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  -- Returns how many files a child synced during ten inserts.
  local function syncs(durability)
    local log, path = support.path(), support.path()
    local child = children.start_under("strace -f -e trace=fsync,fdatasync,write -o " .. log, function(at, how)
      local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 2 } } }
      local c = assert(require("moonvec").create_and_open(at, schema, { durability = how }))
      c:insert { id = "0", v = { 1, 1 } }
      io.stderr:write("begin\n")
      for i = 1, 10 do
        assert(c:insert { id = tostring(i), v = { 1, i } })
      end
      io.stderr:write("end\n")
      c:close()
    end, path, durability)
    child:wait()
    local text = children.output("cat " .. log)
    local during = assert(text:match('"begin\\n"(.-)"end\\n"'))
    local _, count = during:gsub("sync%(", "")
    return count
  end

  it("sync with durability full, and not with none", function()
    if not children.succeeds("strace -o /dev/null true") then
      pending("strace is not there, or not allowed")
      return
    end
    assert.is_true(syncs("full") >= 10)
    assert.equal(0, syncs("none"))
  end)
end)

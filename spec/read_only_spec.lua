-- The option read_only: works where writing is not permitted, and writes nothing.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
}

local function document(n)
  return { id = tostring(n), n = n, v = { n, 0 } }
end

-- A collection with sealed and fresh rows and deletions, closed.
local function stored()
  local c, path = support.collection(SCHEMA, { durability = "full", maintenance = "manual" })
  c:insert { document(1), document(2), document(3) }
  c:optimize()
  c:insert(document(4))
  c:delete("2")
  c:close()
  return path
end

local function read_everything(path)
  local reader = support.collection(nil, { path = path, read_only = true })
  assert.equal(3, #reader)
  assert.same({ "1", "3", "4" }, support.ids(support.documents(reader)))
  assert.equal("4", reader:query({ vector = { 5, 0 }, topk = 1, filter = "n > 1" })[1].id)
  assert.equal(1, reader:fetch("1").n)
  assert.is_true(reader:check())
  return reader
end

-- In the child: what a process without write permission reads.
local function read_as_other(path)
  local reader = assert(require("moonvec").open(path, { read_only = true }))
  print(#reader, reader:query({ vector = { 5, 0 }, topk = 1 })[1].id)
  print(select(3, require("moonvec").open(path)))
end

local AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"

describe("a collection opened read_only", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("changes nothing in the directory", function()
    local path = stored()
    local before = listing.state(path)
    read_everything(path):close()
    assert.equal(before, listing.state(path))
  end)

  it("makes no lock file where there is none", function()
    local path = stored()
    os.remove(path .. "/catalog.mdb-lock")
    local before = listing.state(path)
    read_everything(path):close()
    assert.equal(before, listing.state(path))
  end)

  it("refuses to write, saying so", function()
    local reader = read_everything(stored())
    for _, result in ipairs {
      { reader:insert(document(9)) },
      { reader:upsert(document(1)) },
      { reader:update { id = "1", n = 2 } },
      { reader:delete("1") },
      { reader:delete_by_filter("true") },
      { reader:update_by_filter("true", nil, { n = 2 }) },
      { reader:optimize() },
      { reader:transaction(function() end) },
    } do
      assert.is_nil(result[1])
      assert.equal("read_only", result[3])
    end
  end)

  it("creates nothing", function()
    local path = support.path()
    local c, _, code = moonvec.open(path, { schema = SCHEMA, read_only = true })
    assert.is_nil(c)
    assert.equal("not_found", code)
    assert.is_false(children.succeeds("test -e " .. program.quote(path)))
  end)

  it("sees the commits of a writer in another process", function()
    local path = stored()
    local reader = read_everything(path)
    local writer = children.start(function(at)
      local c = assert(require("moonvec").open(at))
      assert(c:insert { id = "5", n = 5, v = { 5, 0 } })
      print("inserted")
      io.read()
      assert(c:optimize())
    end, path)
    assert.equal("inserted", writer:read())
    assert.equal(4, #reader)
    writer:send("go on")
    writer:wait()
    assert.same({ "1", "3", "4", "5" }, support.ids(support.documents(reader)))
  end)

  it("shares the engine with a handle that writes, whichever came first", function()
    local path = stored()
    local reader = read_everything(path)
    local next_document = reader:iterate()
    next_document()
    local c, _, code = moonvec.open(path)
    assert.is_nil(c)
    assert.equal("busy", code) -- its snapshot would be lost
    repeat until not next_document()
    next_document = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    c = support.collection(nil, { path = path })
    assert.equal(1, c:insert(document(5)))
    assert.equal(4, #reader)
    assert.equal("read_only", select(3, reader:delete("5")))
  end)

  it("works for a user who may only read", function()
    if not children.succeeds(AS_NOBODY .. " test -r lua/moonvec/init.lua") then
      pending("this needs root, to be somebody else, and that one must be able to read this folder")
      return
    end
    local path = stored()
    local quoted = program.quote(path)
    assert.is_true(children.succeeds("chmod 444 " .. quoted .. "/* && chmod 555 " .. quoted))
    local before = listing.state(path)
    local child = children.start_under(AS_NOBODY, read_as_other, path)
    local lines = child:wait()
    assert.same({ "3\t4", "read_only" }, lines)
    assert.equal(before, listing.state(path))
  end)

  it("answers busy beside a process that may be writing, when it cannot enter itself as a reader", function()
    if not children.succeeds(AS_NOBODY .. " test -r lua/moonvec/init.lua") then
      pending("this needs root, to be somebody else, and that one must be able to read this folder")
      return
    end
    local c, path = support.collection(SCHEMA)
    c:insert(document(1))
    local quoted = program.quote(path)
    assert.is_true(children.succeeds("chmod 444 " .. quoted .. "/* && chmod 555 " .. quoted))
    local child = children.start_under(AS_NOBODY, function(at)
      local moonvec = require "moonvec" -- luacheck: ignore
      print((select(3, moonvec.open(at, { read_only = true }))))
      io.read()
      local reader = assert(moonvec.open(at, { read_only = true }))
      print(#reader)
      io.read()
      print((select(3, reader:count())))
    end, path)
    assert.equal("busy", child:read())
    c:close()
    child:send("it is closed now")
    assert.equal("1", child:read())
    support.collection(nil, { path = path })
    child:send("it is open again")
    assert.same({ "busy" }, child:wait())
  end)

  it("works on a file system mounted read-only", function()
    local path, mounted = stored(), support.path()
    local quoted = program.quote(mounted)
    local bind = "mkdir %s && mount --bind %s %s && mount -o remount,bind,ro %s"
    if not children.succeeds(bind:format(quoted, program.quote(path), quoted, quoted)) then
      children.succeeds("umount " .. quoted)
      pending("mounting is not allowed here")
      return
    end
    local ok, message = pcall(function()
      read_everything(mounted):close()
      assert.equal("read_only", select(3, moonvec.open(mounted)))
    end)
    assert.is_true(children.succeeds("umount " .. quoted))
    assert.is_true(ok, message)
  end)

  it("is said to be what is missing, when a user may not write", function()
    if not children.succeeds(AS_NOBODY .. " test -r lua/moonvec/init.lua") then
      pending("this needs root, to be somebody else, and that one must be able to read this folder")
      return
    end
    local path = stored()
    local child = children.start_under(AS_NOBODY, function(at)
      local moonvec = require "moonvec" -- luacheck: ignore
      print((select(2, moonvec.open(at))))
    end, path)
    assert.matches("^this process runs as user %d+, who may not write '" .. path:gsub("%p", "%%%0")
      .. "/catalog.mdb': make this user the owner of the collection's directory and of all files in it,"
      .. " or open it read_only$", child:wait()[1])
  end)
end)

describe("what root makes", function()
  after_each(function()
    support.clean()
    children.clean()
  end)

  it("belongs to the owner of the directory it is in, who goes on with it", function()
    if not children.succeeds(AS_NOBODY .. " test -r lua/moonvec/init.lua") then
      pending("this needs root, to be somebody else, and that one must be able to read this folder")
      return
    end
    local home = support.path()
    assert(children.succeeds(("mkdir %s && chown nobody %s"):format(home, home)))
    local c = support.collection(SCHEMA, { path = home .. "/docs" })
    local documents = {}
    for n = 1, 5000 do
      documents[n] = document(n)
    end
    assert(c:insert(documents))
    assert(c:optimize())
    assert(c:upsert(document(1)))
    assert(c:backup(home .. "/copy"))
    assert.equal("", children.output(("find %s ! -user nobody"):format(home)))
    for _, place in ipairs { "/docs", "/copy" } do
      local child = children.start_under(AS_NOBODY, function(at)
        local theirs = assert(require("moonvec").open(at))
        assert(theirs:delete("5") == 1)
        assert(theirs:optimize())
        assert(theirs:check())
        theirs:close()
        print("done")
      end, home .. place)
      assert.same({ "done" }, child:wait())
    end
    assert.equal(4999, #c)
  end)
end)

-- Files that are not of a collection stay, whatever their names are: what a file contains decides.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 3 } },
}

local function put(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function text_of(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function documents(count)
  local list = {}
  for n = 1, count do
    list[n] = { id = n, n = n, v = { n, 1, 0 } }
  end
  return list
end

-- A collection with a segment, closed. Returns its path and the name of a file of the segment.
local function with_segment(path)
  local c
  c, path = support.collection(SCHEMA, { path = path })
  assert(c:insert(documents(5000)))
  c:close()
  return path, assert(listing.names(path, "%.rows$")[1])
end

local function directory()
  local path = support.path()
  assert(children.succeeds("mkdir " .. program.quote(path)))
  return path
end

local FOREIGN = {
  ["letter.txt"] = "dear",
  ["000001.rows"] = "my table of rows",
  ["000002.1.vec.new"] = "my vectors",
  ["unsynced"] = "my list of what to sync",
  ["unsynced.1-2.new"] = "what to sync next",
  ["catalog.mdb-lock"] = "my lock",
}

describe("destroy", function()
  after_each(support.clean)

  it("refuses a directory that is no collection, and leaves it as it is", function()
    local path = directory()
    for name, text in pairs(FOREIGN) do
      put(path .. "/" .. name, text)
    end
    local names = listing.names(path)
    local done, message, code = moonvec.destroy(path)
    assert.is_nil(done)
    assert.equal("corrupt", code)
    assert.truthy(message:find("is not a collection: it has no catalog.mdb", 1, true), message)
    put(path .. "/catalog.mdb", "a text")
    done, message, code = moonvec.destroy(path)
    assert.is_nil(done)
    assert.equal("corrupt", code)
    assert.truthy(message:find("delete it yourself", 1, true), message)
    os.remove(path .. "/catalog.mdb")
    assert.same(names, listing.names(path))
    for name, text in pairs(FOREIGN) do
      assert.equal(text, text_of(path .. "/" .. name))
    end
  end)

  it("refuses the LMDB file of another program", function()
    local path = with_segment()
    local catalog = text_of(path .. "/catalog.mdb")
    put(path .. "/catalog.mdb", (catalog:gsub("garbage", "rubbish")))
    local names = listing.names(path)
    assert.equal("corrupt", select(3, moonvec.destroy(path)))
    assert.same(names, listing.names(path))
  end)

  -- Whoever is told that a directory is no collection may move it.
  it("says of a damaged collection that it is open, if it is", function()
    local c, path = support.collection(SCHEMA)
    assert(c:insert(documents(3)))
    local command = "cd " .. program.quote(path) .. " && dd conv=notrunc of=catalog.mdb if="
    assert(children.succeeds("cp " .. program.quote(path) .. "/catalog.mdb " .. program.quote(path .. "-saved")))
    assert(children.succeeds(command .. "/dev/zero bs=8192 count=1"))
    assert.equal("busy", select(3, moonvec.destroy(path)))
    assert(children.succeeds(command .. program.quote(path .. "-saved")))
    assert.equal(3, #c)
    c:close()
    os.remove(path .. "-saved")
    assert.is_true(moonvec.destroy(path))
  end)

  it("leaves the files of others in the directory of a collection", function()
    local path = with_segment()
    local theirs = { ["000099.rows"] = "mine", ["000099.2.hnsw"] = "mine", ["destroyed.mdb.txt"] = "mine" }
    for name, text in pairs(theirs) do
      put(path .. "/" .. name, text)
    end
    local c = support.collection(nil, { path = path })
    assert(c:insert { id = "a", n = 1, v = { 1, 2, 3 } }) -- sweeps
    c:close()
    assert.is_true(moonvec.destroy(path))
    assert.same({ "000099.2.hnsw", "000099.rows", "destroyed.mdb.txt" }, listing.names(path))
  end)

  it("removes damaged files that the catalog names", function()
    local path, name = with_segment()
    put(path .. "/" .. name, ("x"):rep(1000))
    assert.is_true(moonvec.destroy(path))
    assert.is_false(children.succeeds("test -e " .. path))
  end)

  -- What the lock file had when the machine went down is not on the disk.
  it("removes a lock file with any content", function()
    local path = with_segment()
    put(path .. "/catalog.mdb-lock", ("x"):rep(9000))
    assert.is_true(moonvec.destroy(path))
    assert.is_false(children.succeeds("test -e " .. path))
  end)

  -- Then a file may have its name without its content, and the catalog may not name it.
  it("removes all segments of what was written without syncing before the machine went down", function()
    local path = with_segment()
    put(path .. "/unsynced", "00000000-0000-0000-0000-000000000000 sync\255\255\255")
    put(path .. "/000099.rows", ("x"):rep(1000))
    put(path .. "/letter.txt", "dear")
    assert(children.succeeds("mkdir " .. program.quote(path .. "/000098.rows")))
    assert.equal("corrupt", select(3, moonvec.open(path)))
    assert.is_true(moonvec.destroy(path))
    assert.same({ "000098.rows", "letter.txt" }, listing.names(path))
  end)

  it("recognizes a collection whose last commit is damaged", function()
    local path = with_segment()
    local catalog = text_of(path .. "/catalog.mdb")
    local record = ("\255"):rep(48) -- of the main tree, in both meta pages
    put(
      path .. "/catalog.mdb",
      catalog:sub(1, 88) .. record .. catalog:sub(137, 4096 + 88) .. record .. catalog:sub(4096 + 137)
    )
    assert.is_nil((moonvec.open(path)))
    assert.is_true(moonvec.destroy(path))
    assert.is_false(children.succeeds("test -e " .. path))
  end)

  it("goes on where a process died", function()
    local path, name = with_segment()
    assert(os.rename(path .. "/catalog.mdb", path .. "/destroyed.mdb"))
    os.remove(path .. "/" .. name)
    local c, message, code = moonvec.open(path)
    assert.is_nil(c)
    assert.equal("corrupt", code)
    assert.truthy(message:find("destroy it again", 1, true), message)
    assert.is_true(moonvec.destroy(path))
    assert.is_false(children.succeeds("test -e " .. path))
  end)
end)

describe("a write", function()
  after_each(support.clean)

  it("does not replace a file that is in the way", function()
    local c, path = support.collection(SCHEMA)
    put(path .. "/000001.rows", "my table of rows")
    local inserted, message, code = c:insert(documents(5000))
    assert.is_nil(inserted)
    assert.equal("exists", code)
    assert.truthy(message:find("000001.rows' is in the way", 1, true), message)
    assert.equal("my table of rows", text_of(path .. "/000001.rows"))
    os.remove(path .. "/000001.rows")
    assert.equal(5000, c:insert(documents(5000)))
  end)
end)

describe("what a dead process left beside a path", function()
  after_each(support.clean)

  -- Makes what a process leaves that dies while it makes a collection at `path`. Returns its path.
  local function leftover(path, at)
    local left = ("%s.new-%d-0"):format(path, at)
    with_segment(left)
    return left
  end

  local function exists(path)
    return children.succeeds("test -e " .. program.quote(path))
  end

  it("is removed when a collection is made there: whole, cut short or empty", function()
    local path = support.path()
    local whole, short, empty = leftover(path, 1), leftover(path, 2), path .. ".new-3-0"
    put(short .. "/catalog.mdb", text_of(short .. "/catalog.mdb"):sub(1, 2 * 4096 + 100))
    assert(children.succeeds("mkdir " .. empty))
    local c = support.collection(SCHEMA, { path = path })
    assert.is_false(exists(whole) or exists(short) or exists(empty))
    local copy = support.path()
    local left = leftover(copy, 1)
    assert.is_true(c:backup(copy))
    assert.is_false(exists(left))
  end)

  it("stays with files that are not of a collection, and while it is open", function()
    local path = support.path()
    local open, mixed, foreign = leftover(path, 1), leftover(path, 2), path .. ".new-3-0"
    put(mixed .. "/letter.txt", "dear")
    assert(children.succeeds("mkdir " .. foreign))
    put(foreign .. "/catalog.mdb", "a text")
    local other = support.collection(nil, { path = open })
    local names = listing.names(mixed)
    support.collection(SCHEMA, { path = path })
    assert.same(names, listing.names(mixed))
    assert.same({ "catalog.mdb" }, listing.names(foreign))
    assert.equal(5000, #other)
    other:close()
    for _, left in ipairs { open, mixed, foreign } do
      program.remove(left)
    end
  end)
end)

-- Backups: what they share with the original, where they may go, and what they may replace.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local program = require "spec.support.program"
local support = require "spec.support.init"

local function schema()
  return {
    fields = { { name = "n", type = "int32" } },
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
  }
end

local numbered = support.numbered

describe("a backup", function()
  local c

  before_each(function()
    c = support.collection(schema())
  end)
  after_each(support.clean)

  it("shares no file with the original when it copies", function()
    c:insert(numbered(1, 5000))
    local function shared(options)
      local copy_path = support.path()
      assert.is_true(c:backup(copy_path, options))
      local names = listing.names(copy_path, "%.rows$")
      assert.equal(1, #names)
      local here, there = program.quote(c.path .. "/" .. names[1]), program.quote(copy_path .. "/" .. names[1])
      assert(children.succeeds(("cmp %s %s"):format(here, there)))
      return children.succeeds(("test %s -ef %s"):format(here, there))
    end
    assert.is_false(shared()) -- what is not synced is copied
    assert.is_true(c:flush())
    assert.is_true(shared())
    assert.is_false(shared { copy = true })
  end)

  it("raises for a place in the collection's own directory", function()
    local link = support.path()
    assert(children.succeeds(("ln -s %s %s"):format(program.quote(c.path), program.quote(link))))
    local names = listing.names(c.path)
    for _, path in ipairs { c.path .. "/copy", link .. "/copy", link, c.path .. "/../" .. c.path:match("[^/]+$") } do
      for _, replace in ipairs { true, false } do
        local message = support.message_of(c.backup, c, path, { replace = replace })
        assert.truthy(message:find("cannot be made in the collection's own directory", 1, true), message)
      end
    end
    assert.same(names, listing.names(c.path))
  end)
end)

describe("a backup that replaces", function()
  local c, path

  before_each(function()
    c = support.collection(schema())
    path = support.path()
    c:insert(numbered(1, 5000))
    assert(c:backup(path))
    c:delete_by_filter("n > 50")
  end)
  after_each(support.clean)

  local function count_at_path()
    local copy = support.collection(nil, { path = path })
    local count = #copy
    assert.is_true(copy:check())
    copy:close()
    return count
  end

  local function nothing_beside()
    local parent, name = path:match("^(.*)/([^/]+)$")
    return #listing.names(parent, "^" .. name:gsub("%p", "%%%0") .. "%.new") == 0
  end

  it("puts the new collection in the place of the old one", function()
    assert.equal("exists", select(3, c:backup(path)))
    assert.is_true(c:backup(path, { replace = true }))
    assert.equal(50, count_at_path())
    assert.is_true(nothing_beside())
    local other = support.path()
    assert.is_true(c:backup(other, { replace = true })) -- there is none yet
  end)

  it("works out of memory", function()
    local memory = support.collection(schema(), { path = ":memory:" })
    memory:insert(numbered(1, 7))
    assert.is_true(memory:backup(path, { replace = true }))
    assert.equal(7, count_at_path())
  end)

  it("is refused while the old one is open", function()
    local old = support.collection(nil, { path = path })
    local done, message, code = c:backup(path, { replace = true })
    assert.is_nil(done)
    assert.equal("busy", code, message)
    assert.equal(5000, #old)
    old:close()
    assert.equal(5000, count_at_path())
    assert.is_true(nothing_beside())
  end)

  it("is refused for anything else than a collection", function()
    local file = assert(io.open(path .. "/letter.txt", "w"))
    file:write("dear")
    file:close()
    local _, message, code = c:backup(path, { replace = true })
    assert.equal("exists", code)
    assert.truthy(message:find("letter.txt", 1, true), message)
    assert.equal(5000, count_at_path())
    local directory = support.path()
    assert(children.succeeds("mkdir " .. program.quote(directory)))
    assert.equal("exists", select(3, c:backup(directory, { replace = true })))
    assert.is_true(nothing_beside())
  end)

  it("leaves one of the two when its process is killed", function()
    for kill = 1, 8 do
      local child = children.start(function(from, to)
        local moonvec = require "moonvec"
        local source = assert(moonvec.open(from, { read_only = true }))
        print("ready")
        while true do
          assert(source:backup(to, { replace = true }))
        end
      end, c.path, path)
      assert.equal("ready", child:read())
      local until_then = os.clock() + kill * 0.002
      repeat until os.clock() >= until_then
      child:kill()
      local count = count_at_path()
      assert.is_true(count == 50 or count == 5000)
    end
    assert.is_true(c:backup(path, { replace = true }))
    assert.is_true(nothing_beside())
  end)
end)

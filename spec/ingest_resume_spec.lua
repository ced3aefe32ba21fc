-- ingest with `resume`: a run that was killed is continued, with every document once.

local children = require "spec.support.children"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local KILLS = _VERSION == "Lua 5.4" and 12 or 3

local SCHEMA = { fields = { { name = "n", type = "int32" } } }

local function write_lines(path, from, to, mode)
  local file = assert(io.open(path, mode or "wb"))
  for n = from, to do
    file:write(('{"id":"d%d","n":%d}\n'):format(n, n))
  end
  file:close()
end

-- In the child: goes on with the import, and prints a line for each batch.
local function import(path, lines_path)
  local moonvec = require "moonvec" -- luacheck: ignore
  local c = assert(moonvec.open(path, { durability = "none" }))
  print "ready"
  local result = assert(c:ingest(moonvec.source.jsonl(lines_path), { batch = 50, resume = "import",
    progress = function(s)
    print(s.read)
  end }))
  print("done " .. result.read)
end

describe("a resumed import", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("has every document once after kills at any moment", function()
    local random = support.random(9)
    local lines_path, count = support.path(), 20000
    write_lines(lines_path, 1, count)
    local c, path = support.collection(SCHEMA)
    c:close()
    for _ = 1, KILLS do
      local child = children.start(import, path, lines_path)
      assert.equal("ready", child:read())
      for _ = 1, random(8) do
        if not child:read() then
          break
        end
      end
      child:kill()
    end
    local before = #support.collection(nil, { path = path })
    support.collection(nil, { path = path }):close()
    assert.is_true(before > 0 and before % 50 == 0)
    local child = children.start(import, path, lines_path)
    local lines = child:wait()
    assert.equal("done " .. (count - before), lines[#lines])
    c = support.collection(nil, { path = path })
    assert.equal(count, #c)
    local sum = 0
    for document in c:iterate() do
      sum = sum + document.n
    end
    assert.equal(count * (count + 1) / 2, sum)
  end)

  it("reads nothing again, and what was appended once", function()
    local path = support.path()
    write_lines(path, 1, 120)
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local function import_all()
      return c:ingest(moonvec.source.jsonl(path), { resume = "k", batch = 50 })
    end
    assert.equal(120, import_all().written)
    assert.same({ read = 0, written = 0, skipped = 0, errors = {} }, import_all())
    write_lines(path, 121, 130, "ab")
    assert.equal(10, import_all().read)
    assert.equal(130, #c)
  end)

  it("goes on at the batch in which a row was wrong", function()
    local path = support.path()
    write_lines(path, 1, 120)
    local file = io.open(path, "ab")
    file:write "{}\n"
    file:close()
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local options = { resume = "k", batch = 50 }
    local _, message = c:ingest(moonvec.source.jsonl(path), options)
    assert.equal("line 121: the document has no 'id'", message)
    assert.equal(100, #c)
    options.on_error = "skip"
    local result = c:ingest(moonvec.source.jsonl(path), options)
    assert.same({ { row = 121, message = "the document has no 'id'" } }, result.errors)
    assert.equal(21, result.read)
    assert.equal(120, #c)
  end)

  it("refuses a file that was replaced", function()
    local path = support.path()
    write_lines(path, 1, 5000)
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local function import_all()
      return c:ingest(moonvec.source.jsonl(path), { resume = "k" })
    end
    assert(import_all())
    local position = c:meta "k"
    write_lines(path, 2, 6000) -- other bytes at the beginning
    local result, message, code = import_all()
    assert.is_nil(result)
    assert.equal("invalid", code)
    assert.matches("is not the file that was read before, up to byte %d+: its bytes are others; to read it from the " ..
      "beginning, remove the position: collection:meta%('k', moonvec.null%)", message)
    write_lines(path, 1, 4000) -- shorter
    assert.matches("up to byte %d+: it has %d+ bytes", (select(2, import_all())))
    write_lines(path, 1, 4900) -- the same beginning
    write_lines(path, 5900, 6900, "ab")
    assert.matches("its bytes are others", (select(2, import_all())))
    c:meta("k", "nonsense")
    assert.matches("has no such position: 'nonsense'", (select(2, import_all())))
    c:meta("k", moonvec.null)
    assert.matches("line 1: document 'd1' exists already", (select(2, import_all())))
    write_lines(path, 1, 5000)
    c:meta("k", position)
    assert.equal(0, import_all().read)
  end)
end)

-- c:export, and ingest of what it has written: an equal collection.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local SCHEMA = {
  fields = {
    { name = "s", type = "string", nullable = true, default = "filled" }, { name = "i", type = "int64", default = 5 },
    { name = "f", type = "float", nullable = true }, { name = "d", type = "double" },
    { name = "t", type = "timestamp", nullable = true },
    { name = "l", type = "array_string" }, { name = "m", type = "array_float", nullable = true, default = { 1, 2 } },
  },
  vectors = {
    { name = "v", type = "vector_fp32", dim = 3, metric = "ip" }, { name = "h", type = "vector_fp16", dim = 2,
      metric = "l2" },
    { name = "q", type = "vector_int8", dim = 2, metric = "l2" }, { name = "b", type = "vector_binary", dim = 8 },
    { name = "p", type = "sparse_vector_fp32", nullable = true },
    { name = "c", type = "vector_fp32", dim = 2, multi = true, nullable = true },
  },
}

local STRINGS = { "", "x", "\255\0", "é\n", "\\u0000", '{"base64":"x"}', ("long "):rep(5000) }

local function document_of(random, n)
  local function maybe(value)
    local kind = random(3)
    return kind == 1 and value or kind == 2 and moonvec.null or nil
  end
  return {
    id = n % 3 == 0 and ("\0\255%d"):format(n) or n,
    s = maybe(STRINGS[random(#STRINGS)]), i = random(2) == 1 and "-9223372036854775808" or nil,
    f = maybe((random() - 0.5) * 2 ^ (random(200) - 100)), d = (random() - 0.5) * 2 ^ (random(2000) - 1000),
    t = maybe "2026-11-30T01:02:03.000004Z", l = random(2) == 1 and {} or { STRINGS[random(7)], STRINGS[random(7)] },
    m = maybe { random(), 1e-40 }, v = support.vector(random, 3), h = support.vector(random, 2),
    q = support.vector(random, 2, "vector_int8"), b = support.vector(random, 8, "vector_binary"),
    p = maybe { [random(1000)] = random(), [4294967295] = -1 }, c = maybe { { random(), 1 }, { 2, random() } },
  }
end

local function all_of(c)
  local documents = {}
  for document in c:iterate { include_vector = true } do
    documents[#documents + 1] = document
  end
  return documents
end

describe("export", function()
  after_each(support.clean)

  it("and ingest give an equal collection, with every value of every type", function()
    local random = support.random(13)
    local c = support.collection(SCHEMA, { path = ":memory:" })
    for n = 1, 300 do
      assert(c:insert(document_of(random, n)))
    end
    local path = support.path()
    assert.equal(300, c:export(path))
    local copy = support.collection(SCHEMA, { path = ":memory:" })
    assert.same({ read = 300, written = 300, skipped = 0, errors = {} }, copy:ingest(moonvec.source.jsonl(path)))
    assert.same(all_of(c), all_of(copy))
    local again = support.path()
    assert.equal(300, copy:export(again))
    assert.equal(text_files.read(path), text_files.read(again))
  end)

  it("is of one commit, of the documents and fields that are asked for", function()
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local random = support.random(1)
    for n = 1, 9 do
      local document = document_of(random, n)
      document.id, document.d, document.i, document.v = "d" .. n, n, nil, { n, 0, 0.5 }
      assert(c:insert(document))
    end
    local lines = {}
    local function collect(line)
      if #lines == 0 then
        assert(c:delete "d9")
      end
      lines[#lines + 1] = line
    end
    assert.equal(2, c:export(collect, { filter = "d > ?", args = { 7 }, fields = { "d", "v" } }))
    assert.same({ '{"d":8,"id":"d8","v":[8,0,0.5]}\n', '{"d":9,"id":"d9","v":[9,0,0.5]}\n' }, lines)
    lines = { "" }
    assert.equal(1, c:export(collect, { filter = "d = 8", fields = { "i" } }))
    assert.equal('{"i":5,"id":"d8"}\n', lines[2])
    assert.equal(1, c:export(collect, { filter = "d = 8", vectors = false }))
    assert.is_nil(lines[3]:find '"v"')
    assert.truthy(lines[3]:find '"d":8')
  end)

  it("replaces a file only when all is written, and leaves no other", function()
    local c = support.collection({ fields = { { name = "n", type = "int32" } } }, { path = ":memory:" })
    c:insert { { id = "a", n = 1 }, { id = "b", n = 2 } }
    local folder = support.path()
    assert.is_true(children.succeeds("mkdir " .. folder))
    local path = folder .. "/x.jsonl"
    assert.equal(2, c:export(path))
    local before = text_files.read(path)
    assert.equal('{"id":"a","n":1}\n{"id":"b","n":2}\n', before)
    assert.has_error(function() c:export(path, { fields = { "m" } }) end)
    assert.equal(before, text_files.read(path))
    local none, message, code = c:export(folder .. "/no/x.jsonl")
    assert.same({ nil, ("cannot write '%s/no/x.jsonl': No such file or directory"):format(folder), "io" }, { none,
      message, code })
    assert.same({ "x.jsonl" }, listing.names(folder))
    none, message, code = c:export "/dev/full"
    assert.is_nil(none)
    assert.equal("cannot write '/dev/full': No space left on device", message)
    assert.equal("no_space", code)
    assert.is_true(children.succeeds "test -c /dev/full")
    assert.is_true(children.succeeds(("ln -s x.jsonl %s/link"):format(folder)))
    c:delete "b"
    assert.equal(1, c:export(folder .. "/link"))
    assert.equal('{"id":"a","n":1}\n', text_files.read(path))
  end)

  it("leaves no part of a file when it is interrupted", function()
    if rawget(_G, "jit") then -- hooks by count are not called in compiled code
      return
    end
    local folder = support.path()
    assert.is_true(children.succeeds("mkdir " .. folder))
    local c = support.collection({ fields = { { name = "n", type = "int32" } } }, { path = ":memory:" })
    for i = 1, 2000 do
      c:insert { id = tostring(i), n = i }
    end
    local hook, mask, count = debug.gethook()
    debug.sethook(function() error("interrupted!", 0) end, "", 10000)
    local ok, message = pcall(c.export, c, folder .. "/x")
    debug.sethook(hook, mask, count)
    assert.is_false(ok)
    assert.equal("interrupted!", message)
    assert.same({}, listing.names(folder))
  end)

  it("passes on the error of a function, and raises for misuse", function()
    local c = support.collection({ fields = { { name = "n", type = "int32" } } }, { path = ":memory:" })
    c:insert { id = "a", n = 1 }
    assert.has_error(function()
      c:export(function() error("mine", 0) end)
    end, "mine")
    local function message(...)
      return support.message_of(c.export, c, ...)
    end
    assert.matches("export: expected a path or a function%(line%), got a nil", message())
    assert.matches("export: expected a path or a function%(line%), got ''", message "")
    assert.matches("export: unknown option 'field' %(did you mean 'fields'%?%)", message("x", { field = {} }))
    assert.matches("export: unknown field 'm'", message("x", { fields = { "m" } }))
    assert.matches("export: 'vectors' must be true or false, got a string", message("x", { vectors = "table" }))
    assert.matches("^filter:5: expected a value", message("x", { filter = "n = " }))
  end)
end)

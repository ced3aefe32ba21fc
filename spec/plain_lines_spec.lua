-- Plain lines of JSON, which ingest writes without tables of documents: the collection is the same as with such tables,
-- and so is what is said of lines that are wrong.

local core = require "moonvec.core"
local import_source = require "moonvec.command.import_source"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local LINES = _VERSION == "Lua 5.4" and 10000 or 3000

local SCHEMA = {
  fields = {
    { name = "s", type = "string", nullable = true }, { name = "b", type = "bool", nullable = true },
    { name = "i", type = "int32", nullable = true }, { name = "l", type = "int64", nullable = true },
    { name = "u", type = "uint64", nullable = true }, { name = "f", type = "float", nullable = true },
    { name = "d", type = "double", nullable = true }, { name = "t", type = "timestamp", nullable = true },
    { name = "as", type = "array_string", nullable = true }, { name = "ad", type = "array_double", nullable = true },
    { name = "al", type = "array_int64", nullable = true },
  },
  vectors = {
    { name = "v", type = "vector_fp32", dim = 3, metric = "ip" },
    { name = "sp", type = "sparse_vector_fp32", nullable = true },
  },
}

local LONG = 1000000 -- bytes of the longest line

-- The lines that insert_lines writes of this text, in a new collection.
local function written(text, rows, size)
  local c = support.collection(SCHEMA, { path = ":memory:" })
  return core.insert_lines(c, text, 1, rows or 100000, size or LONG), c
end

-- All documents as text, with all bits of their numbers.
local function exported(c)
  local lines = {}
  assert(c:export(function(line) lines[#lines + 1] = line end))
  return table.concat(lines, "\n")
end

local function identity(document)
  return document
end

describe("plain lines of JSON", function()
  after_each(support.clean)

  it("are written at once", function()
    local count, c = written('{"id":"a","v":[1,2.5,-3e-1],"s":"x","as":["p","q\\n"],"al":[]}\r\n'
      .. '  { "v" : [ 0 , 0 , 1 ] , "id" : 17, "b":true,"s":null, "score": 3 } \n{"id":"unended","v":[1,2,3]}')
    assert.equal(2, count)
    local document = c:fetch("a", { output_fields = { "s", "as", "al" } })
    assert.same({ id = "a", s = "x", as = { "p", "q\n" }, al = {} }, document)
    document = c:fetch("17", { include_vector = true })
    assert.is_true(document.b)
    assert.is_nil(document.s)
    assert.same({ 0, 0, 1 }, moonvec.unpack(document.v))
    assert.equal(2, #c)
  end)

  it("are no lines with anything else, and then nothing is written", function()
    local first = '{"id":"a","v":[1,2,3]}\n'
    for _, members in ipairs {
      '"id":1,"id":2', '"id":"x","s":"1","s":"2"', '"id":"x","v":[1,2,3]', '"id":"x","unknown":1', '"id":"x","i":1.5',
      '"id":"x","s":{"base64":"eA=="}', '"id":"x","sp":{"1":2}', '"id":"x","sp":[1]', '"id":"x","d":"Infinity"',
      '"id":"x","ad":["Infinity"]', '"id":"x","as":[null]', '"id":"x","as":[["y"]]', '"id":"x","l":1234567890123456',
      '"id":"x","d":-0', '"id":"x","d":01', '"id":"x","d":1.', '"id":"x","d":.5', '"id":"x","d":1e', '"id":"x","d":+1',
      '"id":"x","d":0x10', '"id":"x","d":1e999', '"id":"x","d":NaN', '"id":"x","s":"\1"', '"id":"x","s":"\\x"',
      '"id":"x","s":"\\ud800"', '"id":"x","s":"\\udc00"', '"id":"x","s":"\\ud800\\u0041"',
      '"id":"x","s":"\\ud83d\\nde00"', '"id":"x","s":"\\u12g4"',
      '"\\u0069d":"x"', '"id":""', '"id":null', '"id":1.5', '"s":"no id"', '"id":"a"', '"id":"x",', '"id":"x" "s":"y"',
      '"id" "x"', '"id":"x","s":"y', '"id":"x","s":nulL', '"id":"x","s":tru',
    } do
      local rest = members:find '"v"' and ',"v":[1,2]' or ',"v":[1,2,3]'
      local count, c = written(first .. "{" .. members .. rest .. "}\n")
      assert.is_nil(count, members)
      assert.equal(0, #c)
      c:close() -- 32-bit machines have no room for all of them
    end
    local document = '{"id":"x","v":[1,2,3]}'
    for _, line in ipairs { "", "{}", "[]", "1", " ", document .. "{}", document .. "x", "\0", "{\0}" } do
      local count, c = written(first .. line .. "\n")
      assert.is_nil(count, line)
      c:close()
    end
    assert.is_nil((written(first, 1, #first - 2)))
    assert.is_nil((written(first, 0)))
    assert.is_nil((written ""))
  end)

  it("are at most as many as asked for", function()
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local line = '{"id":"%d","v":[1,2,3]}\n'
    local text = line:format(1) .. line:format(2) .. line:format(3)
    local count, behind = core.insert_lines(c, text, #line, 1, LONG)
    assert.same({ 1, 2 * #line - 1 }, { count, behind })
    assert.is_not_nil(c:fetch "2")
    assert.same({ 3, 3 * #line - 2 }, { core.upsert_lines(c, text, 1, 9, LONG) })
    assert.is_nil((core.upsert_lines(c, text, 1e9, 9, LONG)))
  end)
end)

describe("ingest of plain lines", function()
  after_each(support.clean)

  it("ends with a failure that is not of a line", function()
    local path = text_files.new '{"id":"a","v":[1,2,3]}\n'
    local c = support.collection(SCHEMA)
    for _, resume in ipairs { false, "k" } do
      local result, message, code, so_far
      c:transaction(function()
        result, message, code, so_far = c:ingest(moonvec.source.jsonl(path), { resume = resume or nil })
        return false
      end)
      assert.is_nil(result)
      assert.is_string(message)
      assert.equal("busy", code)
      assert.equal(0, so_far.read)
    end
    assert.equal(0, #c)
  end)

  it("keeps to the limit of a line, and names the line that is longer", function()
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local path = text_files.new('{"id":"a","v":[1,2,3]}\n{"id":"b","v":[1,2,3],"s":"' .. ("x"):rep(100) .. '"}\n')
    local source = moonvec.source.jsonl(path, { max_bytes = 99 })
    local result = assert(c:ingest(source, { on_error = "skip" }))
    assert.same({ 2, 1, 1, 2 }, { result.read, result.written, result.skipped, result.errors[1].row })
  end)
end)

-- ---------------------------------------------------------------- random lines

local random = support.random(27)

local function pick(list)
  return list[random(#list)]
end

local STRINGS = { "", "x", "two words", "\195\164\226\130\172\240\159\152\128", "\255", '\\"', "\\\\", "\\/",
  "\\b\\f\\n\\r\\t", "\\u0041", "\\u00e4", "\\u20AC", "\\uD83D\\ude00",
  "\\u0000", "\127", "Infinity", "-Infinity", "12" }

local function some_string()
  local text = ""
  for _ = 1, random(3) do
    text = text .. pick(STRINGS)
  end
  return '"' .. text .. '"'
end

local NUMBERS = { "0", "1", "-1", "7", "2147483647", "2147483648", "4294967296", "999999999999999", "9007199254740993",
  "-0", "-0.0", "0.0", "0.1", "-2.5", "1e3", "1E+3", "12e-1", "120e-1", "1.5e300", "1e-400", "1e400", "5e-324",
  "0.30000000000000004", "123456789.123456789", "1.00000000000000000000000000000000000000000000000000000000000000001" }

local function some_number()
  return random() < 0.6 and pick(NUMBERS) or ("%.17g"):format((random() - 0.5) * 10 ^ random(20))
end

local SMALL = { "0", "1", "7", "12", "0.0", "0.5", "1e2", "1E+3", "120e-1", "2500e-2", "0.001e3" }

-- A number that nearly every field takes.
local function small_number()
  return random() < 0.97 and pick(SMALL) or some_number()
end

local function array_of(make, count)
  local items = {}
  for i = 1, count or random(4) - 1 do
    items[i] = make()
  end
  return "[" .. table.concat(items, pick { ",", " , " }) .. "]"
end

local VALUES = {
  s = some_string, b = function() return pick { "true", "false" } end,
  i = small_number, l = small_number, u = small_number,
  f = some_number, d = some_number, t = small_number,
  as = function() return array_of(some_string) end, ad = function() return array_of(some_number) end,
  al = function() return array_of(small_number) end, sp = function() return '{"3":0.5}' end,
}
local NAMES = { "s", "b", "i", "l", "u", "f", "d", "t", "as", "ad", "al", "sp" }

-- A line that may be a document, and may have been damaged.
local function some_line(n)
  local members = { pick { '"id":%d', '"id": "d%d"', '"id":"%d\\u0031"' }, '"v":' .. array_of(small_number, 3) }
  members[1] = members[1]:format(n)
  for _ = 1, random(4) - 1 do
    local name = pick(NAMES)
    local value = random() < 0.1 and "null" or VALUES[random() < 0.93 and name or pick(NAMES)]()
    table.insert(members, random(#members + 1), '"' .. name .. '":' .. value)
  end
  local text = table.concat(members, pick { ",", ", ", "\t,\r" })
  local line = pick { "{", " {", "{ " } .. text .. pick { "}", "} ", "}\r" }
  if random() < 0.2 then
    local at = random(#line)
    local change = pick { "", '"', "\\", ",", "}", "]", "[", "{", ":", "0", "9", "e", ".", "-", " ", "\1", "n", "\200" }
    line = line:sub(1, at - 1) .. change .. line:sub(at + random(2) - 1)
  end
  return line
end

describe("random lines of JSON", function()
  after_each(support.clean)

  -- Each line alone, so that each is compared: with `map`, ingest makes tables of the documents.
  it("give the same documents as tables made by lua-cjson", function()
    local fast = support.collection(SCHEMA, { path = ":memory:" })
    local slow = support.collection(SCHEMA, { path = ":memory:" })
    local lines = {}
    for n = 1, LINES do
      local line = some_line(n)
      if core.insert_lines(fast, line .. "\n", 1, 1, LONG) then
        lines[#lines + 1] = line
      end
    end
    assert.is_true(#lines > LINES / 3 and #lines < LINES * 0.8)
    local path = text_files.new(table.concat(lines, "\n") .. "\n")
    assert(slow:ingest(moonvec.source.jsonl(path), { map = identity }))
    assert.equal(#lines, #slow)
    assert.equal(exported(slow), exported(fast))
  end)

  it("give the same results, errors and positions in batches of any size", function()
    for round = 1, 12 do
      local lines = {}
      for n = 1, 200 do
        local line = some_line(n)
        lines[n] = random() < 0.9 and ('{"id":"p%d","v":[1,0.5,%d]}'):format(n, n) or line
      end
      local path = text_files.new(table.concat(lines, "\n"))
      local results = {}
      for i, map in ipairs { false, identity } do
        local c = support.collection(SCHEMA, { path = ":memory:" })
        local options = {
          map = map or nil, batch = round * 7, resume = "k", on_error = round % 2 == 0 and "skip" or "stop",
          mode = round % 3 == 0 and "upsert" or "insert",
        }
        local result = { c:ingest(moonvec.source.jsonl(path), options) }
        results[i] = { result, exported(c), c:meta "k" or false }
        c:close()
      end
      assert.same(results[2], results[1])
    end
  end)

  it("are fitted to a collection by the command's source as lines read one by one", function()
    local lines = {}
    for n = 1, 300 do
      lines[n] = random() < 0.2 and some_line(n) or ('{"id":%d,"v":[1,0.5,%d],"s":"%d"}'):format(n, n, n)
    end
    local path = text_files.new(table.concat(lines, "\n"))
    for _, fit in ipairs { { format = "jsonl" }, { format = "jsonl", id = "s" } } do
      local results = {}
      for i, map in ipairs { false, identity } do
        local c = support.collection(SCHEMA, { path = ":memory:" })
        local source = import_source.fit(moonvec.source.jsonl(path), c, fit)
        results[i] = { c:ingest(source, { map = map or nil, batch = 20, on_error = "skip" }), exported(c) }
      end
      assert.same(results[2], results[1])
    end
  end)
end)

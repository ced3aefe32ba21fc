-- c:ingest: what is written, and what is said of rows that are wrong.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  fields = { { name = "n", type = "int32" }, { name = "t", type = "string", nullable = true } },
}

-- A source of these rows: documents, or { false, message } for a wrong row.
local function rows_of(rows)
  local i = 0
  return function()
    i = i + 1
    local row = rows[i]
    if row and row[1] == false then
      return false, row[2]
    end
    return row
  end
end

local function numbered(count)
  local documents = {}
  for n = 1, count do
    documents[n] = { id = "d" .. n, n = n }
  end
  return documents
end

local function ids_of(c)
  local ids = {}
  for document in c:iterate() do
    ids[#ids + 1] = document.id
  end
  return table.concat(ids, " ")
end

describe("ingest", function()
  local c

  before_each(function()
    c = support.collection(SCHEMA, { path = ":memory:" })
  end)
  after_each(support.clean)

  it("writes the documents of an iterator function in batches", function()
    local function states_of(count, batch)
      local states = {}
      local function progress(state)
        states[#states + 1] = ("%d %d %d %d"):format(state.read, state.written, state.skipped, #c)
        assert.is_number(state.seconds)
      end
      local result = assert(c:ingest(rows_of(numbered(count)), { batch = batch, mode = "upsert", progress = progress }))
      assert.same({ read = count, written = count, skipped = 0, errors = {} }, result)
      return states
    end
    assert.same({ "1000 1000 0 1000", "2000 2000 0 2000", "2500 2500 0 2500" }, states_of(2500, 1000))
    assert.same({ "10000 10000 0 10000", "12000 12000 0 12000" }, states_of(12000))
  end)

  it("stops at the first row that is wrong, and keeps the batches before it", function()
    local rows = numbered(30)
    rows[14].n = "x"
    rows[15] = { false, "not read before the batch is written" }
    local result, message, code, so_far = c:ingest(rows_of(rows), { batch = 10 })
    assert.is_nil(result)
    assert.equal("document 14: document 'd14': field 'n' wants a number, got a string", message)
    assert.equal("invalid", code)
    assert.same({ read = 15, written = 10, skipped = 0, errors = {} }, so_far)
    assert.equal(10, #c)
    rows[14].n = 14
    local _, second = c:ingest(rows_of(rows), { batch = 10, mode = "upsert" })
    assert.equal("document 15: not read before the batch is written", second)
  end)

  it("skips exactly the documents that are wrong, however many there are", function()
    local random = support.random(3)
    for _, share in ipairs { 0.002, 0.1, 0.9, 1 } do
      c:delete_by_filter "true"
      local rows, expected, wrong = numbered(600), {}, {}
      for i, row in ipairs(rows) do
        if random() < share then
          wrong[#wrong + 1] = i
          local kind = random(4)
          rows[i] = kind == 1 and { id = row.id } or kind == 2 and { id = row.id, n = i, m = 1 }
            or kind == 3 and { n = i } or { false, "bad" }
        else
          expected[#expected + 1] = row.id
        end
      end
      local result = assert(c:ingest(rows_of(rows), { batch = 100, on_error = "skip" }))
      assert.equal(600, result.read)
      assert.equal(#expected, result.written)
      assert.equal(#wrong, result.skipped)
      assert.equal(math.min(100, #wrong), #result.errors)
      for i, one in ipairs(result.errors) do
        assert.equal(wrong[i], one.row)
      end
      assert.equal(table.concat(expected, " "), ids_of(c))
    end
  end)

  it("says of each wrong document what is wrong", function()
    local v = support.collection({
      fields = { { name = "n", type = "int32", nullable = true } }, vectors = { { name = "v", type = "vector_fp32",
        dim = 2 } },
    }, { path = ":memory:" })
    local result = assert(v:ingest(rows_of {
      { id = "a", v = { 1, 2 } }, { id = "a", v = { 1, 2 } }, { id = "b" }, { id = "c", v = { 1 } }, { id = "d",
        v = { 0 / 0, 1 } },
      { id = "", v = { 1, 2 } }, { id = "e", v = { 1, 2 }, n = 2 ^ 31 }, { id = "f", v = { 1, 2 }, nn = 1 },
        { v = { 1, 2 } }, {},
    }, { on_error = "skip" }))
    local messages = {}
    for i, one in ipairs(result.errors) do
      messages[i] = one.row .. " " .. one.message
    end
    assert.same({
      "2 document 'a' exists already",
      "3 document 'b': vector field 'v' is missing",
      "4 document 'c': vector has 1 numbers, field 'v' wants 2",
      messages[4],
      "6 an id has 1 to 1024 bytes, got 0",
      messages[6],
      "8 document 'f': unknown field 'nn'",
      "9 the document has no 'id'",
      messages[9],
    }, messages)
    assert.matches("^5 document 'd'.*number 1 of the vector is %-?nan", messages[4])
    assert.matches("^7 document 'e'.*2147483648", messages[6])
    assert.equal(1, #v)
  end)

  it("maps a row to a document, to several or to none", function()
    local rows = { { text = "a b" }, { text = "" }, { text = "skip" }, { text = "c" } }
    local seen = {}
    local result = assert(c:ingest(rows_of(rows), { map = function(row, number)
      seen[#seen + 1] = number
      if row.text == "skip" then
        return nil
      elseif row.text == "c" then
        return { id = "c", n = 0 }
      end
      local documents = {}
      for word in row.text:gmatch "%a" do
        documents[#documents + 1] = { id = word, n = number }
      end
      return documents
    end }))
    assert.same({ read = 4, written = 3, skipped = 0, errors = {} }, result)
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.equal("a b c", ids_of(c))
  end)

  it("ends a batch when its documents take much memory", function()
    local batches = 0
    local rows = numbered(40)
    for _, row in ipairs(rows) do
      row.t = ("x"):rep(1048576)
    end
    assert(c:ingest(rows_of(rows), { progress = function() batches = batches + 1 end }))
    assert.equal(40, #c)
    assert.is_true(batches >= 4)
  end)

  it("replaces documents in mode upsert", function()
    assert(c:ingest(rows_of(numbered(10))))
    local rows = numbered(12)
    rows[3].n = 33
    assert.same({ read = 12, written = 12, skipped = 0, errors = {} }, c:ingest(rows_of(rows), { mode = "upsert" }))
    assert.equal(33, c:fetch("d3").n)
    local _, message, code = c:ingest(rows_of(numbered(13)))
    assert.equal("document 1: document 'd1' exists already", message)
    assert.equal("exists", code)
  end)

  it("copies a collection from the iterator of another", function()
    assert(c:ingest(rows_of(numbered(10))))
    local other = support.collection(SCHEMA, { path = ":memory:" })
    assert.equal(10, other:ingest((c:iterate())).written)
    assert.equal(ids_of(c), ids_of(other))
  end)

  it("ends with the failure of its source, and keeps the batches before it", function()
    local rows, i = numbered(25), 0
    local closed = false
    local source = {
      unit = "row", name = "test",
      read = function(self)
        i = i + 1
        self.row = i
        if i > 25 then
          return nil, "the network is down", "io"
        end
        return rows[i]
      end,
      close = function() closed = true end,
    }
    local result, message, code, so_far = c:ingest(source, { batch = 10, on_error = "skip" })
    assert.same({ nil, "the network is down", "io" }, { result, message, code })
    assert.equal(20, so_far.written)
    assert.equal(20, #c)
    assert.is_true(closed)
    assert.same({ nil, "cannot open x", "not_found" }, { c:ingest(nil, "cannot open x", "not_found") })
  end)

  it("undoes the batch when a write fails, and says so", function()
    local path = support.path()
    assert(moonvec.open(path, { schema = SCHEMA })):close()
    local reader = support.collection(nil, { path = path, read_only = true })
    local result, message, code = reader:ingest(rows_of(numbered(3)), { on_error = "skip" })
    assert.is_nil(result)
    assert.is_string(message)
    assert.equal("read_only", code)
  end)

  it("takes a source that has only a method to read", function()
    local read = rows_of { { id = "a", n = 1 }, { id = "b" } }
    local _, message = c:ingest({ read = function() return read() end }, { batch = 1, resume = nil })
    assert.equal("row 2: document 'b': field 'n' is missing", message)
  end)

  it("names the place in the program for misuse", function()
    for _, call in ipairs {
      function() c:ingest(nil) end, function() c:ingest(print, { x = 1 }) end, function() c:export() end,
      function() moonvec.split() end, function() moonvec.source.jsonl() end, function() moonvec.source.csv("", {}) end,
      function() moonvec.source.lines("x", { x = 1 }) end, function() moonvec.source.files() end,
      function() moonvec.source.fvecs("x", { x = 1 }) end, function() moonvec.source.npy("") end,
      function() moonvec.source.sqlite("x") end, function() moonvec.source.tsv("x", { header = { 1 } }) end,
    } do
      local _, message = pcall(call)
      assert.matches("spec/ingest_spec.lua:%d+: ", message)
    end
  end)

  it("passes on the error of a map, and of an iterator", function()
    assert.has_error(function()
      c:ingest(rows_of(numbered(3)), { map = function() error("mine", 0) end })
    end, "mine")
    assert.has_error(function()
      c:ingest(function() error("yours", 0) end)
    end, "yours")
    assert.is_true(c:transaction(function(tx) tx:insert { id = "a", n = 1 } end)) -- none is open
  end)

  it("raises for misuse", function()
    local function message(...)
      return support.message_of(c.ingest, c, ...)
    end
    local source = rows_of {}
    assert.matches("ingest: expected a source such as moonvec.source.jsonl%(path%), or a function .*, got nil",
      message(nil))
    assert.matches("ingest: expected a source .*, got a string", message "x.jsonl")
    assert.matches("ingest: unknown option 'bach' %(did you mean 'batch'%?%)", message(source, { bach = 1 }))
    assert.matches("ingest: 'batch' must be a whole number from 1 to 1000000, got 0", message(source, { batch = 0 }))
    assert.matches("ingest: unknown 'mode' 'put' %(valid: 'insert', 'upsert'%)", message(source, { mode = "put" }))
    assert.matches("ingest: 'on_error' must be a string, got a number", message(source, { on_error = 1 }))
    assert.matches("ingest: 'map' must be a function, got a string", message(source, { map = "x" }))
    assert.matches("ingest: 'progress' must be a function, got a number", message(source, { progress = 1 }))
    assert.matches("ingest: 'resume' needs a source that can go on at a position, the iterator cannot",
      message(source, { resume = "k" }))
    assert.matches("ingest: 'resume' must be a key of collection:meta, got a boolean", message(source,
      { resume = true }))
    assert.matches("ingest: the iterator must return documents, got a number", message(function() return 1 end))
    assert.matches("ingest: 'map' must return documents, got a string",
      message(rows_of { {} }, { map = function() return "x" end }))
    assert.matches("ingest: 'map' must return documents, got a string",
      message(rows_of { {} }, { map = function() return { "x" } end }))
    assert.matches("cannot be called in a transaction", support.message_of(c.transaction, c, function(tx)
      tx:ingest(source)
    end))
  end)
end)

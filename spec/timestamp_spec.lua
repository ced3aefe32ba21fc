-- Timestamp fields: written as microseconds or as RFC 3339 text, compared with both, read as microseconds.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local f = moonvec.filter
local DAY = 86400 * 1000000
local NOVEMBER = 1793491200000000 -- 2026-11-01T00:00:00Z

local SCHEMA = {
  fields = {
    { name = "at", type = "timestamp", nullable = true, index = "invert" },
    { name = "seen", type = "array_timestamp", nullable = true, index = "invert" },
    { name = "n", type = "int64", nullable = true },
  },
  vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
}

-- November 2026 has 30 days.
local function date(day)
  return ("2026-11-%02d"):format(day)
end

local function document(n)
  local day = n % 30
  local doc = { id = "d" .. n, n = n, v = { n, 1 } }
  if n % 7 > 0 then -- half of them as microseconds, half as text
    doc.at = n % 2 == 0 and NOVEMBER + day * DAY or date(day + 1)
  end
  if n % 5 > 0 then
    doc.seen = { date(day + 1) .. "T06:00:00+06:00", NOVEMBER + day % 3 }
  end
  return doc
end

-- The day of document n, from 0; nil: its time is NULL.
local function day_of(n)
  return n % 7 > 0 and n % 30 or nil
end

local function filled(rows, options)
  local c, path = support.collection(SCHEMA, options)
  local docs = {}
  for n = 1, rows do
    docs[n] = document(n)
  end
  assert(c:insert(docs))
  return c, path
end

local function count(rows, matches)
  local counted = 0
  for n = 1, rows do
    local day = day_of(n)
    counted = counted + (day and matches(day) and 1 or 0)
  end
  return counted
end

describe("a timestamp", function()
  after_each(support.clean)

  it("comes back as microseconds, however it was given", function()
    local c = support.collection(SCHEMA)
    local given = {
      [NOVEMBER] = {
        NOVEMBER,
        ("%.0f"):format(NOVEMBER),
        "2026-11-01",
        "2026-11-01T00:00:00Z",
        "2026-11-01t01:30:00+01:30",
      },
      [NOVEMBER + 1] = { "2026-11-01 00:00:00.000001z", "2026-10-31T23:00:00.0000010-01:00" },
      [-1] = { -1, "1969-12-31T23:59:59.999999Z" },
      [0] = { 0, "1970-01-01" },
    }
    for micros, forms in pairs(given) do
      for _, form in ipairs(forms) do
        assert(c:upsert { id = "a", at = form, seen = { form, 5 }, v = { 0, 0 } })
        assert.equal(micros, c:fetch("a").at)
        assert.same({ micros, 5 }, c:fetch("a").seen)
      end
    end
    assert(c:update { id = "a", at = "2026-11-02" })
    assert.equal(NOVEMBER + DAY, c:fetch("a").at)
    assert(c:update { id = "a", at = moonvec.null })
    assert.is_nil(c:fetch("a").at)
  end)

  it("has defaults as a number or as text, which the schema shows as microseconds", function()
    local function schema(default)
      return { fields = { { name = "at", type = "timestamp", default = default },
        { name = "seen", type = "array_timestamp", default = { default } } } }
    end
    local c, path = support.collection(schema "2026-11-01")
    assert.equal(NOVEMBER, c.schema.fields[1].default)
    assert.same({ NOVEMBER }, c.schema.fields[2].default)
    assert(c:insert { id = "a" })
    assert.equal(NOVEMBER, c:fetch("a").at)
    c:close()
    c = support.collection(schema(NOVEMBER), { path = path }) -- the same schema
    assert.same({ NOVEMBER }, c:fetch("a").seen)
    c:close()
    local opened, _, code = moonvec.open(path, { schema = schema "2026-11-02" })
    assert.is_nil(opened)
    assert.equal("schema_mismatch", code)
    local message = support.message_of(moonvec.schema, schema "yesterday")
    assert.matches("field 'at' is timestamp: 'yesterday' is no RFC 3339 date or time: at byte 1, expected the year",
      message, 1, true)
  end)

  -- Fresh rows, sealed rows, and sealed rows with lists and zones; 20,000 rows are two zones.
  for name, case in pairs {
    ["of fresh rows"] = { rows = 500 },
    ["of sealed rows"] = { rows = 20000 },
    ["looked up"] = { rows = 20000, optimize = true },
  } do
    it(name .. " is tested by text, numbers and arguments alike", function()
      local rows = case.rows
      local c = filled(rows, { maintenance = "manual" })
      if case.optimize then
        assert(c:optimize())
        assert.equal(1, c:stats().indexes.at.completeness)
      end
      local forms = { { "'2026-11-11'", {} }, { "'2026-11-11T02:00:00+02:00'", {} }, { "?", { "2026-11-11" } },
        { "?", { NOVEMBER + 10 * DAY } }, { ("%.0f"):format(NOVEMBER + 10 * DAY), {} } }
      local operators = {
        ["="] = function(day) return day == 10 end,
        ["!="] = function(day) return day ~= 10 end,
        ["<"] = function(day) return day < 10 end,
        ["<="] = function(day) return day <= 10 end,
        [">"] = function(day) return day > 10 end,
        [">="] = function(day) return day >= 10 end,
      }
      for operator, matches in pairs(operators) do
        for _, form in ipairs(forms) do
          assert.equal(count(rows, matches), (c:count(("at %s %s"):format(operator, form[1]), form[2])))
        end
      end
      local between = count(rows, function(day) return day >= 3 and day <= 5 end)
      local one_of = count(rows, function(day) return day == 3 or day == 5 end)
      assert.equal(between, (c:count("at BETWEEN '2026-11-04' AND ?", { "2026-11-06" })))
      assert.equal(between, (c:count("at BETWEEN ? AND '2026-11-06T23:59:59.999999Z'", { NOVEMBER + 3 * DAY })))
      assert.equal(one_of, (c:count(("at IN ('2026-11-04', %.0f, '2026-12-01')"):format(NOVEMBER + 5 * DAY))))
      assert.equal(one_of, (c:count("at IN ?", { { "2026-11-04", NOVEMBER + 5 * DAY } })))
      assert.equal(math.floor(rows / 7), (c:count "at IS NULL"))
      assert.equal(0, (c:count("at = ?", { moonvec.null })))
      assert.equal(between, (c:count(f.between("at", "2026-11-04", "2026-11-06"))))
      assert.equal(one_of, (c:count(f.one_of("at", { "2026-11-04", "2026-11-06" }))))
      assert.equal(count(rows, operators[">="]), (c:count(f.ge("at", "2026-11-11"))))

      local any, all = 0, 0
      for n = 1, rows do
        any = any + (n % 5 > 0 and (n % 30 == 9 or n % 30 % 3 == 2) and 1 or 0)
        all = all + (n % 5 > 0 and n % 30 == 9 and 1 or 0)
      end
      assert.equal(any, (c:count "seen CONTAIN_ANY ('2026-11-10', '2026-11-01T00:00:00.000002Z')"))
      assert.equal(all, (c:count("seen CONTAIN_ALL ?", { { "2026-11-10", NOVEMBER } })))
      assert.is_true(c:check())
    end)
  end

  it("is ordered, shown, and seen by Lua functions as a number", function()
    local c = filled(60)
    local hits = assert(c:query { order_by = "at DESC, n", topk = 3, filter = "at IS NOT NULL",
      output_fields = { "at", "n" } })
    assert.same({ 29, 59, 58 }, { hits[1].n, hits[2].n, hits[3].n })
    assert.equal(NOVEMBER + 29 * DAY, hits[1].at)
    hits = assert(c:query { vector = { 0, 1 }, topk = 2, filter = "at >= '2026-11-11'", where = function(hit)
      return hit.at % (2 * DAY) == NOVEMBER % (2 * DAY)
    end })
    assert.same({ "d10", "d12" }, support.ids(hits))
    for doc in c:iterate { filter = "at < '2026-11-03'" } do
      assert.is_true(doc.at == NOVEMBER or doc.at == NOVEMBER + DAY)
    end
    assert.equal(count(60, function(day) return day >= 20 end), (c:delete_by_filter "at >= '2026-11-21'"))
  end)

  it("comes to collections that are there, and stays", function()
    local c, path = filled(3000)
    assert(c:add_column({ name = "due", type = "timestamp", index = "invert" }, function(doc)
      return doc.n % 2 == 0 and "2026-11-01" or NOVEMBER - 1
    end))
    assert(c:add_column { name = "later", type = "timestamp", default = "2026-11-02T00:00:00Z" })
    local message = support.message_of(c.add_column, c, { name = "bad", type = "timestamp" }, function()
      return "2026-11-31"
    end)
    assert.matches("'2026-11-31' is no RFC 3339 date or time: at byte 9, expected the day, 01 to 30", message, 1, true)
    c:close()
    c = support.collection(nil, { path = path })
    assert(c:optimize())
    assert.equal(1500, (c:count "due >= '2026-11-01' AND later = '2026-11-02'"))
    assert.same({ NOVEMBER - 1, NOVEMBER + DAY }, { c:fetch("d1").due, c:fetch("d1").later })
    assert.is_true(c:check())
    assert(c:drop_column "due")
    assert.is_nil(c:fetch("d1").due)
  end)

  it("says what is wrong with a text, and where", function()
    local c = support.collection(SCHEMA)
    local function refuses(text, ...)
      assert.matches(text, support.message_of(...), 1, true)
    end
    refuses("insert: document 'a': field 'at' is timestamp: '2026-11-01T12:30:00' is no RFC 3339 date or time: "
      .. "at byte 20, expected the offset from UTC, 'Z' or one like '+02:00'",
      c.insert, c, { id = "a", at = "2026-11-01T12:30:00", v = { 0, 0 } })
    refuses("document 'a': element 2 of field 'seen' is timestamp: 'now' is no RFC 3339 date or time: at byte 1",
      c.insert, c, { id = "a", seen = { 0, "now" }, v = { 0, 0 } })
    refuses("filter:6: field 'at' is timestamp: '2026-1-1' is no RFC 3339 date or time: at byte 6, expected the month, "
      .. "01 to 12", c.count, c, "at > '2026-1-1'")
    refuses("filter:6: argument 1: field 'at' is timestamp: '2026' is no RFC 3339 date or time", c.count, c, "at > ?",
      { "2026" })
    refuses("filter:4: field 'at' is timestamp: LIKE tests strings", c.count, c, "at LIKE '2026%'")
    refuses("field 'at' wants a number or an RFC 3339 text, got a boolean", c.count, c, "at = true")
    refuses("filter:5: field 'n' is int64: '2026-11-01' is no decimal number", c.count, c, "n > '2026-11-01'")
    refuses("unknown type 'timestmp' (did you mean 'timestamp'?)", moonvec.schema,
      { fields = { { name = "at", type = "timestmp" } } })
    assert.equal(0, #c)
  end)

  if rawget(_G, "jit") then
    it("takes 64-bit cdata of LuaJIT", function()
      local ffi = require "ffi"
      local c = support.collection(SCHEMA)
      c:insert { id = "a", at = ffi.new("int64_t", NOVEMBER), v = { 0, 0 } }
      assert.equal(NOVEMBER, c:fetch("a").at)
      assert.equal(1, (c:count("at = ?", { ffi.new("uint64_t", NOVEMBER) })))
    end)
  end
end)

-- Every scalar type at its limits, written and read, on every Lua version.

local support = require "spec.support.init"

local MEMORY = { path = ":memory:" }

local has_integers = support.has_integers

-- An int64 in this Lua version: a number if it can represent it, else its decimal string.
local function wide(text)
  if has_integers then
    return math.tointeger(tonumber(text)) or text -- luacheck: ignore
  end
  local number = tonumber(text)
  return math.abs(number) < 2 ^ 53 and number or text
end

local cases = {
  { "string", { "", "x", "a\0b", ("long "):rep(2000), "\255" } },
  { "bool", { true, false } },
  { "int32", { 0, -2147483648, 2147483647 } },
  { "uint32", { 0, 4294967295 } },
  { "float", { 0, 0.5, -1.25, 2 ^ 100, 16777216 } },
  { "double", { 0, 0.1, -1e300, 2 ^ 53, 2 ^ 60, 5e-324, 1 / 3 } },
  {
    "int64",
    {
      0,
      -1,
      wide "9007199254740991",
      wide "9007199254740993",
      wide "-9007199254740993",
      wide "9223372036854775807",
      wide "-9223372036854775808",
    },
  },
  {
    "timestamp",
    {
      0,
      -1,
      1793491200000000,
      wide "9007199254740993",
      wide "9223372036854775807",
      wide "-9223372036854775808",
    },
  },
  { "uint64", { 0, wide "9007199254740993", wide "9223372036854775807", "18446744073709551615" } },
}

-- Values that must raise, as { type, value }.
local refused = {
  { "int32", 2147483648 },
  { "int32", -2147483649 },
  { "int32", 1.5 },
  { "int32", "1" },
  { "int32", true },
  { "uint32", -1 },
  { "uint32", 4294967296 },
  { "int64", "9223372036854775808" },
  { "int64", "12x" },
  { "int64", "" },
  { "int64", 1e300 },
  { "int64", 2 ^ 53 * 2 },
  { "uint64", "18446744073709551616" },
  { "uint64", -1 },
  { "uint64", "-1" },
  { "timestamp", 1.5 },
  { "timestamp", 2 ^ 53 * 2 },
  { "timestamp", "9223372036854775808" },
  { "timestamp", "2026" },
  { "timestamp", "2026-02-29" },
  { "timestamp", "2026-11-01T12:30:00" },
  { "timestamp", true },
  { "array_timestamp", { "2026-11-01", "x" } },
  { "string", 5 },
  { "string", true },
  { "bool", 1 },
  { "bool", "true" },
  { "double", "1" },
  { "float", 1e300 },
  { "string", { "x" } },
  { "array_string", "x" },
  { "array_string", { 1 } },
  { "array_int32", { 1, "2" } },
  { "array_int32", { 2147483648 } },
}

local function schema(type)
  return {
    fields = {
      { name = "f", type = type, nullable = true },
      { name = "list", type = "array_" .. type, nullable = true },
    },
  }
end

for _, case in ipairs(cases) do
  local type, values = case[1], case[2]
  describe("a field of type " .. type, function()
    after_each(support.clean)

    it("gives back what was put in, fresh and sealed", function()
      local c = support.collection(schema(type), { maintenance = "manual" })
      for i, value in ipairs(values) do
        assert.equal(1, c:insert { id = i, f = value, list = values })
      end
      c:insert { { id = "null" }, { id = "empty", list = {} } }
      for _ = 1, 2 do
        for i, value in ipairs(values) do
          local document = c:fetch(i)
          assert.equal(value, document.f)
          assert.same(values, document.list)
        end
        assert.same({ id = "null" }, c:fetch("null"))
        assert.same({ id = "empty", list = {} }, c:fetch("empty"))
        assert(c:optimize())
      end
    end)

    it("finds its values by a filter", function()
      local c = support.collection(schema(type), { maintenance = "manual", path = ":memory:" })
      for i, value in ipairs(values) do
        c:insert { id = i, f = value, list = { value } }
      end
      for _ = 1, 2 do
        for i, value in ipairs(values) do
          assert.same({ tostring(i) }, support.ids(c:query { filter = "f = ?", args = { value } }))
          assert.same({ tostring(i) }, support.ids(c:query { filter = "list CONTAIN_ANY ?", args = { { value } } }))
        end
        assert(c:optimize())
      end
    end)
  end)
end

describe("a value that its type cannot hold", function()
  after_each(support.clean)

  it("is refused, naming document and field", function()
    for _, case in ipairs(refused) do
      local type, value = case[1], case[2]
      local c = support.collection({ fields = { { name = "f", type = type } } }, MEMORY)
      local message = support.message_of(c.insert, c, { id = "dune", f = value })
      assert.truthy(message:find("'dune'", 1, true), type .. ": " .. message)
      assert.truthy(message:find("'f'", 1, true), type .. ": " .. message)
      assert.equal(0, #c)
      c:close() -- a 32-bit program has not enough addresses for all of them
    end
  end)

  it("is never a number that may have been rounded", function()
    local c = support.collection(schema "int64")
    local message = support.message_of(c.insert, c, { id = "a", f = 2 ^ 63 })
    assert.truthy(message:find("give a decimal string", 1, true), message)
  end)
end)

describe("moonvec", function()
  after_each(support.clean)

  it("takes whole floats for integers, and keeps the sign of zero", function()
    local c = support.collection { fields = { { name = "i", type = "int32" }, { name = "d", type = "double" } } }
    c:insert { id = "a", i = 2 ^ 10, d = -1 / math.huge } -- LuaJIT on arm64 takes -0.0 for 0
    assert.equal(1024, c:fetch("a").i)
    local zero = c:fetch("a").d
    assert.is_true(zero == 0 and 1 / zero < 0)
  end)

  it("rounds to the precision of float", function()
    local c = support.collection { fields = { { name = "f", type = "float" } } }
    c:insert { id = "a", f = 0.1 }
    local value = c:fetch("a").f
    assert.is_true(value ~= 0.1 and math.abs(value - 0.1) < 1e-8)
  end)

  if rawget(_G, "jit") then
    it("takes 64-bit cdata of LuaJIT", function()
      local ffi = require "ffi"
      local c = support.collection(schema "int64")
      local u = support.collection(schema "uint64")
      c:insert { id = "a", f = ffi.new("int64_t", -5), list = { ffi.new("int64_t", 2) ^ 62, ffi.new("uint64_t", 7) } }
      assert.same({ id = "a", f = -5, list = { "4611686018427387904", 7 } }, c:fetch("a"))
      local top = ffi.new("uint64_t", 0) - 1
      u:insert { id = ffi.new("uint64_t", 12), f = top }
      assert.same({ id = "12", f = "18446744073709551615" }, u:fetch(12))
      assert.equal(1, u:count("f = ?", { top }))
      assert.has_error(function()
        c:insert { id = "b", f = ffi.new("int[2]") }
      end)
    end)
  end
end)

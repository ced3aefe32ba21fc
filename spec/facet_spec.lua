-- facet counts the values of a field, held against a count in plain Lua.

local mixed_rows = require "spec.support.mixed_rows"
local support = require "spec.support.init"

--- Ascending, as the engine compares the values of a field.
local function is_less(a, b)
  if type(a) == "boolean" then
    return not a and b
  elseif type(a) ~= type(b) then
    return type(a) == "number" -- a number beyond those of Lua is a string
  end
  return a < b
end

local function count_in_lua(documents, field, matches, topk)
  local counts, facets = {}, {}
  for _, document in ipairs(documents) do
    if not matches or matches(document) then
      local value = document[field]
      for _, one in ipairs(type(value) == "table" and value or { value }) do
        counts[one] = (counts[one] or 0) + 1
      end
    end
  end
  for value, count in pairs(counts) do
    facets[#facets + 1] = { value = value, count = count }
  end
  table.sort(facets, function(a, b)
    if a.count ~= b.count then
      return a.count > b.count
    end
    return is_less(a.value, b.value)
  end)
  for i = topk + 1, #facets do
    facets[i] = nil
  end
  return facets
end

describe("facet", function()
  after_each(support.clean)

  it("counts what plain Lua counts, in rows of every state #once", function()
    for seed = 1, 6 do
      local c, documents = mixed_rows.open(seed, seed < 6 and seed * 60 or 8000)
      for _, field in ipairs(mixed_rows.schema.fields) do
        assert.same(count_in_lua(documents, field.name, nil, 20), assert(c:facet(field.name)), field.name)
        for i, filter in ipairs(mixed_rows.filters) do
          local facets = assert(c:facet(field.name, { filter = filter.text, args = filter.args, topk = i }))
          assert.same(count_in_lua(documents, field.name, filter.matches, i), facets, field.name)
        end
      end
    end
  end)

  it("counts what a transaction has written", function()
    local c = support.collection(mixed_rows.schema, { path = ":memory:" })
    local _, documents = mixed_rows.open(7, 8)
    c:transaction(function(tx)
      assert(tx:insert(documents))
      assert.same(count_in_lua(documents, "source", nil, 20), assert(tx:facet("source")))
      assert.same({}, assert(c:facet("source")))
    end)
    assert.same(count_in_lua(documents, "source", nil, 20), assert(c:facet("source")))
  end)

  it("takes -0.0 for 0.0, and strings for any bytes", function()
    local c = support.collection({ fields = {
      { name = "x", type = "double" }, { name = "s", type = "string" },
    } }, { path = ":memory:" })
    assert(c:insert {
      { id = 1, x = -0.0, s = "a\0b" }, { id = 2, x = 0.0, s = "a\0" }, { id = 3, x = -1, s = "a\0b" },
    })
    local facets = assert(c:facet "x")
    assert.same({ { value = 0, count = 2 }, { value = -1, count = 1 } }, facets)
    assert.equal(math.huge, 1 / facets[1].value)
    assert.same({ { value = "a\0b", count = 2 }, { value = "a\0", count = 1 } }, assert(c:facet "s"))
  end)

  it("counts a field that was added later, also where it is NULL", function()
    local c = mixed_rows.open(8, 40)
    assert(c:add_column({ name = "late", type = "string", nullable = true }, function(document)
      return document.n > 0 and "positive" or nil
    end))
    assert.same({ { value = "positive", count = assert(c:count "n > 0") } }, assert(c:facet "late"))
  end)

  it("refuses more values than it may count", function()
    local c = support.collection({ fields = { { name = "list", type = "array_int32" } } }, { path = ":memory:" })
    local value = 0
    for id = 1, 9 do
      local list = {}
      for i = 1, 131072 do
        list[i] = value
        value = value + (id == 9 and 0 or 1)
      end
      assert(c:insert { id = id, list = list })
      if id == 8 then
        assert.same({ { value = 0, count = 1 } }, assert(c:facet("list", { topk = 1 })))
      end
    end
    local facets, message, code = c:facet("list", { topk = 1 })
    assert.is_nil(facets)
    assert.equal("field 'list' has more than 1048576 different values, the maximum to count", message)
    assert.equal("limit", code)
  end)

  it("refuses misuse", function()
    local c = mixed_rows.open(9, 4)
    local cases = {
      { { "angle" }, "facet: field 'angle' is a vector field, not a scalar field" },
      { { "sorce" }, "facet: unknown field 'sorce' (did you mean 'source'?)" },
      { { 5 }, "facet: 'field' must be a string, got a number" },
      { { "n", { limit = 5 } }, "facet: unknown option 'limit' (did you mean 'topk'?)" },
      { { "n", { topk = 0 } }, "facet: 'topk' must be a whole number from 1 to 1000000, got 0" },
      { { "n", { args = { 1 } } }, "facet: 'args' needs 'filter'" },
      { { "n", { filter = "m = 1" } }, "filter:1: unknown field 'm'" },
    }
    for _, case in ipairs(cases) do
      local message = support.message_of(c.facet, c, (unpack or table.unpack)(case[1])) -- luacheck: ignore
      assert.equal(case[2], message:sub(1, #case[2]))
    end
    assert.equal("a collection has no 'aggregate' (did you mean 'facet'?)",
      support.message_of(function() return c.aggregate end))
  end)
end)

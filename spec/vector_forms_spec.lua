-- Forms of vectors, written and read: tables, packed strings, moonvec.vector.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local function about(expected, given)
  assert.equal(#expected, #given)
  for i = 1, #expected do
    assert.is_true(math.abs(expected[i] - given[i]) < 1e-3, ("%g is not about %g"):format(given[i], expected[i]))
  end
end

describe("packing", function()
  it("makes little-endian float32 and back", function()
    assert.equal("\0\0\128\63\0\0\0\192", moonvec.pack { 1, -2 })
    assert.same({ 1, -2 }, moonvec.unpack("\0\0\128\63\0\0\0\192"))
    assert.same({ 0.5, 0.25 }, moonvec.unpack(moonvec.vector { 0.5, 0.25 }))
    assert.equal(moonvec.pack { 3 }, moonvec.pack(moonvec.pack { 3 }))
  end)

  it("refuses what is no vector", function()
    local function says(text, ...)
      local message = support.message_of(...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("pack: a vector is a table of numbers, a packed string or a moonvec.vector, got a number", moonvec.pack, 5)
    says("vector: element 2 of the vector is a string, expected a number", moonvec.vector, { 1, "2" })
    says("unpack: vector string has 7 bytes, expected 4 per number", moonvec.unpack, "1234567")
    says("it looks like JSON text: decode it first", moonvec.unpack, "[1, 2, 3]")
    says("a vector has 1 to 65535 numbers, got 0", moonvec.vector, {})
    says("a vector has 1 to 65535 numbers, got 0", moonvec.vector, "")
  end)
end)

describe("a moonvec.vector", function()
  local v = moonvec.vector { 1.5, -2, 0.25 }

  it("shows its numbers", function()
    assert.equal(3, #v)
    assert.equal(1.5, v[1])
    assert.equal(0.25, v[3])
    assert.is_nil(v[0])
    assert.is_nil(v[4])
    assert.is_nil(v[1.5])
    assert.is_nil(v.nothing)
    assert.same({ 1.5, -2, 0.25 }, v:table())
    assert.equal(moonvec.pack { 1.5, -2, 0.25 }, v:pack())
    assert.equal("moonvec.vector: 3 numbers", tostring(v))
    assert.is_false(getmetatable(v))
  end)
end)

for _, type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
  describe("a field of type " .. type, function()
    local c
    local numbers = { 3, -4, 12 }

    before_each(function()
      c = support.collection({ vectors = { { name = "v", type = type, dim = 3 } } }, {
        path = ":memory:", maintenance = "manual",
      })
      c:insert {
        { id = "table", v = numbers },
        { id = "string", v = moonvec.pack(numbers) },
        { id = "vector", v = moonvec.vector(numbers) },
      }
    end)
    after_each(support.clean)

    it("takes all forms and gives two, fresh and sealed", function()
      for _ = 1, 2 do
        for _, id in ipairs { "table", "string", "vector" } do
          local packed = c:fetch(id, { include_vector = true }).v
          assert.equal(12, #packed)
          about(numbers, moonvec.unpack(packed))
          about(numbers, c:fetch(id, { include_vector = "table" }).v)
        end
        assert(c:optimize())
      end
    end)

    it("is searched with all forms", function()
      -- Without the first byte, the rest begins at an odd address.
      local unaligned = ("x" .. moonvec.pack(numbers)):sub(2)
      for _, query in ipairs { numbers, moonvec.pack(numbers), moonvec.vector(numbers), unaligned } do
        local hits = c:query { vector = query }
        assert.same({ "table", "string", "vector" }, support.ids(hits))
        assert.is_true(math.abs(hits[1].score - 1) < 1e-6)
      end
      local results = c:query { vectors = { numbers, moonvec.pack(numbers), moonvec.vector(numbers) }, topk = 1 }
      assert.equal(3, #results)
      assert.equal("table", results[3][1].id)
    end)

    it("refuses vectors of another size", function()
      local function says(text, ...)
        local message = support.message_of(...)
        assert.truthy(message:find(text, 1, true), message)
      end
      says("query: vector has 2 numbers, field 'v' wants 3", c.query, c, { vector = { 1, 2 } })
      local short = { vector = "0123456789" }
      says("query: vector string has 10 bytes, field 'v' wants 12 (4 per number)", c.query, c, short)
      says("it looks like JSON text: decode it first", c.query, c, { vector = " [1,2,3]" })
      local long = { id = "x", v = { 1, 2, 3, 4 } }
      says("insert: document 'x': vector has 4 numbers, field 'v' wants 3", c.insert, c, long)
      says("element 2 of the vector is a boolean, expected a number", c.insert, c, { id = "x", v = { 1, true, 3 } })
      says("field 'v' is a vector field, which cannot be NULL", c.insert, c, { id = "x", v = moonvec.null })
    end)

    it("refuses what is not finite, and zero under cosine", function()
      for _, bad in ipairs { 0 / 0, 1 / 0, -1 / 0, 1e300 } do
        local message = support.message_of(c.insert, c, { id = "x", v = { 1, bad, 3 } })
        assert.truthy(message:find("'v'", 1, true), message)
        assert.has_error(function()
          c:query { vector = { 1, bad, 3 } }
        end)
      end
      local message = support.message_of(c.insert, c, { id = "x", v = { 0, 0, 0 } })
      assert.truthy(message:find("'x'", 1, true), message)
      assert.equal(3, #c)
    end)
  end)
end

describe("a narrow vector type", function()
  after_each(support.clean)

  it("refuses numbers that it cannot hold", function()
    local bytes = support.collection { vectors = { { name = "v", type = "vector_int8", dim = 2 } } }
    for _, bad in ipairs { 128, -129, 0.5 } do
      assert.has_error(function()
        bytes:insert { id = "x", v = { 1, bad } }
      end)
    end
    assert.equal(1, bytes:insert { id = "x", v = { 127, -128 } })
    local c = support.collection { vectors = { { name = "v", type = "vector_fp16", dim = 2 } } }
    assert.has_error(function()
      c:insert { id = "x", v = { 1, 70000 } }
    end)
    assert.equal(1, c:insert { id = "x", v = { 1, 65504 } })
  end)

  it("gives numbers as it keeps them", function()
    local c = support.collection { vectors = { { name = "v", type = "vector_fp16", dim = 2, metric = "l2" } } }
    c:insert { id = "x", v = { 0.1, 2 } }
    assert.same({ 0.0999755859375, 2 }, c:fetch("x", { include_vector = "table" }).v)
  end)
end)

describe("vectors", function()
  after_each(support.clean)

  it("may be several fields of a document", function()
    local c = support.collection {
      vectors = {
        { name = "text", type = "vector_fp32", dim = 2, metric = "ip" },
        { name = "image", type = "vector_int8", dim = 3, metric = "l2" },
      },
    }
    c:insert { { id = "a", text = { 1, 0 }, image = { 1, 2, 3 } }, { id = "b", text = { 0, 1 }, image = { 9, 9, 9 } } }
    assert.same({ "b", "a" }, support.ids(c:query { field = "text", vector = { 0, 1 } }))
    assert.same({ "a", "b" }, support.ids(c:query { field = "image", vector = { 0, 0, 0 } }))
    local only_image = c:fetch("a", { output_fields = { "image" }, include_vector = "table" })
    assert.same({ id = "a", image = { 1, 2, 3 } }, only_image)
    assert.same({ id = "a", text = { 1, 0 }, image = { 1, 2, 3 } }, c:fetch("a", { include_vector = "table" }))
    local message = support.message_of(c.query, c, { vector = { 0, 1 } })
    assert.equal("query: 'field' must name one of the 2 vector fields", message)
  end)
end)

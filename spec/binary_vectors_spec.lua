-- vector_binary: packed bits under metric hamming, held against plain Lua. That exact search is exact is in
-- query_exact_spec.lua.

local support = require "spec.support.init"
local life = require "spec.support.metric_life"
local moonvec = require "moonvec"

-- Whole numbers from 0 to 1000 by a seed, the same on every Lua.
local function numbers(seed)
  local state = seed
  return function()
    state = (state * 16807) % 2147483647
    return math.floor(state / 2147483647 * 1001)
  end
end

-- The bits of one of 50 centres, of which one in `flipped` is another.
local function near_centres(flipped)
  return function(n, dim)
    local centre, own, v = numbers(n % 50 + 1), numbers(n * 7919 + 11), {}
    for i = 1, dim do
      local bit = centre() % 2
      v[i] = own() % flipped == 0 and 1 - bit or bit
    end
    return v
  end
end

-- The bytes of a list of bits, by arithmetic alone.
local function packed(bits)
  local bytes = {}
  for at = 1, #bits, 8 do
    local byte = 0
    for i = at, at + 7 do
      byte = byte * 2 + bits[i]
    end
    bytes[#bytes + 1] = string.char(byte)
  end
  return table.concat(bytes)
end

local kinds = {
  { type = "vector_binary", metric = "hamming", dim = 128, quantize = "auto", vector = near_centres(5) },
  { type = "vector_binary", metric = "hamming", dim = 264, quantize = "none", vector = near_centres(6) },
  -- 256 vectors at most, many of them equal, and all distances whole numbers from 0 to 8.
  { type = "vector_binary", metric = "hamming", dim = 8, quantize = "auto", vector = near_centres(3) },
}

for _, kind in ipairs(kinds) do
  life.describe(("vector_binary of %d bits, quantize %s,"):format(kind.dim, kind.quantize), kind,
    { type = "vector_int8", metric = "l1" },
    "field 'v' is vector_binary in the collection, vector_int8 in the given schema")
end

describe("a field of type vector_binary", function()
  local c
  local bits = { 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0 } -- 0x81 0x60

  before_each(function()
    c = support.collection({ vectors = { { name = "v", type = "vector_binary", dim = 16 } } }, {
      path = ":memory:", maintenance = "manual",
    })
  end)
  after_each(support.clean)

  local function says(text, ...)
    local message = support.message_of(...)
    assert.truthy(message:find(text, 1, true), message)
  end

  it("takes tables, packed strings and moonvec.vector, and gives the first two, fresh and sealed", function()
    assert.equal("\129\96", packed(bits))
    assert(c:insert {
      { id = "table", v = bits }, { id = "string", v = "\129\96" }, { id = "vector", v = moonvec.vector(bits) },
    })
    for _ = 1, 2 do
      for _, id in ipairs { "table", "string", "vector" } do
        assert.equal("\129\96", c:fetch(id, { include_vector = true }).v)
        assert.same(bits, c:fetch(id, { include_vector = "table" }).v)
      end
      assert(c:optimize())
    end
  end)

  it("is searched with all forms, several at once too", function()
    assert(c:insert { { id = "a", v = "\129\96" }, { id = "b", v = "\129\97" }, { id = "c", v = "\0\159" } })
    local unaligned = ("x\129\96"):sub(2)
    for _, query in ipairs { bits, "\129\96", moonvec.vector(bits), unaligned } do
      local hits = assert(c:query { vector = query })
      assert.same({ "a", "b", "c" }, support.ids(hits))
      assert.same({ 0, 1, 10 }, { hits[1].distance, hits[2].distance, hits[3].distance })
      assert.same({ 0, -1, -10 }, { hits[1].score, hits[2].score, hits[3].score })
    end
    local results = assert(c:query { vectors = { "\0\159", bits, "\129\97" }, topk = 1 })
    assert.same({ "c", "a", "b" }, { results[1][1].id, results[2][1].id, results[3][1].id })
  end)

  it("keeps what was returned when it is written again", function()
    assert(c:insert { id = "a", v = bits })
    local document = c:fetch("a", { include_vector = true })
    document.id = "b"
    assert(c:insert(document))
    assert.equal(0, c:query { id = "a" }[1].distance)
  end)

  it("refuses everything else, naming position and value", function()
    local function with(position, value)
      local changed = { id = "x", v = {} }
      for i, bit in ipairs(bits) do
        changed.v[i] = bit
      end
      changed.v[position] = value
      return changed
    end
    says("insert: document 'x': element 3 of the vector is 2, vector_binary holds 0 and 1", c.insert, c, with(3, 2))
    says("element 16 of the vector is 0.5, vector_binary holds 0 and 1", c.insert, c, with(16, 0.5))
    says("element 1 of the vector is -1, vector_binary holds 0 and 1", c.insert, c, with(1, -1))
    says("element 4 of the vector is a boolean, expected 0 or 1", c.insert, c, with(4, true))
    says("element 4 of the vector is a string, expected 0 or 1", c.insert, c, with(4, "1"))
    says("element 2 of the vector is 7, vector_binary holds 0 and 1", c.insert, c,
      { id = "x", v = moonvec.vector(with(2, 7).v) })
    says("vector has 3 numbers, field 'v' wants 16", c.query, c, { vector = { 1, 0, 1 } })
    says("vector string has 16 bytes, field 'v' wants 2 (8 bits each)", c.query, c, { vector = ("0"):rep(16) })
    local floats = { id = "x", v = moonvec.pack(bits) }
    says("vector string has 64 bytes, field 'v' wants 2 (8 bits each)", c.insert, c, floats)
    says("a vector is a table of numbers, a packed string or a moonvec.vector, got a boolean", c.query, c,
      { vector = true })
    says("field 'v' is a vector field, which cannot be NULL", c.insert, c, { id = "x", v = moonvec.null })
    assert.equal(0, #c)
  end)

  it("has whole bytes, one metric and no codes", function()
    local function field(options)
      return { vectors = { { name = "b", type = "vector_binary", dim = options.dim or 16, metric = options.metric,
        index = options.index } } }
    end
    says("vector field 'b' has dim 12, that of vector_binary must be a multiple of 8", moonvec.schema,
      field { dim = 12 })
    for _, metric in ipairs { "l2", "ip", "cosine", "l1" } do
      says(("vector field 'b' is vector_binary, which has no metric '%s' (possible: 'hamming')"):format(metric),
        moonvec.schema, field { metric = metric })
    end
    for _, type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
      says(("is %s, which has no metric 'hamming' (possible: 'l2', 'ip', 'cosine', 'l1')"):format(type), moonvec.schema,
        { vectors = { { name = "v", type = type, dim = 16, metric = "hamming" } } })
    end
    for _, quantize in ipairs { "fp16", "int8", "int4" } do
      says(("quantize '%s', which metric 'hamming' cannot use (possible: 'auto', 'none')"):format(quantize),
        moonvec.schema, field { index = { type = "hnsw", quantize = quantize } })
    end
    assert.equal("hamming", moonvec.schema(field {}).vectors[1].metric)
    assert.equal(65528, moonvec.schema(field { dim = 65528 }).vectors[1].dim)
  end)

  it("stands beside fields of other types", function()
    local both = support.collection({ vectors = {
      { name = "bits", type = "vector_binary", dim = 24 }, { name = "v", type = "vector_fp32", dim = 3 },
    } }, { path = ":memory:", maintenance = "manual" })
    assert(both:insert { { id = "a", bits = "abc", v = { 1, 2, 3 } }, { id = "b", bits = "abd", v = { 3, 2, 1 } } })
    for _ = 1, 2 do
      assert.equal("b", both:query { field = "bits", vector = "abd", topk = 1 }[1].id)
      assert.equal("a", both:query { field = "v", vector = { 1, 2, 3 }, topk = 1 }[1].id)
      local document = both:fetch("a", { include_vector = true })
      assert.equal("abc", document.bits)
      assert.same({ 1, 2, 3 }, moonvec.unpack(document.v))
      assert(both:optimize())
    end
  end)
end)

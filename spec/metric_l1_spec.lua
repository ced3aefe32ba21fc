-- Metric l1, the sum of absolute differences: held against plain Lua for every type that has it. That exact
-- search is exact is in query_exact_spec.lua.

local support = require "spec.support.init"
local life = require "spec.support.metric_life"
local moonvec = require "moonvec"

local function near_centres(scale)
  return function(n, dim)
    return support.clustered(n, dim, 50, scale)
  end
end

local kinds = {
  { type = "vector_fp32", metric = "l1", dim = 24, quantize = "auto", vector = near_centres() },
  { type = "vector_fp32", metric = "l1", dim = 19, quantize = "none", vector = near_centres() },
  { type = "vector_fp16", metric = "l1", dim = 24, quantize = "auto", vector = near_centres() },
  { type = "vector_int8", metric = "l1", dim = 21, quantize = "auto", vector = near_centres(70) },
}

for _, kind in ipairs(kinds) do
  life.describe(("%s under l1, quantize %s,"):format(kind.type, kind.quantize), kind,
    { type = kind.type, metric = "l2" }, "field 'v' has metric l1 in the collection, l2 in the given schema")
end

describe("metric l1", function()
  after_each(support.clean)

  local function one_field(options)
    return { vectors = { { name = "v", type = options.type or "vector_fp32", dim = 2, metric = "l1",
      index = { type = "hnsw", quantize = options.quantize } } } }
  end

  it("is the sum of absolute differences, zero vectors included", function()
    local c = support.collection(one_field {}, { path = ":memory:" })
    assert(c:insert { { id = "zero", v = { 0, 0 } }, { id = "a", v = { 3, -4 } }, { id = "b", v = { -1, 2 } } })
    local hits = assert(c:query { vector = { 0, 0 } })
    assert.same({ "zero", "b", "a" }, support.ids(hits))
    assert.same({ 0, 3, 7 }, { hits[1].distance, hits[2].distance, hits[3].distance })
    assert.same({ 0, -3, -7 }, { hits[1].score, hits[2].score, hits[3].score })
  end)

  it("has no int8 and int4 codes", function()
    for _, quantize in ipairs { "int8", "int4" } do
      local message = support.message_of(moonvec.schema, one_field { quantize = quantize })
      local expected = "quantize '%s', which metric 'l1' cannot use (possible: 'auto', 'none', 'fp16')"
      assert.truthy(message:find(expected:format(quantize), 1, true), message)
    end
    for _, quantize in ipairs { "auto", "none", "fp16" } do
      assert.equal(quantize, moonvec.schema(one_field { quantize = quantize }).vectors[1].index.quantize)
    end
    local c = support.collection(one_field {}, { path = ":memory:" })
    local message = support.message_of(c.create_index, c, "v", { type = "hnsw", quantize = "int8" })
    assert.truthy(message:find("which metric 'l1' cannot use", 1, true), message)
  end)

  it("is not for bits", function()
    local schema = one_field { type = "vector_binary" }
    schema.vectors[1].dim = 16
    local message = support.message_of(moonvec.schema, schema)
    local expected = "'v' is vector_binary, which has no metric 'l1' (possible: 'hamming')"
    assert.truthy(message:find(expected, 1, true), message)
  end)
end)

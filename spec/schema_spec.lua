-- Schemas: defaults, and error messages.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local function vector(options)
  local entry = { name = "v", type = "vector_fp32", dim = 2 }
  for key, value in pairs(options or {}) do
    entry[key] = value
  end
  return { vectors = { entry } }
end

local function field(options)
  local entry = { name = "f", type = "string" }
  for key, value in pairs(options or {}) do
    entry[key] = value
  end
  return { fields = { entry } }
end

describe("a schema", function()
  it("is completed", function()
    local schema = moonvec.schema {
      name = "books",
      fields = { { name = "title", type = "string" }, { name = "n", type = "int32", nullable = true, default = 7 } },
      vectors = { { name = "embedding", type = "vector_fp16", dim = 4 } },
    }
    assert.same({
      name = "books",
      fields = {
        { name = "title", type = "string", nullable = false },
        { name = "n", type = "int32", nullable = true, default = 7 },
      },
      vectors = {
        {
          name = "embedding", type = "vector_fp16", dim = 4, metric = "cosine",
          index = { type = "hnsw", m = 16, ef_construction = 200, quantize = "auto", seed = 1 },
        },
      },
    }, schema)
    assert.same(schema, moonvec.schema(schema))
  end)

  it("may be without a name, without fields, or without vectors", function()
    assert.same({ fields = {}, vectors = {} }, moonvec.schema { vectors = {} })
    assert.is_nil(moonvec.schema(vector()).name)
    assert.same({}, moonvec.schema(field()).vectors)
  end)

  it("knows all types and metrics", function()
    for _, element in ipairs { "string", "bool", "int32", "int64", "uint32", "uint64", "float", "double" } do
      for _, type in ipairs { element, "array_" .. element } do
        assert.equal(type, moonvec.schema(field { type = type }).fields[1].type)
      end
    end
    for _, type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
      assert.equal(type, moonvec.schema(vector { type = type }).vectors[1].type)
    end
    for _, metric in ipairs { "l2", "ip", "cosine", "l1" } do
      assert.equal(metric, moonvec.schema(vector { metric = metric }).vectors[1].metric)
    end
    local binary = moonvec.schema(vector { type = "vector_binary", dim = 16 }).vectors[1]
    assert.same({ "vector_binary", "hamming" }, { binary.type, binary.metric })
  end)

  it("keeps defaults of every kind", function()
    local values = { string = "x", bool = false, int64 = -5, double = 0.5, array_string = { "a", "b" } }
    for type, value in pairs(values) do
      assert.same(value, moonvec.schema(field { type = type, default = value }).fields[1].default)
    end
  end)
end)

describe("a mistake in a schema is named:", function()
  local cases = {
    { "a wrong shape", "books", "schema: expected a table, got a string" },
    { "an unknown option", { feilds = {} }, "schema: unknown option 'feilds' (did you mean 'fields'?)" },
    {
      "an unknown option of a field",
      { fields = { { name = "a", type = "bool" }, { name = "b", typ = "bool" } } },
      "schema: field 2: unknown option 'typ' (did you mean 'type'?)",
    },
    { "a list that is none", { fields = { name = "a" } }, "schema: 'fields' must be an array of tables" },
    { "a field that is none", { fields = { "a" } }, "schema: field 1 must be a table, got a string" },
    { "no name", { fields = { { type = "bool" } } }, "schema: field 1 has no 'name'" },
    { "no type", { fields = { { name = "a" } } }, "schema: field 1 has no 'type'" },
    { "an unknown type", field { type = "int23" }, "schema: field 'f': unknown type 'int23' (did you mean 'int32'?)" },
    { "a vector among the fields", field { type = "vector_fp32" },
      "schema: field 1 is a vector field, which belongs in 'vectors'" },
    { "a vector of another database among the fields", field { type = "float_vector", dim = 2 },
      "schema: field 1 is a vector field, which belongs in 'vectors'" },
    {
      "an index on a field that is for vectors",
      field { index = "hnsw" },
      "schema: field 'f': unknown index type of a scalar field 'hnsw' (valid: 'invert', 'text')",
    },
    { "the same in a table", field { index = { type = "flat" } },
      "of a scalar field 'flat' (valid: 'invert', 'text')" },
    { "an index on a field of no type", field { index = {} }, "schema: field 'f': index has no 'type'" },
    { "an index that is none", field { index = true },
      "an index is 'invert', 'text' or a table with such a 'type', got a boolean" },
    { "an option of an inverted index", field { index = { type = "invert", m = 1 } }, "index: unknown option 'm'" },
    { "an option of a text index", field { index = { type = "invert", tokenizer = "code" } },
      "index: an invert index has no option 'tokenizer'" },
    { "a language of a tokenizer without words",
      field { index = { type = "text", tokenizer = "ngram", language = "english" } },
      "field 'f': tokenizer 'ngram' takes no language" },
    { "stop words of a tokenizer without words",
      field { index = { type = "text", tokenizer = "ngram", stop_words = { "a" } } },
      "field 'f': tokenizer 'ngram' takes no stop words" },
    { "stop words of no language", field { index = { type = "text", stop_words = true } },
      "field 'f': stop words of a language need the option 'language'" },
    { "stop words of a language without a list",
      field { index = { type = "text", language = "armenian", stop_words = true } },
      "field 'f': there is no list of stop words for language 'armenian'; there are lists for " },
    { "no dim", { vectors = { { name = "v", type = "vector_fp32" } } }, "schema: field 'v': 'dim' is missing" },
    { "dim 0", vector { dim = 0 }, "schema: vector 1: 'dim' must be a whole number from 1 to 65535, got 0" },
    { "a large dim", vector { dim = 65536 }, "'dim' must be a whole number from 1 to 65535, got 65536" },
    { "a broken dim", vector { dim = 1.5 }, "'dim' must be a whole number from 1 to 65535, got 1.5" },
    { "an unknown metric", vector { metric = "cosin" }, "unknown metric 'cosin' (did you mean 'cosine'?)" },
    { "an unknown metric, in full", vector { metric = "jaccard" },
      "unknown metric 'jaccard' (valid: 'l2', 'ip', 'cosine', 'l1', 'hamming')" },
    {
      "an unknown option of an index",
      vector { index = { type = "flat", n = 16 } },
      "schema: field 'v': index: unknown option 'n'",
    },
    { "a reserved name", field { name = "id" }, "'id'" },
    { "a name with a blank", field { name = "my field" }, "'my field'" },
    { "an empty name", field { name = "" }, "name" },
    { "a long name", field { name = ("n"):rep(65) }, "64" },
    { "the same name twice", { fields = field().fields, vectors = vector({ name = "f" }).vectors }, "'f'" },
    { "a default of another type", field { type = "int32", default = "x" }, "'f'" },
    { "a default out of range", field { type = "int32", default = 2147483648 }, "'f'" },
    { "a default that is no value", field { default = print }, "schema: field 'f': expected a value, got a function" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local message = support.message_of(moonvec.schema, case[2])
      assert.truthy(message:find(case[3], 1, true), message)
    end)
  end
end)

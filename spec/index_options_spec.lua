-- The index of a vector field in a schema: options, defaults, storage, comparison, and errors.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local DEFAULT = { type = "hnsw", m = 16, ef_construction = 200, quantize = "auto", seed = 1 }

local function schema_with(index)
  return { vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2", index = index } } }
end

local function completed(index)
  return moonvec.schema(schema_with(index)).vectors[1].index
end

-- DEFAULT with these changes.
local function but(changes)
  local index = {}
  for name, value in pairs(DEFAULT) do
    index[name] = changes[name] or value
  end
  return index
end

describe("the index of a vector field", function()
  it("is hnsw when nothing is said", function()
    assert.same(DEFAULT, completed(nil))
  end)

  it("is named in short or in a table", function()
    assert.same(DEFAULT, completed "hnsw")
    assert.same(DEFAULT, completed { type = "hnsw" })
    assert.same({ type = "flat" }, completed "flat")
    assert.same({ type = "flat" }, completed { type = "flat" })
  end)

  it("takes options within their ranges", function()
    assert.same(but { m = 4 }, completed { type = "hnsw", m = 4 })
    assert.same(but { m = 64 }, completed { type = "hnsw", m = 64 })
    assert.same(but { ef_construction = 8 }, completed { type = "hnsw", ef_construction = 8 })
    assert.same(but { ef_construction = 2000 }, completed { type = "hnsw", ef_construction = 2000 })
    for _, quantize in ipairs { "auto", "none", "fp16", "int8", "int4" } do
      assert.same(but { quantize = quantize }, completed { type = "hnsw", quantize = quantize })
    end
    local all = { type = "hnsw", m = 24, ef_construction = 120, quantize = "fp16", seed = 77 }
    assert.same(all, completed(all))
  end)

  it("takes any seed, as a decimal string where numbers end", function()
    assert.equal(7, completed({ type = "hnsw", seed = 7 }).seed)
    assert.equal(7, completed({ type = "hnsw", seed = "7" }).seed)
    assert.equal(2 ^ 53 - 1, completed({ type = "hnsw", seed = "9007199254740991" }).seed)
    local largest = "18446744073709551615"
    assert.equal(largest, completed({ type = "hnsw", seed = largest }).seed)
    local wide = completed({ type = "hnsw", seed = "9007199254740993" }).seed
    assert.equal("9007199254740993", support.has_integers and ("%d"):format(wide) or wide)
    assert.equal(wide, completed({ type = "hnsw", seed = wide }).seed)
  end)

  if rawget(_G, "jit") then
    it("takes a seed in 64 bits of LuaJIT", function()
      local ffi = require "ffi"
      assert.equal(5, completed({ type = "hnsw", seed = ffi.new("int64_t", 5) }).seed)
      local largest = ffi.new("uint64_t", 0) - 1
      assert.equal("18446744073709551615", completed({ type = "hnsw", seed = largest }).seed)
      local message = support.message_of(completed, { type = "hnsw", seed = ffi.new("int64_t", -5) })
      assert.truthy(message:find("from 1 to 18446744073709551615, got a cdata", 1, true), message)
    end)
  end
end)

describe("a mistake in an index is named:", function()
  local WHERE = "schema: field 'v': index: "
  local cases = {
    { "another type", 5, "schema: field 'v': an index is 'flat', 'hnsw' or a table with such a 'type', got a number" },
    { "another type inside", { type = 5 }, "'hnsw' or a table with such a 'type', got a number" },
    { "no type", {}, "schema: field 'v': index has no 'type' (valid: 'flat', 'hnsw')" },
    { "no type beside options", { m = 16 }, "schema: field 'v': index has no 'type' (valid: 'flat', 'hnsw')" },
    { "an unknown type", "tree", "schema: field 'v': unknown index type 'tree' (valid: 'flat', 'hnsw')" },
    { "the same in a table", { type = "tree" }, "unknown index type 'tree' (valid: 'flat', 'hnsw')" },
    { "a type misspelt", "hsnw", "unknown index type 'hsnw' (did you mean 'hnsw'?)" },
    { "an unknown option", { type = "hnsw", ef = 5 }, WHERE .. "unknown option 'ef'" },
    {
      "an option misspelt",
      { type = "hnsw", ef_constuction = 5 },
      WHERE .. "unknown option 'ef_constuction' (did you mean 'ef_construction'?)",
    },
    { "a small m", { type = "hnsw", m = 3 }, WHERE .. "'m' must be a whole number from 4 to 64, got 3" },
    { "a large m", { type = "hnsw", m = 65 }, WHERE .. "'m' must be a whole number from 4 to 64, got 65" },
    { "m 0", { type = "hnsw", m = 0 }, WHERE .. "'m' must be a whole number from 4 to 64, got 0" },
    { "a broken m", { type = "hnsw", m = 16.5 }, WHERE .. "'m' must be a whole number from 4 to 64, got 16.5" },
    { "an m that is text", { type = "hnsw", m = "16" }, WHERE .. "'m' must be a whole number, got a string" },
    {
      "a small ef_construction",
      { type = "hnsw", ef_construction = 7 },
      WHERE .. "'ef_construction' must be a whole number from 8 to 2000, got 7",
    },
    { "a large one", { type = "hnsw", ef_construction = 2001 }, "a whole number from 8 to 2000, got 2001" },
    {
      "an unknown quantize",
      { type = "hnsw", quantize = "pq" },
      WHERE .. "unknown quantize 'pq' (valid: 'auto', 'none', 'fp16', 'int8', 'int4')",
    },
    { "one misspelt", { type = "hnsw", quantize = "fp6" }, WHERE .. "unknown quantize 'fp6' (did you mean 'fp16'?)" },
    { "one that is no text", { type = "hnsw", quantize = 8 }, WHERE .. "quantize must be a string, got a number" },
    {
      "seed 0",
      { type = "hnsw", seed = 0 },
      WHERE .. "'seed' must be a whole number from 1 to 18446744073709551615, got 0",
    },
    { "a seed below", { type = "hnsw", seed = -1 }, "from 1 to 18446744073709551615, got -1" },
    { "a broken seed", { type = "hnsw", seed = 1.5 }, "from 1 to 18446744073709551615, got 1.5" },
    { "a seed beyond", { type = "hnsw", seed = "18446744073709551616" }, "got '18446744073709551616'" },
    { "a seed far beyond", { type = "hnsw", seed = ("9"):rep(30) }, "got '99999" },
    { "a seed that is no number", { type = "hnsw", seed = "0x10" }, "got '0x10'" },
    { "an empty seed", { type = "hnsw", seed = "" }, "got ''" },
    { "a seed of another kind", { type = "hnsw", seed = true }, "got a boolean" },
    { "m of a flat index", { type = "flat", m = 16 }, WHERE .. "a flat index has no option 'm'" },
    { "quantize of one", { type = "flat", quantize = "int8" }, WHERE .. "a flat index has no option 'quantize'" },
    { "seed of one", { type = "flat", seed = 1 }, WHERE .. "a flat index has no option 'seed'" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local message = support.message_of(completed, case[2])
      assert.truthy(message:find(case[3], 1, true), message)
    end)
  end

  it("an unknown metric", function()
    local message = support.message_of(moonvec.schema, {
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "jaccard" } },
    })
    assert.equal("schema: field 'v': unknown metric 'jaccard' (valid: 'l2', 'ip', 'cosine', 'l1', 'hamming')", message)
  end)
end)

describe("a collection", function()
  after_each(support.clean)

  local indexes = {
    { type = "flat" },
    DEFAULT,
    but { m = 32, ef_construction = 77, quantize = "int8", seed = "18446744073709551615" },
    but { quantize = "none" },
    but { quantize = "fp16", seed = 123456789012345 },
  }

  it("keeps its indexes", function()
    local schema = { vectors = {} }
    for i, index in ipairs(indexes) do
      schema.vectors[i] = { name = "v" .. i, type = "vector_fp16", dim = i, index = index }
    end
    local c, path = support.collection(schema)
    for _ = 1, 2 do
      for i, index in ipairs(indexes) do
        assert.same(index, c.schema.vectors[i].index)
      end
      assert.is_true(c:close())
      c = support.collection(nil, { path = path })
    end
    c:close()
    assert.same(moonvec.schema(schema).vectors, support.collection(schema, { path = path }).schema.vectors)
  end)

  -- Opens a collection of schema `there` with schema `given`: nil, or the message of the mismatch.
  local function mismatch(there, given)
    local c, path = support.collection(schema_with(there))
    c:close()
    local opened, message, code = moonvec.open(path, { schema = schema_with(given) })
    if opened then
      opened:close()
      return nil
    end
    assert.equal("schema_mismatch", code)
    return message
  end

  it("agrees with a schema that leaves out or spells out the defaults", function()
    assert.is_nil(mismatch(nil, nil))
    assert.is_nil(mismatch(nil, "hnsw"))
    assert.is_nil(mismatch("hnsw", nil))
    assert.is_nil(mismatch({ type = "hnsw", m = 16 }, { type = "hnsw", seed = 1 }))
    assert.is_nil(mismatch(nil, DEFAULT))
    assert.is_nil(mismatch({ type = "hnsw", m = 8 }, { type = "hnsw", m = 8, quantize = "auto" }))
    assert.is_nil(mismatch("flat", { type = "flat" }))
  end)

  it("does not agree with another index", function()
    local function differs(there, given, what, found, wanted)
      local text = ("field 'v' has %s %s in the collection, %s in the given schema"):format(what, found, wanted)
      local message = mismatch(there, given)
      assert.truthy(message and message:find(text, 1, true), message or text)
    end
    local m32, int8 = { type = "hnsw", m = 32 }, { type = "hnsw", quantize = "int8" }
    differs(nil, "flat", "index", "hnsw", "flat")
    differs("flat", nil, "index", "flat", "hnsw")
    differs(nil, m32, "an index with m", 16, 32)
    differs(m32, "hnsw", "an index with m", 32, 16)
    differs(nil, { type = "hnsw", ef_construction = 100 }, "an index with ef_construction", 200, 100)
    differs(int8, { type = "hnsw", quantize = "none" }, "an index with quantize", "int8", "none")
    differs(int8, nil, "an index with quantize", "int8", "auto")
    differs({ type = "hnsw", seed = 9 }, { type = "hnsw", seed = "10" }, "an index with seed", 9, 10)
  end)
end)

-- Any quantize can be combined with any element type; stats tell which codes the graph has.
describe("a graph over", function()
  after_each(support.clean)

  local ROWS, DIM = 5000, 8 -- enough rows for a graph
  for _, type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
    for _, quantize in ipairs { "auto", "none", "fp16", "int8", "int4" } do
      it(type .. " with quantize " .. quantize .. " finds every row #once", function()
        local c = support.collection({
          vectors = {
            {
              name = "v", type = type, dim = DIM, metric = "l2",
              index = { type = "hnsw", m = 8, ef_construction = 20, quantize = quantize },
            },
          },
        }, { path = ":memory:", maintenance = "manual" })
        local random = support.random(5)
        local documents = {}
        for i = 1, ROWS do
          documents[i] = { id = i, v = support.vector(random, DIM, type) }
        end
        c:insert(documents)
        assert.is_true(c:optimize { threads = 1 })
        local stats = c:stats().indexes.v
        assert.equal(1, stats.completeness)
        assert.is_true(({ none = true, fp16 = true, int8 = true, int4 = true })[stats.quantize])
        local found = 0
        for i = 1, ROWS, 10 do
          local hit = c:query({ vector = documents[i].v, topk = 1, params = { ef = 64 } })[1]
          found = found + (hit.distance < 1e-3 and 1 or 0)
        end
        assert.is_true(found >= 0.99 * ROWS / 10, found .. " of " .. ROWS / 10)
      end)
    end
  end
end)

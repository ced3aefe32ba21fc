-- Changes of the schema of a collection in use, for every type, compared with plain tables.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local DOCUMENTS = 700

-- The value of a new field of each type for document number n; nil: no value.
local VALUES = {
  string = function(n)
    return ("text %d\0"):format(n):rep(n % 4)
  end,
  bool = function(n)
    return n % 3 == 0
  end,
  int32 = function(n)
    return n * 7919 % 2147483647 - 1000000
  end,
  int64 = function(n)
    return n * 1000000007 - 500
  end,
  uint32 = function(n)
    return n * 104729 % 4294967295
  end,
  uint64 = function(n)
    return n * 1000000007
  end,
  float = function(n)
    return n / 8
  end,
  double = function(n)
    return n / 3
  end,
  timestamp = function(n)
    return 1793491200000000 - n * 1000003
  end,
}
for _, name in ipairs { "string", "bool", "int32", "int64", "uint32", "uint64", "float", "double", "timestamp" } do
  VALUES["array_" .. name] = function(n)
    local list = {}
    for i = 1, n % 4 do
      list[i] = VALUES[name](n + i)
    end
    return list
  end
end

local function vector_of(n, dim)
  local vector = {}
  for i = 1, dim do
    vector[i] = (n * (i + 2)) % 100 + 1
  end
  return vector
end

local function document(n)
  return { id = "d" .. n, n = n, v = vector_of(n, 4) }
end

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat" } },
}

-- A collection with two segments and fresh rows, with deletions in all of them; and its documents by id.
local function filled(options)
  local c, path = support.collection(SCHEMA, options or { maintenance = "manual" })
  local model = {}
  local function insert(from, to)
    local documents = {}
    for n = from, to do
      documents[#documents + 1] = document(n)
      model["d" .. n] = document(n)
    end
    assert(c:insert(documents))
  end
  insert(1, 300)
  assert(c:optimize { budget_ms = 1e-9 }) -- seals; the rest of the job ends when the collection is closed
  insert(301, 600)
  assert(c:add_column({ name = "flag", type = "bool", default = true })) -- seals, too
  assert(c:drop_column("flag"))
  insert(601, DOCUMENTS)
  for n = 1, DOCUMENTS, 7 do
    assert(c:delete("d" .. n))
    model["d" .. n] = nil
  end
  return c, path, model
end

local function assert_holds(model, c)
  local there = {}
  for _, found in ipairs(support.documents(c)) do
    there[found.id] = found
  end
  assert.same(model, there)
  local some = { "d2", "d3", "d302", "d699" }
  local fetched = assert(c:fetch(some, { include_vector = "table" }))
  for _, id in ipairs(some) do
    assert.same(model[id], fetched[id])
  end
  assert.is_true(c:check())
end

-- Checks after the change, after reopening, after optimize, and after both.
local function assert_stays(model, c, path)
  assert_holds(model, c)
  c:close()
  c = support.collection(nil, { path = path, maintenance = "manual" })
  assert_holds(model, c)
  assert(c:optimize())
  assert.equal(1, c:stats().segments)
  assert_holds(model, c)
  c:close()
  assert_holds(model, support.collection(nil, { path = path, verify = true }))
end

describe("changing the schema:", function()
  after_each(support.clean)

  for type, value_of in pairs(VALUES) do
    it("a field of type " .. type .. " is added, and dropped", function()
      local c, path, model = filled()
      local seen = 0
      assert.is_true(c:add_column({ name = "new", type = type }, function(doc)
        assert(doc.id == "d" .. doc.n and doc.v == nil and model[doc.id])
        seen = seen + 1
        return value_of(doc.n)
      end))
      assert.equal(#c, seen)
      assert.is_true(c:add_column({ name = "maybe", type = type, nullable = true }, function(doc)
        if doc.n % 3 > 0 then
          assert.same(value_of(doc.n), doc.new)
          return doc.n % 3 == 1 and value_of(doc.n + 1) or moonvec.null
        end
      end))
      assert.is_true(c:add_column { name = "same", type = type, default = value_of(11) })
      for _, doc in pairs(model) do
        doc.new = value_of(doc.n)
        doc.maybe = doc.n % 3 == 1 and value_of(doc.n + 1) or nil
        doc.same = value_of(11)
      end
      assert(c:insert { id = "later", n = 1, v = { 1, 2, 3, 4 }, new = value_of(5) })
      model.later = { id = "later", n = 1, v = { 1, 2, 3, 4 }, new = value_of(5), same = value_of(11) }
      assert(c:update { id = "d5", new = value_of(6) })
      model.d5.new = value_of(6)
      assert.equal(#c, c:count("maybe IS NULL") + c:count("maybe IS NOT NULL"))
      assert_stays(model, c, path)

      c = support.collection(nil, { path = path, maintenance = "manual" })
      assert.is_true(c:drop_column("new"))
      for _, doc in pairs(model) do
        doc.new = nil
      end
      assert.has_error(function()
        c:count("new IS NULL")
      end)
      assert_stays(model, c, path)
    end)
  end

  for _, type in ipairs { "vector_fp32", "vector_fp16", "vector_int8" } do
    it("a field of type " .. type .. " is added, and dropped", function()
      local c, path, model = filled()
      local dim = 6
      local field = { name = "w", type = type, dim = dim, metric = "cosine", index = "flat" }
      assert.is_true(c:add_column(field, function(doc)
        assert.same(vector_of(doc.n, 4), doc.v)
        return vector_of(doc.n + 1, dim)
      end, { output_fields = { "n", "v" }, include_vector = "table" }))
      local documents = {}
      for _, doc in pairs(model) do
        doc.w = vector_of(doc.n + 1, dim)
        documents[#documents + 1] = doc
      end
      local query = { 5, 1, 4, 2, 3, 6 }
      local best = support.exact(documents, "w", "cosine", query)[1]
      local hits = assert(c:query { field = "w", vector = query, topk = 1 })
      assert.near(best.score, hits[1].score, 1e-6)
      assert_stays(model, c, path)

      c = support.collection(nil, { path = path, maintenance = "manual" })
      assert.is_true(c:drop_column("v"))
      for _, doc in pairs(model) do
        doc.v = nil
      end
      assert.near(best.score, c:query({ vector = query, topk = 1 })[1].score, 1e-6)
      assert_stays(model, c, path)
    end)
  end

  it("the last vector field goes, and another comes", function()
    local c, path, model = filled()
    assert(c:drop_column("v"))
    for _, doc in pairs(model) do
      doc.v = nil
    end
    assert.same({}, c.schema.vectors)
    assert.equal(3, #c:query { filter = "n > 1", topk = 3 })
    assert_holds(model, c)
    assert(c:add_column({ name = "v", type = "vector_fp32", dim = 2, metric = "l2" }, function(doc)
      return { doc.n, 0 }
    end))
    for _, doc in pairs(model) do
      doc.v = { doc.n, 0 }
    end
    assert.equal("d17", c:query({ vector = { 17.2, 0 }, topk = 1 })[1].id)
    assert_stays(model, c, path)
  end)

  it("fields are renamed, and may become nullable", function()
    local c, path, model = filled()
    assert.is_true(c:alter_column("n", { rename = "number", nullable = true }))
    assert.is_true(c:alter_column("v", { rename = "place" }))
    for _, doc in pairs(model) do
      doc.number, doc.n, doc.place, doc.v = doc.n, nil, doc.v, nil
    end
    assert(c:insert { id = "x", place = { 1, 1, 1, 1 } })
    model.x = { id = "x", place = { 1, 1, 1, 1 } }
    assert(c:update { id = "d2", number = moonvec.null })
    model.d2.number = nil
    assert.equal(2, c:count("number IS NULL"))
    assert_stays(model, c, path)
  end)

  it("in memory it is the same", function()
    local c = filled { path = ":memory:", maintenance = "manual" }
    local model = {}
    for _, doc in ipairs(support.documents(c)) do
      model[doc.id] = doc
    end
    assert(c:add_column({ name = "s", type = "string" }, function(doc)
      return "s" .. doc.n
    end))
    assert.has_error(function()
      c:add_column({ name = "bad", type = "string" }, function(doc)
        return doc.n < 600 and "" or 5
      end)
    end)
    assert(c:add_column({ name = "bad", type = "int64", default = 3 })) -- after an undone change
    assert(c:alter_column("s", { rename = "t" }))
    assert(c:drop_column("v"))
    assert(c:insert { id = "x", n = 1, t = "" })
    model.x = { id = "x", n = 1, s = "" }
    for _, doc in pairs(model) do
      doc.t, doc.s, doc.v, doc.bad = doc.s or "s" .. doc.n, nil, nil, 3
    end
    assert_holds(model, c)
    assert(c:optimize())
    assert_holds(model, c)
  end)

  it("a function that fails, or gives what the field cannot hold, undoes all and names the document", function()
    local c, path, model = filled()
    local disk = c:stats().disk_bytes
    local before = c.schema
    local function add(field, value_of)
      local ok, message = pcall(c.add_column, c, field, value_of)
      assert.is_false(ok)
      assert.same(before, c.schema)
      return message
    end
    local string = { name = "s", type = "string" }
    local function only(n, value)
      return function(doc)
        return doc.n == n and value or "fine"
      end
    end
    assert.matches("add_column: document 'd303': field 's'", add(string, only(303, 7)), 1, true)
    assert.matches("document 'd699'", add(string, only(699, {})), 1, true)
    assert.matches("document 'd3'.*no default and is not nullable", add(string, function(doc)
      return doc.n ~= 3 and "" or nil
    end))
    assert.matches("document 'd3'.*not nullable", add(string, only(3, moonvec.null)))
    assert.matches("document 'd2' has no value for the new field 's'", add(string), 1, true)
    assert.matches("document 'd5': .*oops", add(string, function(doc)
      if doc.n == 5 then
        error("oops")
      end
      return ""
    end))
    local thrown = {}
    assert.equal(thrown, add(string, function()
      error(thrown)
    end))
    local vector = { name = "w", type = "vector_fp32", dim = 2 }
    assert.matches("document 'd2' has no vector for the new field 'w'", add(vector), 1, true)
    assert.matches("document 'd2'.*zero vector", add(vector, function()
      return { 0, 0 }
    end))
    assert.matches("document 'd2'.*has 3 numbers, field 'w' wants 2", add(vector, function()
      return { 1, 2, 3 }
    end))
    assert.matches("field 'n' is in the schema twice", add({ name = "n", type = "bool" }), 1, true)
    assert.matches("twice", add({ name = "v", type = "bool" }), 1, true)
    assert.matches("add_column: field 's': unknown type 'strin' (did you mean 'string'?)",
      add({ name = "s", type = "strin" }), 1, true)
    assert.matches("add_column: the field has no 'type'", add { name = "s" }, 1, true)
    assert.equal(disk, c:stats().disk_bytes)
    assert_stays(model, c, path)
  end)

  it("mistakes are named", function()
    local c = filled()
    local function message(method, ...)
      return support.message_of(c[method], c, ...)
    end
    assert.equal("drop_column: unknown field 'm'", message("drop_column", "m"))
    assert.matches("create_index: field 'n'", message("create_index", "n", "hnsw"), 1, true)
    assert.equal("alter_column: unknown field 'vv'", message("alter_column", "vv", { rename = "x" }))
    assert.equal("alter_column: field name 'id' is reserved", message("alter_column", "n", { rename = "id" }))
    assert.equal("alter_column: field 'v' is in the schema twice", message("alter_column", "n", { rename = "v" }))
    assert.equal("alter_column: vector field 'v' cannot be nullable", message("alter_column", "v", { nullable = true }))
    assert.equal("alter_column: 'nullable' can only be changed to true",
      message("alter_column", "n", { nullable = false }))
    assert.equal("alter_column: expected 'rename' or 'nullable'", message("alter_column", "n", {}))
    assert.matches("alter_column: 'type' cannot be changed", message("alter_column", "n", { type = "int64" }), 1, true)
    assert.matches("alter_column: 'dim' cannot be changed", message("alter_column", "v", { dim = 3 }), 1, true)
    assert.equal("alter_column: use create_index or drop_index to change the index",
      message("alter_column", "v", { index = "flat" }))
    assert.equal("create_index: field 'v': index has no 'type' (valid: 'flat', 'hnsw')",
      message("create_index", "v", {}))
    assert.equal("create_index: unknown field 'vv'", message("create_index", "vv", "hnsw"))
    assert.equal("create_index: field 'v': no index is given", message("create_index", "v"))
    assert.equal("add_column: expected a function(document) -> value, got a string",
      message("add_column", { name = "s", type = "string" }, "x"))
    for _, method in ipairs { "drop_column", "drop_index" } do
      assert.equal(method .. ": 'name' must be a string, got a nil", message(method))
    end
    assert.same({ "n" }, { c.schema.fields[1].name })
  end)

  it("a read_only handle changes nothing", function()
    local _, path = filled()
    local c = support.collection(nil, { path = path, read_only = true })
    for _, call in ipairs {
      { "drop_column", "n" }, { "drop_index", "v" }, { "create_index", "v", "hnsw" },
      { "alter_column", "n", { rename = "m" } }, { "add_column", { name = "s", type = "string", nullable = true } },
    } do
      local method = table.remove(call, 1)
      local done, _, code = c[method](c, (table.unpack or unpack)(call)) -- luacheck: ignore
      assert.is_nil(done)
      assert.equal("read_only", code)
    end
  end)

  it("other handles see the new schema at their next call, an iterator goes on with the old one", function()
    local c, path, model = filled()
    local other = support.collection(nil, { path = path, maintenance = "manual" })
    local walk = other:iterate()
    assert.equal("d2", walk().id)
    assert(c:add_column({ name = "s", type = "string" }, function(doc)
      return "s" .. doc.n
    end))
    assert(c:drop_column("n"))
    assert.equal("s", other.schema.fields[1].name)
    assert.equal("s3", other:fetch("d3").s)
    assert(other:insert { id = "new", s = "x", v = { 1, 2, 3, 4 } })
    assert.equal("x", other:query({ filter = "s = 'x'" })[1].s)
    local rest = 1
    for doc in walk do
      assert.equal(model[doc.id].n, doc.n)
      assert.is_nil(doc.s)
      rest = rest + 1
    end
    assert.equal(600, rest)
    local opened, _, code = moonvec.open(path, { schema = SCHEMA })
    assert.is_nil(opened)
    assert.equal("schema_mismatch", code)
    assert(moonvec.open(path, { schema = c.schema })):close()
  end)

  it("the function may read the collection and not write to it; a closed one ends it", function()
    local c = filled()
    local field = { name = "s", type = "string", nullable = true }
    local answer
    assert(c:add_column(field, function(doc)
      assert(c:fetch(doc.id).n == doc.n and c.schema.fields[2] == nil)
      if doc.n == 2 then
        answer = { c:insert(document(9999)) }
      end
    end))
    assert.equal("busy", answer[3])
    assert.matches("is closed", support.message_of(c.add_column, c, { name = "t", type = "bool" }, function()
      c:close()
      return true
    end), 1, true)
  end)

  for _, where in ipairs { "on disk", "in memory" } do
    it("a backup has the fields of before and those that came later, " .. where, function()
      local c = filled { path = where == "in memory" and ":memory:" or nil, maintenance = "manual" }
      assert(c:add_column({ name = "s", type = "string" }, function(doc)
        return "s" .. doc.n
      end))
      assert(c:add_column({ name = "w", type = "vector_int8", dim = 3, index = "flat" }, function(doc)
        return { doc.n % 100, 1, 2 }
      end))
      local path = support.path()
      assert.is_true(c:backup(path))
      assert(c:drop_column("s"))
      local copy = support.collection(nil, { path = path, verify = true })
      local doc = copy:fetch("d5", { include_vector = "table" })
      assert.same({ id = "d5", n = 5, s = "s5", v = vector_of(5, 4), w = { 5, 1, 2 } }, doc)
    end)
  end

  it("a column that is dropped gives its space back", function()
    local c = filled()
    local text = ("x"):rep(1000)
    local before = c:stats().disk_bytes
    assert(c:add_column({ name = "s", type = "string" }, function()
      return text
    end))
    assert(c:add_column({ name = "w", type = "vector_fp32", dim = 250, index = "flat" }, function(doc)
      return vector_of(doc.n, 250)
    end))
    local size = #c * 1000
    assert.is_true(c:stats().disk_bytes > before + 2 * size)
    assert(c:drop_column("w"))
    assert.is_true(c:stats().disk_bytes < before + 1.5 * size)
    assert(c:drop_column("s")) -- the field is still in a file of its own
    assert.is_true(c:stats().disk_bytes < before + 0.5 * size)
    assert(c:flush())
    assert(c:insert(document(10000))) -- the writer removes the files
    for _, name in ipairs(require("spec.support.listing").names(c.path)) do
      assert.is_nil(name:find("%.col$"))
    end
  end)
end)

describe("changing an index:", function()
  after_each(support.clean)

  local function filled_with_vectors(dim)
    local random = support.random(7)
    local schema = { vectors = { { name = "v", type = "vector_fp32", dim = dim, metric = "l2", index = "flat" } } }
    local c, path = support.collection(schema, { maintenance = "manual" })
    local documents = {}
    for n = 1, 6000 do
      documents[n] = { id = n, v = support.vector(random, dim) }
    end
    assert(c:insert(documents))
    for n = 1, 6000, 20 do
      assert(c:delete(n))
    end
    return c, path, random
  end

  local function recall(c, field, random, dim)
    local found, wanted = 0, 0
    for _ = 1, 40 do
      local vector = support.vector(random, dim)
      local right = {}
      for _, hit in ipairs(assert(c:query { field = field, vector = vector, params = { exact = true } })) do
        right[hit.id] = true
        wanted = wanted + 1
      end
      for _, hit in ipairs(assert(c:query { field = field, vector = vector })) do
        found = found + (right[hit.id] and 1 or 0)
      end
    end
    return found / wanted
  end

  it("create_index builds, again for other options, and drop_index ends it", function()
    local c, path, random = filled_with_vectors(16)
    assert.equal("flat", c:stats().indexes.v.type)
    local stages = {}
    assert.is_true(c:create_index("v", { type = "hnsw", m = 8 }, {
      progress = function(done, total, stage)
        assert(done <= total)
        stages[stage] = true
      end,
      threads = 2,
    }))
    assert.is_true(stages.done)
    local stats = c:stats().indexes.v
    assert.same({ "hnsw", 1, 1 }, { stats.type, stats.completeness, stats.graphs })
    assert.is_true(recall(c, "v", random, 16) > 0.9)
    assert.equal(8, c.schema.vectors[1].index.m)
    local small = stats.bytes

    assert.is_true(c:create_index("v", { type = "hnsw", m = 24, quantize = "none" }))
    stats = c:stats().indexes.v
    assert.same({ 1, 1, "none" }, { stats.completeness, stats.graphs, stats.quantize })
    assert.is_true(stats.bytes > small)
    assert.is_true(recall(c, "v", random, 16) > 0.9)
    local commit = c:stats().commit
    assert.is_true(c:create_index("v", { type = "hnsw", m = 24, quantize = "none" }))
    assert.equal(stats.bytes, c:stats().indexes.v.bytes)
    assert.equal(commit, c:stats().commit)

    assert.is_true(c:create_index("v", { type = "hnsw", m = 24, quantize = "int8" }))
    assert.equal("int8", c:stats().indexes.v.quantize)
    assert.is_true(c:drop_index("v"))
    assert.same({ type = "flat", rows = 5700, completeness = 1 }, c:stats().indexes.v)
    assert.is_true(c:check())
    c:close()
    c = support.collection(nil, { path = path, verify = true })
    assert.equal("flat", c.schema.vectors[1].index.type)
  end)

  it("one change follows another, with nothing to build in between", function()
    local c = filled { maintenance = "manual" }
    for _, m in ipairs { 8, 4, 16, 4 } do
      assert(c:create_index("v", { type = "hnsw", m = m }))
      assert.equal(m, c.schema.vectors[1].index.m)
    end
  end)

  it("the graphs of before are searched until the new ones stand #once", function()
    local c, path = filled_with_vectors(8)
    assert(c:create_index("v", { type = "hnsw", m = 8 }))
    local job = assert(c:create_index("v", { type = "hnsw", m = 16 }, { background = true }))
    local other = support.collection(nil, { path = path, maintenance = "manual" })
    while not job:wait(0) do
      assert.equal(1, other:stats().indexes.v.completeness)
      assert.equal(10, #other:query { vector = { 1, 0, 0, 0, 0, 0, 0, 0 } })
    end
    assert.equal(16, c.schema.vectors[1].index.m)
    assert.is_true(c:check())
  end)

  it("a scalar field that comes with an index has it, gets another name, and loses it", function()
    local c, path = filled_with_vectors(2)
    assert.is_true(c:add_column({ name = "group", type = "int32", index = "invert" }, function(doc)
      return tonumber(doc.id) % 10
    end))
    assert.equal(1, c:stats().indexes.group.completeness)
    assert.equal(600, c:count("group = 3"))
    assert(c:alter_column("group", { rename = "team" }))
    assert.equal(1, c:stats().indexes.team.completeness)
    assert.equal(600, c:count("team = 3"))
    assert(c:insert { id = "x", team = 3, v = { 1, 1 } })
    assert(c:add_column({ name = "parity", type = "array_int32" }, function(doc)
      return { doc.team % 2, 7 }
    end))
    assert(c:create_index("parity", "invert"))
    assert(c:drop_index("team"))
    assert.is_nil(c:stats().indexes.team)
    assert.equal(601, c:count("team = 3"))
    local odd = c:count("parity CONTAIN_ANY (1)")
    assert(c:optimize())
    assert.equal(odd, c:count("parity CONTAIN_ANY (1)"))
    assert.equal(1, c:count("parity CONTAIN_ANY (1) AND id = 'x'"))
    assert.is_true(c:check())
    assert(c:drop_column("parity"))
    assert.is_true(c:check())
    c:close()
    c = support.collection(nil, { path = path, verify = true })
    assert.equal(601, c:count("team = 3"))
  end)

  it("a field without an index lets those of other fields be", function()
    local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } } }
    local c = support.collection(schema, { maintenance = "manual" })
    local documents = {}
    for n = 1, 3000 do
      documents[n] = { id = n, v = { n, 1 } }
    end
    assert(c:insert(documents))
    assert.is_true(c:add_column { name = "b", type = "bool", default = false })
    assert.equal(0, c:stats().indexes.v.graphs)
    assert.is_true(c:create_index("v", "hnsw")) -- the index that it has, but not yet built
    assert.equal(1, c:stats().indexes.v.graphs)
  end)

  it("a vector field that comes with an index has it, and finds #once", function()
    local c, _, random = filled_with_vectors(4)
    assert.is_true(c:add_column({ name = "w", type = "vector_fp16", dim = 24, metric = "cosine" }, function()
      return support.vector(random, 24)
    end))
    assert.equal(1, c:stats().indexes.w.completeness)
    assert.is_true(recall(c, "w", random, 24) > 0.9)
    assert(c:optimize())
    assert.is_true(recall(c, "w", random, 24) > 0.9)
    assert.is_true(c:check())
    assert(c:drop_column("w"))
    assert.is_nil(c:stats().indexes.w)
    assert.is_true(c:check())
  end)
end)

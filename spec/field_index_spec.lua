-- The index of a scalar field: in the schema, stored, compared, built, changed, and in stats.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local function schema_with(index)
  return {
    fields = {
      { name = "n", type = "int64", index = index },
      { name = "tags", type = "array_string", nullable = true, index = index },
    },
  }
end

local function documents(from, to)
  local all = {}
  for n = from, to do
    all[#all + 1] = { id = n, n = n % 300, tags = n % 3 > 0 and { "t" .. n % 7, "all" } or nil }
  end
  return all
end

describe("the index of a scalar field", function()
  after_each(support.clean)

  it("is named in short or in a table, and is none when nothing is said", function()
    for _, index in ipairs { "invert", { type = "invert" } } do
      assert.same({ type = "invert" }, moonvec.schema(schema_with(index)).fields[2].index)
    end
    assert.is_nil(moonvec.schema(schema_with(nil)).fields[1].index)
  end)

  it("is kept, and compared with a schema given at opening", function()
    local c, path = support.collection(schema_with "invert")
    c:close()
    c = support.collection(nil, { path = path })
    assert.same({ type = "invert" }, c.schema.fields[1].index)
    c:close()
    local opened, message, code = moonvec.open(path, { schema = schema_with(nil) })
    assert.is_nil(opened)
    assert.equal("schema_mismatch", code)
    assert.equal("field 'n' has index invert in the collection, none in the given schema", message:match "field.*")
  end)

  it("is built by optimize, and told of by stats", function()
    local c = support.collection(schema_with "invert", { maintenance = "manual" })
    assert.same({ type = "invert", rows = 0, indexed_rows = 0, completeness = 1, lists = 0, bytes = 0 },
      c:stats().indexes.n)
    c:insert(documents(1, 3000))
    assert.equal(0, c:stats().indexes.n.completeness)
    local few, tagged = c:count "n < 10", c:count "tags CONTAIN_ALL ('t3', 'all')"
    assert.is_true(c:optimize())
    local stats = c:stats().indexes
    assert.same({ 3000, 3000, 1, 1 }, { stats.n.rows, stats.n.indexed_rows, stats.n.completeness, stats.n.lists })
    assert.is_true(stats.tags.bytes > 0)
    assert.same({ few, tagged }, { c:count "n < 10", c:count "tags CONTAIN_ALL ('t3', 'all')" })
    c:insert(documents(3001, 4000))
    assert.equal(0.75, c:stats().indexes.tags.completeness)
    assert.is_true(c:check())
  end)

  it("comes and goes while the collection is in use", function()
    local c = support.collection(schema_with(nil), { maintenance = "manual" })
    c:insert(documents(1, 3000))
    local few = c:count "n BETWEEN 5 AND 8"
    assert.is_nil(c:stats().indexes.n)
    assert.is_true(c:create_index("n", "invert"))
    assert.equal(1, c:stats().indexes.n.completeness)
    assert.equal(few, c:count "n BETWEEN 5 AND 8")
    assert.is_true(c:check())
    assert.is_true(c:drop_index "n")
    assert.is_nil(c:stats().indexes.n)
    assert.is_nil(c.schema.fields[1].index)
    assert.equal(few, c:count "n BETWEEN 5 AND 8")
    local message = support.message_of(c.create_index, c, "n", "hnsw")
    assert.truthy(message:find("unknown index type of a scalar field 'hnsw' (valid: 'invert', 'text')", 1, true),
      message)
  end)

  local function indexed_collection()
    local c, path = support.collection(schema_with "invert", { maintenance = "manual" })
    c:insert(documents(1, 2000))
    assert.is_true(c:optimize())
    return c, path
  end

  -- The path of the index file of the first field.
  local function index_file(path)
    local pipe = io.popen("ls " .. path .. "/*.1.invert")
    local name = pipe:read "*l"
    pipe:close()
    return name
  end

  it("is done without when its file is damaged, and rebuilt", function()
    local c, path = indexed_collection()
    local few = c:count "n < 10"
    c:close()
    local name = index_file(path)
    local file = assert(io.open(name, "r+b"))
    local size = file:seek "end"
    file:seek("set", 0)
    file:write(("\255"):rep(size))
    file:close()

    c = support.collection(nil, { path = path, maintenance = "manual" })
    assert.equal(few, c:count "n < 10")
    local warning = c:stats().indexes.n.warning
    assert.truthy(warning:find(name:match "[^/]+$", 1, true), warning)
    local sound, message, code = c:check()
    assert.is_nil(sound)
    assert.equal("corrupt", code)
    assert.truthy(message:find(name:match "[^/]+$", 1, true), message)
    assert.is_true(c:optimize())
    assert.is_nil(c:stats().indexes.n.warning)
    assert.equal(few, c:count "n < 10")
    assert.is_true(c:check())
  end)

  it("is never believed where a bit of it is flipped", function()
    local c, path = indexed_collection()
    local counts = {}
    for n = 0, 299, 20 do counts[n] = c:count("n >= ? OR n < 3", { n }) end
    c:close()
    local name = index_file(path)
    local file = assert(io.open(name, "rb"))
    local bytes = file:read "*a"
    file:close()
    for at = 1, #bytes, 61 do
      file = assert(io.open(name, "wb"))
      file:write(bytes:sub(1, at - 1), string.char((bytes:byte(at) + 64) % 256), bytes:sub(at + 1))
      file:close()
      c = support.collection(nil, { path = path, maintenance = "manual" })
      for n, count in pairs(counts) do assert.equal(count, c:count("n >= ? OR n < 3", { n })) end
      c:close()
    end
  end)
end)

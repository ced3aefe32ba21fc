-- The schema changes while other processes search and write.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local support = require "spec.support.init"

local DIM = 8

local SCHEMA = {
  fields = { { name = "n", type = "int32" }, { name = "doubled", type = "int64" } },
  vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = "l2", index = "flat" } },
}

-- In the child: writes, reads and searches with all current fields, until the document "stop" exists. Every document
-- must be complete and right in each commit. Prints the names of the fields of each schema that it meets.
local function use(path, offset)
  local support = require "spec.support.init" -- luacheck: ignore
  local c = assert(require("moonvec").open(path, { maintenance = "manual", durability = "none" }))
  local random = support.random(offset)
  local schemas = {}

  local function vector_of(n, size)
    local vector = {}
    for i = 1, size do
      vector[i] = (n * (i + 1)) % 251
    end
    return vector
  end

  -- The right value of each field, by its name. Fields such as "c7" and "w7" are added and dropped.
  local function value_of(field, n)
    if field == "n" then
      return n
    elseif field:find("^doubled") then
      return n * 2
    end
    return field .. " of " .. n
  end

  local function check(doc)
    if doc.id == "stop" then
      return
    end
    local n = doc.n or doc.number
    assert(n and doc.id == "d" .. n, "a document without its number")
    for name, value in pairs(doc) do
      if type(value) == "table" then
        local right = vector_of(n, #value)
        for i = 1, #value do
          assert(value[i] == right[i], name .. " has another vector")
        end
      elseif name:find("^c%d") or name:find("^doubled") then
        local right = name:find("^doubled") and n * 2 or name .. " of " .. n
        assert(value == right, ("%s of %d is %s"):format(name, n, tostring(value)))
      end
    end
  end

  -- A call is late if a field that it names was dropped after c.schema was read.
  local function attempt(method, ...)
    local ok, found, message, code = pcall(c[method], c, ...)
    if not ok then
      local text = tostring(found)
      local is_late = text:find("unknown field", 1, true) or text:find("unknown vector field", 1, true)
        or text:find("is missing", 1, true) or text:find("no vector field", 1, true)
        or text:find("wants", 1, true) or text:find("must name one", 1, true)
      assert(is_late, text)
      return nil
    end
    assert(found, tostring(message) .. " " .. tostring(code))
    return found
  end

  local function write(schema)
    local documents = {}
    for i = 1, random(20) do
      local n = random(400) + offset
      local doc = { id = "d" .. n }
      for _, field in ipairs(schema.fields) do
        doc[field.name] = field.name == "number" and n or value_of(field.name, n)
      end
      for _, field in ipairs(schema.vectors) do
        doc[field.name] = vector_of(n, field.dim)
      end
      documents[i] = doc
    end
    attempt("upsert", documents)
  end

  local function search(schema)
    local field = schema.vectors[random(#schema.vectors)]
    for _, hit in ipairs(attempt("query", { field = field.name, vector = vector_of(random(400), field.dim),
      topk = 20, include_vector = "table" }) or {}) do
      check(hit)
    end
    for doc in c:iterate { include_vector = "table" } do
      check(doc)
    end
    local id = "d" .. random(400) + offset
    local doc = c:fetch(id, { include_vector = "table" })
    if doc then
      check(doc)
    end
    attempt("count", "doubled > 100")
  end

  print("ready")
  while not c:fetch("stop") do
    local schema = c.schema
    local names = {}
    for _, field in ipairs(schema.fields) do
      names[#names + 1] = field.name
    end
    for _, field in ipairs(schema.vectors) do
      names[#names + 1] = field.name .. ":" .. field.index.type
    end
    local line = table.concat(names, " ")
    if not schemas[line] then
      schemas[line] = true
      print(line)
    end
    write(schema)
    search(schema)
  end
  assert(c:check())
  c:close()
end

describe("several processes and a schema that changes:", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  it("all search and write on, nothing is lost and nothing mixed #once", function()
    local c, path = support.collection(SCHEMA, { maintenance = "manual" })
    local function vector_of(n, dim)
      local vector = {}
      for i = 1, dim do
        vector[i] = (n * (i + 1)) % 251
      end
      return vector
    end
    local documents = {}
    for n = 1, 1500 do
      documents[n] = { id = "d" .. n, n = n, doubled = n * 2, v = vector_of(n, DIM) }
    end
    c:insert(documents)
    assert(c:optimize())

    local users = {}
    for i = 1, 2 do
      users[i] = children.start(use, path, i * 500)
      assert.equal("ready", users[i]:read())
    end
    for round = 1, 12 do
      local scalar, vector = "c" .. round, "w" .. round
      assert(c:add_column({ name = scalar, type = "string" }, function(doc)
        return scalar .. " of " .. (doc.n or doc.number)
      end))
      assert(c:create_index("v", { type = "hnsw", m = 4 + round % 2, ef_construction = 20 }))
      assert(c:add_column({ name = vector, type = "vector_fp32", dim = 3 + round % 3, metric = "l2" }, function(doc)
        return vector_of(doc.n or doc.number, 3 + round % 3)
      end))
      assert(c:alter_column("n", { rename = "number" }))
      for _, user in ipairs(users) do -- each meets at least one schema of this round
        repeat until user:read():find(" " .. scalar .. " ", 1, true)
      end
      if round % 3 == 0 then
        assert(c:optimize())
      end
      assert(c:alter_column("number", { rename = "n" }))
      assert(c:drop_column(scalar))
      assert(c:drop_index("v"))
      assert(c:drop_column(vector))
    end
    for _, doc in ipairs(support.documents(c)) do
      assert.same({ id = "d" .. doc.n, n = doc.n, doubled = doc.n * 2, v = vector_of(doc.n, DIM) }, doc)
    end
    assert(c:insert { id = "stop", n = 0, doubled = 0, v = vector_of(1, DIM) })
    for _, user in ipairs(users) do
      user:wait()
    end
    assert.is_true(c:check())
    c:close()
    assert(support.collection(nil, { path = path, verify = true }))
  end)

  it("one that dies over a change leaves the collection as it was, and its files are removed", function()
    local c, path = support.collection(SCHEMA, { maintenance = "manual" })
    for n = 1, 2 do
      assert(c:insert { id = n, n = n, doubled = 2 * n, v = { n, 2, 3, 4, 5, 6, 7, 8 } })
      assert(c:add_column { name = "flag", type = "bool", default = true }) -- seals
      assert(c:drop_column("flag"))
    end
    assert.equal(2, c:stats().segments)
    c:close()
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where))
      collection:add_column({ name = "s", type = "string" }, function(doc)
        if doc.n == 2 then
          print("there") -- the first file is complete, the second has been begun
          io.read()
        end
        return "x"
      end)
    end, path)
    assert.equal("there", child:read())
    assert.equal(2, #listing.names(path, "%.col"))
    child:kill()
    c = support.collection(nil, { path = path, maintenance = "manual" })
    assert.is_nil(c:fetch("2").s)
    assert(c:delete("1") == 1)
    assert.same({}, listing.names(path, "%.col"))
    assert(c:add_column({ name = "s", type = "string" }, function()
      return "y"
    end))
    assert.equal("y", c:fetch("2").s)
    assert.is_true(c:check())
  end)

  it("a transaction waits for a change and sees it, a change waits for a transaction", function()
    local c, path = support.collection(SCHEMA)
    assert(c:insert { id = "a", n = 1, doubled = 2, v = { 1, 2, 3, 4, 5, 6, 7, 8 } })
    local child = children.start(function(where)
      local collection = assert(require("moonvec").open(where))
      collection:transaction(function(tx)
        print("begun")
        io.read()
        assert(tx:update { id = "a", doubled = 5 })
        assert(tx.schema.fields[3] == nil)
      end)
      print("committed")
      io.read()
      assert(collection:update { id = "a", tripled = 7 })
    end, path)
    assert.equal("begun", child:read())
    child:send("go on")
    assert(c:add_column({ name = "tripled", type = "int32" }, function(doc)
      assert.equal(5, doc.doubled)
      return doc.n * 3
    end))
    assert.equal("committed", child:read())
    assert.equal(3, c:fetch("a").tripled)
    child:send("go on")
    child:wait()
    assert.equal(7, c:fetch("a").tripled)
  end)
end)

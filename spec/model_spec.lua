-- Thousands of random operations, compared with the same operations on a plain Lua table.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  fields = {
    { name = "n", type = "int32" },
    { name = "word", type = "string", nullable = true },
    { name = "list", type = "array_int32", nullable = true },
  },
  vectors = { { name = "v", type = "vector_fp32", dim = 3, metric = "l2" } },
}

-- The same for a cache: documents expire, and the oldest ones make room.
local CACHE = {
  fields = {
    SCHEMA.fields[1],
    SCHEMA.fields[2],
    SCHEMA.fields[3],
    { name = "until_", type = "double", nullable = true },
  },
  vectors = SCHEMA.vectors,
  expires = "until_",
  max_documents = 35,
}
local PAST, FUTURE = 1.5, 4e9 + 0.5

local IDS = 60 -- few, so that operations often use an existing id
local WORDS = { "", "red", "green", "a rather longer word than the others" }

-- The model: documents by id, each with the number of its last write; `clock` counts writes. `max` is how many it
-- keeps, if it is one of a cache.
local function new_model(max)
  return { documents = {}, clock = 0, max = max }
end

local function put(model, document)
  model.clock = model.clock + 1
  model.documents[document.id] = { age = model.clock, document = document }
  if document.until_ == PAST then
    model.documents[document.id] = nil
  end
end

local function sorted(model, matches)
  local entries = {}
  for _, entry in pairs(model.documents) do
    if not matches or matches(entry.document) then
      entries[#entries + 1] = entry
    end
  end
  table.sort(entries, function(a, b)
    return a.age < b.age
  end)
  local documents = {}
  for i, entry in ipairs(entries) do
    documents[i] = entry.document
  end
  return documents
end

--- After a write: the oldest documents beyond the limit are evicted.
local function evict(model)
  local documents = sorted(model)
  for i = 1, #documents - (model.max or #documents) do
    model.documents[documents[i].id] = nil
  end
end

local function copy(document)
  local other = {}
  for key, value in pairs(document) do
    other[key] = value
  end
  return other
end

local function random_document(random, id, is_cache)
  local document = { id = id or "id" .. random(IDS), n = random(100), v = { random(20), random(20), random(20) } }
  if random(3) > 1 then
    document.word = WORDS[random(#WORDS)]
  end
  if random(3) > 1 then
    document.list = {}
    for i = 1, random(4) - 1 do
      document.list[i] = random(5)
    end
  end
  if is_cache then
    document.until_ = ({ PAST, FUTURE })[random(4)]
  end
  return document
end

local function batch(random, model)
  local documents, seen = {}, {}
  for _ = 1, random(model.max and random(20) == 1 and 60 or 6) do
    local document = random_document(random, nil, model.max)
    if not seen[document.id] then
      documents[#documents + 1], seen[document.id] = document, true
    end
  end
  return documents
end

-- Each operation is done on the collection and on the model; the results are compared.
local operations = {}

function operations.insert(world, random)
  local documents = batch(random, world.model)
  local clash = false
  for _, document in ipairs(documents) do
    clash = clash or world.model.documents[document.id] ~= nil
  end
  local inserted, _, code = world.c:insert(documents)
  if clash then
    assert.same({ nil, "exists" }, { inserted, code })
    return
  end
  assert.equal(#documents, inserted)
  for _, document in ipairs(documents) do
    put(world.model, document)
  end
  evict(world.model)
end

function operations.upsert(world, random)
  local documents = batch(random, world.model)
  assert.equal(#documents, world.c:upsert(documents))
  for _, document in ipairs(documents) do
    put(world.model, document)
  end
  evict(world.model)
end

function operations.update(world, random)
  local id = "id" .. random(IDS)
  local change = { id = id }
  if random(2) == 1 then
    change.n = random(100)
  end
  if random(2) == 1 then
    change.word = random(2) == 1 and moonvec.null or WORDS[random(#WORDS)]
  end
  if random(3) == 1 then
    change.v = { random(20), random(20), random(20) }
  end
  if world.model.max and random(3) == 1 then
    change.until_ = random(2) == 1 and PAST or FUTURE
  end
  local updated, _, code = world.c:update(change)
  local entry = world.model.documents[id]
  if not entry then
    assert.same({ nil, "not_found" }, { updated, code })
    return
  end
  assert.equal(1, updated)
  local document = copy(entry.document)
  for key, value in pairs(change) do
    document[key] = value
  end
  if document.word == moonvec.null then
    document.word = nil
  end
  put(world.model, document)
end

function operations.delete(world, random)
  local ids, deleted = {}, 0
  for i = 1, random(5) do
    ids[i] = "id" .. random(IDS)
    if world.model.documents[ids[i]] then
      deleted = deleted + 1
      world.model.documents[ids[i]] = nil
    end
  end
  assert.equal(deleted, world.c:delete(ids))
end

function operations.delete_by_filter(world, random)
  local low = random(100)
  local deleted = 0
  for _, document in ipairs(sorted(world.model)) do
    if document.n >= low and document.n <= low + 3 then
      deleted = deleted + 1
      world.model.documents[document.id] = nil
    end
  end
  assert.equal(deleted, world.c:delete_by_filter("n BETWEEN ? AND ?", { low, low + 3 }))
end

--- By a table, or by a function that leaves odd numbers alone. The filter tests the field that is changed.
function operations.update_by_filter(world, random)
  local low, by, is_table = random(100), random(5), random(2) == 1
  local updated = 0
  for _, document in ipairs(sorted(world.model)) do
    if document.n >= low and (is_table or document.n % 2 == 0) then
      document = copy(document)
      document.n = is_table and low + by or document.n + by
      updated = updated + 1
      put(world.model, document)
    end
  end
  local function add(document)
    return document.n % 2 == 0 and { n = document.n + by } or nil
  end
  assert.equal(updated, world.c:update_by_filter("n >= ?", { low }, is_table and { n = low + by } or add))
end

function operations.query(world, random)
  local vector, low = { random(20), random(20), random(20) }, random(120) - 20
  local exact = support.exact(sorted(world.model), "v", "l2", vector, function(document)
    return document.n > low
  end)
  local topk, offset = random(12), random(4) - 1
  local hits = world.c:query { vector = vector, topk = topk, offset = offset, filter = "n > ?", args = { low } }
  assert.equal(math.max(0, math.min(topk, #exact - offset)), #hits)
  for i, hit in ipairs(hits) do -- vectors are whole numbers, so scores and ties are exact
    assert.same({ exact[offset + i].id, exact[offset + i].score }, { hit.id, hit.score })
  end
end

function operations.select(world, random)
  local item = random(5)
  local function matches(document)
    for _, value in ipairs(document.list or {}) do
      if value == item then
        return true
      end
    end
    return document.word == "red"
  end
  local expected = support.ids(sorted(world.model, matches))
  local filter = moonvec.filter.any(
    moonvec.filter.contain_any("list", { item }),
    moonvec.filter.eq("word", "red")
  )
  assert.same(expected, support.ids(world.c:query { filter = filter, topk = 1000 }))
  assert.equal(#expected, world.c:count(filter))
end

function operations.fetch(world, random)
  local id = "id" .. random(IDS)
  local entry = world.model.documents[id]
  local found = world.c:fetch(id, { include_vector = "table" })
  assert.same(entry and entry.document, found)
end

function operations.roll_back(world, random)
  pcall(world.c.transaction, world.c, function(tx)
    tx:upsert(batch(random, world.model))
    tx:delete("id" .. random(IDS))
    error("undo")
  end)
end

function operations.commit(world, random)
  assert.is_true(world.c:transaction(function(tx)
    local within = setmetatable({ c = tx }, { __index = world })
    for _ = 1, random(4) do
      operations.upsert(within, random)
      operations.delete(within, random)
      operations.query(within, random)
    end
  end))
end

function operations.compare_all(world)
  assert.same(sorted(world.model), support.documents(world.c))
  assert.equal(#sorted(world.model), #world.c)
end

-- Less frequent, because they take longer.
local rare = {}

function rare.optimize(world)
  assert.is_true(world.c:optimize())
end

function rare.slice(world)
  assert.is_string(world.c:optimize { budget_ms = 0.05 })
end

function rare.reopen(world)
  assert.is_true(world.c:close())
  world.c = assert(moonvec.open(world.path, { durability = "none", maintenance = world.maintenance }))
end

function rare.check(world)
  assert.is_true(assert(world.c:check()))
end

local function names_of(functions)
  local names = {}
  for name in pairs(functions) do
    names[#names + 1] = name
  end
  return names
end

local function run(seed, steps, maintenance, schema)
  local random = support.random(seed)
  local world = { model = new_model(schema.max_documents), path = support.path(), maintenance = maintenance }
  world.c = assert(moonvec.open(world.path, { schema = schema, durability = "none", maintenance = maintenance }))
  local often, seldom = names_of(operations), names_of(rare)
  table.sort(often)
  table.sort(seldom)
  for step = 1, steps do
    local is_rare = random(25) == 1
    local names = is_rare and seldom or often
    local name = names[random(#names)]
    local ok, message = pcall((is_rare and rare or operations)[name], world, random)
    if not ok then
      world.c:close()
      message = type(message) == "table" and message.message or message
      error(("seed %d, step %d, %s: %s"):format(seed, step, name, tostring(message)), 0)
    end
  end
  operations.compare_all(world)
  rare.check(world)
  world.c:close()
end

describe("a collection does what a table would,", function()
  after_each(support.clean)

  for seed = 1, 4 do
    it("seed " .. seed, function()
      run(seed, 700, seed % 2 == 0 and "auto" or "manual", SCHEMA)
    end)

    it("a cache, too, seed " .. seed, function()
      run(seed, 400, seed % 2 == 0 and "auto" or "manual", CACHE)
    end)
  end

  it("at length #slow", function()
    for seed = 100, 120 do
      run(seed, 2000, seed % 2 == 0 and "auto" or "manual", seed % 3 == 0 and CACHE or SCHEMA)
    end
  end)
end)

-- Fresh rows as searches see them while they change: after each commit, in a transaction, in an older commit that a
-- cursor holds, and through fields that no search has asked for before. The truth is a table in plain Lua.

local support = require "spec.support.init"

local DIM, STEPS, KEYS = 40, 500, 120

local function schema()
  return {
    fields = {
      { name = "n", type = "int64", nullable = true },
      { name = "text", type = "string" },
      { name = "late", type = "int32" },
    },
    vectors = {
      { name = "v", type = "vector_fp32", dim = DIM, metric = "cosine" },
      { name = "half", type = "vector_fp16", dim = DIM, metric = "ip", index = { type = "flat" } },
      { name = "l1", type = "vector_fp32", dim = 3, metric = "l1", index = { type = "flat" } },
    },
  }
end

-- Numbers that vector_fp16 stores exactly.
local function vector(random, dim)
  local v = {}
  for i = 1, dim do v[i] = (random(255) - 128) / 16 end
  return v
end

local function document(random, key)
  return {
    id = "key" .. key,
    n = random(4) > 1 and random(20) or nil,
    text = ("x"):rep(random(30)),
    late = random(10),
    v = vector(random, DIM),
    half = vector(random, DIM),
    l1 = vector(random, 3),
  }
end

local METRICS = { v = "cosine", half = "ip", l1 = "l1" }

local function expect_nearest(hits, documents, field, query, passes, topk)
  local list, score = {}, support.scores[METRICS[field]]
  for _, d in pairs(documents) do list[#list + 1] = d end
  local exact = support.exact(list, field, METRICS[field], query, passes)
  assert.equal(math.min(topk, #exact), #hits)
  for i, hit in ipairs(hits) do
    local d = documents[hit.id]
    assert.is_true(d ~= nil and passes(d))
    assert.is_true(support.near(score(d[field], query), hit.score) and support.near(exact[i].score, hit.score))
  end
end

local function copy(documents)
  local made = {}
  for id, d in pairs(documents) do made[id] = d end
  return made
end

local function everything() return true end

local function check(c, documents, random, with_late)
  local count = 0
  for _ in pairs(documents) do count = count + 1 end
  assert.equal(count, c:count())
  for _, field in ipairs { "v", "half", "l1" } do
    local query = vector(random, field == "l1" and 3 or DIM)
    local hits = assert(c:query { field = field, vector = query, topk = 7 })
    expect_nearest(hits, documents, field, query, everything, 7)
    local n = random(20)
    hits = assert(c:query { field = field, vector = query, topk = 4, filter = "n <= ?", args = { n } })
    expect_nearest(hits, documents, field, query, function(d) return d.n ~= nil and d.n <= n end, 4)
  end
  local id = "key" .. random(KEYS)
  assert.equal(documents[id] and 1 or 0, c:count("id = ?", { id }))
  assert.equal(documents[id] and documents[id].text, (c:fetch(id) or {}).text)
  local some, expected = {}, 0
  for i = 1, 5 do
    some[i] = "key" .. i * 3
    expected = expected + (documents[some[i]] and 1 or 0)
  end
  assert.equal(expected, c:count("id IN ?", { some }))
  if not with_late then return end
  local late = 0
  for _, d in pairs(documents) do late = late + (d.late == 3 and #d.text > 5 and 1 or 0) end
  assert.equal(late, c:count("late = 3 AND text LIKE 'xxxxxx%'"))
end

-- A cursor over all documents, and what was there when it began.
local function begin_cursor(c, documents, random)
  local query = vector(random, DIM)
  local next_hit, state, control = c:cursor { field = "v", vector = query }
  local first = next_hit(state, control)
  return { next = next_hit, state = state, control = control, first = first, documents = copy(documents) }
end

local function end_cursor(cursor)
  local seen = cursor.first and 1 or 0
  if cursor.first then assert.is_not_nil(cursor.documents[cursor.first.id]) end
  for hit in cursor.next, cursor.state, cursor.control do
    assert.is_not_nil(cursor.documents[hit.id])
    seen = seen + 1
  end
  local count = 0
  for _ in pairs(cursor.documents) do count = count + 1 end
  assert.equal(count, seen)
end

local function step(c, documents, random)
  local key, choice = random(KEYS), random(10)
  local id = "key" .. key
  if choice <= 6 then
    local d = document(random, key)
    assert(c:upsert(d))
    documents[id] = d
  elseif choice <= 8 then
    assert.equal(documents[id] and 1 or 0, c:delete(id))
    documents[id] = nil
  else
    local batch = {}
    for i = 1, random(40) do
      batch[i] = document(random, (key + i) % KEYS + 1)
      documents[batch[i].id] = batch[i]
    end
    assert(c:upsert(batch))
  end
end

describe("fresh rows", function()
  after_each(support.clean)

  for seed = 1, 2 do
    it("are searched as they are in each commit, seed " .. seed, function()
      local random, documents, cursor = support.random(seed), {}, nil
      local c = support.collection(schema(), { path = seed == 1 and ":memory:" or nil, maintenance = "manual" })
      for i = 1, STEPS do
        step(c, documents, random)
        if i % 5 == 0 or i > STEPS - 20 then check(c, documents, random, i > STEPS / 2) end
        if i % 60 == 0 then
          if cursor then end_cursor(cursor) end
          cursor = begin_cursor(c, documents, random)
        end
        if i == STEPS / 2 then assert(c:optimize()) end -- seals them
      end
      end_cursor(cursor)
      check(c, documents, random, true)
    end)
  end

  it("are searched in a transaction, and as before after it is undone", function()
    local random, documents = support.random(3), {}
    local c = support.collection(schema(), { maintenance = "manual" })
    for _ = 1, 60 do step(c, documents, random) end
    check(c, documents, random)
    local inside = copy(documents)
    assert.has_error(function()
      c:transaction(function(t)
        for _ = 1, 30 do
          step(t, inside, random)
          check(t, inside, random, true)
        end
        error("undo")
      end)
    end)
    check(c, documents, random, true)
    step(c, documents, random)
    check(c, documents, random, true)
  end)

  it("that another handle writes are followed", function()
    local random, documents = support.random(4), {}
    local c, path = support.collection(schema(), { maintenance = "manual" })
    local other = support.collection(nil, { path = path, maintenance = "manual" })
    for i = 1, 100 do
      step(other, documents, random)
      if i % 3 == 0 then check(c, documents, random) end
    end
  end)

  it("of a changed schema are searched", function()
    local random, documents = support.random(5), {}
    local c = support.collection(schema(), { maintenance = "manual" })
    for _ = 1, 40 do step(c, documents, random) end
    check(c, documents, random)
    assert(c:add_column({ name = "more", type = "int32", default = 4 }))
    check(c, documents, random, true)
    for _ = 1, 10 do step(c, documents, random) end
    local count = 0
    for _ in pairs(documents) do count = count + 1 end
    assert.equal(count, c:count("more = 4"))
    check(c, documents, random, true)
  end)
end)

-- group_by_query finds the best groups and their best hits, held against plain Lua over all documents.

local mixed_rows = require "spec.support.mixed_rows"
local support = require "spec.support.init"

--- The groups in plain Lua. `exact`: ids and scores of all documents that match, best first.
local function group_in_lua(documents, exact, by, count, per_group)
  local values, groups, by_value = {}, {}, {}
  for _, document in ipairs(documents) do
    values[document.id] = document[by]
  end
  for _, found in ipairs(exact) do
    local value = values[found.id]
    local group = value ~= nil and by_value[value]
    if value ~= nil and not group and #groups < count then
      group = { group = value, hits = {} }
      by_value[value], groups[#groups + 1] = group, group
    end
    if group and #group.hits < per_group then
      group.hits[#group.hits + 1] = found
    end
  end
  return groups
end

local function check_groups(groups, wanted)
  support.expect(#groups == #wanted, ("%d groups, %d expected"):format(#groups, #wanted))
  for i, group in ipairs(groups) do
    local of = "group " .. tostring(wanted[i].group) .. ", "
    support.expect(group.group == wanted[i].group, of .. "got " .. tostring(group.group))
    support.expect(#group.hits == #wanted[i].hits, of .. #group.hits .. " hits")
    for rank, hit in ipairs(group.hits) do
      support.expect(hit.id == wanted[i].hits[rank].id, of .. "rank " .. rank .. ": " .. hit.id)
      support.expect(support.near(hit.score, wanted[i].hits[rank].score), of .. "score of " .. hit.id)
    end
    for name in pairs(group) do
      support.expect(name == "group" or name == "hits", of .. name)
    end
  end
end

local function check_random(c, documents, random)
  local fields = { "source", "source", "n", "flag", "share", "x", "big", "day" }
  local by, field = fields[random(#fields)], mixed_rows.vectors[random(#mixed_rows.vectors)]
  local filter = mixed_rows.filters[random(2 * #mixed_rows.filters)]
  local count, per_group = random(12), random(2) == 1 and 1 or random(40)
  local vector = mixed_rows.query_vector(random, field)
  local exact = support.exact(documents, field, mixed_rows.metrics[field], vector, filter and filter.matches)
  local groups = assert(c:group_by_query {
    field = field, vector = vector, group_by = by, group_count = count, topk_per_group = per_group,
    filter = filter and filter.text, args = filter and filter.args, output_fields = { "n" },
  })
  check_groups(groups, group_in_lua(documents, exact, by, count, per_group))
  for _, group in ipairs(groups) do
    local hit = group.hits[1]
    support.expect(hit.n and (by == "n" or hit[by] == nil), "fields of " .. hit.id)
  end
end

describe("group_by_query by text", function()
  after_each(support.clean)

  it("groups what a search by text finds", function()
    local c = support.collection { fields = {
      { name = "source", type = "string" }, { name = "body", type = "string", index = "text" },
    } }
    for n = 1, 60 do
      assert(c:insert { id = n, source = "s" .. n % 7, body = ("word "):rep(n % 5 + 1) .. ("other "):rep(n % 3) })
    end
    local wanted = group_in_lua(c:query { filter = "true", topk = 60 }, c:query { text = "word", topk = 60 }, "source",
      5, 3)
    check_groups(c:group_by_query { text = "word", group_by = "source", group_count = 5, topk_per_group = 3 }, wanted)
  end)
end)

describe("group_by_query", function()
  after_each(support.clean)

  it("groups what plain Lua groups", function()
    for seed = 1, 6 do
      local c, documents, random = mixed_rows.open(seed + 20, seed < 6 and 80 * seed or 8000)
      for round = 1, seed < 6 and 80 or 20 do
        local ok, message = pcall(check_random, c, documents, random)
        assert(ok, ("seed %d, round %d: %s"):format(seed, round, tostring(message)))
      end
    end
  end)

  it("groups without a vector in the order of the query", function()
    local c, documents = mixed_rows.open(31, 200)
    local function sort_key(document)
      return document.n
    end
    local ordered = {}
    for age, document in ipairs(documents) do
      ordered[age] = { id = document.id, score = 0, key = -sort_key(document), age = age }
    end
    table.sort(ordered, function(a, b)
      return a.key < b.key or a.key == b.key and a.age < b.age
    end)
    local groups = assert(c:group_by_query { group_by = "source", order_by = "n DESC", group_count = 6,
      topk_per_group = 30 })
    check_groups(groups, group_in_lua(documents, ordered, "source", 6, 30))
  end)

  -- The nearest 3,000 documents are all of one group, the next 1,000 of another; three groups have one each, far away.
  local function skewed(index)
    local c = support.collection({
      fields = { { name = "source", type = "string", nullable = true } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2", index = index } },
    }, { path = ":memory:", maintenance = "manual" })
    local documents = {}
    for n = 1, 4000 do
      documents[n] = { id = "d" .. n, source = n <= 3000 and "many" or "some", v = { n, n % 7 } }
    end
    for i, source in ipairs { "rare1", "rare2", "rare3" } do
      documents[#documents + 1] = { id = source, source = source, v = { 5000 + i, 0 } }
    end
    documents[#documents + 1] = { id = "none", v = { 1, 0 } }
    assert(c:insert(documents))
    return c
  end

  it("finds all groups, whatever the skew", function()
    for _, index in ipairs { "flat", "hnsw" } do
      local c = skewed(index)
      for _ = 1, 2 do
        for per_group = 1, 3, 2 do
          local groups = assert(c:group_by_query { vector = { 0, 0 }, group_by = "source", topk_per_group = per_group })
          local summary = {}
          for i, group in ipairs(groups) do
            summary[i] = ("%s %s %d"):format(group.group, group.hits[1].id, #group.hits)
          end
          local some = math.min(per_group, 4000)
          assert.same({ "many d1 " .. some, "some d3001 " .. some, "rare1 rare1 1", "rare2 rare2 1", "rare3 rare3 1" },
            summary)
        end
        assert(c:optimize())
      end
    end
  end)

  it("keeps to min_score and max_distance", function()
    local c = skewed "flat"
    local groups = assert(c:group_by_query { vector = { 0, 0 }, group_by = "source", max_distance = 3500 ^ 2 })
    assert.same({ "many", "some" }, { groups[1].group, groups[2].group })
    assert.equal(2, #groups)
    assert.same({}, c:group_by_query { vector = { 0, 0 }, group_by = "source", min_score = 1 })
  end)

  it("searches for the vector of a document", function()
    local c = skewed "flat"
    local groups = assert(c:group_by_query { id = "d3001", group_by = "source", group_count = 2 })
    assert.same({ "many d3000", "some d3002" }, {
      groups[1].group .. " " .. groups[1].hits[1].id, groups[2].group .. " " .. groups[2].hits[1].id })
    assert.same({ nil, "document 'x' not found", "not_found" }, { c:group_by_query { id = "x", group_by = "source" } })
  end)

  it("sees the writes of its transaction", function()
    local c = skewed "flat"
    assert(c:transaction(function(tx)
      assert(tx:delete_by_filter "source = 'many'")
      assert.equal("some", tx:group_by_query { vector = { 0, 0 }, group_by = "source" }[1].group)
      assert.equal("many", c:group_by_query { vector = { 0, 0 }, group_by = "source" }[1].group)
    end))
  end)

  it("refuses misuse", function()
    local c = mixed_rows.open(40, 4)
    local function with(options)
      local all = { field = "near", vector = { 1, 2, 3 }, group_by = "source" }
      for name, value in pairs(options) do
        all[name] = value or nil
      end
      return all
    end
    local cases = {
      { 5, "group_by_query: expected a table of options, got a number" },
      { with { group_by = false }, "group_by_query: 'group_by' must be the name of a field, got a nil" },
      { with { group_by = "sorce" }, "group_by_query: unknown field 'sorce' (did you mean 'source'?)" },
      { with { group_by = "tags" },
        "group_by_query: 'group_by' must name a field with single values, 'tags' is an array_string" },
      { with { group_by = "near" }, "group_by_query: 'group_by' must name a scalar field, 'near' is a vector_fp32" },
      { with { group_by = "id" }, "group_by_query: 'group_by' must name a scalar field, got 'id'" },
      { with { group_size = 3 }, "group_by_query: unknown option 'group_size' (did you mean 'topk_per_group'?)" },
      { with { limit = 3 }, "group_by_query: unknown option 'limit' (did you mean 'group_count'?)" },
      { with { group_count = 0 }, "group_by_query: 'group_count' must be a whole number from 1 to 1000000, got 0" },
      { with { group_count = 2000, topk_per_group = 1000 },
        "group_by_query: 'group_count' × 'topk_per_group' must be at most 1000000, got 2000000" },
      { with { filter = "n = " }, "filter:5: expected a value after '=', found the end" },
      { with { vector = { 1 } }, "group_by_query: vector has 1 numbers, field 'near' wants 3" },
      { with { output_fields = 5 }, "group_by_query: 'output_fields' must be an array of names, got a number" },
    }
    for _, case in ipairs(cases) do
      local message = support.message_of(c.group_by_query, c, case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
    end
  end)
end)

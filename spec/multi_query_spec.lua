-- multi_query searches several times in one commit and fuses the hits, held against plain Lua.

local core = require "moonvec.core"
local mixed_rows = require "spec.support.mixed_rows"
local moonvec = require "moonvec"
local support = require "spec.support.init"

-- ---------------------------------------------------------------- fusion in plain Lua

--- What a found hit and a missing document are worth in a list of scores.
local worths = {}

function worths.rrf(scores, k)
  local found = {}
  for rank = 1, #scores do
    found[rank] = 1 / ((k or 60) + rank)
  end
  return found, 0
end

function worths.none(scores)
  return scores, scores[#scores] or 0
end

function worths.minmax(scores)
  local high, low, found = scores[1], scores[#scores], {}
  for rank, score in ipairs(scores) do
    found[rank] = high == low and 1 or (score - low) / (high - low)
  end
  return found, 0
end

local function mean_and_deviation(scores)
  local mean, variance = 0, 0
  for _, score in ipairs(scores) do
    mean = mean + score / #scores
  end
  for _, score in ipairs(scores) do
    variance = variance + (score - mean) ^ 2 / (#scores - 1)
  end
  return mean, #scores > 1 and math.sqrt(variance) or 0
end

function worths.zscore(scores)
  local mean, deviation = mean_and_deviation(scores)
  local found = {}
  for rank, score in ipairs(scores) do
    found[rank] = deviation == 0 and 0 or (score - mean) / deviation
  end
  return found, found[#found] or 0
end

function worths.dbsf(scores)
  local mean, deviation = mean_and_deviation(scores)
  local found = {}
  for rank, score in ipairs(scores) do
    local low, high = mean - 3 * deviation, mean + 3 * deviation
    found[rank] = high == low and 0.5 or (score - low) / (high - low)
  end
  return found, 0
end

--- By id the fused score and the parts, and how many documents there are.
local function fuse_in_lua(lists, weights, worth)
  local scores, parts, count = {}, {}, 0
  for i, list in ipairs(lists) do
    for rank, hit in ipairs(list) do
      count = count + (parts[hit.id] and 0 or 1)
      parts[hit.id] = parts[hit.id] or {}
      parts[hit.id][i] = { rank = rank, score = hit.score }
    end
  end
  for i, list in ipairs(lists) do
    local of_list = {}
    for rank, hit in ipairs(list) do
      of_list[rank] = hit.score
    end
    local found, absent = worth(of_list)
    for id, of_document in pairs(parts) do
      local value = of_document[i] and found[of_document[i].rank] or absent
      scores[id] = (scores[id] or 0) + weights[i] * value
    end
  end
  return scores, parts, count
end

local function is_near(a, b)
  return math.abs(a - b) <= 1e-9 * math.max(1, math.abs(a), math.abs(b))
end

local function check_fused(hits, scores, parts, count)
  local sorted = {}
  for _, score in pairs(scores) do
    sorted[#sorted + 1] = score
  end
  table.sort(sorted, function(a, b) return a > b end)
  support.expect(#hits == count, ("%d hits, %d expected"):format(#hits, count))
  for i, hit in ipairs(hits) do
    support.expect(is_near(hit.score, scores[hit.id]), "score of " .. hit.id)
    support.expect(is_near(hit.score, sorted[i]), "score at rank " .. i)
    support.expect(hit.distance == nil, "distance")
    for leg = 1, 5 do
      local part, wanted = hit.parts[leg], parts[hit.id][leg]
      support.expect((part == nil) == (wanted == nil), "part of " .. hit.id)
      support.expect(not part or part.rank == wanted.rank and is_near(part.score, wanted.score), "part of " .. hit.id)
    end
  end
end

-- ---------------------------------------------------------------- random queries

local function matches_both(a, b)
  return function(document)
    return (not a or a.matches(document)) and (not b or b.matches(document))
  end
end

local function first(list, count)
  local some = {}
  for i = 1, math.min(count, #list) do
    some[i] = list[i]
  end
  return some
end

--- A random search, and its hits in plain Lua.
local function random_leg(random, documents, outer, topk)
  local field = mixed_rows.vectors[random(#mixed_rows.vectors)]
  local filter = mixed_rows.filters[random(2 * #mixed_rows.filters)]
  local leg = { field = field, filter = filter and filter.text, args = filter and filter.args }
  local matches, vector = matches_both(outer, filter), mixed_rows.query_vector(random, field)
  if field ~= "angle" and random(4) == 1 then -- the angles of documents are at equal distances
    local document = documents[random(#documents)]
    leg.id, vector = document.id, document[field]
    local all = matches
    matches = function(other) return other.id ~= document.id and all(other) end
  else
    leg.vector = vector
  end
  if random(2) == 1 then
    leg.topk = random(40)
  end
  leg.weight = random(3) == 1 and random(4) / 2 or nil
  local hits = support.exact(documents, field, mixed_rows.metrics[field], vector, matches)
  return leg, first(hits, leg.topk or math.max(50, topk))
end

local ways = {
  { fuse = nil, worth = worths.rrf },
  { fuse = "rrf", worth = worths.rrf },
  { fuse = moonvec.fuse.rrf { k = 5 }, worth = function(scores) return worths.rrf(scores, 5) end },
  { fuse = "weighted", worth = worths.minmax },
  { fuse = moonvec.fuse.weighted { normalize = "zscore" }, worth = worths.zscore },
  { fuse = moonvec.fuse.weighted { normalize = "none" }, worth = worths.none },
  { fuse = "dbsf", worth = worths.dbsf },
  { fuse = moonvec.fuse.dbsf(), worth = worths.dbsf },
}

--- The lists that were found are those of plain Lua. They give them their scores, because fusing magnifies the
--- difference between floats and doubles.
local function take_scores(lists, found)
  for i, list in ipairs(lists) do
    support.expect(#found[i] == #list, "length of list " .. i)
    for rank, hit in ipairs(list) do
      support.expect(found[i][rank].id == hit.id, ("list %d, rank %d"):format(i, rank))
      support.expect(support.near(found[i][rank].score, hit.score), "score of " .. hit.id)
      hit.score = found[i][rank].score
    end
  end
end

local function check_random(c, documents, random)
  local outer = mixed_rows.filters[random(2 * #mixed_rows.filters)]
  local way, topk = ways[random(#ways)], random(70)
  local legs, lists, weights, own_weights = {}, {}, {}, random(3) == 1 and {} or nil
  for i = 1, random(4) do
    legs[i], lists[i] = random_leg(random, documents, outer, topk)
    weights[i] = legs[i].weight or 1
    if own_weights then
      own_weights[i] = random(5) - 1
      weights[i] = own_weights[i]
    end
  end
  local fuse, worth = way.fuse, way.worth
  if own_weights then
    fuse, worth = moonvec.fuse.rrf { weights = own_weights }, worths.rrf
  end
  local query = {
    queries = legs, topk = topk, filter = outer and outer.text, args = outer and outer.args, output_fields = { "n" },
  }
  query.fuse = function(found)
    take_scores(lists, found)
    return {}
  end
  assert(c:multi_query(query))
  query.fuse = fuse
  local hits = assert(c:multi_query(query))
  local scores, parts, count = fuse_in_lua(lists, weights, worth)
  check_fused(hits, scores, parts, math.min(topk, count))
  for _, hit in ipairs(hits) do
    support.expect(hit.n and not hit.source and not hit.near, "fields of " .. hit.id)
  end
end

describe("multi_query", function()
  after_each(support.clean)

  it("fuses what plain Lua fuses", function()
    for seed = 1, 6 do
      local c, documents, random = mixed_rows.open(seed, seed < 6 and 60 * seed or 8000)
      for round = 1, seed < 6 and 60 or 10 do
        local ok, message = pcall(check_random, c, documents, random)
        assert(ok, ("seed %d, round %d: %s"):format(seed, round, tostring(message)))
      end
    end
  end)

  local function small()
    local c = support.collection({
      fields = { { name = "n", type = "int32" }, { name = "kind", type = "string", nullable = true } },
      vectors = {
        { name = "a", type = "vector_fp32", dim = 1, metric = "l2" },
        { name = "b", type = "vector_fp32", dim = 1, metric = "ip" },
      },
    }, { path = ":memory:" })
    for n = 1, 100 do
      assert(c:insert { id = "d" .. n, n = n, a = { n }, b = { 101 - n } })
    end
    return c
  end

  it("asks each search for 50 hits, or for topk if that is more", function()
    local c = small()
    local lengths
    local function measure(lists)
      lengths = { #lists[1], #lists[2] }
      return lists[1]
    end
    local legs = { { field = "a", vector = { 0 } }, { field = "b", vector = { 1 }, topk = 3 } }
    assert.equal(10, #c:multi_query { queries = legs, fuse = measure })
    assert.same({ 50, 3 }, lengths)
    assert.equal(60, #c:multi_query { queries = legs, topk = 60, fuse = measure })
    assert.same({ 60, 3 }, lengths)
    assert.equal(20, #c:multi_query { queries = legs, topk = 20, fuse = measure,
      rerank = function(hit) return hit.n end })
    assert.same({ 80, 3 }, lengths)
  end)


  it("prefers the earlier search among equal scores", function()
    local c = small()
    local hits = assert(c:multi_query {
      topk = 4,
      queries = { { field = "a", vector = { 0 }, topk = 2 }, { field = "b", vector = { -1 }, topk = 2 } },
    })
    assert.same({ "d1", "d100", "d2", "d99" }, support.ids(hits))
    assert.same({ { rank = 1, score = -1 } }, hits[1].parts)
    assert.same({ [2] = { rank = 1, score = -1 } }, hits[2].parts)
  end)

  it("hands the lists, their weights and all fields to a function", function()
    local c = small()
    local hits = assert(c:multi_query {
      queries = { { field = "a", vector = { 0 }, topk = 2, weight = 3 }, { field = "b", vector = { 1 }, topk = 2 } },
      include_vector = "table",
      fuse = function(lists)
        assert.same({ 3, 1 }, { lists[1].weight, lists[2].weight })
        assert.same({ 1, { 1 }, { 100 } }, { lists[1][1].n, lists[1][1].a, lists[1][1].b })
        lists[2][2].score = 7
        return { lists[2][2], lists[1][1] }
      end,
    })
    assert.same({ { id = "d2", n = 2, a = { 2 }, b = { 99 }, score = 7,
      parts = { { rank = 2, score = -4 }, { rank = 2, score = 99 } } } }, { hits[1] })
    assert.equal(2, #hits)
  end)

  it("re-ranks the fused hits", function()
    local c = small()
    local legs = { { field = "a", vector = { 0 } }, { field = "b", vector = { 1 } } }
    local function by_n(hit)
      return hit.n
    end
    assert.same({ "d8", "d7" }, support.ids(c:multi_query { queries = legs, topk = 2, rerank = by_n }))
    assert.same({ "d20", "d19" },
      support.ids(c:multi_query { queries = legs, topk = 2, candidates = 20, rerank = by_n }))
    local hits = c:multi_query { queries = legs, topk = 2, output_fields = {}, rerank = moonvec.rerank.chain(by_n,
      moonvec.rerank.decay { field = "n", origin = 8, scale = 1, shape = "linear" }) }
    assert.same({ "d8", "d7" }, support.ids(hits))
    assert.same({ 8, 3.5 }, { hits[1].score, hits[2].score })
    assert.is_nil(hits[1].n)
  end)

  it("chooses different ones among the fused hits", function()
    local c = small()
    local hits = assert(c:multi_query {
      queries = { { field = "a", vector = { 0 }, topk = 20 }, { field = "b", vector = { 1 }, topk = 20 } },
      topk = 3, candidates = 20, rerank = moonvec.rerank.mmr { field = "a", lambda = 0.4, normalize = "minmax" },
    })
    assert.same({ "d1", "d20" }, { hits[1].id, hits[2].id }) -- the best one, then the one farthest from it
    assert.equal(3, #hits)
    assert.is_nil(hits[1].a)
    assert.same({ { rank = 1, score = -1 }, { rank = 1, score = 100 } }, hits[1].parts)
  end)

  it("lets its functions yield", function()
    local c = small()
    local ask = coroutine.wrap(function()
      return c:multi_query {
        queries = { { field = "a", vector = { 0 } } }, topk = 1, candidates = 2,
        fuse = function(lists)
          coroutine.yield "fuse"
          return lists[1]
        end,
        rerank = function(hit)
          return coroutine.yield(hit.id)
        end,
      }
    end)
    assert.same({ "fuse", "d1", "d2" }, { ask(), ask(), ask(1) })
    assert.same({ "d2" }, support.ids(ask(2)))
  end)

  -- Two lists of all documents, in opposite orders.
  local function opposite(changes)
    local options = { queries = {
      { field = "a", vector = { 0 }, topk = 20, weight = 2 }, { field = "b", vector = { 1 }, topk = 20 },
    } }
    for name, value in pairs(changes) do
      options[name] = value
    end
    return options
  end

  it("skips the first hits", function()
    local c = small()
    local all, paged = assert(c:multi_query(opposite { topk = 20 })), {}
    for offset = 0, 24, 3 do
      for _, hit in ipairs(assert(c:multi_query(opposite { topk = 3, offset = offset }))) do
        paged[#paged + 1] = hit
      end
    end
    assert.equal(20, #paged)
    assert.same(all, paged)
  end)

  it("asks each search for as many hits as a page needs", function()
    local c, asked = small(), nil
    local options = {
      queries = { { field = "a", vector = { 0 } } }, topk = 5, offset = 60,
      fuse = function(lists)
        asked = #lists[1]
        return lists[1]
      end,
    }
    assert.same({ "d61", "d62", "d63", "d64", "d65" }, support.ids(assert(c:multi_query(options))))
    assert.equal(65, asked)
    options.rerank = function(hit) return hit.score end
    assert.same({ "d61", "d62", "d63", "d64", "d65" }, support.ids(assert(c:multi_query(options))))
    assert.equal(80, asked) -- candidates: 4 × topk + offset
  end)

  it("skips hits that were re-ranked", function()
    local c = small()
    local function rerank(hit) return hit.n end
    local all = assert(c:multi_query(opposite { topk = 20, candidates = 20, rerank = rerank }))
    local page = assert(c:multi_query(opposite { topk = 4, offset = 3, candidates = 20, rerank = rerank }))
    assert.equal(4, #page)
    for i, hit in ipairs(page) do assert.same(all[i + 3], hit) end
  end)

  it("explains each search", function()
    local c = small()
    local options = opposite { topk = 4, offset = 2, rerank = function(hit) return -hit.n end }
    local hits = assert(c:multi_query(options))
    options.explain = true
    local plan = assert(c:multi_query(options))
    assert.same(hits, plan.hits)
    assert.equal(2, #plan.queries)
    local search_ms = 0
    for _, one in ipairs(plan.queries) do
      assert.is_nil(one.hits)
      assert.equal(#c, one.rows)
      assert.equal("fresh rows", one.steps[1].of)
      search_ms = search_ms + one.search_ms
    end
    assert.equal(search_ms, plan.search_ms)
    assert.is_true(plan.search_ms > 0 and plan.filter_ms >= 0)
    options.explain = false
    assert.same(hits, assert(c:multi_query(options)))
  end)

  it("reads one commit", function()
    local c = small()
    local pinned = core.pin(c)
    assert(c:delete "d1")
    assert(c:insert { id = "new", n = 0, a = { 0 }, b = { 0 } })
    assert(c:optimize())
    local nearest = { field = "a", vector = { 0 }, topk = 1 }
    assert.equal("d1", core.query_pinned(c, nearest, pinned)[1].id)
    assert.equal("d2", core.query_pinned(c, { field = "a", id = "d1", topk = 1 }, pinned)[1].id)
    assert.equal("new", c:query(nearest)[1].id)
    core.query_recycle(c, pinned)
    core.query_recycle(c, pinned) -- once more: nothing happens
    assert.equal("query: the search has ended, or its collection is closed",
      support.message_of(core.query_pinned, c, nearest, pinned))
    local other, another = core.pin(c), core.pin(c)
    assert.not_equal(other, another)
    assert.equal("new", core.query_pinned(c, nearest, other)[1].id)
    core.query_recycle(c, other)
    assert.equal("new", core.query_pinned(c, nearest, another)[1].id)
  end)

  it("reads what its transaction has written", function()
    local c = small()
    local legs = { { field = "a", vector = { 0 } }, { field = "b", vector = { 1 } } }
    assert(c:transaction(function(tx)
      assert(tx:delete "d1")
      assert.equal("d2", tx:multi_query { queries = legs }[1].id)
      assert.equal("d1", c:multi_query { queries = legs }[1].id)
    end))
    assert.equal("d2", c:multi_query { queries = legs }[1].id)
  end)

  it("returns failures of a search", function()
    local c = small()
    local legs = { { field = "a", vector = { 0 } }, { field = "b", id = "x" } }
    local hits, message, code = c:multi_query { queries = legs }
    assert.same({ nil, "document 'x' not found", "not_found" }, { hits, message, code })
  end)

  it("refuses misuse, and names the search", function()
    local c = small()
    local a = { field = "a", vector = { 0 } }
    local function with(options)
      local copy = { field = "a", vector = { 0 } }
      for name, value in pairs(options) do
        copy[name] = value or nil
      end
      return { queries = { a, copy } }
    end
    local cases = {
      { 5, "multi_query: expected a table of options, got a number" },
      { {}, "multi_query: 'queries' must be an array of searches, got a nil" },
      { { queries = {} }, "multi_query: 'queries' must be an array of searches, got none" },
      { { prefetch = { a } }, "multi_query: unknown option 'prefetch' (did you mean 'queries'?)" },
      { { queries = { a, 5 } }, "multi_query: queries[2] must be a table of options, got a number" },
      { { queries = { a }, topk = 0 }, "multi_query: 'topk' must be a whole number from 1 to 1000000, got 0" },
      { { queries = { a }, candidates = 5 }, "multi_query: 'candidates' needs 'rerank'" },
      { { queries = { a }, offset = -1 }, "multi_query: 'offset' must be a whole number from 0 to 1000000, got -1" },
      { { queries = { a }, topk = 1, offset = 1000000 },
        "multi_query: 'topk' + 'offset' must be at most 1000000, got 1000001" },
      { { queries = { a }, offset = 3, candidates = 12, rerank = print },
        "multi_query: 'candidates' must be a whole number from 13 to 1000000, got 12" },
      { { queries = { a }, explain = 1 }, "multi_query: 'explain' must be true or false, got a number" },
      { { queries = { a }, rerank = 5 }, "multi_query: 'rerank' must be a function or a re-ranker, got a number" },
      { { queries = { a }, fuse = "rff" }, "multi_query: unknown way to fuse 'rff' (did you mean 'rrf'?)" },
      { { queries = { a }, fuse = {} },
        "multi_query: 'fuse' must be a function, or one of 'rrf', 'weighted' and 'dbsf', got a table" },
      { { queries = { a }, fuse = function() end }, "multi_query: 'fuse' must return an array of hits, got a nil" },
      { { queries = { a }, fuse = function() return { { id = "d1" } } end },
        "multi_query: 'fuse' must return hits of the lists, each with a score, element 1 is none" },
      { { queries = { a }, fuse = moonvec.fuse.rrf { weights = { 1, 2 } } },
        "fuse.rrf: 'weights' has 2 numbers, there are 1 lists of hits" },
      { with { limit = 5 }, "multi_query: queries[2]: unknown option 'limit' (did you mean 'topk'?)" },
      { with { vector = false },
        "multi_query: queries[2]: expected one of 'vector', 'vectors_of_one', 'id', 'text', 'match'" },
      { with { id = 3 },
        "multi_query: queries[2]: only one of 'vector', 'vectors_of_one', 'id', 'text', 'match' can be given" },
      { with { weight = -1 }, "multi_query: queries[2]: 'weight' must be a number of at least 0, got -1" },
      { with { field = "c" }, "multi_query: queries[2]: unknown vector field 'c'" },
      { with { vector = { 1, 2 } }, "multi_query: queries[2]: vector has 2 numbers, field 'a' wants 1" },
      { with { args = { 1 } }, "multi_query: queries[2]: 'args' needs 'filter'" },
      { with { filter = 5 }, "multi_query: queries[2]: 'filter' must be a string or built by moonvec.filter, got a" },
    }
    for _, case in ipairs(cases) do
      local message = support.message_of(c.multi_query, c, case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
    end
  end)

  it("fuses by rank the same with and without tables of the hits", function()
    local c = small()
    local rrf = moonvec.fuse.rrf { k = 7, weights = { 2, 1, 0.5 } }
    local function pair(options)
      options.queries = {
        { field = "a", vector = { 0 }, topk = 4 },
        { field = "a", vector = { 3 }, topk = 9, filter = "n > 1" },
        { id = "d2", field = "a", topk = 2, weight = 3 },
      }
      options.fuse = rrf
      local without = c:multi_query(options)
      options.fuse = function(lists, count) return rrf(lists, count) end
      return c:multi_query(options), without
    end
    for _, options in ipairs {
      {}, { topk = 2 }, { topk = 3, offset = 2 }, { output_fields = {} }, { output_fields = { "n" } },
      { include_vector = "table" }, { filter = "n < 3" }, { filter = "n < 0" },
      { topk = 2, rerank = function(hit) return -hit.n end },
    } do
      local with, without = pair(options)
      assert.same(with, without)
    end
  end)

  it("fuses no further results once a search has failed, and ends those before it", function()
    local c = small()
    local function searches()
      return c:multi_query { queries = { { field = "a", vector = { 0 } }, { field = "a", id = "none" } } }
    end
    for _ = 1, 3 do
      local hits, message, code = searches()
      assert.same({ nil, "not_found" }, { hits, code })
      assert.truthy(message:find "none")
    end
    assert.equal(3, #c:multi_query { topk = 3, queries = { { field = "a", vector = { 0 } } } })
  end)

  it("shows the position in the filter that is wrong", function()
    local c = small()
    local function message_of(outer, filter, args)
      return support.message_of(c.multi_query, c,
        { filter = outer, queries = { { field = "a", vector = { 0 }, filter = filter, args = args } } })
    end
    local function alone(filter, args)
      local message = support.message_of(c.query, c, { filter = filter, args = args })
      return (message:gsub("^query:", "multi_query: queries[1]:"))
    end
    for _, filter in ipairs { "n = ", "m = 1", "n = 1) OR (n = 2", "n = ?", "kind = 'x", "(n = 1", "n = 'x'" } do
      assert.equal(alone(filter), message_of("n > 0", filter))
      assert.equal(alone(filter), message_of(filter, "n > 0"))
    end
    assert.equal(alone("n = ?", { 1, 2 }), message_of("n > 0", "n = ?", { 1, 2 }))
  end)
end)

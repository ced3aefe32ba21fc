-- The re-rankers of moonvec.rerank, held against plain Lua; and re-rankers of the user.

local mixed_rows = require "spec.support.mixed_rows"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local rerank = moonvec.rerank

describe("a re-ranker", function()
  local c

  -- Points 1 to 20 on a line, nearest first for the query { 0 }.
  setup(function()
    c = support.collection {
      fields = { { name = "n", type = "int32" }, { name = "day", type = "timestamp", nullable = true } },
      vectors = { { name = "at", type = "vector_fp32", dim = 1, metric = "l2" } },
    }
    for n = 1, 20 do
      c:insert { id = "p" .. n, n = n, at = { n } }
    end
  end)
  teardown(support.clean)

  local function backwards(seen)
    return {
      rerank = function(self, hits, query, collection)
        assert.equal("function", type(self.rerank))
        seen.hits, seen.query, seen.collection = #hits, query, collection
        local reversed = {}
        for i, hit in ipairs(hits) do
          reversed[#hits + 1 - i] = hit
        end
        return reversed
      end,
    }
  end

  it("is given all candidates, the query and the collection", function()
    local seen = {}
    local query = { vector = { 0 }, topk = 2, offset = 1, rerank = backwards(seen) }
    assert.same({ "p8", "p7" }, support.ids(c:query(query)))
    assert.same({ 9, query, c }, { seen.hits, seen.query, seen.collection })
    assert.same({ "p3" }, support.ids(c:query { vector = { 0 }, topk = 1, candidates = 3, rerank = backwards(seen) }))
  end)

  it("works with explain, into, vectors and where", function()
    local seen, into = {}, { {}, {}, {}, {} }
    local plan = c:query { vector = { 0 }, topk = 2, rerank = backwards(seen), explain = true }
    assert.same({ "p8", "p7" }, support.ids(plan.hits))
    assert.equal(into, c:query { vector = { 0 }, topk = 2, rerank = backwards(seen), into = into })
    assert.same({ "p8", "p7" }, support.ids(into))
    local results = c:query { vectors = { { 0 }, { 21 } }, topk = 2, rerank = backwards(seen) }
    assert.same({ { "p8", "p7" }, { "p13", "p14" } }, { support.ids(results[1]), support.ids(results[2]) })
    assert.same({ "p16", "p14" }, support.ids(c:query { vector = { 0 }, topk = 2, rerank = backwards(seen),
      where = function(hit) return hit.n % 2 == 0 end }))
  end)

  it("may return fewer hits, and may yield", function()
    local ask = coroutine.wrap(function()
      return c:query { vector = { 0 }, rerank = { rerank = function(_, hits)
        return { coroutine.yield(#hits), hits[3] }
      end } }
    end)
    assert.equal(20, ask())
    assert.same({ "x", "p3" }, support.ids(ask { id = "x" }))
  end)

  it("has the fields that it reads, and the query only those that it asked for", function()
    local one = { output_fields = { "n", "at" }, rerank = function(_, hits)
      for _, hit in ipairs(hits) do
        assert.equal(hit.n, moonvec.unpack(hit.at)[1])
      end
      return hits
    end }
    local function keys(options)
      options.vector, options.topk, options.rerank = { 0 }, 1, one
      local names = {}
      for name in pairs(c:query(options)[1]) do
        names[#names + 1] = name
      end
      table.sort(names)
      return table.concat(names, " ")
    end
    assert.equal("distance id n score", keys {})
    assert.equal("distance id score", keys { output_fields = {} })
    assert.equal("distance id n score", keys { output_fields = { "n" } })
    assert.equal("at distance id score", keys { output_fields = { "at" } })
    assert.equal("at distance id n score", keys { include_vector = true })
    assert.equal("at distance id score", keys { output_fields = {}, include_vector = true })
    assert.equal("distance id n score", keys { where = function() return true end })
  end)

  it("must be one, and must return hits", function()
    local function message_of(given)
      return support.message_of(c.query, c, { vector = { 0 }, rerank = given })
    end
    local function returning(value)
      return { rerank = function() return value end }
    end
    assert.equal("query: 'rerank' must be a function or a re-ranker, got a table", message_of {})
    assert.equal("query: 'rerank' must be a function or a re-ranker, got a string", message_of "mmr")
    assert.equal("query: 'rerank' must return an array of hits, got a nil", message_of(returning(nil)))
    assert.equal("query: 'rerank' must return an array of hits, element 1 is a number", message_of(returning { 5 }))
    assert.equal("query: unknown field 'm' (did you mean 'n'?)",
      (message_of { output_fields = { "m" }, rerank = print }:gsub("unknown field 'm'$", "%0 (did you mean 'n'?)")))
  end)

  -- ---------------------------------------------------------------- decay

  local function decay_in_lua(distance, scale, decay, shape)
    if shape == "exp" then
      return math.exp(math.log(decay) / scale * distance)
    elseif shape == "gauss" then
      return math.exp(-distance ^ 2 / (2 * (-scale ^ 2 / (2 * math.log(decay)))))
    end
    local reach = scale / (1 - decay)
    return math.max(0, (reach - distance) / reach)
  end

  it("decays scores as the formulas say", function()
    for _, shape in ipairs { "exp", "gauss", "linear" } do
      for _, decay in ipairs { 0.2, 0.5 } do
        local hits = c:query { vector = { 0 }, topk = 20, output_fields = {}, rerank = rerank.decay {
          field = "n", origin = 10, scale = 4, offset = 1.5, decay = decay, shape = shape,
        } }
        for _, hit in ipairs(hits) do
          local n = tonumber(hit.id:sub(2))
          local left = decay_in_lua(math.max(0, math.abs(n - 10) - 1.5), 4, decay, shape)
          local expected = -n * n / math.max(left, 1e-30) -- a negative score gets lower
          local report = ("%s %s: %g, expected %g"):format(shape, hit.id, hit.score, expected)
          assert(support.near(hit.score, expected), report)
          assert.is_nil(hit.n)
        end
      end
    end
  end)

  it("decays positive scores, those of NULL not", function()
    local newest = 1700000000000000
    assert(c:update { { id = "p1", day = newest - 86400000000 }, { id = "p2", day = newest } })
    local function one(hit)
      return hit.n < 4 and 1 or 0
    end
    local hits = c:query { vector = { 0 }, topk = 3, rerank = rerank.chain(one,
      rerank.decay { field = "day", origin = newest, scale = 86400000000 }) }
    assert.same({ "p2", "p3", "p1" }, support.ids(hits))
    assert.same({ 1, 1, 0.5 }, { hits[1].score, hits[2].score, hits[3].score })
  end)

  -- ---------------------------------------------------------------- several

  it("is applied after another one", function()
    local hits = c:query { vector = { 0 }, topk = 2, rerank = rerank.chain(backwards {}, function(hit)
      return hit.n % 2
    end) }
    assert.same({ "p7", "p5" }, support.ids(hits))
  end)

  it("is fused with others", function()
    local function by_n(hit)
      return hit.n
    end
    local function by_score(hit)
      return hit.score
    end
    local query = { vector = { 0 }, topk = 8, candidates = 8 }
    query.rerank = rerank.rrf({ by_score, by_n }, { weights = { 2, 1 } })
    local hits = c:query(query)
    for _, hit in ipairs(hits) do
      local n = tonumber(hit.id:sub(2))
      assert(support.near(hit.score, 2 / (60 + n) + 1 / (60 + 9 - n)), hit.id)
    end
    assert.equal("p1", hits[1].id)
    query.rerank = rerank.weighted({ by_score, by_n }, { weights = { 1, 3 } })
    hits = c:query(query)
    assert.equal("p8", hits[1].id)
    for _, hit in ipairs(hits) do
      local n = tonumber(hit.id:sub(2))
      assert(support.near(hit.score, (64 - n * n) / 63 + 3 * (n - 1) / 7), hit.id)
    end
  end)

  it("refuses misuse", function()
    local cases = {
      { rerank.mmr, { {} }, "rerank.mmr: 'field' must be the name of a field, got a nil" },
      { rerank.mmr, { { lambda_mult = 1 } }, "rerank.mmr: unknown option 'lambda_mult' (did you mean 'lambda'?)" },
      { rerank.mmr, { { field = "at", lambda = 2 } }, "rerank.mmr: 'lambda' must be a number from 0 to 1, got 2" },
      { rerank.mmr, { { field = "at", count = 0 } }, "rerank.mmr: 'count' must be a whole number from 1 to 1000000" },
      { rerank.decay, { { field = "n" } }, "rerank.decay: 'origin' must be a number, got a nil" },
      { rerank.decay, { { field = "n", origin = 0, scale = 0 } },
        "rerank.decay: 'scale' must be a positive number, got 0" },
      { rerank.decay, { { field = "n", origin = 0, scale = 1, decay = 1 } },
        "rerank.decay: 'decay' must be between 0 and 1, got 1" },
      { rerank.decay, { { field = "n", origin = 0, scale = 1, shape = "gaus" } },
        "rerank.decay: unknown shape 'gaus' (did you mean 'gauss'?)" },
      { rerank.chain, {}, "rerank.chain: expected functions or re-rankers, got none" },
      { rerank.chain, { print, 5 }, "rerank.chain: expected functions or re-rankers, element 2 is a number" },
      { rerank.rrf, { 5 }, "rerank.rrf: expected functions or re-rankers, got a number" },
      { rerank.rrf, { { print }, { k = -1 } }, "fuse.rrf: 'k' must be a number of at least 0, got -1" },
      { rerank.weighted, { { print }, { normalize = "min-max" } },
        "fuse.weighted: unknown normalize 'min-max' (did you mean 'minmax'?)" },
      { moonvec.fuse.weighted, { { weights = 5 } },
        "fuse.weighted: 'weights' must be an array of numbers, got a number" },
      { moonvec.fuse.dbsf, { { weights = { 1, "x" } } }, "fuse.dbsf: 'weights[2]' must be a number, got a string" },
    }
    for _, case in ipairs(cases) do
      local message = support.message_of(case[1], (unpack or table.unpack)(case[2])) -- luacheck: ignore
      assert.equal(case[3], message:sub(1, #case[3]))
    end
    local function message_of(reranker)
      return support.message_of(c.query, c, { vector = { 0 }, rerank = reranker })
    end
    assert.equal("rerank.mmr: 'n' is no vector field", message_of(rerank.mmr { field = "n" }))
    assert.equal("rerank.decay: field 'at' of document 'p1' is no number",
      message_of(rerank.decay { field = "at", origin = 0, scale = 1 }))
  end)
end)

-- ---------------------------------------------------------------- mmr

--- Maximal marginal relevance as the paper has it: quadratic, over `hits` with vectors.
local function mmr_in_lua(hits, vectors, score_of, lambda, count)
  local chosen = {}
  while #chosen < math.min(count, #hits) do
    local best, best_worth
    for _, hit in ipairs(hits) do
      local is_chosen, nearest = false, nil
      for _, other in ipairs(chosen) do
        is_chosen = is_chosen or other.id == hit.id
        local closeness = score_of(vectors[hit.id], vectors[other.id])
        nearest = nearest and math.max(nearest, closeness) or closeness
      end
      local worth = lambda * hit.score - (1 - lambda) * (nearest or 0)
      if not is_chosen and (not best or worth > best_worth) then
        best, best_worth = hit, worth
      end
    end
    chosen[#chosen + 1] = { id = best.id, score = best_worth }
  end
  return chosen
end

describe("rerank.mmr", function()
  after_each(support.clean)

  it("chooses what the paper chooses, under every metric", function()
    for seed = 1, 4 do
      local c, documents, random = mixed_rows.open(seed + 50, 120)
      for _, field in ipairs(mixed_rows.vectors) do
        local vectors = {}
        for _, document in ipairs(documents) do
          vectors[document.id] = document[field]
        end
        local lambda, count = random(11) / 10 - 0.1, random(15)
        local query = { field = field, vector = mixed_rows.query_vector(random, field), topk = 30 }
        local candidates = assert(c:query(query))
        local expected = mmr_in_lua(candidates, vectors, support.scores[mixed_rows.metrics[field]], lambda, count)
        query.topk, query.candidates = count, 30
        for _, include in ipairs { false, true, "table" } do
          query.rerank, query.include_vector = rerank.mmr { field = field, lambda = lambda }, include
          local hits = assert(c:query(query))
          assert.equal(#expected, #hits)
          for i, hit in ipairs(hits) do
            assert(support.near(expected[i].score, hit.score), ("seed %d, %s, rank %d"):format(seed, field, i))
            assert.equal(include ~= false, hit[field] ~= nil)
          end
        end
      end
    end
  end)

  it("leaves out what is near to better hits", function()
    local c = support.collection({ vectors = { { name = "v", type = "vector_fp32", dim = 2 } } }, { path = ":memory:" })
    assert(c:insert { { id = "a", v = { 1, 0 } }, { id = "a2", v = { 1, 0.01 } }, { id = "a3", v = { 1, 0.02 } },
      { id = "b", v = { 1, 0.9 } }, { id = "c", v = { 1, -1.1 } } })
    local function ids(options)
      options.field = "v"
      return table.concat(support.ids(c:query { vector = { 1, 0 }, topk = 3, candidates = 5,
        rerank = rerank.mmr(options) }), " ")
    end
    assert.equal("a a2 a3", ids { lambda = 1 })
    assert.equal("a c b", ids { lambda = 0.2 })
    assert.equal("a c", ids { lambda = 0.2, count = 2 })
    assert.equal("a c b", ids { lambda = 0.1, normalize = "minmax" })
  end)
end)

-- Numbers in the whole range of a float: every vector that is accepted is scored as in exact arithmetic, and every
-- other one is refused.

local moonvec = require "moonvec"
local support = require "spec.support.init"
local ipairs, math, pairs, table = ipairs, math, pairs, table -- busted looks globals up slowly

local DIM, COUNT = 5, 1200 -- enough rows for a graph
local LARGEST = 2 ^ 128 - 2 ^ 104

-- Rounds to a float, as the collection stores it.
local function float(number)
  return moonvec.unpack(moonvec.pack { number })[1]
end

-- Vectors with exponents from `least` to `most`: some with numbers of similar size, some with a mixture.
local function vectors(random, count, least, most)
  local function exponent()
    return least + random(10000) / 10000 * (most - least)
  end
  local list = {}
  for i = 1, count do
    local vector, shared = {}, exponent()
    for d = 1, DIM do
      local size = 2 ^ (i % 3 == 0 and exponent() or shared)
      vector[d] = float((random(2000) - 1000) / 1000 * size)
    end
    vector[1] = float(2 ^ shared) -- never the zero vector
    list[i] = vector
  end
  return list
end

-- The distance in double, of vectors scaled to numbers near 1 where the metric does not depend on the length.
local function distance(metric, a, b)
  if metric == "cosine" then
    local function scaled(v)
      local largest, result, sum = 0, {}, 0
      for d = 1, DIM do largest = math.max(largest, math.abs(v[d])) end
      for d = 1, DIM do sum = sum + (v[d] / largest) ^ 2 end
      for d = 1, DIM do result[d] = v[d] / largest / math.sqrt(sum) end
      return result
    end
    a, b = scaled(a), scaled(b)
  end
  local sum, magnitude = 0, 0
  for d = 1, DIM do
    local term = metric == "l2" and (a[d] - b[d]) ^ 2 or metric == "l1" and math.abs(a[d] - b[d]) or a[d] * b[d]
    sum, magnitude = sum + term, magnitude + math.abs(term)
  end
  return metric == "cosine" and 1 - sum or metric == "ip" and -sum or sum, magnitude
end

-- Every hit has the right distance, and hits are in order up to rounding.
local function expect_right(hits, metric, query, rows, count)
  assert.equal(count, #hits)
  local exact, errors = {}, {}
  for id, row in ipairs(rows) do
    local magnitude
    exact[id], magnitude = distance(metric, query, row)
    errors[id] = magnitude * 1e-6 + 1e-44 * DIM + (metric == "cosine" and 1e-6 or 0)
  end
  local order = {}
  for id in ipairs(rows) do order[id] = id end
  table.sort(order, function(a, b) return exact[a] < exact[b] end)
  for rank, hit in ipairs(hits) do
    local id = tonumber(hit.id)
    assert.is_true(math.abs(hit.distance - exact[id]) <= errors[id])
    assert.equal(support.distance_of(metric, hit.score), hit.distance)
    local best = order[rank]
    assert.is_true(exact[id] - exact[best] <= errors[id] + errors[best])
  end
end

-- Exponents of the numbers that are accepted. A cosine has rows of length 2.9e-39 to 8.5e37, and queries of any.
local ranges = {
  cosine = { rows = { -127, 124 }, queries = { -148, 127 } },
  l2 = { rows = { -148, 49 }, queries = { -148, 49 } },
  ip = { rows = { -148, 49 }, queries = { -148, 49 } },
  l1 = { rows = { -148, 49 }, queries = { -148, 49 } },
}

describe("numbers of all magnitudes", function()
  after_each(support.clean)

  for metric, range in pairs(ranges) do
    for _, type in ipairs { "vector_fp32", "vector_fp16" } do
      local once = (metric ~= "l2" or type ~= "vector_fp32") and " #once" or ""
      it(("are scored right with %s, %s%s"):format(metric, type, once), function()
        local random = support.random(metric == "ip" and 3 or 5)
        local is_half = type == "vector_fp16"
        local given = is_half and vectors(random, COUNT, -24, 15) or
          vectors(random, COUNT, range.rows[1], range.rows[2])
        local c = support.collection({ vectors = { { name = "v", type = type, dim = DIM, metric = metric } } },
          { path = ":memory:", maintenance = "manual" })
        local documents, rows = {}, {}
        for i, v in ipairs(given) do documents[i] = { id = i, v = v } end
        assert(c:insert(documents))
        for i = 1, COUNT do
          rows[i] = c:fetch(i, { include_vector = "table" }).v
        end
        local queries = vectors(random, 12, range.queries[1], range.queries[2])
        for state = 1, 2 do
          for _, query in ipairs(queries) do
            expect_right(assert(c:query { vector = query, topk = 50, params = { exact = state == 1 } }), metric, query,
              rows, 50)
            local hits = assert(c:query { vector = query, topk = COUNT, params = { exact = true } })
            local limit = hits[100].distance
            for _, hit in ipairs(assert(c:query { vector = query, topk = COUNT, max_distance = limit })) do
              assert.is_true(hit.distance <= limit)
            end
            assert.is_true(#assert(c:query { vector = query, topk = COUNT, max_distance = limit,
              params = { exact = true } }) >= 100)
            assert.is_true(#assert(c:query { vector = query, topk = COUNT, min_score = hits[100].score,
              params = { exact = true } }) >= 100)
          end
          assert(c:optimize())
          if state == 1 then
            for _, query in ipairs(queries) do
              local hits = assert(c:query { vector = query, topk = 50, params = { exact = true } })
              expect_right(hits, metric, query, rows, 50)
            end
          end
        end
      end)
    end
  end

  for _, metric in ipairs { "l2", "ip", "l1" } do
    it("are refused beyond 1e15 with " .. metric, function()
      local c = support.collection({ vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = metric } } },
        { path = ":memory:" })
      assert(c:insert { id = "largest", v = { float(1e15), -float(1e15) } })
      assert(c:query { vector = { -float(1e15), float(1e15) } })
      for _, bad in ipairs { 1.001e15, -1e30, LARGEST } do
        local expected = "field 'v': number 2 of the vector is .*, metric " .. metric ..
          " takes numbers from %-1e15 to 1e15"
        local message = support.message_of(c.insert, c, { id = "a", v = { 0, bad } })
        assert.truthy(message:find(expected), message)
        message = support.message_of(c.query, c, { vector = { 0, bad } })
        assert.truthy(message:find(expected), message)
      end
      assert.equal(1, #c)
    end)
  end
end)

for _, quantize in ipairs { "none", "fp16", "int8", "int4" } do
  describe("a graph with codes " .. quantize, function()
    after_each(support.clean)

    it("finds the nearest of vectors of all lengths by cosine", function()
      local random = support.random(11)
      local c = support.collection({ vectors = { { name = "v", type = "vector_fp32", dim = DIM,
        index = { type = "hnsw", quantize = quantize } } } }, { path = ":memory:", maintenance = "manual" })
      local rows, documents, found = vectors(random, COUNT, -120, 120), {}, 0
      for i, v in ipairs(rows) do documents[i] = { id = i, v = v } end
      assert(c:insert(documents))
      assert(c:optimize())
      for _, query in ipairs(vectors(random, 20, -148, 127)) do
        local is_best = {}
        for _, hit in ipairs(c:query { vector = query, topk = 30, params = { exact = true } }) do
          is_best[hit.id] = true
        end
        for _, hit in ipairs(c:query { vector = query, topk = 30, params = { plan = "graph", ef = 400 } }) do
          found = found + (is_best[hit.id] and 1 or 0)
        end
      end
      assert.is_true(found >= 0.9 * 20 * 30, found)
    end)
  end)
end

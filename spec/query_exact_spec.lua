-- A search finds exactly what brute force in plain Lua finds, for every type and metric, in every state of
-- rows.

local support = require "spec.support.init"

local DIM = 19 -- not a multiple of any register's width
local COUNT = 180

local function dim_of(type)
  return type == "vector_binary" and 8 * DIM or DIM
end

local function schema(type, metric)
  return {
    fields = { { name = "n", type = "int32" } },
    vectors = { { name = "v", type = type, dim = dim_of(type), metric = metric } },
  }
end

local function documents(random, type, from, to)
  local list = {}
  for i = from, to do
    list[#list + 1] = { id = "d" .. i, n = i, v = support.vector(random, dim_of(type), type) }
  end
  return list
end

-- How to bring rows into each state. All use manual maintenance.
local states = {
  fresh = function(c, random, type)
    assert(c:insert(documents(random, type, 1, COUNT)))
  end,
  sealed = function(c, random, type)
    assert(c:insert(documents(random, type, 1, COUNT)))
    assert(c:optimize())
  end,
  mixed = function(c, random, type)
    assert(c:insert(documents(random, type, 1, 70)))
    assert(c:optimize())
    assert(c:insert(documents(random, type, 71, COUNT)))
  end,
  deleted = function(c, random, type)
    assert(c:insert(documents(random, type, 1, 100)))
    assert(c:optimize())
    assert(c:insert(documents(random, type, 101, COUNT)))
    for i = 1, COUNT, 3 do
      assert.equal(1, c:delete("d" .. i))
    end
    assert(c:upsert(documents(random, type, 20, 40)))
  end,
}

local function compare(hits, exact, topk, metric)
  support.expect_exact(hits, exact, topk, function(hit)
    return support.near(support.distance_of(metric, hit.score), hit.distance)
  end)
end

local of_numbers = { "l2", "ip", "cosine", "l1" }
local metrics_of = {
  vector_fp32 = of_numbers, vector_fp16 = of_numbers, vector_int8 = of_numbers, vector_binary = { "hamming" },
}

for type, metrics in pairs(metrics_of) do
  for _, metric in ipairs(metrics) do
    for state, fill in pairs(states) do
      describe(("search of %s rows, %s, %s,"):format(state, type, metric), function()
        local c, stored, random

        setup(function()
          random = support.random(7)
          local path = type ~= "vector_fp32" and ":memory:" or nil -- on disk only for one type, because syncing is slow
          c = support.collection(schema(type, metric), { maintenance = "manual", path = path })
          fill(c, random, type)
          stored = support.documents(c)
        end)
        teardown(support.clean)

        it("is exact", function()
          for _ = 1, 5 do
            local query = support.vector(random, dim_of(type), type)
            local exact = support.exact(stored, "v", metric, query)
            compare(c:query { vector = query }, exact, 10, metric)
            compare(c:query { vector = query, topk = 1000 }, exact, 1000, metric)
          end
        end)

        it("is exact with a filter", function()
          local query = support.vector(random, dim_of(type), type)
          local exact = support.exact(stored, "v", metric, query, function(document)
            return document.n % 4 ~= 0 and document.n > 10 or document.n == 8
          end)
          local multiples = {}
          for n = 0, COUNT, 4 do
            multiples[#multiples + 1] = n
          end
          local hits = c:query {
            vector = query, topk = 50, filter = "(n NOT IN ? AND n > 10) OR n = 8", args = { multiples },
          }
          compare(hits, exact, 50, metric)
        end)

        it("is exact for several vectors at once", function()
          local queries = { stored[5].v }
          for i = 2, 3 do
            queries[i] = support.vector(random, dim_of(type), type)
          end
          local results = c:query { vectors = queries, topk = 7, offset = 2 }
          assert.equal(3, #results)
          for i, hits in ipairs(results) do
            assert.same(c:query { vector = queries[i], topk = 7, offset = 2 }, hits)
          end
        end)
      end)
    end
  end
end

-- The option explain: which strategy answered a query, and the strategies that `params.plan` forces.

local moonvec = require "moonvec"
local support = require "spec.support"

local ROWS, DIM = 20000, 16

local function vector_of(number)
  return support.waves(number, DIM)
end

describe("explain", function()
  local c
  local target = vector_of(0.5)

  setup(function()
    c = assert(moonvec.open(":memory:", {
      schema = {
        name = "numbers",
        fields = { { name = "number", type = "int32" } },
        vectors = {
          { name = "v", type = "vector_fp32", dim = DIM, metric = "l2", index = "hnsw" },
          { name = "w", type = "vector_fp32", dim = DIM, metric = "l2", index = "flat" },
        },
      },
      maintenance = "manual",
    }))
    local batch = {}
    for number = 1, ROWS do
      batch[number] = { id = number, number = number, v = vector_of(number), w = vector_of(number) }
    end
    assert(c:insert(batch))
    assert(c:optimize())
    assert(c:delete { 1, 2, 3 })
    assert(c:insert { id = "fresh", number = 0, v = vector_of(0), w = vector_of(0) })
  end)

  teardown(function()
    c:close()
  end)

  local function explain(options)
    options.vector, options.field, options.explain = options.vector or target, options.field or "v", true
    return assert(c:query(options))
  end

  it("tells the counts of every step, and gives the hits", function()
    local plan = explain { filter = "number <= 1000", topk = 5 }
    local hits = assert(c:query { field = "v", vector = target, filter = "number <= 1000", topk = 5 })
    assert.same(hits, plan.hits)
    assert.equal(2, #plan.steps)
    assert.equal(ROWS - 3 + 1, plan.rows)
    assert.equal(1000 - 3 + 1, plan.matches)
    assert.equal(ROWS - 3, plan.steps[1].rows)
    assert.equal(997, plan.steps[1].matches)
    assert.equal("segment", plan.steps[1].of)
    assert.equal("fresh rows", plan.steps[2].of)
    assert.same({ 1, 1, "exact" }, { plan.steps[2].rows, plan.steps[2].matches, plan.steps[2].plan })
    assert.is_true(plan.filter_ms >= 0 and plan.search_ms > 0)
  end)

  it("scans the codes of the matching rows when they are few, uses the graph when they are many", function()
    local few = explain({ filter = "number <= 200" }).steps[1]
    assert.same({ "codes", 197 }, { few.plan, few.code_distances })
    assert.is_true(few.exact_distances >= 10 and few.exact_distances < 197)
    local many = explain({ filter = "number > 100" }).steps[1]
    assert.equal("graph", many.plan)
    assert.is_true(many.code_distances < 5000)
    assert.equal("graph", explain({}).steps[1].plan)
    assert.equal("exact", explain({ field = "w" }).steps[1].plan)
    local none = explain({ filter = "number > 1000000" })
    assert.same({ "nothing", 0, 0, {} }, { none.steps[1].plan, none.matches, none.code_distances, none.hits })
  end)

  it("goes the way that is asked for, and finds the same", function()
    for _, filter in ipairs { "number != 7", "number > 10000", "number BETWEEN 5000 AND 8000" } do
      local truth = support.ids(explain({ filter = filter, params = { plan = "exact" } }).hits)
      for _, name in ipairs { "auto", "exact", "codes", "graph", "bridges" } do
        local plan = explain { filter = filter, params = { plan = name } }
        local step = plan.steps[1]
        assert.equal(10, #plan.hits)
        assert.is_true(name == "auto" or step.plan == name or step.abandoned == name)
        local met = 0
        for _, id in ipairs(support.ids(plan.hits)) do
          for _, other in ipairs(truth) do
            met = met + (id == other and 1 or 0)
          end
        end
        assert.is_true(met >= 8, name .. " " .. filter)
      end
    end
  end)

  it("adds up several vectors, and goes with a re-ranker", function()
    local one = explain { params = { plan = "exact" } }
    local two = assert(c:query {
      field = "v", vectors = { target, target }, params = { plan = "exact" }, explain = true,
    })
    assert.equal(2 * one.exact_distances, two.exact_distances)
    assert.equal(2, #two.hits)
    local reranked = explain {
      rerank = function(hit)
        return hit.number
      end,
      topk = 3,
    }
    assert.equal(3, #reranked.hits)
    assert.is_true(reranked.hits[1].number >= reranked.hits[2].number)
  end)

  it("tells of selections without a vector", function()
    local plan = assert(c:query { filter = "number > 19990", order_by = "number", explain = true })
    assert.equal(10, #plan.hits)
    assert.equal(10, plan.matches)
    assert.equal(0, plan.exact_distances)
  end)

  it("refuses what makes no sense", function()
    assert.equal("query: params: unknown plan 'grpah' (did you mean 'graph'?)",
      support.message_of(c.query, c, { field = "v", vector = target, params = { plan = "grpah" } }))
    assert.equal("query: params: only one of 'exact' and 'plan' can be given",
      support.message_of(c.query, c, { field = "v", vector = target, params = { plan = "auto", exact = true } }))
  end)
end)

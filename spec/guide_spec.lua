-- The first example that a reader meets, as one program.

local moonvec = require "moonvec"
local support = require "spec.support.init"

describe("the first example", function()
  after_each(support.clean)

  it("runs", function()
    local books = assert(moonvec.open(support.path(), {
      schema = {
        name = "books",
        fields = {
          { name = "title", type = "string" },
          { name = "year", type = "int32", nullable = true },
          { name = "tags", type = "array_string", nullable = true },
        },
        vectors = {
          { name = "embedding", type = "vector_fp32", dim = 4, metric = "cosine", index = { type = "flat" } },
        },
      },
    }))

    assert.equal(2, assert(books:insert {
      { id = "dune", title = "Dune", year = 1965, tags = { "scifi" }, embedding = { 0.1, 0.2, 0.3, 0.4 } },
      { id = "emma", title = "Emma", year = 1815, embedding = { 0.2, 0.3, 0.4, 0.1 } },
    }))

    local hits = assert(books:query {
      field = "embedding", vector = { 0.4, 0.3, 0.3, 0.1 }, topk = 10,
      filter = "year >= ? AND tags CONTAIN_ANY ?", args = { 1900, { "scifi", "fantasy" } },
      rerank = function(hit)
        return hit.score * 0.99 ^ (2026 - hit.year)
      end,
    })
    assert.equal(1, #hits)
    local cosine = (0.04 + 0.06 + 0.09 + 0.04) / math.sqrt(0.3 * 0.35)
    assert.is_true(math.abs(hits[1].score - cosine * 0.99 ^ 61) < 1e-6)
    assert.is_true(math.abs(hits[1].distance - (1 - cosine)) < 1e-6)
    assert.same({ "dune", "Dune" }, { hits[1].id, hits[1].title })
    books:close()
  end)
end)

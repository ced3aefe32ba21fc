-- A segment of an undone transaction that an iterator still uses must not be mistaken for the next segment with the
-- same number.

local support = require "spec.support.init"

local ROWS = 5000 -- inserted at once, these rows become a segment

local function documents(prefix)
  local list = {}
  for n = 1, ROWS do
    list[n] = { id = prefix .. n, v = { n } }
  end
  return list
end

describe("a segment written after one that was undone", function()
  after_each(support.clean)

  for _, where in ipairs { "on disk", "in memory" } do
    it("is read for what it is, " .. where, function()
      local vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" } }
      local c = support.collection({ vectors = vectors }, { path = where == "in memory" and ":memory:" or nil })
      local next_document
      pcall(c.transaction, c, function(tx)
        assert(tx:insert(documents("undone")))
        next_document = tx:iterate()
        assert.equal("undone1", next_document().id)
        error("undo it")
      end)
      assert.equal(0, #c)
      assert(c:insert(documents("kept")))
      assert.equal("kept7", c:query({ vector = { 7 }, topk = 1 })[1].id)
      assert.equal("kept7", c:fetch("kept7").id)
      assert.is_true(c:check())
      assert.is_false((pcall(next_document)))
    end)
  end
end)

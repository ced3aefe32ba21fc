-- The soak of full text (spec/text_soak.lua) with some queries, and that it finds what differs.

local plain = require "spec.support.text_plain"
local program = require "spec.support.program"

local has_sqlite = pcall(require, "luasql.sqlite3")

describe("the soak of full text", function()
  it("asks some queries, and nothing differs", function()
    if not has_sqlite then return pending "lua-sql-sqlite3 is not installed" end
    local output, status = program.run("spec/text_soak.lua", 300, 1)
    assert.equal(0, status, output)
    assert.matches("nothing differs", output)
  end)

  it("finds a hit that is missing, wrong, twice, or has another score or rank", function()
    local scores = { [1] = 2, [2] = 3, [3] = 1 }
    local function fault(topk, ...)
      local hits = {}
      for i, id in ipairs { ... } do hits[i] = { id = tostring(id), score = scores[id] or 3 } end
      return plain.fault_of(hits, scores, topk)
    end
    assert.is_nil(fault(2, 2, 1))
    assert.is_nil(fault(10, 2, 1, 3))
    assert.equal("1 hits, 2 expected", fault(2, 2))
    assert.equal("4 does not match", fault(2, 4, 1))
    assert.equal("2 is a hit twice", fault(2, 2, 2))
    assert.equal("1 has not rank 1", fault(2, 1, 2))
    assert.matches("2 has 3.1.* instead of 3.0", plain.fault_of({ { id = "2", score = 3.1 } }, scores, 1))
  end)
end)

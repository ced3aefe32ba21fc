-- Whole numbers as ids in filters: they mean the ids that insert makes of them.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local NUMBERS = { -3, 0, 7, 70, 9007199254740991 }

describe("a number that a filter compares with id", function()
  local c

  local function found(filter, args)
    local ids = {}
    for i, hit in ipairs(assert(c:query { filter = filter, args = args, order_by = "n" })) do
      ids[i] = hit.id
    end
    return table.concat(ids, " ")
  end

  for _, place in ipairs { "fresh", "in a segment" } do
    describe("of documents that are " .. place, function()
      before_each(function()
        c = support.collection { fields = { { name = "n", type = "int32" } } }
        for n, id in ipairs(NUMBERS) do
          assert(c:insert { id = id, n = n })
        end
        assert(c:insert { id = "seven", n = 100 })
        assert(place == "fresh" or c:optimize())
      end)
      after_each(support.clean)

      it("finds the document, written in the filter or given as an argument", function()
        for _, id in ipairs(NUMBERS) do
          local text = ("%.0f"):format(id)
          assert.equal(text, found("id = " .. text))
          assert.equal(text, found("id = ?", { id }))
          assert.equal(text, found("id IN (" .. text .. ", 12)"))
          assert.equal(text, found("id IN ?", { { id, "nobody" } }))
        end
        assert.equal("7", found("id = 7.0"))
        assert.equal("-3 0 70 9007199254740991 seven", found("id <> 7"))
        assert.equal("-3 0 70 seven", found("NOT id IN (?, 9007199254740991)", { 7 }))
        assert.equal("7 seven", found(moonvec.filter.one_of("id", { 7, "seven" })))
      end)

      it("is refused if it is no whole number, or the order of ids is asked for", function()
        for _, filter in ipairs { "id = 7.5", "id IN (1e300)", "id < 8", "id BETWEEN 1 AND 3", "id LIKE 7" } do
          assert.matches("field 'id' wants a string, got a number", support.message_of(found, filter))
        end
      end)
    end)
  end
end)

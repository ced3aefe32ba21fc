-- update_by_filter: which documents are updated, by a table and by a function, and that a failure updates none.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local f = moonvec.filter

local COUNT = 1500 -- several batches, and segments with inverted lists

local function open()
  local c = support.collection {
    fields = {
      { name = "n", type = "int32", index = "invert" },
      { name = "word", type = "string", nullable = true },
    },
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
  }
  local documents = {}
  for i = 1, COUNT do
    documents[i] = { id = "d" .. i, n = i, word = i % 3 == 0 and "Third" or nil, v = { i, 0 } }
  end
  assert(c:insert(documents))
  return c
end

--- All documents, without their order.
local function contents(c)
  local found = {}
  for document in c:iterate { include_vector = "table" } do
    found[document.id] = document
  end
  return found
end

for name, prepare in pairs { ["fresh rows"] = function() end, segments = function(c) assert(c:optimize()) end } do
  describe("update_by_filter of " .. name, function()
    local c, before

    before_each(function()
      c = open()
      prepare(c)
      before = contents(c)
    end)
    after_each(support.clean)

    it("changes the fields of the documents that match, and nothing else", function()
      assert.equal(COUNT / 3, c:update_by_filter("word = ? COLLATE NOCASE", { "third" }, { word = "x", v = { 7, 8 } }))
      for id, document in pairs(before) do
        if document.word then
          document.word, document.v = "x", { 7, 8 }
        end
        assert.same(document, c:fetch(id, { include_vector = "table" }))
      end
      assert.equal(COUNT, #c)
    end)

    it("takes a built filter, and sets NULL by moonvec.null", function()
      assert.equal(500, c:update_by_filter(f.le("n", 500), nil, { word = moonvec.null }))
      assert.equal(0, c:count("n <= 500 AND word IS NOT NULL"))
      assert.equal((COUNT - 501) / 3 + 1, c:count("n > 500 AND word IS NOT NULL"))
    end)

    it("asks a function, once for each document, which may leave it alone", function()
      local asked = {}
      local updated = c:update_by_filter("n > ?", { 900 }, function(document)
        asked[document.id] = (asked[document.id] or 0) + 1
        if document.n % 2 == 0 then
          return { word = "even " .. document.n }
        end
      end)
      assert.equal(300, updated)
      for i = 1, COUNT do
        assert.equal(i > 900 and 1 or nil, asked["d" .. i])
        assert.equal(i > 900 and i % 2 == 0 and "even " .. i or before["d" .. i].word, c:fetch("d" .. i).word)
      end
    end)

    it("visits no document twice whose new value matches, too", function()
      assert.equal(COUNT, c:update_by_filter("n >= 1", nil, function(document)
        return { n = document.n + 1 }
      end))
      for i = 1, COUNT do
        assert.equal(i + 1, c:fetch("d" .. i).n)
      end
    end)

    it("passes the fields asked for", function()
      c:update_by_filter("n = 5", nil, function(document)
        assert.same(before.d5, document)
        document.v[2] = 9
        return document -- its id is no change
      end, { include_vector = "table" })
      assert.same({ 5, 9 }, c:fetch("d5", { include_vector = "table" }).v)
      c:update_by_filter("n = 5", nil, function(document)
        assert.same({ id = "d5", word = before.d5.word }, document)
      end, { output_fields = { "word" } })
    end)

    it("updates nothing if the function raises", function()
      local failure = {}
      local ok, raised = pcall(c.update_by_filter, c, "true", nil, function(document)
        if document.n == 1000 then
          error(failure)
        end
        return { word = "changed" }
      end)
      assert.is_false(ok)
      assert.equal(failure, raised)
      assert.same(before, contents(c))
      assert(c:insert { id = "next", n = 1, v = { 1, 1 } }) -- no transaction is left open
    end)

    it("updates nothing if a document does not take its changes", function()
      local function says(text, changes)
        assert.equal("update_by_filter: document 'd1000': " .. text,
          support.message_of(c.update_by_filter, c, "true", nil, function(document)
            return document.n == 1000 and changes or { word = "changed" }
          end))
        assert.same(before, contents(c))
      end
      says("field 'n' is int32: 1.5 is not a whole number", { n = 1.5 })
      says("unknown field 'wrod' (did you mean 'word'?)", { wrod = 1 })
      says("expected a table of changes or nil, got a number", 5)
      says("an id cannot be changed, got 'd1'", { id = "d1" })
    end)

    it("updates none where none match", function()
      assert.equal(0, c:update_by_filter("false", nil, { word = "x" }))
      assert.same(before, contents(c))
    end)

    it("reads the last commit in its function, and refuses to write there", function()
      assert.equal(COUNT, c:update_by_filter("true", nil, function(document)
        local done, _, code = c:delete(document.id)
        assert.same({ nil, "busy" }, { done, code })
        assert.equal(before[document.id].word, c:fetch(document.id).word)
        return { word = "changed" }
      end))
      assert.equal(COUNT, c:count("word = 'changed'"))
    end)

    it("is a part of the transaction that it is called in", function()
      pcall(c.transaction, c, function(tx)
        assert.equal(COUNT, tx:update_by_filter("true", nil, { word = "x" }))
        assert.equal(COUNT, tx:count("word = 'x'"))
        assert.equal(0, c:count("word = 'x'"))
        error("undo")
      end)
      assert.same(before, contents(c))
      assert.is_true(c:transaction(function(tx)
        assert(tx:delete("d1"))
        assert.equal(COUNT - 1, tx:update_by_filter("true", nil, { word = "x" }))
      end))
      assert.equal(COUNT - 1, c:count("word = 'x'"))
    end)

    it("that fails in a transaction undoes it, if it had begun to write", function()
      local function failing(at)
        return function(document)
          if document.n == at then
            error("no")
          end
          return { word = "y" }
        end
      end
      assert.is_true(c:transaction(function(tx)
        assert.has_error(function() tx:update_by_filter("true", nil, failing(1)) end)
        assert.has_error(function() tx:update_by_filter("no such field = 1", nil, { word = "y" }) end)
        assert(tx:delete("d1"))
      end))
      assert.equal(COUNT - 1, #c)
      assert.matches("was closed, and so undone", support.message_of(c.transaction, c, function(tx)
        assert(tx:delete("d2"))
        assert.has_error(function() tx:update_by_filter("true", nil, failing(COUNT)) end)
      end))
      assert.equal(COUNT - 1, #c)
      assert.equal(0, c:count("word = 'y'"))
    end)
  end)
end

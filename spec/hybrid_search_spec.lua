-- A text is searched by the same rules in `moonvec query`, in the shell and by MCP.

local hybrid_search = require "moonvec.hybrid_search"
local search_commands = require "moonvec.shell.search_commands"
local search_legs = require "moonvec.command.search_legs"
local tool_calls = require "moonvec.mcp.tool_calls"

local learnt = { name = "learnt", embed = { from = "body", model = "l", fingerprint = "learn-00ff" } }
local trained = { name = "trained", embed = { from = "body", model = "t", fingerprint = "static:learn-1" } }
local plain = { name = "plain" }
local fields = {
  { name = "title", index = { type = "text" } }, { name = "body", index = { type = "text" } },
  { name = "year", index = "invert" }, { name = "note" },
}

--- A collection whose searches return no hits; `asked` of it has the searches of the last call.
local function collection_of(vectors)
  local c = { schema = { fields = fields, vectors = vectors } }
  function c:query(options)
    self.asked = { { field = options.field, text = options.text } }
    return {}
  end
  function c:multi_query(options)
    self.asked = options.queries
    return {}
  end
  return c
end

-- What the three ask a collection for "robots"; `failures`: messages by the names of models that are not there.
local callers = {
  ["moonvec query"] = function(c, failures)
    local call = { options = {}, model_failures = failures, note = function() end }
    local legs = search_legs.of_text(call, c, "robots")
    for _, leg in ipairs(legs) do
      leg.is_meaning = nil
    end
    return legs
  end,
  ["the shell"] = function(c, failures)
    for _, command in ipairs(search_commands.commands) do
      if command[1] == "ask" then
        assert(command[4]({
          settings = { limit = 5, mode = "table" }, call = { model_failures = failures }, c = c,
          set_result = function() end, print = function() end, width = function() end,
        }, "robots"))
      end
    end
    return c.asked
  end,
  ["MCP"] = function(c, failures)
    assert(tool_calls.search({ collection = c, model_failures = failures }, { text = "robots" }))
    return c.asked
  end,
}

describe("hybrid search", function()
  local function legs(weight, ...)
    local list = { { field = "title", text = "robots", weight = weight },
                   { field = "body", text = "robots", weight = weight } }
    for _, field in ipairs { ... } do
      list[#list + 1] = { field = field.name, text = "robots" }
    end
    return list
  end

  for name, searches in pairs(callers) do
    it("by " .. name .. " weighs words more beside a model that was learnt from the collection", function()
      assert.same(legs(nil, trained), searches(collection_of { trained, plain }, {}))
      assert.same(legs(2, learnt), searches(collection_of { learnt }, {}))
      assert.same(legs(2, learnt, trained), searches(collection_of { learnt, trained }, {}))
    end)

    it("by " .. name .. " does not ask models that could not be loaded", function()
      assert.same(legs(nil, trained), searches(collection_of { learnt, trained }, { l = "no file" }))
      assert.same(legs(2, learnt), searches(collection_of { learnt, trained }, { t = "no file" }))
    end)
  end

  it("weighs names less than texts", function()
    local schema = { fields = {
      { name = "package", index = { type = "text", tokenizer = "code" } }, fields[1],
    }, vectors = { learnt } }
    local function weights(words, meanings)
      local list = {}
      for i, search in ipairs(hybrid_search.searches(schema, "robots", words, meanings)) do
        list[i] = search.weight or 1
      end
      return list
    end
    assert.same({ 0.6, 1 }, weights({ "package", "title" }, {}))
    assert.same({ 1.2, 2, 1 }, weights({ "package", "title" }, { "learnt" }))
    assert.same({ 2, 1 }, weights({ "package" }, { "learnt" }))
  end)

  it("does not ask a learnt model what a text without words means", function()
    local schema = { fields = fields, vectors = { learnt, trained } }
    local function searched(text, words)
      local names = {}
      for i, search in ipairs(hybrid_search.searches(schema, text, words, { "learnt", "trained" })) do
        names[i] = search.field
      end
      return names
    end
    assert.same({ "body", "trained" }, searched("?!.", { "body" }))
    assert.same({ "learnt", "trained" }, searched("?!.", {}))
    for _, text in ipairs { "a?", "7", "\195\164" } do
      assert.same({ "body", "learnt", "trained" }, searched(text, { "body" }))
    end
  end)

  it("names the fields that a text can be searched in", function()
    local schema = { fields = fields, vectors = { learnt, trained, plain } }
    assert.same({ "title", "body" }, hybrid_search.word_fields(schema))
    assert.same({ "body" }, hybrid_search.word_fields(schema, "body"))
    assert.same({}, hybrid_search.word_fields(schema, "year"))
    assert.same({ { "learnt" }, { "no file" } }, { hybrid_search.meaning_fields(schema, { t = "no file" }) })
    assert.same({ { "trained" }, {} }, { hybrid_search.meaning_fields(schema, { l = "no file" }, "trained") })
    assert.same({}, (hybrid_search.meaning_fields(schema, {}, "plain")))
  end)
end)

-- Words of other vector databases: every row of the table of synonyms leads to a name that exists.

local command = require "moonvec.command"
local dot_commands = require "moonvec.shell.dot_commands"
local moonvec = require "moonvec"
local support = require "spec.support.init"

--- The rows { name, words } of a table in synonyms.c.
local function rows_of(text, table_name)
  local rows = {}
  local body = assert(text:match(table_name .. "%[%] = (%b{})"))
  for row in body:sub(2, -2):gmatch "%b{}" do
    local name, others = row:match '^{"([^"]*)",%s*(.*)}$'
    local words = {}
    for part in others:gmatch '"([^"]*)"' do
      for word in part:gmatch "[^ ]+" do
        words[#words + 1] = word
      end
    end
    rows[#rows + 1] = { name = name, words = words }
  end
  return rows
end

local function schema_of(field, vector)
  return { fields = { field }, vectors = { vector } }
end

local function vector_with(name, value)
  local vector = { name = "v", type = "vector_fp32", dim = 2 }
  vector[name] = value
  return schema_of(nil, vector)
end

describe("a word of another database", function()
  local c

  setup(function()
    c = support.collection(schema_of({ name = "kind", type = "string" }, { name = "v", type = "vector_fp32", dim = 2 }),
      { path = ":memory:" })
  end)
  teardown(support.clean)

  local v = { 1, 2 }
  local file = assert(io.open "lua/binding/synonyms.c")
  local text = file:read "*a"
  file:close()

  -- Each uses a word where moonvec has other words.
  local function_places = {
    function(word) return c[word] end,
    function(word) return moonvec[word] end,
    function(word) return moonvec.filter[word] end,
    function(word) return moonvec.fuse[word] end,
    function(word) return moonvec.rerank[word] end,
    function(word) return moonvec.text[word] end,
  }
  local word_places = {
    function(word) return c:query { vector = v, [word] = 1 } end,
    function(word) return c:query { [word] = v } end,
    function(word) return c:query { vector = v, params = { [word] = 1 } } end,
    function(word) return c:query { vector = v, params = { plan = word } } end,
    function(word) return c:query { vector = v, where = print, [word] = 1 } end,
    function(word) return c:multi_query { [word] = 1 } end,
    function(word) return c:multi_query { queries = { { vector = v, [word] = 1 } } } end,
    function(word) return c:group_by_query { vector = v, group_by = "kind", [word] = 1 } end,
    function(word) return c:facet("kind", { [word] = 1 }) end,
    function(word) return moonvec.fuse.rrf { [word] = 1 } end,
    function(word) return moonvec.fuse.weighted { [word] = 1 } end,
    function(word) return moonvec.rerank.mmr { [word] = 1 } end,
    function(word) return moonvec.rerank.decay { [word] = 1 } end,
    function(word) return moonvec.text.fuzzy { [word] = 1 } end,
    function(word) return moonvec.text.phrase { [word] = 1 } end,
    function(word) return moonvec.text.boost { [word] = 1 } end,
    function(word) return c:fetch("x", { [word] = 1 }) end,
    function(word) return c:backup("/dev/null/x", { [word] = true }) end,
    function(word) return c:iterate { [word] = 1 } end,
    function(word) return c:optimize { [word] = 1 } end,
    function(word) return c:alter_column("kind", { [word] = "x" }) end,
    function(word) return moonvec.open("x", { [word] = 1 }) end,
    function(word) return moonvec.open("x", { durability = word }) end,
    function(word) return moonvec.open("x", { maintenance = word }) end,
    function(word) return moonvec.schema { [word] = {} } end,
    function(word) return moonvec.schema { max_documents = 1, evict = word } end,
    function(word) return moonvec.schema(schema_of { name = "f", type = "string", [word] = true }) end,
    function(word) return moonvec.schema(schema_of { name = "f", type = word }) end,
    function(word) return moonvec.schema(schema_of { name = "f", type = "string", index = word }) end,
    function(word) return moonvec.schema(schema_of { [word] = "f", type = "string" }) end,
    function(word) return moonvec.schema(vector_with(word, 1)) end,
    function(word) return moonvec.schema(vector_with("embed", { [word] = "x" })) end,
    function(word) return moonvec.schema(vector_with("type", word)) end,
    function(word) return moonvec.schema(vector_with("metric", word)) end,
    function(word) return moonvec.schema(vector_with("index", word)) end,
    function(word) return moonvec.schema(vector_with("index", { type = "hnsw", [word] = 1 })) end,
    function(word) return moonvec.schema(vector_with("index", { type = "hnsw", quantize = word })) end,
    function(word) return command.find(word) end,
    function(word) return dot_commands.get(word) end,
  }

  local function is_answered(places, word, name)
    local wanted = ("'%s' (did you mean '%s'?)"):format(word, (name:gsub("^%-+", "")))
    for _, place in ipairs(places) do
      local ok, message = pcall(place, word)
      if not ok and message:gsub("'[.-]+", "'"):find(wanted, 1, true) then
        return true
      end
    end
    return false
  end

  local function check_rows(rows, places)
    for _, row in ipairs(rows) do
      assert.is_true(#row.words > 0, row.name)
      for _, word in ipairs(row.words) do
        assert.is_true(is_answered(places, word, row.name), ("'%s' is nowhere answered by '%s'"):format(word, row.name))
      end
    end
  end

  it("is answered by the function or method that exists", function()
    local rows = rows_of(text, "function_synonyms")
    assert.is_true(#rows > 0)
    check_rows(rows, function_places)
  end)

  it("is answered by the option or word that exists", function()
    local rows = rows_of(text, "word_synonyms")
    assert.is_true(#rows > 0)
    check_rows(rows, word_places)
  end)

  it("is known in any case, with '_' and '-' or without", function()
    for _, word in ipairs { "n_results", "nResults", "N-RESULTS" } do
      local message = support.message_of(c.query, c, { vector = v, [word] = 3 })
      assert.equal(("query: unknown option '%s' (did you mean 'topk'?)"):format(word), message)
    end
  end)

  it("means what the place has", function()
    assert.matches("did you mean 'topk'", support.message_of(c.query, c, { size = 1 }))
    assert.matches("did you mean 'dim'", support.message_of(moonvec.schema, vector_with("size", 2)))
    assert.matches("did you mean 'count'", support.message_of(function() return c:size() end))
    local message = support.message_of(c.iterate, c, { limit = 1 })
    assert.matches("^iterate: unknown option 'limit' %(valid: 'output_fields', ", message)
  end)

  it("raises as a method, with the caller's line, and other keys are nil", function()
    local function call() return c:search { vector = v } end
    local _, message = pcall(call)
    local here = debug.getinfo(call, "S")
    assert.equal(("%s:%d: a collection has no 'search' (did you mean 'query'?)"):format(
      here.short_src, here.linedefined), message)
    assert.equal("moonvec has no 'connect' (did you mean 'open'?)",
      support.message_of(function() return moonvec.connect end))
    assert.equal("moonvec.filter has no 'and' (did you mean 'all'?)",
      support.message_of(function() return moonvec.filter["and"] end))
    assert.is_nil(c.zebra)
    assert.is_nil(c[1])
    assert.is_nil(moonvec.zebra)
    assert.is_nil(moonvec.filter.zebra)
  end)

  it("that ends a transaction is answered by how it ends", function()
    assert.equal(true, c:transaction(function(tx)
      for _, word in ipairs { "commit", "rollback", "abort" } do
        assert.equal(("a transaction has no '%s': it is committed when its function returns, "
          .. "and undone when its function raises"):format(word), support.message_of(function() return tx[word] end))
      end
      assert.matches("a transaction has no 'search' %(did you mean 'query'%?%)",
        support.message_of(function() return tx.search end))
    end))
  end)

  it("raises on a closed collection, too", function()
    local closed = support.collection(nil, { path = support.path(), schema = vector_with("dim", 1) })
    closed:close()
    assert.matches("did you mean 'query'", support.message_of(function() return closed:search() end))
  end)

  it("for a filter's text is answered by 'filter'", function()
    for _, given in ipairs { "kind = 'a'", { kind = "a" } } do
      assert.equal(("query: 'where' must be a function, got a %s (did you mean 'filter'?)"):format(type(given)),
        support.message_of(c.query, c, { vector = v, where = given }))
    end
  end)
end)

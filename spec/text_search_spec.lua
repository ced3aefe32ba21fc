-- Searching by text. A plain Lua program over all documents is the truth for what matches and for BM25 scores.

local moonvec = require "moonvec"
local plain = require "spec.support.text_plain"
local support = require "spec.support"
local trees = require "spec.support.text_trees"

local WORDS = {}
for _, first in ipairs { "b", "d", "f", "k", "l", "m", "p", "s", "t", "v" } do
  for _, last in ipairs { "ab", "ed", "ig", "ok", "un", "est" } do WORDS[#WORDS + 1] = first .. last end
end

local SCHEMA = {
  fields = {
    { name = "body", type = "string", nullable = true, index = "text" },
    { name = "tags", type = "array_string", nullable = true, index = "text" },
    { name = "n", type = "int32" },
  },
}

local function some_word(random) return trees.pick(random, WORDS) end

-- What is typed is folded, but not for tags, whose elements are the words as they are.
local function some_query(random, field)
  return trees.new(random, function()
    local word = some_word(random)
    return word, field ~= "tags" and random(3) == 1 and word:upper() or word
  end, true):typed()
end

local function some_words(random, most)
  local words = {}
  for i = 1, random(most) do words[i] = some_word(random) end
  return words
end

local function document(random, id)
  local doc = { id = id, n = random(10) }
  if random(10) > 1 then doc.body = table.concat(some_words(random, 30), random(2) == 1 and " " or ", ") end
  if random(5) > 1 then doc.tags = some_words(random, 4) end
  return doc
end

-- ---------------------------------------------------------------- comparing

-- By id, the words of each document that has a value in the field.
local function words_of(documents, field)
  local words = {}
  for id, doc in pairs(documents) do
    local value = doc[field]
    if type(value) == "string" then
      words[id] = {}
      for word in value:gmatch "%a+" do table.insert(words[id], word) end
    else
      words[id] = value
    end
  end
  return words
end

local function compare(c, documents, field, query, topk)
  for _, filter in ipairs { false, "n <= 3" } do
    local expected = plain.scores(words_of(documents, field), query.search, function(id)
      return not filter or documents[id].n <= 3
    end)
    local hits = assert(c:query { field = field, text = query.text, topk = topk, filter = filter or nil })
    assert.is_nil(plain.fault_of(hits, expected, topk),
      ("%s: %s, filter %s"):format(field, query.text, tostring(filter)))
  end
end

local function compare_filters(c, documents, field, query)
  local words = words_of(documents, field)
  for filter in pairs(plain.FILTERS) do
    local expected = plain.filtered(documents, words, query.filter, filter)
    filter = filter:gsub("body", field)
    assert.same(expected, plain.ids_of(c, filter, { query.text }), filter .. ": " .. query.text)
    assert.equal(#expected, c:count(filter, { query.text }))
  end
end

describe("text", function()
  after_each(support.clean)

  for seed = 1, 3 do
    it(("finds and ranks what a plain program does, seed %d%s"):format(seed, seed > 1 and " #once" or ""), function()
      local random = support.random(seed)
      local c, path = support.collection(SCHEMA, { maintenance = "manual" })
      local documents, ids = {}, { last = 0 }
      for round = 1, 10 do
        plain.change(random, c, documents, ids, document)
        if round % 4 == 0 then
          c:close()
          c = support.collection(nil, { path = path, maintenance = "manual" })
        end
        for _ = 1, 8 do compare(c, documents, "body", some_query(random), random(30)) end
        for _ = 1, 2 do compare(c, documents, "tags", some_query(random, "tags"), random(30)) end
        for _, field in ipairs { "body", "body", "tags" } do
          compare_filters(c, documents, field, some_query(random, field))
        end
      end
      local many = {}
      for i = 1, 300 do
        many[i] = document(random, ids.last + i)
        documents[ids.last + i] = many[i]
      end
      assert(c:insert(many))
      assert(c:optimize())
      assert.is_true(c:check())
      for _ = 1, 10 do compare(c, documents, "body", some_query(random), 1000) end
      assert.equal(1.0, c:stats().indexes.body.completeness)
    end)
  end

  it("gives the same scores to every handle and process, however rows lie", function()
    local random = support.random(5)
    local a, path = support.collection(SCHEMA, { maintenance = "manual" })
    local documents = {}
    for id = 1, 2000 do documents[id] = document(random, id) end
    for from = 1, 2000, 250 do
      local batch = {}
      for i = 1, 250 do batch[i] = documents[from + i - 1] end
      assert(a:insert(batch))
    end
    local query = some_query(random)
    local before = assert(a:query { field = "body", text = query.text, topk = 50 })
    assert(a:optimize())
    local b = support.collection(nil, { path = path })
    for _, c in ipairs { a, b } do
      local after = assert(c:query { field = "body", text = query.text, topk = 50 })
      assert.equal(#before, #after)
      for i, hit in ipairs(before) do
        assert.equal(hit.id, after[i].id)
        assert.equal(hit.score, after[i].score)
      end
    end
  end)

  it("reads a text and an array of strings each in its own way, whichever was asked first", function()
    local c = support.collection({ fields = {
      { name = "tags", type = "array_string", index = "text" }, { name = "body", type = "string", index = "text" },
    } }, { maintenance = "manual" })
    assert(c:insert { id = "a", tags = { "Disk" }, body = "Hard Disk" })
    for _ = 1, 2 do
      for _, field in ipairs { "tags", "body", "body", "tags" } do
        assert.equal(1, c:count(field .. " MATCH 'Disk'"))
        assert.equal(1, #assert(c:query { field = field, text = "Disk" }))
        assert.equal(field == "body" and 1 or 0, c:count(field .. " MATCH 'disk'"))
      end
      assert(c:optimize())
    end
  end)

  it("shows the same plan while lists of new texts are made and when they are there", function()
    local c = support.collection({ fields = { { name = "body", type = "string", index = "text" } } },
      { maintenance = "manual" })
    local documents = {}
    for id = 1, 300 do documents[id] = { id = id, body = "hard disk " .. id .. (" filler"):rep(60) } end
    assert(c:insert(documents))
    for _ = 1, 8 do
      local plan = assert(c:query { text = "disk", topk = 5, explain = true })
      local step = plan.steps[#plan.steps]
      assert.same({ 5, 300, "exact", 300 }, { #plan.hits, plan.matches, step.plan, step.matches })
    end
  end)

  it("stems, folds and knows stop words", function()
    local c = support.collection {
      fields = {
        { name = "body", type = "string",
          index = { type = "text", language = "english", stop_words = true, k1 = 1.5, b = 0.5 } },
        { name = "code", type = "string", index = { type = "text", tokenizer = "code" } },
      },
    }
    assert(c:insert {
      { id = 1, body = "The wizards were running in Café Zürich", code = "local function parseHTTPHeader()" },
      { id = 2, body = "A wizard ran", code = "http_server.start" },
    })
    local function found(field, text)
      return table.concat(support.ids(assert(c:query { field = field, text = text })), " ")
    end
    assert.equal("1", found("body", "run cafe"))
    assert.equal("2 1", found("body", "wizard"))
    assert.equal("1", found("body", '"zurich"'))
    assert.equal("", found("body", "the"))
    assert.equal("2 1", found("code", "http"))
    assert.equal("1", found("code", "parsehttpheader"))
    local index = c.schema.fields[1].index
    assert.same({ type = "text", tokenizer = "unicode", language = "english", stop_words = true, k1 = 1.5, b = 0.5,
      positions = true }, index)
  end)

  it("never raises for what is typed, but for a query that only excludes", function()
    local c = support.collection(SCHEMA)
    assert(c:insert { { id = 1, body = "ab cd", n = 1 } })
    for _, typed in ipairs { "", " ", '"', '"""', "+", "OR", "a OR", "(a AND b)", "\0\255", "*", "-", "--", "a:b",
      ("x"):rep(10000), "'; DROP TABLE" } do
      assert.is_table(c:query { field = "body", text = typed })
    end
    assert.has_error(function() c:query { field = "body", text = "-ab" } end)
    assert.matches("only excludes", support.message_of(c.query, c, { field = "body", text = "-ab -cd" }))
  end)

  it("marks the words that were found", function()
    local c = support.collection { fields = {
      { name = "body", type = "string", nullable = true, index = { type = "text", language = "english" } },
      { name = "title", type = "string", index = "text" },
    } }
    local filler = ("Other words stand here. "):rep(30)
    assert(c:insert {
      { id = 1, title = "Wizard & co",
        body = "The wizards <ran> through forests. " .. filler .. "A Wizard is running." },
      { id = 2, title = "wizards" },
    })
    local function first(field, text, options)
      return assert(c:query { field = field, text = text, highlight = options })[1].highlights
    end
    assert.is_nil(first("title", "wizard", false))
    assert.same({ title = { "<b>Wizard</b> & co" } }, first("title", "wizard", true))
    assert.same({ title = { "[Wizard] &amp; co" } }, first("title", "wizard", { open = "[", close = "]", html = true }))
    local found = first("body", 'wizard "ran through"', { fields = { "body", "title" }, size = 40, count = 3 })
    assert.equal("The <b>wizards</b> <<b>ran> through</b> forests. Other…", found.body[1])
    assert.equal(2, #found.body)
    assert.matches("A <b>Wizard</b> is running%.$", found.body[2])
    assert.same({ "<b>Wizard</b> & co" }, found.title)
    local hits = assert(c:query { field = "title", text = "wizards", highlight = { fields = { "body" } } })
    assert.same({ body = {} }, hits[1].highlights)
    local function message(options)
      return support.message_of(c.query, c, { field = "title", text = "a", highlight = options })
    end
    assert.matches("unknown option 'opne' %(did you mean 'open'%?%)", message { opne = "x" })
    assert.matches("'n' is no string field with a text index", message { fields = { "n" } })
    assert.matches("'count' must be", message { count = 33 })
    assert.matches("'highlight' needs 'text' or 'match'", support.message_of(c.query, c, { highlight = true }))
  end)

  it("is demanded by filters of a search by vector, and deletes by them", function()
    local c = support.collection {
      fields = { { name = "body", type = "string", index = "text" }, { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    }
    local docs = {}
    for n = 1, 1500 do docs[n] = { id = n, n = n, body = n % 7 == 0 and "hard disk" or "disk, hard", v = { n, 1 } } end
    assert(c:insert(docs))
    for _ = 1, 2 do
      local hits = assert(c:query { vector = { 100, 1 }, topk = 3, filter = "body MATCH ?", args = { '"hard disk"' } })
      assert.same({ "98", "105", "91" }, support.ids(hits))
      hits = assert(c:query {
        vector = { 100, 1 }, topk = 3,
        filter = moonvec.filter.match("body", '-"hard disk" disk'),
      })
      assert.same({ "100", "99", "101" }, support.ids(hits))
      assert(c:optimize())
    end
    assert.equal(0, c:count "body MATCH ''")
    assert.equal(1500, c:count "body MATCH '-tape'")
    assert.equal(0, c:count("body MATCH ?", { moonvec.null }))
    assert.equal(214, assert(c:delete_by_filter("body MATCH ?", { '"hard disk"' })))
    assert.equal(0, c:count("body MATCH ?", { '"hard disk"' }))
    assert.matches("filter:3: MATCH needs a field with a text index, 'n' has none",
      support.message_of(c.count, c, "n MATCH 'a'"))
    assert.matches("filter.match: the text for 'body' must be a string",
      support.message_of(moonvec.filter.match, "body", 1))
  end)

  it("is fused with a search by vector", function()
    local c = support.collection {
      fields = { { name = "body", type = "string", index = "text" }, { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    }
    local docs = {}
    for n = 1, 400 do docs[n] = { id = n, n = n, body = n % 7 == 0 and "rare word" or "word", v = { n, 1 } } end
    assert(c:insert(docs))
    local both = assert(c:query { vector = { 100, 1 }, text = "rare", topk = 5, filter = "n > 50" })
    local fused = assert(c:multi_query {
      queries = { { field = "v", vector = { 100, 1 } }, { field = "body", text = "rare" } },
      topk = 5, filter = "n > 50",
    })
    assert.same(fused, both)
    assert.equal(0, tonumber(both[1].id) % 7)
    for _, hit in ipairs(both) do assert.is_true(hit.n > 50 and (hit.parts[1] or hit.parts[2]) ~= nil) end
    for _, field in ipairs { "body", "v" } do
      assert.same(both, assert(c:query { field = field, vector = { 100, 1 }, text = "rare", topk = 5,
        filter = "n > 50" }))
    end
    local page = assert(c:query { vector = { 100, 1 }, text = "rare", topk = 3, offset = 2, filter = "n > 50" })
    assert.same({ both[3], both[4], both[5] }, page)
    local plan = assert(c:query { vector = { 100, 1 }, text = "rare", topk = 5, filter = "n > 50", explain = true })
    assert.same(both, plan.hits)
    assert.same({ 400, 400 }, { plan.queries[1].rows, plan.queries[2].rows })
    local function message(options) return support.message_of(c.query, c, options) end
    assert.matches("'into' cannot be used with a vector and a text", message { text = "a", id = 1, into = {} })
    assert.matches("unknown option 'topc' %(did you mean 'topk'%?%)", message { text = "a", id = 1, topc = 2 })
  end)

  it("names what is wrong with a search", function()
    local c = support.collection { fields = { { name = "body", type = "string", index = "text" },
      { name = "other", type = "string" } } }
    local function message(options) return support.message_of(c.query, c, options) end
    assert.matches("'text' must be a string, got a number", message { text = 5 })
    assert.matches("'text' cannot be used with 'vectors'", message { text = "a", vectors = { { 1 } } })
    assert.matches("unknown field with a text index 'bodi' %(did you mean 'body'%?%)",
      message { text = "a", field = "bodi" })
    assert.matches("unknown field with a text index 'other'", message { text = "a", field = "other" })
    assert.matches("no field with a text index", support.message_of(function()
      support.collection({ fields = { { name = "n", type = "int32" } } }):query { text = "a" }
    end))
    assert.matches("text", support.message_of(moonvec.open, support.path(),
      { schema = { fields = { { name = "n", type = "int32", index = "text" } } } }))
  end)

  it("is not given options that exclude each other", function()
    local c = support.collection { fields = { { name = "a", type = "string", nullable = true } } }
    local text = { type = "text", tokenizer = "ngram", language = "english" }
    assert.matches("field 'a': tokenizer 'ngram' takes no language", support.message_of(c.create_index, c, "a", text))
    text = { type = "text", stop_words = true }
    local column = { name = "b", type = "string", nullable = true, index = text }
    assert.matches("field 'b': stop words of a language need the option 'language'",
      support.message_of(c.add_column, c, column))
    assert.equal(1, #c.schema.fields)
    assert.is_nil(c.schema.fields[1].index)
    assert(c:insert { id = "x", a = "words" })
    assert(c:optimize())
  end)
end)

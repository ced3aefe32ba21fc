-- Full-text queries built as data. A plain Lua program evaluates their trees over all documents; where FTS5 of SQLite
-- can say the same, it must find the same documents.

local moonvec = require "moonvec"
local plain = require "spec.support.text_plain"
local support = require "spec.support"
local trees = require "spec.support.text_trees"

local has_sqlite, luasql = pcall(require, "luasql.sqlite3")

local t = moonvec.text

local SCHEMA = {
  fields = {
    { name = "body", type = "string", nullable = true, index = { type = "text", tokenizer = "whitespace" } },
    { name = "n", type = "int32" },
  },
}

local WORDS = {}
for _, first in ipairs { "b", "d", "f", "st", "tr" } do
  for _, last in ipairs { "ab", "abe", "ed", "ig", "ok", "un", "est", "ets" } do WORDS[#WORDS + 1] = first .. last end
end

local function some_word(random) return trees.pick(random, WORDS) end

local function some_tree(random, depth, is_plain)
  return trees.new(random, some_word, is_plain):tree(depth)
end

local function document(random, id)
  local words = {}
  if random(10) > 1 then for i = 1, random(25) do words[i] = some_word(random) end end
  return { id = id, n = random(10), body = words[1] and table.concat(words, " ") }
end

-- By id, the words of each document that has some.
local function words_of(documents)
  local words = {}
  for id, doc in pairs(documents) do
    if doc.body then
      words[id] = {}
      for word in doc.body:gmatch "%S+" do table.insert(words[id], word) end
    end
  end
  return words
end

-- ---------------------------------------------------------------- comparing

local function compare(c, documents, tree, topk)
  local match = trees.match_of(tree)
  for _, filter in ipairs { false, "n <= 3" } do
    local expected = plain.scores(words_of(documents), tree, function(id) return not filter or documents[id].n <= 3 end)
    local hits = assert(c:query { match = match, topk = topk, filter = filter or nil })
    assert.is_nil(plain.fault_of(hits, expected, topk), ("%s, filter %s"):format(tostring(match), tostring(filter)))
  end
end

local function compare_filters(c, documents, tree)
  local match, words = trees.match_of(tree), words_of(documents)
  for filter in pairs(plain.FILTERS) do
    local expected = plain.filtered(documents, words, tree, filter)
    assert.same(expected, plain.ids_of(c, filter, { match }), filter .. ": " .. tostring(match))
    assert.equal(#expected, c:count(filter, { match }))
  end
  assert.equal(c:count("body MATCH ?", { match }), c:count(moonvec.filter.match("body", match)))
end

describe("a full-text query built as data", function()
  after_each(support.clean)

  for seed = 1, 3 do
    it(("finds and ranks what a plain program does, seed %d%s"):format(seed, seed > 1 and " #once" or ""), function()
      local random = support.random(seed)
      local c = support.collection(SCHEMA, { path = ":memory:", maintenance = "manual" })
      local documents, ids = {}, { last = 0 }
      for round = 0, 9 do
        if round > 0 then
          plain.change(random, c, documents, ids, document)
        else
          for i = 1, 300 do documents[i] = document(random, i) end
          assert(c:insert(documents))
          ids.last = 300
        end
        for _ = 1, 8 do compare(c, documents, some_tree(random, 3), random(30)) end
        for _ = 1, 2 do compare_filters(c, documents, some_tree(random, 3)) end
        local excluding = { kind = "no", members = { some_tree(random, 2) } }
        compare_filters(c, documents, { kind = "all", members = { excluding } })
      end
      assert(c:optimize())
      assert.equal(1.0, c:stats().indexes.body.completeness)
      for _ = 1, 10 do compare(c, documents, some_tree(random, 4), 1000) end
      for _ = 1, 4 do compare_filters(c, documents, some_tree(random, 4)) end
    end)
  end

  it("finds what FTS5 finds #once", function()
    local environment = has_sqlite and luasql.sqlite3()
    local database = environment and environment:connect ""
    if not database or not database:execute "CREATE VIRTUAL TABLE t USING fts5(body)" then
      pending "lua-sql-sqlite3 with FTS5 is not installed"
      return
    end
    local random = support.random(11)
    local c = support.collection(SCHEMA, { path = ":memory:", maintenance = "manual" })
    local batch = {}
    assert(database:execute "BEGIN")
    for id = 1, 900 do
      batch[id] = document(random, id)
      batch[id].body = batch[id].body or ""
      assert(database:execute(("INSERT INTO t(rowid, body) VALUES (%d, '%s')"):format(id, batch[id].body)))
    end
    assert(database:execute "COMMIT")
    assert(c:insert(batch))
    for round = 1, 300 do
      if round == 100 then assert(c:optimize()) end
      if round == 200 then
        assert(c:delete_by_filter "n = 5")
        for id, doc in ipairs(batch) do
          if doc.n == 5 then assert(database:execute("DELETE FROM t WHERE rowid = " .. id)) end
        end
      end
      local tree = some_tree(random, 3, true)
      local cursor = assert(database:execute(("SELECT rowid FROM t WHERE t MATCH '%s'"):format(trees.fts_of(tree))))
      local expected = {}
      for id in function() return cursor:fetch() end do expected[#expected + 1] = ("%d"):format(id) end
      table.sort(expected)
      local match = trees.match_of(tree)
      local found = support.ids(assert(c:query { match = match, topk = 1000, output_fields = {} }))
      table.sort(found)
      assert.same(expected, found, tostring(match))
      assert.same(expected, plain.ids_of(c, "body MATCH ?", { match }), tostring(match))
    end
    database:close()
    environment:close()
  end)

  local DISKS = {
    { id = 1, n = 1, body = "a fast hard disk" },
    { id = 2, n = 2, body = "a hard old disk drive" },
    { id = 3, n = 3, body = "an automatic tape drive" },
    { id = 4, n = 4 },
  }

  local function disks(options)
    local schema = {
      fields = { { name = "body", type = "string", nullable = true, index = options or "text" }, SCHEMA.fields[2] },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    }
    local c = support.collection(schema, { path = ":memory:" })
    for n, doc in ipairs(DISKS) do doc.v = { n, 1 } end
    assert(c:insert(DISKS))
    return c
  end

  local function found(c, match, options)
    local query = { field = "body", match = match }
    for name, value in pairs(options or {}) do query[name] = value end
    return table.concat(support.ids(assert(c:query(query))), " ")
  end

  it("has words, groups, phrases, prefixes, similar words and boosts", function()
    local c = disks()
    assert.equal("2 1", found(c, t.any { "hard", "old" }))
    assert.equal("2", found(c, t.all { "hard", t.word "OLD" }))
    assert.equal("1", found(c, t.phrase "hard disk"))
    assert.equal("1 2", found(c, t.phrase { "hard disk", slop = 1 }))
    assert.equal("3", found(c, t.prefix "auto"))
    assert.equal("2 3", found(c, t.all { t.fuzzy "drvie" }, { filter = "n > 0" }):gsub("3 2", "2 3"))
    assert.equal("1 2", found(c, t.fuzzy { "dskk", edits = 2 }))
    assert.equal("", found(c, t.fuzzy "dskk"))
    assert.equal("3", found(c, t.all { "drive", t.no(t.phrase "disk drive") }))
    assert.equal("3 2", found(c, t.all { "drive", t.maybe { "tape" } }))
    assert.equal("3 1", found(c, t.any { "fast", t.boost { "tape", by = 3 } }))
    assert.equal("1 3", found(c, t.any { t.boost { "fast", by = 3 }, "tape" }))
    assert.equal("1", found(c, t.all { t.typed 'disk -old', "hard" }))
    assert.equal("2", found(c, t.boost { t.boost { t.typed '"old disk"', by = 2 }, by = 1e-6 }))
    assert.equal("", found(c, t.word "..."))
    assert.equal('moonvec.text: all("a" any("b"* "c"~2)^2 phrase("d e" ~3) maybe(typed("f")) no("g"))', tostring(t.all {
      "a", t.boost { t.any { t.prefix "b", t.fuzzy { "c", edits = 2 } }, by = 2 }, t.phrase { "d e", slop = 3 },
      t.maybe { t.typed "f" }, t.no "g" }))
  end)

  it("finds a document whose words count next to nothing", function()
    local c = disks()
    local match = "tape"
    for _ = 1, 20 do match = t.boost { t.any { match, "nowhere" }, by = 1e-6 } end
    assert.equal("3", found(c, match))
    assert(c:optimize())
    assert.equal("3", found(c, match))
  end)

  it("multiplies the score by the boost", function()
    local c = disks()
    local once = assert(c:query { match = t.word "tape" })[1].score
    local boosted = assert(c:query { match = t.boost { t.all { t.boost { "tape", by = 4 } }, by = 0.5 } })[1].score
    assert.is_true(math.abs(boosted - 2 * once) < 1e-6)
  end)

  it("can be a part of several queries", function()
    local c = disks()
    local drive = t.all { "drive", t.no "tape" }
    local either = t.any { drive, t.boost { drive, by = 2 }, "fast" }
    assert.equal("2", found(c, drive))
    assert.equal("2 1", found(c, either))
    assert.equal("2", found(c, drive))
  end)

  it("is read by the tokenizer of the field", function()
    local c = disks { type = "text", language = "english", stop_words = true }
    assert.equal("3 2", found(c, t.any { "drives", t.phrase "the tapes" }))
    assert.equal("", found(c, t.any { "the" }))
    c = disks { type = "text", tokenizer = "ngram" }
    assert.equal("3", found(c, t.all { "tomat" }))
    assert.matches("with tokenizer 'ngram' there are no similar words",
      support.message_of(c.query, c, { match = t.fuzzy "disk" }))
    assert.matches("^count: .*with tokenizer 'ngram'",
      support.message_of(c.count, c, "body MATCH ?", { t.fuzzy "disk" }))
  end)

  it("is marked in the texts of hits", function()
    local c = disks()
    local hits = assert(c:query {
      match = t.all { t.phrase { "hard disk", slop = 1 }, t.maybe { t.prefix "dri", "fast" }, t.no "tape" },
      highlight = true,
    })
    assert.same({ body = { "a <b>fast</b> <b>hard disk</b>" } }, hits[1].highlights)
    assert.same({ body = { "a <b>hard</b> old <b>disk</b> <b>drive</b>" } }, hits[2].highlights)
    assert.same({}, assert(c:query { match = t.word "nowhere", highlight = true }))
  end)

  it("is a search of multi_query, and fused with a vector", function()
    local c = disks()
    local match = t.all { "drive", t.no "tape" }
    local both = assert(c:query { vector = { 3, 1 }, match = match, topk = 3 })
    assert.same(both, assert(c:multi_query {
      topk = 3, queries = { { field = "v", vector = { 3, 1 } }, { field = "body", match = match } },
    }))
    assert.equal("2", both[1].id)
    assert.equal(1, both[1].parts[2].rank)
    local either = t.any { "hard", "tape" }
    assert.same({ "3", "2" }, support.ids(assert(c:query {
      match = either, topk = 2, rerank = function(hit) return hit.n end,
    })))
    assert.same({ "2" }, support.ids(assert(c:query { match = either, where = function(hit) return hit.n == 2 end })))
  end)

  it("is demanded by filters wherever they are accepted", function()
    local c = disks()
    local drive = moonvec.filter.match("body", t.all { "drive", t.no "disk" })
    assert.equal("body MATCH ?", drive.text)
    assert.same({ "3" }, support.ids(assert(c:query { vector = { 1, 1 }, filter = drive })))
    assert.same({ "2", "1" }, support.ids(assert(c:query { order_by = "n DESC", filter = "body NOT MATCH ? AND n < 3",
      args = { t.word "tape" } })))
    assert.equal(1, c:facet("n", { filter = drive })[1].count)
    assert.equal(3, c:group_by_query { vector = { 1, 1 }, group_by = "n", filter = drive }[1].group)
    assert.equal(1, c:count(moonvec.filter.all(drive, moonvec.filter.gt("n", 2))))
    assert.equal(0, c:count(moonvec.filter.match("body", t.any { "..." })))
    assert.equal(1, assert(c:update_by_filter(drive, nil, { n = 9 })))
    assert.equal(1, assert(c:delete_by_filter(drive)))
    assert.equal(3, #c)
  end)
end)

describe("a wrong full-text query", function()
  local c

  setup(function() c = support.collection(SCHEMA, { path = ":memory:" }) end)
  teardown(support.clean)

  local function says(text, ...)
    assert.equal(text, support.message_of(...))
  end

  it("names the constructor, the member and what was expected", function()
    says("text.word: expected a string, got a number", t.word, 5)
    says("text.prefix: expected a string, got a nil", t.prefix)
    says("text.typed: expected a string, got a table", t.typed, {})
    says("text.fuzzy: expected a string, got a nil", t.fuzzy, { edits = 1 })
    says("text.fuzzy: 'edits' must be a whole number from 1 to 2, got 3", t.fuzzy, { "a", edits = 3 })
    says("text.fuzzy: unknown option 'edit' (did you mean 'edits'?)", t.fuzzy, { "a", edit = 1 })
    says("text.phrase: 'slop' must be a whole number from 0 to 65536, got 0.5", t.phrase, { "a b", slop = 0.5 })
    says("text.phrase: 'slop' must be a whole number, got a string", t.phrase, { "a b", slop = "1" })
    says("text.phrase: expected one element, got 2", t.phrase, { "a", "b" })
    says("text.boost: 'by' must be a number, got a nil", t.boost, { "a" })
    says("text.boost: 'by' must be a number from 1e-06 to 1000000, got 0", t.boost, { "a", by = 0 })
    says("text.boost: unknown option 'bye' (did you mean 'by'?)", t.boost, { "a", bye = 2 })
    says("text.boost: the query is a number, expected a word or a query built by moonvec.text", t.boost, { 1, by = 2 })
    says("text.boost: unknown option 'weight' (did you mean 'by'?)", t.boost, { "a", weight = 2 })
    says("text.all: expected an array of words and queries, got a string", t.all, "a")
    says("text.any: expected an array of words and queries, got a query", t.any, t.word "a")
    says("text.all: expected at least one member, got none", t.all, {})
    says("text.all: unknown option 'by'", t.all, { "a", by = 2 })
    says("text.all: the members must have the keys 1, 2, 3, ... and no others", t.all, { "a", [3] = "b" })
    says("text.any: member 2 is a boolean, expected a word or a query built by moonvec.text", t.any, { "a", true })
    says("text.any: member 1 is a text.no, which can stand in text.all only", t.any, { t.no "a" })
    says("text.maybe: member 1 is a text.maybe, which can stand in text.all only", t.maybe, { t.maybe { "a" } })
    says("text.no: the argument is a text.no, which can stand in text.all only", t.no, t.no "a")
    says("text.no: the argument is a nil, expected a word or a query built by moonvec.text", t.no)
    says("moonvec.text has no 'must' (did you mean 'all'?)", function() return t.must end)
    assert.is_nil(t.zebra)
  end)

  it("is refused by a search", function()
    local function refuses(text, options) says("query: " .. text, c.query, c, options) end
    refuses("'match' must be built by moonvec.text, got a string (did you mean 'text'?)", { match = "a" })
    refuses("'match' must be built by moonvec.text, got a table", { match = { "a" } })
    refuses("'text' cannot be used with 'match'", { text = "a", match = t.word "a" })
    refuses("'text' cannot be used with 'match'", { text = "a", match = t.word "a", vector = { 1 } })
    refuses("'match' cannot be used with 'order_by'", { match = t.word "a", order_by = "n" })
    refuses("match, or an 'all' in it, only excludes: a search needs a word that is to be found",
      { match = t.all { t.no "a" } })
    refuses("match, or an 'all' in it, only excludes: a search needs a word that is to be found",
      { match = t.any { "a", t.typed "-b" } })
    refuses("full-text query: 'no' can stand in 'all' only", { match = t.no "a" })
    refuses("full-text query: boost is 4e+06; it must be a number from 0 to 1e+06",
      { match = t.boost { t.boost { "a", by = 2000 }, by = 2000 } })
    refuses("unknown field with a text index 'n'", { match = t.word "a", field = "n" })
    says("multi_query: queries[1]: only one of 'vector', 'vectors_of_one', 'id', 'text', 'match' can be given",
      c.multi_query, c,
      { queries = { { text = "a", match = t.word "a" } } })
  end)

  it("is refused by a filter, and by a document", function()
    says("filter.match: the text for 'body' must be a string or built by moonvec.text, got a table",
      moonvec.filter.match, "body", { "a" })
    says("count: full-text query: 'maybe' can stand in 'all' only", c.count, c, "body MATCH ?", { t.maybe { "a" } })
    says("filter:8: argument 1: field 'body' wants a string, got a full-text query", c.count, c, "body = ?",
      { t.word "a" })
    says("insert: document 'a': field 'body' wants a string, got a full-text query", c.insert, c,
      { id = "a", n = 1, body = t.word "a" })
  end)

  it("is too large", function()
    local many, deep = {}, "a"
    for i = 1, 1024 do many[i] = "w" .. i end -- the root of the engine's tree is another node
    says("query: a full-text query has 1025 nodes, the maximum is 1024", c.query, c, { match = t.any(many) })
    many[1024], many[1023] = nil, nil
    assert.is_table(c:query { match = t.any(many) })
    for _ = 1, 33 do deep = t.any { deep, "b" } end
    local _, message, code = c:query { match = deep }
    assert.equal("full-text query: more than 32 groups in groups", message)
    assert.equal("limit", code)
    _, _, code = c:query { match = t.word(("x"):rep(65537)) }
    assert.equal("limit", code)
    deep = "fooBar" -- the whole or its parts, which is one more group
    for _ = 1, 16 do deep = t.any { t.all { deep, "foo" }, "baz" } end
    local code_field = { { name = "body", type = "string", index = { type = "text", tokenizer = "code" } } }
    local deepest, docs = support.collection({ fields = code_field }, { path = ":memory:" }), {}
    for i = 1, 300 do docs[i] = { id = i, body = i == 7 and "foo_bar" or "bar_foo" } end
    assert(deepest:insert(docs))
    for _ = 1, 2 do
      assert.same({ "7" }, support.ids(assert(deepest:query { match = deep })))
      assert.equal(1, deepest:count("body MATCH ?", { deep }))
      assert(deepest:optimize())
    end
  end)

  it("whose tables a program has changed is refused", function()
    for _, fault in ipairs {
      { "kind", "words", "unknown kind of full%-text query 'words' %(did you mean 'word'%?%)" },
      { "kind", 5, "kind of full%-text query must be a string" },
      { "members", -1, "'members' must be a whole number" },
      { "boost", "x", "'boost' must be a number" },
      { "boost", -1, "boost is %-1" },
      { "members", 3, "2 members are missing" },
      { "members", 0, "a group has no members" },
    } do
      local match = t.any { "a" }
      match.nodes[1][fault[1]] = fault[2]
      assert.matches(fault[3], support.message_of(c.query, c, { match = match }))
    end
    for _, nodes in ipairs { 5, {}, { 5 } } do
      local match = t.word "a"
      match.nodes = nodes
      assert.has_error(function() c:query { match = match } end)
    end
    local match = t.word "a"
    match.nodes[1].text = nil
    assert.is_table(c:query { match = match })
    match.nodes[2] = { kind = "word", text = "b" }
    assert.matches("it has 2 nodes, the tree ends with 1", support.message_of(c.query, c, { match = match }))
  end)
end)

-- Searching by text. A plain Lua program over all documents is the truth for what matches and for BM25 scores.

local moonvec = require "moonvec"
local support = require "spec.support"

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

-- Small numbers are frequent, as words are.
local function some_word(random)
  return WORDS[math.floor((#WORDS) ^ ((random(100000) - 0.5) / 100000))]
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

-- ---------------------------------------------------------------- the plain program

local function words_of(doc, field)
  local value, words = doc[field], {}
  if type(value) == "table" then return value end
  for word in (value or ""):gmatch("%a+") do words[#words + 1] = word:lower() end
  return words
end

local function has_phrase(words, phrase)
  for at = 1, #words - #phrase + 1 do
    local same = true
    for i, word in ipairs(phrase) do same = same and words[at + i - 1] == word end
    if same then return true end
  end
  return false
end

local function frequency(words, leaf)
  local count = 0
  for _, word in ipairs(words) do
    if word == leaf or (leaf:sub(-1) == "*" and word:sub(1, #leaf - 1) == leaf:sub(1, -2)) then count = count + 1 end
  end
  return count
end

-- A query: what is typed, the leaves that are scored, and the groups of leaves and phrases that are demanded, optional
-- and excluded.
local function some_query(random)
  local query = { typed = {}, leaves = {}, demanded = {}, optional = {}, excluded = {} }
  local function leaf(word)
    for _, other in ipairs(query.leaves) do if other == word then
      query.boosts[word] = query.boosts[word] + 1
      return
    end end
    query.leaves[#query.leaves + 1] = word
    query.boosts[word] = 1
  end
  query.boosts = {}
  for _ = 1, random(4) do
    local kind, word = random(10), some_word(random)
    if kind <= 5 then
      if random(6) == 1 then word = word:sub(1, 2) .. "*" end
      query.typed[#query.typed + 1] = word
      query.optional[#query.optional + 1] = { word }
      leaf(word)
    elseif kind == 6 then
      query.typed[#query.typed + 1] = "+" .. word:upper()
      query.demanded[#query.demanded + 1] = { word }
      leaf(word)
    elseif kind <= 8 then
      local phrase = { word, some_word(random) }
      query.typed[#query.typed + 1] = ('"%s"'):format(table.concat(phrase, " "))
      query.demanded[#query.demanded + 1] = phrase
      leaf(phrase[1])
      leaf(phrase[2])
    else
      query.typed[#query.typed + 1] = "-" .. word
      query.excluded[#query.excluded + 1] = word
    end
  end
  query.text = table.concat(query.typed, " ")
  return #query.leaves > 0 and query or some_query(random)
end

local function matches(query, words)
  local function has(group)
    return #group == 1 and frequency(words, group[1]) > 0 or #group > 1 and has_phrase(words, group)
  end
  for _, word in ipairs(query.excluded) do if frequency(words, word) > 0 then return false end end
  for _, group in ipairs(query.demanded) do if not has(group) then return false end end
  if #query.demanded > 0 then return true end
  for _, group in ipairs(query.optional) do if has(group) then return true end end
  return false
end

-- In a filter, all words are demanded.
local function matches_all(query, words)
  local all = { excluded = query.excluded, demanded = {}, optional = {} }
  for _, groups in ipairs { query.demanded, query.optional } do
    for _, group in ipairs(groups) do all.demanded[#all.demanded + 1] = group end
  end
  return matches(all, words)
end

-- The score of each document that matches.
local function scores(documents, field, query, passes)
  local all, tokens, with, result = 0, 0, {}, {}
  local words, k1, b = {}, 1.2, 0.75
  for id, doc in pairs(documents) do
    if doc[field] then
      words[id] = words_of(doc, field)
      all, tokens = all + 1, tokens + #words[id]
      for _, leaf in ipairs(query.leaves) do
        with[leaf] = (with[leaf] or 0) + (frequency(words[id], leaf) > 0 and 1 or 0)
      end
    end
  end
  for id, list in pairs(words) do
    if passes(documents[id]) and matches(query, list) then
      local score = 0
      for _, leaf in ipairs(query.leaves) do
        local f = frequency(list, leaf)
        local idf = math.log(1 + (all - with[leaf] + 0.5) / (with[leaf] + 0.5))
        score = score + query.boosts[leaf] * idf * f * (k1 + 1) / (f + k1 * (1 - b + b * #list * all / tokens))
      end
      result[id] = score
    end
  end
  return result
end

-- ---------------------------------------------------------------- comparing

local function compare(c, documents, field, query, topk)
  for _, filter in ipairs { false, "n <= 3" } do
    local expected, sorted = scores(documents, field, query, function(doc) return not filter or doc.n <= 3 end), {}
    for _, score in pairs(expected) do sorted[#sorted + 1] = score end
    table.sort(sorted, function(x, y) return x > y end)
    local hits = assert(c:query { field = field, text = query.text, topk = topk, filter = filter or nil })
    local context = ("%s: %s, filter %s"):format(field, query.text, tostring(filter))
    assert.equal(math.min(topk, #sorted), #hits, context)
    for i, hit in ipairs(hits) do
      local id = tonumber(hit.id)
      assert.is_true(expected[id] ~= nil, context .. ": " .. hit.id .. " does not match")
      assert.is_true(math.abs(hit.score - expected[id]) <= 1e-5 * expected[id],
        ("%s: %s has %.8f instead of %.8f"):format(context, hit.id, hit.score, expected[id]))
      assert.is_true(math.abs(hit.score - sorted[i]) <= 1e-5 * sorted[i], context .. ": rank " .. i)
    end
  end
end

local function compare_filter(c, documents, field, query)
  for _, filter in ipairs { field .. " MATCH ?", field .. " NOT MATCH ?", "n <= 3 AND " .. field .. " MATCH ?",
    "n <= 3 OR " .. field .. " MATCH ?", "NOT (n <= 3 OR " .. field .. " MATCH ?)" } do
    local expected = {}
    for id, doc in pairs(documents) do
      local found = doc[field] and matches_all(query, words_of(doc, field))
      local is_small = doc.n <= 3
      local passes
      if filter:find "^NOT" then
        passes = not is_small and doc[field] and not found
      elseif filter:find " NOT MATCH" then
        passes = doc[field] and not found
      elseif filter:find " AND " then
        passes = is_small and found
      elseif filter:find " OR " then
        passes = is_small or found
      else
        passes = found
      end
      if passes then expected[#expected + 1] = tostring(id) end
    end
    table.sort(expected)
    local ids = {}
    for doc in c:iterate { filter = filter, args = { query.text }, output_fields = {} } do ids[#ids + 1] = doc.id end
    table.sort(ids)
    assert.same(expected, ids, filter .. ": " .. query.text)
    assert.equal(#expected, c:count(filter, { query.text }))
  end
end

describe("text", function()
  after_each(support.clean)

  -- What is done to the collection and to the plain documents.
  local function change(random, c, documents, ids)
    local kind = random(10)
    if kind <= 5 then
      local batch = {}
      for i = 1, random(300) do
        ids.last = ids.last + 1
        batch[i] = document(random, ids.last)
        documents[ids.last] = batch[i]
      end
      assert(c:insert(batch))
    elseif kind <= 7 then
      for _ = 1, random(60) do
        local id = random(ids.last)
        if documents[id] then
          assert(c:delete(id))
          documents[id] = nil
        end
      end
    elseif kind == 8 then
      for _ = 1, random(40) do
        local id = random(ids.last)
        documents[id] = document(random, id)
        assert(c:upsert(documents[id]))
      end
    else
      assert(c:optimize())
    end
  end

  for seed = 1, 3 do
    it("finds and ranks what a plain program does, seed " .. seed, function()
      local random = support.random(seed)
      local c, path = support.collection(SCHEMA, { maintenance = "manual" })
      local documents, ids = {}, { last = 0 }
      for round = 1, 10 do
        change(random, c, documents, ids)
        if round % 4 == 0 then
          c:close()
          c = support.collection(nil, { path = path, maintenance = "manual" })
        end
        for _ = 1, 8 do compare(c, documents, "body", some_query(random), random(30)) end
        for _ = 1, 2 do compare(c, documents, "tags", some_query(random), random(30)) end
        for _, field in ipairs { "body", "body", "tags" } do
          compare_filter(c, documents, field, some_query(random))
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
end)

-- Stop words of the user's own: a text index leaves them out, in documents and in what is searched for.

local moonvec = require "moonvec"
local support = require "spec.support"

local function schema_with(index)
  index.type = "text"
  return { fields = { { name = "t", type = "string", index = index } } }
end

local function stop_words_of(c)
  return c.schema.fields[1].index.stop_words
end

local function collection_with(index)
  local c, path = support.collection(schema_with(index), { maintenance = "manual" })
  assert(c:insert {
    { id = 1, t = "The Café of the fox" }, { id = 2, t = "a FOX runs, don’t ask" }, { id = 3, t = "cafe" },
    { id = 4, t = "fox_runs = theFox" },
  })
  return c, path
end

local function found(c, text)
  local ids = support.ids(assert(c:query { text = text }))
  table.sort(ids)
  return table.concat(ids, " ")
end

describe("stop words of one's own", function()
  after_each(support.clean)

  it("are not found, before they are indexed and after", function()
    local c = collection_with { stop_words = { "FOX", "café", "don't" } }
    local many = {}
    for i = 1, 600 do many[i] = { id = 100 + i, t = "filler" } end
    assert(c:insert(many))
    for _ = 1, 2 do
      assert.equal("", found(c, "fox"))
      assert.equal("", found(c, "Café"))
      assert.equal("3", found(c, "cafe")) -- words are compared with their accents
      assert.equal("", found(c, "don't"))
      assert.equal("1", found(c, "the"))
      assert.equal("2", found(c, '"a fox runs"')) -- its place is kept
      assert.equal("2", found(c, "runs fox"))
      assert.equal(1, c:count("t MATCH 'fox runs'"))
      assert(c:optimize())
    end
    assert.equal(1, c:stats().indexes.t.lists)
  end)

  it("are words of the tokenizer, and known before stems are made", function()
    assert.equal("1 2 4", found(collection_with { tokenizer = "code", stop_words = { "runs" } }, "fox_runs"))
    assert.equal("", found(collection_with { tokenizer = "code", stop_words = { "runs" } }, "runs"))
    local c = collection_with { tokenizer = "whitespace", stop_words = { "fox" } }
    assert.equal("2", found(c, "FOX"))
    assert.equal("", found(c, "fox"))
    c = collection_with { language = "english", stop_words = { "run" } }
    assert.equal("2", found(c, "runs"))
    assert.equal("", found(c, "run"))
    assert.equal("1", found(c, "the")) -- the list takes the place of the language's
  end)

  it("are in the schema, in order and each once", function()
    local c, path = collection_with { stop_words = { "the", "of", "the", "a" } }
    assert.same({ "a", "of", "the" }, stop_words_of(c))
    c:close()
    c = support.collection(nil, { path = path, verify = true })
    assert.same({ "a", "of", "the" }, stop_words_of(c))
    assert.same(c.schema, moonvec.schema(c.schema))
    assert.is_false(stop_words_of(collection_with {}))
    assert.is_false(stop_words_of(collection_with { stop_words = {} }))
    assert.is_true(stop_words_of(collection_with { language = "english", stop_words = true }))
    c:close()
    for _, words in ipairs { { "a", "of" }, false } do
      local _, message, code = moonvec.open(path, { schema = schema_with { stop_words = words } })
      assert.equal("schema_mismatch", code)
      assert.matches("field 't' has an index with stop_words a of the in the collection, ", message)
    end
    assert(moonvec.open(path, { schema = schema_with { stop_words = { "of", "a", "the" } } })):close()
  end)

  it("are changed with the index, by jobs of both kinds, and come with a new field", function()
    local c, path = collection_with { stop_words = { "fox" } }
    local other = support.collection(nil, { path = path })
    assert.equal("", found(other, "fox"))
    assert(c:create_index("t", { type = "text", stop_words = { "cafe" } }))
    assert.equal("1 2", found(c, "fox"))
    assert.equal("1 2", found(other, "fox"))
    assert.equal("1", found(c, "café"))
    assert.equal("", found(c, "cafe"))
    local index = { type = "text", stop_words = { "the", "runs" } }
    local job = assert(c:create_index("t", index, { background = true }))
    collectgarbage()
    collectgarbage()
    assert.is_true(job:wait())
    assert.same({ "runs", "the" }, stop_words_of(other))
    assert.equal("", found(other, "the"))
    assert.equal("1 3", found(other, "cafe café"))
    assert(c:add_column({ name = "u", type = "string", nullable = true,
      index = { type = "text", stop_words = { "x", "y" } } }, function(doc) return "x " .. doc.id end))
    assert.same({ "x", "y" }, other.schema.fields[2].index.stop_words)
    assert.same({}, assert(other:query { field = "u", text = "x" }))
    assert.equal("2", assert(other:query { field = "u", text = "2" })[1].id)
    assert(c:alter_column("t", { rename = "body" }))
    assert.same({ "runs", "the" }, stop_words_of(c))
    assert(c:drop_column "u")
    assert.equal("", found(other, "the"))
  end)

  it("are bounded, and single words", function()
    local words = {}
    for i = 1, 1024 do words[i] = ("w%04d"):format(i) end
    local c, path = support.collection(schema_with { stop_words = words })
    assert.same(words, stop_words_of(c))
    assert(c:insert { id = 1, t = "w0001 w2000 w1024" })
    assert.same({}, assert(c:query { text = "w1024" }))
    assert.equal(1, #assert(c:query { text = "w2000" }))
    c:close()
    assert.same(words, stop_words_of(support.collection(nil, { path = path })))
    words[1025] = "w1025"
    local function message(stop_words)
      return support.message_of(moonvec.schema, schema_with { stop_words = stop_words })
    end
    assert.matches("field 't' has an index with more than 1024 stop words", message(words))
    assert.matches("of 65 bytes, at most 64 are allowed", message { ("x"):rep(65) })
    assert.matches("'stop_words' must have single words, element 2 is 'a b'", message { "a", "a b" })
    assert.matches("'stop_words' must have single words, element 1 is ''", message { "" })
    assert.matches("element 1 is 'a\\x00b'", message { "a\0b" }, 1, true)
    assert.matches("'stop_words' must have strings, element 2 is a number", message { "a", 5 })
    assert.matches("'stop_words' must be true, false or an array of words, got a string", message "the")
    assert.matches("an array of stop words must have the keys 1, 2, 3", message { the = true })
  end)

  it("are left out by many threads and handles at once", function()
    local c, path = collection_with { stop_words = { "fox", "the" } }
    local handles = {}
    for i = 1, 12 do handles[i] = support.collection(nil, { path = path }) end
    for _, handle in ipairs(handles) do
      assert.equal("", found(handle, "fox"))
      assert.equal("2", found(handle, "runs"))
      handle:close()
      collectgarbage()
    end
    assert.equal("", found(c, "the"))
  end)
end)

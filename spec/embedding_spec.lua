-- Vector fields with `embed`: documents and questions get vectors from a model, in every call that writes or searches.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local DIM = 16

-- The truth: the vector of a text counts its letters.
local function vector_of(text)
  local vector = {}
  for i = 1, DIM do
    vector[i] = 0.25
  end
  for letter in text:gmatch("%a") do
    local i = letter:lower():byte() % DIM + 1
    vector[i] = vector[i] + 1
  end
  return vector
end

-- A model that notes how it is called. `refuses`: a text that it has no vector for.
local function new_model(fingerprint, changes)
  local model = { name = "letters", dim = DIM, fingerprint = fingerprint or "f1", calls = {}, refuses = "unspeakable" }
  local forms = { moonvec.pack, moonvec.vector, function(vector) return vector end }
  function model.embed(texts)
    model.calls[#model.calls + 1] = table.concat(texts, "|")
    if model.fails then
      return nil, "the line is dead", "busy"
    end
    local vectors, failures = {}, {}
    for i, text in ipairs(texts) do
      if text == model.refuses then
        vectors[i], failures[i] = false, "it may not be said"
      else
        vectors[i] = forms[i % 3 + 1](vector_of(text))
      end
    end
    return vectors, failures
  end
  for key, value in pairs(changes or {}) do
    model[key] = value
  end
  return model
end

local function schema(changes)
  local fields = {
    { name = "body", type = "string", nullable = true },
    { name = "n", type = "int32", default = 0 },
  }
  local field = { name = "embedding", type = "vector_fp32", dim = DIM, index = "flat",
    embed = { from = "body", model = "letters" } }
  for key, value in pairs(changes or {}) do
    field[key] = value
  end
  return { fields = fields, vectors = { field } }
end

local function new_collection(model, given)
  return assert(moonvec.create_and_open(":memory:", given or schema(), { models = { letters = model } }))
end

local function vector_in(c, id, field)
  return c:fetch(id, { include_vector = "table" })[field or "embedding"]
end

local function contains(message, wanted)
  assert.truthy(message:find(wanted, 1, true), message)
end

local function ids(hits)
  local list = {}
  for i, hit in ipairs(hits) do
    list[i] = hit.id
  end
  return table.concat(list, " ")
end

local function plain_collection()
  local given = schema()
  given.vectors = {}
  return support.collection(given)
end

local TEXTS = { "red apple", "green pear", "blue whale", "yellow sun", "black cat", "white snow", "grey wolf" }

local function filled(model)
  local c = new_collection(model)
  local documents = {}
  for i, text in ipairs(TEXTS) do
    documents[i] = { id = "d" .. i, body = text, n = i }
  end
  assert(c:insert(documents))
  return c
end

describe("a vector field with `embed`", function()
  teardown(support.clean)

  it("is shown by the schema, with the fingerprint of the model", function()
    local c = new_collection(new_model())
    assert.same({ from = "body", model = "letters", fingerprint = "f1" }, c.schema.vectors[1].embed)
    assert.same({ from = "body", model = "letters" }, moonvec.schema(schema()).vectors[1].embed)
    local again = moonvec.schema(c.schema)
    assert.same(c.schema, again)
  end)

  it("takes the dim of the model", function()
    local given = schema()
    given.vectors[1].dim = nil
    assert.equal(DIM, new_collection(new_model(), given).schema.vectors[1].dim)
    assert.is_nil(given.vectors[1].dim)
    assert.is_nil(given.vectors[1].embed.fingerprint)
  end)

  it("names what is wrong", function()
    local function says(wanted, changes)
      assert.equal(wanted, support.message_of(moonvec.schema, schema(changes)))
    end
    says("schema: vector field 'embedding': embed: unknown field 'bdy' (did you mean 'body'?)",
      { embed = { from = "bdy", model = "m" } })
    says("schema: vector field 'embedding': embed: field 'n' is int32, not string",
      { embed = { from = "n", model = "m" } })
    says("schema: field 'embedding': embed: unknown option 'modell' (did you mean 'model'?)",
      { embed = { from = "body", modell = "m" } })
    says("schema: field 'embedding': embed: 'model' must be a string, got a nil", { embed = { from = "body" } })
    says("schema: vector field 'embedding': embed: the name of the model is missing",
      { embed = { from = "body", model = "" } })
    local long = ("x"):rep(40)
    says("schema: vector field 'embedding': embed: model '" .. long .. "...' has 65 bytes, at most 64 are allowed",
      { embed = { from = "body", model = ("x"):rep(65) } })
    says("schema: field 'embedding': a field of several vectors cannot 'embed'", { multi = true, metric = "ip" })
  end)

  it("needs the model, or its fingerprint, to be created", function()
    local message = support.message_of(moonvec.create_and_open, ":memory:", schema())
    contains(message, "the fingerprint of model 'letters' is not known (the model is not given)")
    local embed = { from = "body", model = "letters", fingerprint = "x" }
    assert(moonvec.create_and_open(":memory:", schema { embed = embed }))
  end)
end)

describe("models that are given", function()
  local path
  before_each(function()
    path = support.path()
    local c = assert(moonvec.create_and_open(path, schema(), { models = { letters = new_model() } }))
    assert(c:insert { id = "a", body = "red" })
    c:close()
  end)
  teardown(support.clean)

  local function mismatch(wanted, options)
    local c, message, code = moonvec.open(path, options)
    assert.is_nil(c)
    assert.same({ wanted, "schema_mismatch" }, { message, code })
  end

  it("must have the fingerprint of the schema", function()
    local wanted = "vector field 'embedding' has vectors of model 'letters' with fingerprint 'f1', "
      .. "that of the given one is 'f2'"
    mismatch(wanted, { models = { letters = new_model "f2" } })
    mismatch((wanted:gsub("vector field", "field")), { models = { letters = new_model "f2" }, schema = schema() })
  end)

  it("must have the dim of the field", function()
    local model = new_model("f1", { dim = 8 })
    local wanted = "vector field 'embedding' has dim 16, model 'letters' makes vectors of 8 numbers"
    mismatch(wanted, { models = { letters = model } })
    mismatch(wanted, { models = { letters = model }, schema = schema() })
    local c, message, code = moonvec.create_and_open(path .. "2", schema(), { models = { letters = model } })
    assert.same({ nil, wanted, "schema_mismatch" }, { c, message, code })
    assert.same({ "not_found" }, { select(3, moonvec.open(path .. "2")) })
  end)

  it("must be named by the schema", function()
    local message = support.message_of(moonvec.open, path, { models = { leters = new_model() } })
    contains(message, "open: models: unknown model 'leters' (did you mean 'letters'?)")
    local options = { models = { letters = new_model() } }
    message = support.message_of(moonvec.create_and_open, ":memory:", { fields = {} }, options)
    contains(message, "create_and_open: models['letters']: no field of the schema has 'embed'")
  end)

  it("must be models", function()
    for wanted, model in pairs {
      ["open: models['letters'] must be a model, got a string"] = "static",
      ["open: models['letters']: 'embed' must be a function(texts) -> vectors, got a nil"] = {},
      ["open: models['letters']: 'dim' must be a whole number from 1 to 65535, got 0"] = new_model("f1", { dim = 0 }),
      ["open: models['letters']: 'fingerprint' must be a string of 1 to 64 bytes, got a number"] = new_model(7),
      ["open: models['letters']: 'fingerprint' must be a string of 1 to 64 bytes, got 65 bytes"] =
        new_model(("f"):rep(65)),
    } do
      local message = support.message_of(moonvec.open, path, { models = { letters = model } })
      contains(message, wanted)
    end
  end)

  it("open the collection again, by name, by schema, in memory and from a dump", function()
    local options = { models = { letters = new_model() } }
    local function works(c)
      assert(c:insert { id = "b", body = "blue" })
      assert.same(vector_of "blue", vector_in(c, "b"))
      assert.equal("b a", ids(c:query { text = "blue", field = "embedding" }))
      local dump = c:dump()
      assert(c:close())
      return dump
    end
    works(assert(moonvec.open(path, options)))
    options.schema = schema()
    local c = assert(moonvec.open(path, options))
    assert(c:delete("b"))
    c:close()
    local dump = works(assert(moonvec.open(":memory:", { from = path, models = options.models })))
    c = assert(moonvec.load(dump, options))
    assert(c:delete("b"))
    works(c)
    assert.same({ "schema_mismatch" }, { select(3, moonvec.load(dump, { models = { letters = new_model "f2" } })) })
  end)

  it("may be missing as long as nothing has to be embedded", function()
    local c = assert(moonvec.open(path))
    local wanted = "field 'embedding' needs the model 'letters', which is not given: open the collection with "
      .. "models = { ['letters'] = ... }, or give the vector"
    assert(c:insert { id = "b", body = "blue", embedding = vector_of "blue" })
    assert.equal("b a", ids(c:query { vector = vector_of "blue" }))
    assert.equal(1, c:update { id = "b", n = 7 })
    for call, work in pairs {
      insert = function() c:insert { { id = "c", body = "green" } } end,
      upsert = function() c:upsert { id = "a", body = "green" } end,
      update = function() c:update { id = "a", body = "green" } end,
      query = function() c:query { text = "green" } end,
      update_by_filter = function() c:update_by_filter("true", nil, { body = "green" }) end,
    } do
      local _, message = pcall(work)
      assert.truthy(message:find("embedding_spec.lua:%d+: " .. call .. ": "), message)
      contains(message, wanted)
    end
    assert.same(vector_of "red", vector_in(c, "a"))
  end)

  it("are those of one handle", function()
    local with = assert(moonvec.open(path, { models = { letters = new_model() } }))
    local without = assert(moonvec.open(path))
    assert(with:insert { id = "b", body = "blue" })
    assert.is_false((pcall(without.insert, without, { id = "c", body = "blue" })))
  end)

  it("are kept no longer than the handle", function()
    local weak = setmetatable({}, { __mode = "v" })
    for i = 1, 3 do
      local model = new_model()
      weak[i] = model
      assert(moonvec.open(path, { models = { letters = model } })):close()
    end
    for _ = 1, 4 do -- Lua 5.1 removes a key one cycle after its finalizer
      collectgarbage()
    end
    assert.equal(nil, next(weak))
  end)
end)

describe("documents without the vector", function()
  local model, c
  before_each(function()
    model = new_model()
    c = filled(model)
  end)

  local function has(id, text)
    assert.same(vector_of(text), vector_in(c, id))
  end

  it("get it when they are inserted, all by one call of the model", function()
    assert.same({ table.concat(TEXTS, "|") }, model.calls)
    for i, text in ipairs(TEXTS) do
      has("d" .. i, text)
    end
  end)

  it("are not changed themselves", function()
    local one, many = { id = "x", body = "ox" }, { { id = "y", body = "fox" }, { id = "z", body = "lynx" } }
    assert(c:insert(one))
    assert(c:upsert(many))
    assert.same({ id = "x", body = "ox" }, one)
    assert.same({ { id = "y", body = "fox" }, { id = "z", body = "lynx" } }, many)
    has("x", "ox")
    has("z", "lynx")
  end)

  it("keep a vector that is given", function()
    assert(c:insert { { id = "x", body = "ox", embedding = vector_of "fox" }, { id = "y", body = "" } })
    has("x", "fox")
    has("y", "")
    assert.equal(moonvec._VERSION and "", model.calls[2])
  end)

  it("raise if there is no text either", function()
    for _, body in ipairs { false, moonvec.null } do
      local message = support.message_of(c.insert, c, { id = "x", body = body or nil })
      contains(message, "insert: document 'x': vector field 'embedding' is missing, and field 'body', "
        .. "which it is made of, is NULL")
    end
    assert(c:insert { id = "x", embedding = vector_of "fox" })
  end)

  it("get it of the default of the text", function()
    local given = schema()
    given.fields[1] = { name = "body", type = "string", default = "nothing" }
    c = new_collection(model, given)
    assert(c:insert { id = "x" })
    has("x", "nothing")
  end)

  it("get it again when an update changes the text", function()
    assert(c:update {
      { id = "d1", body = "ruby" }, { id = "d2", n = 70 }, { id = "d3", body = "x", embedding = vector_of "y" },
    })
    assert.same({ "ruby" }, { model.calls[2], model.calls[3] })
    has("d1", "ruby")
    has("d2", TEXTS[2])
    has("d3", "y")
    local message = support.message_of(c.update, c, { id = "d1", body = moonvec.null })
    contains(message, "update: document 'd1': field 'body' becomes NULL, so the vector 'embedding' must be given")
    assert(c:update { id = "d1", body = moonvec.null, embedding = vector_of "ruby" })
  end)

  it("get it again when update_by_filter changes the text", function()
    assert.equal(2, c:update_by_filter("n <= 2", nil, { body = "ruby" }))
    assert.same({ "ruby" }, { model.calls[2], model.calls[3] })
    has("d2", "ruby")
    assert.equal(7, c:update_by_filter("true", nil, function(document)
      return { body = document.body .. " again" }
    end))
    assert.equal(3, #model.calls)
    has("d1", "ruby again")
    has("d7", "grey wolf again")
    assert.equal(7, c:update_by_filter("true", nil, { n = 1 }))
    assert.equal(3, #model.calls)
  end)

  it("get it in a transaction", function()
    assert(c:transaction(function(tx)
      assert(tx:insert { id = "x", body = "ox" })
      assert.equal("x", tx:query { text = "ox", topk = 1 }[1].id)
      assert(tx:update_by_filter("id = 'd1'", nil, { body = "ruby" }))
    end))
    has("x", "ox")
    has("d1", "ruby")
  end)

  it("fail together if the model fails", function()
    model.fails = true
    local done, message, code = c:insert { id = "x", body = "ox" }
    assert.same({ nil, "model 'letters': the line is dead", "busy" }, { done, message, code })
    done, message, code = c:update_by_filter("true", nil, { body = "x" })
    assert.same({ nil, "model 'letters': the line is dead", "busy" }, { done, message, code })
    done, message, code = c:update_by_filter("true", nil, function() return { body = "x" } end)
    assert.same({ nil, "model 'letters': the line is dead", "busy" }, { done, message, code })
    model.fails = false
    done, message, code = c:insert { { id = "x", body = "ox" }, { id = "y", body = "unspeakable" } }
    assert.same({ nil, "document 2 ('y'): model 'letters': it may not be said", "io" }, { done, message, code })
    assert.equal(7, #c)
    assert(c:query { text = "sun" })
  end)

  it("are told apart from those that fail, for calls that skip", function()
    local fill = require("moonvec.embedding").fill
    local documents = { { id = "x", body = "ox" }, { id = "y", body = "unspeakable" }, { id = "z", n = 1 } }
    local copies, failures = fill(c, documents, "ingest")
    assert.same({ [2] = "model 'letters': it may not be said" }, failures)
    assert.same({ "x", "y", "z" }, { copies[1].id, copies[2].id, copies[3].id })
    assert.is_not_nil(copies[1].embedding)
    assert.is_nil(copies[2].embedding)
    assert.equal(documents[3], copies[3])
    assert.same({ { { id = "q" } }, {} }, { fill(plain_collection(), { { id = "q" } }, "ingest") })
  end)

  it("raise for what is no vector", function()
    model.embed = function() return { moonvec.pack { 1, 2 } } end
    local message = support.message_of(c.insert, c, { id = "x", body = "ox" })
    contains(message, "document 'x': vector string has 8 bytes, field 'embedding' wants 64")
    model.embed = function() return {} end
    message = support.message_of(c.insert, c, { id = "x", body = "ox" })
    contains(message, "model 'letters': 'embed' must return 1 vectors, number 1 is a nil")
    model.embed = function() return "abc" end
    message = support.message_of(c.insert, c, { id = "x", body = "ox" })
    contains(message, "model 'letters': 'embed' must return an array of vectors, got a string")
    model.embed = function() return { vector_of "ox", vector_of "cow" } end
    message = support.message_of(c.insert, c, { id = "x", body = "ox" })
    contains(message, "model 'letters': 'embed' must return 1 vectors, got more")
    model.embed = function() end
    local wanted = { nil, "model 'letters': it returned neither vectors nor a message", "io" }
    assert.same(wanted, { c:insert { id = "x", body = "ox" } })
    model.embed = function() error "broken" end
    assert.is_false((pcall(c.insert, c, { id = "x", body = "ox" })))
  end)

  it("raise for what is no document as without a model", function()
    local plain = plain_collection()
    local wrong = { 7, { 7 }, { { body = "x" } }, { body = "x" }, { { id = "x", body = "x" }, 8 }, { id = {} } }
    for _, documents in ipairs(wrong) do
      local function kind(handle)
        return (support.message_of(handle.insert, handle, documents):gsub("unknown field.*", ""))
      end
      assert.equal(kind(plain), kind(c))
    end
  end)

  it("may be embedded by a model that yields", function()
    local embed = model.embed
    function model.embed(texts)
      coroutine.yield "waiting"
      return embed(texts)
    end
    local thread = coroutine.create(function()
      assert(c:insert { { id = "x", body = "ox" } })
      assert(c:update { id = "x", body = "fox" })
      return ids(c:query { text = "fox", topk = 1 }), ids(c:multi_query { queries = { { text = "fox" } }, topk = 1 })
    end)
    local results
    local count = -1
    repeat
      results = { coroutine.resume(thread) }
      assert(results[1], results[2])
      count = count + 1
    until coroutine.status(thread) == "dead"
    assert.same({ 4, "x", "x" }, { count, results[2], results[3] })
  end)
end)

describe("fields of several models", function()
  it("are each embedded by theirs, with one call", function()
    local one, two = new_model "one", new_model("two", { dim = DIM })
    local c = assert(moonvec.create_and_open(":memory:", {
      fields = { { name = "title", type = "string" }, { name = "body", type = "string" } },
      vectors = {
        { name = "a", type = "vector_fp32", index = "flat", embed = { from = "title", model = "one" } },
        { name = "b", type = "vector_fp16", index = "flat", embed = { from = "body", model = "one" } },
        { name = "c", type = "vector_fp32", index = "flat", embed = { from = "body", model = "two" } },
      },
    }, { models = { one = one, two = two } }))
    assert(c:insert { { id = "x", title = "ox", body = "fox" }, { id = "y", title = "hen", body = "cat" } })
    assert.same({ "ox|fox|hen|cat" }, one.calls)
    assert.same({ "fox|cat" }, two.calls)
    assert.same({ vector_of "hen", vector_of "cat", vector_of "cat" },
      { vector_in(c, "y", "a"), vector_in(c, "y", "b"), vector_in(c, "y", "c") })
    assert.equal("y", c:query { field = "c", text = "cat" }[1].id)
    local message = support.message_of(c.query, c, { text = "cat" })
    contains(message, "query: 'field' must name one of the 3 fields that embed texts")
    two.calls, one.calls = {}, {}
    assert(c:multi_query {
      queries = { { field = "a", text = "p" }, { field = "b", text = "q" }, { field = "c", text = "r" } },
    })
    assert.same({ { "p|q" }, { "r" } }, { one.calls, two.calls })
  end)
end)

describe("a question", function()
  local model, c = new_model(), nil
  setup(function()
    c = filled(model)
  end)

  -- The same search for the vector finds the same.
  local function like_vector(options)
    local by_vector = { field = "embedding", vector = vector_of(options.text) }
    for key, value in pairs(options) do
      if key ~= "text" and key ~= "field" then
        by_vector[key] = value
      end
    end
    local hits = assert(c:query(options))
    local wanted = assert(c:query(by_vector))
    assert.same(wanted.hits or wanted, hits.hits or hits)
    assert.is_true(#(hits.hits or hits) > 0)
    return hits
  end

  it("is embedded in query, with all its options", function()
    for _, more in ipairs {
      {}, { topk = 3 }, { filter = "n > ?", args = { 2 } }, { params = { exact = true } }, { topk = 2, offset = 2 },
      { min_score = 0.3 }, { max_distance = 0.6 }, { include_vector = "table" }, { output_fields = { "n" } },
      { where = function(hit) return hit.n % 2 == 1 end }, { explain = true }, { after = "d3" }, { threads = 2 },
    } do
      more.text, more.field = "green pear", "embedding"
      like_vector(more)
      more.field = nil -- the only one that embeds, and no text index
      like_vector(more)
    end
    assert.equal("d2", c:query { text = "green pear", topk = 1 }[1].id)
    assert.is_number(c:query { text = "green pear", explain = true }.search_ms)
  end)

  it("goes to re-rankers with its text and its vector", function()
    local seen
    local hits = like_vector { text = "green pear", topk = 2, rerank = function(hit, query)
      seen = seen or query
      return -hit.n
    end }
    assert.equal("d1 d2", ids(hits))
    assert.equal("green pear", seen.text)
    assert.equal(DIM, #moonvec.unpack(seen.vector))
    like_vector { text = "sun", topk = 2, rerank = moonvec.rerank.mmr { field = "embedding" } }
    local function where(hit)
      return hit.n < 6
    end
    like_vector { text = "sun", topk = 2, rerank = function(hit) return hit.n end, where = where }
  end)

  it("reuses the tables of `into`", function()
    local into = {}
    assert.equal(into, c:query { text = "sun", into = into })
    assert.equal("d4", into[1].id)
  end)

  it("is embedded in cursor, group_by_query and multi_query", function()
    local list = {}
    for hit in c:cursor { text = "yellow sun" } do
      list[#list + 1] = hit
    end
    assert.same(c:query { vector = vector_of "yellow sun" }, list)
    assert.equal(1, select(2, pcall(function()
      model.fails = true
      c:cursor { text = "sun" }
    end)):find ".*embedding_spec.lua:%d+: cursor: model 'letters': the line is dead")
    model.fails = false
    local groups = c:group_by_query { text = "yellow sun", group_by = "n", group_count = 3 }
    assert.same(c:group_by_query { vector = vector_of "yellow sun", group_by = "n", group_count = 3 }, groups)
    local legs = { { text = "yellow sun", field = "embedding", filter = "n > 3" }, { text = "black cat", weight = 2 } }
    local by_vector = {
      { vector = vector_of "yellow sun", filter = "n > 3" }, { vector = vector_of "black cat", weight = 2 },
    }
    model.calls = {}
    local hits = c:multi_query { queries = legs, topk = 4 }
    assert.same({ "yellow sun|black cat" }, model.calls)
    assert.same(c:multi_query { queries = by_vector, topk = 4 }, hits)
    assert.same({ text = "black cat", weight = 2 }, legs[2])
  end)

  it("is searched for as words where there is a text index and no other field is named", function()
    local given = schema()
    given.fields[1].index = "text"
    local both = new_collection(model, given)
    assert(both:insert { { id = "x", body = "cat dog" }, { id = "y", body = "act god" }, { id = "z", body = "mouse" } })
    model.calls = {}
    assert.equal("x", ids(both:query { text = "cat" }))
    assert.equal("x", ids(both:query { text = "cat", field = "body" }))
    assert.same({}, model.calls)
    assert.equal(3, #both:query { text = "cat", field = "embedding" })
    local hits = both:multi_query { queries = { { text = "cat" }, { text = "cat", field = "embedding" } } }
    assert.equal("x", hits[1].id)
    assert.same({ "cat", "cat" }, model.calls)
    assert.equal("x", both:query { text = "cat", vector = vector_of "dog" }[1].id)
    assert.equal(2, #model.calls)
  end)

  it("fails as the model does", function()
    model.fails = true
    for _, search in ipairs {
      function() return c:query { text = "sun" } end,
      function() return c:group_by_query { text = "sun", group_by = "n" } end,
      function() return c:multi_query { queries = { { text = "sun" } } } end,
    } do
      assert.same({ nil, "model 'letters': the line is dead", "busy" }, { search() })
    end
    model.fails = false
    assert.same({ nil, "model 'letters': it may not be said", "io" }, { c:query { text = "unspeakable" } })
  end)

  it("raises as before with options that exclude a text", function()
    for option, value in pairs { vectors = { vector_of "x" }, match = moonvec.text.word "x" } do
      local message = support.message_of(c.query, c, { text = "sun", [option] = value })
      contains(message, "query: ")
    end
    assert.is_false((pcall(c.query, c, { text = 7 })))
  end)
end)

describe("the schema of a collection with `embed`", function()
  it("follows a text that is renamed, and keeps one from being dropped", function()
    local model = new_model()
    local path = support.path()
    local c = assert(moonvec.create_and_open(path, schema(), { models = { letters = model } }))
    local message = support.message_of(c.drop_column, c, "body")
    contains(message, "field 'body' has the texts of vector field 'embedding': drop that one first")
    assert(c:alter_column("body", { rename = "words" }))
    assert.equal("words", c.schema.vectors[1].embed.from)
    assert(c:insert { id = "x", words = "ox" })
    assert.same(vector_of "ox", vector_in(c, "x"))
    assert(c:alter_column("embedding", { rename = "meaning" }))
    assert(c:update { id = "x", words = "fox" })
    assert.same(vector_of "fox", vector_in(c, "x", "meaning"))
    c:close()
    local copy = support.path()
    c = assert(moonvec.open(path, { models = { letters = model } }))
    assert.equal("words", c.schema.vectors[1].embed.from)
    assert(c:backup(copy))
    assert(c:drop_column "meaning")
    assert(c:drop_column "words")
    local backup = assert(moonvec.open(copy, { models = { letters = model } }))
    assert(backup:insert { id = "y", words = "hen" })
    assert.same(vector_of "hen", vector_in(backup, "y", "meaning"))
  end)

  it("differs from one that embeds otherwise", function()
    local path = support.path()
    local c = assert(moonvec.create_and_open(path, schema(), { models = { letters = new_model() } }))
    c:close()
    assert(moonvec.open(path, { schema = schema() })):close()
    local other = schema { embed = { from = "body", model = "digits" } }
    assert.same({ nil, "field 'embedding' embeds by model letters in the collection, digits in the given schema",
      "schema_mismatch" }, { moonvec.open(path, { schema = other }) })
    local none = schema()
    none.vectors[1].embed = nil
    assert.same({ nil, "field 'embedding' embeds texts in the collection, not in the given schema", "schema_mismatch" },
      { moonvec.open(path, { schema = none }) })
  end)

  it("gets a column that embeds what is there", function()
    local model = new_model()
    local given = schema()
    given.vectors = {}
    local c = assert(moonvec.create_and_open(":memory:", given))
    local documents = {}
    for i = 1, 600 do
      documents[i] = { id = "d" .. i, body = ("%s %d"):format(TEXTS[i % 7 + 1], i) }
    end
    assert(c:insert(documents))
    local column = schema().vectors[1]
    local message = support.message_of(c.add_column, c, column)
    contains(message, "the fingerprint of model 'letters' is not known")
    message = support.message_of(c.add_column, c, column, nil, { models = { leters = model } })
    contains(message, "unknown model 'leters' (did you mean 'letters'?)")
    assert(c:add_column(column, nil, { models = { letters = model } }))
    assert.equal(3, #model.calls)
    for _, document in ipairs(documents) do
      assert.same(vector_of(document.body), vector_in(c, document.id))
    end
    assert(c:insert { id = "x", body = "ox" })
    assert.equal("x", c:query { text = "ox", topk = 1 }[1].id)
    assert(c:drop_column "embedding")
    model.fails = true
    assert.same({ nil, "model 'letters': the line is dead", "busy" },
      { c:add_column(column, nil, { models = { letters = model } }) })
    model.fails = false
    assert(c:add_column(column, function() return vector_of "same" end, { models = { letters = model } }))
    assert.same(vector_of "same", vector_in(c, "x"))
    assert(c:drop_column "embedding")
    assert(c:insert { id = "y", body = moonvec.null })
    message = support.message_of(c.add_column, c, column, nil, { models = { letters = model } })
    contains(message, "document 'y' has no vector for the new field 'embedding'")
  end)
end)

-- A text index without positions has the hits of one with positions, whatever is searched for, and takes less space.

local support = require "spec.support"

local TOKENIZERS = { "unicode", "code", "ngram", "whitespace" }
local WORDS = { "red", "green", "blue", "diskDrive", "hard_disk", "2.0", "naïve", "数据库", "数据", "don't", "a", "ab" }

local function schema_with(positions)
  local fields = { { name = "n", type = "int32" } }
  for _, tokenizer in ipairs(TOKENIZERS) do
    fields[#fields + 1] = { name = tokenizer, type = "string", nullable = true,
      index = { type = "text", tokenizer = tokenizer, positions = positions } }
  end
  fields[#fields + 1] = { name = "tags", type = "array_string", nullable = true,
    index = { type = "text", positions = positions } }
  return { fields = fields }
end

local function some_words(random, most)
  local words = {}
  for i = 1, random(most) do words[i] = WORDS[random(random(#WORDS))] end
  return words
end

local function document(random, id)
  local doc = { id = id, n = random(10), tags = random(4) > 1 and some_words(random, 5) or nil }
  for _, tokenizer in ipairs(TOKENIZERS) do
    if random(8) > 1 then doc[tokenizer] = table.concat(some_words(random, 12), random(3) == 1 and ", " or " ") end
  end
  return doc
end

-- What is typed: mostly phrases, with a prefix or a slop among them.
local function some_query(random)
  local parts = {}
  for i = 1, random(3) do
    local phrase, kind = table.concat(some_words(random, 3), " "), random(6)
    parts[i] = (kind == 1 and "-" or kind == 2 and "+" or "") .. ('"%s%s"'):format(phrase, kind == 3 and "*" or "")
      .. (kind == 4 and "~2" or "")
    if kind == 5 then parts[i] = phrase end
  end
  parts[#parts + 1] = random(2) == 1 and "red" or nil
  return table.concat(parts, random(5) == 1 and " OR " or " ")
end

local function found_by(c, field, text, filter)
  local hits = assert(c:query { field = field, text = text, topk = 1000, filter = filter, output_fields = {} })
  local found = {}
  for i, hit in ipairs(hits) do found[i] = ("%s %.9g"):format(hit.id, hit.score) end
  return found
end

local function compare(random, with, without)
  for _, field in ipairs { "unicode", "code", "ngram", "whitespace", "tags" } do
    for _ = 1, 6 do
      local text = some_query(random) .. " green"
      local context = field .. ": " .. text
      assert.same(found_by(with, field, text), found_by(without, field, text), context)
      assert.same(found_by(with, field, text, "n < 4"), found_by(without, field, text, "n < 4"), context)
      local filter = field .. " MATCH ?"
      assert.equal(with:count(filter, { text }), without:count(filter, { text }), context)
      filter = "n < 4 AND NOT " .. filter
      assert.equal(with:count(filter, { text }), without:count(filter, { text }), context)
    end
  end
end

describe("a text index without positions", function()
  after_each(support.clean)

  for seed = 1, 2 do
    it(("has the hits of one with positions, seed %d #once"):format(seed), function()
      local random = support.random(seed)
      local with = support.collection(schema_with(true), { maintenance = "manual" })
      local without = support.collection(schema_with(false), { maintenance = "manual" })
      local function both(method, ...)
        assert(with[method](with, ...))
        assert(without[method](without, ...))
        compare(random, with, without)
      end
      local function documents(first, last)
        local list = {}
        for id = first, last do list[#list + 1] = document(random, id) end
        return list
      end
      both("insert", documents(1, 600)) -- fresh
      both("optimize") -- sealed and indexed
      both("insert", documents(601, 1500))
      both("delete_by_filter", "n = 3")
      both("upsert", documents(100, 200))
      both("optimize") -- merged
      both("delete_by_filter", "n = 5")
      assert.is_true(without:check())
      for name, index in pairs(without:stats().indexes) do
        assert.equal(1, index.completeness)
        assert.is_true(index.bytes < with:stats().indexes[name].bytes, name)
        assert.equal(with:stats().indexes[name].tokens, index.tokens)
      end
    end)
  end

  it("is a change of the schema, which builds the index again", function()
    local random = support.random(7)
    local c, path = support.collection(schema_with(nil), { maintenance = "manual" })
    local list = {}
    for id = 1, 800 do list[id] = document(random, id) end
    assert(c:insert(list))
    assert(c:optimize())
    local before, bytes = found_by(c, "unicode", '"red green"'), c:stats().indexes.unicode.bytes
    assert.is_true(#before > 0)
    for _, positions in ipairs { false, true } do
      assert(c:create_index("unicode", { type = "text", positions = positions }))
      assert.same(before, found_by(c, "unicode", '"red green"'))
      assert.equal(positions, c.schema.fields[2].index.positions)
      assert.equal(positions, c:stats().indexes.unicode.bytes == bytes)
      c:close()
      c = support.collection(nil, { path = path, maintenance = "manual", verify = true })
      assert.equal(positions, c.schema.fields[2].index.positions)
      assert.same(before, found_by(c, "unicode", '"red green"'))
    end
  end)

  it("is another schema than one with positions", function()
    local c, path = support.collection(schema_with(false))
    local moonvec = require "moonvec"
    local _, message, code = moonvec.open(path, { schema = schema_with(true) })
    assert.equal("schema_mismatch", code)
    assert.matches("field 'unicode' has an index with positions false in the collection, true in the given schema",
      message)
    assert(moonvec.open(path, { schema = schema_with(false) })):close()
    assert.is_true(c:check())
    assert.matches("'positions' must be true or false, got a number",
      support.message_of(moonvec.schema, schema_with(1)))
  end)
end)

-- Collections written by every version of the file format (spec/data): they open, contain what was written, and can be
-- written further.

local contents = require "spec.data.contents"
local frozen_files = require "spec.support.frozen_files"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local plain_collection = require "spec.support.plain_collection"
local support = require "spec.support.init"

local ipairs, math, pairs, table, type = ipairs, math, pairs, table, type -- busted looks globals up slowly

-- A catalog is read only by programs of the width of the one that wrote it (engine/storage/catalog_layout.h).
local BITS = support.bits()

-- `bits`: the width of the program that wrote it, 64 unless given.
-- `graphs`: the codes of the graph of each vector field that has one. `lists`: the scalar fields that have inverted
-- lists. `metrics`: of each vector field.
local FORMATS = {
  { folder = "v1_exact", graphs = {}, lists = {}, metrics = { v = "l2", w = "cosine" } },
  { folder = "v1", graphs = { v = "int8" }, lists = {}, metrics = { v = "l2", w = "cosine" } },
  { folder = "v2", graphs = { v = "int4" }, lists = { "tags", "word" }, metrics = { v = "l2", w = "cosine" } },
  {
    folder = "v3",
    graphs = { v = "fp16", bits = "none" },
    lists = { "at", "seen" },
    metrics = { v = "l1", w = "cosine", bits = "hamming" },
    filters = {
      ["at >= '2026-11-01T12:00:00Z'"] = function(document)
        return document.at and document.at >= 1793534400000000
      end,
      ["seen CONTAIN_ANY ('2026-10-31T22:00:00Z')"] = function(document)
        return document.seen and document.seen[1] == 1793484000000000
      end,
    },
  },
  {
    folder = "v3_patience",
    graphs = { v = "int4", bits = "none" },
    lists = { "at", "seen" },
    metrics = { v = "l2", w = "cosine", bits = "hamming" },
  },
  {
    folder = "v4",
    graphs = { v = "int4", bits = "none" },
    lists = { "at", "seen" },
    metrics = { v = "l2", w = "cosine", bits = "hamming" },
  },
  {
    folder = "v5_graph",
    graphs = { v = "int4", bits = "none" },
    lists = { "at", "seen" },
    metrics = { v = "l2", w = "cosine", bits = "hamming" },
  },
  {
    folder = "v4_text",
    graphs = {},
    lists = { "text", "tags" },
    metrics = { v = "l2", w = "cosine" },
    -- What is typed, and the words of which a document must have one.
    texts = {
      text = { green = { "green" }, ["RED changes"] = { "red", "changed" }, zero = { "zero" } },
      tags = { red = { "red" }, ["green"] = {} },
    },
  },
  {
    folder = "v5_text",
    graphs = {},
    lists = { "text", "tags" },
    metrics = { v = "l2", w = "cosine" },
    texts = {
      text = { green = { "green" }, zero = {}, ["red again changed"] = { "red", "changed", "again" },
        ['"green and"'] = { "green" }, ['"it\'s 100"'] = { "it" } },
      tags = { red = { "red" }, ["green"] = {} },
    },
  },
  {
    folder = "v5_ranked",
    graphs = {},
    lists = { "text", "tags" },
    metrics = { v = "l2", w = "cosine" },
    texts = {
      text = { green = { "green" }, ["RED changes"] = { "red", "changed" }, ['"it\'s 100"'] = { "it" } },
      tags = { red = { "red" }, ["green"] = {} },
    },
  },
  {
    folder = "v5_vectors",
    graphs = {},
    lists = { "sparse", "several" },
    metrics = { v = "l2", w = "cosine" },
    has_other_vectors = true,
  },
  { folder = "v6_cache", graphs = {}, lists = {}, metrics = { v = "l2", w = "cosine" } },
  { folder = "v7_embed", graphs = {}, lists = {}, metrics = { v = "l2", w = "cosine" } },
  { folder = "v2_exact_32", bits = 32, graphs = {}, lists = {}, metrics = { v = "l2", w = "cosine" } },
}

-- Filters of every format, with the same condition in plain Lua.
local FILTERS = {
  ["level = 7"] = function(document)
    return document.level == 7
  end,
  ["flag = true AND big < 5000000000"] = function(document)
    return document.flag == true and document.big < 5000000000
  end,
  ["text LIKE 'red%' OR text = 'changed'"] = function(document)
    return document.text and (document.text:find("^red") or document.text == "changed")
  end,
  ["tags CONTAIN_ANY ('green and blue')"] = function(document)
    for _, tag in ipairs(document.tags or {}) do
      if tag == "green and blue" then
        return true
      end
    end
  end,
  ["array_length(numbers) >= 3"] = function(document)
    return document.numbers and #document.numbers >= 3
  end,
  ["n BETWEEN 900 AND 1030"] = function(document)
    return document.n >= 900 and document.n <= 1030
  end,
}

local function by_id(documents)
  table.sort(documents, function(a, b)
    return a.id < b.id
  end)
  return documents
end

-- A filter for the documents of these hits.
local function filter_of(hits)
  local ids = {}
  for i, hit in ipairs(hits) do ids[i] = hit.id end
  return #ids > 0 and moonvec.filter.one_of("id", ids) or "n < 0"
end

-- The ids and scores of the ten documents nearest to a vector, best first.
local function best_ten(documents, field, metric, vector)
  local best, score_of = {}, support.scores[metric]
  for _, document in ipairs(documents) do
    local score, at = score_of(document[field], vector), #best + 1
    if at <= 10 or score > best[10].score then
      at = math.min(at, 10)
      while at > 1 and best[at - 1].score < score do
        best[at] = best[at - 1]
        at = at - 1
      end
      best[at] = { id = document.id, score = score }
    end
  end
  return best
end

-- The hits have the scores of the best ten of `exact`. Documents of equal score may differ.
local function scores_as(exact, hits, what)
  support.expect(math.min(10, #exact) == #hits, what)
  for i, hit in ipairs(hits) do
    support.expect(math.abs(hit.score - exact[i].score) <= 1e-5 * (1 + math.abs(exact[i].score)), what)
  end
end

-- As assert.same, which takes a second for thousands of documents.
local function same_documents(expected, found, what)
  if not support.is_same(expected, found) then
    assert.same(expected, found, what)
    error "assert.same does not see the difference"
  end
end

local function is_refused(result, message, code)
  assert.is_nil(result)
  assert.equal("version", code)
  local wanted = ("written by a %d-bit program, but this one has %d bits"):format(96 - BITS, BITS)
  assert.truthy(message:find(wanted, 1, true), message)
end

local function refuse(format)
  describe("a collection that was written in format " .. format.folder .. ":", function()
    after_each(support.clean)

    it("is refused by a program of the other width, and stays as it is", function()
      local path = support.path()
      frozen_files.unpack("spec/data/" .. format.folder, path)
      local before = listing.state(path)
      is_refused(moonvec.open(path))
      is_refused(moonvec.open(path, { read_only = true, verify = true }))
      is_refused(moonvec.open(":memory:", { from = path }))
      local _, _, code = moonvec.destroy(path)
      assert.equal("version", code)
      assert.equal(before, listing.state(path))
    end)
  end)
end

local function open_and_use(format)
  local writer = require("spec.data." .. format.folder .. ".write")
  local documents_of = writer.documents or contents.documents
  local filters = {}
  for _, list in ipairs { FILTERS, format.filters or {} } do
    for filter, passes in pairs(list) do
      filters[filter] = passes
    end
  end

  local function holds(c, plain)
    same_documents(plain:documents(), by_id(support.documents(c)))
    for filter, passes in pairs(filters) do
      same_documents(plain:documents(passes), by_id(support.documents(c, filter)), filter)
      assert.equal(#plain:documents(passes), c:count(filter), filter)
    end
  end

  local function has_word(value, words)
    for _, element in ipairs(type(value) == "table" and value or {}) do
      for _, word in ipairs(words) do if element == word then return true end end
    end
    for part in (type(value) == "string" and value or ""):gmatch("%w+") do
      for _, word in ipairs(words) do if part == word then return true end end
    end
    return false
  end

  local function is_searched_by_text(c, plain)
    for field, texts in pairs(format.texts or {}) do
      for text, words in pairs(texts) do
        local hits = assert(c:query { field = field, text = text, topk = 10000 })
        same_documents(plain:documents(function(document) return has_word(document[field], words) end),
          by_id(support.documents(c, filter_of(hits))), text)
      end
    end
  end

  local function vectors_for_queries(field)
    local vectors = {}
    for q, document in ipairs(documents_of(20001, 20020)) do
      vectors[q] = document[field]
    end
    return vectors
  end

  local function is_searched(c, plain)
    local all, passing = plain:documents(), {}
    for filter, passes in pairs(filters) do
      passing[filter] = plain:documents(passes)
    end
    for field, metric in pairs(format.metrics) do
      for _, vector in ipairs(vectors_for_queries(field)) do
        local options = { field = field, vector = vector, params = { exact = true } }
        scores_as(best_ten(all, field, metric, vector), assert(c:query(options)), "no filter")
        for filter, documents in pairs(passing) do
          options.filter = filter
          scores_as(best_ten(documents, field, metric, vector), assert(c:query(options)), filter)
        end
      end
    end
  end

  local function sparse_product(a, b)
    local sum = 0
    for index, number in pairs(a or {}) do sum = sum + number * (b and b[index] or 0) end
    return sum
  end

  local function sum_of_best_products(query, vectors)
    local sum = 0
    for _, a in ipairs(query) do
      local best = -math.huge
      for _, b in ipairs(vectors) do best = math.max(best, a[1] * b[1] + a[2] * b[2]) end
      sum = sum + best
    end
    return sum
  end

  -- The scores of all documents, best first.
  local function scored(plain, score)
    local hits = {}
    for i, document in ipairs(plain:documents()) do hits[i] = { id = document.id, score = score(document) } end
    table.sort(hits, function(a, b) return a.score > b.score end)
    return hits
  end

  local function is_searched_by_other_vectors(c, plain)
    for n = 20001, format.has_other_vectors and 20020 or 0 do
      local sparse, several = writer.sparse(n), { writer.several(n)[1], writer.several(n + 1)[1] }
      local exact = scored(plain, function(document) return sparse_product(sparse, document.sparse) end)
      scores_as(exact, assert(c:query { field = "sparse", vector = sparse, min_score = exact[10].score }), "sparse")
      exact = scored(plain, function(document) return sum_of_best_products(several, document.several) end)
      scores_as(exact, assert(c:query { field = "several", vectors_of_one = several }), "several")
    end
  end

  -- The recall@10 of a walk through the graph of a field.
  local function recall(c, plain, field)
    local wanted, found, documents = 0, 0, plain:documents()
    for _, vector in ipairs(vectors_for_queries(field)) do
      local exact = best_ten(documents, field, format.metrics[field], vector)
      local farthest = exact[10].score - 1e-9
      for _, hit in ipairs(assert(c:query { field = field, vector = vector, params = { plan = "graph", ef = 100 } })) do
        found = found + (hit.score >= farthest and 1 or 0)
      end
      wanted = wanted + 10
    end
    return found / wanted
  end

  describe("a collection that was written in format " .. format.folder .. ":", function()
    local path, plain

    local function open(options)
      options = options or {}
      options.path, options.maintenance = path, "manual"
      return support.collection(nil, options)
    end

    before_each(function()
      path = support.path()
      frozen_files.unpack("spec/data/" .. format.folder, path)
      plain = plain_collection.new(writer.schema)
      writer.write(plain)
    end)
    after_each(support.clean)

    it("opens with every check", function()
      assert.is_true(open({ read_only = true, verify = true }):check())
      assert.is_true(open({ verify = true }):check())
    end)

    it("holds what was written", function()
      holds(open { read_only = true }, plain)
      holds(open(), plain)
    end)

    it("is searched by text", function()
      is_searched_by_text(open { read_only = true }, plain)
      is_searched_by_text(open(), plain)
    end)

    it("is searched by sparse vectors and by several together", function()
      is_searched_by_other_vectors(open { read_only = true }, plain)
      is_searched_by_other_vectors(open(), plain)
    end)

    it("is searched by vector and by filter", function()
      is_searched(open { read_only = true }, plain)
    end)

    it("is searched through its indexes", function()
      local c = open { read_only = true }
      local indexes = c:stats().indexes
      for field in pairs(format.metrics) do
        assert.equal(format.graphs[field] and 1, indexes[field].graphs, field)
        assert.equal(format.graphs[field], indexes[field].quantize, field)
      end
      for field in pairs(format.graphs) do
        assert.is_true(recall(c, plain, field) >= 0.95, field)
      end
      for _, name in ipairs(format.lists) do
        assert.is_true(indexes[name].indexed_rows > 0)
      end
      for _, index in pairs(indexes) do
        assert.is_nil(index.warning)
      end
    end)

    it("is copied into memory and dumped", function()
      local memory = assert(moonvec.open(":memory:", { from = path, maintenance = "manual" }))
      local loaded = assert(moonvec.load(open({ read_only = true }):dump(), { maintenance = "manual" }))
      for _, c in ipairs { memory, loaded } do
        holds(c, plain)
        for field in pairs(format.metrics) do
          assert.equal(format.graphs[field], c:stats().indexes[field].quantize, field)
        end
        assert(c:optimize())
        assert.is_true(c:check())
        holds(c, plain)
        c:close()
      end
    end)

    it("is not changed by reading", function()
      local before = listing.state(path)
      local c = open { read_only = true }
      holds(c, plain)
      c:close()
      assert.equal(before, listing.state(path))
    end)

    it("is written, optimized and has its schema changed", function()
      local c = open()
      local function change(collection)
        local documents = documents_of(3001, 3050)
        for _, document in ipairs(documents) do
          document.price, document.ratio = nil, nil
        end
        assert(collection:insert(documents))
        assert(collection:update { { id = "d0063", level = 3, text = "red again" } })
        assert(collection:delete { "d0003", "d3007" })
      end
      change(c)
      change(plain)
      holds(c, plain)
      assert.is_true(c:check())
      assert(c:add_column({ name = "later", type = "int32", nullable = true }, function(document)
        return document.n
      end))
      plain:add_column({ name = "later" }, function(document)
        return document.n
      end)
      holds(c, plain)
      assert(c:optimize())
      c:close()
      c = open { verify = true }
      assert.is_true(c:check())
      holds(c, plain)
      is_searched(c, plain)
      assert.same({ 0, 0 }, { c:stats().fresh_rows, c:stats().deleted_rows })
    end)

    it("gets indexes #once", function()
      local c = open()
      local documents = documents_of(4001, 5200)
      for _, document in ipairs(documents) do
        document.price, document.ratio = nil, nil
      end
      assert(c:insert(documents))
      plain:insert(documents)
      assert(c:create_index("v", "hnsw"))
      assert(c:create_index("n", "invert"))
      assert(c:optimize())
      local indexes = c:stats().indexes
      assert.equal(#c, indexes.v.indexed_rows)
      assert.equal(#c, indexes.n.indexed_rows)
      assert.is_true(recall(c, plain, "v") >= 0.9)
      c:close()
      c = open { verify = true }
      assert.is_true(c:check())
      holds(c, plain)
    end)
  end)
end

for _, format in ipairs(FORMATS) do
  if (format.bits or 64) == BITS then
    open_and_use(format)
  else
    refuse(format)
  end
end

describe("files as text", function()
  it("come back as they were", function()
    local random = support.random(5)
    for _, size in ipairs { 0, 1, 63, 64, 65, 128, 1000 } do
      local parts = {}
      for i = 1, size do
        parts[i] = string.char(random(4) == 1 and random(256) - 1 or 0)
      end
      local bytes = table.concat(parts) .. ("\0"):rep(size) .. ("ab"):rep(size)
      assert.is_true(bytes == frozen_files.from_text(frozen_files.to_text(bytes)))
    end
  end)
end)

describe("a dump that was written in format 1", function()
  it("loads, and holds what was written", function()
    local writer = require "spec.data.dump_v1.write"
    local plain = plain_collection.new(writer.schema)
    writer.write(plain)
    local dump = frozen_files.dump("spec/data/dump_v1")
    if BITS ~= 64 then
      return is_refused(moonvec.load(dump))
    end
    local c = assert(moonvec.load(dump))
    same_documents(plain:documents(), by_id(support.documents(c)))
    c:close()
  end)
end)

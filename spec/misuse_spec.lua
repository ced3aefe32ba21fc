-- Programming errors raise, name the mistake and its position, and change nothing.

local moonvec = require "moonvec"
local support = require "spec.support.init"

describe("misuse of", function()
  local c

  setup(function()
    c = support.collection({
      fields = {
        { name = "title", type = "string" },
        { name = "year", type = "int32", nullable = true },
        { name = "tags", type = "array_string", nullable = true },
      },
      vectors = { { name = "embedding", type = "vector_fp32", dim = 2 } },
    }, { path = ":memory:" })
    c:insert { id = "dune", title = "Dune", embedding = { 1, 0 } }
  end)
  teardown(function()
    assert.equal(1, #c)
    support.clean()
  end)

  local v = { 1, 0 }
  local cases = {
    -- query
    { "query", { { vector = v, topK = 5 } }, "query: unknown option 'topK' (did you mean 'topk'?)" },
    { "query", { { vector = v, zebra = 5 } }, "query: unknown option 'zebra' (valid: 'field', " },
    { "query", { { [1] = v } }, "query: an option's name must be a string, got a number" },
    { "query", { v, 10 }, "query: expected a table of options, got an array of numbers (did you mean { vector = " },
    { "query", { 5 }, "query: expected a table of options, got a number" },
    { "query", {}, "query: expected a table of options, got a nil" },
    { "query", { { vector = v, topk = 0 } }, "query: 'topk' must be a whole number from 1 to 1000000, got 0" },
    { "query", { { vector = v, topk = 2.5 } }, "query: 'topk' must be a whole number from 1 to 1000000, got 2.5" },
    { "query", { { vector = v, topk = "5" } }, "query: 'topk' must be a whole number, got a string" },
    { "query", { { vector = v, offset = -1 } }, "query: 'offset' must be a whole number from 0 to 1000000, got -1" },
    { "query", { { topk = 1000000, offset = 1 } }, "'topk' + 'offset' must be at most 1000000, got 1000001" },
    { "query", { { vector = v, id = "x" } },
      "query: only one of 'vector', 'vectors', 'vectors_of_one' and 'id' can be given" },
    { "query", { { vector = { 1 } } }, "query: vector has 1 numbers, field 'embedding' wants 2" },
    { "query", { { vector = true } }, "query: a vector is a table of numbers, a packed string or a moonvec.vector" },
    { "query", { { field = "embedding" } }, "query: 'field' needs 'vector', 'vectors', 'id', 'text' or 'match'" },
    {
      "update",
      { { id = "a", embedding = moonvec.null } },
      "field 'embedding' is a vector field, which cannot be NULL",
    },
    { "query", { { vectors = 5 } }, "query: 'vectors' must be an array of vectors, got a number" },
    { "query", { { vector = { 0, 0 } } }, "zero" },
    {
      "query",
      { { field = "embeding", vector = v } },
      "query: unknown vector field 'embeding' (did you mean 'embedding'?)",
    },
    { "query", { { field = "title", vector = v } }, "query: unknown vector field 'title'" },
    { "query", { { vector = v, filter = 5 } }, "query: 'filter' must be a string or built by moonvec.filter, got a" },
    { "query", { { vector = v, filter = {} } }, "query: 'filter' must be a string or built by moonvec.filter, got a" },
    { "query", { { vector = v, filter = "yaer = 1" } }, "did you mean 'year'?" },
    { "query", { { vector = v, filter = "year = " } }, "filter:" },
    { "query", { { vector = v, filter = "year = ?" } }, "?" },
    { "query", { { vector = v, filter = "year = 1", args = { 1 } } }, "1" },
    { "query", { { vector = v, args = { 1 } } }, "query: 'args' needs 'filter'" },
    { "query", { { vector = v, filter = "year = ?", args = 5 } }, "query: 'args' must be a table, got a number" },
    {
      "query",
      { { vector = v, filter = "year = ?", args = { year = 1 } } },
      "query: 'args' must be an array, got a table with other keys",
    },
    {
      "query",
      { { vector = v, filter = "year = ?", args = { print } } },
      "query: argument 1: expected a value, got a function",
    },
    {
      "query",
      { { vector = v, filter = "year IN ?", args = { { 1, {} } } } },
      "query: argument 1: element 2 of the list is a table",
    },
    {
      "query",
      { { vector = v, filter = moonvec.filter.eq("year", 1), args = {} } },
      "query: 'args' must be nil, a filter built by moonvec.filter has its own arguments",
    },
    { "query", { { vector = v, min_score = "1" } }, "query: 'min_score' must be a number, got a string" },
    { "query", { { vector = v, output_fields = "title" } }, "query: 'output_fields' must be an array of names, got a" },
    {
      "query",
      { { vector = v, output_fields = { "titel" } } },
      "query: unknown field 'titel' (did you mean 'title'?)",
    },
    { "query", { { vector = v, output_fields = { 1 } } }, "query: 'output_fields' must hold names, element 1 is a" },
    { "query", { { vector = v, include_vector = "tables" } }, "'include_vector' must be true, false or 'table'" },
    { "query", { { vector = v, into = 5 } }, "query: 'into' must be a table, got a number" },
    { "query", { { order_by = 5 } }, "query: 'order_by' must be a string, got a number" },
    { "query", { { order_by = "yaer" } }, "yaer" },
    { "query", { { vector = v, order_by = "year" } }, "order_by" },
    { "query", { { vector = v, params = { nprobe = 5 } } }, "query: params: unknown option 'nprobe'" },
    -- writing
    { "insert", { 5 }, "insert: expected a document or an array of them, got a number" },
    { "insert", { { title = "x" } }, "insert: the document has no 'id'" },
    { "insert", { { { id = "x", title = "x", embedding = v }, { title = "y" } } }, "insert: document 2 has no 'id'" },
    { "insert", { { "x" } }, "insert: document 1 must be a table, got a string" },
    { "insert", { { id = "x", titel = "x" } }, "insert: document 'x': unknown field 'titel' (did you mean 'title'?)" },
    {
      "insert",
      { { id = "x", 5 } },
      "insert: document 'x': a document's keys must be field names, got a number",
    },
    {
      "insert",
      { { id = "x", title = print } },
      "insert: document 'x': field 'title': expected a value, got a function",
    },
    { "insert", { { [1] = { id = "x" }, [3] = { id = "y" } } }, "insert: an array of documents must have the keys" },
    { "insert", { { id = "x", tags = { [1] = "a", [5] = "b" } } }, "field 'tags': a list must have the keys 1, 2, 3" },
    { "insert", { { id = "x", tags = { a = "b" } } }, "field 'tags': a list must have the keys 1, 2, 3, ..." },
    { "insert", { { id = "x", tags = { moonvec.null } } }, "field 'tags': element 1 of the list is moonvec.null" },
    { "delete", { { [2] = "x" } }, "delete: an array of ids must have the keys 1, 2, 3, ... and no others" },
    { "insert", { { id = "", title = "x" } }, "insert: an id has 1 to 1024 bytes, got 0" },
    { "insert", { { id = ("x"):rep(1025) } }, "insert: an id has 1 to 1024 bytes, got 1025" },
    { "insert", { { id = 1.5 } }, "insert: an id is a string or a whole number, got 1.5" },
    { "insert", { { id = true } }, "insert: an id is a string or a whole number, got a boolean" },
    { "insert", { { id = 2 ^ 60 } }, "insert: an id is a string or a whole number, got 1.152921504606847e+18" },
    { "insert", { { id = "x", embedding = v } }, "'title'" },
    { "insert", { { id = "x", title = "x" } }, "'embedding'" },
    { "upsert", { { id = "x", year = {} } }, "'year'" },
    { "update", { { id = "dune", yeer = 1 } }, "update: document 'dune': unknown field 'yeer' (did you mean 'year'?)" },
    { "delete", {}, "delete: an id is a string or a whole number, got a nil" },
    { "delete", { { "x", {} } }, "delete: an id is a string or a whole number, got a table" },
    { "delete_by_filter", {}, "delete_by_filter: expected a filter" },
    { "update_by_filter", {}, "update_by_filter: expected a filter ('true' updates all documents)" },
    { "update_by_filter", { "nope = 1", {}, {} }, "filter:1: unknown field 'nope'" },
    {
      "update_by_filter",
      { 5, {}, {} },
      "update_by_filter: 'filter' must be a string or built by moonvec.filter, got a number",
    },
    {
      "update_by_filter",
      { "true", { year = 1 } },
      "update_by_filter: no changes are given (call it as (filter, args or nil, changes))",
    },
    { "update_by_filter", { "true", {}, { id = "x" } }, "update_by_filter: an id cannot be changed, got 'x'" },
    { "update_by_filter", { "true", {}, {}, { fields = {} } }, "update_by_filter: unknown option 'fields'" },
    {
      "update_by_filter",
      { "true", {}, { yeer = 1 } },
      "update_by_filter: document 'dune': unknown field 'yeer' (did you mean 'year'?)",
    },
    -- reading
    { "fetch", {}, "fetch: an id is a string or a whole number, got a nil" },
    { "fetch", { "dune", { fields = {} } }, "fetch: unknown option 'fields'" },
    { "fetch", { "dune", { filter = "true" } }, "fetch: unknown option 'filter'" },
    { "fetch", { "dune", "title" }, "fetch: options must be a table, got a string" },
    { "iterate", { { topk = 1 } }, "iterate: unknown option 'topk'" },
    { "iterate", { { filter = "nope = 1" } }, "nope" },
    { "count", { 5 }, "count: 'filter' must be a string or built by moonvec.filter, got a number" },
    -- maintenance
    { "optimize", { { budget_mss = 5 } }, "optimize: unknown option 'budget_mss' (did you mean 'budget_ms'?)" },
    { "optimize", { { budget_ms = 0 } }, "optimize: 'budget_ms' must be a positive number, got 0" },
    { "optimize", { { budget_ms = "5" } }, "optimize: 'budget_ms' must be a positive number, got a string" },
    { "optimize", { { progress = 5 } }, "optimize: 'progress' must be a function, got a number" },
    { "optimize", { { threads = 0 } }, "optimize: 'threads' must be a whole number from 1 to 64, got 0" },
    { "optimize", { { threads = 65 } }, "optimize: 'threads' must be a whole number from 1 to 64, got 65" },
    { "optimize", { { threads = 1.5 } }, "optimize: 'threads' must be a whole number from 1 to 64, got 1.5" },
    { "optimize", { { threads = 0 / 0 } }, "optimize: 'threads' must be a whole number from 1 to 64, got " },
    { "optimize", { { threads = "2" } }, "optimize: 'threads' must be a whole number from 1 to 64, got 2" },
    { "optimize", { { background = 1 } }, "optimize: 'background' must be true or false, got a number" },
    {
      "optimize",
      { { background = true, budget_ms = 5 } },
      "optimize: 'budget_ms' cannot be combined with 'background'",
    },
    {
      "optimize",
      { { background = true, progress = print } },
      "optimize: 'progress' cannot be combined with 'background'",
    },
    { "optimize", { 5 }, "optimize: options must be a table, got a number" },
    { "backup", {}, "backup: 'path' must be a string, got a nil" },
  }
  for i, case in ipairs(cases) do
    local call, args, text = case[1], case[2], case[3]
    it(("%s (%d): %s"):format(call, i, text), function()
      local message = support.message_of(c[call], c, args[1], args[2], args[3], args[4])
      assert.truthy(message:find(text, 1, true), message)
    end)
  end

  it("open", function()
    local function says(text, ...)
      local message = support.message_of(...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("open: 'path' must be a string, got a nil", moonvec.open)
    says("open: 'path' contains a zero byte", moonvec.open, "a\0b")
    says("open: unknown option 'readonly' (did you mean 'read_only'?)", moonvec.open, "x", { readonly = true })
    says("open: 'read_only' must be true or false, got a number", moonvec.open, "x", { read_only = 1 })
    says("open: unknown durability 'ful' (did you mean 'full'?)", moonvec.open, "x", { durability = "ful" })
    says("open: unknown maintenance 'zzz' (valid: 'auto', 'manual')", moonvec.open, "x", { maintenance = "zzz" })
    local schema = { fields = { { name = "n", type = "int32" } } }
    says("open: expected options, got a schema (did you mean { schema = ... }?)", moonvec.open, "x", schema)
    says("create_and_open: expected (path, schema, options), argument 2 has the option 'schema'",
      moonvec.create_and_open, "x", { schema = schema, durability = "none" })
    says("schema: expected a table, got a string", moonvec.open, "x", { schema = "books" })
    says("schema: expected a table, got a nil", moonvec.create_and_open, "x")
    says("unknown option 'schema'", moonvec.create_and_open, "x", {}, { schema = {} })
    says("destroy: 'path' must be a string", moonvec.destroy)
  end)

  it("a word with a zero byte", function()
    local function says(text, ...)
      local message = support.message_of(...)
      assert.truthy(message:find(text, 1, true), message)
    end
    local function schema(field)
      field.name, field.type = "v", field.type or "vector_fp32"
      return { [field.dim and "vectors" or "fields"] = { field } }
    end
    says("unknown type", moonvec.schema, schema { type = "int8" })
    says("type 'int32\\x00' contains a zero byte", moonvec.schema, schema { type = "int32\0" })
    says("metric 'l1\\x00x' contains a zero byte", moonvec.schema, schema { dim = 2, metric = "l1\0x" })
    says("index type 'flat\\x00' contains a zero byte", moonvec.schema, schema { dim = 2, index = "flat\0" })
    says("quantize 'none\\x00' contains a zero byte", moonvec.schema,
      schema { dim = 2, index = { type = "hnsw", quantize = "none\0" } })
    says("'seed' must be a whole number", moonvec.schema, schema { dim = 2, index = { type = "hnsw", seed = "12\0" } })
    says("durability 'full\\x00' contains a zero byte", moonvec.open, "x", { durability = "full\0" })
    says("'include_vector' must be true, false or 'table'", c.fetch, c, "a", { include_vector = "table\0" })
    says("unknown field 'score\\x00'", c.fetch, c, "a", { output_fields = { "score\0" } })
    says("unknown field 'distance\\x00'", c.insert, c, { id = "zero", ["distance\0"] = 1 })
    assert.is_nil(c["path\0"])
    assert.is_nil(c["search\0"])
  end)

  it("a long name, or one that cannot be printed", function()
    local f = moonvec.filter
    local long, cut = ("x"):rep(100), ("x"):rep(40) .. "..."
    local odd, shown = "a\nb\255\0c", [[a\x0ab\xff\x00c]]
    local function says(text, ...)
      local message = support.message_of(...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says(("query: unknown option '%s'"):format(cut), c.query, c, { [long] = 1 })
    says(("query: unknown option '%s'"):format(shown), c.query, c, { [odd] = 1 })
    says(("insert: document '%s': field 'title': expected a value"):format(cut), c.insert, c,
      { id = long, title = print })
    says(("insert: document '%s': unknown field '%s'"):format(shown, shown), c.insert, c, { id = odd, [odd] = 1 })
    says(("open: unknown durability '%s' (valid: "):format(cut), moonvec.open, "x", { durability = long })
    says(("open: durability '%s' contains a zero byte"):format(shown), moonvec.open, "x", { durability = odd })
    says(("filter.eq: '%s' is not a field name"):format(shown), f.eq, odd, 1)
    says(("filter.lt: the value for '%s' is nil"):format(cut), f.lt, long)
    says(("filter.array_length: '%s' is not a comparison"):format(cut), f.array_length, "n", long)
    says(("optimize: 'threads' must be a whole number from 1 to 64, got %s"):format(cut), c.optimize, c,
      { threads = long })
    assert.equal(("document '%s' not found"):format(shown), (select(2, c:fetch(odd))))

    local own = support.collection({ fields = { { name = "n", type = "int32", default = 1 } } }, { path = ":memory:" })
    own:insert { id = odd }
    says(("query: 'rerank' must return a number, got a nil for document '%s'"):format(shown), own.query, own,
      { rerank = function() end })
    says(("query: 'rerank' returned NaN for document '%s'"):format(shown), own.query, own,
      { rerank = function() return 0 / 0 end })
    says(("add_column: document '%s': field 'm': expected a value"):format(shown), own.add_column, own,
      { name = "m", type = "int32", default = 1 }, function() return print end)
    says(("add_column: document '%s': no\0value"):format(shown), own.add_column, own,
      { name = "m", type = "int32", default = 1 }, function() error("no\0value", 0) end)
  end)

  it("a method without its object", function()
    local message = support.message_of(c.insert, { id = "x" })
    assert.equal("insert: expected a collection, got a table (call it with ':')", message)
    assert.equal("count: expected a collection, got a nil (call it with ':')", support.message_of(c.count, nil))
  end)
end)

describe("the position of an error", function()
  after_each(support.clean)

  it("is the line that called, through C and through Lua", function()
    local c = support.collection { vectors = { { name = "v", type = "vector_fp32", dim = 1 } } }
    local here = debug.getinfo(1, "S").short_src
    local calls = {
      function() c:insert(5) end,
      function() c:query { topK = 1 } end,
      function() return c:query { topK = 1 } end,
      function() c:query { rerank = 5 } end,
      function() c:query { vector = { 1, 2 }, rerank = print } end,
      function() c:query { vector = { 1, 2 }, where = print } end,
      function() c:cursor { topk = 1 } end,
      function() c:cursor() end,
      function() c:query { field = "v" } end,
      function() c:optimize { budget_ms = "x" } end,
      function() c:transaction() end,
      function() moonvec.open() end,
      function() moonvec.filter.eq("no name", 1) end,
      function() moonvec.schema { x = 1 } end,
      function() moonvec.split(5) end,
      function() moonvec.source.csv(5) end,
      function() moonvec.embed.learn({}, { dim = "x" }) end,
      function() require("moonvec.mcp").serve(5) end,
    }
    for i, call in ipairs(calls) do
      local ok, message = pcall(call)
      assert.is_false(ok)
      local line = debug.getinfo(call, "S").linedefined
      local is_tail_call = i == 3 -- Lua 5.1 and LuaJIT do not know its line
      if not is_tail_call then
        assert.equal(here .. ":" .. line .. ": ", message:sub(1, #here + #tostring(line) + 3))
      end
    end
  end)

  it("is in a file of the program that is named as one of moonvec's", function()
    for _, name in ipairs { "@/app/moonvec/check.lua", "@lua/moonvec.lua", "@check.lua", "=moonvec" } do
      local call = assert((loadstring or load)("local split = ...\nsplit(5)", name)) -- luacheck: ignore
      local _, message = pcall(call, moonvec.split)
      assert.equal(name:sub(2) .. ":2: split: expected a text, got a number", message)
    end
  end)
end)

-- types.lua describes every function, method and option of the module, and no others.

local mcp = require "moonvec.mcp"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- The names after `function <object><separator>` in types.lua.
local function functions_of(text, object, separator)
  local names = {}
  for name in text:gmatch("\nfunction " .. object .. "%" .. separator .. "([%w_]+)%(") do
    names[name] = true
  end
  return names
end

-- The names in the @field lines of a @class. With `always`, without the optional ones ("name?").
local function fields_of(text, class, always)
  local names = {}
  local block = assert(text:match("\n%-%-%-@class " .. class:gsub("%.", "%%.") .. "%f[^%w_.][^\n]*(\n.-)\n[^-]"), class)
  for name, mark in block:gmatch("\n%-%-%-@field ([%w_]+)(%??)") do
    names[name] = not (always and mark == "?") or nil
  end
  return names
end

local function keys_of(object)
  local names = {}
  for name in pairs(object) do
    names[name] = true
  end
  return names
end

local function joined(...)
  local all = {}
  for _, names in ipairs { ... } do
    for name in pairs(names) do
      all[name] = true
    end
  end
  return all
end

-- The words between these quotes.
local function quoted_in(text, quote)
  local names = {}
  for name in text:gmatch(quote .. "([%w_]+)" .. quote) do
    names[name] = true
  end
  return names
end

-- Every key of `object` is a field of the class, and every field that is not optional is a key.
local function has_fields(object, text, class)
  local declared = fields_of(text, class)
  for name in pairs(object) do
    assert.is_true(declared[name], class .. " has no field " .. name)
  end
  for name in pairs(fields_of(text, class, true)) do
    assert.is_not_nil(object[name], class .. "." .. name)
  end
end

describe("types.lua", function()
  local text = read("lua/moonvec/types.lua")
  local c

  setup(function()
    c = support.collection({
      fields = {
        { name = "n", type = "int32", default = 1, index = "invert" },
        { name = "body", type = "string", nullable = true, index = "text" },
      },
      vectors = {
        { name = "v", type = "vector_fp32", dim = 1 },
        { name = "f", type = "vector_fp32", dim = 1, index = "flat" },
      },
    }, { path = ":memory:" })
  end)
  teardown(support.clean)

  it("is Lua", function()
    assert((loadstring or load)(text)) -- luacheck: ignore
  end)

  it("has the module's functions and values", function()
    assert.same(keys_of(moonvec), joined(functions_of(text, "moonvec", "."), fields_of(text, "moonvec")))
  end)

  it("has the engine's types of fields and vectors", function()
    for alias, entry in pairs { type = "fields", vector_type = "vectors" } do
      local schema = { [entry] = { { name = "f", type = "zzzzzzzzzz" } } }
      local valid = support.message_of(moonvec.schema, schema):match "%(valid: (.*)%)"
      local declared = text:match("%-%-%-@alias moonvec%." .. alias .. " ([^\n]*)")
      assert.same(quoted_in(valid, "'"), quoted_in(declared, '"'))
    end
  end)

  it("has the methods of a collection", function()
    local methods = require("moonvec.core").methods
    assert.same(keys_of(methods), functions_of(text, "collection", ":"))
    for name in pairs(methods) do
      assert.is_function(c[name])
    end
    for name in pairs(fields_of(text, "moonvec.collection")) do
      assert.is_not_nil(c[name])
    end
  end)

  it("has the methods of a vector", function()
    local v = moonvec.vector { 1 }
    for name in pairs(functions_of(text, "vector", ":")) do
      assert.is_function(v[name])
    end
  end)

  it("has the methods of a job", function()
    local job = assert(c:optimize { background = true })
    for name in pairs(functions_of(text, "job", ":")) do
      assert.is_function(job[name])
    end
    assert.is_true(job:wait())
  end)

  it("has the builders of filters", function()
    assert.same(keys_of(moonvec.filter), functions_of(text, "filters", "."))
    assert.same(keys_of(moonvec.filter.eq("n", 1)), fields_of(text, "moonvec.filter"))
  end)

  it("has the builders of full-text queries", function()
    assert.same(keys_of(moonvec.text), functions_of(text, "texts", "."))
    assert.same(keys_of(moonvec.text.word "a"), fields_of(text, "moonvec.match"))
  end)

  it("has the fusers and re-rankers", function()
    assert.same(keys_of(moonvec.fuse), functions_of(text, "fusers", "."))
    assert.same(keys_of(moonvec.rerank), functions_of(text, "rerankers", "."))
    has_fields(moonvec.rerank.mmr { field = "v" }, text, "moonvec.reranker")
  end)

  it("has the sources", function()
    assert.same(keys_of(moonvec.source), functions_of(text, "sources", "."))
  end)

  it("has what ingest and split return", function()
    assert.same(keys_of(c:ingest(function() end)), fields_of(text, "moonvec.ingest_result"))
    local progress
    assert(c:ingest(moonvec.source.lines "LICENSE", { map = function() end, progress = function(state)
      progress = state
    end }))
    assert.same(keys_of(progress), fields_of(text, "moonvec.ingest_progress"))
    assert.same(keys_of(moonvec.split("a", { title = "b" })[1]), fields_of(text, "moonvec.passage"))
  end)

  it("has the functions that make models, and what a model has", function()
    assert.same(keys_of(moonvec.embed), functions_of(text, "embedders", "."))
    local model = assert(moonvec.embed.learn({ "a b", "a b" }, { dim = 8 }))
    local declared = joined(fields_of(text, "moonvec.learnt_model"), functions_of(text, "learnt_model", ":"),
      fields_of(text, "moonvec.model", true))
    assert.same(keys_of(model), declared)
    has_fields(assert(moonvec.embed.http { url = "http://127.0.0.1:1", model = "m", dim = 2 }), text, "moonvec.model")
  end)

  it("has the functions of moonvec.mcp", function()
    assert.same(keys_of(mcp), functions_of(text, "mcp", "."))
  end)

  it("has the keys of what comes back", function()
    assert(c:insert { { id = "a", n = 1, v = { 1 }, f = { 1 } }, { id = "b", n = 1, v = { 2 }, f = { 1 } } })
    has_fields(c:facet("n")[1], text, "moonvec.facet")
    has_fields(c:group_by_query { field = "v", vector = { 1 }, group_by = "n" }[1], text, "moonvec.group")
    assert.same({ score = true, parts = true, id = true }, keys_of(c:multi_query {
      queries = { { field = "v", vector = { 1 } } }, output_fields = {},
    }[1]))
    assert.same(fields_of(text, "moonvec.fused_plan"), keys_of(c:multi_query {
      queries = { { field = "v", vector = { 1 } } }, explain = true,
    }))
    has_fields(c:measure({ field = "v" })[1], text, "moonvec.measure_row")
    assert(c:delete { "a", "b" })
    has_fields(c:stats(), text, "moonvec.stats")
    has_fields(c:stats().indexes.v, text, "moonvec.index_stats")
    has_fields(c:stats().indexes.f, text, "moonvec.index_stats")
    has_fields(c:stats().indexes.n, text, "moonvec.index_stats")
    has_fields(c:stats().indexes.body, text, "moonvec.index_stats")
    local cache = moonvec.schema { fields = c.schema.fields, expires = "n", max_documents = 1, max_bytes = 1 }
    assert.same(joined(keys_of(cache), { name = true }), fields_of(text, "moonvec.schema"))
    assert.same(keys_of(c.schema.fields[1]), fields_of(text, "moonvec.field"))
    assert.same(keys_of(c.schema.fields[2].index), fields_of(text, "moonvec.field_index"))
    has_fields(c.schema.fields[1].index, text, "moonvec.field_index")
    local sparse = moonvec.schema { vectors = { { name = "terms", type = "sparse_vector_fp32" } } }.vectors[1]
    assert.same(joined(keys_of(c.schema.vectors[1]), joined(keys_of(sparse), { multi = true, embed = true })),
      fields_of(text, "moonvec.vector_field"))
    assert.same(keys_of(c.schema.vectors[1].index), fields_of(text, "moonvec.index"))
    has_fields(c.schema.vectors[2].index, text, "moonvec.index")
  end)

  -- An unknown option raises "unknown option". So this test tries each documented option, and the next one
  -- searches for each option of the C source in types.lua.
  local calls = {
    open_options = function(options)
      moonvec.open("", options)
    end,
    fetch_options = function(options)
      c:fetch("x", options)
    end,
    iterate_options = function(options)
      c:iterate(options)
    end,
    query_options = function(options)
      c:query(options)
    end,
    query_params = function(options)
      c:query { field = "v", vector = { 1 }, params = options }
    end,
    index = function(options)
      options.type = options.type or "hnsw"
      moonvec.schema { vectors = { { name = "v", type = "vector_fp32", dim = 1, index = options } } }
    end,
    optimize_options = function(options)
      c:optimize(options)
    end,
    multi_query_options = function(options)
      c:multi_query(options)
    end,
    search = function(options)
      c:multi_query { queries = { options } }
    end,
    group_by_options = function(options)
      c:group_by_query(options)
    end,
    facet_options = function(options)
      c:facet("n", options)
    end,
    ingest_options = function(options)
      c:ingest(function() end, options)
    end,
    export_options = function(options)
      c:export(function() end, options)
    end,
    split_options = function(options)
      moonvec.split("", options)
    end,
    csv_options = function(options)
      moonvec.source.csv("", options)
    end,
    files_options = function(options)
      moonvec.source.files("", options)
    end,
    measure_options = function(options)
      c:measure(options)
    end,
    mmr_options = function(options)
      moonvec.rerank.mmr(options)
    end,
    static_options = function(options)
      moonvec.embed.static("", options)
    end,
    decay_options = function(options)
      moonvec.rerank.decay(options)
    end,
    learn_options = function(options)
      moonvec.embed.learn({}, options)
    end,
    column_options = function(options)
      c:add_column({ name = "new", type = "int32" }, nil, options)
    end,
    load_options = function(options)
      moonvec.load("", options)
    end,
    embed_options = function(options)
      options.from, options.model = options.from or "body", options.model or "m"
      moonvec.schema {
        fields = { { name = "body", type = "string" } },
        vectors = { { name = "v", type = "vector_fp32", dim = 1, embed = options } },
      }
    end,
    http_options = function(options)
      moonvec.embed.http(options)
    end,
    mcp_options = function(options)
      mcp.serve(c, options)
    end,
  }
  for class, call in pairs(calls) do
    it("has existing " .. class, function()
      for name in pairs(fields_of(text, "moonvec." .. class)) do
        local _, message = pcall(call, { [name] = io.stdout })
        assert.is_nil(tostring(message):find("unknown option", 1, true), message)
      end
    end)
  end

  local sources = {
    { "query_args.c", "query_options", "query_options" },
    { "query_args.c", "param_names", "query_params" },
    { "collection_box.c", "options", "open_options" },
    { "read_calls.c", "read_options", "iterate_options" },
    { "read_calls.c", "facet_options", "facet_options" },
  }
  for _, source in ipairs(sources) do
    it("has all " .. source[2] .. " of " .. source[1], function()
      local code = read("lua/binding/" .. source[1])
      local list = assert(code:match("const char %*const " .. source[2] .. "%[[%w_]*%] = {(.-)}"))
      local options = {}
      for name in list:gmatch('"([%w_]+)"') do
        options[name] = true
      end
      assert.same(options, fields_of(text, "moonvec." .. source[3]))
    end)
  end
end)

-- moonvec query: by words, by vector, by filter; what is printed for people and for programs.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local output, failure = command_line.output, command_line.failure

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line
  end
  return lines
end

local function ids_of(text)
  local ids = {}
  for i, line in ipairs(lines_of(text)) do
    ids[i] = json.decode(line).id
  end
  return ids
end

describe("moonvec query", function()
  local path

  setup(function()
    local c
    c, path = support.collection {
      fields = { { name = "title", type = "string", index = "text" },
                 { name = "body", type = "string", index = "text", nullable = true },
                 { name = "year", type = "int32", nullable = true }, { name = "tags", type = "array_string" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
    }
    assert(c:insert {
      { id = "dune", title = "Dune", body = "Sand, and a \27[31m worm\7 in it", year = 1965, tags = { "scifi", "sand" },
        v = { 1, 0 } },
      { id = "emma", title = "Emma", body = "A handsome, clever and rich lady", year = 1815, tags = {}, v = { 0, 1 } },
      { id = "sand", title = "The Book of Sand", tags = { "tale" }, v = { 0.9, 0.1 } },
    })
    assert(c:close())
  end)
  teardown(support.clean)

  it("searches all text fields for words", function()
    assert.same({ "dune", "sand" }, (function()
      local ids = ids_of(output("query", path, "sand", "--json"))
      table.sort(ids)
      return ids
    end)())
    assert.same({ "sand" }, ids_of(output("query", path, "sand", "--json", "--field", "title")))
    assert.same({ "dune" }, ids_of(output("query", path, "sand", "-book", "--field=body", "--json")))
    assert.same({ "emma" }, ids_of(output("query", path, "clever", "rich", "--json", "--topk", 1)))
    assert.same({}, ids_of(output("query", path, "sand", "--filter", "year < 1900", "--json")))
  end)

  it("finds what a query in Lua finds, with the same scores", function()
    local c = assert(moonvec.open(path))
    local expected = c:multi_query {
      queries = { { field = "title", text = "sand lady" }, { field = "body", text = "sand lady" } }, topk = 3,
    }
    assert(c:close())
    for i, line in ipairs(lines_of(output("query", path, "sand", "lady", "--topk", 3, "--json"))) do
      local hit = json.decode(line)
      assert.equal(expected[i].id, hit.id)
      assert.same(expected[i].parts[1] and expected[i].parts[1].rank, hit.parts.title and hit.parts.title.rank)
      assert.is_true(math.abs(expected[i].score - hit.score) < 1e-12)
    end
  end)

  it("marks words for programs", function()
    local hit = json.decode(output("query", path, "clever", "--json"))
    assert.same({ body = { "A handsome, <b>clever</b> and rich lady" } }, hit.highlights)
  end)

  it("prints hits for people, in which data cannot control the terminal", function()
    local text = output("query", path, "worm")
    assert.truthy(text:find("^ 1  dune  %d%.%d+\n"), text)
    assert.truthy(text:find("\n    title: Dune\n", 1, true))
    assert.truthy(text:find("\n    body: Sand, and a \\x1b[31m worm\\x07 in it\n", 1, true), text)
    assert.truthy(text:find("\n    tags: scifi, sand\n", 1, true))
    assert.is_nil(text:find("[%z\1-\9\11-\31]"))
    local _, exit_code, errors = command_line.run("query", path, "nothing")
    assert.equal("0 nothing was found\n", exit_code .. " " .. errors)
  end)

  it("marks words on a terminal", function()
    local command = command_line.command("query", path, "clever"):gsub("'", "'\\''")
    local text = command_line.shell("env -u NO_COLOR script -qec '" .. command .. "' /dev/null </dev/null")
    assert.truthy(text:find("\27[1;33mclever\27[0m", 1, true), text)
    text = command_line.shell("NO_COLOR=1 script -qec '" .. command .. "' /dev/null </dev/null")
    assert.is_nil(text:find("\27", 1, true))
  end)

  it("searches by vector, and for what is like a document", function()
    assert.same({ "dune", "sand" }, ids_of(output("query", path, "--vector", "[1, 0]", "--topk", 2, "--json")))
    assert.same({ "sand", "emma" }, ids_of(output("query", path, "--like", "dune", "--exact", "--json")))
    local file = support.path()
    for _, text in ipairs { "[0, 1]", moonvec.pack { 0, 1 } } do
      local stream = assert(io.open(file, "wb"))
      stream:write(text)
      stream:close()
      assert.same({ "emma" }, ids_of(output("query", path, "--vector", file, "--topk", 1, "--recall", 0.5, "--json")))
    end
    assert.truthy(failure(2, "query", path, "--vector", "[1]"):find("1", 1, true))
    assert.truthy(failure(1, "query", path, "--vector", "[1"):find("--vector: ", 1, true))
    assert.truthy(failure(1, "query", path, "--vector", path .. "/none"):find("none", 1, true))
    assert.truthy(failure(1, "query", path, "--like", "none"):find("none", 1, true))
  end)

  it("lists what matches a filter", function()
    assert.same({ "emma", "dune" },
      ids_of(output("query", path, "--filter", "year > 0", "--order-by", "year", "--json")))
    local text = output("query", path, "--filter", "year IS NULL", "--fields", "title")
    assert.equal(" 1  sand\n    title: The Book of Sand\n", text)
  end)

  it("prints timestamps as times", function()
    local times = support.path()
    output("create", times, "--field", "day:timestamp", "--field", "seen:array_timestamp?")
    output("put", times, '{"id":"a","day":"2026-11-01","seen":["2026-11-01T10:00:00.5Z","1969-12-31T23:59:59Z"]}')
    local text = output("query", times, "--filter", "day > '2026-10-31'")
    assert.truthy(text:find("\n    day: 2026-11-01T00:00:00Z\n", 1, true), text)
    assert.truthy(text:find("\n    seen: 2026-11-01T10:00:00.5Z, 1969-12-31T23:59:59Z\n", 1, true), text)
  end)

  it("explains", function()
    local text = output("query", path, "--like", "dune", "--explain")
    assert.truthy(text:find("\nsearch: 3 rows, ", 1, true), text)
    assert.truthy(text:find("fresh rows  exact", 1, true))
    local plan = json.decode(output("query", path, "sand", "--explain", "--json"))
    assert.equal(2, #plan.hits)
    assert.equal(2, #plan.queries)
  end)

  it("says what is wrong with a call", function()
    local function says(text, exit_code, ...)
      local message = failure(exit_code, "query", path, ...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("what is to be found?", 2)
    says("moonvec: text '-dune' only excludes: a search needs a word that is to be found\n", 2, "-dune")
    says("give one of: words, --vector, --like", 2, "a", "--like", "dune")
    says("give one of --text and --meaning", 2, "a", "--text", "--meaning")
    says("--order-by is for a filter alone", 2, "a", "--order-by", "year")
    says("cannot be searched by meaning: no vector field has a model", 1, "a", "--meaning")
    says("the field 'year' cannot be searched by a text", 1, "a", "--field", "year")
    says("unknown field 'titel' (did you mean 'title'?)", 2, "a", "--field", "titel")
    says("unknown field 'yer' (did you mean 'year'?)", 2, "a", "--filter", "yer > 3")
    says("'--topk' must be a whole number from 1 to 1000000, got 0", 2, "a", "--topk", 0)
    says("'--recall' must be a number", 2, "--like", "dune", "--recall", "x")
    says("recall", 2, "--like", "dune", "--recall", "2")
  end)
end)

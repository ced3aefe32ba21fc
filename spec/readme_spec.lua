-- The code in the README runs unchanged, twice: the second time the collection exists.

local program = require "spec.support.program"
local support = require "spec.support.init"

local function first_example()
  local file = assert(io.open("README.md"))
  local text = file:read("*a")
  file:close()
  return assert(text:match("```lua\n(.-)```"))
end

describe("the multi_query of the README", function()
  after_each(support.clean)

  it("runs", function()
    local file = assert(io.open("README.md"))
    local code = assert(file:read("*a"):match("\n      (c:multi_query %b{})"))
    file:close()
    local c = support.collection({
      fields = { { name = "year", type = "int32" } },
      vectors = {
        { name = "title_embedding", type = "vector_fp32", dim = 2 },
        { name = "embedding", type = "vector_fp32", dim = 2 },
      },
    }, { path = ":memory:" })
    for i, id in ipairs { "dune", "emma", "ubik" } do
      local year = id == "emma" and 1815 or 1965
      assert(c:insert { id = id, year = year, title_embedding = { i, 1 }, embedding = { 1, i } })
    end
    local run = assert((loadstring or load)("local c, v = ...; return " .. code)) -- luacheck: ignore
    local hits = assert(run(c, { 1, 1 }))
    assert.same({ "ubik", "dune" }, support.ids(hits))
    assert.equal(1, hits[1].parts[2].rank)
    assert.is_nil(hits[2].parts[2])
  end)
end)

describe("the example of the README", function()
  after_each(support.clean)

  it("runs", function()
    local script, path = support.path(), support.path()
    local code, replaced = first_example():gsub('"books%.mv"', ("%q"):format(path))
    assert.equal(1, replaced)
    local file = assert(io.open(script, "w"))
    file:write(code)
    file:close()
    for _ = 1, 2 do
      local output, status = program.run(script)
      assert.equal(0, status, output)
      assert.truthy(output:find("^dune\t0%.7%d+\tDune\ndune\t0%.%d+\t<b>Dune</b>\n$"), output)
    end
  end)
end)

-- The code in the README runs unchanged, twice: the second time the collection exists.

local program = require "spec.support.program"
local support = require "spec.support.init"

local function first_example()
  local file = assert(io.open("README.md"))
  local text = file:read("*a")
  file:close()
  return assert(text:match("```lua\n(.-)```"))
end

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
      assert.truthy(output:find("^dune\t0%.7%d+\tDune\n$"), output)
    end
  end)
end)

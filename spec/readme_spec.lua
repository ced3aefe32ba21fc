-- The code in the README runs unchanged but for its paths.

local command_line = require "spec.support.command_line"
local markdown = require "docs.make.markdown"
local program = require "spec.support.program"
local support = require "spec.support.init"

--- The blocks of code in this language, in order.
local function blocks(language)
  local found = {}
  for _, block in ipairs(markdown.blocks(markdown.read "README.md")) do
    found[#found + 1] = block.language == language and block.code or nil
  end
  return found
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local NOTES = {
  "The certificate of the web server is renewed by certbot renew, once in three months.",
  "Tomatoes want sun, and water in the morning.",
  "The printer on the second floor needs toner of the blue box.",
}

describe("the way from a folder to an answer in the README", function()
  after_each(support.clean)

  it("is two commands", function()
    local folder = support.path()
    assert(os.execute("mkdir " .. program.quote(folder)))
    write(folder .. "/web.md", "# Web server\n\n" .. NOTES[1] .. "\n")
    write(folder .. "/garden.md", "# Garden\n\n" .. NOTES[2] .. "\n")
    write(folder .. "/office.md", "# Office\n\n" .. NOTES[3] .. "\n")
    local commands = {}
    for words in blocks("sh")[2]:gmatch("bin/moonvec ([^\n]+)\n") do
      local list = {}
      for word in words:gmatch("%S+") do
        list[#list + 1] = word == "notes" and folder or word
      end
      commands[#commands + 1] = list
    end
    assert.equal(2, #commands)
    command_line.output((table.unpack or unpack)(commands[1])) -- luacheck: ignore 143 113
    local answer = command_line.output((table.unpack or unpack)(commands[2])) -- luacheck: ignore 143 113
    assert.matches("^[^\n]*/web%.md:1 ", answer)
  end)

  it("is one program in Lua", function()
    local script, notes = support.path(), support.path()
    write(notes, table.concat(NOTES, "\n") .. "\n")
    local code, replaced = blocks("lua")[1]:gsub('"notes%.txt"', ("%q"):format(notes))
    assert.equal(2, replaced)
    write(script, code)
    local output, status = program.run(script)
    assert.equal(0, status, output)
    assert.matches("^[%d.e-]+\t" .. NOTES[1]:gsub("%p", "%%%0"), output)
  end)
end)

describe("the first program of the README", function()
  after_each(support.clean)

  it("runs", function()
    local script, path = support.path(), support.path()
    local code, replaced = blocks("lua")[2]:gsub('"books%.mv"', ("%q"):format(path))
    assert.equal(1, replaced)
    write(script, code)
    for _ = 1, 2 do -- the second time the collection exists
      local output, status = program.run(script)
      assert.equal(0, status, output)
      assert.truthy(output:find("^dune\t0%.7%d+\tDune\ndune\t0%.%d+\t<b>Dune</b>\n$"), output)
    end
  end)
end)

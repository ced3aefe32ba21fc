-- The example of two Tarantool instances, and the code of docs/hosts/tarantool.md.

local children = require "spec.support.children"
local host_example = require "spec.support.host_example"
local host_program = require "spec.support.host_program"
local support = require "spec.support.init"
local tarantool_server = require "spec.support.tarantool_server"
local text_files = require "spec.support.text_files"

local function code_of_page()
  local blocks = {}
  for block in text_files.read("docs/hosts/tarantool.md"):gmatch "```lua\n(.-)```" do
    blocks[#blocks + 1] = block
  end
  return table.concat(blocks, "\n")
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a" or ""
  return text, file and file:close()
end

describe("Tarantool", function()
  after_each(host_example.clean)

  it("runs the example of two nodes: one takes notes, the other finds them", function()
    if tarantool_server.obstacle() then
      pending(tarantool_server.obstacle())
      return
    end
    local folder = host_example.folder()
    local variables = host_program.environment "luajit" .. " MOONVEC_PORT=" .. host_program.port(2)
    local pid = host_program.start(("exec %s examples/tarantool/two_nodes.sh %s/data"):format(variables, folder),
      folder .. "/log")
    support.wait_until(function()
      return (read(folder .. "/log")):find("both run", 1, true)
    end)
    local answers = read(folder .. "/log")
    assert.matches("printers: The printer on the second floor needs toner", answers)
    assert.matches("tomato plants: Tomatoes want sun", answers)
    assert.is_nil(answers:find("refused", 1, true) or answers:find("does not exist", 1, true))
    host_program.stop(pid) -- ends both instances
    assert.is_false(children.succeeds("pgrep -f " .. folder .. "/[d]ata")) -- not this command itself
  end)

  it("runs the code of the page", function()
    if tarantool_server.obstacle() then
      pending(tarantool_server.obstacle())
      return
    end
    local folder = host_example.folder()
    host_example.write(folder, "page.lua", code_of_page() .. [[
      print("in the collection", #collection, follower:stats().state)
      print("numbers of films", films:get(1).seq, films:get(2).seq)
      os.exit(0)
    ]])
    local output = children.output(("cd %s && %s timeout 60 tarantool page.lua 2>&1"):format(folder,
      host_program.environment "luajit"))
    local expected = "\ndune\tDune\t1\nemma\tEmma\t2\nin the collection\t2\tcurrent\nnumbers of films\t1\t2\n"
    assert.truthy(output:find(expected, 1, true), output)
  end)
end)

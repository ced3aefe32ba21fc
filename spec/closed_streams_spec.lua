-- A program that was started without stdin, stdout and stderr: what it prints must not be written over the files of a
-- collection, which would get the numbers of these streams.

local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support"

local PROGRAM = [[
  local moonvec = require "moonvec"
  local c = assert(moonvec.open(arg[1]))
  for i = 1, 20 do
    assert(c:insert { id = tostring(i), v = { i, 1 } })
    io.stdout:write(("a line for nobody\n"):rep(100))
    io.stdout:flush()
    io.stderr:write(("a line for nobody\n"):rep(100))
    io.read "*a"
  end
  assert(c:optimize())
  assert(c:close())
]]

local function number_of_files(path)
  local pipe = assert(io.popen(("grep -l 'a line for nobody' %s/* | wc -l"):format(program.quote(path))))
  local count = tonumber(pipe:read "*l")
  pipe:close()
  return count
end

describe("a collection in a program without standard streams", function()
  after_each(support.clean)

  it("is not written over", function()
    local script = support.path()
    local file = assert(io.open(script, "w"))
    file:write(PROGRAM)
    file:close()
    for _, closed in ipairs { "<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-" } do
      local c, path = support.collection { fields = {}, vectors = { { name = "v", type = "vector_fp32", dim = 2 } } }
      assert(c:close())
      os.execute(("timeout 20 %s >/dev/null 2>/dev/null </dev/null %s"):format(program.command(script, path), closed))
      c = assert(moonvec.open(path))
      assert.equal(20, #c, closed)
      assert.is_true(c:check())
      assert(c:close())
      assert.equal(0, number_of_files(path), closed)
    end
  end)
end)

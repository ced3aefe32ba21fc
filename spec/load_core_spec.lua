-- What is said when moonvec.core cannot be loaded.

local children = require "spec.support.children"
local program = require "spec.support.program"
local support = require "spec.support.init"

local REQUIRE = 'print(select(2, pcall(require, "moonvec")))'

-- A program with Lua built in, whose functions the linker does not export.
local HOST = [[
#include <lauxlib.h>
#include <lualib.h>
int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    return argc == 2 && luaL_dostring(L, argv[1]);
}
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("loading moonvec.core", function()
  after_each(support.clean)

  it("says which Lua it was built for, and which this is", function()
    local folder, script = support.path(), support.path()
    assert.is_true(children.succeeds("mkdir -p " .. folder .. "/moonvec"))
    local other = _VERSION == "Lua 5.3" and "Lua 5.2" or "Lua 5.3"
    write(folder .. "/moonvec/core.so", "moonvec.core for " .. other)
    write(script, ("package.cpath = '%s/?.so'\n%s"):format(folder, REQUIRE))
    local this = rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION
    assert.equal(("moonvec.core was built for %s, this is %s\n"):format(other, this), (program.run(script)))
  end)

  if _VERSION ~= "Lua 5.4" then
    return
  end

  it("says when the program does not export its Lua", function()
    local library = children.output("gcc -print-file-name=liblua5.4.a"):gsub("\n", "")
    if library == "liblua5.4.a" then
      pending("liblua5.4.a is not there: install the Debian package liblua5.4-dev")
      return
    end
    local host = support.path()
    write(host .. ".c", HOST)
    assert.is_true(children.succeeds(("gcc -I/usr/include/lua5.4 %s.c %s -lm -ldl -o %s"):format(host, library, host)))
    os.remove(host .. ".c")
    local message = children.output(host .. " " .. program.quote(REQUIRE))
    assert.matches("^this program has Lua 5%.4 built in and does not export its functions, "
      .. "so it cannot load moonvec.core: undefined symbol: lua[%w_]+\n$", message)
  end)
end)

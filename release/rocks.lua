-- Binary rocks: built from the source rock for each Lua, then installed into an empty tree and run there.

local process = require "release.process"

local M = {}

-- LuaRocks counts LuaJIT as Lua 5.1, and one binary serves both.
local LUAS = {
  { version = "5.1", interpreters = { "lua5.1", "luajit" } },
  { version = "5.2", interpreters = { "lua5.2" } },
  { version = "5.3", interpreters = { "lua5.3" } },
  { version = "5.4", interpreters = { "lua5.4" } },
  { version = "5.5", interpreters = { "lua5.5" } },
}

-- What an installed rock must be able to do.
local PROGRAM = [[
  local moonvec = require "moonvec"
  local c = assert(moonvec.open(":memory:", { schema = {
    fields = { { name = "title", type = "string", index = "text" } },
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
  } }))
  assert(c:insert { { id = "near", title = "hills", v = { 1, 1 } }, { id = "far", title = "sea", v = { 9, 9 } } })
  io.write(moonvec._VERSION, " ", assert(c:query { vector = { 0, 0 }, topk = 1 })[1].id,
    " ", assert(c:query { text = "sea" })[1].id)
]]

--- The Luas that are here; what to say of the others goes to `say`.
local function luas_here(say)
  local here = {}
  for _, lua in ipairs(LUAS) do
    local missing
    for _, interpreter in ipairs(lua.interpreters) do
      if process.run("command -v %s || true", interpreter) == "" then
        missing = interpreter
      end
    end
    if missing then
      say(("no rock for Lua %s: there is no %s here"):format(lua.version, missing))
    else
      here[#here + 1] = lua
    end
  end
  return here
end

--- Installs a binary rock into an empty tree and runs PROGRAM there, without the paths of this checkout.
local function try(rock, lua, interpreter, version, tree)
  process.run("rm -rf %s", tree)
  process.run("luarocks --lua-version %s --tree %s install --deps-mode none %s", lua.version, tree, rock)
  local lua_path = ("%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua"):format(tree, lua.version, tree, lua.version)
  local lua_cpath = ("%s/lib/lua/%s/?.so"):format(tree, lua.version)
  local printed = process.run("cd / && env -u LUA_PATH_5_2 -u LUA_CPATH_5_2 -u LUA_PATH_5_3 -u LUA_CPATH_5_3 "
    .. "-u LUA_PATH_5_4 -u LUA_CPATH_5_4 LUA_PATH=%s LUA_CPATH=%s %s -e %s", lua_path, lua_cpath, interpreter, PROGRAM)
  local expected = ("moonvec %s near far"):format(version)
  if printed ~= expected then
    error(("the rock for Lua %s in %s printed '%s', expected '%s'"):format(
      lua.version, interpreter, printed, expected), 0)
  end
end

--- Builds a rock per Lua from the sources unpacked in `source`, into folders of `out` named lua5.1 and so on: LuaRocks
-- gives the rocks of all Luas the same file name. Returns the path of the module of the last one.
function M.make(source, rockspec, version, work, out, say)
  local module
  for _, lua in ipairs(luas_here(say)) do
    local tree, folder = work .. "/tree" .. lua.version, out .. "/lua" .. lua.version
    process.run("cd %s && luarocks --lua-version %s --tree %s make --deps-mode none %s",
      source, lua.version, tree, rockspec)
    process.run("mkdir -p %s && cd %s && luarocks --lua-version %s --tree %s pack moonvec",
      folder, folder, lua.version, tree)
    local rock = process.run("echo %s/*.rock", folder)
    for _, interpreter in ipairs(lua.interpreters) do
      try(rock, lua, interpreter, version, work .. "/try-" .. interpreter)
      say(("rock for Lua %s: installed into an empty tree, works in %s"):format(lua.version, interpreter))
    end
    module = ("%s/lib/lua/%s/moonvec/core.so"):format(tree, lua.version)
  end
  return module
end

return M

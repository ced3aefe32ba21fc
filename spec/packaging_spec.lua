-- Installations: the rock for two Lua versions, CMake alone, and the engine in one file. Builds the engine again from
-- a copy of the sources, so it runs only on Lua 5.4, and is tagged slow. All tests build in the folder that LuaRocks
-- uses, build.luarocks: the first one compiles the engine, and the others use its objects. LuaRocks itself uses the
-- folder again for the next Lua, so what CMake remembers there must do no harm.

local MODULE_SIZE_MAX = 1024 * 1024 -- bytes of the stripped module, compiled at -O1

local ALL_CORES = "export CMAKE_BUILD_PARALLEL_LEVEL=$(getconf _NPROCESSORS_ONLN); "

if _VERSION ~= "Lua 5.4" then
  return
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a shell command that must succeed; returns its output.
local function shell(command)
  local pipe = assert(io.popen(ALL_CORES .. "{ " .. command .. "; } 2>&1; echo status $?"))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.-)status (%d+)\n$")
  assert(status == "0", command .. "\n" .. output)
  return text
end

local function file_size(path)
  local file = assert(io.open(path, "rb"))
  local size = file:seek("end")
  file:close()
  return size
end

-- A program for any Lua version: it loads the module from another directory, without LUA_PATH and the checkout.
local PROGRAM = [[
  local moonvec = require "moonvec"
  local c = assert(moonvec.open(":memory:", { schema = {
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2", index = { type = "flat" } } },
  } }))
  assert(c:insert { { id = "near", v = { 1, 1 } }, { id = "far", v = { 9, 9 } } })
  io.write(assert(c:query { vector = { 0, 0 }, topk = 1 })[1].id)
]]

local function run_elsewhere(program, interpreter, lua_path, lua_cpath)
  local environment = ("env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 LUA_PATH=%s LUA_CPATH=%s"):format(
    quote(lua_path), quote(lua_cpath))
  return shell(("cd / && %s %s -e %s"):format(environment, interpreter, quote(program)))
end

--- Runs the installed command without LUA_PATH, from another directory, also through a link.
local function works_as_command(path)
  local environment = "cd / && env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_PATH -u LUA_CPATH "
  local folder = shell("mktemp -d"):gsub("\n$", "")
  shell(environment .. quote(path) .. (" create %s/c --field title:string:text"):format(folder))
  assert.equal("0\n", shell(environment .. quote(path) .. (" count %s/c"):format(folder)))
  shell(("ln -s %s %s/moonvec"):format(quote(path), folder))
  assert.equal("0\n", shell(environment .. ("%s/moonvec count %s/c"):format(folder, folder)))
  shell("rm -rf " .. folder)
end

describe("packaging #slow", function()
  local here, work

  setup(function()
    here = shell("pwd"):gsub("\n$", "")
    work = shell("mktemp -d"):gsub("\n$", "") .. "/a folder"
    -- A copy of only the sources, so that files of an earlier build cannot help.
    shell(("mkdir -p %s && cp -r CMakeLists.txt LICENSE moonvec-scm-1.rockspec bin engine lua examples %s"):format(
      quote(work .. "/source"), quote(work .. "/source")))
    -- Most of the time that these tests take is compiling: here with less optimizing. ./run test, which builds the
    -- module of the other specs, and ./run release compile with the flags of a release.
    shell(("cd %s && cmake -B build.luarocks -DMOONVEC_C_LIBRARY=OFF -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG'"):format(
      quote(work .. "/source")))
  end)

  teardown(function()
    shell("rm -rf " .. quote((work:gsub("/a folder$", ""))))
  end)

  --- Configures a build by CMake alone: without the settings that LuaRocks left in its folder.
  local function configure(options)
    return ("cd %s && cmake -B build.luarocks -U 'INSTALL_*' -U LUA_INCDIR -U MOONVEC_C_LIBRARY %s"):format(
      quote(work .. "/source"), options)
  end

  local others = {
    ["5.4"] = { ["lua5.1"] = "Lua 5.1", luajit = "LuaJIT 2.1" },
    ["5.1"] = { ["lua5.4"] = "Lua 5.4" },
  }
  for version, names in pairs(others) do
    it("installs as a rock for Lua " .. version .. ", which says so to another Lua", function()
      local tree = work .. "/rocks" .. version
      shell(("cd %s && luarocks --lua-version %s --tree %s make --deps-mode none moonvec-scm-1.rockspec"):format(
        quote(work .. "/source"), version, quote(tree)))
      local lua_path = ("%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua"):format(tree, version, tree, version)
      local lua_cpath = ("%s/lib/lua/%s/?.so"):format(tree, version)
      assert.equal("near", run_elsewhere(PROGRAM, "lua" .. version, lua_path, lua_cpath))
      works_as_command(tree .. "/bin/moonvec")
      shell(("test -e %s/share/lua/%s/resty/moonvec/cache.lua"):format(quote(tree), version))
      for interpreter, name in pairs(names) do
        local text = run_elsewhere('io.write(select(2, pcall(require, "moonvec")))', interpreter, lua_path, lua_cpath)
        local expected = ("moonvec.core was built for Lua %s, this is %s"):format(version, name)
        assert.equal(expected, text:sub(1, #expected))
      end
    end)
  end

  it("installs with CMake: the module, stripped, and the C library", function()
    local prefix = work .. "/prefix"
    shell(("%s && cmake --build build.luarocks && cmake --install build.luarocks --prefix %s"):format(
      configure "", quote(prefix)))
    local module = prefix .. "/lib/lua/5.4/moonvec/core.so"
    assert.is_true(file_size(module) < MODULE_SIZE_MAX)
    local exported = shell("nm -D --defined-only " .. quote(module))
    assert.truthy(exported:match("^%x+ T luaopen_moonvec_core\n$"), exported)
    local found = run_elsewhere(PROGRAM, "lua5.4",
      prefix .. "/share/lua/5.4/?.lua;" .. prefix .. "/share/lua/5.4/?/init.lua", prefix .. "/lib/lua/5.4/?.so")
    assert.equal("near", found)
    works_as_command(prefix .. "/bin/moonvec")
    assert.truthy(shell("cat " .. quote(prefix .. "/share/man/man1/moonvec.1")):find("moonvec \\- ", 1, true))

    -- Through a link: a shell splits what pkg-config prints at the space in the name of the folder.
    local link = work:gsub("/a folder$", "/prefix")
    shell(("ln -s %s %s"):format(quote(prefix), link))
    local folder = shell(("dirname $(find %s/ -name moonvec.pc)"):format(link)):gsub("\n$", "")
    local build = ("cc %%s -o %s/minimal %s $(PKG_CONFIG_PATH=%s pkg-config %%s --cflags --libs moonvec)"):format(
      link, quote(here .. "/examples/c/minimal.c"), folder)
    for flag, option in pairs { [""] = "", ["-static"] = "--static" } do
      shell(build:format(flag, option))
      local printed = shell(("LD_LIBRARY_PATH=%s/.. %s/minimal"):format(folder, link))
      assert.truthy(printed:match("^yellow +distance 8100\nred +distance 27225\n$"), printed)
    end
  end)

  it("says which package brings a header that is missing", function()
    local nowhere = "-DCMAKE_FIND_ROOT_PATH=/nowhere -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY"
    local text = shell(("cd %s && ! cmake -B bare %s"):format(quote(work .. "/source"), nowhere))
    local expected = "lmdb.h was not found: install liblmdb-dev (Debian, Ubuntu), lmdb-devel (Fedora), "
      .. "lmdb-dev (Alpine) or lmdb (Homebrew)"
    assert.truthy(text:gsub("%s+", " "):find(expected, 1, true), text)
  end)

  -- ./run test has compiled and run the same file without flags of the engine: one_file. Its warnings are
  -- errors. So the object is looked at here, not compiled again.
  it("makes one file of the engine, which defines no name but those of moonvec.h", function()
    local module = package.searchpath("moonvec.core", package.cpath) -- luacheck: ignore 143 (only Lua 5.4 comes here)
    local built = module:match("^(.*)/[^/]*/moonvec/core%.so$")
    local object = built .. "/CMakeFiles/one_file.dir/amalgamation/moonvec.c.o"
    if not io.open(object, "rb") then
      return pending("needs the C tests, built in the folder of the module: ./run test")
    end
    shell(configure "-DMOONVEC_LUAS=" .. " && cmake --build build.luarocks --target amalgamation")
    shell(("cmp %s/source/build.luarocks/amalgamation/moonvec.c %s/amalgamation/moonvec.c"):format(quote(work), built))
    local defined = shell("nm -g --defined-only " .. quote(object))
    assert.truthy(defined:find(" T mv_search\n", 1, true))
    for name in defined:gmatch(" %a ([^\n]*)\n") do
      -- gcc has functions of its own on 32-bit x86.
      assert.truthy(name:find("^mv_") or name:find("^__x86%."), name .. " is defined, too")
    end
  end)
end)

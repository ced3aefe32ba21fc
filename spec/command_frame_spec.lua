-- The program `moonvec`: its help, what it says when it is called wrongly, and its exit codes.

local command_line = require "spec.support.command_line"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"

local output, failure = command_line.output, command_line.failure

describe("moonvec", function()
  local path

  setup(function()
    local c
    c, path = support.collection {
      fields = { { name = "title", type = "string", index = "text" }, { name = "year", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
    }
    assert(c:insert { { id = "dune", title = "Dune", year = 1965, v = { 1, 0 } },
                      { id = "emma", title = "Emma", year = 1815, v = { 0, 1 } } })
    assert(c:close())
  end)
  teardown(support.clean)

  it("lists its commands", function()
    local text = output("help")
    assert.truthy(text:find("\n  info +documents, size"))
    assert.equal(text, output("--help"))
    assert.equal(text, failure(2)) -- without arguments, on stderr
  end)

  it("describes a command", function()
    local text = output("help", "get")
    assert.truthy(text:find("usage: moonvec get DIR ID...", 1, true))
    assert.truthy(text:find("\n  --fields A,B ", 1, true))
    assert.equal(text, output("get", "--help"))
    assert.equal(text, output("get", "-h", "whatever"))
  end)

  it("says its version", function()
    assert.equal(moonvec._VERSION .. "\n", output("--version"))
  end)

  it("names the nearest command and option", function()
    assert.equal("moonvec: unknown command 'cuont' (did you mean 'count'?)\n", failure(2, "cuont"):match "^[^\n]*\n")
    assert.truthy(failure(2, "get", path, "dune", "--field", "a"):find("get: unknown option '--field' (did you mean "
      .. "'--fields'?)", 1, true))
    assert.truthy(failure(2, "help", "ifno"):find("did you mean 'info'?", 1, true))
  end)

  it("knows what other programs call its commands and options", function()
    for given, meant in pairs {
      search = "query", find = "query", ls = "info", stats = "info", add = "import", rm = "delete", serve = "mcp",
      version = "--version",
    } do
      local message = failure(2, given, path)
      assert.truthy(message:find(("unknown command '%s' (did you mean '%s'?)"):format(given, meant), 1, true), message)
    end
    for given, meant in pairs { ["--limit"] = "--topk", ["--where"] = "--filter" } do
      local message = failure(2, "query", path, given, 1, "dune")
      assert.truthy(message:find(("unknown option '%s' (did you mean '%s'?)"):format(given, meant), 1, true), message)
    end
  end)

  it("says in one line that a checkout is not built", function()
    local fresh = support.path()
    assert(os.execute(("mkdir -p %s/lua/moonvec && cp -r bin CMakeLists.txt %s && cp -r lua/moonvec %s/lua"):format(
      program.quote(fresh), program.quote(fresh), program.quote(fresh))))
    local _, exit_code, errors = command_line.shell(("LUA_PATH= LUA_CPATH= %s %s/bin/moonvec --version"):format(
      program.interpreter(), program.quote(fresh)))
    assert.equal(1, exit_code)
    assert.matches("^moonvec: not built yet for Lua[^\n]*: './run demo' [^\n]*\n$", errors)
  end)

  it("says what a command line lacks", function()
    assert.truthy(failure(2, "get", path):find("moonvec: get: ID is missing\n", 1, true))
    assert.truthy(failure(2, "info"):find("info: DIR is missing", 1, true))
    assert.truthy(failure(2, "info", path, "x"):find("info: 'x' is one argument too many", 1, true))
    assert.truthy(failure(2, "get", path, "dune", "--fields"):find("'--fields' needs a value: --fields A,B", 1, true))
    assert.truthy(failure(2, "info", path, "--json=1"):find("'--json' takes no value, got '1'", 1, true))
    assert.truthy(failure(2, "info", path, "-j"):find("there is no option '-j'", 1, true))
  end)

  it("ends options at --", function()
    assert.truthy(failure(1, "get", path, "--", "--help"):find("no document with the id '--help'", 1, true))
  end)

  it("says when there is no collection", function()
    local message = failure(1, "info", path .. "/none")
    assert.truthy(message:find("moonvec: there is no collection at '" .. path .. "/none'", 1, true))
    assert.truthy(failure(1, path .. "/none"):find("there is no collection", 1, true))
    assert.truthy(failure(1, "engine"):find("'moonvec index engine' makes one", 1, true))
    assert.truthy(failure(1, "query", "engine", "a"):find("'moonvec index engine' makes one", 1, true))
  end)

  it("takes the fault of a person for a wrong call, not for one of its own", function()
    assert.equal("moonvec: filter:1: unknown field 'yaer' (did you mean 'year'?)\n",
      failure(2, "count", path, "yaer > 3"):match("^[^\n]*\n"))
  end)

  it("finds the collection in a folder", function()
    local folder = support.path()
    assert(os.execute("mkdir " .. program.quote(folder)))
    assert(os.execute(("cp -r %s %s/.moonvec"):format(program.quote(path), program.quote(folder))))
    assert.equal("2\n", output("count", folder))
    assert.equal("2\n", output("count", folder .. "/"))
  end)

  it("ends without a word when nobody reads", function()
    local text, _, errors = command_line.shell(command_line.command("help") .. " | true")
    assert.equal("", text .. errors)
    text, _, errors = command_line.shell("trap '' PIPE; " .. command_line.command("help") .. " | true")
    assert.equal("", text .. errors)
  end)

  it("says when the output cannot be written", function()
    local _, exit_code, errors = command_line.shell(command_line.command("info", path) .. " >/dev/full")
    assert.equal(1, exit_code)
    assert.truthy(errors:find("^moonvec: cannot write: "), errors)
  end)
end)

describe("moonvec count", function()
  it("counts", function()
    local c, path = support.collection { fields = { { name = "n", type = "int32" } } }
    assert(c:insert { { id = "a", n = 1 }, { id = "b", n = 2 } })
    assert(c:close())
    assert.equal("2\n", output("count", path))
    assert.equal("1\n", output("count", path, "n > 1"))
    assert.equal("1\n", output("count", path, "--filter", "n > 1"))
    assert.truthy(failure(2, "count", path, "n > 1", "--filter", "n > 1"):find("give one filter", 1, true))
    support.clean()
  end)
end)

if _VERSION == "Lua 5.4" then -- some hundred processes
  describe("each command", function()
    local command_names = require("moonvec.command").names()

    --- Every run must end with an exit code of its own and a message that begins "moonvec: ", or well.
    local function survives(...)
      local words = command_line.command(...)
      local _, exit_code, errors = command_line.shell("timeout 20 " .. words .. " </dev/null >/dev/null")
      assert.is_true(exit_code >= 0 and exit_code <= 2, words .. ": " .. exit_code .. "\n" .. errors)
      assert.is_nil(errors:find "internal error", words .. "\n" .. errors)
      assert.is_nil(errors:find "traceback", words .. "\n" .. errors)
      assert.truthy(exit_code == 0 or errors:find "^moonvec: " or errors:find "\nmoonvec: " or errors:find "^usage: ",
        words .. "\n" .. errors)
    end

    it("survives wrong arguments", function()
      local damaged, file = support.path(), support.path()
      assert(os.execute("mkdir " .. program.quote(damaged)))
      for _, path in ipairs { damaged .. "/catalog.mdb", file } do
        local stream = assert(io.open(path, "wb"))
        stream:write(("no database\n"):rep(1000))
        stream:close()
      end
      for _, name in ipairs(command_names) do
        for _, path in ipairs { damaged, file, "", "a\nb" } do
          survives(name, path)
          survives(name, path, path)
        end
        survives(name)
        survives(name, "--help")
        survives(name, "--no-such-option")
        survives(name, "--", "--help", "-", "-1")
      end
    end)
  end)
end

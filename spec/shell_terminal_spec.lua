-- The interactive shell in a terminal: completion by Tab, Ctrl-C, history, and what the terminal is sent. One Lua is
-- enough: readline and the terminal are the same for all.

if _VERSION ~= "Lua 5.4" then
  return
end

local command_line = require "spec.support.command_line"
local program = require "spec.support.program"
local support = require "spec.support"
local terminal_session = require "spec.support.terminal_session"

describe("the shell in a terminal", function()
  local path, state

  setup(function()
    local c
    c, path = support.collection {
      fields = {
        { name = "year", type = "int32", nullable = true }, { name = "title", type = "string" },
        { name = "tags", type = "array_string", nullable = true },
      },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
    }
    assert(c:insert {
      { id = "dune", year = 1965, title = ("Dune "):rep(60), tags = { "science fiction", "desert" }, v = { 1, 0 } },
      { id = "emma", year = 1815, title = "\228\184\137\228\189\147", tags = { "love" }, v = { 0, 1 } },
      { id = "evil", title = "red \27[31malert\7 \194\155" .. "31m", v = { 1, 1 } },
    })
    assert(c:close())
    state = support.path()
  end)
  teardown(support.clean)

  local function start(...)
    return terminal_session.start(("XDG_STATE_HOME=%s %s"):format(program.quote(state), command_line.command(...)))
  end

  it("completes by Tab, forgets a line at Ctrl-C, keeps the history, and sends no data raw", function()
    if not terminal_session.is_possible() then
      return pending "script (bsdutils) is not installed"
    elseif not pcall(require, "readline") then
      return pending "lua-readline is not installed"
    end
    local session = start(path)
    session:await "read-only: .help"
    session:await "moonvec> "
    session:type ".time\t"
    session:await ".timer "
    session:type "on\r"
    session:await "moonvec> "
    session:type "year > 1900 AND ta\t"
    session:await "tags "
    session:type "CONTAIN_ANY ('sci\t" -- readline's word is "sci", the value is in quotes
    session:await "science fiction'"
    session:type ")\r"
    session:await "1 document"
    session:await "time: "
    session:await "moonvec> "
    session:type "no such line\3c:cou\t" -- Ctrl-C clears the line
    session:await "c:count("
    session:type ")\r"
    session:await "3\r\ntime: "
    session:await "moonvec> "
    session:type ".like ev\t\r"
    session:await "2 documents"
    session:await "moonvec> "
    session:type "print('be' .. 'gun') while true do end\r"
    session:await "begun"
    session:type "\3"
    session:await "error: interrupted"
    session:await "moonvec> "
    session:type "yeer > 1900\r"
    session:await "error: unknown field 'yeer'"
    session:await "moonvec> "
    session:type ".get evil\r"
    session:await "\\x1b[31malert\\x07 \\xc2\\x9b31m"
    session:await "moonvec> "
    session:type "\4"
    local output = session:finish()
    assert.is_nil(output:find("\27[31m", 1, true))
    assert.is_nil(output:find("\194\155", 1, true))
    local row = output:match "\n(dune  1965[^\r\n]+)" -- cut to the 80 columns of the terminal
    assert.equal(80 + 2, #row) -- the ellipsis has three bytes
    assert.matches("Dune Dune.*\226\128\166  %[science fiction, desert%]$", row)
    local list = io.popen("ls -ld " .. program.quote(state .. "/moonvec/history"))
    assert.matches("^%-rw%-%-%-%-%-%-%-", list:read "*a")
    list:close()
    local history = assert(io.open(state .. "/moonvec/history")):read "*a"
    assert.matches("^.timer on\nyear > 1900 AND tags CONTAIN_ANY %('science fiction'%)\nc:count%(%)\n", history)
    assert.is_nil(history:find("no such line", 1, true))
  end)

  it("reads lines without readline", function()
    if not terminal_session.is_possible() then
      return pending "script (bsdutils) is not installed"
    end
    local preload = os.tmpname()
    local file = assert(io.open(preload, "w"))
    file:write "package.preload.readline = function() error 'none' end"
    file:close()
    local option = (" -e %s -l moonvec.core "):format(program.quote(("dofile %q"):format(preload)))
    local command = command_line.command(path):gsub(" %-l moonvec%.core ", function()
      return option
    end, 1)
    local session = terminal_session.start(command)
    session:await "moonvec> "
    session:type "no such line\3.count\r"
    session:await "\n3\r\n"
    session:await "moonvec> "
    session:type ".quit\r"
    local output = session:finish()
    assert.is_nil(output:find "error")
    os.remove(preload)
  end)
end)

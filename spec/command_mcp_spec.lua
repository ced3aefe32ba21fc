-- `moonvec mcp`: the server as a program. spec/mcp_spec.lua has what it answers.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local program = require "spec.support.program"
local support = require "spec.support.init"

describe("moonvec mcp", function()
  local path

  before_each(function()
    local c
    c, path = support.collection { fields = { { name = "title", type = "string", index = "text" } } }
    assert(c:insert { { id = "dune", title = "Dune" }, { id = "emma", title = "Emma" } })
    assert(c:close())
  end)
  after_each(support.clean)

  --- Sends requests { method, params } after the handshake. Returns the results or errors, and the output to stderr.
  local function ask(requests, ...)
    local input = os.tmpname()
    local file = assert(io.open(input, "wb"))
    table.insert(requests, 1, { "initialize", { protocolVersion = "2025-06-18" } })
    for i, request in ipairs(requests) do
      file:write(json.encode { jsonrpc = "2.0", id = i, method = request[1], params = request[2] }, "\n")
    end
    file:close()
    local output, exit_code, errors =
      command_line.shell(command_line.command("mcp", path, ...) .. " <" .. program.quote(input))
    os.remove(input)
    assert.equal(0, exit_code, errors)
    local answers = {}
    for line in output:gmatch "[^\n]+" do
      local answer = assert(json.decode(line))
      answers[answer.id] = answer.result or answer.error
    end
    assert.equal(#requests, #answers)
    return answers, errors
  end

  it("answers requests until its input ends", function()
    local answers, errors = ask({
      { "tools/call", { name = "search", arguments = { text = "dune" } } },
      { "tools/call", { name = "insert", arguments = { documents = { { id = "x", title = "x" } } } } },
    }, "--name", "shelf")
    assert.equal("shelf", answers[1].serverInfo.name)
    assert.equal("dune", answers[2].structuredContent.hits[1].id)
    assert.equal("there is no tool 'insert'", answers[3].message)
    assert.equal("", errors)
  end)

  it("names the argument that is meant", function()
    local answers = ask({
      { "tools/call", { name = "search", arguments = { query = "dune" } } },
      { "tools/call", { name = "search", arguments = { q = "dune" } } },
      { "tools/call", { name = "search", arguments = { text = "-dune" } } },
    })
    assert.equal("search: unknown option 'query' (did you mean 'text'?)", answers[2].content[1].text)
    assert.equal("search: unknown option 'q' (did you mean 'text'?)", answers[3].content[1].text)
    assert.matches("^text '%-dune' only excludes: ", answers[4].content[1].text)
  end)

  it("is tried with the lines that its help has", function()
    local lines = command_line.output("help", "mcp"):match "\n(  printf .-moonvec mcp books)\n"
    local command = command_line.command("mcp", path)
    local text = command_line.shell((lines:gsub("moonvec mcp books", function()
      return command
    end)))
    local first, second = text:match "^([^\n]*)\n([^\n]*)\n$"
    assert.equal("2025-06-18", json.decode(first).result.protocolVersion)
    assert.equal("dune", json.decode(second).result.structuredContent.hits[1].id)
  end)

  it("writes with --write", function()
    local insert = { "tools/call", { name = "insert", arguments = { documents = { { id = "x", title = "x" } } } } }
    local answers = ask({ insert, insert }, "--write")
    assert.same({ written = 1 }, answers[2].structuredContent)
    assert.is_true(answers[3].isError)
    assert.equal("3\n", command_line.output("count", path))
  end)

  it("needs a collection", function()
    assert.truthy(command_line.failure(1, "mcp", path .. "/none"):find("there is no collection", 1, true))
    assert.truthy(command_line.failure(2, "mcp"):find("DIR", 1, true))
  end)
end)

--- `moonvec mcp`: serves a collection to language models, by the Model Context Protocol.

local mcp = require "moonvec.mcp"
local model_places = require "moonvec.command.model_places"

-- What the help shows. The first request settles the version of the protocol, the second one searches.
local TRIAL = [[
  printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}' \
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{"text":"dune"}}}' \
    | moonvec mcp books]]

return {
  name = "mcp",
  summary = "serve a collection to language models (Model Context Protocol)",
  usage = "DIR",
  options = {
    { "write", nil, "offer the tool `insert`, too (default: the collection is only read)" },
    { "name", "NAME", "what the server calls itself (default moonvec)" },
    model_places.OPTION,
  },
  details = {
    "Reads requests from stdin and writes answers to stdout, one a line, until stdin ends. Programs that use language "
      .. "models start it themselves; many may serve one collection, beside others that write. In their settings:",
    '  { "mcpServers": { "books": { "command": "moonvec", "args": ["mcp", "/path/to/books"] } } }',
    "To try it from a command line:",
    TRIAL,
  },
  run = function(call)
    local collection = call:open(call.args[1], { writable = call.options.write })
    call:check(mcp.serve(collection, {
      write_tools = call.options.write or false, name = call.options.name, model_failures = call.model_failures,
      write = function(line)
        call:print(line)
        return call.stdout:flush()
      end,
      log = function(line)
        call:note("moonvec: %s", line)
      end,
    }))
  end,
}

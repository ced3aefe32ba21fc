--- `moonvec shell`, and a bare `moonvec DIR`: the interactive shell.

local completion = require "moonvec.shell.completion"
local core = require "moonvec.core"
local line_reader = require "moonvec.shell.line_reader"
local model_places = require "moonvec.command.model_places"
local printer = require "moonvec.shell.result_printer"
local shell = require "moonvec.shell"

local unpack = table.unpack or unpack -- luacheck: ignore 143 113

return {
  name = "shell",
  summary = "search a collection interactively, with history and completion",
  usage = "DIR [LINE ...]",
  options = {
    { "write", nil, "allow writes; without it the collection is only read" },
    { "mode", "MODE", "how results are printed: " .. table.concat(printer.modes, ", ") .. " (default table)" },
    { "limit", "N", "documents that are shown (default 20)" },
    model_places.OPTION,
  },
  details = {
    "A line is a filter (year > 2000 AND tags CONTAIN_ANY ('scifi')), Lua with the collection as c (c:count()), or a "
      .. "command that begins with a dot; .help lists them. Lines given as arguments, or piped in, are run without "
      .. "prompts, and the first error ends them with exit code 1.",
    "  moonvec shell books \"year >= 1900\" \".like dune\"",
    "Tab completes commands, fields and values, and the arrow keys go through earlier lines, where readline for Lua is "
      .. "installed (the package lua-readline). They are kept in $XDG_STATE_HOME/moonvec/history, which only its owner "
      .. "can read. Ctrl-C clears the line. While a line runs, Ctrl-C stops it if that is Lua; a second one ends the "
      .. "shell.",
  },
  run = function(call)
    local mode = call.options.mode
    if mode then
      core.word("shell", "mode", mode, unpack(printer.modes))
    end
    local limit = call:whole("limit", 20, 1)
    local collection = call:open(call.args[1], { writable = call.options.write })
    local session = shell.new(call, collection, { mode = mode, limit = limit }, call.options.write)
    local reader = line_reader.open(call, { unpack(call.args, 2) }, function(text, from)
      return completion.complete(session, text, from)
    end)
    if reader.is_interactive then
      session:print(("%s, %s: .help for help, .quit to leave"):format(call.args[1],
        call.options.write and "read and write" or "read-only"))
    end
    shell.run(session, reader)
  end,
}

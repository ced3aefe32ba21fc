--- The command `moonvec`: finds the subcommand, runs it, and turns errors into messages and exit codes.
--
-- Each subcommand is a file command/NAME_command.lua, which returns a table:
--   name, summary, usage ("DIR [WORDS ...]": words in brackets may be left out, "..." is any number),
--   options: array of { long name, name of its value (nil: a flag), help, many = true if it may be given repeatedly },
--   details: paragraphs of its help; dash_words: whether a word that begins with one dash is an argument,
--   run = function(call): see command/command_call.lua.

local core = require "moonvec.load_core" -- first: the others require moonvec.core

local arguments = require "moonvec.command.arguments"
local check = require "moonvec.check"
local command_call = require "moonvec.command.command_call"
local display_text = require "moonvec.terminal.display_text"
local help_text = require "moonvec.command.help_text"
local system = require "moonvec.system"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- Exit codes. As in other programs, one that was interrupted ends with 128 + the number of the signal.
local OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

-- All subcommands, as the overview shows them.
local GROUPS = {
  { title = "make a collection", "index", "import", "create" },
  { title = "search and read", "query", "get", "count", "export", "shell" },
  { title = "change", "put", "delete" },
  { title = "look after", "info", "schema", "check", "optimize", "backup", "diff", "watch" },
  { title = "measure", "recall", "bench" },
  { title = "serve and help", "mcp", "completions", "help" },
}

--- The names of all subcommands.
function M.names()
  local names = {}
  for _, group in ipairs(GROUPS) do
    for _, name in ipairs(group) do
      names[#names + 1] = name
    end
  end
  return names
end

--- The subcommand of this name. An unknown one raises, and names the nearest.
function M.find(name)
  local names = M.names()
  names[#names + 1] = name == "version" and "--version" or nil
  core.word("moonvec", "command", name, unpack(names))
  return require("moonvec.command." .. name .. "_command")
end

--- All subcommands, in groups with a title.
function M.groups()
  local groups = {}
  for i, group in ipairs(GROUPS) do
    groups[i] = { title = group.title }
    for j, name in ipairs(group) do
      groups[i][j] = M.find(name)
    end
  end
  return groups
end

--- Whether there is a file or folder of this name, and no command.
local function is_there(name)
  for _, one in ipairs(M.names()) do
    if one == name then
      return false
    end
  end
  return system.exists(name)
end

--- Runs the command that the words name, and returns nothing; what is wrong raises.
local function run(words, calls)
  local name = words[1]
  if name == nil then
    io.stderr:write(help_text.overview(M.groups()), "\n")
    error({ exit_code = USAGE }, 0)
  elseif name == "-h" or name == "--help" then
    name = "help"
  elseif name == "--version" then
    print(core.version)
    return
  elseif command_call.locate(name) then
    words = { "shell", unpack(words) }
    name = "shell"
  elseif name:find("/", 1, true) or is_there(name) then
    error({ exit_code = FAILED, message = command_call.no_collection(name) }, 0)
  end
  local command = M.find(name)
  local args, options = arguments.parse(command, { unpack(words, 2) })
  if options.help then
    print(help_text.of_command(command))
    return
  end
  local call = command_call.new(command, args, options)
  calls[1] = call
  command.run(call)
end

--- Turns an error into an exit code, and writes its message. `script`: the file that called main, at whose line
-- programming errors are raised by the modules; here they are what a person gave wrongly.
local function report(failure, script)
  if type(failure) ~= "table" then
    local text, position = tostring(failure), script .. ":"
    if text:find("interrupted!$") then
      return INTERRUPTED
    elseif text:sub(1, #position) == position then
      text = text:sub(#position + 1):gsub("^%d+: ", ""):gsub("^moonvec: ", "")
      failure = { exit_code = USAGE, message = check.without_call(text) }
    else
      failure = { exit_code = FAILED, message = (text == "not enough memory" and "" or "internal error: ") .. text }
    end
  end
  if failure.message then
    -- Messages may have bytes of data and of paths, which must not control a terminal.
    io.stderr:write("moonvec: ", display_text.visible_lines(failure.message), "\n")
    if failure.exit_code == USAGE then
      io.stderr:write("'moonvec help' lists the commands, 'moonvec help COMMAND' the options of one\n")
    end
  end
  return failure.exit_code
end

--- Runs the command line in the array `words`. Returns the exit code: 0, 1 if something failed, 2 if the command was
-- called wrongly, 130 if it was interrupted.
function M.main(words)
  local script = debug.getinfo(2, "S").short_src
  local calls = {}
  local ok, failure = pcall(run, words, calls)
  local exit_code = OK
  if calls[1] then
    local finished, message = calls[1]:finish()
    if ok and not finished then
      ok, failure = false, { exit_code = FAILED, message = message }
    end
  end
  if not ok then
    exit_code = report(failure, script)
  end
  return exit_code
end

return M

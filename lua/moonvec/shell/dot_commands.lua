--- The commands of the shell that begin with a dot: { name, arguments for the help, help, function }. The function gets
-- the session and the text behind the name, nil if there is none. It returns true, or nil and a message, as the methods
-- of collections do. `completes` names what Tab completes the argument with: an array of words, "id", "field" or
-- "filter".

local check = require "moonvec.check"
local core = require "moonvec.core"
local document_editor = require "moonvec.shell.document_editor"
local measure_table = require "moonvec.terminal.measure_table"
local printer = require "moonvec.shell.result_printer"
local schema_fields = require "moonvec.schema_fields"
local search_commands = require "moonvec.shell.search_commands"

local unpack = table.unpack or unpack -- luacheck: ignore 143 113

local M = {}

local LIMIT_MAX = 1000000
local ON_OFF = { "on", "off" }

-- ---------------------------------------------------------------- settings

--- A command that turns a setting on or off; without an argument it tells which.
local function switch(name)
  return function(session, argument)
    if argument then
      session.settings[name] = core.word("." .. name, "value", argument, unpack(ON_OFF)) == "on"
    else
      session:print(session.settings[name] and "on" or "off")
    end
    return true
  end
end

local function set_mode(session, argument)
  if argument then
    session.settings.mode = core.word(".mode", "mode", argument, unpack(printer.modes))
  else
    session:print(session.settings.mode)
  end
  return true
end

local function set_limit(session, argument)
  if argument then
    local limit = tonumber(argument)
    if not limit or limit % 1 ~= 0 or limit < 1 or limit > LIMIT_MAX then
      return nil, (".limit takes a whole number from 1 to %d, got '%s'"):format(LIMIT_MAX, core.quote(argument))
    end
    session.settings.limit = limit
  else
    session:print(("%d"):format(session.settings.limit))
  end
  return true
end

local function set_fields(session, argument)
  if not argument then
    session:print(session.settings.fields and table.concat(session.settings.fields, ",") or "all")
    return true
  elseif argument == "all" then
    session.settings.fields = nil
    return true
  end
  local names = {}
  for name in argument:gmatch "[^,%s]+" do
    if schema_fields.get("shell", session.c.schema, name).name ~= "id" then -- documents always have their id
      names[#names + 1] = name
    end
  end
  session.settings.fields = names
  return true
end

local function set_field(session, argument)
  if not argument then
    return nil, ".field needs the name of a vector field, or of a field with a text index"
  end
  local field = schema_fields.get("shell", session.c.schema, argument)
  if schema_fields.find_vector(session.c.schema, argument) then
    session.settings.vector_field = argument
  elseif schema_fields.has_text_index(field) then
    session.settings.text_field = argument
  else
    return nil, ("'%s' is no vector field and has no text index"):format(argument)
  end
  return true
end

local function set_order(session, argument)
  session.settings.order = argument ~= "off" and argument or nil
  return true
end

--- The filter is tried at once, so that its mistakes are told here.
local function set_where(session, argument)
  if argument == nil then
    session:print(session.settings.where or "off")
    return true
  elseif argument == "off" then
    session.settings.where = nil
    return true
  end
  local found, message, code = session.c:query { filter = argument, topk = 1, output_fields = {} }
  if not found then
    return nil, message, code
  end
  session.settings.where = argument
  return true
end

-- ---------------------------------------------------------------- about the collection

--- What a person needs to know of a field, as a record.
local function describe_field(field)
  local notes = {}
  if field.index then
    notes[1] = "index " .. (type(field.index) == "table" and field.index.type or field.index)
  end
  if field.metric then
    notes[#notes + 1] = "metric " .. field.metric
  end
  if field.embed then
    notes[#notes + 1] = ("embeds %s by %s"):format(tostring(field.embed.from), tostring(field.embed.model))
  end
  for _, name in ipairs { "nullable", "multi" } do
    notes[#notes + 1] = field[name] and name or nil
  end
  if field.default ~= nil then
    notes[#notes + 1] = "default " .. tostring(field.default)
  end
  return {
    field = field.name, type = field.dim and ("%s(%d)"):format(field.type, field.dim) or field.type,
    notes = table.concat(notes, ", "),
  }
end

local function schema(session)
  local given, records = session.c.schema, {}
  for i, field in ipairs(schema_fields.all(given)) do
    records[i] = describe_field(field)
  end
  printer.records(session, records, printer.columns "field type notes")
  for _, name in ipairs { "expires", "max_documents", "max_bytes", "evict" } do
    if given[name] and printer.is_for_people(session.settings.mode) then
      session:print(("%s: %s"):format(name, tostring(given[name])))
    end
  end
  return true
end

local function stats(session)
  local numbers, message, code = session.c:stats()
  if not numbers then
    return nil, message, code
  end
  session:set_result(numbers)
  printer.pairs(session, numbers)
  return true
end

local function recall(session, argument)
  local samples = tonumber(argument or "100")
  if not samples or samples % 1 ~= 0 or samples < 1 then
    return nil, (".recall takes the number of samples, got '%s'"):format(core.quote(argument))
  end
  local rows, advice, code = session.c:measure {
    samples = samples, field = session.settings.vector_field, filter = session.settings.where,
  }
  if not rows then
    return nil, advice, code -- message
  end
  session:set_result(rows)
  if printer.is_for_people(session.settings.mode) then
    local lines = measure_table(rows)
    session:print(table.concat(lines, "\n"))
    session:print(advice)
  else
    printer.records(session, rows, printer.columns "setting #recall #margin #p50_us #p99_us #distances #by_index")
  end
  return true
end

local function quit(session)
  session.is_over = true
  return true
end

-- ---------------------------------------------------------------- the table

local commands = {
  { "edit", "[ID]", "edit a document, or that of .get, as JSON (needs --write)", document_editor, completes = "id" },
  { "explain", "[on|off]", "show the plan of each search", switch "explain", completes = ON_OFF },
  { "field", "NAME", "the vector field, or the text field, that searches use", set_field, completes = "field" },
  { "fields", "[A,B|all]", "the fields that are shown", set_fields, completes = "field" },
  { "limit", "[N]", "documents that are shown", set_limit },
  { "mode", "[MODE]", table.concat(printer.modes, ", "), set_mode, completes = printer.modes },
  { "order", "FIELDS|off", "the order of filtered documents: year DESC, title", set_order, completes = "field" },
  { "recall", "[N]", "measure recall and latency, with N questions (100)", recall },
  { "schema", nil, "the fields", schema },
  { "stats", nil, "numbers about the collection", stats },
  { "timer", "[on|off]", "show how long each line takes", switch "timer", completes = ON_OFF },
  { "where", "[FILTER|off]", "a filter for .like, .text, .ask and .recall", set_where, completes = "filter" },
  { "quit", nil, "leave; so does the end of the input (Ctrl-D)", quit },
}
for _, command in ipairs(search_commands.commands) do
  commands[#commands + 1] = command
end

local INTRODUCTION = [[
A line is a filter, Lua, or a command that begins with a dot.
  year > 2000 AND tags CONTAIN_ANY ('scifi')
      a filter: prints the documents that match
  c:count("year > 2000")
      Lua; c is the collection, _ the last result
A line is Lua if it begins with "=" (as in "= 1 + 1"), with a keyword such as
local or for, or with a name and directly behind it one of . : ( [ { " '
The beginning of a command is enough if there is only one: .exp on
]]

local function usage_of(command)
  return "." .. command[1] .. (command[2] and " " .. command[2] or "")
end

--- Describes all commands, or the one of this name.
local function help(session, name)
  if name then
    local command = M.get(name:gsub("^%.", ""))
    session:print(usage_of(command) .. "\n  " .. command[3])
    return true
  end
  local lines = { INTRODUCTION }
  for _, command in ipairs(M.list) do
    lines[#lines + 1] = ("%-22s %s"):format(usage_of(command), command[3])
  end
  session:print(table.concat(lines, "\n"))
  return true
end
commands[#commands + 1] = { "help", "[COMMAND]", "this text, or what one command does", help }

table.sort(commands, function(a, b)
  return a[1] < b[1]
end)

--- All commands in alphabetical order.
M.list = commands

local by_name, names = {}, {}
for i, command in ipairs(commands) do
  by_name[command[1]], names[i] = command, "." .. command[1]
end
by_name.exit, by_name.info = by_name.quit, by_name.stats -- as in other shells, and as in `moonvec info`

--- The command of this name without its dot, or the only one that begins with it; else nil, and the names of those that
-- begin with it.
function M.find(name)
  local found = {}
  for _, command in ipairs(commands) do
    if name ~= "" and command[1]:sub(1, #name) == name then
      found[#found + 1] = "." .. command[1]
    end
  end
  return by_name[name] or #found == 1 and by_name[found[1]:sub(2)] or nil, found
end

--- The same. An unknown command raises, and names the nearest.
function M.get(name)
  local command, others = M.find(name)
  if not command and #others > 1 then
    check.misuse(".%s is the beginning of %s", name, table.concat(others, ", "))
  elseif not command then
    core.word("shell", "command", "." .. name, unpack(names))
  end
  return command
end

--- Runs a line that begins with a dot.
function M.run(session, line)
  local name, argument = line:match "^%.(%S*)%s*(.-)%s*$"
  local command = M.get(name)
  argument = argument ~= "" and argument or nil
  local usage = command[2]
  if argument and not usage then
    return nil, (".%s takes no argument, got '%s'"):format(name, core.quote(argument))
  elseif not argument and usage and usage:sub(1, 1) ~= "[" then
    return nil, (".%s needs an argument: %s"):format(name, usage)
  end
  return command[4](session, argument)
end

return M

--- The interactive shell: reads lines, and runs each as a filter, as Lua, or as a command that begins with a dot.
--
-- Each line reads the newest commit, also of other processes. On a terminal, errors are printed and the shell goes on;
-- a script that is piped in stops at the first error. What is written to a terminal has no control characters of the
-- data.

local moonvec = require "moonvec"

local check = require "moonvec.check"
local core = require "moonvec.core"
local display_text = require "moonvec.terminal.display_text"
local dot_commands = require "moonvec.shell.dot_commands"
local lua_line = require "moonvec.shell.lua_line"
local schema_fields = require "moonvec.schema_fields"
local search_commands = require "moonvec.shell.search_commands"
local terminal = require "moonvec.terminal"

local M = {}

local LIMIT_DEFAULT = 20
-- A filter of more bytes is not repeated in the message about it.
local SHOWN_MAX = 300

-- Lines that are commands without a dot, too, as in other shells.
local WITHOUT_DOT = { quit = true, exit = true, help = true }

local PROMPT, PROMPT_MORE = "moonvec> ", "    ...> "

local session_class = {}
session_class.__index = session_class

--- A session with an open collection. `call`: the call of the command, which has the streams. `settings`: those that
-- differ from the defaults: mode, limit. `writable`: whether the collection is open for writing.
function M.new(call, collection, settings, writable)
  local session = setmetatable({
    call = call, c = collection, writable = writable, is_terminal = terminal.is_terminal(1),
    settings = { mode = settings.mode or "table", limit = settings.limit or LIMIT_DEFAULT },
  }, session_class)
  session.env = setmetatable({
    c = collection, moonvec = moonvec,
    print = function(...)
      local texts = {}
      for i = 1, select("#", ...) do
        texts[i] = tostring((select(i, ...)))
      end
      session:print(table.concat(texts, "\t"))
    end,
  }, { __index = _G })
  return session
end

--- Prints lines.
function session_class:print(text)
  self.call:print(self.is_terminal and display_text.visible_lines(text) or text)
end

--- The value becomes `_` of later lines.
function session_class:set_result(value)
  self.env._ = value
end

--- The columns that a table may take; nil: as many as it needs.
function session_class:width()
  return self.is_terminal and terminal.width() or nil
end

-- ---------------------------------------------------------------- running lines

--- Shows what a line of Lua returned. nil, message, code is a failure, as of the methods of a collection.
local function show_values(session, count, ...)
  local first, message, code = ...
  if count == 3 and first == nil and type(message) == "string" and type(code) == "string" then
    return nil, message, code
  elseif count == 0 then
    return true
  end
  local documents = count == 1 and lua_line.documents_of(first)
  if documents then
    search_commands.show(session, documents)
    session:set_result(first)
    return true
  end
  session:set_result(first)
  for i = 1, count do
    session:print(lua_line.describe((select(i, ...))))
  end
  return true
end

local function call_chunk(session, chunk)
  return show_values(session, (function(...)
    return select("#", ...), ...
  end)(chunk()))
end

--- Runs Lua, or keeps it as `pending` if further lines may complete it.
local function run_lua(session, code, may_go_on)
  local chunk, message, is_incomplete = lua_line.compile(code, session.env)
  if chunk then
    return call_chunk(session, chunk)
  elseif is_incomplete and may_go_on then
    session.pending = code
    return true
  end
  return nil, message
end

local function run_line(session, line)
  local pending, first = session.pending, line:match "^%a+"
  session.pending = nil
  if pending then
    return run_lua(session, pending .. "\n" .. line, line ~= "")
  elseif line == "" or line:find "^%-%-" then
    return true
  elseif line:sub(1, 1) == "." then
    return dot_commands.run(session, line)
  elseif WITHOUT_DOT[first] and not schema_fields.find(session.c.schema, first) then
    return dot_commands.run(session, "." .. line)
  elseif lua_line.is_lua(line) then
    return run_lua(session, line, true)
  end
  return search_commands.filter(session, line)
end

-- Words other than fields that a filter may begin with.
local NOT_FIELDS = { id = true, ["not"] = true, ["true"] = true, ["false"] = true, array_length = true }

--- Does the filter begin with what no filter begins with? Then it was probably meant as something else.
local function is_no_filter(session, line)
  local first = line:match "^%(*%s*([%a_][%w_]*)"
  return not first or not NOT_FIELDS[first:lower()] and not schema_fields.find(session.c.schema, first)
end

--- What to do instead of the line that is no filter.
local function hint_for(session, line)
  if not is_no_filter(session, line) then
    return ""
  elseif line:find "^[%w_\128-\255-]+$" then
    return ("\n(.text %s searches for the word; .help has the rest)"):format(line)
  end
  return "\n(a line without a dot that is not Lua is a filter: .help)"
end

--- The message of an error for a person: without the position in this program; that in a filter is shown by a mark.
local function explain_error(session, line, message)
  message = message:gsub("^[^\n:]+:%d+: ", function(position)
    return position:find "^filter:" and position or ""
  end)
  local at, text = message:match "^filter:(%d+): (.*)$"
  if not at and lua_line.is_lua(line) then
    return message
  elseif not at then
    return check.without_call(message)
  elseif line:sub(1, 1) == "." or lua_line.is_lua(line) then
    return text
  elseif #line > SHOWN_MAX then
    return ("%s (at byte %s)"):format(text, at)
  end
  local before = display_text.visible(line:sub(1, tonumber(at) - 1))
  local mark = (" "):rep(display_text.width(before)) .. "^"
  return ("%s\n  %s\n  %s%s"):format(text, display_text.visible(line), mark, hint_for(session, line))
end

--- Runs one line. Returns true, or nil and a message.
function session_class:run(line)
  line = line:match "^%s*(.-)%s*$"
  local begin = core.seconds()
  local ok, done, message, code = pcall(run_line, self, line)
  if not ok then
    if type(done) == "table" and done.exit_code then
      error(done, 0) -- output cannot be written
    end
    self.pending = nil
    local text = tostring(done)
    return nil, text:find "interrupted!$" and "interrupted" or explain_error(self, line, text)
  elseif not done then
    message = explain_error(self, line, message)
    return nil, code and ("%s (%s)"):format(message, code) or message
  end
  if self.settings.timer and not self.pending and line ~= "" then
    self:print(("time: %.2f ms"):format((core.seconds() - begin) * 1e3))
  end
  return true
end

--- The next line, nil at the end. Ctrl-C between two lines, just before the terminal takes it for a key, is no line.
local function read_line(session, reader)
  local ok, line = pcall(reader.read, reader, session.pending and PROMPT_MORE or PROMPT)
  if ok then
    return line
  elseif reader.is_interactive and tostring(line):find "interrupted!$" then
    session.pending = nil
    return ""
  end
  error(line, 0)
end

--- Runs the lines of a reader until it ends, or until .quit. A line that fails ends a script.
function M.run(session, reader)
  local number = 0
  repeat
    local line = read_line(session, reader)
    if line then
      number = number + 1
    elseif session.pending then
      line = "" -- tells what is missing
    else
      break
    end
    local done, message = session:run(line)
    session.call.stdout:flush() -- also for a program that reads the answers from a pipe
    if not done and reader.is_interactive then
      session.call:note("%s", display_text.visible_lines("error: " .. message))
    elseif not done then
      session.call:fail("%s", ("line %d: %s"):format(number, display_text.visible_lines(message)))
    end
  until session.is_over
  reader:close()
end

return M

--- Reads the lines of the shell: with readline where it is installed (history, completion by Tab), else as the terminal
-- edits them, or from a pipe or a file.
--
-- Ctrl-C clears the line: while a line is read, the terminal sends no signal for it, and takes it for the character
-- that erases the line; readline does the same, because it takes its keys from the terminal.

local system = require "moonvec.system"
local terminal = require "moonvec.terminal"

local M = {}

-- Lines of the history that are kept.
local HISTORY_LINES = 1000

--- The file of the history, nil if there is no home. It is made so that only its owner can read it: the lines of a
-- person may contain what the documents say.
local function history_file()
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if not state or state:sub(1, 1) ~= "/" then
    state = home and home .. "/.local/state"
  end
  if not state then
    return nil
  end
  local folder = state .. "/moonvec"
  local file = folder .. "/history"
  local word = system.quote(file)
  system.run(("umask 077; { mkdir -p %s && touch %s && chmod 600 %s; } 2>/dev/null"):format(system.quote(folder), word,
    word))
  local opened = io.open(file, "a")
  return opened and opened:close() and file or nil
end

-- ---------------------------------------------------------------- the terminal

--- Calls read() while Ctrl-C is the character that erases the line.
local function with_erasing_interrupt(read)
  local settings = system.line_of "stty -g 2>/dev/null"
  if not settings or not settings:find "^[%w:=]+$" then
    return read()
  end
  system.run "stty intr undef kill '^C' 2>/dev/null"
  local ok, line = pcall(read)
  system.run("stty " .. settings)
  if not ok then
    error(line, 0)
  end
  return line
end

-- ---------------------------------------------------------------- readers

--- Completes the word from `from` to `to` of a line, as readline asks.
local function completer(readline, complete)
  return function(line, from, to)
    local ok, words, last = pcall(complete, line:sub(1, to), from)
    if not ok then
      return {}
    end
    readline.set_completion_append_character(last or "")
    return words
  end
end

local function readline_reader(readline, complete)
  local file = history_file()
  readline.set_readline_name "moonvec"
  readline.set_options { histfile = file or "", keeplines = HISTORY_LINES, completion = true }
  readline.set_complete_function(completer(readline, complete))
  return {
    is_interactive = true,
    read = function(_, prompt)
      return with_erasing_interrupt(function()
        return readline.readline(prompt)
      end)
    end,
    close = function()
      if file then
        readline.save_history()
      end
    end,
  }
end

local function terminal_reader(call)
  return {
    is_interactive = true,
    read = function(_, prompt)
      return with_erasing_interrupt(function()
        call:write(prompt)
        call.stdout:flush()
        return call.stdin:read "*l"
      end)
    end,
    close = function()
      call:print ""
    end,
  }
end

--- Lines of a function that returns the next one.
local function plain_reader(next_line)
  return { read = next_line, close = function() end }
end

--- A reader: `reader:read(prompt)` returns the next line, nil at the end; `reader:close()` keeps the history;
-- `is_interactive` says whether a person types. `lines`: an array of lines to read instead of stdin.
-- `complete(text, from)` returns the completions of the word that begins at `from` and ends with the text, and the
-- character to put behind the only one.
function M.open(call, lines, complete)
  if #lines > 0 then
    local i = 0
    return plain_reader(function()
      i = i + 1
      return lines[i]
    end)
  elseif not (terminal.is_terminal(0) and terminal.is_terminal(1)) then
    return plain_reader(function()
      return call.stdin:read "*l"
    end)
  end
  local found, readline = pcall(require, "readline")
  if found and type(readline) == "table" and readline.set_complete_function then
    return readline_reader(readline, complete)
  end
  return terminal_reader(call)
end

return M

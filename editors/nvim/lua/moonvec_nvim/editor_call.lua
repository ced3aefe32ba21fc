--- A call of a command of `moonvec` in the editor: what the command prints for programs is collected, its messages are
-- notifications, its progress is where it pauses, and its collections stay open.

local check = require "moonvec.check"
local command_call = require "moonvec.command.command_call"
local handles = require "moonvec_nvim.handles"
local index_command = require "moonvec.command.index_command"
local query_command = require "moonvec.command.query_command"
local slices = require "moonvec_nvim.slices"

local M = {}

-- Passages that one transaction writes: less than a millisecond, with a model that was learnt a few.
local BATCH = 16

-- The largest file that is read: to read it is one step.
local MAX_MIB = 1

-- Milliseconds of a slice of optimize. One follows each transaction.
local OPTIMIZE_MS = 2

-- Between two looks whether a file is copied.
local COPY_LOOK_MS = 5

-- Between two messages how far an index is.
local PROGRESS_SECONDS = 5

-- How collections are opened. A power cut may cost an index: it can be made again. No write waits for other processes.
local OPEN = { durability = "none", maintenance = "manual", busy_ms = 0 }

local EditorCall = setmetatable({}, { __index = command_call.METHODS })
EditorCall.__index = EditorCall

-- What the options of the commands, by their names, are called in the editor. Messages have them with two dashes.
local OPTION_NAMES = {}
for _, command in ipairs { index_command, query_command } do
  for _, option in ipairs(command.options) do
    OPTION_NAMES[option[1]] = option[1]
  end
end
OPTION_NAMES.rebuild = "':MoonvecIndex!'"

--- Shows a message to the person.
function M.notify(message, level)
  vim.notify("moonvec: " .. message, vim.log.levels[level or "INFO"])
end

--- A message of a command as it is shown: without what only has a meaning on a command line.
local function in_editor(message)
  return (check.without_call(message):gsub("^moonvec: ", ""):gsub("%-%-([%l-]+)", OPTION_NAMES))
end

--- Shows what went wrong.
function M.report(problem)
  M.notify(in_editor(problem.message), "ERROR")
end

--- An error handler: makes a table { message, code } of each error. Wrong options raise with the line that calls the
-- command. The message of another error has its traceback.
function M.problem_of(problem)
  if type(problem) == "table" then
    return problem
  end
  local misuse = tostring(problem):match "moonvec_nvim/editor_call%.lua:%d+: (.*)$"
  return { message = misuse or debug.traceback(tostring(problem)) }
end

--- A call of `command`, with arguments, and options by name.
function M.new(command, args, options)
  local given = { json = true }
  for name, value in pairs(options) do
    given[name] = type(value) == "number" and tostring(value) or type(value) == "table" and table.concat(value, ",")
      or value
  end
  local call = setmetatable(command_call.new(command, args, given), EditorCall)
  call.batch, call.max_mib, call.defaults, call.values = BATCH, MAX_MIB, OPEN, {}
  call.has_reader, call.stdout = true, { flush = function() end }
  return call
end

--- Runs the command. Returns the values that it prints as JSON; raises { message, code } if it fails.
function EditorCall:run()
  self.command.run(self)
  return self.values
end

function EditorCall:check(value, message, code, ...) -- luacheck: ignore 212
  if value == nil and message then
    error({ message = message, code = code }, 0)
  end
  return value, message, code, ...
end

function EditorCall:print_json(value)
  table.insert(self.values, value)
end

function EditorCall:note(format, ...) -- luacheck: ignore 212
  M.notify(in_editor(format:format(...)), "WARN")
end

--- Each step of an update: behind a transaction a slice of optimize, so that no write has to make a segment itself.
function EditorCall:progress(label)
  local before, shown = 0, os.time()
  return function(_, _, written)
    if written and written > before and self.collection then
      before = written
      self:check(self.collection:optimize { budget_ms = OPTIMIZE_MS })
    end
    if written and os.time() - shown >= PROGRESS_SECONDS then
      shown = os.time()
      M.notify(("%s: %d passages"):format(label, written))
    end
    slices.pause()
  end
end

--- Called by a task: builds the indexes. A background job would be refused, because the slices before have left work.
function EditorCall:optimize(collection)
  repeat
    local answer = self:check(collection:optimize { budget_ms = OPTIMIZE_MS })
    slices.pause()
  until answer == "done"
end

--- Called by a task: keeps the model in the collection. One that was learnt is in a file already. It is copied in a
-- thread, and not synced, like all of an index.
function EditorCall:save_model(model, path)
  if not self.learnt then
    return model:save(path)
  end
  local is_done, message
  vim.loop.fs_copyfile(self.learnt, path, function(failure)
    is_done, message = true, failure
  end)
  while not is_done do
    slices.sleep(COPY_LOOK_MS)
  end
  return not message or nil, message
end

function EditorCall:keep(collection)
  self.collection = collection
  handles.keep(collection.path, {
    collection = collection, models = self.models, model_failures = self.model_failures,
  })
  return collection
end

--- Opens the collection that DIR means, or returns the one that is open already.
function EditorCall:open(path)
  local handle = handles.find(command_call.locate(path) or path)
  if not handle then
    return command_call.METHODS.open(self, path, { writable = true })
  end
  self.collection, self.models, self.model_failures = handle.collection, handle.models, handle.model_failures
  return handle.collection
end

return M

--- A call of a command of `moonvec` in the editor: what the command prints for programs is collected, its messages are
-- notifications, its progress is where it pauses, and its collections stay open.

local check = require "moonvec.check"
local command_call = require "moonvec.command.command_call"
local handles = require "moonvec_nvim.handles"
local slices = require "moonvec_nvim.slices"

local M = {}

-- Passages that one transaction writes: less than a millisecond, with a model that was learnt a few.
local BATCH = 16

-- The largest file that is read: to read it is one step.
local MAX_MIB = 1

-- Milliseconds of a slice of optimize. One follows each transaction.
local OPTIMIZE_MS = 2

-- How collections are opened. A power cut may cost an index: it can be made again. No write waits for other processes.
local OPEN = { durability = "none", maintenance = "manual", busy_ms = 0 }

local EditorCall = setmetatable({}, { __index = command_call.METHODS })
EditorCall.__index = EditorCall

--- Shows a message to the person.
function M.notify(message, level)
  vim.notify("moonvec: " .. message, vim.log.levels[level or "INFO"])
end

--- A call of `command`, with arguments, and options by name.
function M.new(command, args, options)
  local given = { json = true }
  for name, value in pairs(options) do
    given[name] = type(value) == "number" and tostring(value) or value
  end
  local call = setmetatable(command_call.new(command, args, given), EditorCall)
  call.batch, call.max_mib, call.defaults, call.values = BATCH, MAX_MIB, OPEN, {}
  call.stdout = { flush = function() end }
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
  M.notify(check.without_call(format:format(...)):gsub("^moonvec: ", ""), "WARN")
end

--- Each step of an update: behind a transaction a slice of optimize, so that no write has to make a segment itself.
function EditorCall:progress()
  local before = 0
  return function(_, _, written)
    if written and written > before and self.collection then
      before = written
      self:check(self.collection:optimize { budget_ms = OPTIMIZE_MS })
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

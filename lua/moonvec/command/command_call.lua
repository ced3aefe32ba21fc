--- One call of a command: its arguments and options, its streams, and how it fails.

local check = require "moonvec.check"
local core = require "moonvec.core"
local json = require "moonvec.json"
local model_places = require "moonvec.command.model_places"
local moonvec = require "moonvec"
local progress_bar = require "moonvec.command.progress_bar"
local system = require "moonvec.system"
local terminal = require "moonvec.terminal"
local utf8_text = require "moonvec.utf8_text"

local M = {}

-- The folder in a folder of texts where its collection is.
M.INSIDE = ".moonvec"

-- What the stages of an optimization are called.
local STAGES = { wait = "waiting", seal = "sealing", merge = "merging", index = "indexing", done = "done" }

local call = {}
call.__index = call

-- The methods of calls, for programs that run commands in another way.
M.METHODS = call

--- A call of `command`. `args`: its arguments; `options`: values by name, true for flags. A program that runs commands
-- for a person, by the option `json`, sets `has_reader`.
function M.new(command, args, options)
  return setmetatable({
    command = command, args = args, options = options, opened = {}, bars = {}, model_failures = {}, defaults = {},
    stdin = io.stdin, stdout = io.stdout, stderr = io.stderr,
  }, call)
end

--- Ends the command with exit code 1: it failed, because of a file, a collection, a server or the like.
function call:fail(format, ...) -- luacheck: ignore 212
  error({ exit_code = 1, message = select("#", ...) > 0 and format:format(...) or format }, 0)
end

--- Ends the command with exit code 2: it was called wrongly.
function call:usage(format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  error({ exit_code = 2, message = self.command.name .. ": " .. message }, 0)
end

--- Returns its arguments, or ends the command if the first is nil and the second a message.
function call:check(value, message, ...)
  if value == nil and message then
    self:fail(message)
  end
  return value, message, ...
end

--- Writes to stdout. If its reader has closed it, the command ends without a message.
function call:write(text)
  local written, message = self.stdout:write(text)
  if not written then
    self:fail(not message:lower():find "broken pipe" and "cannot write: " .. message or nil)
  end
end

--- Writes a line to stdout.
function call:print(text)
  self:write(text .. "\n")
end

--- Writes a value as a line of JSON. Values of documents are UTF-8 by document_json; paths and messages may be any
-- bytes, of which those that are no UTF-8 are read as Windows-1252, since JSON is UTF-8.
function call:print_json(value)
  self:write(utf8_text.repair(json.encode(value)) .. "\n")
end

--- Writes a line for people to stderr.
function call:note(format, ...)
  self.stderr:write(format:format(...), "\n")
end

local function number_of(self, name, what)
  local given = self.options[name]
  local number = given and tonumber(given)
  if given and not number then
    self:usage("'--%s' must be a %s, got '%s'", name, what, core.quote(given))
  end
  return number
end

--- The value of an option that is a whole number from `low` to `high`, or `otherwise`.
function call:whole(name, otherwise, low, high)
  local number = number_of(self, name, "whole number")
  return check.whole(self.command.name, "--" .. name, number, otherwise, low, high or 1e6)
end

--- The value of an option that is a number from `low` to `high`, or `otherwise`.
function call:number(name, otherwise, low, high)
  return check.number(self.command.name, "--" .. name, number_of(self, name, "number"), otherwise, low, high)
end

--- The value of an option that is a list of names, "a,b"; nil if it is not given.
function call:list(name)
  local given = self.options[name]
  if not given then
    return nil
  end
  local names = {}
  for word in given:gmatch("[^,%s]+") do
    names[#names + 1] = word
  end
  return names
end

--- What --model gives: the places of models by name (NAME=PLACE), and the last value that is no such pair.
function call:models_given()
  local places, other = {}, nil
  local given = self.options.model
  for _, text in ipairs(type(given) == "table" and given or { given }) do
    local name, place = text:match "^([^=:/]+)=(.+)$"
    if name then
      places[name] = model_places.place_of(place)
    else
      other = text
    end
  end
  return places, other
end

local function is_collection(path)
  return system.exists(path .. "/catalog.mdb")
end

--- The directory of the collection that DIR means: DIR itself, or DIR/.moonvec; nil if there is none.
function M.locate(path)
  local inside = path:gsub("/+$", "") .. "/" .. M.INSIDE
  return is_collection(path) and path or is_collection(inside) and inside or nil
end

--- The message when DIR is no collection.
function M.no_collection(path)
  local hint = system.exists(path) and ("'moonvec index %s' makes one of the files in a folder"):format(path)
  return ("there is no collection at '%s' (%s)"):format(path, hint or "'moonvec help' lists the commands that make one")
end

--- What a call that opens the collection at `place` returned. If that is an index of files, the message that it is
-- corrupt says how it is mended.
function M.opened(place, value, message, code)
  if value == nil and code == "corrupt" and place:match "[^/]*$" == M.INSIDE then
    message = ("%s (an index can be made again: remove '%s', then index the folder)"):format(message, place)
  end
  return value, message, code
end

--- The options of moonvec.open: those given, and of the others those that the program which runs the command has set in
-- `defaults`.
function call:open_options(given)
  local options = {}
  for _, set in ipairs { self.defaults, given } do
    for name, value in pairs(set) do
      options[name] = value
    end
  end
  return options
end

--- Opens the collection that DIR means, with its models: read-only unless `options.writable`, without models if
-- `options.models` is false. The other options are those of moonvec.open. It is closed when the command ends.
-- The call then has `models`, by name, nil if there are none, and `model_failures`, by name the messages of those that
-- could not be loaded.
function call:open(path, options)
  local place = M.locate(path)
  if not place then
    self:fail(M.no_collection(path))
  end
  local given = self:open_options(options or {})
  local has_models = given.models ~= false
  given.read_only, given.writable, given.models = not given.writable, nil, nil
  if has_models then
    local places, other = self:models_given()
    if other then
      self:usage("'--model' must be NAME=PLACE, got '%s'", core.quote(other))
    end
    local models
    models, self.model_failures = self:check(M.opened(place,
      model_places.for_collection(self.command.name, place, places)))
    self.models = next(models) and models or nil
    given.models = self.models
  end
  return self:keep(self:check(M.opened(place, moonvec.open(place, given))))
end

--- Keeps a collection that the command has opened itself: it is closed when the command ends.
function call:keep(collection)
  table.insert(self.opened, collection)
  return collection
end

--- Saves the model of a new collection in a file. Returns true, or nil, message, code.
function call:save_model(model, path) -- luacheck: ignore 212
  return model:save(path)
end

--- A function(done, total, count) that shows progress on stderr, see progress_bar.lua.
function call:progress(label, noun)
  local bar = progress_bar.new(self.stderr, label, noun)
  table.insert(self.bars, bar)
  return bar
end

--- Builds the indexes of a collection, and shows how far that is.
function call:optimize(collection, threads)
  local bars = {}
  self:check(collection:optimize {
    threads = threads,
    progress = function(done, total, stage)
      local label = STAGES[stage] or stage
      bars[label] = bars[label] or self:progress(label)
      bars[label](done, total)
    end,
  })
end

--- Functions that mark text on stdout, if it is a terminal.
function call:styles()
  self.marks = self.marks or terminal.styles(terminal.is_terminal(1) and not os.getenv "NO_COLOR")
  return self.marks
end

--- Ends the call: removes bars, closes what is open, writes what is buffered. Returns nil and a message if that fails.
function call:finish()
  for _, bar in ipairs(self.bars) do
    bar()
  end
  local failure
  for _, collection in ipairs(self.opened) do
    local closed, message = collection:close()
    failure = failure or not closed and message
  end
  local flushed, message = self.stdout:flush()
  if not flushed and not message:lower():find("broken pipe") then
    failure = failure or "cannot write: " .. message
  end
  return not failure or nil, failure
end

return M

--- moonvec in Neovim: a folder of files is indexed as `moonvec index` does it, in slices, and searched as `moonvec
-- query` does it; hits are in the quickfix list. The functions are called by the commands in plugin/moonvec.lua.

local found, failure = pcall(require, "moonvec")
if not found then
  error("moonvec cannot be loaded. Has editors/nvim/build.sh been run, the build step of the plugin?\n" .. failure, 0)
end

local command_call = require "moonvec.command.command_call"
local core = require "moonvec.core"
local editor_call = require "moonvec_nvim.editor_call"
local folder_update = require "moonvec.command.folder_update"
local handles = require "moonvec_nvim.handles"
local index_command = require "moonvec.command.index_command"
local index_notes = require "moonvec.command.index_notes"
local indexed_folder = require "moonvec_nvim.indexed_folder"
local learn = require "moonvec_nvim.learn"
local query_command = require "moonvec.command.query_command"
local quickfix = require "moonvec_nvim.quickfix"
local slices = require "moonvec_nvim.slices"

local M = {}

-- Options of the commands that make sense in an editor, and those that are set, by their names on a command line.
local OPTIONS = {
  index = { "model", "by", "size", "include", "exclude", "hidden", "no-ignore" },
  query = { "topk", "filter", "text", "meaning", "recall", "exact", "all" },
}
local settings = { index = { model = "none" }, query = { topk = 20 } }

-- Another process may be writing: then a task is tried again, after some milliseconds.
local BUSY_MS, BUSY_TRIES = 200, 50

-- From this number of fresh passages on, which searches read one by one, indexes are built after a file is written.
local FRESH_MAX = 1024

--- Sets options of `moonvec index` and `moonvec query`: { index = { model = "learn" }, query = { topk = 50 } }.
function M.setup(options)
  for name, given in pairs(options) do
    core.word("moonvec_nvim.setup", "table", name, "index", "query")
    for option in pairs(given) do
      core.word("moonvec_nvim.setup", name .. " option", option, unpack(OPTIONS[name]))
    end
    settings[name] = vim.tbl_extend("force", settings[name], given)
  end
end

--- Tells the person what went wrong: a message, or an error of a program with its traceback.
local function report(problem)
  editor_call.notify(type(problem) == "table" and problem.message or tostring(problem), "ERROR")
end

--- Runs work() in slices. While another process writes, it is begun again. If it fails, failed() is called.
local function run_task(work, failed, tries)
  slices.add(work, function(ok, problem)
    if not ok then
      failed()
    end
    if ok then
      return
    elseif type(problem) == "table" and problem.code == "busy" and (tries or 1) < BUSY_TRIES then
      vim.defer_fn(function()
        run_task(work, failed, (tries or 1) + 1)
      end, BUSY_MS)
    else
      report(problem)
    end
  end)
end

--- The options of a first index: with the model "learn" a model is learnt, in a thread. It is a copy in the collection.
local function with_model(call, folder)
  if call.options.model ~= "learn" then
    return
  end
  local file = vim.fn.tempname() .. "/learnt.model"
  vim.fn.mkdir(vim.fn.fnamemodify(file, ":h"))
  local done, message = learn.learn(call, folder, file)
  if not done then
    call:note("without a model: %s", message)
  end
  call.options.model = done and "learn:" .. file or "none"
end

local function describe(result)
  return ("%d passages of %d files indexed, %d removed"):format(result.passages, result.files, result.deleted)
end

--- Called by a task: makes or updates an index. `target`: its folder, the place of its collection, and whether it
-- `is_anew`: made from the beginning, also if there is one.
local function index_folder(target)
  if target.is_anew then
    handles.close(target.place)
  end
  local is_new = target.is_anew or not command_call.locate(target.place)
  local call = editor_call.new(index_command, { target.folder }, is_new and settings.index or {})
  call.options.rebuild = target.is_anew or nil
  target.call = call
  with_model(call, target.folder)
  editor_call.notify(describe(call:run()[1]))
end

--- The index could not be completed. If it is tried again, what was made is kept.
local function leave_index(target)
  handles.close(target.place)
  target.is_anew = target.is_anew and not (target.call and target.call.collection)
end

--- Indexes a folder, or updates its index. Without a folder: the one that is indexed already and has the current
-- directory, else the current directory. `is_anew`: from the beginning.
function M.index(folder, is_anew)
  local current = vim.fn.getcwd()
  folder = folder == "" and (indexed_folder(current) or current) or vim.fn.fnamemodify(folder, ":p")
  folder = folder:gsub("(.)/+$", "%1")
  local target = { folder = folder, place = folder .. "/" .. command_call.INSIDE, is_anew = is_anew }
  run_task(function()
    index_folder(target)
  end, function()
    leave_index(target)
  end)
end

--- Called by a task: updates the index of a folder for one file.
local function update_file(folder, path)
  local call = editor_call.new(index_command, { folder }, {})
  local collection = call:open(folder)
  local notes = index_notes.read(collection)
  if not notes then
    return -- a collection of something else
  end
  local result = call:check(folder_update.run(collection, folder, notes, {
    only = path, batch = call.batch, progress = call:progress(),
  }))
  if collection:stats().fresh_rows >= FRESH_MAX then
    call:optimize(collection)
  end
  for _, message in ipairs(result.failures) do
    editor_call.notify(message, "WARN")
  end
end

--- The file at this absolute path was written: updates the index of the folder that it is in, if there is one.
function M.written(path)
  local folder = indexed_folder(path)
  if folder then
    run_task(function()
      update_file(folder, path:sub(#folder + 2))
    end, function() end)
  end
end

local function search(words)
  local current = vim.fn.getcwd()
  local folder = indexed_folder(vim.fn.expand "%:p") or indexed_folder(current)
  if not folder then
    error({ message = ("'%s' is in no indexed folder: ':MoonvecIndex' makes it one"):format(current) }, 0)
  end
  local hits = editor_call.new(query_command, { folder, words }, settings.query):run()
  if #hits > 0 then
    quickfix.show(hits, folder, words)
  else
    editor_call.notify(("nothing was found for '%s'"):format(words))
  end
end

local function search_and_report(words)
  local ok, problem = pcall(search, words)
  if not ok then
    report(problem)
  end
end

--- Searches the indexed folder of the current file, or of the current directory. Without words they are asked for.
function M.search(words)
  if words ~= "" then
    search_and_report(words)
    return
  end
  vim.ui.input({ prompt = "moonvec: " }, function(typed)
    if typed and typed ~= "" then
      search_and_report(typed)
    end
  end)
end

--- Whether an index is being made or updated, for a status line.
M.is_busy = slices.is_busy

--- Ends all work, and closes all collections. What was not indexed yet is indexed by the next ':MoonvecIndex'.
function M.close()
  slices.cancel()
  local closed, message = handles.close_all()
  if not closed then
    report { message = message }
  end
end

return M

--- What the plugin does: a folder of files is indexed as `moonvec index` does it, in slices, and searched as `moonvec
-- query` does it; hits are in the quickfix list. init.lua loads this file with the library.

local command_call = require "moonvec.command.command_call"
local editor_call = require "moonvec_nvim.editor_call"
local folder_update = require "moonvec.command.folder_update"
local handles = require "moonvec_nvim.handles"
local index_command = require "moonvec.command.index_command"
local index_notes = require "moonvec.command.index_notes"
local indexed_folder = require "moonvec_nvim.indexed_folder"
local learn = require "moonvec_nvim.learn"
local moonvec = require "moonvec"
local query_command = require "moonvec.command.query_command"
local quickfix = require "moonvec_nvim.quickfix"
local settings = require "moonvec_nvim.settings"
local slices = require "moonvec_nvim.slices"

local M = {}

-- Another process may be writing: then a task is tried again, after some milliseconds.
local BUSY_MS, BUSY_TRIES = 200, 50

-- From this number of fresh passages on, which searches read one by one, indexes are built after a file is written.
local FRESH_MAX = 1024

-- Quitting waits so long for the index of files that were just written; for each that takes some milliseconds.
local LEAVE_MS = 2000

-- The folders that are being indexed, as keys.
local indexing = {}

local is_leaving = false

--- Runs work() in slices. While another process writes, it is begun again. If it fails, failed() is called, and at last
-- ended(). `is_short`: quitting waits for it.
local function run_task(work, failed, ended, is_short)
  local function attempt(tries)
    local ok, problem = xpcall(work, editor_call.problem_of)
    if ok then
      return
    end
    failed()
    if problem.code ~= "busy" or tries == BUSY_TRIES then
      error(problem, 0)
    end
    slices.sleep(BUSY_MS)
    return attempt(tries + 1)
  end
  slices.add(function()
    attempt(1)
  end, function(ok, problem)
    ended()
    if not ok then
      editor_call.report(editor_call.problem_of(problem))
    end
  end, is_short)
end

local function nothing() end

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
  call.learnt = done and file or nil
  call.options.model = done and "learn:" .. file or "none"
end

local function counted(count, noun)
  return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

--- What an update has done, and a hint if an older index has no model although one is set.
local function describe(result, collection, folder, is_new)
  local parts = {}
  if result.files > 0 then
    parts[1] = ("%s of %s indexed"):format(counted(result.passages, "passage"), counted(result.files, "file"))
  end
  if result.deleted > 0 then
    parts[#parts + 1] = counted(result.deleted, "passage") .. " removed"
  end
  local text = parts[1] and table.concat(parts, ", ")
    or ("'%s' is up to date: %s"):format(folder, counted(collection:count "passage = 1" or 0, "file"))
  if not is_new and settings.index.model ~= "none" and #collection.schema.vectors == 0 then
    text = text .. "; its index has no model: ':MoonvecIndex!' makes it again"
  end
  return text
end

--- Whether an index has to be made: there is none, or one that was left before anything was written. If it cannot be
-- opened, it is not missing; whoever opens it next says why.
local function is_missing(place)
  if not command_call.locate(place) then
    return true
  end
  local collection = moonvec.open(place, { read_only = true })
  local is_left = collection and not index_notes.read(collection)
  if collection then
    collection:close()
  end
  return is_left
end

--- Called by a task: makes or updates an index. `target`: its folder, the place of its collection, and whether it
-- `is_anew`: made from the beginning, also if there is one.
local function index_folder(target)
  if target.is_anew then
    handles.close(target.place)
  end
  local is_new = target.is_anew or is_missing(target.place)
  local call = editor_call.new(index_command, { target.folder }, is_new and settings.index or {})
  call.options.rebuild = target.is_anew or nil
  target.call = call
  with_model(call, target.folder)
  local result = call:run()[1]
  editor_call.notify(describe(result, call.collection, target.folder, is_new))
end

--- The index could not be completed. If it is tried again, what was made is kept.
local function leave_index(target)
  handles.close(target.place)
  target.is_anew = target.is_anew and not (target.call and target.call.collection)
end

--- Indexes a folder, or updates its index: see init.lua.
function M.index(folder, is_anew)
  local current = vim.fn.getcwd()
  folder = folder == "" and (indexed_folder(current) or current) or vim.fn.fnamemodify(folder, ":p")
  folder = folder:gsub("(.)/+$", "%1")
  if vim.fn.isdirectory(folder) == 0 then
    editor_call.report { message = ("'%s' is no folder"):format(folder) }
    return
  end
  local target = { folder = folder, place = folder .. "/" .. command_call.INSIDE, is_anew = is_anew }
  indexing[folder] = (indexing[folder] or 0) + 1
  editor_call.notify(("indexing '%s'"):format(folder))
  run_task(function()
    index_folder(target)
  end, function()
    leave_index(target)
  end, function()
    indexing[folder] = indexing[folder] > 1 and indexing[folder] - 1 or nil
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
    only = path, batch = call.batch, progress = call:progress "indexing",
  }))
  if not is_leaving and collection:stats().fresh_rows >= FRESH_MAX then
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
    end, nothing, nothing, true)
  end
end

--- Raises: no index has the current file or directory.
local function fail_without_index(path, current)
  for folder in pairs(indexing) do
    if (path .. "/"):sub(1, #folder + 1) == folder .. "/" or (current .. "/"):sub(1, #folder + 1) == folder .. "/" then
      error({ message = ("'%s' is being indexed: search again later"):format(folder) }, 0)
    end
  end
  error({ message = ("'%s' is in no indexed folder: ':MoonvecIndex' makes it one"):format(current) }, 0)
end

local function search(words)
  local path, current = vim.fn.expand "%:p", vim.fn.getcwd()
  local folder = indexed_folder(path) or indexed_folder(current) or fail_without_index(path, current)
  local hits = editor_call.new(query_command, { folder, words }, settings.query):run()
  quickfix.show(hits, folder, words)
  if #hits == 0 then
    editor_call.notify(("nothing was found for '%s'%s"):format(words,
      indexing[folder] and "; the folder is being indexed: search again later" or ""))
  end
end

local function search_and_report(words)
  local ok, problem = xpcall(search, editor_call.problem_of, words)
  if not ok then
    editor_call.report(problem)
  end
end

--- Searches: see init.lua.
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

--- Whether an index is being made or updated.
M.is_busy = slices.is_busy

--- Completes the index of files that were written, ends all other work, and closes all collections. What was not
-- indexed yet is indexed by the next ':MoonvecIndex'.
function M.close()
  is_leaving = true
  slices.finish(LEAVE_MS)
  local closed, message = handles.close_all()
  if not closed then
    editor_call.report { message = message }
  end
end

return M

--- A model is learnt from the files of a folder in a thread of libuv, since that cannot be done in slices.

local index_notes = require "moonvec.command.index_notes"
local json = require "moonvec.json"
local slices = require "moonvec_nvim.slices"

local M = {}

local LOOK_MS = 20 -- between two looks whether the thread is done

--- Runs in the thread, in a Lua state of its own: only its arguments are there. Returns a message, or nil.
local function learn_in_thread(path, cpath, folder, notes, file)
  package.path, package.cpath = path, cpath
  local done, failure = pcall(require("moonvec_nvim.learn_folder"), folder, notes, file)
  return not done and tostring(failure) or failure
end

--- The paths with which a thread finds the modules: threads do not look on the 'runtimepath'.
local function paths_for_thread()
  local path, cpath = package.path, package.cpath
  for _, name in ipairs { "moonvec", "moonvec_nvim" } do
    for _, file in ipairs(vim.api.nvim_get_runtime_file(("lua/%s/init.lua"):format(name), false)) do
      local folder = vim.fn.fnamemodify(file, ":h:h")
      path = ("%s/?.lua;%s/?/init.lua;%s"):format(folder, folder, path)
      cpath = ("%s/?.so;%s"):format(folder, cpath)
    end
  end
  return path, cpath
end

--- Called by a task: learns from the folder, which is read as the call says, and saves the model in the file. Returns
-- true; nil and a message, for example that there is too little to learn from.
function M.learn(call, folder, file)
  local result
  local work = vim.loop.new_work(learn_in_thread, function(message)
    result = { message = message }
  end)
  local path, cpath = paths_for_thread()
  work:queue(path, cpath, folder, json.encode(index_notes.of_options(call)), file)
  while not result do
    slices.sleep(LOOK_MS)
  end
  return not result.message or nil, result.message
end

return M

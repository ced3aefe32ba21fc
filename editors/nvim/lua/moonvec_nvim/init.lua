--- moonvec in Neovim: what the commands in plugin/moonvec.lua and people call. The library is loaded by the first call
-- that needs it. If that fails, the person is told why, and the next call tries again.

local settings = require "moonvec_nvim.settings"

local M = {}

local ACTIONS = "moonvec_nvim.actions"

-- The library is in the folder lua/ of the checkout that this plugin is a part of. An installed one is used as it is.
local plugin = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h:h:h")
local checkout = vim.fn.fnamemodify(plugin, ":h:h")
if vim.fn.filereadable(checkout .. "/lua/moonvec/init.lua") == 1 then
  vim.opt.runtimepath:append(checkout)
end

local is_told = false -- the person, that the library cannot be loaded

--- What the message of a failed `require` means.
local function explain(failure)
  if failure:find "^module 'moonvec[%w_.]*' not found" then
    return ("its library is not built. Run the build step of the plugin: %s/build.sh"):format(plugin)
  end
  return "its library cannot be loaded: " .. failure:gsub("%s*\n%s*", " ")
end

--- Loads the library. Returns moonvec.core, or nil and a message.
function M.load()
  local found, core = pcall(require, "moonvec.load_core")
  if not found then
    package.loaded["moonvec.load_core"] = nil -- else the next `require` says only that this one has failed
    return nil, explain(tostring(core))
  end
  return core
end

--- Calls an action. `is_told_once`: if the library cannot be loaded, the person is not told again.
local function act(name, is_told_once, ...)
  local core, message = M.load()
  if core then
    require(ACTIONS)[name](...)
  elseif not (is_told_once and is_told) then
    is_told = true
    vim.notify("moonvec: " .. message, vim.log.levels.ERROR)
  end
end

--- Sets options of `moonvec index` and `moonvec query`: { index = { model = "learn" }, query = { topk = 50 } }.
function M.setup(options)
  local ok, message = pcall(settings.set, options or {}, (M.load()))
  if not ok then
    error("moonvec_nvim.setup: " .. message, 2)
  end
end

--- Indexes a folder, or updates its index. Without a folder, or with "": the one that is indexed already and has the
-- current directory, else the current directory. `is_anew`: from the beginning.
function M.index(folder, is_anew)
  act("index", false, folder or "", is_anew)
end

--- Searches the indexed folder of the current file, or of the current directory. Without words, or with "", they are
-- asked for.
function M.search(words)
  act("search", false, words or "")
end

--- The file at this absolute path was written: updates the index of the folder that it is in, if there is one.
function M.written(path)
  act("written", true, path)
end

local function loaded_actions()
  local actions = package.loaded[ACTIONS]
  return type(actions) == "table" and actions or nil -- something else stands for a module that failed
end

--- Whether an index is being made or updated, for a status line.
function M.is_busy()
  local actions = loaded_actions()
  return actions ~= nil and actions.is_busy()
end

--- Ends all work, and closes all collections.
function M.close()
  local actions = loaded_actions()
  if actions then
    actions.close()
  end
end

return M

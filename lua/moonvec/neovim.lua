--- What Neovim has in place of LuaFileSystem and lua-cjson, so that nothing needs to be installed in it. These
-- functions also work in its threads (uv.new_thread, uv.new_work).

local M = {}

-- What LuaFileSystem calls the types of libuv; the others have the same name.
local MODES = { fifo = "named pipe", char = "char device", block = "block device", unknown = "other" }

--- The attributes that LuaFileSystem returns: all, or the one called `name`. nil and a message: libuv has none.
local function attributes_of(stat, message, name)
  if not stat then
    return nil, message
  end
  local attributes = {
    mode = MODES[stat.type] or stat.type, size = stat.size, modification = stat.mtime.sec,
    dev = stat.dev, ino = stat.ino,
  }
  return name and attributes[name] or not name and attributes or nil
end

--- The functions of LuaFileSystem that moonvec calls, by those of libuv.
local function file_system(uv)
  local lfs = {}

  function lfs.attributes(path, name)
    local stat, message = uv.fs_stat(path)
    return attributes_of(stat, message, name)
  end

  function lfs.symlinkattributes(path, name)
    local stat, message = uv.fs_lstat(path)
    return attributes_of(stat, message, name)
  end

  --- An iterator over the names in a folder; raises if it cannot be listed.
  function lfs.dir(path)
    local names, message = uv.fs_scandir(path)
    if not names then
      error(message, 0)
    end
    return function()
      return (uv.fs_scandir_next(names))
    end
  end

  return lfs
end

--- Neovim has lua-cjson inside. New versions of Neovim offer only one instance of it, without settings: NaN and
-- infinity are then no errors in JSON.
local function json_library(vim)
  return {
    new = vim.json.new or function()
      return { decode = vim.json.decode, null = vim.NIL, decode_invalid_numbers = function() end }
    end,
  }
end

--- What stands for the module `name`, "lfs" or "cjson". nil: this is not Neovim, or it has nothing for it.
function M.library(name)
  local vim = rawget(_G, "vim")
  if not vim or not vim.loop then
    return nil
  end
  return name == "lfs" and file_system(vim.loop) or name == "cjson" and vim.json and json_library(vim) or nil
end

return M

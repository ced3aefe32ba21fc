--- Finds the indexed folder that a file or folder is in.

-- A collection that `moonvec index` or the plugin has made in a folder has this file.
local CATALOG = "/.moonvec/catalog.mdb"

--- The indexed folder that has the file or folder at an absolute path, or is it; nil if there is none.
return function(path)
  local folder = path:gsub("/+$", "")
  while folder ~= "" and not vim.loop.fs_stat(folder .. CATALOG) do
    folder = folder:match "^(.*)/[^/]*$" or ""
  end
  return folder ~= "" and folder or nil
end

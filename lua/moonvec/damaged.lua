--- Removing a damaged collection that only this program uses, and whose documents it can make again.

local moonvec = require "moonvec"
local system = require "moonvec.system"

local M = {}

--- Removes the collection at `path`. `destroy` refuses one whose catalog is too damaged to be recognized. Such a
-- directory is renamed to PATH.damaged: nothing is lost if it was something else. Nothing is done to a directory that
-- has neither a catalog nor one that a destroy has renamed, to a collection that is open, or to an earlier
-- PATH.damaged. Returns what was done, in words; or nil, message, code.
function M.remove(path)
  local removed, message, code = moonvec.destroy(path)
  if removed then
    return "the damaged one was removed"
  end
  local has_catalog = system.exists(path .. "/catalog.mdb") or system.exists(path .. "/destroyed.mdb")
  if code ~= "corrupt" or not has_catalog then
    return nil, message, code
  end
  local aside = path:gsub("(.)/+$", "%1") .. ".damaged"
  local moved, why = os.rename(path, aside) -- fails if there is such a directory that is not empty
  if not moved then
    return nil, ("%s; it cannot be moved to '%s' (if that is there, delete it): %s"):format(message, aside, why), code
  end
  return ("the damaged one was moved to '%s'"):format(aside)
end

return M

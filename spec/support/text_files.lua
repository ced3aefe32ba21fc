-- Files that specs write and read as a whole.

local support = require "spec.support.init"

local M = {}

--- All bytes of a file.
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The path of a new file with this text, which support.clean removes. `extension`: how its name ends (".csv").
function M.new(text, extension)
  local path = support.path(extension)
  M.write(path, text)
  return path
end

return M

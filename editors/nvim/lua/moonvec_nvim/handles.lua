--- The collections that this Neovim has open, by their directory. They stay open until it ends.

local M = {}

local handles = {}

--- What is known of the open collection in the directory: { collection, models, model_failures }, or nil.
function M.find(place)
  return handles[place]
end

function M.keep(place, handle)
  handles[place] = handle
end

--- Closes a collection, which writes it to the disk. While another process writes, it is closed without that: like a
-- power cut, that may cost an index, which can be made again. Returns true, or nil, message.
function M.close(place)
  local handle = handles[place]
  handles[place] = nil
  if not handle then
    return true
  end
  local closed, message, code = handle.collection:close()
  return closed or code == "busy" or nil, message
end

--- Closes all. Returns true, or nil and the message of one that failed.
function M.close_all()
  local failure
  for place in pairs(handles) do
    local closed, message = M.close(place)
    failure = failure or not closed and message
  end
  return not failure or nil, failure
end

return M

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

--- Closes a collection, which writes it to the disk. Returns true, or nil, message.
function M.close(place)
  local handle = handles[place]
  handles[place] = nil
  if handle then
    return handle.collection:close()
  end
  return true
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

--- What nginx needs. When a client disconnects, nginx drops the coroutine of its request. If that coroutine was in a
-- transaction, the transaction stays open until Lua collects garbage. An idle worker collects none, and writers in
-- other workers would wait. So a timer collects garbage while a transaction is open.

local core = require "moonvec.core"

local M = {}

local SECONDS = 1 -- between two checks

local collections = setmetatable({}, { __mode = "k" }) -- on which a transaction was begun
local is_waiting = false

local start

local function look(is_shutdown)
  local is_open = false
  is_waiting = false
  for collection in pairs(collections) do
    if core.in_transaction(collection) then
      is_open = true
    else
      collections[collection] = nil
    end
  end
  if is_open and not is_shutdown then
    collectgarbage()
    start()
  end
end

--- Timers are not there in every phase of nginx: then the next transaction tries again.
function start()
  local ngx = rawget(_G, "ngx")
  if not is_waiting and ngx and ngx.timer then
    local ok, done = pcall(ngx.timer.at, SECONDS, look)
    is_waiting = ok and done and true or false
  end
end

--- A transaction was begun on the collection.
function M.watch(collection)
  if rawget(_G, "ngx") then
    collections[collection] = true
    start()
  end
end

return M

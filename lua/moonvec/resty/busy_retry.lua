--- Waiting for other writers without blocking a worker of nginx.
--
-- The collection is opened with `busy_ms = 0`: a write that finds another writer returns "busy" at once. Here it is
-- tried again after a pause, in which the worker serves other requests.

local ngx = ngx
local unpack = table.unpack or unpack -- luacheck: ignore

local M = {}

-- Pauses between two attempts, in seconds. The first is the shortest that nginx has; each is twice the one before.
local PAUSE_MIN, PAUSE_MAX = 0.001, 0.032

-- The phases in which code may wait (ngx.sleep). In others "busy" is returned at once.
local MAY_WAIT = {
  access = true, content = true, preread = true, rewrite = true, server_rewrite = true, ssl_cert = true,
  ssl_client_hello = true, ssl_session_fetch = true, timer = true,
}

local function results(...)
  return { n = select("#", ...), ... }
end

local function is_busy(result)
  return result[1] == nil and result[3] == "busy"
end

--- Calls work(...) until it does not return "busy", for up to `timeout` seconds. Returns what it returned last.
function M.call(timeout, work, ...)
  local result, pause, waited = results(work(...)), PAUSE_MIN, 0
  while is_busy(result) and waited < timeout and MAY_WAIT[ngx.get_phase()] do
    ngx.sleep(pause)
    waited = waited + pause
    pause = math.min(2 * pause, PAUSE_MAX)
    result = results(work(...))
  end
  return unpack(result, 1, result.n)
end

--- The same for a transaction: it is tried again while it cannot begin. What `work` returns is returned as it is.
function M.transaction(timeout, collection, work, ...)
  if type(work) ~= "function" then
    return collection:transaction(work) -- which raises
  end
  local returned
  local function begun(...)
    returned = results(work(...))
    return true
  end
  local done, message, code = M.call(timeout, collection.transaction, collection, begun, ...)
  if not done then
    return nil, message, code
  elseif returned.n == 0 then
    return true
  end
  return unpack(returned, 1, returned.n)
end

return M

--- Building indexes in slices on a timer of nginx, in place of the thread of the engine.
--
-- Each worker has such a timer, and one of them works at a time: `optimize` returns "busy" while another process does
-- (engine/job/turn.c). The others look again from time to time, so one goes on if that worker dies.

local core = require "moonvec.core"

local ngx = ngx

local M = {}

local PAUSE_WITHOUT_WORK = 1 -- seconds, when there is nothing to do or another worker does it

local function seconds_to_next(slices)
  local done, message, code = slices.collection:optimize { budget_ms = slices.budget_ms }
  if not done and code ~= "busy" then
    ngx.log(ngx.ERR, "moonvec: optimize of '", slices.collection.path, "': ", message, " (", code, ")")
  end
  return done == "more" and slices.interval or PAUSE_WITHOUT_WORK
end

local function plan_next(slices, seconds)
  local planned, message = ngx.timer.at(seconds, slices.work)
  if not planned and message ~= "process exiting" then
    ngx.log(ngx.ERR, "moonvec: no timer to optimize '", slices.collection.path, "': ", message)
  end
end

--- Begins to optimize `collection`: after each `interval` seconds for `budget_ms` milliseconds. Only where nginx allows
-- timers. `stop` ends it.
function M.start(collection, interval, budget_ms)
  local slices = { collection = collection, interval = interval, budget_ms = budget_ms }
  function slices.work(is_shutdown)
    if is_shutdown and not slices.is_over then
      M.stop(slices) -- a worker of the next generation may begin, while this one ends its requests
    elseif not slices.is_over then
      plan_next(slices, seconds_to_next(slices))
    end
  end
  plan_next(slices, 0)
  return slices
end

--- Ends it. Work that is not finished is begun again by another worker.
function M.stop(slices)
  slices.is_over = true
  core.optimize_abandon(slices.collection)
end

return M

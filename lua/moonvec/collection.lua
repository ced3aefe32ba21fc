--- The methods of a collection that are Lua: those that call functions of the user.

local core = require "moonvec.core"
local query = require "moonvec.query"

local M = {}

local methods = { cursor = query.cursor, query = query.query }

-- Between two calls of `progress`: often enough for a bar, seldom enough to cost nothing.
local PROGRESS_MS = 50
-- Without anybody to tell, all of the work is one slice.
local WHOLE_MS = 1e12

local THREADS_MAX = 64
local AS_MANY_AS_CORES = 0

local function misuse(format, ...)
  core.raise(format:format(...))
end

local function commit(collection, ...)
  local done, message, code = core.commit(collection)
  if not done then
    return nil, message, code
  elseif select("#", ...) == 0 then
    return true
  end
  return ...
end

local function finish(collection, ok, ...)
  if not ok then
    core.abort(collection)
    error((...), 0)
  end
  return commit(collection, ...)
end

--- Runs work(...) as one transaction: an error inside undoes all and goes on to the caller. Returns what
--- `work` returns, or true when that is nothing. Where pcall cannot be yielded across (plain Lua 5.1),
--- `work` must not yield.
function methods.transaction(collection, work, ...)
  if type(work) ~= "function" then
    misuse("transaction: expected a function, got a %s", type(work))
  end
  local begun, message, code = core.begin(collection)
  if not begun then
    return nil, message, code
  end
  return finish(collection, pcall(work, ...))
end

local function check_optimize_options(options)
  local budget_ms, progress, threads, background =
    core.options("optimize", options, "budget_ms", "progress", "threads", "background")
  if budget_ms ~= nil and not (type(budget_ms) == "number" and budget_ms > 0) then
    misuse("optimize: 'budget_ms' must be a positive number, got %s", tostring(budget_ms))
  elseif progress ~= nil and type(progress) ~= "function" then
    misuse("optimize: 'progress' must be a function, got a %s", type(progress))
  elseif background ~= nil and type(background) ~= "boolean" then
    misuse("optimize: 'background' must be true or false, got a %s", type(background))
  elseif background and (budget_ms or progress) then
    misuse("optimize: '%s' does not go with 'background'", budget_ms and "budget_ms" or "progress")
  elseif threads == nil then
    threads = AS_MANY_AS_CORES
  elseif type(threads) ~= "number" or not (threads >= 1 and threads <= THREADS_MAX) or threads % 1 ~= 0 then
    misuse("optimize: 'threads' must be a whole number from 1 to %d, got %s", THREADS_MAX, tostring(threads))
  end
  return budget_ms, progress, threads, background
end

--- An error of the user's function ends the work; what was finished stays.
local function report(collection, progress, done, total, stage)
  local ok, message = pcall(progress, done, total, stage)
  if not ok then
    core.optimize_abandon(collection)
    error(message, 0)
  end
end

--- Merges segments, drops deleted rows, builds graphs. With `budget_ms`, does about so much of it and returns
--- "more" or "done"; with `background`, returns the job at once; else returns true at the end.
function methods.optimize(collection, options)
  local budget_ms, progress, threads, background = check_optimize_options(options)
  if background then
    return core.optimize_start(collection, threads)
  end
  local slice_ms = budget_ms or (progress and PROGRESS_MS) or WHOLE_MS
  repeat
    local more, done, total, stage = core.optimize_step(collection, slice_ms, threads)
    if more == nil then
      return nil, done, total -- message and code
    elseif progress then
      report(collection, progress, done, total, stage)
    end
    if budget_ms then
      return more and "more" or "done"
    end
  until not more
  return true
end

--- Puts these methods beside those in C.
function M.extend(class)
  for name, method in pairs(methods) do
    class[name] = method
  end
end

return M

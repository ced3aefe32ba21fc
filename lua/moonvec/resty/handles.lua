--- resty.moonvec: collections in the workers of nginx.
--
--     local docs = assert(require("resty.moonvec").open("/var/lib/moonvec/docs.mv", { schema = ... }))
--     assert(docs:upsert { id = 1, v = vector })
--
-- A worker opens a collection once: `open` returns the same handle for the same path. A handle has all methods of a
-- collection (types.lua). Those that write wait for other writers without blocking the worker. When a worker ends,
-- nginx closes its Lua state, and with it the collections. docs/hosts/openresty.md describes the options.

if not rawget(_G, "ngx") then
  error("resty.moonvec works in nginx with its Lua module: there is no 'ngx' here (elsewhere: require \"moonvec\")", 0)
end

local moonvec = require "moonvec" -- first: it loads moonvec.core
local busy_retry = require "moonvec.resty.busy_retry"
local check = require "moonvec.check"
local core = require "moonvec.core"
local slices = require "moonvec.resty.slices"
local tables = require "moonvec.tables"

local ngx = ngx

local M = { _VERSION = moonvec._VERSION }

local TIMEOUT = 5 -- seconds that a write waits
local INTERVAL_MS, INTERVAL_MS_MAX = 5, 60000 -- between slices of building indexes
local BUDGET_MS, BUDGET_MS_MAX = 1, 1000 -- of a slice

local OWN_OPTIONS = { timeout = true, budget_ms = true, interval_ms = true }

-- Methods that another writer can keep waiting.
local WRITES = {
  "add_column", "alter", "alter_column", "create_index", "delete", "delete_by_filter", "drop_column", "drop_index",
  "insert", "meta", "update", "update_by_filter", "upsert",
}

local handles = {} -- by path, of this worker

-- ---------------------------------------------------------------- methods

local methods = {}

for name, method in pairs(core.methods) do
  methods[name] = function(handle, ...)
    return method(handle.collection, ...)
  end
end

for _, name in ipairs(WRITES) do
  local method = core.methods[name]
  methods[name] = function(handle, ...)
    return busy_retry.call(handle.timeout, method, handle.collection, ...)
  end
end

function methods.transaction(handle, work, ...)
  return busy_retry.transaction(handle.timeout, handle.collection, work, ...)
end

local function forget(handle)
  if handles[handle.collection.path] == handle then
    handles[handle.collection.path] = nil
  end
  if handle.slices then
    slices.stop(handle.slices)
    handle.slices = nil
  end
end

--- Closes the collection. The next `open` in this worker opens it again.
function methods.close(handle)
  forget(handle)
  return handle.collection:close()
end

function methods.destroy(handle)
  forget(handle)
  return handle.collection:destroy()
end

--- Methods of handles; what else a collection has is read from it, also the error that names the method that is meant.
local class = {
  __index = function(handle, key)
    return methods[key] or handle.collection[key]
  end,
  __tostring = function(handle)
    return "resty." .. tostring(handle.collection)
  end,
}

-- ---------------------------------------------------------------- options

local function check_options(options)
  if options ~= nil and type(options) ~= "table" then
    check.misuse("open: expected a table of options, got a %s", type(options))
  elseif options and options.busy_ms ~= nil then
    check.misuse("open: 'busy_ms' would block the worker: give 'timeout', in seconds")
  end
  options = options or {}
  return {
    timeout = check.number("open", "timeout", options.timeout, TIMEOUT, 0),
    interval = check.number("open", "interval_ms", options.interval_ms, INTERVAL_MS, 1, INTERVAL_MS_MAX) / 1000,
    budget_ms = check.number("open", "budget_ms", options.budget_ms, BUDGET_MS, 0.1, BUDGET_MS_MAX),
  }
end

--- The options for moonvec.open. In init_worker_by_lua a timer can be started; it does the work of the engine's thread.
local function engine_options(options)
  local all = { busy_ms = 0 }
  for name, value in pairs(options or {}) do
    if not OWN_OPTIONS[name] then
      all[name] = value
    end
  end
  local by_timer = all.maintenance == nil and not all.read_only and ngx.get_phase() == "init_worker"
  if by_timer then
    all.maintenance = "manual"
  end
  return all, by_timer
end

-- ---------------------------------------------------------------- opening

local function reuse(handle, path, options)
  local differs = options ~= nil and tables.difference(options, handle.options)
  if differs then
    check.misuse("open: '%s' is open in this worker with another '%s'", path, table.concat(differs, "."))
  end
  return handle
end

--- The options with which the collection at `path` is open in this worker, or nil.
function M.options_of(path)
  return handles[path] and handles[path].options
end

--- The handle of the collection at `path`: of all calls in a worker the first one opens it. `options`: those of
-- moonvec.open but `busy_ms`, and `timeout`, `interval_ms`, `budget_ms`. Later calls may leave them out.
function M.open(path, options)
  local existing = handles[path]
  if existing then
    return reuse(existing, path, options)
  end
  local handle = check_options(options)
  local all, by_timer = engine_options(options)
  local collection, message, code = moonvec.open(path, all)
  if not collection then
    return nil, message, code
  end
  handle.collection = collection
  handle.options = tables.copy(options or {})
  handle.slices = by_timer and slices.start(collection, handle.interval, handle.budget_ms) or nil
  handles[path] = setmetatable(handle, class)
  return handle
end

return M

--- Collections of caches: their documents have a partition and expire, and can be made again.
--
-- So they are written without syncing (durability "none"), which would block the worker. A collection that is
-- "corrupt", as it may be after a power cut, is replaced by an empty one.

local handles = require "moonvec.resty.handles" -- first: it loads moonvec.core
local check = require "moonvec.check"
local core = require "moonvec.core"
local damaged = require "moonvec.damaged"

local ngx = ngx
local unpack = table.unpack or unpack -- luacheck: ignore

local M = {}

-- The options of a cache that are given to the schema, and those that are given to `open`.
local SCHEMA_OPTIONS = { "evict", "max_bytes", "max_documents" }
local OPEN_OPTIONS = { "budget_ms", "durability", "interval_ms", "maintenance", "timeout" }

local EVICT = "least_recent" -- what a limit removes
local BUSY_SECONDS = 2 -- for which other workers may replace a collection, which takes some milliseconds
local REFUSALS_MAX = 3 -- one or two may be about what another worker has not finished
local PAUSE_SECONDS = 0.01

local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, value in ipairs(list) do
      all[#all + 1] = value
    end
  end
  return all
end

--- Raises unless `options` is a table with a path, and with no others than these options and those of `names`.
function M.check_options(call, options, names)
  if type(options) ~= "table" then
    check.misuse("%s: expected a table of options, got a %s", call, type(options))
  end
  core.options(call, options, unpack(joined({ "path" }, SCHEMA_OPTIONS, OPEN_OPTIONS, names)))
  if type(options.path) ~= "string" or options.path == "" then
    check.misuse("%s: 'path' must be the path of a directory, got a %s", call, type(options.path))
  end
end

--- In phases in which code cannot sleep, such as init_worker_by_lua, the worker has nothing else to do.
local function pause()
  if not pcall(ngx.sleep, PAUSE_SECONDS) then
    local over = core.seconds() + PAUSE_SECONDS
    repeat until core.seconds() >= over
  end
end

--- Removes a damaged collection. Returns false if it could not, but may be removed by another worker now; and what is
-- wrong if that is not so either.
local function replace(path, why, refusals)
  local done, message, code = damaged.remove(path)
  if done then
    ngx.log(ngx.ERR, "moonvec: '", path, "' is replaced by an empty cache: ", why, "; ", done)
  elseif code ~= "busy" and code ~= "not_found" and refusals >= REFUSALS_MAX then
    return false, message, code
  end
  return done ~= nil
end

--- Opens a collection, and replaces one that is "corrupt" by an empty one. All workers try that when nginx starts.
-- Those that come second get "busy", or see a part of what the first one does, and try again.
local function open_or_replace(path, options)
  local deadline, refusals = core.seconds() + BUSY_SECONDS, 0
  while true do
    local handle, message, code = handles.open(path, options)
    if handle or code ~= "corrupt" and code ~= "busy" or core.seconds() > deadline then
      return handle, message, code
    end
    local replaced = false
    if code == "corrupt" then
      local refusal, refusal_code
      refusals = refusals + 1
      replaced, refusal, refusal_code = replace(path, message, refusals)
      if refusal then
        return nil, refusal, refusal_code
      end
    end
    if not replaced then
      pause()
    end
  end
end

local function pick(options, names, target)
  for _, name in ipairs(names) do
    target[name] = options[name]
  end
end

--- Adds what makes it a schema of a cache: partition, time to live, limits.
local function complete(schema, options)
  table.insert(schema.fields, { name = "partition", type = "string", index = "invert" })
  table.insert(schema.fields, { name = "expires", type = "double", nullable = true }) -- seconds since 1970
  schema.expires = "expires"
  pick(options, SCHEMA_OPTIONS, schema)
  if (schema.max_documents or schema.max_bytes) and schema.evict == nil then
    schema.evict = EVICT
  end
  return schema
end

--- Opens the collection at `path`. `schema`: its fields and vectors; the rest is added. `models`: as in moonvec.open.
function M.open(path, options, schema, models)
  local all = { models = models, schema = complete(schema, options) }
  pick(options, OPEN_OPTIONS, all)
  all.durability = all.durability or "none"
  return open_or_replace(path, all)
end

return M

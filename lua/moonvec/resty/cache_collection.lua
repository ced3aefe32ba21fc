--- Collections of caches: their documents have a partition and expire, and can be made again.
--
-- So they are written without syncing (durability "none"), which would block the worker. A collection that is
-- "corrupt", as it may be after a power cut, is replaced by an empty one.

local handles = require "moonvec.resty.handles" -- first: it loads moonvec.core
local check = require "moonvec.check"
local core = require "moonvec.core"
local damaged = require "moonvec.damaged"
local moonvec = require "moonvec"
local tables = require "moonvec.tables"

local ngx = ngx
local unpack = table.unpack or unpack -- luacheck: ignore

local M = {}

-- The options of a cache that are given to the schema, and those that are given to `open`.
local SCHEMA_OPTIONS = { "evict", "max_bytes", "max_documents" }
local OPEN_OPTIONS = { "budget_ms", "durability", "interval_ms", "maintenance", "timeout" }

local EVICT = "least_recent" -- what a limit removes
local BUSY_SECONDS = 2 -- for which other workers may be in the way; replacing a collection takes some milliseconds
local ATTEMPTS = 3 -- to mend one; a refusal may be about what another worker has not finished
local PAUSE_SECONDS = 0.01

--- When a document expires that is to live for at least `ttl` seconds from now on. The engine reads its clock in whole
-- seconds, so it lives for up to a second more.
function M.expires(ttl)
  ngx.update_time()
  return ngx.now() + ttl
end

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

local function pick(options, names, target)
  for _, name in ipairs(names) do
    target[name] = options[name]
  end
end

--- Gives the collection the limits of the schema in `options`, if its own schema differs in nothing else.
local function change_limits(path, options)
  local reader, message, code = moonvec.open(path, { read_only = true, models = options.models })
  if not reader then
    return nil, message, code
  end
  local limits, now = {}, tables.copy(options.schema)
  for _, name in ipairs(SCHEMA_OPTIONS) do
    limits[name] = now[name] or false
  end
  pick(reader.schema, SCHEMA_OPTIONS, now)
  reader:close()
  local collection
  collection, message, code = moonvec.open(path, {
    schema = now, models = options.models, durability = options.durability, busy_ms = 0, maintenance = "manual",
  })
  if not collection then
    local advice = code == "schema_mismatch" and "; give another path, or remove the directory" or ""
    return nil, message .. advice, code
  end
  local done
  done, message, code = collection:alter(limits)
  collection:close()
  return done, message, code
end

--- Makes a collection fit that could not be opened. Returns true if it may be opened now, false if another worker is in
-- the way, or nil, message, code. `attempt`: how often it was tried.
local function mend(path, options, message, code, attempt)
  local done, why, why_code = nil, message, code
  if code == "corrupt" then
    done, why, why_code = damaged.remove(path)
    if done then
      ngx.log(ngx.ERR, "moonvec: '", path, "' is replaced by an empty cache: ", message, "; ", done)
    end
  elseif code == "schema_mismatch" then
    done, why, why_code = change_limits(path, options)
  end
  if done then
    return true
  elseif why_code == "busy" or code == "corrupt" and why_code == "not_found" then
    return false
  elseif (code == "corrupt" or code == "schema_mismatch") and attempt < ATTEMPTS then
    return false -- another worker may have changed it after this one had looked
  end
  return nil, why, why_code
end

--- Opens a collection. One that is "corrupt" is replaced by an empty one, and one with other limits gets those of the
-- schema. All workers try that when nginx starts. Those that come second get "busy", or see a part of what the first
-- one does, and try again.
local function open_and_mend(path, options)
  local deadline, attempt = core.seconds() + BUSY_SECONDS, 0
  while true do
    local handle, message, code = handles.open(path, options)
    if handle or core.seconds() > deadline then
      return handle, message, code
    end
    attempt = attempt + 1
    local mended, why, why_code = mend(path, options, message, code, attempt)
    if mended == nil then
      return nil, why, why_code
    elseif not mended or attempt > 1 then
      pause()
    end
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

--- Raises if the collection is open in this worker with other options; names that of the cache.
local function check_same(path, all)
  local before = handles.options_of(path)
  local differs = before and tables.difference(all, before)
  if differs then
    local name = tables.is_same(all.models, before.models) and differs[#differs] or "model"
    check.misuse("new: '%s' is open in this worker with another '%s'", path, tostring(name))
  end
end

--- Opens the collection at `path`. `schema`: its fields and vectors; the rest is added. `models`: as in moonvec.open.
function M.open(path, options, schema, models)
  local all = { models = models, schema = complete(schema, options) }
  pick(options, OPEN_OPTIONS, all)
  all.durability = all.durability or "none"
  check_same(path, all)
  return open_and_mend(path, all)
end

return M

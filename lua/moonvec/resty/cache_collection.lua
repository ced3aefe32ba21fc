--- Collections of caches: their documents have a partition and expire, and can be made again.
--
-- So they are written without syncing (durability "none"), which would block the worker. After a power cut such a
-- collection is refused as "corrupt"; then it is replaced by an empty one.

local check = require "moonvec.check"
local handles = require "moonvec.resty.handles"
local moonvec = require "moonvec"

local ngx = ngx

local M = {}

--- The options of a cache that are given to the schema, and those that are given to `open`.
local SCHEMA_OPTIONS = { evict = "least_recent", max_bytes = false, max_documents = false }
local OPEN_OPTIONS = { "budget_ms", "durability", "interval_ms", "maintenance", "timeout" }

local known = { path = true }
for name in pairs(SCHEMA_OPTIONS) do
  known[name] = true
end
for _, name in ipairs(OPEN_OPTIONS) do
  known[name] = true
end

--- Raises unless `options` is a table with a path, these options and those of `names` (name -> true).
function M.check_options(call, options, names)
  if type(options) ~= "table" then
    check.misuse("%s: expected a table of options, got a %s", call, type(options))
  end
  for name in pairs(options) do
    if not known[name] and not names[name] then
      check.misuse("%s: unknown option '%s'", call, tostring(name))
    end
  end
  if type(options.path) ~= "string" or options.path == "" then
    check.misuse("%s: 'path' must be the path of a directory, got a %s", call, type(options.path))
  end
end

local function open_anew(path, options, message)
  ngx.log(ngx.WARN, "moonvec: '", path, "' is replaced by an empty cache: ", message)
  moonvec.destroy(path) -- fails if another worker was first: then its new one is opened
  return handles.open(path, options)
end

--- Opens the collection at `path`. `schema`: its fields and vectors; the field `expires` and what `options` say about
-- limits are added. `models`: as in moonvec.open.
function M.open(path, options, schema, models)
  local all = { models = models, schema = schema, durability = "none" }
  for _, name in ipairs(OPEN_OPTIONS) do
    if options[name] ~= nil then
      all[name] = options[name]
    end
  end
  table.insert(schema.fields, { name = "partition", type = "string", index = "invert" })
  table.insert(schema.fields, { name = "expires", type = "double", nullable = true }) -- seconds since 1970
  schema.expires = "expires"
  for name, otherwise in pairs(SCHEMA_OPTIONS) do
    schema[name] = options[name] == nil and otherwise or options[name]
  end
  local handle, message, code = handles.open(path, all)
  if code == "corrupt" then
    return open_anew(path, all, message)
  end
  return handle, message, code
end

return M

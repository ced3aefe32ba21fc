--- resty.moonvec.apisix: the vector store of the plugin ai-cache of APISIX, without a server.
--
-- ai-cache calls four functions of its driver apisix/plugins/ai-cache/vector-search/redis.lua. `new` returns a table
-- with these four, with the same arguments and results. It takes the place of that file, in a folder that
-- `extra_lua_path` names:
--
--     return require("resty.moonvec.apisix").new { path = "/var/lib/apisix/ai-cache" }
--
-- Each index is a collection in the folder `path`, which must exist.

local cache_collection = require "moonvec.resty.cache_collection" -- first: it loads moonvec.core
local check = require "moonvec.check"
local moonvec = require "moonvec"

local M = {}

local DIM_MAX = 65535

local function schema_of(dim)
  return {
    fields = {
      { name = "response", type = "string" }, { name = "created_at", type = "double", nullable = true },
      { name = "format", type = "string", nullable = true },
    },
    vectors = { { name = "embedding", type = "vector_fp32", dim = dim, metric = "cosine" } },
  }
end

--- What names an index: the same name may be in several servers of Redis.
local function full_name(target, name)
  return target .. "|" .. name
end

--- The path of the collection of an index: any name becomes a file name of its own.
local function path_of(folder, target, name)
  return folder .. "/" .. full_name(target, name):gsub("[^%w.-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end)
end

--- Calls a method. Where a collection raises, for a vector of zeros for example, Redis returns an error; so does this.
local function call(collection, method, argument)
  local ok, result, message = pcall(collection[method], collection, argument)
  if not ok then
    return nil, tostring(result)
  end
  return result, message
end

--- The index of this target with the longest prefix that `key` begins with.
local function index_of(store, target, key)
  local found
  for _, index in pairs(store.indexes) do
    local fits = index.target == target and key:sub(1, #index.prefix) == index.prefix
    if fits and (not found or #index.prefix > #found.prefix) then
      found = index
    end
  end
  return found
end

-- ---------------------------------------------------------------- what ai-cache calls

-- The first argument of these is the connection to Redis. It is not used, but `upsert` is not told the target, which is
-- that of the last `ensure_index` with the same connection.
local calls = {}

function calls.ensure_index(store, connection, target, name, prefix, dim)
  if connection == nil then
    check.misuse("ensure_index: the connection is missing")
  end
  store.targets[connection] = target
  local id = full_name(target, name)
  if not store.indexes[id] then
    check.whole("ensure_index", "dim", dim, nil, 1, DIM_MAX)
    local path = path_of(store.options.path, target, name)
    local collection, message = cache_collection.open(path, store.options, schema_of(dim))
    if not collection then
      return nil, message
    end
    store.indexes[id] = { collection = collection, prefix = prefix, target = target }
  end
  return true
end

function calls.upsert(store, connection, key, fields, ttl)
  local index = index_of(store, store.targets[connection], key)
  if not index then
    return nil, ("no index has a prefix of the key '%s': call ensure_index first"):format(key)
  end
  local written, message = call(index.collection, "upsert", {
    id = key, partition = fields.partition, embedding = fields.embedding, response = fields.response,
    created_at = fields.created_at, format = fields.format,
    expires = cache_collection.expires(check.positive("upsert", "ttl", ttl)),
  })
  if not written then
    return nil, message
  end
  return true
end

--- The nearest document of the partition; nil if there is none. So `top_k` documents need not be found.
function calls.knn_search(store, _, target, name, partition, vector)
  local index = store.indexes[full_name(target, name)]
  if not index then
    return nil, ("there is no index '%s': call ensure_index first"):format(name)
  end
  local hits, message = call(index.collection, "query", {
    vector = vector, topk = 1, filter = "partition = ?", args = { partition },
    output_fields = { "response", "created_at", "format" },
  })
  local hit = hits and hits[1]
  if not hit then
    return nil, message
  end
  return { distance = hit.distance, response = hit.response, created_at = hit.created_at, format = hit.format }
end

--- A driver that keeps its indexes in the folder `options.path`. The other options are those of a cache: limits of each
-- index, and how it is opened.
function M.new(options)
  cache_collection.check_options("new", options, {})
  local store = { options = options, indexes = {}, targets = setmetatable({}, { __mode = "k" }) }
  local driver = { pack_float32 = moonvec.pack }
  for name, work in pairs(calls) do
    driver[name] = function(...)
      return work(store, ...)
    end
  end
  return driver
end

return M

--- resty.moonvec.cache: a cache whose keys are compared by meaning. The answer to a question is found by questions that
-- mean the same.
--
--     local cache = assert(require("resty.moonvec.cache").new { path = "/var/lib/moonvec/answers.mv", dim = 384 })
--     local hit = cache:get(vector, { partition = user })
--     if not hit then
--       cache:set(vector, answer, { partition = user, ttl = 600 })
--     end
--
-- A question is a vector; with the option `model` it is a text, of which the model makes the vector. All workers share
-- the cache. docs/hosts/openresty.md describes the options.

local cache_collection = require "moonvec.resty.cache_collection" -- first: it loads moonvec.core
local check = require "moonvec.check"
local core = require "moonvec.core"
local moonvec = require "moonvec"

local ngx = ngx

local M = {}

local TTL = 3600 -- seconds
local MIN_SCORE = 0.95 -- cosine similarity from which on two questions mean the same
local DIM_MAX = 65535

local OPTIONS = { "dim", "dict", "min_score", "model", "partition", "ttl" }
local MODEL = "question" -- its name in the schema

local methods = {}
local class = { __index = methods }

-- ---------------------------------------------------------------- arguments

--- Seconds, or false: for ever.
local function check_ttl(call, ttl, otherwise)
  if ttl == false or ttl == nil then
    return ttl == nil and otherwise
  end
  return check.positive(call, "ttl", ttl)
end

local function check_score(call, given, otherwise)
  return check.number(call, "min_score", given, otherwise, -1, 1)
end

--- What identifies a question: its text, or the bytes of its vector.
local function key_of(cache, call, question)
  if not cache.model then
    return moonvec.pack(question)
  elseif type(question) ~= "string" then
    check.misuse("%s: the question must be a text, as the cache has a model, got a %s", call, type(question))
  end
  return question
end

--- The id of the entry of a question: setting it again replaces the entry.
local function id_of(cache, call, question, partition)
  return ngx.encode_base64(ngx.sha1_bin(#partition .. ":" .. partition .. key_of(cache, call, question)))
end

-- ---------------------------------------------------------------- new

local function schema_of(options)
  local vector = { name = "question", type = "vector_fp32", dim = options.dim, metric = "cosine" }
  local schema = {
    fields = { { name = "value", type = "string" }, { name = "created", type = "double" } },
    vectors = { vector },
  }
  if options.model then
    vector.embed = { from = "text", model = MODEL }
    table.insert(schema.fields, { name = "text", type = "string" })
  end
  return schema
end

local function check_new(options)
  cache_collection.check_options("new", options, OPTIONS)
  if options.dim == nil and options.model == nil then
    check.misuse("new: 'dim' is missing: how many numbers a vector has; or 'model', which makes vectors of texts")
  elseif options.dim ~= nil then
    check.whole("new", "dim", options.dim, nil, 1, DIM_MAX)
  end
  local dict = check.text("new", "dict", options.dict)
  if dict and not ngx.shared[dict] then
    check.misuse("new: there is no lua_shared_dict '%s'", dict)
  end
  return {
    model = options.model, ttl = check_ttl("new", options.ttl, TTL),
    min_score = check_score("new", options.min_score, MIN_SCORE),
    partition = check.text("new", "partition", options.partition, ""), dict = dict and ngx.shared[dict],
  }
end

--- A cache of this worker; several with the same path are one. Returns nil, message, code if it cannot be opened.
function M.new(options)
  local cache = check_new(options)
  local models = options.model and { [MODEL] = options.model } or nil
  local collection, message, code = cache_collection.open(options.path, options, schema_of(options), models)
  if not collection then
    return nil, message, code
  end
  cache.collection = collection
  return setmetatable(cache, class)
end

-- ---------------------------------------------------------------- methods

local function count(cache, what)
  if cache.dict then
    cache.dict:incr(cache.collection.path .. " " .. what, 1, 0)
  end
end

local function hit_of(found)
  if not found then
    return nil
  end
  return { id = found.id, value = found.value, score = found.score, age = math.max(0, ngx.time() - found.created) }
end

--- Looks a question up. Returns the answer to the most similar one: a table with `value`, `score`, `age` in seconds and
-- `id`; nil if none is similar enough; nil, message, code after a failure.
function methods.get(cache, question, options)
  local partition, min_score = core.options("get", options, "partition", "min_score")
  local query = {
    topk = 1, filter = "partition = ?", args = { check.text("get", "partition", partition, cache.partition) },
    min_score = check_score("get", min_score, cache.min_score), output_fields = { "value", "created" },
  }
  if cache.model then
    query.text, query.field = key_of(cache, "get", question), "question"
  else
    query.vector = question
  end
  local hits, message, code = cache.collection:query(query)
  if not hits then
    return nil, message, code
  end
  count(cache, hits[1] and "hits" or "misses")
  return hit_of(hits[1])
end

--- Stores the answer to a question, in place of an earlier one to the same question. Returns the id of the entry, or
-- nil, message, code.
function methods.set(cache, question, value, options)
  local partition, ttl = core.options("set", options, "partition", "ttl")
  if type(value) ~= "string" then
    check.misuse("set: the value must be a string, got a %s", type(value))
  end
  partition, ttl = check.text("set", "partition", partition, cache.partition), check_ttl("set", ttl, cache.ttl)
  local now = ngx.time()
  local entry = {
    id = id_of(cache, "set", question, partition), partition = partition, value = value, created = now,
    expires = ttl and now + ttl or nil,
  }
  entry[cache.model and "text" or "question"] = question
  local written, message, code = cache.collection:upsert(entry)
  if not written then
    return nil, message, code
  end
  return entry.id
end

--- Deletes the answer to exactly this question. Returns how many there were.
function methods.delete(cache, question, options)
  local partition = check.text("delete", "partition", core.options("delete", options, "partition"), cache.partition)
  return cache.collection:delete(id_of(cache, "delete", question, partition))
end

--- Deletes all answers of a partition. Returns how many there were.
function methods.purge(cache, partition)
  if type(partition) ~= "string" then
    check.misuse("purge: the partition must be a string, got a %s", type(partition))
  end
  return cache.collection:delete_by_filter("partition = ?", { partition })
end

--- Numbers about the cache. `hits` and `misses` are those of all workers with the option `dict`, else of this one.
function methods.stats(cache)
  local stats, message, code = cache.collection:stats()
  if not stats then
    return nil, message, code
  end
  local dict, path = cache.dict, cache.collection.path
  return {
    entries = stats.documents, expired = stats.expired, evicted = stats.evicted,
    hits = dict and (dict:get(path .. " hits") or 0) or stats.hits,
    misses = dict and (dict:get(path .. " misses") or 0) or stats.misses,
    memory_bytes = stats.memory_bytes, disk_bytes = stats.disk_bytes, pending_rows = stats.pending_rows,
  }
end

return M

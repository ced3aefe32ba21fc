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

--- Says of the question, in the name of `call`, what the call `inner` of moonvec raised. Other errors, such as those of
-- the model, stay as they are.
local function raise_of(call, inner, raised)
  local what = type(raised) == "string" and raised:match("^[^ ]*:%d+: " .. inner .. ": (.*)$")
  if not what then
    error(raised, 0)
  end
  check.misuse("%s: %s", call, (what:gsub("^document '.-': ", ""):gsub("field 'question'", "the question")))
end

--- Calls a method of the collection with this argument.
local function ask(cache, call, method, argument)
  local ok, result, message, code = pcall(cache.collection[method], cache.collection, argument)
  if not ok then
    raise_of(call, method, result)
  end
  return result, message, code
end

--- The bytes of a question that is a vector.
local function packed(cache, call, question)
  local kind = question == ngx.null and "null" or type(question)
  if kind ~= "table" and kind ~= "string" and kind ~= "userdata" then
    check.misuse("%s: the question must be a vector, as the cache has no model, got a %s", call, kind)
  elseif kind == "string" and #question ~= 4 * cache.dim then
    check.misuse("%s: the question must be a vector, as the cache has no model, got a string of %d bytes, not %d", call,
      #question, 4 * cache.dim)
  end
  local ok, bytes = pcall(moonvec.pack, question)
  if not ok then
    raise_of(call, "pack", bytes)
  elseif #bytes ~= 4 * cache.dim then
    check.misuse("%s: the question has %d numbers, those of the cache have %d", call, #bytes / 4, cache.dim)
  end
  return bytes
end

--- What identifies a question: its text, or the bytes of its vector.
local function key_of(cache, call, question)
  if not cache.model then
    return packed(cache, call, question)
  elseif type(question) ~= "string" then
    check.misuse("%s: the question must be a text, as the cache has a model, got a %s", call,
      question == ngx.null and "null" or type(question))
  end
  return question
end

--- The id of the entry of a question: setting it again replaces the entry.
local function id_of(key, partition)
  return ngx.encode_base64(ngx.sha1_bin(#partition .. ":" .. partition .. key))
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
    model = options.model, dim = options.dim, ttl = check_ttl("new", options.ttl, TTL),
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
  local key = key_of(cache, "get", question)
  if cache.model then
    query.text, query.field = key, "question"
  else
    query.vector = key
  end
  local hits, message, code = ask(cache, "get", "query", query)
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
  local key = key_of(cache, "set", question)
  local entry = {
    id = id_of(key, partition), partition = partition, value = value, created = ngx.time(),
    expires = ttl and cache_collection.expires(ttl) or nil,
  }
  entry[cache.model and "text" or "question"] = key
  local written, message, code = ask(cache, "set", "upsert", entry)
  if not written then
    return nil, message, code
  end
  return entry.id
end

--- Deletes the answer to exactly this question. Returns how many there were.
function methods.delete(cache, question, options)
  local partition = check.text("delete", "partition", core.options("delete", options, "partition"), cache.partition)
  return cache.collection:delete(id_of(key_of(cache, "delete", question), partition))
end

--- Deletes all answers of a partition. Returns how many there were.
function methods.purge(cache, partition)
  if type(partition) ~= "string" then
    check.misuse("purge: the partition must be a string, got a %s", type(partition))
  end
  return cache.collection:delete_by_filter("partition = ?", { partition })
end

--- Deletes all answers. Returns how many there were.
function methods.clear(cache)
  return cache.collection:delete_by_filter("partition IS NOT NULL")
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

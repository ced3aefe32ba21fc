-- Helpers of the specs: paths for collections, data from a seed, and exact answers in plain Lua.

local moonvec = require "moonvec"
local program = require "spec.support.program"

local M = {}

local paths, collections = {}, {}

--- A new path, with this ending if one is given; clean() removes what is created there.
function M.path(ending)
  local path = program.temporary_path() .. (ending or "")
  paths[#paths + 1] = path
  return path
end

--- Opens a collection at a new path, or at `options.path`; clean() closes it. The default durability is
--- "none", because the specs need not survive a power cut.
function M.collection(schema, options)
  options = options or {}
  local path = options.path or M.path()
  local open = { schema = schema, durability = not options.read_only and "none" or nil }
  for name, value in pairs(options) do
    if name ~= "path" then
      open[name] = value
    end
  end
  local collection = assert(moonvec.open(path, open))
  collections[#collections + 1] = collection
  return collection, path
end

--- The documents `from` to `to`, both included: the id, the field `n` and the first of the two components of
--- `v` are the number.
function M.numbered(from, to)
  local documents = {}
  for n = from, to do
    documents[#documents + 1] = { id = n, n = n, v = { n, 1 } }
  end
  return documents
end

--- For after_each: closes and removes everything.
function M.clean()
  for _, collection in ipairs(collections) do
    collection:close()
  end
  for _, path in ipairs(paths) do
    program.remove(path)
  end
  paths, collections = {}, {}
end

--- True if two values are equal, also tables member by member. assert.same takes a second for thousands of documents.
function M.is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not M.is_same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- True if all numbers are doubles in this Lua version: then integers beyond 2^53 are strings.
M.has_integers = math.type ~= nil -- luacheck: ignore

--- The width of the program in bits, 32 or 64. The catalog shows it: LMDB's mark stands behind 12 or 16 bytes.
function M.bits()
  local path = M.path()
  assert(moonvec.open(path, { schema = { fields = { { name = "f", type = "bool" } } } })):close()
  local file = assert(io.open(path .. "/catalog.mdb", "rb"))
  local head = file:read(20)
  file:close()
  M.clean()
  return head:find("\222\192\239\190", 17, true) and 64 or 32
end

--- Random numbers, the same on every Lua: random() in [0, 1), random(n) a whole number from 1 to n.
function M.random(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    if n then
      return math.floor(state / 2147483647 * n) + 1
    end
    return state / 2147483647
  end
end

--- A vector of normally distributed numbers; for vector_int8, of whole numbers in its range; for vector_binary, of
--- zeros and ones.
function M.vector(random, dim, type)
  local vector = {}
  for i = 1, dim do
    local number = math.sqrt(-2 * math.log(1 - random())) * math.cos(2 * math.pi * random())
    if type == "vector_int8" then
      number = math.max(-128, math.min(127, math.floor(number * 40)))
    elseif type == "vector_binary" then
      number = number > 0 and 1 or 0
    end
    vector[i] = number
  end
  return vector
end

local function dot(a, b)
  local sum = 0
  for i = 1, #a do
    sum = sum + a[i] * b[i]
  end
  return sum
end

--- The score of a stored vector, as types.lua defines it.
M.scores = {
  ip = dot,
  cosine = function(a, b)
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))
  end,
  l2 = function(a, b)
    local sum = 0
    for i = 1, #a do
      sum = sum + (a[i] - b[i]) * (a[i] - b[i])
    end
    return -sum
  end,
  l1 = function(a, b)
    local sum = 0
    for i = 1, #a do
      sum = sum + math.abs(a[i] - b[i])
    end
    return -sum
  end,
  hamming = function(a, b)
    local sum = 0
    for i = 1, #a do
      sum = sum + (a[i] ~= b[i] and 1 or 0)
    end
    return -sum
  end,
}

function M.distance_of(metric, score)
  return metric == "cosine" and 1 - score or -score
end

--- The exact answer: { id, score } of all documents for which `matches` is true, best first. `documents` is an
--- array in the order of writing, with vectors as tables in `field`.
function M.exact(documents, field, metric, query, matches)
  local found = {}
  for age, document in ipairs(documents) do
    if not matches or matches(document) then
      found[#found + 1] = { id = document.id, score = M.scores[metric](document[field], query), age = age }
    end
  end
  table.sort(found, function(a, b)
    if a.score ~= b.score then
      return a.score > b.score
    end
    return a.age < b.age
  end)
  return found
end

--- Waits until condition() is true, which another thread or process brings about. The limit only ends a spec that
--- hangs.
function M.wait_until(condition)
  local limit = os.time() + 600
  while not condition() do
    assert(os.time() < limit, "waited for ten minutes")
    os.execute("sleep 0.01")
  end
end

--- All documents of a collection, oldest first, with vectors as tables.
function M.documents(collection, filter)
  local documents = {}
  for document in collection:iterate { include_vector = "table", filter = filter } do
    documents[#documents + 1] = document
  end
  return documents
end

--- Numbers between -1 and 1 from a seed, the same on every Lua.
function M.uniform(seed)
  local state = seed
  return function()
    state = (state * 16807) % 2147483647
    return state / 1073741823.5 - 1
  end
end

--- Vector `n` of `dim` numbers near one of `centres` centres; with `scale`, that many times as large and rounded down
--- to whole numbers, for vector_int8.
function M.clustered(n, dim, centres, scale)
  local centre, own, vector = M.uniform(n % centres + 1), M.uniform(n * 7919 + 11), {}
  for i = 1, dim do
    vector[i] = centre() + 0.6 * own()
    if scale then
      vector[i] = math.floor(vector[i] * scale)
    end
  end
  return vector
end

function M.near(a, b)
  return math.abs(a - b) <= 2e-5 * math.max(1, math.abs(a), math.abs(b))
end

--- A plain assertion, because busted's are too slow for thousands of calls.
function M.expect(condition, message)
  if not condition then
    error(message, 3)
  end
end

--- The hits are the first `count` of the exact ones, but for the order of those that are equally far.
--- `has_distance(hit)`: does the distance of a hit belong to its score?
function M.expect_exact(hits, exact, count, has_distance)
  local scores = {}
  for _, found in ipairs(exact) do
    scores[found.id] = found.score
  end
  local wanted = math.min(count, #exact)
  M.expect(#hits == wanted, ("%d hits, %d expected"):format(#hits, wanted))
  for i, hit in ipairs(hits) do
    M.expect(scores[hit.id] and M.near(scores[hit.id], hit.score), "score of " .. hit.id)
    M.expect(M.near(exact[i].score, hit.score), "score at rank " .. i)
    M.expect(has_distance(hit), "distance of " .. hit.id)
    M.expect(i == 1 or hits[i - 1].score >= hit.score, "order at rank " .. i)
  end
end

function M.ids(hits)
  local ids = {}
  for i, hit in ipairs(hits) do
    ids[i] = hit.id
  end
  return ids
end

--- `dim` numbers that look random and differ for each `number`.
function M.waves(number, dim)
  local vector = {}
  for i = 1, dim do
    vector[i] = math.sin(number * 12.9898 + i * 78.233)
  end
  return vector
end

--- The message that work(...) raises, without the position at its beginning.
function M.message_of(work, ...)
  local ok, message = pcall(work, ...)
  assert(not ok, "nothing was raised")
  return (tostring(message):gsub("^[^:]+:%d+: ", ""))
end

return M

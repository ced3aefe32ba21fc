--- A collection whose rows are in every state (sealed in several segments, deleted, written again, fresh), and the same
--- documents in plain Lua: for specs that compare what a call returns with what a program over all documents finds.

local support = require "spec.support.init"

local M = {}

M.metrics = { angle = "cosine", near = "l2", product = "ip", steps = "l1", bits = "hamming" }
M.vectors = { "angle", "near", "product", "steps", "bits" }

M.schema = {
  fields = {
    { name = "n", type = "int32" },
    { name = "source", type = "string", nullable = true },
    { name = "flag", type = "bool" },
    { name = "share", type = "float", nullable = true },
    { name = "x", type = "double" },
    { name = "big", type = "uint64" },
    { name = "day", type = "timestamp" },
    { name = "tags", type = "array_string", nullable = true },
    { name = "sizes", type = "array_int64" },
    { name = "flags", type = "array_bool" },
  },
  vectors = {
    { name = "angle", type = "vector_fp32", dim = 2, metric = "cosine", index = "flat" },
    { name = "near", type = "vector_fp32", dim = 3, metric = "l2", index = "flat" },
    { name = "product", type = "vector_fp16", dim = 3, metric = "ip", index = "flat" },
    { name = "steps", type = "vector_int8", dim = 3, metric = "l1", index = "flat" },
    { name = "bits", type = "vector_binary", dim = 24, metric = "hamming", index = "flat" },
  },
}

--- Whole numbers, so that distances are exact and ties are ties.
local function whole_vector(random, dim, range)
  local vector = {}
  for i = 1, dim do
    vector[i] = random(2 * range + 1) - range - 1
  end
  return vector
end

local function bit_vector(random)
  local vector = {}
  for i = 1, 24 do
    vector[i] = random(2) - 1
  end
  return vector
end

--- A vector to search for. The angles of documents are multiples of a step, and this one lies between two: those that
--- are not the same are at so different distances from it that rounding cannot change their order.
function M.query_vector(random, field)
  if field == "angle" then
    local angle = (random(1000) + 0.3) * math.pi / 1000
    return { math.cos(angle), math.sin(angle) }
  elseif field == "bits" then
    return bit_vector(random)
  end
  return whole_vector(random, 3, 60)
end

local function list(random, most, element)
  local elements = {}
  for i = 1, random(most + 1) - 1 do
    elements[i] = element()
  end
  return elements
end

--- Most documents are of the source "s1", fewer of "s2", ...
local function source(random)
  local n = 1
  while n < 9 and random(3) == 1 do
    n = n + 1
  end
  return "s" .. n
end

local function document(random, id, angle)
  return {
    id = id,
    n = random(50) - 25,
    source = random(12) > 1 and source(random) or nil,
    flag = random(3) == 1,
    share = random(5) > 1 and (random(9) - 5) / 4 or nil,
    x = random(6) == 1 and -0.0 or random(5) - 3,
    big = random(4) == 1 and "18446744073709551615" or random(5),
    day = random(4) * 86400000000,
    tags = random(6) > 1 and list(random, 4, function() return random(7) > 1 and "tag" .. random(6) or "" end) or nil,
    sizes = list(random, 3, function() return random(5) - 3 end),
    flags = list(random, 3, function() return random(2) == 1 end),
    angle = { math.cos(angle), math.sin(angle) },
    near = whole_vector(random, 3, 60),
    product = whole_vector(random, 3, 60),
    steps = whole_vector(random, 3, 60),
    bits = bit_vector(random),
  }
end

-- The shares of the documents that are written in one commit. optimize seals the first two; a commit seals itself if it
-- has 4,096 rows, as the third has from 8,000 documents on. The rest stay fresh.
local SHARES, SEALED = { 0.4, 0.02, 0.55, 0.03 }, 2

--- Opens a collection with about `count` documents. Returns it, the documents in the order of their last write, and the
--- random numbers.
function M.open(seed, count)
  local random = support.random(seed)
  local c = support.collection(M.schema, { path = ":memory:", maintenance = "manual" })
  local documents, written = {}, 0
  local function make(id)
    written = written + 1
    documents[#documents + 1] = document(random, id, written % 2000 * math.pi / 1000)
    return documents[#documents]
  end
  for part, share in ipairs(SHARES) do
    local batch = {}
    for i = 1, math.ceil(count * share) do
      batch[i] = make("d" .. part .. "_" .. i)
    end
    assert(c:insert(batch))
    if part == SEALED then
      assert(c:optimize())
    end
    for _ = 1, math.floor(#batch / 20) do
      assert(c:delete(table.remove(documents, random(#documents)).id))
      assert(c:upsert(make(table.remove(documents, random(#documents)).id)))
    end
  end
  return c, documents, random
end

--- Filters, with the same in Lua.
M.filters = {
  { text = "n >= ? OR n = ?", args = { 0, -3 }, matches = function(d) return d.n >= 0 or d.n == -3 end },
  { text = "flag = true", matches = function(d) return d.flag end },
  { text = "source = 's?1' OR source != 's1'", matches = function(d) return d.source and d.source ~= "s1" end },
  { text = "NOT (n BETWEEN ? AND ?)", args = { -5, 5 }, matches = function(d) return d.n < -5 or d.n > 5 end },
  { text = "n > 100", matches = function() return false end },
}

return M

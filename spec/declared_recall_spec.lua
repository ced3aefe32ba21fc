-- The recall that a query declares is found, whatever the query looks like: rows, points between two rows, rows with
-- noise, directions drawn evenly, rows of another field; for every metric, with and without a filter, for 1, 10 and
-- 100 hits. Exact search of the same collection is the truth.

local support = require "spec.support"

local ROWS, QUERIES, DIM, TOPK_MAX = 6000, 60, 32, 100
local SHARES = { 100, 50, 10, 1 } -- per cent of the rows that match
-- What may be missed beyond the declared recall, by the number of hits: 0.01, and what so few queries leave to chance.
-- A walk that is forced may miss more of 100 hits: under ip the nearest 100 of 6,000 rows of very different lengths lie
-- in all directions.
local TOLERANCE = { auto = { [1] = 0.04, [10] = 0.02, [100] = 0.02 },
  graph = { [1] = 0.04, [10] = 0.02, [100] = 0.05 } }

local function numbers(random)
  local uniform = function() return (random(1000000) - 0.5) / 1000000 end
  return uniform, function() return math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()) end
end

-- Sets of vectors: make(n, random) gives row or query n.
local SETS = {
  clusters = function(n) return support.clustered(n, DIM, 30) end,
  ["heavy tails"] = function(_, random)
    local _, normal = numbers(random)
    local v, scale = {}, math.exp(0.5 * normal())
    for d = 1, DIM do v[d] = scale * normal() / math.sqrt(d) end
    return v
  end,
  ["few dims"] = function(_, random)
    local uniform, v = numbers(random), {}
    for d = 1, 8 do v[d] = uniform() end
    return v
  end,
}

local function length(v)
  local squares = 0
  for _, x in ipairs(v) do squares = squares + x * x end
  return math.sqrt(squares)
end

local function each(v, change)
  local made = {}
  for d, x in ipairs(v) do made[d] = change(x, d) end
  return made
end

-- A query of each kind, made of a row that is not in the collection and of one that is.
local KINDS = {
  { name = "rows", make = function(row) return row end },
  { name = "between two", make = function(row, other)
    return each(row, function(x, d) return (x + other[d]) / 2 end)
  end },
  { name = "rows with noise", make = function(row, _, normal)
    local deviation = length(row) / math.sqrt(#row)
    return each(row, function(x) return x + deviation * normal() end)
  end },
  { name = "directions", make = function(row, _, normal)
    local made = each(row, function() return normal() end)
    local scale = length(row) / length(made)
    return each(made, function(x) return x * scale end)
  end },
  { name = "another field", make = function(row) return each(row, function(_, d) return row[#row + 1 - d] end) end },
}

-- The scores of the hits that exact search has for a vector, best first: as many as any query here asks for.
local function exact_scores(c, vector, filter)
  local scores = {}
  for i, hit in ipairs(assert(c:query { vector = vector, topk = TOPK_MAX, filter = filter, output_fields = {},
    params = { exact = true } })) do
    scores[i] = hit.score
  end
  return scores
end

local function share_found(c, kind, options)
  local found, wanted, filter = 0, 0, options.filter
  kind.exact[filter or ""] = kind.exact[filter or ""] or each(kind.queries, function(vector)
    return exact_scores(c, vector, filter)
  end)
  for q, vector in ipairs(kind.queries) do
    local exact = kind.exact[filter or ""][q]
    local hits = assert(c:query { vector = vector, topk = options.topk, filter = filter, output_fields = {},
      params = { recall = options.recall, plan = options.plan } })
    assert.equal(math.min(options.topk, #exact), #hits)
    local bound = exact[#hits]
    for _, hit in ipairs(hits) do
      if hit.score >= bound - 1e-6 * math.abs(bound) then found = found + 1 end
    end
    wanted = wanted + #hits
  end
  return found / wanted
end

local function holds(c, kind, options)
  local declared = options.recall or 0.95
  local found = share_found(c, kind, options)
  assert.is_true(found >= declared - TOLERANCE[options.plan or "auto"][options.topk],
    ("%s, %d hits, filter %s, plan %s: recall %.3f instead of %.2f"):format(kind.name, options.topk,
      options.filter or "none", options.plan or "auto", found, declared))
end

-- Vectors as other types have them.
local FORMS = {
  vector_fp32 = function(v) return v end,
  vector_fp16 = function(v) return v end,
  vector_int8 = function(v)
    local scale = 127 / math.max(1e-9, length(v))
    return each(v, function(x) return math.max(-127, math.min(127, math.floor(x * scale + 0.5))) end)
  end,
  vector_binary = function(v) return each(v, function(x) return x > 0 and 1 or 0 end) end,
}

-- Insert the documents in parts, so that each part becomes a segment with a graph: a batch of 4,096 documents or more
-- is sealed at once, and create_index merges nothing.
local function insert_parts(c, docs, parts, index)
  local done = 0
  for _, count in ipairs(parts) do
    local part = {}
    for n = 1, count do part[n] = docs[done + n] end
    assert(c:insert(part))
    done = done + count
  end
  assert(c:create_index("v", index))
  local stats = c:stats()
  assert(stats.segments == #parts and stats.indexes.v.graphs == #parts, "the parts are no segments with graphs")
end

-- `parts`: how many documents each segment has (default: all in one).
local function with_collection(make, vector_type, metric, quantize, work, parts)
  local random = support.random(7)
  local _, normal = numbers(random)
  local rows, docs, count = {}, {}, ROWS
  if parts then
    count = 0
    for _, part in ipairs(parts) do count = count + part end
  end
  for n = 1, count do
    rows[n] = make(n, random)
    docs[n] = { id = n, n = n * 7919 % 100, v = FORMS[vector_type](rows[n]) }
  end
  local index = { type = "hnsw", quantize = quantize }
  local schema = {
    fields = { { name = "n", type = "int32" } },
    vectors = { { name = "v", type = vector_type, dim = #rows[1], metric = metric,
      index = parts and "flat" or index } },
  }
  local c = support.collection(schema, { maintenance = "manual" })
  if parts then
    insert_parts(c, docs, parts, index)
  else
    assert(c:insert(docs))
    assert(c:optimize { threads = 1 })
  end
  local kinds = {}
  for i, kind in ipairs(KINDS) do
    local queries = {}
    for q = 1, QUERIES do
      queries[q] = FORMS[vector_type](kind.make(make(count + q, random), rows[random(count)], normal))
    end
    kinds[i] = { name = kind.name, queries = queries, exact = {} } -- by filter
  end
  work(c, kinds)
  c:destroy()
end

describe("declared recall", function()
  after_each(function()
    support.clean()
  end)

  local function finds_all(name, vector_type, metric, quantize)
    it(("is found: %s, %s, %s, codes %s #once"):format(name, vector_type, metric, quantize), function()
      with_collection(SETS[name], vector_type, metric, quantize, function(c, kinds)
        for _, kind in ipairs(kinds) do
          for _, k in ipairs { 1, 10, 100 } do
            holds(c, kind, { topk = k, plan = "graph" })
            for _, share in ipairs(SHARES) do
              holds(c, kind, { topk = k, filter = share < 100 and ("n < %d"):format(share) or nil })
            end
          end
          for _, recall in ipairs { 0.8, 0.9, 0.98, 0.99 } do
            holds(c, kind, { topk = 10, recall = recall, plan = "graph" })
          end
        end
      end)
    end)
  end

  -- Each graph but the first one is searched when hits were found already.
  for _, set in ipairs { { "clusters", "l2" }, { "clusters", "cosine" }, { "heavy tails", "ip" } } do
    it(("is found in several segments: %s, %s #once"):format(set[1], set[2]), function()
      with_collection(SETS[set[1]], "vector_fp32", set[2], "auto", function(c, kinds)
        for _, kind in ipairs(kinds) do
          for _, k in ipairs { 1, 10, 100 } do holds(c, kind, { topk = k, plan = "graph" }) end
          holds(c, kind, { topk = 10, plan = "graph", filter = "n < 50" })
        end
      end, { 12000, 4096, 4096 })
    end)
  end

  for _, metric in ipairs { "l2", "cosine", "ip" } do finds_all("clusters", "vector_fp32", metric, "auto") end
  for _, name in ipairs { "heavy tails", "few dims" } do
    for _, metric in ipairs { "l2", "cosine", "ip" } do finds_all(name, "vector_fp32", metric, "auto") end
  end
  finds_all("clusters", "vector_fp32", "cosine", "int4")
  finds_all("clusters", "vector_fp32", "l2", "none")
  finds_all("heavy tails", "vector_fp16", "l2", "auto")
  finds_all("clusters", "vector_int8", "ip", "auto")
  finds_all("clusters", "vector_binary", "hamming", "auto")
end)

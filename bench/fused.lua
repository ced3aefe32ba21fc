-- fused.lua: a query for a vector and a text under a filter, compared with its two legs alone. What is measured and how
-- to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local text_corpus = require "text_corpus"
local tools = require "tools"

local BATCH, K, LEG, DIM = 2000, 10, 50, 384

local options = harness.options { queries = 300, rounds = 5, core = 1, seed = 1, most = 0 }
local path = tools.directory .. "/fused.mv"

local function build(documents, vectors)
  tools.remove(path)
  local c = assert(moonvec.create_and_open(path, {
    fields = { { name = "n", type = "int32", index = "invert" }, { name = "body", type = "string", index = "text" } },
    vectors = { { name = "v", type = "vector_fp32", dim = DIM } },
  }, { durability = "none", maintenance = "manual" }))
  for from = 1, #documents, BATCH do
    local batch = {}
    for i = from, math.min(from + BATCH - 1, #documents) do
      batch[#batch + 1] = { id = i, n = i * 2654435761 % 4294967296 % 100, body = documents[i], v = vectors[i] }
    end
    assert(c:insert(batch))
  end
  assert(c:optimize())
  return c
end

--- The times of `search(words, vector)` for all queries, in microseconds.
local function times_of(queries, vectors, search)
  local times = {}
  for i, words in ipairs(queries) do
    local text = table.concat(words, " ")
    local begin = harness.seconds()
    assert(search(text, vectors[i]))
    times[i] = (harness.seconds() - begin) * 1e6
  end
  return times
end

local function percentiles(rounds)
  local all = {}
  for _, times in ipairs(rounds) do
    for _, time in ipairs(times) do all[#all + 1] = time end
  end
  table.sort(all)
  return all[math.ceil(#all / 2)], all[math.ceil(#all * 0.99)]
end

if not harness.os.pin(options.core) then io.stderr:write("fused: not pinned to a core\n") end
local documents, titles = text_corpus.read("packages", options.most)
local vectors = tools.vectors(tools.data(0, #documents, DIM, options.seed), DIM)
local asked = tools.vectors(tools.data(#documents, options.queries, DIM, options.seed), DIM)
local c = build(documents, vectors)
local report = harness.report("fused", "a vector and a text under a filter, and each alone", options.seed)
report:line("%s package descriptions with vectors of %d dims; %d hits of each leg, %d fused",
  harness.number(#documents), DIM, LEG, K)
local rows = { { "words", "filter", "vector us", "text us", "both us", "of the sum", "p99 us" } }
for _, count in ipairs { 1, 2, 5 } do
  local queries = text_corpus.queries(titles, count, options.queries, options.seed)
  for _, filter in ipairs { "", "n < 50", "n < 10", "n < 1" } do
    local of = filter ~= "" and filter or nil
    local function by_vector(_, vector)
      return c:query { vector = vector, topk = LEG, filter = of, output_fields = {} }
    end
    local function by_text(text)
      return c:query { text = text, topk = LEG, filter = of, output_fields = {} }
    end
    local function by_both(text, vector)
      return c:query { vector = vector, text = text, topk = K, filter = of, output_fields = {} }
    end
    local results = harness.alternate(options.rounds, {
      function() return times_of(queries, asked, by_vector) end,
      function() return times_of(queries, asked, by_text) end,
      function() return times_of(queries, asked, by_both) end,
    })
    local vector, text = percentiles(results[1]), percentiles(results[2])
    local both, p99 = percentiles(results[3])
    rows[#rows + 1] = { tostring(count), filter, ("%.0f"):format(vector), ("%.0f"):format(text), ("%.0f"):format(both),
      ("%.2f"):format(both / (vector + text)), ("%.0f"):format(p99) }
  end
end
report:table(rows)
report:finish(options.save)
c:close()
tools.remove(path)

-- text.lua: full text: indexing, and the ten best documents for words of titles, compared with SQLite's FTS5, Zvec,
-- Xapian and Lucene. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local text_corpus = require "text_corpus"
local text_engines = require "text_engines"
local tools = require "tools"

local WORDS = { 1, 2, 5, 8 } -- of a query
local WARM_UP_QUERIES = 25 -- of each number of words

-- corpus: "packages" (descriptions of Debian packages) or "docs" (paragraphs of the documentation that is installed);
-- most: that many documents of it, 0 for all; fresh: how many of the last ones moonvec inserts after `optimize`, in
-- commits of 50, so that they have no index; engines: some of those in text_engines.lua, all that are here if empty.
local options = harness.options {
  corpus = "packages", engines = "", queries = 500, rounds = 3, core = 1, seed = 1, most = 0, fresh = 0,
}

local documents_path, queries_path = tools.directory .. "/text.documents", tools.directory .. "/text.queries"

-- Writes the queries of each number of words, and some of all for warming up.
local function write_queries(titles)
  local some = {}
  for _, count in ipairs(WORDS) do
    local queries = text_corpus.queries(titles, count, options.queries, options.seed)
    text_corpus.write_queries(queries_path .. count, queries)
    for i = 1, math.min(WARM_UP_QUERIES, #queries) do some[#some + 1] = queries[i] end
  end
  text_corpus.write_queries(queries_path, some)
end

local function warm_up(engine)
  local begin = harness.seconds()
  repeat
    for _, filtered in ipairs { false, true } do engine.search(queries_path, filtered) end
  until harness.seconds() - begin >= engine.warm_up
end

-- The mean and two percentiles of the times of all rounds, and the mean of what a call costs, where it is known.
local function summary(rounds)
  local all, sum, floor = {}, 0, nil
  for _, results in ipairs(rounds) do
    for _, time in ipairs(results.times) do
      all[#all + 1] = time
      sum = sum + time
    end
    if results.floor then floor = (floor or 0) + results.floor / #rounds end
  end
  table.sort(all)
  return { mean = sum / #all, p50 = all[math.ceil(#all / 2)], p99 = all[math.ceil(#all * 0.99)], floor = floor }
end

-- The share of the hits `ours` that is among `theirs`.
local function overlap(ours, theirs)
  local same, count = 0, 0
  for i, ids in ipairs(ours) do
    local is_there = {}
    for _, id in ipairs(theirs[i]) do is_there[id] = true end
    for _, id in ipairs(ids) do same = same + (is_there[id] and 1 or 0) end
    count = count + #ids
  end
  return same / count
end

local function build(report, engines, bytes)
  for _, engine in ipairs(engines) do
    local built = engine.build(documents_path)
    report:line("%s: insert %.2f s, index %.2f s, both %.1f MB/s", engine.name, built.insert, built.index,
      bytes / 1e6 / (built.insert + built.index))
    if built.size then
      report:line("  index alone %.0f MB/s, %.1f MB = %.2f of the text", bytes / 1e6 / built.index, built.size / 1e6,
        built.size / bytes)
    end
  end
  report:line()
end

local function measure(engines, count, filtered)
  local passes = {}
  for i, engine in ipairs(engines) do
    passes[i] = function() return engine.search(queries_path .. count, filtered) end
  end
  return harness.alternate(options.rounds, passes)
end

local function add_rows(rows, label, engines, results)
  local ours = summary(results[1])
  local function add(name, mean, ...)
    rows[#rows + 1] = { label, name, harness.number(1e6 / mean), ("%.2f"):format(mean / ours.mean), ... }
  end
  for i, engine in ipairs(engines) do
    local theirs = summary(results[i])
    add(engine.name, theirs.mean, harness.number(theirs.p50), harness.number(theirs.p99),
      ("%.3f"):format(overlap(results[1][1].found, results[i][1].found)))
    if theirs.floor then -- at least a tenth is the search: a smaller rest would be noise
      add(engine.name .. ", net of its call", math.max(theirs.mean - theirs.floor, theirs.mean / 10), "-", "-", "-")
    end
  end
end

local wanted = harness.words(options.engines, "engine", text_engines.sides)
local report = harness.report("text", "the ten best documents for words of titles", options.seed)
local function complain(text) report:line("%s", text) end
local engines = text_engines.list(wanted, complain, options.core == 0 and 1 or 0, options.fresh)
if not harness.os.pin(options.core) then complain("not pinned to a core") end
local documents, titles = text_corpus.read(options.corpus, options.most)
local bytes = 0
for _, body in ipairs(documents) do bytes = bytes + #body end
if options.fresh > #documents then error(("--fresh: there are %d documents"):format(#documents), 0) end
text_corpus.write_documents(documents_path, documents)
write_queries(titles)
report:line("%s: %s documents, %.1f MB of text; %d queries, %d rounds; on one core, Lucene on another", options.corpus,
  harness.number(#documents), bytes / 1e6, options.queries, options.rounds)
if options.fresh > 0 then report:line("moonvec: %s of them fresh", harness.number(options.fresh)) end
build(report, engines, bytes)
for _, engine in ipairs(engines) do warm_up(engine) end
local rows = { { "words", "engine", "QPS", "time, x", "p50 us", "p99 us", "same hits" } }
for _, count in ipairs(WORDS) do
  for _, filtered in ipairs { false, true } do
    add_rows(rows, count .. (filtered and ", 1 %" or ""), engines, measure(engines, count, filtered))
  end
end
report:table(rows)
report:finish(options.save)
for _, engine in ipairs(engines) do engine.close() end

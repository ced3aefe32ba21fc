-- text.lua: full text: indexing, and the ten best documents for words of titles, compared with SQLite's FTS5. What is
-- measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local sqlite3 = require "luasql.sqlite3"
local harness = require "harness"
local text_corpus = require "text_corpus"
local tools = require "tools"

local BATCH = 5000
local K = 10

-- corpus: "packages" (descriptions of Debian packages) or "docs" (paragraphs of the documentation that is installed).
local options = harness.options { corpus = "packages", queries = 500, rounds = 3, core = 1, seed = 1, most = 0 }

local path = tools.directory .. "/text.mv"
local database = tools.directory .. "/text.sqlite"

-- ---------------------------------------------------------------- building

local function build_moonvec(documents)
  tools.remove(path)
  local c = assert(moonvec.create_and_open(path, {
    fields = { { name = "n", type = "int32", index = "invert" }, { name = "body", type = "string", index = "text" } },
  }, { durability = "none", maintenance = "manual" }))
  local begin = harness.seconds()
  for from = 1, #documents, BATCH do
    local batch = {}
    for i = from, math.min(from + BATCH - 1, #documents) do
      batch[#batch + 1] = { id = i, n = i * 2654435761 % 4294967296 % 100, body = documents[i] }
    end
    assert(c:insert(batch))
  end
  local inserted = harness.seconds()
  assert(c:optimize { threads = 1 })
  return c, inserted - begin, harness.seconds() - inserted
end

local function quoted(text) return "'" .. text:gsub("'", "''"):gsub("%z", " ") .. "'" end

local function build_fts5(documents)
  tools.remove(database)
  local db = assert(sqlite3.sqlite3():connect(database))
  assert(db:execute("PRAGMA synchronous = OFF"))
  assert(db:execute("CREATE VIRTUAL TABLE t USING fts5(body, n UNINDEXED, tokenize = 'unicode61')"))
  local begin = harness.seconds()
  assert(db:execute("BEGIN"))
  for i, body in ipairs(documents) do
    assert(db:execute(("INSERT INTO t (rowid, body, n) VALUES (%d, %s, %d)"):format(i, quoted(body),
      i * 2654435761 % 4294967296 % 100)))
  end
  assert(db:execute("COMMIT"))
  assert(db:execute("INSERT INTO t (t) VALUES ('optimize')"))
  return db, harness.seconds() - begin
end

-- ---------------------------------------------------------------- searching

local function search_moonvec(c, queries, filter)
  local times = {}
  for i, words in ipairs(queries) do
    local begin = harness.seconds()
    assert(c:query { text = table.concat(words, " "), topk = K, filter = filter, output_fields = {} })
    times[i] = (harness.seconds() - begin) * 1e6
  end
  return times
end

local function search_fts5(db, queries, filter)
  local times = {}
  for i, words in ipairs(queries) do
    local quoted_words = {}
    for j, word in ipairs(words) do quoted_words[j] = '"' .. word .. '"' end
    local begin = harness.seconds()
    local cursor = assert(db:execute(("SELECT rowid FROM t WHERE t MATCH '%s'%s ORDER BY rank LIMIT %d"):format(
      table.concat(quoted_words, " OR "), filter and " AND " .. filter or "", K)))
    while cursor:fetch() do end
    cursor:close()
    times[i] = (harness.seconds() - begin) * 1e6
  end
  return times
end

local function figures(list)
  local all, sum = {}, 0
  for _, times in ipairs(list) do
    for _, time in ipairs(times) do
      all[#all + 1] = time
      sum = sum + time
    end
  end
  table.sort(all)
  return { qps = #all * 1e6 / sum, p50 = all[math.ceil(#all / 2)], p99 = all[math.ceil(#all * 0.99)] }
end

if not harness.os.pin(options.core) then io.stderr:write("text: not pinned to a core\n") end
local documents, titles = text_corpus.read(options.corpus, options.most)
local bytes = 0
for _, body in ipairs(documents) do bytes = bytes + #body end
local c, inserting, indexing = build_moonvec(documents)
local db, fts5 = build_fts5(documents)
local size = tonumber(tools.shell(("cd '%s' && stat -c %%s *.text | paste -sd+ | bc"):format(path)))
local report = harness.report("text", "the ten best documents for words of titles", options.seed)
report:line("%s: %s documents, %.1f MB of text", options.corpus, harness.number(#documents), bytes / 1e6)
report:line("moonvec: insert %.1f s, index %.1f s (%.0f MB/s), %.1f MB = %.2f of the text", inserting, indexing,
  bytes / 1e6 / indexing, size / 1e6, size / bytes)
report:line("FTS5: insert and index %.1f s (%.0f MB/s)", fts5, bytes / 1e6 / fts5)
report:line()
assert(c:query { filter = "n < 1" }) -- the first use of inverted lists verifies them
report:line("words    moonvec QPS   p50   p99   FTS5 QPS     p50      p99      x")
for _, count in ipairs { 1, 2, 5, 8 } do
  local queries = text_corpus.queries(titles, count, options.queries, options.seed)
  for _, filter in ipairs { false, "n < 1" } do
    local results = harness.alternate(options.rounds, {
      function() return search_moonvec(c, queries, filter or nil) end,
      function() return search_fts5(db, queries, filter or nil) end,
    })
    local ours, theirs = figures(results[1]), figures(results[2])
    report:line("%d%s %11.0f %5.0f %5.0f %10.0f %7.0f %8.0f %6.1f", count, filter and ", 1 %" or "     ", ours.qps,
      ours.p50, ours.p99, theirs.qps, theirs.p50, theirs.p99, ours.qps / theirs.qps)
  end
end
report:finish(options.save)
c:close()
db:close()
tools.remove(path)
tools.remove(database)

-- filter.lua: rows per second of a filter without a search, over 1,000,000 sealed rows without an index,
-- and the time with an index; SQLite in memory for comparison. What is measured and how to read it:
-- bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"

local BATCH = 10000
local WORDS = { "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "hazel", "ivory", "jade" }

local options = harness.options { rows = 1000000, rounds = 5, core = 1, seed = 1 }

-- The same text is given to both, except where SQLite needs another form.
local IN_SQLITE = {
  ["title ILIKE '%IRC%'"] = "lower(title) LIKE '%irc%'",
}
local MANY = {} -- numbers in no order
for i = 1, 60 do MANY[i] = ("%d"):format(i * 104729 % 1000000) end
local FILTERS = {
  "n >= 500000",
  "n BETWEEN 250000 AND 260000",
  "n IN (1, 10, 100, 1000, 10000, 100000, 20, 200, 2000, 20000)",
  "n IN (" .. table.concat(MANY, ", ") .. ")",
  "price < 10.5",
  "title = 'hazel 500 birch'",
  "title LIKE 'haz%'",
  "title LIKE '%irc%'",
  "title ILIKE '%IRC%'",
  "title = 'HAZEL 500 birch' COLLATE NOCASE",
  "n >= 500000 AND title LIKE '%irc%'",
  "note IS NULL",
  "tags CONTAIN_ANY ('amber', 'jade')",
}

-- The filters with an index, over the same rows. n is uniform, so a bound selects a share of the rows.
local INDEXED = {
  "n < 1000",
  "n < 10000",
  "n < 32000",
  "n < 100000",
  "n < 250000",
  "n < 500000",
  "n >= 31250 AND n < 968750",
  "n != 7",
  "n BETWEEN 250000 AND 260000",
  "n IN (1, 10, 100, 1000, 10000, 100000, 20, 200, 2000, 20000)",
  "price < 10.5",
  "title = 'hazel 500 birch'",
  "title LIKE 'haz%'",
  "title LIKE '%irc%'",
  "title ILIKE '%IRC%'",
  "note = 'jade'",
  "note LIKE '%a%'",
  "note = 'jade' AND n < 100000",
  "note = 'jade' AND title LIKE '%irc%'",
  "tags CONTAIN_ANY ('amber', 'jade')",
  "tags CONTAIN_ALL ('amber', 'jade', 'hazel')",
}

-- A small random number generator, so that a seed gives the same rows on every Lua version.
local state = options.seed
local function random(limit)
  state = (state * 16807) % 2147483647
  return state % limit
end

local function make_rows(first, count)
  local docs = {}
  for i = 1, count do
    local title = ("%s %d %s"):format(WORDS[random(#WORDS) + 1], random(1000), WORDS[random(#WORDS) + 1])
    local note = random(4) > 0 and WORDS[random(#WORDS) + 1] or nil
    local tags = {}
    for j = 1, random(5) do tags[j] = WORDS[random(#WORDS) + 1] end
    docs[i] = { id = ("%d"):format(first + i), n = random(1000000), price = random(100000) / 64, title = title,
      note = note, tags = tags }
  end
  return docs
end

local function open_moonvec(path, index)
  tools.remove(path)
  return assert(moonvec.create_and_open(path, { name = "filter", vectors = {}, fields = {
    { name = "n", type = "int64", index = index },
    { name = "price", type = "double", index = index },
    { name = "title", type = "string", index = index },
    { name = "note", type = "string", nullable = true, index = index },
    { name = "tags", type = "array_string", index = index },
  } }, { durability = "none", maintenance = "manual" }))
end

local function open_sqlite()
  local ok, luasql = pcall(require, "luasql.sqlite3")
  if not ok then return nil, "Debian's lua-sql-sqlite3 is not installed" end
  local connection = assert(luasql.sqlite3():connect(":memory:"))
  assert(connection:execute("CREATE TABLE t (id TEXT, n INTEGER, price REAL, title TEXT, note TEXT)"))
  assert(connection:execute("PRAGMA case_sensitive_like = ON"))
  return connection
end

local function insert_sqlite(connection, docs)
  local values = {}
  for i, d in ipairs(docs) do
    local note = d.note and "'" .. d.note .. "'" or "NULL"
    values[i] = ("('%s',%d,%.17g,'%s',%s)"):format(d.id, d.n, d.price, d.title, note)
  end
  assert(connection:execute("INSERT INTO t VALUES " .. table.concat(values, ",")))
end

local function index_sqlite(connection)
  for _, column in ipairs { "n", "price", "title", "note" } do
    assert(connection:execute(("CREATE INDEX t_%s ON t (%s)"):format(column, column)))
  end
end

local function count_sqlite(connection, filter)
  local cursor = assert(connection:execute("SELECT count(*) FROM t WHERE " .. filter))
  local count = cursor:fetch()
  cursor:close()
  return tonumber(count)
end

-- The seconds of one count, and its result. Short counts are repeated for at least 20 ms.
local function timed(count)
  local found
  local repeats, begin = 0, harness.seconds()
  repeat
    found, repeats = count(), repeats + 1
  until harness.seconds() - begin > 0.02
  return { seconds = (harness.seconds() - begin) / repeats, found = found }
end

local function rate(list)
  local rates = {}
  for i, result in ipairs(list) do rates[i] = options.rows / result.seconds / 1e6 end
  return harness.summary(rates)
end

local function microseconds(list)
  local times = {}
  for i, result in ipairs(list) do times[i] = result.seconds * 1e6 end
  return harness.summary(times)
end

local report = harness.report("filter", "filters without and with an index", options.seed)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end

local path, indexed_path = tools.directory .. "/filter.mv", tools.directory .. "/filter_indexed.mv"
local plain, indexed = open_moonvec(path), open_moonvec(indexed_path, "invert")
local sqlite, reason = open_sqlite()
if not sqlite then report:line("SQLite is not here: %s", reason) end
for first = 0, options.rows - 1, BATCH do
  local docs = make_rows(first, math.min(BATCH, options.rows - first))
  assert(plain:insert(docs))
  assert(indexed:insert(docs))
  if sqlite then insert_sqlite(sqlite, docs) end
end
assert(plain:optimize())
assert(indexed:optimize())
-- A deleted row: with it, indexes cannot count without looking at rows.
assert(plain:delete("1") == 1 and indexed:delete("1") == 1)
if sqlite then assert(sqlite:execute("DELETE FROM t WHERE id = '1'")) end

local function side(collection, filter)
  return function() return timed(function() return assert(collection:count(filter)) end) end
end

local function sqlite_side(filter)
  return function() return timed(function() return count_sqlite(sqlite, IN_SQLITE[filter] or filter) end) end
end

-- SQLite has no arrays.
local function has_peer(filter)
  return sqlite and not filter:find("tags", 1, true)
end

local function short(filter)
  if #filter > 200 then return ("%s... (%d values)"):format(filter:sub(1, 14), #MANY) end
  return #filter > 36 and filter:sub(1, 33) .. "..." or filter
end

-- All sides must have the same result.
local function alternate(filter, runs)
  local results = harness.alternate(options.rounds, runs)
  for i = 2, #runs do
    assert(results[i][1].found == results[1][1].found, "both sides must count the same: " .. filter)
  end
  return results, harness.number(results[1][1].found)
end

report:line("%s rows: int64, double, string, nullable string, array of strings; count(filter), one thread on one core",
  harness.number(options.rows))
report:line("median (min - max) of %d alternated passes", options.rounds)
report:line()
report:line("without an index, million rows per second")
report:line()
local rows = { { "filter", "matching", "moonvec", "SQLite" } }
for _, filter in ipairs(FILTERS) do
  local peer = has_peer(filter)
  local results, found = alternate(filter, { side(plain, filter), peer and sqlite_side(filter) or nil })
  rows[#rows + 1] = { short(filter), found, harness.spread(rate(results[1]), 1),
    peer and harness.spread(rate(results[2]), 1) or "-" }
end
report:table(rows)

if sqlite then index_sqlite(sqlite) end
report:line()
report:line("with an index on every field, microseconds; beside it without (SQLite: an index on each column)")
report:line()
rows = { { "filter", "matching", "moonvec, index", "without", "SQLite, index" } }
for _, filter in ipairs(INDEXED) do
  local peer = has_peer(filter)
  local results, found =
    alternate(filter, { side(indexed, filter), side(plain, filter), peer and sqlite_side(filter) or nil })
  rows[#rows + 1] = { short(filter), found, harness.spread(microseconds(results[1]), 1),
    harness.spread(microseconds(results[2]), 1), peer and harness.spread(microseconds(results[3]), 0) or "-" }
end
report:table(rows)
local stats = indexed:stats().indexes
for _, field in ipairs(indexed.schema.fields) do
  report:line("index of %s: %.2f bytes a row", field.name, stats[field.name].bytes / options.rows)
end
report:finish(options.save)
plain:close()
indexed:close()
tools.remove(path)
tools.remove(indexed_path)

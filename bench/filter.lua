-- filter.lua: rows per second of a filter alone, over 1,000,000 sealed rows without an index, with
-- SQLite in memory for comparison. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"

local BATCH = 10000
local WORDS = { "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "hazel", "ivory", "jade" }

local options = harness.options { rows = 1000000, rounds = 5, core = 1, seed = 1 }

-- The same filter for both sides, in plain SQL.
local FILTERS = {
  "n >= 500000",
  "n BETWEEN 250000 AND 260000",
  "n IN (1, 10, 100, 1000, 10000, 100000, 20, 200, 2000, 20000)",
  "price < 10.5",
  "title = 'hazel 500 birch'",
  "title LIKE 'haz%'",
  "title LIKE '%irc%'",
  "n >= 500000 AND title LIKE '%irc%'",
  "note IS NULL",
}

-- A small generator of its own, so that a seed means the same rows on every Lua.
local state = options.seed
local function random(limit)
  state = (state * 16807) % 2147483647
  return state % limit
end

local function make_rows(first, count)
  local docs = {}
  for i = 1, count do
    local title = ("%s %d %s"):format(WORDS[random(#WORDS) + 1], random(1000), WORDS[random(#WORDS) + 1])
    docs[i] = { id = ("%d"):format(first + i), n = random(1000000), price = random(100000) / 64, title = title,
      note = random(4) > 0 and WORDS[random(#WORDS) + 1] or nil }
  end
  return docs
end

local function open_moonvec(path)
  tools.remove(path)
  return assert(moonvec.create_and_open(path, { name = "filter", vectors = {}, fields = {
    { name = "n", type = "int64" },
    { name = "price", type = "double" },
    { name = "title", type = "string" },
    { name = "note", type = "string", nullable = true },
  } }, { durability = "none" }))
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

local function count_sqlite(connection, filter)
  local cursor = assert(connection:execute("SELECT count(*) FROM t WHERE " .. filter))
  local count = cursor:fetch()
  cursor:close()
  return tonumber(count)
end

-- Seconds of one count, and what it found. Short ones are repeated to at least 20 ms.
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

local report = harness.report("filter", "filters without an index, million rows per second", options.seed)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end

local path = tools.directory .. "/filter.mv"
local collection = open_moonvec(path)
local sqlite, reason = open_sqlite()
if not sqlite then report:line("SQLite is not here: %s", reason) end
for first = 0, options.rows - 1, BATCH do
  local docs = make_rows(first, math.min(BATCH, options.rows - first))
  assert(collection:insert(docs))
  if sqlite then insert_sqlite(sqlite, docs) end
end
assert(collection:optimize())

report:line("%s rows: int64, double, string, nullable string; count(filter), one thread on one core",
  harness.number(options.rows))
report:line("median (min - max) of %d alternated passes, in million rows per second", options.rounds)
report:line()
local rows = { { "filter", "passing", "moonvec", "SQLite" } }
for _, filter in ipairs(FILTERS) do
  local runs = { function() return timed(function() return assert(collection:count(filter)) end) end }
  if sqlite then runs[2] = function() return timed(function() return count_sqlite(sqlite, filter) end) end end
  local results = harness.alternate(options.rounds, runs)
  local found = results[1][1].found
  assert(not sqlite or results[2][1].found == found, "both sides must count the same: " .. filter)
  rows[#rows + 1] = { #filter > 36 and filter:sub(1, 33) .. "..." or filter, harness.number(found),
    harness.spread(rate(results[1]), 1), sqlite and harness.spread(rate(results[2]), 1) or "-" }
end
report:table(rows)
report:finish(options.save)
collection:close()
tools.remove(path)

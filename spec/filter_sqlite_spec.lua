-- Compares random filters with SQLite: the same documents must match. The rows are random, and a
-- mixture of fresh, sealed and deleted ones; all, some or no fields have an index.
-- MOONVEC_FILTERS=100000 tests more filters, MOONVEC_SEED=n sets the seed.

local moonvec = require "moonvec"
local support = require "spec.support.init"
local filter_random = require "spec.support.filter_random"

local has_sqlite, luasql = pcall(require, "luasql.sqlite3")

local FILTERS = tonumber(os.getenv("MOONVEC_FILTERS") or 3000)
local FIRST_SEED = tonumber(os.getenv("MOONVEC_SEED") or 1)
local FILTERS_PER_SCHEMA = 50
-- One schema in this number has enough rows for indexes.
local LARGE_EVERY = tonumber(os.getenv("MOONVEC_LARGE_EVERY") or 10)
local INDEXED_ROWS = 1024
local SEGMENT_ROWS = 4096 -- inserted at once, these rows become one segment

--- The same rows in a collection and in a table of SQLite.
local function open_both(random, schema, database)
  local path = random:chance(50) and support.path() or ":memory:"
  local moonvec_schema = filter_random.moonvec_schema(schema, random, random:pick({ 0, 50, 100, 100 }))
  local collection = support.collection(moonvec_schema, { path = path, maintenance = "manual" })
  assert(database:execute("DROP TABLE IF EXISTS t"))
  assert(database:execute(filter_random.create_table(schema)))
  return { random = random, schema = schema, collection = collection, database = database, path = path, ids = 0 }
end

local function reopen(both)
  if both.path ~= ":memory:" then
    assert(both.collection:close())
    both.collection = support.collection(nil, { path = both.path, maintenance = "manual" })
  end
end

local function write(both, method, ids)
  local docs = {}
  assert(both.database:execute("BEGIN"))
  for i, id in ipairs(ids) do
    local row = filter_random.row(both.random, both.schema, id)
    docs[i] = row.doc
    assert(both.database:execute(row.sql))
  end
  assert(both.database:execute("COMMIT"))
  assert(both.collection[method](both.collection, docs))
end

local function insert(both, count)
  local ids = {}
  for i = 1, count do
    both.ids = both.ids + 1
    ids[i] = "d" .. both.ids
  end
  write(both, "insert", ids)
end

local function some_id(both)
  return "d" .. 1 + both.random:below(both.ids)
end

local function delete(both, count)
  for _ = 1, count do
    local id = some_id(both)
    assert(both.collection:delete(id))
    assert(both.database:execute(("DELETE FROM t WHERE id = '%s'"):format(id)))
  end
end

--- Writes rows: in segments, some of them deleted, and fresh ones; or only some of these kinds.
local function fill(both)
  local random = both.random
  insert(both, 1 + random:below(150))
  if random:chance(70) then
    assert(both.collection:optimize())
  end
  if random:chance(60) then
    delete(both, random:below(30))
  end
  if random:chance(60) then
    insert(both, random:below(80) + 1)
  end
  if random:chance(30) then
    assert(both.collection:optimize())
    insert(both, 1 + random:below(5))
  end
  if random:chance(50) then
    write(both, "upsert", { some_id(both) })
  end
end

--- The same with enough rows for indexes, and sometimes another large segment without an index.
local function fill_large(both)
  local random = both.random
  insert(both, INDEXED_ROWS + random:below(1000))
  if random:chance(50) then
    assert(both.collection:optimize())
    delete(both, random:below(50))
  end
  if random:chance(30) then
    insert(both, SEGMENT_ROWS)
  end
  if random:chance(70) then
    assert(both.collection:optimize())
  end
  delete(both, random:below(100))
  write(both, "upsert", { some_id(both), some_id(both) })
  if random:chance(20) then
    insert(both, SEGMENT_ROWS)
  end
  insert(both, random:below(80) + 1)
  reopen(both)
  assert(both.collection:check())
end

local function ids_in_moonvec(both, filter)
  local ids = {}
  for doc in both.collection:iterate({ filter = filter.text, args = filter.args, output_fields = {} }) do
    ids[#ids + 1] = doc.id
  end
  table.sort(ids)
  assert(#ids == both.collection:count(filter.text, filter.args), "iterate and count differ")
  return ids
end

local function ids_in_sqlite(both, filter)
  local ids = {}
  local rows = assert(both.database:execute("SELECT id FROM t WHERE " .. filter.sql))
  local id = rows:fetch()
  while id do
    ids[#ids + 1] = id
    id = rows:fetch()
  end
  rows:close()
  table.sort(ids)
  return ids
end

local function only_in(ids, others)
  local others_set, only = {}, {}
  for _, id in ipairs(others) do
    others_set[id] = true
  end
  for _, id in ipairs(ids) do
    if not others_set[id] then
      only[#only + 1] = id
    end
  end
  return only
end

local function report(both, filter, seed, found, wanted)
  local lines = {
    ("seed %d differs"):format(seed),
    "schema: " .. filter_random.describe(both.schema),
    "filter: " .. filter.text,
    "args:   " .. filter_random.show(filter.args),
    "SQL:    " .. filter.sql,
    "only in moonvec: " .. table.concat(only_in(found, wanted), " "),
    "only in SQLite:  " .. table.concat(only_in(wanted, found), " "),
  }
  return table.concat(lines, "\n")
end

local function compare(both, seed)
  local filter = filter_random.filter(both.random, both.schema, moonvec.null)
  local ok, found = pcall(ids_in_moonvec, both, filter)
  if not ok then
    error(("%s\n%s"):format(found, report(both, filter, seed, {}, {})), 0)
  end
  local wanted = ids_in_sqlite(both, filter)
  if table.concat(found, " ") ~= table.concat(wanted, " ") then
    error(report(both, filter, seed, found, wanted), 0)
  end
  return filter, #found
end

describe("filters", function()
  if not has_sqlite then
    pending("agree with SQLite (luasql.sqlite3 is not installed)")
    return
  end

  after_each(support.clean)

  it("agree with SQLite #once", function()
    local environment = luasql.sqlite3()
    local database = assert(environment:connect(""))
    assert(database:execute("PRAGMA case_sensitive_like = ON"))
    local some_match = 0
    local last_seed = FIRST_SEED + math.ceil(FILTERS / FILTERS_PER_SCHEMA) - 1
    for seed = FIRST_SEED, last_seed do
      local random = filter_random.new(seed)
      local both = open_both(random, filter_random.schema(random), database)
      if seed % LARGE_EVERY == 0 then
        fill_large(both)
      else
        fill(both)
      end
      local filter, matching
      for _ = 1, FILTERS_PER_SCHEMA do
        filter, matching = compare(both, seed)
        some_match = some_match + (matching > 0 and 1 or 0)
      end
      -- The last filter deletes the documents that match.
      assert.equal(matching, (assert(both.collection:delete_by_filter(filter.text, filter.args))))
      assert(database:execute("DELETE FROM t WHERE " .. filter.sql))
      compare(both, seed)
      support.clean()
    end
    database:close()
    environment:close()
    assert.is_true(some_match > FILTERS / 3) -- many filters match some rows, else the test proves little
  end)
end)

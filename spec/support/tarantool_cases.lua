-- What the Tarantool specs try in one instance. Each case begins with an empty space and an empty collection, raises
-- if something is wrong, and may be called in any order.

local clock = require "clock"
local fiber = require "fiber"
local fio = require "fio"
local moonvec = require "moonvec"
local rows = require "spec.support.tarantool_rows"
local tarantool = require "moonvec.tarantool"

local POSITION = "moonvec.tarantool" -- the key of the position in collection:meta

local M = {}
local Case = {}
Case.__index = Case

local current -- the case that runs

--- A space and a collection. `kind`: "deleted" or "deletes"; `key`: the type of the primary key.
local function new_case(kind, key)
  rows.create(key)
  local self = setmetatable({ space = box.space.rows, collection = rows.open(), options = {} }, Case)
  current = self
  self.purged = box.schema.sequence.create "rows_purged"
  if kind then
    self.options = { [kind] = kind == "deleted" and "deleted" or box.space.rows_deleted, purged = self.purged }
    self.numbers = tarantool.number_changes(self.space, box.sequence.rows_seq, self.options)
  end
  return self
end

function Case:follow(more)
  local options = {}
  for _, source in ipairs { self.options, more or {} } do
    for name, value in pairs(source) do
      options[name] = value
    end
  end
  self.follower = assert(tarantool.follow(self.space, self.collection, options))
  return self.follower
end

function Case:put(from, to)
  for n = from, to do
    rows.put(self.space.index[0].parts[1].type == "string" and "k" .. n or n, n)
  end
end

--- The follower has taken all; the collection is equal to the space and has `count` documents.
function Case:expect(count)
  assert(self.follower:wait(nil, 60), "waited for a minute: " .. tostring(self.follower.message))
  assert(rows.compare(self.collection) == "equal " .. count, rows.compare(self.collection))
end

function Case:expect_stats(expected)
  local stats = self.follower:stats()
  for name, value in pairs(expected) do
    assert(stats[name] == value, ("%s is %s, expected %s"):format(name, tostring(stats[name]), tostring(value)))
  end
end

--- Ends the case and removes what it has made.
local function clean()
  if current.follower then
    current.follower:stop()
  end
  current.collection:close()
  fio.rmtree "rows.mv"
  for _, name in ipairs { "rows", "rows_deleted" } do
    if box.space[name] then
      box.space[name]:drop()
    end
  end
  for _, name in ipairs { "rows_seq", "rows_purged" } do
    if box.sequence[name] then
      box.sequence[name]:drop()
    end
  end
end

local function wait_until(condition)
  local limit = fiber.time() + 60
  while not condition() do
    assert(fiber.time() < limit, "waited for a minute")
    fiber.sleep(0.001)
  end
end

-- ---------------------------------------------------------------- deletes

function M.tombstones()
  local case = new_case "deleted"
  case:follow()
  case:put(1, 50)
  case:expect(50)
  case.space:delete "k7"
  case.space:delete "k7"
  case.space:delete "k8"
  case:put(8, 8)
  case:expect(49)
  case:expect_stats { rebuilds = 0, seq = 53 }
end

function M.log()
  local case = new_case "deletes"
  case:put(1, 30)
  case:follow()
  case.space:delete "k7"
  case.space:delete "k8"
  case:put(8, 8)
  case:expect(29)
  assert(box.space.rows_deleted:count() == 2)
  case:expect_stats { rebuilds = 0 }
end

--- What number_changes was told need not be told again.
function M.same_numbering()
  for _, kind in ipairs { "deleted", "deletes" } do
    local case = new_case(kind)
    case.options = {}
    case:put(1, 3)
    case:follow()
    case.space:delete "k2"
    case:expect(2)
    case:expect_stats { unseen = 0 }
    case.follower:stop()
    if kind == "deleted" then
      clean()
    end
  end
end

--- To insert, update and upsert a tombstone is no row. What a trigger cannot do raises.
function M.operations_on_tombstones()
  local case = new_case "deleted"
  local space = case.space
  case:follow()
  case:put(1, 3)
  space:delete "k1"
  space:delete "k2"
  assert(space:update("k1", { { "+", "n", 100 } }) == nil)
  local ok, message = pcall(space.upsert, space, { "k1", 7, "v" }, { { "+", "n", 100 } })
  assert(not ok and tostring(message):find("the row 'k1' of space 'rows' is deleted: use replace or insert", 1, true))
  assert(space:get("k1").n == 1 and space:get("k1").deleted and box.sequence.rows_seq:current() == 5)
  space:insert { "k1", 8, space:get("k3").v }
  assert(space:update("k2", { { "=", "deleted", false } }).n == 2)
  case:expect(3)
  -- rows that are there: as without triggers
  ok, message = pcall(space.insert, space, { "k3", 8, "v" })
  assert(not ok and tostring(message):find("Duplicate key", 1, true))
  space:upsert({ "k3", 8, "v" }, { { "+", "n", 100 } })
  space:upsert({ "k4", 8, space:get("k3").v }, { { "+", "n", 100 } })
  assert(space:get("k3").n == 103 and space:get("k4").n == 8)
  case:expect(4)
end

--- A space that had rows before it got the fields: NULL is no tombstone, and rows without a number are missing.
function M.space_that_exists()
  local case = new_case()
  case.space.index.seq:drop()
  local format = case.space:format()
  format[4].is_nullable = true
  case.space:format(format)
  case.space:create_index("seq", { parts = { { "seq", is_nullable = true } } })
  local v = moonvec.pack { 1, 2, 3, 4, 5, 6, 7, 8 }
  case.space:insert { "a", 1, v }
  case.space:insert { "b", 1, v, box.NULL, box.NULL }
  tarantool.number_changes(case.space, box.sequence.rows_seq, { deleted = "deleted" })
  assert(case:follow().feed:has_unnumbered())
  case:expect_stats { lag = 0 }
  case.space:delete "b"
  assert(case.space:get("b").deleted == true)
  for _, row in case.space:pairs() do
    case.space:replace(row)
  end
  assert(not case.follower.feed:has_unnumbered())
  case:expect(1)
end

--- A delete that leaves no trace is counted; purging tombstones, and a delete that is rolled back, are not.
function M.unseen_deletes()
  local case = new_case()
  case.space:replace { "a", 1, moonvec.pack { 1, 2, 3, 4, 5, 6, 7, 8 }, 1 }
  case.space:replace { "b", 1, moonvec.pack { 1, 2, 3, 4, 5, 6, 7, 8 }, 2, true }
  case:follow { deleted = "deleted" }
  case:expect(1)
  box.begin()
  case.space:delete "a"
  box.rollback()
  case.space:delete "b"
  case:expect_stats { unseen = 0 }
  case.space:delete "a"
  case:expect_stats { unseen = 1 }
  assert(#case.collection == 1)
end

function M.integer_keys()
  local case = new_case("deletes", "unsigned")
  case:put(1, 30)
  case:follow()
  case.space:delete(7)
  case:expect(29)
  case.follower:stop()
  assert(case.collection:upsert { id = "ghost", n = 1, v = { 1, 2, 3, 4, 5, 6, 7, 8 } })
  assert(case.collection:meta(POSITION, "0 rebuilding " .. case.follower.feed:origin()))
  case:follow()
  case:expect(29)
end

--- Tombstones or log rows that the follower has passed are purged: nothing happens. Then some that it has not.
local function purge(kind)
  local case = new_case(kind)
  case:follow()
  case:put(1, 1200)
  for n = 1, 1200, 2 do
    case.space:delete("k" .. n)
  end
  case:expect(600)
  case.numbers:purge(1800)
  case:expect(600)
  assert((kind == "deleted" and case.space:count() - 600 or box.space.rows_deleted:count()) == 0)
  case:expect_stats { rebuilds = 0 }
  case.follower:stop()
  case.space:delete "k2"
  case:put(2000, 2000)
  case.numbers:purge(1801)
  case:follow()
  case:expect(600)
  case:expect_stats { rebuilds = 1 }
end

function M.purge_tombstones()
  return purge "deleted"
end

function M.purge_log()
  return purge "deletes"
end

-- ---------------------------------------------------------------- positions

--- Goes on where another follower stopped.
function M.goes_on()
  local case = new_case "deleted"
  case:put(1, 20)
  case:follow()
  case:expect(20)
  case.follower:stop()
  case:put(21, 30)
  case:follow()
  case:expect(30)
  case:expect_stats { written = 10, rebuilds = 0 }
end

--- Rebuilds if the position, changed by `change`, is not one of this space.
local function rebuilds(change)
  local case = new_case "deleted"
  case:put(1, 300)
  case:follow()
  case:expect(300)
  case.follower:stop()
  assert(case.collection:upsert { id = "ghost", n = 1, v = { 1, 2, 3, 4, 5, 6, 7, 8 } })
  assert(case.collection:delete "k5")
  change(case, case.collection:meta(POSITION))
  case:follow()
  case:expect(case.space:count())
  case:expect_stats { rebuilds = 1 }
  assert(not case.collection:fetch "ghost")
  case.follower:stop()
  case:follow()
  case:expect(case.space:count())
  case:expect_stats { rebuilds = 0, written = 0 }
end

function M.position_ahead()
  rebuilds(function(case, position)
    assert(case.collection:meta(POSITION, (position:gsub("^300", "301"))))
  end)
end

function M.position_of_other_instance()
  rebuilds(function(case, position)
    local changed, count = position:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "00000000-0000-4000-8000-000000000000")
    assert(count == 1 and case.collection:meta(POSITION, changed))
  end)
end

function M.truncated_before()
  rebuilds(function(case)
    case.space:truncate()
    case:put(1, 3)
  end)
end

function M.truncated_meanwhile()
  local case = new_case "deleted"
  case:put(1, 100)
  case:follow()
  case:expect(100)
  case.space:truncate()
  assert(case.follower:wait(nil, 60) and #case.collection == 0)
  case:put(50, 60)
  case:expect(11)
  case:expect_stats { rebuilds = 1 }
end

--- A collection that `damage` damages while no follower is there is made again.
local function is_made_again(damage)
  local case = new_case "deleted"
  case:put(1, 10)
  case:follow()
  case:expect(10)
  case.follower:stop()
  case.collection:close()
  damage()
  case.collection = rows.open()
  case:follow()
  case:expect(10)
end

function M.damaged_collection()
  is_made_again(function()
    local file = fio.open("rows.mv/unsynced", { "O_WRONLY", "O_CREAT" }) -- as the power cut leaves it
    file:write "00000000-0000-4000-8000-000000000000"
    file:close()
    assert(select(3, moonvec.open "rows.mv") == "corrupt")
  end)
end

--- The catalog is empty: moonvec.destroy does not recognize the directory.
function M.unrecognizable_collection()
  is_made_again(function()
    fio.truncate("rows.mv/catalog.mdb", 0)
  end)
  assert(fio.path.exists "rows.mv.damaged/catalog.mdb")
  fio.rmtree "rows.mv.damaged"
end

-- ---------------------------------------------------------------- commits

function M.rolled_back()
  local case = new_case "deleted"
  local follower = case:follow()
  case:put(1, 3)
  box.begin()
  case:put(4, 5)
  assert(follower.pending:lowest() == 4)
  box.rollback()
  box.begin()
  case:put(6, 7)
  assert(follower.pending:lowest() == 6)
  box.commit()
  assert(follower.pending:lowest() == math.huge)
  case:expect(5)
end

--- A change with a lower number that is not committed holds back those behind it.
function M.waits_for_pending()
  local case = new_case "deleted"
  local follower = case:follow()
  case:put(1, 3)
  case:expect(3)
  case:put(4, 4)
  local number = box.sequence.rows_seq:next()
  follower.pending.seqs[number] = true -- as in a transaction that has not ended
  case:put(5, 6)
  wait_until(function()
    return follower.seq == 4
  end)
  fiber.sleep(0.01)
  case:expect_stats { seq = 4, lag = 3 }
  follower.pending.seqs[number] = nil
  case:put(7, 7)
  case:expect(7)
end

function M.late_row()
  local case = new_case()
  local v = moonvec.pack { 1, 2, 3, 4, 5, 6, 7, 8 }
  case:follow()
  case.space:replace { "a", 1, v, 10 }
  case:expect(1)
  case.space:replace { "b", 1, v, 5 }
  wait_until(function()
    return case.follower:stats().late == 1
  end)
  case:expect(2)
end

-- ---------------------------------------------------------------- pieces

--- The numbers of rows that are taken without a yield, where each row takes cost(n) seconds of a clock that only this
-- function moves.
local function pieces(case, cost)
  local now, taken, list = 0, 0, {}
  local monotonic = clock.monotonic
  clock.monotonic = function() -- luacheck: ignore 122
    return now
  end
  local is_counting = true
  fiber.create(function()
    while is_counting do
      fiber.sleep(0)
      list[#list + 1] = taken > 0 and taken or nil
      taken = 0
    end
  end)
  case:follow { document = function(row)
    now, taken = now + cost(row.n), taken + 1
    return { n = row.n, v = row.v }
  end }
  local ok, message = pcall(case.expect, case, 3000)
  clock.monotonic, is_counting = monotonic, false -- luacheck: ignore 122
  assert(ok, message)
  return list
end

--- No piece takes more than 2 ms, also when rows begin to cost four times as much; other fibers run in between.
function M.short_pieces()
  local case = new_case "deleted"
  case:put(1, 3000)
  local function cost(n)
    return n <= 2000 and 0.00004 or 0.00016
  end
  local number, longest = 0, 0
  for _, count in ipairs(pieces(case, cost)) do
    local seconds = 0
    for n = number + 1, number + count do
      seconds = seconds + cost(n)
    end
    number, longest = number + count, math.max(longest, seconds)
  end
  assert(number == 3000, number)
  assert(longest <= 0.0020001, longest)
end

--- However cheap rows are, 500 are in one transaction at most.
function M.pieces_of_500()
  local case = new_case "deleted"
  case:put(1, 3000)
  local most = 0
  for _, count in ipairs(pieces(case, function()
    return 0
  end)) do
    most = math.max(most, count)
  end
  assert(most == 500, most)
end

-- ---------------------------------------------------------------- failures

--- A row that `document` refuses. Returns the case and a function that makes it acceptable.
local function with_wrong_row(on_error)
  local case, is_wrong = new_case "deleted", true
  case:put(1, 40)
  case:follow { on_error = on_error, document = function(row)
    if row.n == 20 and is_wrong then
      return { n = row.n, v = "too short" }
    end
    return { n = row.n, v = row.v }
  end }
  return case, function()
    is_wrong = false
  end
end

function M.retries()
  local case, mend = with_wrong_row "retry"
  wait_until(function()
    return case.follower:stats().errors > 2
  end)
  case:expect_stats { seq = 19, failing = true, running = true }
  local message = case.follower:stats().message
  assert(message:find("'k20'", 1, true) and message:find("'v'", 1, true), message)
  mend()
  case:expect(40)
  case:expect_stats { failing = false }
end

function M.skips()
  local case, mend = with_wrong_row "skip"
  assert(case.follower:wait(nil, 60))
  case:expect_stats { skipped = 1, written = 39, failing = false }
  assert(case.follower:stats().message:find("the row 'k20' was left out", 1, true))
  assert(not case.collection:fetch "k20")
  mend()
  case:put(20, 20)
  case:expect(40)
end

--- Another fiber has a transaction open while rows come.
function M.busy()
  local case = new_case "deleted"
  local follower = case:follow()
  case.collection:transaction(function()
    case:put(1, 10)
    wait_until(function()
      return follower:stats().busy > 0
    end)
  end)
  case:expect(10)
  case:expect_stats { errors = 0 }
end

--- Rows that have no document are deleted from the collection.
function M.filtered_rows()
  local case = new_case "deleted"
  case:put(1, 10)
  case:follow { document = function(row)
    return row.n % 2 == 0 and { n = row.n, v = row.v } or nil
  end }
  assert(case.follower:wait(nil, 60))
  assert(#case.collection == 5)
  rows.put("k4", 5)
  assert(case.follower:wait(nil, 60))
  assert(#case.collection == 4 and not case.collection:fetch "k4")
end

function M.stopped()
  local case = new_case "deleted"
  local follower = case:follow()
  case:put(1, 5)
  case:expect(5)
  assert(follower:stop() and follower:stop())
  case:put(6, 6)
  assert(follower:wait(nil, 60) == false)
  assert(follower:wait(5) == true)
  case:expect_stats { running = false, lag = 1 }
  assert(#case.space:on_replace() == 0)
end

local function message_of(call, ...)
  local ok, message = pcall(call, ...)
  assert(not ok, "it did not raise")
  return message
end

--- Wrong arguments raise, and name what is wrong.
function M.misuse()
  local case = new_case()
  local space, collection, sequence = case.space, case.collection, box.sequence.rows_seq
  local function expect(text, call, ...)
    local message = message_of(call, ...)
    assert(message:find(text, 1, true), message)
  end
  local follow, number = tarantool.follow, tarantool.number_changes
  expect("follow: expected a space, got a nil", follow, nil, collection)
  expect("follow: expected a collection, got a nil", follow, space)
  expect("unknown option 'deletd' (did you mean 'deleted'?)", follow, space, collection, { deletd = "deleted" })
  expect("the format of space 'rows' has no field 'gone'", follow, space, collection, { deleted = "gone" })
  expect("space 'rows' has no unique index of type TREE on 'n' alone", follow, space, collection, { seq = "n" })
  expect("'on_error' must be 'retry' or 'skip', got stop", follow, space, collection, { on_error = "stop" })
  expect("'budget_ms' must be a number from 0.1 to 1000, got 0", follow, space, collection, { budget_ms = 0 })
  expect("'purged': expected a sequence, got a number", follow, space, collection, { purged = 7 })
  expect("number_changes: expected a sequence, got a nil", number, space)
  expect("'deleted' cannot be combined with 'deletes'", number, space, sequence,
    { deleted = "deleted", deletes = box.space.rows_deleted })
  case:follow()
  expect("the collection follows space 'rows' already", follow, space, collection)
  expect("'seq' must be a whole number", case.follower.wait, case.follower, "x")
  local vinyl = box.schema.space.create("slow", { engine = "vinyl" })
  vinyl:create_index "id"
  expect("space 'slow' has the engine vinyl, expected memtx", follow, vinyl, collection)
  vinyl:drop()
end

--- What would fail at the first write, or make deletes go unseen.
function M.numbering_misuse()
  local case = new_case()
  local space, sequence = case.space, box.sequence.rows_seq
  local function expect(text, call, ...)
    local message = message_of(call, ...)
    assert(message:find(text, 1, true), message)
  end
  local number, follow = tarantool.number_changes, tarantool.follow
  space:create_index("v", { parts = { "v" } })
  expect("the field 'n' of space 'rows' must be boolean, it is unsigned", number, space, sequence, { deleted = "n" })
  expect("the field 'n' of space 'rows' must be boolean", follow, space, case.collection, { deleted = "n" })
  expect("the field 'v' of space 'rows' must be unsigned, integer or number, it is string", number, space, sequence,
    { seq = "v" })
  expect("'purged' is the sequence of the numbers", number, space, sequence, { purged = sequence })
  local log = box.schema.space.create("log", { format = { { "seq", "unsigned" }, { "id", "unsigned" } } })
  log:create_index("id", { parts = { "id" } })
  expect("the primary key of space 'log' must be its first field", number, space, sequence, { deletes = log })
  log.index.id:drop()
  log:create_index("seq", { parts = { "seq" } })
  expect("the second field of space 'log' must be string, as the primary key of space 'rows' is", number, space,
    sequence, { deletes = log })
  space:replace { "a", 1, moonvec.pack { 1, 2, 3, 4, 5, 6, 7, 8 }, 7 }
  expect("space 'rows' has the number 7, the sequence is at 0: call box.sequence.rows_seq:set(7) before", number, space,
    sequence)
  sequence:set(7)
  number(space, sequence, { deleted = "deleted", purged = case.purged })
  expect("the changes of space 'rows' are numbered already", number, space, sequence)
  expect("the changes of space 'rows' are numbered already", number, space, sequence, { deletes = log })
  expect("follow: 'purged' is not what number_changes was given for space 'rows'", follow, space, case.collection,
    { purged = sequence })
  expect("follow: 'deleted' is not what number_changes was given", follow, space, case.collection, { deleted = "n" })
end

--- Names that the module and its objects have, for types.lua.
function M.names()
  local case = new_case "deleted"
  local function names(object)
    local list = {}
    for name in pairs(object) do
      list[#list + 1] = name
    end
    table.sort(list)
    return table.concat(list, " ")
  end
  case:follow()
  case:expect(0)
  return names(tarantool) .. "\n" .. names(case.follower:stats())
end

--- Runs the case `name`. Returns "ok", or what else the case returns; raises if something is wrong.
return function(name)
  local ok, answer = pcall(M[name])
  clean()
  assert(ok, tostring(answer))
  return answer or "ok"
end

-- The processes of the soak (spec/soak.lua). Each role works until the file `stop` appears in the directory of the
-- soak, and raises at the first answer that is wrong.

local cache = require "spec.support.soak_cache"
local documents = require "spec.support.soak_documents"
local journals = require "spec.support.soak_journal"
local moonvec = require "moonvec"
local operations = require "spec.support.soak_operations"
local program = require "spec.support.program"

local M = {}

local Run = {}
Run.__index = Run

local RECALLS, RECALL_MIN = 30, 0.8 -- the mean of that many searches is at least this
local BACKUPS_EVERY = 10 -- seconds
local SCHEMA_CHANGES_EVERY = 5
local CACHE_CHECK_EVERY = 100 -- operations

--- How often the processes of a role did what, so far: appended to a file once a second, because they are killed.
function Run:count(what)
  self.counts[what] = (self.counts[what] or 0) + 1
  if os.time() ~= self.counted then
    for name, count in pairs(self.counts) do
      self.log:write(("%s %d\n"):format(name, count))
    end
    self.log:flush()
    self.counts, self.counted = {}, os.time()
  end
end

function Run:stopping()
  local file = io.open(self.directory .. "/stop")
  return file ~= nil and file:close()
end

--- Waits, but not longer than until the end of the soak.
function Run:sleep(seconds)
  local awake = os.time() + seconds
  repeat
    os.execute("sleep 0.5")
  until os.time() >= awake or self:stopping()
end

function Run:open(options)
  return assert(moonvec.open(self.directory .. "/collection", options))
end

function Run:open_cache(options)
  return assert(moonvec.open(self.directory .. "/cache", options))
end

--- The result of a call that may find the collection busy.
local function unless_busy(result, message, code)
  if result == nil and code ~= "busy" then
    error(tostring(message), 2)
  end
  return result
end

local function writer_journal(directory, seed, name)
  local function apply(model, n)
    operations.apply(model, operations.operation(seed, name, n, model))
  end
  return journals.open(directory .. "/" .. name .. ".journal", name, { versions = {}, mark = 0 }, apply)
end

local function coroutines_journal(directory)
  local versions = {}
  for key = 1, documents.COUNTERS do
    versions[key] = 0
  end
  local function apply(model, n)
    model.versions[n % documents.COUNTERS + 1] = n
  end
  return journals.open(directory .. "/coroutines.journal", "coroutines", { versions = versions, mark = 0 }, apply)
end

--- The journals of all writers, for the check at the end.
function M.journals(directory, seed)
  return { writer_journal(directory, seed, "writer1"), writer_journal(directory, seed, "writer2"),
    coroutines_journal(directory) }
end

local function write(run, options)
  local c = run:open(options)
  local journal = writer_journal(run.directory, run.seed, run.name)
  journal:resume(c)
  while not run:stopping() do
    local n = journal.number + 1
    local operation = operations.operation(run.seed, run.name, n, journal.model)
    journal:begin(n)
    if operations.run(c, operation, journal.model) then
      journal:done(n)
      run:count(operation.kind)
    else
      journal:undone(n)
      run:count("busy")
    end
    if options.durability == "none" and n % 100 == 0 then
      assert(c:flush())
      run:count("flush")
    end
  end
  assert(c:close())
end

-- One transaction of a coroutine, which moves an amount and counts itself. `fate`: "commit", "fail", or "drop" and
-- "close", which yield for ever. The journal gets its number at the very end: until then it must have no effect.
local function transfer(run, c, journal, slot, fate)
  local random, number = run.random, nil
  local from, step, amount = random(documents.ACCOUNTS), random(documents.ACCOUNTS - 1), random(100)
  local to = (from + step - 1) % documents.ACCOUNTS + 1
  local function add(tx, key, change)
    local id = documents.id("bank", key)
    assert(tx:update { id = id, amount = assert(tx:fetch(id)).amount + change })
  end
  local done, message, code = c:transaction(function(tx)
    add(tx, from, -amount)
    coroutine.yield()
    if fate ~= "commit" then
      assert(tx:insert(documents.document("ghost", slot, documents.UNDONE)))
      coroutine.yield(fate)
      error(fate, 0)
    end
    add(tx, to, amount)
    coroutine.yield()
    number = (math.floor(journal.number / documents.COUNTERS) + 1) * documents.COUNTERS + slot - 1
    assert(tx:update(documents.changes("coroutines", slot, number)))
    journal:begin(number)
  end)
  if done then
    journal:done(number)
  elseif number then
    journal:undone(number)
  end
  return done, message, code
end

local FATES = { "commit", "commit", "commit", "fail", "drop", "close" }

local function transfer_for_ever(run, c, journal, slot)
  while true do
    local fate = FATES[run.random(#FATES)]
    local ok, done, message, code = pcall(transfer, run, c, journal, slot, fate)
    if not ok and done ~= fate then
      error(done, 0)
    elseif ok and not done and code ~= "busy" then
      error(message, 0)
    end
    run:count(not ok and fate or done and "commit" or "busy")
    coroutine.yield()
  end
end

-- A transaction that is dropped or closed is the end of its coroutine; another one takes its slot.
local function resume_one(run, slots, slot, c, journal)
  slots[slot] = slots[slot] or coroutine.create(transfer_for_ever)
  local ok, fate = coroutine.resume(slots[slot], run, c, journal, slot)
  if not ok then
    error(debug.traceback(slots[slot], tostring(fate)), 0)
  elseif fate == "drop" or fate == "close" then
    local close = rawget(coroutine, "close")
    if fate == "close" and close then
      assert(close(slots[slot]))
    end
    slots[slot] = nil
    run:count(fate)
  end
end

local function write_in_coroutines(run, options)
  local c, slots = run:open(options), {}
  local journal = coroutines_journal(run.directory)
  journal:resume(c)
  while not run:stopping() do
    for slot = 1, documents.COUNTERS do
      resume_one(run, slots, slot, c, journal)
    end
  end
  c:close() -- says that it undoes a transaction, if there is one
end

local reads = {}

function reads.fetch(_, c)
  documents.check_accounts(assert(c:fetch(documents.accounts(), { include_vector = "table" })))
end

function reads.iterate(_, c)
  local list = {}
  for document in c:iterate { filter = "owner = 'bank'", include_vector = "table" } do
    list[#list + 1] = document
  end
  documents.check_accounts(list)
end

function reads.iterate_all(_, c)
  local seen, list = {}, {}
  for document in c:iterate { include_vector = "table" } do
    documents.check(document)
    assert(not seen[document.id], document.id)
    seen[document.id] = true
    list[#list + 1] = document.owner == "bank" and document or nil
  end
  documents.check_accounts(list)
end

function reads.ordered(_, c)
  documents.check_accounts(assert(c:query { filter = "owner = 'bank'", order_by = "amount DESC, key",
    topk = documents.ACCOUNTS + 1 }))
end

function reads.cursor(run, c)
  local list = {}
  local vector = documents.vector("bank", run.random(1000), 0)
  for hit in c:cursor { field = "v", vector = vector, filter = "owner = 'bank'" } do
    list[#list + 1] = hit
  end
  documents.check_accounts(list)
end

function reads.count(_, c)
  local count = assert(c:count("owner = 'bank' AND amount IS NOT NULL"))
  assert(count == documents.ACCOUNTS, count .. " accounts")
  assert(assert(c:count("n < 0")) == 0, "a document of an undone transaction is counted")
end

local function query(run, filter)
  return { field = "v", vector = documents.vector("writer1", run.random(6000), run.random(1000)), topk = 10,
    filter = filter, include_vector = "table" }
end

local function check_hits(hits)
  for i, hit in ipairs(hits) do
    documents.check(hit)
    assert(i == 1 or hits[i - 1].score >= hit.score, "hits are not in order")
  end
end

function reads.query(run, c)
  check_hits(assert(c:query(query(run))))
end

function reads.query_filtered(run, c)
  local hits = assert(c:query(query(run, "owner = 'writer1' AND key >= 3000")))
  check_hits(hits)
  for _, hit in ipairs(hits) do
    assert(hit.owner == "writer1" and hit.key >= 3000, "hit " .. hit.id .. " does not match the filter")
  end
end

-- Every account is the only document of the bank with its word.
function reads.text(run, c)
  local key = run.random(documents.ACCOUNTS)
  local hits = assert(c:query { text = documents.word(key), include_vector = "table" })
  local accounts = 0
  check_hits(hits)
  for _, hit in ipairs(hits) do
    assert(hit.key == key, "hit " .. hit.id .. " does not have the word")
    accounts = accounts + (hit.owner == "bank" and 1 or 0)
  end
  assert(accounts == 1, ("account %d is found %d times by its word"):format(key, accounts))
end

function reads.sparse(run, c)
  local index = documents.sparse_index(run.random(6000))
  local hits = assert(c:query { field = "sparse", vector = { [index] = 1 }, include_vector = "table" })
  check_hits(hits)
  for _, hit in ipairs(hits) do
    assert(documents.sparse_index(hit.key) == index, "hit " .. hit.id .. " shares no index with the query")
  end
end

function reads.several(run, c)
  local vectors = documents.several(run.random(6000), run.random(1000))
  check_hits(assert(c:query { field = "several", vectors_of_one = vectors, include_vector = "table" }))
end

-- Both searches are in one transaction, and so of one commit.
function reads.recall(run, c)
  local options, found = query(run), 0
  local exact = {}
  local searched = unless_busy(c:transaction(function(tx)
    local hits = assert(tx:query(options))
    options.params = { exact = true }
    for _, hit in ipairs(assert(tx:query(options))) do
      exact[hit.id] = true
    end
    for _, hit in ipairs(hits) do
      found = found + (exact[hit.id] and 1 or 0)
    end
    if next(exact) then
      found = found / #hits
    end
  end))
  if not searched or not next(exact) then
    return
  end
  table.insert(run.recalls, found)
  if #run.recalls == RECALLS then
    local sum = 0
    for _, recall in ipairs(run.recalls) do
      sum = sum + recall
    end
    assert(sum >= RECALL_MIN * RECALLS, ("the recall of %d searches is %.2f"):format(RECALLS, sum / RECALLS))
    run.recalls = {}
  end
end

local READS = { "fetch", "fetch", "iterate", "ordered", "cursor", "count", "query", "query", "query", "query",
  "query_filtered", "query_filtered", "query_filtered", "recall", "iterate_all", "text", "text", "sparse", "several" }

local function read(run)
  local c = run:open()
  run.recalls = {}
  while not run:stopping() do
    local name = READS[run.random(#READS)]
    reads[name](run, c)
    run:count(name)
  end
  assert(c:close())
end

local optimizations = {}

function optimizations.whole(_, c)
  return unless_busy(c:optimize())
end

function optimizations.slices(run, c)
  local budget_ms = run.random(30)
  local state
  repeat
    state = unless_busy(c:optimize { budget_ms = budget_ms })
  until state ~= "more" or run.random(200) == 1 or run:stopping()
  return state
end

function optimizations.background(_, c)
  local job = unless_busy(c:optimize { background = true })
  return job and unless_busy(job:wait())
end

function optimizations.cancelled(run, c)
  local job = unless_busy(c:optimize { background = true })
  if job then
    unless_busy(job:wait(run.random() * 0.2))
    job:cancel()
    return unless_busy(job:wait())
  end
end

local OPTIMIZATIONS = { "whole", "slices", "background", "cancelled" }

local function optimize(run)
  local c = run:open()
  while not run:stopping() do
    local name = OPTIMIZATIONS[run.random(#OPTIMIZATIONS)]
    local done = optimizations[name](run, c)
    run:count(done == nil and "busy" or name)
    run:sleep(run.random(3) - 1)
  end
  assert(c:close())
end

local function field_of(c, names)
  for _, field in ipairs(c.schema.fields) do
    for _, name in ipairs(names) do
      if field.name == name then
        return field
      end
    end
  end
end

-- A change begins with the schema as it is, because the process before this one may have been killed at any moment.
local schema_changes = {}

function schema_changes.column(run, c)
  local field = field_of(c, documents.EXTRA_NAMES)
  if not field then
    local name = documents.EXTRA_NAMES[run.random(2)]
    return "add_column", c:add_column({ name = name, type = "int32", default = documents.EXTRA }, function()
      return documents.EXTRA
    end)
  elseif run.random(3) == 1 then
    return "drop_column", c:drop_column(field.name)
  elseif run.random(2) == 1 then
    return "alter_column", c:alter_column(field.name, { nullable = true })
  end
  local other = documents.EXTRA_NAMES[field.name == documents.EXTRA_NAMES[1] and 2 or 1]
  return "alter_column", c:alter_column(field.name, { rename = other })
end

function schema_changes.scalar_index(_, c)
  if field_of(c, { "key" }).index then
    return "drop_index", c:drop_index("key")
  end
  return "create_index", c:create_index("key", "invert")
end

function schema_changes.vector_index(run, c)
  if run.random(3) == 1 then
    return "drop_index", c:drop_index("v")
  end
  return "create_index", c:create_index("v", { type = "hnsw", m = 8 + 4 * run.random(4), ef_construction = 100 })
end

local SCHEMA_CHANGES = { "column", "column", "scalar_index", "vector_index" }

local function change_schema(run)
  local c = run:open()
  while not run:stopping() do
    local what, result, message, code = schema_changes[SCHEMA_CHANGES[run.random(#SCHEMA_CHANGES)]](run, c)
    local done = unless_busy(result, message, code)
    run:count(done and what or "busy")
    run:sleep(run.random(SCHEMA_CHANGES_EVERY))
  end
  assert(c:close())
end

local function process_id()
  local file = assert(io.open("/proc/self/stat"))
  local pid = file:read("*n")
  file:close()
  return pid
end

-- An iterator, and what it must give: both are begun in one transaction, so nobody commits in between.
local function hold(c)
  local expected, held = {}, nil
  local done = unless_busy(c:transaction(function()
    held = c:iterate { include_vector = true }
    for document in c:iterate { include_vector = true } do
      expected[#expected + 1] = ("%s %d %d %s"):format(document.id, document.n, document.amount, document.v)
    end
  end))
  return done and held, expected
end

local function check_held(held, expected)
  local count = 0
  for document in held do
    count = count + 1
    local got = ("%s %d %d %s"):format(document.id, document.n, document.amount, document.v)
    assert(got == expected[count], ("document %d of the held iterator differs: %s"):format(count, document.id))
  end
  assert(count == #expected, ("the held iterator gave %d documents, not %d"):format(count, #expected))
end

-- The parent continues it after a tenth of the soak.
local function hold_iterators(run)
  local c, pid = run:open(), process_id()
  while not run:stopping() do
    local held, expected = hold(c)
    if held then
      os.execute(("kill -STOP %d"):format(pid))
      check_held(held, expected)
      run:count("stopped")
    end
    held, expected = nil, nil -- luacheck: ignore 311
    run:sleep(run.seconds / 5)
  end
  assert(c:close())
end

local function back_up(run)
  local c, path = run:open(), run.directory .. "/backup"
  while not run:stopping() do
    program.remove(path)
    assert(c:backup(path))
    local copy = assert(moonvec.open(path, { read_only = true }))
    assert(copy:check())
    reads.iterate_all(run, copy)
    assert(copy:close())
    run:count("backup")
    run:sleep(BACKUPS_EVERY)
  end
  program.remove(path)
  assert(c:close())
end

--- The journal of the cache, for the check at the end.
function M.cache_journal(directory, seed)
  return cache.open(directory .. "/cache.journal", seed)
end

local function write_cache(run, options)
  local c = run:open_cache(options)
  local journal = M.cache_journal(run.directory, run.seed)
  journal:resume(c)
  while not run:stopping() do
    run:count(journal:step(c))
    if journal.number % CACHE_CHECK_EVERY == 0 then
      journal:resume(c)
      run:count("check")
    end
  end
  assert(c:close())
end

local cache_reads = {}

function cache_reads.query(run, c)
  local vector = documents.vector(cache.OWNER, run.random(4000), run.random(1000))
  return c:query { field = "v", vector = vector, topk = 20, include_vector = "table" }
end

function cache_reads.text(run, c)
  return c:query { text = documents.word(run.random(4000)), include_vector = "table" }
end

function cache_reads.filter(run, c)
  local first = run.random(4000)
  return c:query { filter = "key BETWEEN ? AND ?", args = { first, first + 100 }, order_by = "key", topk = 101 }
end

function cache_reads.fetch(run, c)
  local ids = {}
  for i = 1, 20 do
    ids[i] = documents.id(cache.OWNER, run.random(4000))
  end
  return c:fetch(ids)
end

-- An iterator goes on with the second in which it was begun.
function cache_reads.iterate(_, c)
  local list = {}
  for document in c:iterate { include_vector = "table" } do
    list[#list + 1] = document
  end
  return list
end

local CACHE_READS = { "query", "query", "query", "filter", "fetch", "fetch", "text", "iterate" }

-- What has expired when a call begins is not returned by it. Now and then the collection is optimized.
local function read_cache(run)
  local c = run:open_cache()
  while not run:stopping() do
    local name = CACHE_READS[run.random(#CACHE_READS)]
    local now = os.time()
    for _, document in pairs(assert(cache_reads[name](run, c))) do
      cache.check(document, now)
    end
    run:count(name)
    local count = assert(c:count())
    assert(count <= cache.DOCUMENTS_MAX, count .. " documents are more than max_documents")
    if run.random(1000) == 1 and unless_busy(c:optimize()) then
      run:count("optimize")
    end
  end
  assert(c:close())
end

--- The processes. `options`: of open. `is_rare`: most kills pass it over, so that it lives long enough to show a leak.
M.list = {
  { name = "writer1", work = write, options = { durability = "full" } },
  { name = "writer2", work = write, options = { durability = "none", maintenance = "manual" }, is_rare = true },
  { name = "coroutines", work = write_in_coroutines,
    options = { durability = "none", maintenance = "manual", busy_ms = 20 } },
  { name = "reader1", work = read },
  { name = "reader2", work = read, is_rare = true },
  { name = "optimizer", work = optimize },
  { name = "changer", work = change_schema },
  { name = "holder", work = hold_iterators },
  { name = "backup", work = back_up },
  { name = "cacher", work = write_cache, options = { durability = "none" } },
  { name = "cachereader", work = read_cache },
}

--- In a child: does the work of role `index`, for the `life`-th time.
function M.run(index, directory, seed, seconds, life)
  local role = M.list[index]
  local run = { name = role.name, directory = directory, seed = seed, seconds = seconds, counts = {} }
  setmetatable(run, Run)
  run.random = operations.random(seed, role.name, life)
  run.log = assert(io.open(("%s/%s.counts"):format(directory, role.name), "a"))
  role.work(run, role.options)
end

return M

-- The soak of full text: random queries, typed and built as data, in searches and in filters. A plain Lua program must
-- find the same documents with the same scores, and FTS5 of SQLite the same documents, where it can say the same.
--
--   lua5.4 spec/text_soak.lua [QUERIES [SEED]]
--
-- Each round has a new collection that goes through some states: fresh rows, sealed ones, both with some deleted and
-- replaced, merged, reopened; at the end a second process is asked. Round n of seed s is round 1 of seed s + n - 1. The
-- exit code is 0 if nothing differs. spec/support/text_soak_queries.lua has the documents and queries.

local children = require "spec.support.children"
local luasql = require "luasql.sqlite3"
local plain = require "spec.support.text_plain"
local queries = require "spec.support.text_soak_queries"
local support = require "spec.support.init"
local trees = require "spec.support.text_trees"

local QUERIES_PER_STATE = 25
local LARGE_EVERY, LARGE_ROWS = 25, 4200 -- a round in that many begins with one segment of that many rows
local PROGRESS_EVERY = 10000 -- queries
local SEEDS_PER_ROUND = 1000

local function say(format, ...)
  print(format:format(...))
end

local function quoted(text) return "'" .. text:gsub("'", "''") .. "'" end

local Round = {}
Round.__index = Round

-- ---------------------------------------------------------------- the same documents on three sides

function Round:execute(...)
  return assert(self.database:execute((...):format(select(2, ...))))
end

function Round:open()
  self.c = support.collection(nil, { path = self.path, maintenance = "manual" })
end

function Round:begin()
  local random = self.random
  self.tokenizer = random(3) == 1 and "whitespace" or "unicode"
  self.c, self.path = support.collection({ fields = {
    { name = "body", type = "string", nullable = true,
      index = { type = "text", tokenizer = self.tokenizer, positions = random(4) > 1 } },
    { name = "n", type = "int32", index = random(2) == 1 and "invert" or nil },
  } }, { maintenance = "manual" })
  self.documents, self.words, self.last = {}, {}, 0
  for _, name in ipairs { "docs", "texts" } do self:execute("DROP TABLE IF EXISTS %s", name) end
  self:execute "CREATE TABLE docs (id INTEGER PRIMARY KEY, n, body)"
  self:execute "CREATE VIRTUAL TABLE texts USING fts5(body, tokenize = 'unicode61 remove_diacritics 2')"
end

-- Removes a document from the two other sides.
function Round:forget(id)
  self.documents[id], self.words[id] = nil, nil
  for table_name, key in pairs { docs = "id", texts = "rowid" } do
    self:execute("DELETE FROM %s WHERE %s = %d", table_name, key, id)
  end
end

function Round:write(method, ids)
  local batch = {}
  self:execute "BEGIN"
  for i, id in ipairs(ids) do
    if self.documents[id] then self:forget(id) end
    local doc, words = queries.document(self.random, self.tokenizer, id)
    batch[i], self.documents[id], self.words[id] = doc, doc, words
    local body = doc.body and quoted(doc.body)
    self:execute("INSERT INTO docs VALUES (%d, %d, %s)", id, doc.n, body or "NULL")
    if body then self:execute("INSERT INTO texts (rowid, body) VALUES (%d, %s)", id, body) end
  end
  self:execute "COMMIT"
  assert(self.c[method](self.c, batch))
end

function Round:insert(count)
  local ids = {}
  for i = 1, count do ids[i] = self.last + i end
  self.last = self.last + count
  self:write("insert", ids)
end

function Round:delete(count)
  for _ = 1, count do
    local id = self.random(self.last)
    if self.documents[id] then
      assert(self.c:delete(id))
      self:forget(id)
    end
  end
end

function Round:replace(count)
  local ids, is_there = {}, {}
  for _ = 1, count do
    local id = self.random(self.last)
    if not is_there[id] then ids[#ids + 1], is_there[id] = id, true end
  end
  self:write("upsert", ids)
end

-- ---------------------------------------------------------------- comparing

-- The ids that SQLite finds, sorted as strings. A text that is NULL neither matches nor does not.
function Round:ids_in_sqlite(query)
  local found = "SELECT rowid FROM texts WHERE texts MATCH " .. quoted(trees.fts_of(query.tree))
  local match = ("CASE WHEN body IS NULL THEN NULL ELSE id IN (%s) END"):format(found)
  local filter = query.filter or query.only_small and "n <= 3 AND body MATCH ?" or "body MATCH ?"
  filter = filter:gsub("body NOT MATCH %?", function() return "NOT (" .. match .. ")" end)
  filter = filter:gsub("body MATCH %?", function() return "(" .. match .. ")" end)
  local cursor, ids = assert(self.database:execute("SELECT id FROM docs WHERE " .. filter)), {}
  for id in function() return cursor:fetch() end do ids[#ids + 1] = ("%d"):format(id) end
  cursor:close()
  table.sort(ids)
  return ids
end

-- What is wrong with an answer, or nil.
function Round:fault_of(query, answer)
  local found, fault
  if query.filter then
    found = plain.filtered(self.documents, self.words, query.tree, query.filter)
    local wanted = table.concat(found, " ")
    fault = answer ~= wanted and ("found: %s\nplain: %s"):format(answer, wanted) or nil
  else
    local scores = plain.scores(self.words, query.tree, function(id)
      return not query.only_small or self.documents[id].n <= 3
    end)
    found = {}
    for id in pairs(scores) do found[#found + 1] = ("%d"):format(id) end
    table.sort(found)
    fault = plain.fault_of(queries.hits_in(answer), scores, query.topk)
  end
  self.matched = self.matched + (#found > 0 and 1 or 0)
  if not fault and query.is_plain then
    self.sqlite = self.sqlite + 1
    local theirs = table.concat(self:ids_in_sqlite(query), " ")
    local ours = table.concat(found, " ")
    fault = ours ~= theirs and ("plain: %s\nFTS5: %s"):format(ours, theirs) or nil
  end
  return fault
end

function Round:check(state, query, answer)
  self.asked = self.asked + 1
  local fault = self:fault_of(query, answer)
  if fault then
    error(("FAULT: seed %d, %s, %s\n%s\n%s"):format(self.seed, self.tokenizer, state,
      query.filter or ("topk %d%s"):format(query.topk, query.only_small and ", n <= 3" or ""),
      tostring(query.match) .. "\n" .. fault), 0)
  end
end

function Round:ask(state)
  for _ = 1, QUERIES_PER_STATE do
    self.next_query = self.next_query + 1
    local query = queries.query(self.next_query, self.tokenizer)
    self:check(state, query, queries.answer(self.c, query))
  end
end

-- The body of the second process.
local function answer_all(path, tokenizer, from, to)
  local texts = require "spec.support.text_soak_queries"
  local c = assert(require("moonvec").open(path, { read_only = true }))
  for seed = from, to do print(texts.answer(c, texts.query(seed, tokenizer))) end
  c:close()
end

function Round:ask_process(state)
  local first = self.next_query + 1
  self.next_query = self.next_query + QUERIES_PER_STATE
  local child = children.start(answer_all, self.path, self.tokenizer, first, self.next_query)
  local answers = child:wait()
  for i = 1, QUERIES_PER_STATE do self:check(state, queries.query(first + i - 1, self.tokenizer), answers[i]) end
end

-- ---------------------------------------------------------------- the states

function Round:run(is_large)
  local random = self.random
  self:begin()
  self:insert(is_large and LARGE_ROWS or random(random(2) == 1 and 40 or 500))
  self:ask "fresh"
  assert(self.c:optimize())
  self:ask "sealed"
  self:insert(random(150))
  self:delete(random(60))
  self:replace(random(20))
  self:ask "sealed and fresh, with deletes"
  if random(2) == 1 then
    self.c:close()
    self:open()
    self:ask "reopened, with deletes"
  end
  assert(self.c:optimize())
  self:delete(random(10))
  self:ask "merged"
  self:insert(random(30))
  self.c:close()
  self:open()
  assert(self.c:check())
  self:ask "reopened"
  self:ask_process "second process"
end

local function main(count, seed)
  local environment = luasql.sqlite3()
  local database = assert(environment:connect "")
  local sums = { asked = 0, matched = 0, sqlite = 0, rounds = 0 }
  local shown, ok, fault = 0, true, nil
  say("textsoak: %d queries, seed %d", count, seed)
  while ok and sums.asked < count do
    local own = seed + sums.rounds
    sums.rounds = sums.rounds + 1
    local round = setmetatable({
      seed = own, random = support.random(own * 7919), database = database, next_query = own * SEEDS_PER_ROUND,
      asked = 0, matched = 0, sqlite = 0,
    }, Round)
    ok, fault = xpcall(function() round:run(own % LARGE_EVERY == 0) end, function(message)
      return tostring(message):find "^FAULT" and message or debug.traceback(("FAULT: seed %d: %s"):format(own, message))
    end)
    for _, name in ipairs { "asked", "matched", "sqlite" } do sums[name] = sums[name] + round[name] end
    if sums.asked >= shown + PROGRESS_EVERY then
      shown = sums.asked
      say("%d queries", shown)
    end
    children.clean()
    support.clean()
  end
  database:close()
  environment:close()
  if not ok then
    say("%s", fault)
    return 1
  end
  say("%d queries in %d rounds; %d matched something; %d compared with FTS5, too: nothing differs", sums.asked,
    sums.rounds, sums.matched, sums.sqlite)
  return 0
end

local count, seed = tonumber(arg[1] or 100000), tonumber(arg[2] or 1)
if not count or count < 1 or not seed or seed < 1 or seed % 1 ~= 0 then
  io.stderr:write("usage: text_soak [QUERIES [SEED]], two whole numbers above 0\n")
  os.exit(2)
end
io.stdout:setvbuf("line")
os.exit(main(count, seed))

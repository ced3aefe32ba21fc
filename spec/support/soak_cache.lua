-- The cache of the soak (spec/soak.lua): a second collection, whose documents expire, and which keeps only those that
-- were written last. One process writes it, and others read it.
--
-- The model knows what must be in it. Whether a document expires before a write or after it can matter for what the
-- write evicts, and the clock of the engine is not known exactly: a write happens between two seconds, `from` and `to`.
-- A document that may have been evicted or not is doubtful. The next check of the collection settles it.
--
-- The journal is a text file that is read from its beginning:
--   entry KEY N EXPIRY   the model, oldest document first: operation N wrote KEY, which expires at EXPIRY (0: never)
--   at N               the last operation of the model
--   begin N FROM       operation N is about to be done
--   done N TO          it is acknowledged; its effect is computed from N, the times and the model
--   undone N TO        it is certain that it had no effect
-- After a kill at most the last operation is not acknowledged. It must have happened completely or not at all.

local documents = require "spec.support.soak_documents"
local operations = require "spec.support.soak_operations"

local M = {}

M.OWNER = "cache"
M.DOCUMENTS_MAX = 1500

local KEYS = 4000
local SMALL, LARGE = 40, 4300 -- documents in a batch; 4,096 become a segment at once, of which 1,500 stay
local LIFE_MAX = 25 -- seconds
local NEVER = math.huge

M.SCHEMA = {
  expires = "expiry", max_documents = M.DOCUMENTS_MAX, evict = "oldest",
  fields = {
    { name = "key", type = "int32", index = "invert" },
    { name = "n", type = "int32" },
    { name = "expiry", type = "int64", nullable = true },
    { name = "words", type = "string", index = { type = "text", tokenizer = "whitespace" } },
  },
  vectors = { documents.SCHEMA.vectors[1] },
}

-- ---------------------------------------------------------------- the model

-- The second at which the document of this key expires, if it was written at `from`: one of nine has expired already.
local function expiry_of(key, n, from)
  local dice = (key * 31 + n * 17) % 9
  return dice == 0 and NEVER or dice == 1 and from or from + 1 + (key * 7 + n) % LIFE_MAX
end

-- { entries = { [key] = entry }, list = entries, oldest first; some may have been replaced }.
-- An entry is { key =, n =, expiry =, is_doubtful = }.
local function new_model()
  return { entries = {}, list = {} }
end

local function add(model, key, n, expiry)
  local entry = { key = key, n = n, expiry = expiry }
  model.entries[key] = entry
  model.list[#model.list + 1] = entry
end

-- Leaves out what was replaced, deleted, or has expired before `from`. If a write has happened between the seconds
-- `from` and `to`, also what it evicted: all but the last documents that had not expired.
local function tidy(model, from, to)
  local certain, possible, kept = 0, 0, {} -- numbers of documents that are newer
  for i = #model.list, 1, -1 do
    local entry = model.list[i]
    if model.entries[entry.key] == entry then
      local is_kept = entry.expiry > from and (not to or certain < M.DOCUMENTS_MAX)
      model.entries[entry.key] = is_kept and entry or nil
      if is_kept then
        local was_doubtful = entry.is_doubtful
        entry.is_doubtful = was_doubtful or (to and possible >= M.DOCUMENTS_MAX) or nil
        kept[#kept + 1] = entry
        possible = possible + 1
        certain = certain + ((was_doubtful or not to or entry.expiry <= to) and 0 or 1)
      end
    end
  end
  for i = 1, #kept do
    model.list[i] = kept[#kept + 1 - i]
  end
  for i = #kept + 1, #model.list do
    model.list[i] = nil
  end
end

local function pick(random, count, wanted)
  local keys, start = {}, random(KEYS)
  for step = 0, KEYS - 1 do
    local key = (start + step) % KEYS
    if #keys < count and (not wanted or wanted(key)) then
      keys[#keys + 1] = key
    end
  end
  return keys
end

-- Operation n, begun at `from`, on a model that is tidy: { kind =, write = keys, delete = keys }.
local function operation(seed, n, model, from)
  local random = operations.random(seed, M.OWNER, n)
  local dice = random(100)
  if dice <= 2 then
    return { kind = "bulk", write = pick(random, LARGE / 2 + random(LARGE / 2)), delete = {} }
  elseif dice <= 15 then
    return { kind = "delete", write = {}, delete = pick(random, random(SMALL)) }
  elseif dice <= 50 then -- also ids of documents that have expired and are not removed yet
    return { kind = "insert", delete = {}, write = pick(random, random(SMALL), function(key)
      local entry = model.entries[key]
      return not entry or entry.expiry <= from
    end) }
  end
  return { kind = "upsert", write = pick(random, random(SMALL)), delete = {} }
end

local function apply(model, o, n, from, to)
  for _, key in ipairs(o.write) do
    add(model, key, n, expiry_of(key, n, from))
  end
  for _, key in ipairs(o.delete) do
    model.entries[key] = nil
  end
  if #o.write > 0 then
    tidy(model, from, to)
  end
end

-- ---------------------------------------------------------------- checks

local function id(key)
  return documents.id(M.OWNER, key)
end

local function document(key, n, from)
  local expiry = expiry_of(key, n, from)
  return { id = id(key), key = key, n = n, expiry = expiry ~= NEVER and expiry or nil,
    v = documents.vector(M.OWNER, key, n), words = ("%s n%d"):format(documents.word(key), n) }
end

--- Raises if a document is wrong, or had expired at `now` (os.time), when the call began that returned it.
function M.check(got, now)
  if got.expiry and got.expiry <= now then
    error(("document %s expired at %d, and was returned at %d"):format(got.id, got.expiry, now), 2)
  end
  local wanted = document(got.key, got.n, 0)
  if got.id ~= wanted.id or (got.words and got.words ~= wanted.words) then
    error(("document %s is not what operation %d wrote"):format(got.id, got.n), 2)
  end
  for i, number in ipairs(got.v or {}) do
    if math.abs(number - wanted.v[i]) > 1e-4 * (1 + math.abs(number)) then
      error(("document %s: number %d of the vector is %g, not %g"):format(got.id, i, number, wanted.v[i]), 2)
    end
  end
end

-- The first difference between the collection and the model, or nil. `found`: gets the documents by key.
local function difference(c, model, found)
  local from, count = os.time(), 0
  for got in c:iterate { include_vector = "table" } do
    M.check(got, from)
    local entry = model.entries[got.key]
    if found[got.key] then
      return "there are two documents " .. got.id
    elseif not entry or entry.n ~= got.n or entry.expiry ~= (got.expiry or NEVER) then
      return ("document %s of operation %d is there, expected: %s"):format(got.id, got.n, entry and entry.n or "none")
    end
    found[got.key], count = got, count + 1
  end
  local to = os.time() + 1 -- os.time may lag behind the clock of the engine by some milliseconds
  for _, entry in ipairs(model.list) do
    if model.entries[entry.key] == entry and not found[entry.key] and not entry.is_doubtful and entry.expiry > to then
      return ("document %s of operation %d is lost"):format(id(entry.key), entry.n)
    end
  end
  if count > M.DOCUMENTS_MAX then
    return ("there are %d documents, max_documents is %d"):format(count, M.DOCUMENTS_MAX)
  end
end

-- ---------------------------------------------------------------- the journal

local Journal = {}
Journal.__index = Journal

--- The journal of the writer, as far as it was written.
function M.open(path, seed)
  local journal = setmetatable({ path = path, seed = seed, model = new_model(), number = 0 }, Journal)
  local file = io.open(path)
  for line in (file and file:lines() or function() end) do
    local word, first, second, third = line:match("^(%a+) (%d+) ?(%d*) ?(%d*)$")
    first, second, third = tonumber(first), tonumber(second), tonumber(third)
    if word == "entry" then
      add(journal.model, first, second, third > 0 and third or NEVER)
    elseif word == "at" then
      journal.number = first
    elseif word == "begin" then
      journal.from = second
    elseif word == "done" then
      journal:settle_operation(second)
    elseif word == "undone" then
      journal.from = nil
    end
  end
  if file then
    file:close()
  end
  return journal
end

--- The operation that was begun has happened, at `to` at the latest.
function Journal:settle_operation(to)
  local n, from = self.number + 1, self.from
  tidy(self.model, from)
  apply(self.model, operation(self.seed, n, self.model, from), n, from, to)
  self.number, self.from = n, nil
end

--- Compares the collection with the journal. Returns the difference, or nil, and then knows of every document and of an
-- operation that was not acknowledged whether it is there.
function Journal:fault(c)
  local found = {}
  local fault = difference(c, self.model, found)
  if fault and self.from then
    local without = fault
    self:settle_operation(os.time() + 1)
    found = {}
    fault = difference(c, self.model, found)
    fault = fault and ("after operation %d, which was not acknowledged: %s; without it: %s"):format(self.number, fault,
      without)
  end
  self.from = nil
  if fault then
    return fault
  end
  for key, entry in pairs(self.model.entries) do
    if entry.is_doubtful then
      self.model.entries[key] = found[key] and entry or nil
      entry.is_doubtful = nil
    end
  end
end

function Journal:restart()
  local path = self.path .. ".new"
  local file = assert(io.open(path, "w"))
  tidy(self.model, os.time() - 1)
  for _, entry in ipairs(self.model.list) do
    file:write(("entry %d %d %d\n"):format(entry.key, entry.n, entry.expiry == NEVER and 0 or entry.expiry))
  end
  file:write(("at %d\n"):format(self.number))
  assert(file:close())
  if self.file then
    self.file:close()
  end
  assert(os.rename(path, self.path))
  self.file = assert(io.open(self.path, "a"))
end

--- Checks the collection, and begins the journal again with what is there.
function Journal:resume(c)
  local fault = self:fault(c)
  if fault then
    error(("%s: %s"):format(self.path, fault), 2)
  end
  self:restart()
end

local function note(journal, word, n, seconds)
  journal.file:write(("%s %d %d\n"):format(word, n, seconds))
  journal.file:flush()
end

--- Does the next operation. Returns its kind, or "busy".
function Journal:step(c)
  local n, from, batch = self.number + 1, os.time(), {}
  tidy(self.model, from)
  local o = operation(self.seed, n, self.model, from)
  note(self, "begin", n, from)
  self.from = from
  for i, key in ipairs(#o.write > 0 and o.write or o.delete) do
    batch[i] = #o.write > 0 and document(key, n, from) or id(key)
  end
  local done, message, code = c[o.kind == "bulk" and "upsert" or o.kind](c, batch)
  local to = os.time() + 1 -- as in `difference`
  if code == "busy" then
    note(self, "undone", n, to)
    self.from = nil
    return code
  end
  assert(done, message)
  assert(#o.write == 0 or done == #o.write, "not all documents were written")
  note(self, "done", n, to)
  self:settle_operation(to)
  return o.kind
end

return M

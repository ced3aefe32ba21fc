--- c:ingest: documents of a source into a collection. Each batch is one transaction, with the position in the source
-- from which the next run goes on (`resume`). So a run that is killed at any moment is continued without a document
-- that is missing or written twice.
--
-- `insert` writes all documents of a batch or none, and names at most one that is wrong. So a batch that fails is
-- written in halves, and these again, until each wrong document stands alone: good data is written at full speed, and n
-- wrong documents of a batch of 1,000 cost about 10 n more calls.
--
-- A source may write its rows itself without tables of documents (`write_rows`). It does so for a whole batch or not at
-- all: a batch that has anything unusual or wrong in it is read and written row by row.

local check = require "moonvec.check"
local core = require "moonvec.core"
local embedding = require "moonvec.embedding"

local misuse = check.misuse

-- Each batch is a commit, with a sync. A model is asked for all texts of a batch before it is written, which may take
-- long.
local BATCH, BATCH_OF_MODELS = 10000, 1000
local BATCH_MAX = 1000000

-- A batch also ends when its documents take this number of bytes, so that large ones fit in memory.
local BATCH_BYTES = 8 * 1048576

-- Of the errors of rows, as many are kept for the result.
local ERRORS_MAX = 100

-- Codes of failures of one document. All others are of the collection.
local CODES_OF_ROWS = { exists = true, limit = true }

local Run = {}
Run.__index = Run

-- ---------------------------------------------------------------- the source

--- A source whose documents an iterator function returns.
local function source_of(iterator)
  local source = { row = 0, unit = "document", name = "the iterator" }

  function source:read()
    self.row = self.row + 1
    return iterator()
  end

  return source
end

local function check_source(given)
  if type(given) == "function" then
    return source_of(given)
  elseif type(given) ~= "table" or type(given.read) ~= "function" then
    misuse("ingest: expected a source such as moonvec.source.jsonl(path), or a function that returns documents, got %s",
      type(given) == "nil" and "nil" or "a " .. type(given))
  end
  return given
end

local function check_word(name, given, otherwise, ...)
  return given == nil and otherwise or core.word("ingest", "'" .. name .. "'", given, ...)
end

local function check_options(collection, given, options)
  local map, batch, mode, on_error, progress, resume =
    core.options("ingest", options, "map", "batch", "mode", "on_error", "progress", "resume")
  if core.is_transaction(collection) then
    misuse "ingest: it makes a transaction of each batch, so it cannot be called in a transaction"
  elseif resume ~= nil and type(resume) ~= "string" then
    misuse("ingest: 'resume' must be a key of collection:meta, got a %s", type(resume))
  end
  given = check_source(given)
  local embeds = core.embeds(collection)
  return setmetatable({
    collection = collection,
    source = given,
    source_writes = given.write_rows and not map and not embeds,
    map = check.callable("ingest", "map", map),
    batch_rows = check.whole("ingest", "batch", batch, embeds and BATCH_OF_MODELS or BATCH, 1, BATCH_MAX),
    mode = check_word("mode", mode, "insert", "insert", "upsert"),
    is_skipping = check_word("on_error", on_error, "stop", "skip", "stop") == "skip",
    report = check.callable("ingest", "progress", progress),
    resume = resume,
    begin = os.time(),
    result = { read = 0, written = 0, skipped = 0, errors = {} },
  }, Run)
end

-- ---------------------------------------------------------------- errors of rows

--- Notes an error of a row. Returns true; nil, message, code if the run stops at it.
function Run:row_error(batch, row, message, code)
  if not self.is_skipping then
    return nil, ("%s %.0f: %s"):format(self.source.unit or "row", row, message), code or "invalid"
  end
  batch.errors[#batch.errors + 1] = { row = row, message = message }
  return true
end

local function by_row(a, b)
  return a.row < b.row
end

--- Counts what was done with a batch that is committed. The errors of reading it come before those of writing it, so
-- they are sorted.
function Run:count(batch, written)
  local result = self.result
  result.written = result.written + written
  result.skipped = result.skipped + #batch.errors
  table.sort(batch.errors, by_row)
  for i = 1, math.min(#batch.errors, ERRORS_MAX - #result.errors) do
    result.errors[#result.errors + 1] = batch.errors[i]
  end
end

--- What a raised error says about a document, without the place in the program and the name of the call.
local function reason_of(call, raised)
  if type(raised) ~= "string" or raised:find "^not enough memory" then
    error(raised, 0)
  end
  local _, last = raised:find(call .. ": ", 1, true)
  return raised:sub((last or 0) + 1)
end

-- ---------------------------------------------------------------- writing

--- A table of the documents `first` to `last`, or one document alone: then messages do not number it.
local function slice_of(documents, first, last)
  if first == last then
    return documents[first]
  elseif first == 1 and last == #documents then
    return documents
  end
  local slice = {}
  for i = first, last do
    slice[#slice + 1] = documents[i]
  end
  return slice
end

--- Writes the documents `first` to `last`. Returns how many were written; nil, message, code if the run ends.
function Run:write(tx, batch, first, last)
  local ok, written, message, code = pcall(tx[self.mode], tx, slice_of(batch.documents, first, last))
  if ok and written then
    return written
  elseif ok and not CODES_OF_ROWS[code] then
    return nil, message, code
  elseif first == last then
    local goes_on
    goes_on, message, code =
      self:row_error(batch, batch.rows[first], ok and message or reason_of(self.mode, written), code)
    return goes_on and 0 or nil, message, code
  end
  local middle, more = math.floor((first + last) / 2), nil
  written, message, code = self:write(tx, batch, first, middle)
  if written then
    more, message, code = self:write(tx, batch, middle + 1, last)
  end
  return more and written + more, message, code
end

--- Writes a batch and the position behind it in the transaction `tx`. Returns how many documents were written; nil,
-- message, code. A batch that was ended by a failure is written only to see whether an earlier row is wrong, too.
function Run:write_batch(tx, batch, position)
  local written, message, code = 0, nil, nil
  if #batch.documents > 0 then
    written, message, code = self:write(tx, batch, 1, #batch.documents)
  end
  if written and batch.message then
    return nil, batch.message, batch.code
  elseif written and position then
    local is_set
    is_set, message, code = tx:meta(self.resume, position)
    written = is_set and written
  end
  return written or nil, message, code
end

--- Gives documents the vectors that models make of their texts, before the transaction: that may take long. Leaves out
-- those whose text failed. Returns true; nil, message, code.
function Run:embed(batch)
  local documents, failures, code = embedding.fill(self.collection, batch.documents, self.mode)
  if not documents then
    return nil, failures, code
  elseif next(failures) == nil then
    batch.documents = documents
    return true
  end
  local kept, rows = {}, {}
  for i, document in ipairs(documents) do
    local goes_on, message = true, failures[i]
    if not message then
      kept[#kept + 1], rows[#rows + 1] = document, batch.rows[i]
    else
      goes_on, message, code = self:row_error(batch, batch.rows[i], message, "io")
    end
    if not goes_on then
      return nil, message, code
    end
  end
  batch.documents, batch.rows = kept, rows
  return true
end

--- Calls write(self, tx, ...) in a transaction, and returns what it does. If that is nil, the transaction is undone.
function Run:in_transaction(write, ...)
  local tx, message, code = core.begin(self.collection)
  if not tx then
    return nil, message, code
  end
  local ok, written
  ok, written, message, code = pcall(write, self, tx, ...)
  if not (ok and written) then
    core.abort(tx)
    if not ok then
      error(written, 0)
    end
    return nil, message, code
  end
  local is_committed
  is_committed, message, code = core.commit(tx)
  return is_committed and written or nil, message, code
end

--- One transaction of a batch. Returns true; nil, message, code.
function Run:commit(batch)
  local is_embedded, message, code = self:embed(batch)
  if not is_embedded then
    return nil, message, code
  end
  local position = self.resume and self.source:position()
  if #batch.documents == 0 and (batch.message or not position) then
    if batch.message then
      return nil, batch.message, batch.code
    end
    self:count(batch, 0)
    return true
  end
  local written
  written, message, code = self:in_transaction(self.write_batch, batch, position)
  if not written then
    return nil, message, code
  end
  self:count(batch, written)
  return true
end

--- Lets the source write rows itself, and writes the position behind them. Returns their number; nil if the source
-- cannot; nil, message, code.
function Run:write_rows(tx)
  local count, message, code = self.source:write_rows(tx, self.mode, self.batch_rows)
  if not (count and self.resume) then
    return count, message, code
  end
  local is_set
  is_set, message, code = tx:meta(self.resume, self.source:position())
  return is_set and count or nil, message, code
end

--- One transaction of rows that the source writes. Returns as write_rows.
function Run:commit_rows()
  local count, message, code
  if self.resume then
    count, message, code = self:in_transaction(self.write_rows)
  else
    count, message, code = self:write_rows(self.collection)
  end
  if count then
    self.result.read, self.result.written = self.result.read + count, self.result.written + count
  end
  return count, message, code
end

-- ---------------------------------------------------------------- reading

--- About the memory that the values of a document take.
local function size_of(document)
  local size = 0
  for _, value in next, document do
    local kind = type(value)
    if kind == "string" then
      size = size + #value
    elseif kind == "table" then
      size = size + 16 * #value
    end
  end
  return size
end

local function new_batch()
  return { documents = {}, rows = {}, errors = {}, rows_read = 0, bytes = 0 }
end

--- Adds a document of a row. Returns true; nil, message, code if the run ends. `insert` takes a table without an id for
-- an array of documents, so that is checked here.
function Run:add(batch, document, row)
  if type(document) ~= "table" then
    misuse("ingest: %s must return documents, got a %s", self.map and "'map'" or self.source.name or "the source",
      type(document))
  elseif document.id == nil then
    return self:row_error(batch, row, "the document has no 'id'")
  end
  local count = #batch.documents + 1
  batch.documents[count], batch.rows[count] = document, row
  batch.bytes = batch.bytes + size_of(document)
  return true
end

--- Adds what `map` makes of a row: one document, several, or none.
function Run:add_mapped(batch, document, row)
  local made = self.map(document, row)
  if made == nil then
    return true
  elseif type(made) ~= "table" or made.id ~= nil or made[1] == nil and next(made) ~= nil then
    return self:add(batch, made, row)
  end
  for _, one in ipairs(made) do
    local added, message, code = self:add(batch, one, row)
    if not added then
      return nil, message, code
    end
  end
  return true
end

--- Reads a row into the batch. Returns true, or false at the end; nil, message, code if the run ends.
function Run:read_row(batch)
  local source = self.source
  local document, message, code = source:read()
  if document == nil then
    if message then
      return nil, message, code
    end
    return false
  end
  batch.rows_read = batch.rows_read + 1
  local row = source.row or self.result.read + batch.rows_read
  if document == false then
    return self:row_error(batch, row, tostring(message or "it is wrong"))
  elseif self.map then
    return self:add_mapped(batch, document, row)
  end
  return self:add(batch, document, row)
end

--- Reads rows until the batch is full. Returns true, or false if it is the last: at the end of the source, or at a
-- failure, which is then a part of the batch.
function Run:read_batch(batch)
  repeat
    local more, message, code = self:read_row(batch)
    if not more then
      batch.message, batch.code = message, code
      return false
    end
  until batch.rows_read >= self.batch_rows or #batch.documents >= self.batch_rows or batch.bytes >= BATCH_BYTES
  return true
end

function Run:report_progress()
  if self.report then
    local result, done, total = self.result, nil, nil
    if self.source.progress then
      done, total = self.source:progress()
    end
    self.report {
      read = result.read, written = result.written, skipped = result.skipped, done = done, total = total,
      seconds = os.difftime(os.time(), self.begin),
    }
  end
end

-- ---------------------------------------------------------------- the run

--- Goes on where the last run has ended. Returns true; nil, message, code.
function Run:go_on()
  local source = self.source
  if not self.resume then
    return true
  elseif not (source.position and source.seek and source:position()) then
    misuse("ingest: 'resume' needs a source that can go on at a position, %s cannot", source.name or "this one")
  end
  local position, message, code = self.collection:meta(self.resume)
  if position == nil then
    return not message or nil, message, code
  end
  local is_there
  is_there, message, code = source:seek(position)
  if not is_there then
    return nil, ("%s; to read it from the beginning, remove the position: collection:meta('%s', moonvec.null)"):format(
      message, core.quote(self.resume)), code
  end
  return true
end

--- Reads and writes rows one by one: one batch. Returns as read_batch; nil, message, code.
function Run:next_batch()
  local batch = new_batch()
  local more = self:read_batch(batch)
  self.result.read = self.result.read + batch.rows_read
  local is_written, message, code = self:commit(batch)
  if not is_written then
    return nil, message, code
  end
  return more
end

function Run:all_batches()
  local more, message, code
  repeat
    more = nil
    if self.source_writes then
      more, message, code = self:commit_rows()
    end
    if more == nil and not message then
      more, message, code = self:next_batch()
    end
    if more == nil then
      return nil, message, code
    end
    self:report_progress()
  until not more
  return true
end

--- Writes the documents of a source, and closes it. Returns the counts and errors; nil, message, code, and the same of
-- what was done before. Batches that were written before a failure stay, the batch with the failure is not written.
-- Without a source, returns the failure that takes its place: `c:ingest(moonvec.source.jsonl(path))` returns why the
-- file cannot be opened.
return function(collection, source, options, code)
  if source == nil and type(options) == "string" then
    return nil, options, code
  end
  local run = check_options(collection, source, options)
  source = run.source
  if source.use_schema then
    source:use_schema(collection.schema, run.map ~= nil)
  end
  local done, message
  done, message, code = run:go_on()
  if done then
    done, message, code = run:all_batches()
  end
  if source.close then
    source:close()
  end
  if not done then
    return nil, message, code, run.result
  end
  return run.result
end

--- The methods of a collection that call functions of the user. They are Lua code so that these functions may yield.

local check = require "moonvec.check"
local core = require "moonvec.core"
local embedding = require "moonvec.embedding"
local group_by_query = require "moonvec.group_by"
local models = require "moonvec.models"
local multi_query = require "moonvec.multi_query"
local nginx = require "moonvec.nginx"
local query = require "moonvec.query"

local misuse = check.misuse

local M = {}

local methods = {
  cursor = query.cursor,
  group_by_query = group_by_query,
  multi_query = multi_query,
  query = query.query,
}

-- These are loaded when they are first called: a program that only searches does without them.

function methods.export(...)
  return require "moonvec.export"(...)
end

function methods.ingest(...)
  return require "moonvec.ingest"(...)
end

function methods.measure(...)
  return require "moonvec.measure"(...)
end

-- Time between two calls of `progress`: short enough for a progress bar, long enough to cost nothing.
local PROGRESS_MS = 50
-- Without `progress`, all of the work is one slice.
local UNLIMITED_MS = 1e12

-- Documents that update_by_filter writes at once. No more are in memory.
local UPDATE_BATCH = 256

local THREADS_MAX = 64
local AS_MANY_AS_CORES = 0

-- ---------------------------------------------------------------- writing documents

--- A method that writes documents with core[call]. Without models this is one call more, and no garbage.
local function writer(call)
  local write = core[call]
  return function(collection, documents)
    if not models.of(collection) then
      return write(collection, documents)
    end
    local filled, message, code = embedding.fill_all(collection, documents, call)
    if filled == nil and message then
      return nil, message, code
    end
    return write(collection, filled)
  end
end

methods.insert, methods.update, methods.upsert = writer "insert", writer "update", writer "upsert"

-- ---------------------------------------------------------------- transactions

local function commit(tx, ...)
  local done, message, code = core.commit(tx)
  if not done then
    return nil, message, code
  elseif select("#", ...) == 0 then
    return true
  end
  return ...
end

local function finish(tx, ok, ...)
  if not ok then
    core.abort(tx)
    error((...), 0)
  end
  return commit(tx, ...)
end

--- The iterator of loops that run once. From Lua 5.4 on, their fourth value is closed when the coroutine is closed in
-- the loop.
local function once()
  return true
end

--- Calls work(tx, ...) as one transaction: what is read and written through `tx` belongs to it. An error in `work`
-- undoes all its writes and is raised again. Returns the results of `work`, or true if it returns nothing. On plain Lua
-- 5.1, which cannot yield across pcall, `work` must not yield.
function methods.transaction(collection, work, ...)
  if type(work) ~= "function" then
    misuse("transaction: expected a function, got a %s", type(work))
  end
  local tx, message, code = core.begin(collection)
  if not tx then
    return nil, message, code
  end
  nginx.watch(collection)
  models.share(collection, tx)
  for _ in once, nil, nil, tx do -- luacheck: ignore 512
    return finish(tx, pcall(work, tx, ...))
  end
end

-- ---------------------------------------------------------------- jobs

local function check_threads(call, threads)
  if threads == nil then
    return AS_MANY_AS_CORES
  elseif type(threads) ~= "number" or not (threads >= 1 and threads <= THREADS_MAX) or threads % 1 ~= 0 then
    misuse("%s: 'threads' must be a whole number from 1 to %d, got %s", call, THREADS_MAX,
      core.quote(tostring(threads)))
  end
  return threads
end

local function check_background(call, background, excluded, name)
  if check.flag(call, "background", background) and excluded then
    misuse("%s: '%s' cannot be combined with 'background'", call, name)
  end
end

local function check_optimize_options(options)
  local budget_ms, progress, threads, background =
    core.options("optimize", options, "budget_ms", "progress", "threads", "background")
  if budget_ms ~= nil and type(budget_ms) ~= "number" then
    misuse("optimize: 'budget_ms' must be a positive number, got a %s", type(budget_ms))
  elseif budget_ms and (budget_ms <= 0 or budget_ms ~= budget_ms) then
    misuse("optimize: 'budget_ms' must be a positive number, got %s", tostring(budget_ms))
  end
  check.callable("optimize", "progress", progress)
  check_background("optimize", background, budget_ms or progress, budget_ms and "budget_ms" or "progress")
  return budget_ms, progress, check_threads("optimize", threads), background
end

--- Calls `progress`. If it raises, the job ends; the work that is finished stays.
local function report(collection, progress, done, total, stage)
  local ok, message = pcall(progress, done, total, stage)
  if not ok then
    core.optimize_abandon(collection)
    error(message, 0)
  end
end

--- Does one slice of the current job, or of a new one. Returns true if there is more to do, false at the end, or nil,
-- message, code.
local function work_slice(collection, slice_ms, threads, progress, gradual)
  local more, done, total, stage = core.optimize_step(collection, slice_ms, threads, gradual)
  if more == nil then
    return nil, done, total -- message and code
  elseif progress then
    report(collection, progress, done, total, stage)
  end
  return more
end

local function work_until_done(collection, threads, progress)
  repeat
    local more, message, code = work_slice(collection, progress and PROGRESS_MS or UNLIMITED_MS, threads, progress)
    if more == nil then
      return nil, message, code
    end
  until not more
  return true
end

--- Seals fresh rows, merges segments, drops deleted rows and builds indexes. Returns true at the end. With `budget_ms`,
-- works for about that time and returns "more" or "done"; with `background`, returns a job at once.
function methods.optimize(collection, options)
  local budget_ms, progress, threads, background = check_optimize_options(options)
  if background then
    return core.optimize_start(collection, threads)
  elseif not budget_ms then
    return work_until_done(collection, threads, progress)
  end
  local more, message, code = work_slice(collection, budget_ms, threads, progress, true)
  if more == nil then
    return nil, message, code
  end
  return more and "more" or "done"
end

--- Changes the index of a field and builds the new one. Returns true at the end, or a job at once with `background`.
-- Queries use the old index until the new one is built.
function methods.create_index(collection, name, index, options)
  local progress, threads, background = core.options("create_index", options, "progress", "threads", "background")
  check.callable("create_index", "progress", progress)
  check_background("create_index", background, progress, "progress")
  threads = check_threads("create_index", threads)
  if type(name) ~= "string" then
    misuse("create_index: 'name' must be a string, got a %s", type(name))
  elseif background then
    return core.index_start(collection, threads, name, index)
  end
  local begun, message, code = core.index_begin(collection, threads, name, index)
  if not begun then
    return nil, message, code
  end
  return work_until_done(collection, threads, progress)
end

-- ---------------------------------------------------------------- changes of all documents

--- Returns the id and the value of one document. An error in `value_of` is raised again, with the id if it is a string.
local function value_for(call, document, value_of)
  local id = document.id -- read first, because `value_of` may change the table
  local ok, value = pcall(value_of, document)
  if ok then
    return id, value
  elseif type(value) == "string" then
    error(call .. ": document '" .. core.quote(id) .. "': " .. value, 0) -- %s ends at a zero byte on Lua 5.1
  end
  error(value, 0)
end

local function fill_column(collection, column, value_of)
  while true do
    local document, message, code = core.column_next(collection, column)
    if document == nil then
      return nil, message, code
    elseif not document then
      return true
    end
    local id, value = value_for("add_column", document, value_of)
    if value ~= nil then
      local done
      done, message, code = core.column_set(collection, column, id, value)
      if not done then
        return nil, message, code
      end
    end
  end
end

local function make_column(collection, column, value_of)
  if value_of then
    local done, message, code = fill_column(collection, column, value_of)
    if not done then
      return nil, message, code
    end
  end
  return core.column_commit(collection, column)
end

--- Builds missing indexes. "busy" is no failure: another job has the collection, and maintenance or the next optimize
--- builds what it leaves.
local function build_indexes(collection, threads, progress)
  local begun, message, code = core.index_begin(collection, threads)
  if begun then
    begun, message, code = work_until_done(collection, threads, progress)
  end
  if not begun and code ~= "busy" then
    return nil, message, code
  end
  return true
end

--- Adds a field of any type. The value of each document is the result of value_of(document), else the default, else
-- NULL. An error in `value_of` undoes all and is raised again. Other writers wait meanwhile; `value_of` may read the
-- collection but not write to it. `output_fields` and `include_vector`: which fields its argument has, as in iterate.
-- Without `value_of`, the vectors of a field with `embed` are made by its model, which may be one of `models`.
-- On plain Lua 5.1, which cannot yield across pcall, `value_of` and the model must not yield.
function methods.add_column(collection, field, value_of, options)
  local output_fields, include_vector, progress, threads =
    core.options("add_column", options, "output_fields", "include_vector", "progress", "threads", "models")
  if value_of ~= nil and type(value_of) ~= "function" then
    misuse("add_column: expected a function(document) -> value, got a %s", type(value_of))
  end
  check.callable("add_column", "progress", progress)
  threads = check_threads("add_column", threads)

  local described, model, code = models.column(collection, field, options)
  if not described then
    return nil, model, code -- a message
  elseif model and not value_of then
    output_fields, include_vector = { described.embed.from }, nil
  end
  local column, is_indexed
  column, is_indexed, code = core.column_begin(collection, described, output_fields, include_vector)
  if not column then
    return nil, is_indexed, code -- message and code
  elseif model and not value_of then
    value_of = embedding.column_values(collection, described.embed.from, model, described.embed.model)
  end
  local ok, done, message
  for _ in once, nil, nil, column do -- luacheck: ignore 512
    ok, done, message, code = pcall(make_column, collection, column, value_of)
    if not (ok and done) then
      core.column_abort(collection, column)
    end
    break
  end
  if not ok and type(done) == "table" and model then
    return nil, done.message, done.code
  elseif not ok then
    error(done, 0)
  elseif not done then
    return nil, message, code
  end
  if type(described.embed) == "table" then
    models.keep(collection, described.embed.model, model)
  end
  return not is_indexed or build_indexes(collection, threads, progress)
end

--- What is written of one document: its id and its changes. nil: `changes_of` leaves it alone.
local function changed_document(document, changes, changes_of)
  local id = document.id
  if changes_of then
    id, changes = value_for("update_by_filter", document, changes_of)
    if changes == nil then
      return nil
    elseif type(changes) ~= "table" then
      misuse("update_by_filter: document '%s': expected a table of changes or nil, got a %s", core.quote(id),
        type(changes))
    end
    local given = rawget(changes, "id")
    if given ~= nil and given ~= id then
      misuse("update_by_filter: document '%s': an id cannot be changed, got '%s'", core.quote(id),
        core.quote(tostring(given)))
    end
  end
  local changed = { id = id }
  for name, value in next, changes do -- raw, like all reads of documents
    changed[name] = value
  end
  return changed
end

--- The changes with vectors. Those of a table had theirs before.
local function embed_batch(tx, batch, changes_of)
  if not changes_of then
    return batch
  end
  return embedding.fill_all(tx, batch, "update_by_filter")
end

--- Updates the documents that match now: the iterator lists them before the first write. Returns true, or nil, message,
-- code. `done.updated` counts the documents, also those before a failure.
local function update_matching(tx, options, changes, changes_of, done)
  local next_document, message, code = core.update_documents(tx, options)
  if not next_document then
    return nil, message, code
  end
  local batch = {}
  repeat
    local document
    document, message, code = next_document()
    if message then
      return nil, message, code
    end
    batch[#batch + 1] = document and changed_document(document, changes, changes_of)
    if #batch == UPDATE_BATCH or not document and #batch > 0 then
      local written
      batch, message, code = embed_batch(tx, batch, changes_of)
      if not batch then
        return nil, message, code
      end
      written, message, code = core.update_write(tx, batch)
      if not written then
        return nil, message, code
      end
      batch, done.updated = {}, done.updated + written
    end
  until not document
  return true
end

local function check_changes(filter, changes)
  if filter == nil then
    misuse("update_by_filter: expected a filter ('true' updates all documents)")
  elseif changes == nil then
    misuse("update_by_filter: no changes are given (call it as (filter, args or nil, changes))")
  elseif type(changes) ~= "table" and type(changes) ~= "function" then
    misuse("update_by_filter: expected a table of changes or a function(document) -> changes, got a %s", type(changes))
  elseif type(changes) == "table" and rawget(changes, "id") ~= nil then
    misuse("update_by_filter: an id cannot be changed, got '%s'", core.quote(tostring(rawget(changes, "id"))))
  end
end

--- Changes fields of all documents that match the filter: all or none. In a transaction, a failure after the first
-- batch undoes the whole transaction. `changes`: a table of fields, or a
-- function(document) -> such a table, or nil to leave the document alone. An error in the function undoes all and is
-- raised again; it must not write to the collection. `output_fields` and `include_vector`: which fields its argument
-- has, as in iterate. On plain Lua 5.1, which cannot yield across pcall, it must not yield.
function methods.update_by_filter(collection, filter, args, changes, options)
  local output_fields, include_vector = core.options("update_by_filter", options, "output_fields", "include_vector")
  check_changes(filter, changes)
  local changes_of = type(changes) == "function" and changes or nil
  local matching = { filter = filter, args = args, output_fields = {} } -- a table of changes needs only ids
  if changes_of then
    matching.output_fields, matching.include_vector = output_fields, include_vector
  end

  local is_inside = core.is_transaction(collection)
  local tx, message, code = collection, nil, nil
  if not changes_of then
    changes, message, code = embedding.fill_changes(collection, changes)
  end
  if changes and not is_inside then
    tx, message, code = core.begin(collection)
  end
  if not tx or not changes then
    return nil, message, code
  end
  models.share(collection, tx)
  local done = { updated = 0 }
  for _ in once, nil, nil, not is_inside and tx or nil do -- luacheck: ignore 512
    local ok, updated
    ok, updated, message, code = pcall(update_matching, tx, matching, changes, changes_of, done)
    if ok and updated then
      return is_inside and done.updated or commit(tx, done.updated)
    elseif not is_inside or done.updated > 0 then
      core.abort(tx) -- the batches that were written cannot be undone alone
    end
    if not ok then
      error(updated, 0)
    end
    return nil, message, code
  end
end

--- Adds these methods to the table of the methods in C.
function M.extend(class)
  for name, method in pairs(methods) do
    class[name] = method
  end
end

return M

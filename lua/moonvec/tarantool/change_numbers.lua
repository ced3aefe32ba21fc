--- Numbers the changes of a space, by triggers. On the instance that takes the writes they run within the transaction
-- of each write; rows that a replica receives have their numbers.

local fiber = require "moonvec.tarantool.host" "fiber"

local check = require "moonvec.check"
local core = require "moonvec.core"
local space_rows = require "moonvec.tarantool.space_rows"

local M = {}

local Numbers = {}
Numbers.__index = Numbers

local PURGE_ROWS = 500 -- that are looked at before other fibers run

local function is_from_elsewhere()
  return box.session.type() == "applier"
end

-- ---------------------------------------------------------------- triggers

--- The row with a new number and, if there is such a field, this mark. Fields that were left out are appended, so the
-- first one comes first.
function Numbers:numbered(row, is_deleted)
  local changes = { { "=", self.seq, self.sequence:next() } }
  if self.deleted then
    table.insert(changes, self.deleted < self.seq and 1 or 2, { "=", self.deleted, is_deleted })
  end
  return row:update(changes)
end

function Numbers:is_tombstone(row)
  return row ~= nil and self.deleted ~= nil and row[self.deleted] == true
end

--- What a delete leaves: the row becomes a tombstone, and a tombstone stays; without tombstones the row goes.
function Numbers:leave(old)
  if not old or not self.deleted then
    return nil
  end
  return self:is_tombstone(old) and old or self:numbered(old, true)
end

--- For before_replace: sets the number and, if there is such a field, whether the row is deleted. To the operations of
-- Tarantool a tombstone is no row, unless they clear the mark themselves.
function Numbers:number(old, new, _, operation)
  if is_from_elsewhere() or self.is_purging then
    return new
  elseif not new then
    return self:leave(old)
  elseif operation == "INSERT" and old and not self:is_tombstone(old) then
    -- Tarantool looks for the old row later, but not if a trigger has changed the new one.
    box.error(box.error.TUPLE_FOUND, self.space.index[0].name, self.space.name, tostring(old), tostring(new))
  elseif self:is_tombstone(old) and self:is_tombstone(new) and operation == "UPDATE" then
    return old
  elseif self:is_tombstone(old) and self:is_tombstone(new) and operation == "UPSERT" then
    -- The row to insert is not known here, only what the operations have made of the tombstone.
    error(("upsert: the row '%s' of space '%s' is deleted: use replace or insert"):format(tostring(old[self.key]),
      self.space.name), 0)
  end
  return self:numbered(new, self:is_tombstone(new))
end

--- For on_replace: notes a delete in the log.
function Numbers:log_delete(old, new)
  if not new and not is_from_elsewhere() then
    self.deletes:insert { self.sequence:next(), old[self.key] }
  end
end

-- ---------------------------------------------------------------- purging

--- Deletes the tombstones among `rows`, in one transaction. No other fiber runs while the trigger is off.
function Numbers:delete_tombstones(rows)
  box.begin()
  self.is_purging = true
  local ok, message = pcall(function()
    for _, row in ipairs(rows) do
      if self:is_tombstone(row) then
        self.space:delete(row[self.key])
      end
    end
  end)
  self.is_purging = false
  if not ok then
    box.rollback()
    error(message, 0)
  end
  box.commit()
end

local function delete_log_rows(log, rows)
  box.begin()
  for _, row in ipairs(rows) do
    log:delete(row[1])
  end
  box.commit()
end

--- Calls remove(rows) for all rows of the index with numbers up to `up_to`, some at a time.
local function purge_rows(index, field, up_to, remove)
  local after = 0
  repeat
    local rows = {}
    for _, row in index:pairs(after, { iterator = "GT" }) do
      if row[field] > up_to or #rows == PURGE_ROWS then
        break
      end
      rows[#rows + 1] = row
    end
    if #rows > 0 then
      after = rows[#rows][field]
      remove(rows)
      fiber.sleep(0)
    end
  until #rows < PURGE_ROWS
end

--- Removes tombstones, or rows of the log, up to the number `up_to`. A follower that is not there yet rebuilds its
-- collection.
function Numbers:purge(up_to)
  check.whole("purge", "up_to", up_to, nil, 0, 2 ^ 53)
  if not self.purged then
    check.misuse "purge: number_changes was called without 'purged', the sequence that says how far"
  end
  up_to = math.min(up_to, space_rows.sequence_value(self.sequence))
  if up_to > space_rows.sequence_value(self.purged) then
    self.purged:set(up_to) -- first, so that no follower goes on that may miss what is removed
  end
  if self.deleted then
    purge_rows(space_rows.index_on(self.space, self.seq), self.seq, up_to, function(rows)
      self:delete_tombstones(rows)
    end)
  elseif self.deletes then
    purge_rows(self.deletes.index[0], 1, up_to, function(rows)
      delete_log_rows(self.deletes, rows)
    end)
  end
end

-- ---------------------------------------------------------------- options

local CALL = "number_changes"

local numbered = {} -- by the ids of spaces: { options, trigger }

--- The options of number_changes for `space`; nil if its changes are not numbered in this instance.
function M.options_of(space)
  local entry = numbered[space.id] -- may be of an earlier space with this id
  for _, trigger in ipairs(entry and space:before_replace() or {}) do
    if trigger == entry.trigger then
      return entry.options
    end
  end
end

local function check_sequences(sequence, purged)
  space_rows.check_sequence(CALL, sequence)
  if purged ~= nil then
    space_rows.check_sequence("number_changes: 'purged'", purged)
    if purged.id == sequence.id then
      check.misuse("%s: 'purged' is the sequence of the numbers: it must be one of its own", CALL)
    end
  end
end

--- Raises if the next number of the sequence is taken. On an instance that takes no writes both may be about to change.
local function check_next_number(space, sequence, index, deletes)
  local last = space_rows.sequence_value(sequence)
  for _, source in pairs { index, deletes and deletes.index[0] } do
    local row = source:max()
    local number = row and tonumber(row[source.parts[1].fieldno]) or 0
    if number > last and not box.info.ro then
      check.misuse("%s: space '%s' has the number %.0f, the sequence is at %.0f: call box.sequence.%s:set(%.0f) before",
        CALL, space.name, number, last, sequence.name, number)
    end
  end
end

--- Gives each change of `space` the next number of `sequence`. types.lua describes the options.
function M.number_changes(space, sequence, options)
  local seq, deleted, deletes, purged = core.options(CALL, options, "seq", "deleted", "deletes", "purged")
  space_rows.check_space(CALL, space)
  check_sequences(sequence, purged)
  if M.options_of(space) then
    check.misuse("%s: the changes of space '%s' are numbered already", CALL, space.name)
  elseif deleted ~= nil and deletes ~= nil then
    check.misuse("%s: 'deleted' cannot be combined with 'deletes'", CALL)
  elseif deletes ~= nil then
    space_rows.check_log(CALL, deletes, space)
  end
  seq = check.text(CALL, "seq", seq, "seq")
  local index = space_rows.numbered_index(CALL, space, seq)
  check_next_number(space, sequence, index, deletes)
  local self = setmetatable({
    space = space, sequence = sequence, deletes = deletes, purged = purged,
    key = space_rows.key_part(CALL, space).fieldno, seq = index.parts[1].fieldno,
    deleted = space_rows.mark_number(CALL, space, check.text(CALL, "deleted", deleted)),
  }, Numbers)
  local function trigger(...)
    return self:number(...)
  end
  space:before_replace(trigger)
  if deletes ~= nil then
    space:on_replace(function(old, new)
      self:log_delete(old, new)
    end)
  end
  local told = { seq = seq, deleted = deleted, deletes = deletes, purged = purged }
  numbered[space.id] = { trigger = trigger, options = told }
  return self
end

return M

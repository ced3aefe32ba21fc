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

--- For before_replace: sets the number and, if there is such a field, whether the row is deleted. A delete becomes the
-- update that makes the row a tombstone, and does nothing to a tombstone.
function Numbers:number(old, new)
  local deleted = self.deleted
  if is_from_elsewhere() or self.is_purging then
    return new
  elseif new then
    return self:numbered(new, deleted and new[deleted] == true)
  elseif old and deleted and not old[deleted] then
    return self:numbered(old, true)
  end
  return deleted and old or nil -- a tombstone stays; without tombstones the row goes
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
      if row[self.deleted] then
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

--- Gives each change of `space` the next number of `sequence`. types.lua describes the options.
function M.number_changes(space, sequence, options)
  local CALL = "number_changes"
  local seq, deleted, deletes, purged = core.options(CALL, options, "seq", "deleted", "deletes", "purged")
  space_rows.check_space(CALL, space)
  space_rows.check_sequence(CALL, sequence)
  if deleted ~= nil and deletes ~= nil then
    check.misuse("%s: 'deleted' cannot be combined with 'deletes'", CALL)
  elseif purged ~= nil then
    space_rows.check_sequence("number_changes: 'purged'", purged)
  end
  local self = setmetatable({
    space = space, sequence = sequence, deletes = deletes, purged = purged,
    key = space_rows.key_part(CALL, space).fieldno,
    seq = space_rows.numbered_index(CALL, space, check.text(CALL, "seq", seq, "seq")).parts[1].fieldno,
    deleted = deleted ~= nil and space_rows.field_number(CALL, space, check.text(CALL, "deleted", deleted)) or nil,
  }, Numbers)
  space:before_replace(function(old, new)
    return self:number(old, new)
  end)
  if deletes ~= nil then
    space_rows.check_space("number_changes: 'deletes'", deletes)
    space:on_replace(function(old, new)
      self:log_delete(old, new)
    end)
  end
  return self
end

return M

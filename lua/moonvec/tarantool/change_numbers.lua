--- Numbers the changes of a space, by triggers. On the instance that takes the writes they run within the transaction
-- of each write; rows that a replica receives have their numbers.

local check = require "moonvec.check"
local core = require "moonvec.core"
local space_rows = require "moonvec.tarantool.space_rows"

local M = {}

local function is_from_elsewhere()
  return box.session.type() == "applier"
end

--- A trigger for before_replace: sets the number and, if there is such a field, whether the row is deleted. A delete
-- becomes the update that makes the row a tombstone; the delete of a tombstone removes it.
local function numbering(sequence, seq, deleted)
  return function(old, new)
    if is_from_elsewhere() then
      return new
    elseif new and deleted then
      return new:update { { "=", deleted, new[deleted] == true }, { "=", seq, sequence:next() } }
    elseif new then
      return new:update { { "=", seq, sequence:next() } }
    elseif old and deleted and not old[deleted] then
      return old:update { { "=", deleted, true }, { "=", seq, sequence:next() } }
    end
    return new
  end
end

--- A trigger for on_replace: notes deletes in the log.
local function logging(sequence, key, deletes)
  return function(old, new)
    if not new and not is_from_elsewhere() then
      deletes:insert { sequence:next(), old[key] }
    end
  end
end

--- Gives each change of `space` the next number of `sequence`. Options: `seq`, the field of the number (default "seq");
-- `deleted`, the field that marks tombstones, or `deletes`, the space that logs deletes.
function M.number_changes(space, sequence, options)
  local seq, deleted, deletes = core.options("number_changes", options, "seq", "deleted", "deletes")
  space_rows.check_space("number_changes", space)
  if type(sequence) ~= "table" or type(sequence.next) ~= "function" then
    check.misuse("number_changes: expected a sequence, got a %s", type(sequence))
  elseif deleted ~= nil and deletes ~= nil then
    check.misuse("number_changes: 'deleted' cannot be combined with 'deletes'")
  end
  local seq_number = space_rows.field_number("number_changes", space, check.text("number_changes", "seq", seq, "seq"))
  deleted = check.text("number_changes", "deleted", deleted)
  local deleted_number = deleted and space_rows.field_number("number_changes", space, deleted)
  space:before_replace(numbering(sequence, seq_number, deleted_number))
  if deletes ~= nil then
    space_rows.check_space("number_changes: 'deletes'", deletes)
    space:on_replace(logging(sequence, space_rows.key_part("number_changes", space).fieldno, deletes))
  end
end

return M

--- The numbers of changes that are not committed yet. Tarantool shows a change to all fibers before it is in the
-- write-ahead log; if it cannot be written there, it is undone. And with MVCC or vinyl, transactions may commit in
-- another order than they took their numbers. So a change is followed only when no lower number is pending.

local M = {}

local Pending = {}
Pending.__index = Pending

local function trigger_of(self, space, field)
  return function(old, row)
    local seq = row and tonumber(row[field])
    if not row then
      box.on_commit(function()
        self.deleted(space, old)
      end)
    elseif seq then
      self.seqs[seq] = true
      box.on_commit(function()
        self.seqs[seq] = nil
        self.committed(seq)
      end)
      box.on_rollback(function()
        self.seqs[seq] = nil
      end)
    end
  end
end

--- Watches the spaces of `sources`, { space, field } each, where `field` is the number of the field with the number of
-- a change. After a commit committed(seq) is called for each row that was written, and deleted(space, row) for each
-- that was deleted. They must not yield.
function M.watch(sources, committed, deleted)
  local self = setmetatable({ seqs = {}, committed = committed, deleted = deleted, triggers = {} }, Pending)
  for _, source in ipairs(sources) do
    self.triggers[source.space] = source.space:on_replace(trigger_of(self, source.space, source.field))
  end
  return self
end

--- The lowest number that is pending, or infinity.
function Pending:lowest()
  local lowest = math.huge
  for seq in pairs(self.seqs) do
    lowest = math.min(lowest, seq)
  end
  return lowest
end

--- Removes the triggers. A space that was dropped has none any more.
function Pending:stop()
  for space, trigger in pairs(self.triggers) do
    pcall(space.on_replace, space, nil, trigger)
  end
end

return M

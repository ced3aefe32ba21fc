--- The changes of a space in the order of their numbers: its rows, and the ids in its log of deletes.

local space_rows = require "moonvec.tarantool.space_rows"

local M = {}

local Feed = {}
Feed.__index = Feed

-- In a log of deletes: the number of the change, which is the primary key, and the id that was deleted.
local LOG_SEQ, LOG_ID = 1, 2

--- `seq`: the name of the field with the number of a change. `deletes`: the log of deletes, or nil. `purged`: nil, or
-- the sequence whose value is the highest number among the deletes that were purged.
function M.new(space, seq, deletes, purged)
  local index = space_rows.numbered_index("follow", space, seq)
  local sources = { { space = space, index = index, field = index.parts[1].fieldno } }
  if deletes ~= nil then
    space_rows.check_log("follow", deletes, space)
    sources[2] = { space = deletes, index = deletes.index[0], field = LOG_SEQ }
  end
  if purged ~= nil then
    space_rows.check_sequence("follow: 'purged'", purged)
  end
  return setmetatable({ space = space, sources = sources, has_log = deletes ~= nil, purges = purged }, Feed)
end

--- The highest number among the deletes that were purged: a collection behind it may have missed some.
function Feed:purged()
  return self.purges and space_rows.sequence_value(self.purges) or 0
end

--- The highest number that any change has.
function Feed:last()
  local last = self:purged()
  for _, source in ipairs(self.sources) do
    local row = source.index:max()
    last = math.max(last, row and tonumber(row[source.field]) or 0)
  end
  return last
end

--- Whether the space has rows without a number, which are not among the changes. NULL is the lowest value of an index.
function Feed:has_unnumbered()
  local source = self.sources[1]
  local row = source.index:min()
  return row ~= nil and row[source.field] == nil
end

--- What the numbers belong to: another instance, another space, or one that was truncated, begins again.
function Feed:origin()
  local truncated = box.space._truncate:get(self.space.id)
  return ("%s %d %s"):format(box.info.uuid, self.space.id, truncated and tostring(truncated[2]) or "0")
end

--- The rows of a source behind the number `after`, at most `limit`; and the number up to which all are among them.
local function read_source(source, after, limit)
  local rows = source.index:select({ after }, { iterator = "GT", limit = limit })
  return rows, #rows == limit and tonumber(rows[limit][source.field]) or math.huge
end

--- Adds the rows up to the number `bound`; returns the last number, or `last` if there is none.
local function keep(kept, source, rows, bound, last)
  for _, row in ipairs(rows) do
    local seq = tonumber(row[source.field])
    if seq > bound then
      break
    end
    kept[#kept + 1], last = row, math.max(last, seq)
  end
  return last
end

--- The next changes behind the number `after`: { rows, deleted_ids, count, last }, at most `limit` of each source.
-- Those from the number `lowest_pending` on are left for later.
function Feed:read(after, limit, lowest_pending)
  local changes = { rows = {}, deleted_ids = {}, last = after }
  local rows, bound = read_source(self.sources[1], after, limit)
  local log, log_bound = {}, math.huge
  if self.has_log then
    log, log_bound = read_source(self.sources[2], after, limit)
  end
  bound = math.min(bound, log_bound, lowest_pending - 1)
  changes.last = keep(changes.rows, self.sources[1], rows, bound, changes.last)
  if self.has_log then
    changes.last = keep(changes.deleted_ids, self.sources[2], log, bound, changes.last)
  end
  for i, row in ipairs(changes.deleted_ids) do
    changes.deleted_ids[i] = (tostring(row[LOG_ID]):gsub("U?LL$", ""))
  end
  changes.count = #changes.rows + #changes.deleted_ids
  return changes
end

return M

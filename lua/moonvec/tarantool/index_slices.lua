--- The work on the indexes of a collection that follows a space: slices of `optimize`, between the pieces.

local clock = require "moonvec.tarantool.host" "clock"

local M = {}

local Slices = {}
Slices.__index = Slices

-- Bytes of rows without a segment, about, from which on no changes are taken until the indexes are ahead: a write that
-- makes them 16 MiB moves all of them into a segment at once, which takes tens of milliseconds.
local FRESH_BYTES_MAX = 12 * 2 ^ 20
local ROW_BYTES_MIN = 256 -- chosen: what a row takes without its vectors

local function fresh_rows_max(schema)
  local row_bytes = ROW_BYTES_MIN
  for _, field in ipairs(schema.vectors) do
    row_bytes = row_bytes + 4 * (field.dim or 0)
  end
  return math.ceil(FRESH_BYTES_MAX / row_bytes)
end

--- `seconds`: of a slice. `is_on`: false if the program works on the indexes in another way.
function M.new(collection, seconds, is_on)
  return setmetatable({
    collection = collection, seconds = seconds, is_on = is_on, has_work = is_on,
    fresh_rows_max = fresh_rows_max(collection.schema),
  }, Slices)
end

function Slices:rows_were_written()
  self.has_work = self.is_on
end

--- Whether the indexes must get ahead before more rows are written.
function Slices:is_behind()
  return self.has_work and self.collection:stats().fresh_rows > self.fresh_rows_max
end

--- Does a slice, if there is work. Returns the seconds that it took. Another job that does the work is no failure.
function Slices:work()
  if not self.has_work then
    return 0
  end
  local begun = clock.monotonic()
  local done, message, code = self.collection:optimize { budget_ms = self.seconds * 1000 }
  if not done and code ~= "busy" then
    error({ message = message, code = code }, 0)
  end
  self.has_work = done == "more"
  return clock.monotonic() - begun
end

return M

--- What a program asks a follower: has it come so far, how far is it behind, what has it done.

local clock = require "moonvec.tarantool.host" "clock"

local check = require "moonvec.check"

local M = {}

local methods = {}

local TURN_SECONDS = 1 -- after which a waiting fiber looks again, whatever happens

--- Whether the space was truncated and the follower does not know it yet: no commit tells. Then this wakes it.
function methods:is_of_other_rows()
  local is_of_other = self.origin ~= self.feed:origin()
  if is_of_other then
    self.news:signal()
  end
  return is_of_other
end

--- Waits until the change of number `seq` is in the collection, at most for `seconds`. Returns whether it is.
function methods:wait(seq, seconds)
  seq = check.whole("follower:wait", "seq", seq, self.feed:last(), 0, 2 ^ 53)
  local limit = clock.monotonic() + check.number("follower:wait", "seconds", seconds, math.huge, 0)
  while self.seq < seq or self.state ~= "current" or self:is_of_other_rows() do
    local left = limit - clock.monotonic()
    if left <= 0 or not self.is_running then
      return false
    end
    self.progress:wait(math.min(left, TURN_SECONDS))
  end
  return true
end

--- How far the collection is behind: the last number of the space minus the position.
function methods:lag()
  return math.max(0, self.feed:last() - self.seq)
end

function methods:stats()
  local stats = {
    seq = self.seq, lag = self:lag(), state = self.state, running = self.is_running, piece_rows = self.size,
    longest_ms = self.longest * 1000, failing = self.is_failing, message = self.message, code = self.code,
  }
  for name, count in pairs(self.counts) do
    stats[name] = count
  end
  return stats
end

--- Adds these methods to the class.
function M.extend(class)
  for name, method in pairs(methods) do
    class[name] = method
  end
end

return M

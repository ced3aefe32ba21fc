--- The fiber that makes a collection follow a space, in pieces: read the next changes, make documents of them, write
-- these and the position in one transaction, let the other fibers run. No transaction is open while they do. Between
-- the pieces it works on the indexes, in slices.

local host = require "moonvec.tarantool.host"

local clock = host "clock"
local fiber = host "fiber"
local log = host "log"

local check = require "moonvec.check"
local follower_progress = require "moonvec.tarantool.follower_progress"
local pending_commits = require "moonvec.tarantool.pending_commits"

local M = {}

local Follower = {}
Follower.__index = Follower
follower_progress.extend(Follower)

local POSITION = "moonvec.tarantool" -- the key in collection:meta

local ROWS_MAX = 500 -- of a piece
local IDLE_SECONDS = 1 -- until the space is looked at again though no commit was seen
local SLICE_SECONDS = 0.005 -- between two slices of optimize while no rows come
local BUSY_SECONDS = 0.001 -- until a piece is tried again while another writer is in the way
local PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.01, 1 -- after a failure, twice as long each time

-- ---------------------------------------------------------------- what is kept in the collection

--- `state`: "current", or "rebuilding" while the collection may have documents without a row.
local function encode_position(seq, state, origin)
  return ("%.0f %s %s"):format(seq, state, origin)
end

local function decode_position(text)
  local seq, state, origin = (text or ""):match "^(%d+) (%a+) (.+)$"
  return tonumber(seq) or 0, state, origin
end

--- The result of a call; what it failed with is raised, as a table.
local function must(result, message, code)
  if result == nil then
    error({ message = message, code = code }, 0)
  end
  return result
end

--- Writes in one transaction: deletes, documents, and the position that is reached then.
function Follower:write(seq, state, ids, documents)
  local position = encode_position(seq, state, self.origin)
  must(self.collection:transaction(function(tx)
    if #ids > 0 then
      must(tx:delete(ids))
    end
    if #documents > 0 then
      must(tx:upsert(documents))
    end
    must(tx:meta(POSITION, position))
  end))
  self.seq, self.state = seq, state
  self.counts.commits = self.counts.commits + 1
  self.counts.written = self.counts.written + #documents
  self.counts.deleted = self.counts.deleted + #ids
  self.progress:broadcast()
end

-- ---------------------------------------------------------------- pieces

function Follower:note_time(seconds)
  self.longest = math.max(self.longest, seconds)
end

--- Chooses how many rows the next piece has, after one of `count` changes.
function Follower:measure(begun, count)
  local seconds = clock.monotonic() - begun
  self:note_time(seconds)
  local fitting = math.floor(self.aim * count / seconds)
  self.size = math.max(1, math.min(ROWS_MAX, 2 * self.size, fitting))
end

--- The ids to delete and the documents to write for some changes.
function Follower:convert(changes)
  local ids, documents = changes.deleted_ids, {}
  for _, row in ipairs(changes.rows) do
    local document = self.rows:document(row)
    if document then
      documents[#documents + 1] = document
    else
      ids[#ids + 1] = self.rows:id(row)
    end
  end
  return ids, documents
end

function Follower:convert_and_write(changes)
  local ids, documents = self:convert(changes)
  if not (self.late and self.late <= changes.last) then -- else a row was committed meanwhile that is not among them
    self:write(changes.last, self.state, ids, documents)
  end
end

--- Takes some changes. A single row that raises an error, by what it contains, is left out if the user wants that.
function Follower:take(changes)
  local ok, failure = pcall(self.convert_and_write, self, changes)
  if ok then
    return
  elseif not (self.skips and #changes.rows == 1 and changes.count == 1 and type(failure) == "string") then
    error(failure, 0)
  end
  local id = self.rows:id(changes.rows[1])
  self:write(changes.last, self.state, { id }, {})
  self.counts.skipped = self.counts.skipped + 1
  self:note_failure(("the row '%s' was left out: %s"):format(tostring(id), failure))
end

--- Takes the next changes, if there are any; returns whether there were. Other fibers run afterwards.
function Follower:take_next()
  local begun = clock.monotonic()
  self.reached = math.huge -- all commits count as late until it is known what was read
  local changes = self.feed:read(self.seq, self.size, self.pending:lowest())
  self.reached = changes.last
  if changes.count > 0 then
    self:take(changes)
    self:measure(begun, changes.count)
    self.slices:rows_were_written()
  elseif self.state == "rebuilding" then
    self:sweep()
  else
    return false
  end
  fiber.sleep(0)
  return true
end

--- Deletes the documents that have no row: the last step of a rebuild.
function Follower:sweep()
  local stale, looked, begun = {}, 0, clock.monotonic()
  for document in self.collection:iterate { output_fields = {} } do
    looked = looked + 1
    if not self.rows:exists(document.id) then
      stale[#stale + 1] = document.id
    end
    if looked >= self.size then
      self:write(self.seq, self.state, stale, {})
      self:measure(begun, looked)
      fiber.sleep(0)
      if self.is_stopping then
        return
      end
      stale, looked, begun = {}, 0, clock.monotonic()
    end
  end
  self:write(self.seq, "current", stale, {})
end

--- Begins with the first row, since what the collection has cannot be brought up to date. Its documents stay until
-- their rows come, so that searches find something meanwhile.
function Follower:rebuild(reason)
  if must(self.collection:count()) > 0 then
    log.warn("moonvec: the collection of space '%s' is rebuilt: %s", self.feed.space.name, reason)
    self.counts.rebuilds = self.counts.rebuilds + 1
  end
  self.origin = self.feed:origin()
  self:write(0, "rebuilding", {}, {})
end

--- Why the changes behind the position do not make the collection equal to the space; nil if they do.
function Follower:reason_to_rebuild()
  if self.origin ~= self.feed:origin() then
    return "its position is not one of this instance and space, or the space was truncated"
  elseif self.state == "current" and self.seq < self.feed:purged() then
    return ("deletes up to number %.0f were purged, its position is %.0f"):format(self.feed:purged(), self.seq)
  elseif not self.was_checked and self.seq > self.feed:last() then
    return ("its position is %.0f, the last change of the space is %.0f"):format(self.seq, self.feed:last())
  end
end

--- A row was committed behind the position: the position goes back before it.
function Follower:go_back()
  if self.late and self.late <= self.seq then
    log.warn("moonvec: a row of space '%s' was committed with number %.0f after number %.0f", self.feed.space.name,
      self.late, self.seq)
    self.counts.late = self.counts.late + 1
    self.seq = self.late - 1
  end
  self.late = nil
end

--- Does the next piece. Returns whether there may be another one now.
function Follower:work()
  local reason = self:reason_to_rebuild()
  if reason then
    self:rebuild(reason)
  end
  self.was_checked = true
  self:go_back()
  local has_more = self.slices:is_behind() or self:take_next()
  self:note_time(self.slices:work())
  return has_more
end

-- ---------------------------------------------------------------- the fiber

function Follower:note_failure(message, code)
  if message ~= self.message then
    log.error("moonvec: following space '%s': %s", self.feed.space.name, message)
  end
  self.counts.errors = self.counts.errors + 1
  self.message, self.code = message, code
end

--- A row was deleted: without a tombstone or a log, its document stays.
function Follower:note_delete(space, row)
  if space == self.feed.space and not self.feed.has_log and not self.rows:is_tombstone(row) then
    if self.counts.unseen == 0 then
      log.error("moonvec: the row '%s' of space '%s' was deleted without a tombstone or a log: its document stays",
        tostring(self.rows:id(row)), space.name)
    end
    self.counts.unseen = self.counts.unseen + 1
  end
end

--- After a failure: the next piece has one row, so that a wrong one stops no others.
function Follower:fail(failure)
  local is_table = type(failure) == "table"
  if is_table and failure.code == "busy" then
    self.counts.busy = self.counts.busy + 1
    return self.stop_signal:wait(BUSY_SECONDS)
  end
  self.size = 1
  self:note_failure(is_table and failure.message or tostring(failure), is_table and failure.code or nil)
  self.is_failing = true
  self.stop_signal:wait(self.pause)
  self.pause = math.min(2 * self.pause, PAUSE_SECONDS_MAX)
end

function Follower:run()
  while not self.is_stopping do
    local ok, more = pcall(self.work, self)
    if not ok then
      self:fail(more)
    else
      self.is_failing, self.pause = false, PAUSE_SECONDS
      if more then
        fiber.sleep(0)
      else
        self.news:wait(self.slices.has_work and SLICE_SECONDS or IDLE_SECONDS)
      end
    end
  end
end

local followed = setmetatable({}, { __mode = "k" }) -- collections, with the names of their spaces

local function main(self)
  fiber.name("moonvec.follow", { truncate = true })
  pcall(self.run, self) -- raises when the fiber is cancelled
  self.pending:stop()
  self.is_running, followed[self.collection] = false, nil
  self.progress:broadcast()
end

--- Ends the fiber, and waits for its end. The collection can be closed then.
function Follower:stop()
  if self.is_running then
    self.is_stopping = true
    self.news:broadcast()
    self.stop_signal:broadcast()
    while self.is_running do
      self.progress:wait()
    end
  end
  return true
end

--- Starts the fiber. Returns the follower, or nil, message, code. `setup`: collection, feed, rows,
-- aim, the seconds that a piece is to take, slices, and skips, whether rows that raise an error are left out.
function M.start(setup)
  local other = followed[setup.collection]
  if other then
    check.misuse("follow: the collection follows space '%s' already", other)
  end
  local text, message, code = setup.collection:meta(POSITION)
  if code then
    return nil, message, code
  end
  local self = setmetatable(setup, Follower)
  self.seq, self.state, self.origin = decode_position(text)
  self.counts = {
    commits = 0, written = 0, deleted = 0, unseen = 0, skipped = 0, rebuilds = 0, late = 0, busy = 0, errors = 0,
  }
  self.size, self.longest, self.pause, self.is_failing = 1, 0, PAUSE_SECONDS, false
  self.news, self.progress, self.stop_signal = fiber.cond(), fiber.cond(), fiber.cond()
  self.reached = math.huge
  self.pending = pending_commits.watch(self.feed.sources, function(seq)
    if seq <= self.reached then
      self.late = math.min(self.late or seq, seq)
    end
    self.news:signal()
  end, function(space, row)
    self:note_delete(space, row)
  end)
  if self.feed:has_unnumbered() then
    log.warn("moonvec: space '%s' has rows without a number, which are not followed: write each of them again",
      self.feed.space.name)
  end
  self.is_running, self.is_stopping, followed[self.collection] = true, false, self.feed.space.name
  fiber.create(main, self)
  return self
end

return M

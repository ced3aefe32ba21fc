--- moonvec in Tarantool. A fiber makes a collection follow a space: each change of the space has a number that grows,
-- and the fiber takes the changes in the order of these numbers. The position is kept in the collection, in the same
-- transaction as the documents, so that they are equal again after any end of the process.

local log = require "moonvec.tarantool.host" "log"

local change_feed = require "moonvec.tarantool.change_feed"
local change_numbers = require "moonvec.tarantool.change_numbers"
local check = require "moonvec.check"
local core = require "moonvec.core"
local damaged = require "moonvec.damaged"
local follower = require "moonvec.tarantool.follower"
local index_slices = require "moonvec.tarantool.index_slices"
local moonvec = require "moonvec"
local space_rows = require "moonvec.tarantool.space_rows"

local box, unpack = box, unpack -- luacheck: ignore

local M = {}

-- What suits a process with one thread for all fibers: no call waits for another writer, for indexes that are behind or
-- for the disk, and the follower works on the indexes in slices. After a power cut the collection may be damaged; then
-- it is made from the space again.
local OPEN_DEFAULTS = { busy_ms = 0, slowdown_rows = 0, durability = "none", maintenance = "manual" }

local BUDGET_MS, BUDGET_MS_MIN, BUDGET_MS_MAX = 2, 0.1, 1000
local AIM = 0.25 -- of the budget that a piece is to take, because rows, commits and garbage collection differ

local function with_defaults(options)
  if options ~= nil and type(options) ~= "table" then
    check.misuse("tarantool.open: expected a table of options, got a %s", type(options))
  elseif type(box.cfg) == "function" then
    check.misuse "tarantool.open: call box.cfg first, since relative paths begin at its work_dir"
  end
  local all = {}
  for _, source in ipairs { OPEN_DEFAULTS, options or {} } do
    for name, value in next, source do
      all[name] = value
    end
  end
  return all
end

--- Opens a collection as a copy of a space: like moonvec.open, with other defaults. If it is damaged, as it may be
-- after a power cut, and a schema is given, it is removed or moved aside, and created again, empty.
function M.open(path, options)
  options = with_defaults(options)
  local collection, message, code = moonvec.open(path, options)
  if code == "corrupt" and options.schema and not options.read_only then
    local done, refusal, refusal_code = damaged.remove(path)
    if not done then
      return nil, refusal, refusal_code
    end
    log.warn("moonvec: '%s' is made again: %s; %s", path, message, done)
    return moonvec.open(path, options)
  end
  return collection, message, code
end

--- Gives each change of `space` the next number of `sequence`, by triggers of this instance.
M.number_changes = change_numbers.number_changes

-- Options of number_changes that the follower of the space must have, too.
local NUMBERING = { "seq", "deleted", "deletes", "purged" }

--- These options: those that were given, or else those of number_changes. Raises if they differ.
local function numbering(space, given)
  local told = change_numbers.options_of(space) or {}
  local all = {}
  for _, name in ipairs(NUMBERING) do
    local mine, other = given[name], told[name]
    if type(mine) == "table" and type(other) == "table" and mine.id == other.id then
      mine = other
    end
    if mine ~= nil and other ~= nil and mine ~= other then
      check.misuse("follow: '%s' is not what number_changes was given for space '%s'", name, space.name)
    end
    all[name] = mine == nil and other or mine
  end
  return all
end

local function check_on_error(on_error)
  if on_error ~= nil and on_error ~= "retry" and on_error ~= "skip" then
    check.misuse("follow: 'on_error' must be 'retry' or 'skip', got %s", core.quote(tostring(on_error)))
  end
  return on_error == "skip"
end

--- Starts a fiber that makes `collection` follow `space`. Returns the follower, or nil, message, code if the position
-- cannot be read. types.lua describes the options.
function M.follow(space, collection, options)
  local document, on_error, budget_ms, optimize = core.options("follow", options, "document", "on_error", "budget_ms",
    "optimize", unpack(NUMBERING))
  space_rows.check_space("follow", space)
  local numbers = numbering(space, options or {})
  if type(collection) ~= "userdata" then
    check.misuse("follow: expected a collection, got a %s", type(collection))
  end
  budget_ms = check.number("follow", "budget_ms", budget_ms, BUDGET_MS, BUDGET_MS_MIN, BUDGET_MS_MAX)
  local aim = AIM * budget_ms / 1000
  return follower.start {
    collection = collection,
    feed = change_feed.new(space, check.text("follow", "seq", numbers.seq, "seq"), numbers.deletes, numbers.purged),
    rows = space_rows.new(space, collection, check.text("follow", "deleted", numbers.deleted),
      check.callable("follow", "document", document)),
    slices = index_slices.new(collection, aim, check.flag("follow", "optimize", optimize, true)),
    skips = check_on_error(on_error),
    aim = aim,
  }
end

return M

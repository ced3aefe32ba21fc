-- A program for Tarantool: an instance of the specs. Arguments: number of the instance, first port, folder, and how
-- deletes are followed. With "deleted" (by tombstones) or "deletes" (by a log) it is one of two that replicate, and
-- each has its own collection, which follows the space `rows`. With "alone" there is one, without a space.

local fio = require "fio"
local fiber = require "fiber"

local number, first_port, folder, kind = tonumber(arg[1]), tonumber(arg[2]), arg[3], arg[4]
local uris = { "127.0.0.1:" .. first_port, "127.0.0.1:" .. first_port + 1 }

fio.mktree(folder)
local was_here = #fio.glob(folder .. "/*.snap") > 0
box.cfg {
  listen = uris[number],
  work_dir = folder,
  replication = kind ~= "alone" and uris or nil,
  replication_connect_quorum = was_here and 1 or 2,
  replication_connect_timeout = was_here and 1 or 30,
  replication_timeout = 0.2,
  read_only = number ~= 1,
  log_level = 4,
}

local rows = require "spec.support.tarantool_rows"
local tarantool = require "moonvec.tarantool"

box.once("guest", function()
  box.schema.user.grant("guest", "super")
end)
if kind ~= "alone" then
  box.once("rows", rows.create)
  while not (box.space.rows and box.space.rows_deleted and box.space.rows_deleted.index.seq) do
    fiber.sleep(0.01)
  end
  local options = { [kind] = kind == "deleted" and "deleted" or box.space.rows_deleted }
  tarantool.number_changes(box.space.rows, box.sequence.rows_seq, options)
  rows.collection = rows.open()
  rows.follower = assert(tarantool.follow(box.space.rows, rows.collection, options))
end

-- One of two Tarantool instances that replicate. Each has its own collection, which follows the space `notes`.
--
--   tarantool node.lua 1 FOLDER      takes the writes
--   tarantool node.lua 2 FOLDER      in another terminal: receives them, and answers searches, too
--
-- The instances listen on the ports 3301 and 3302 of this machine, or on MOONVEC_PORT and the next one. two_nodes.sh
-- starts both.

local fiber = require "fiber"
local fio = require "fio"
local moonvec_tarantool = require "moonvec.tarantool"

local number, folder = tonumber(arg[1]), assert(arg[2], "usage: tarantool node.lua 1|2 FOLDER")
local first_port = tonumber(os.getenv "MOONVEC_PORT" or 3301)
local uris = { "127.0.0.1:" .. first_port, "127.0.0.1:" .. first_port + 1 }

fio.mktree(folder)
local was_here = #fio.glob(folder .. "/*.snap") > 0
box.cfg {
  listen = uris[number],
  work_dir = folder,
  replication = uris,
  replication_connect_quorum = was_here and 1 or 2, -- the first time they find each other; later either starts alone
  read_only = number ~= 1,
}

-- The space, once. It is replicated, as are the sequence and all rows.
box.once("notes", function()
  box.schema.user.grant("guest", "super") -- an example on one machine; elsewhere, make a user
  box.schema.sequence.create "notes_seq"
  local notes = box.schema.space.create("notes", { format = {
    { "id", "string" },
    { "text", "string" },
    { "meaning", "array" },
    { "deleted", "boolean" }, -- true in tombstones
    { "seq", "unsigned" }, -- the number of the last change of the row
  } })
  notes:create_index("id", { parts = { "id" } })
  notes:create_index("seq", { parts = { "seq" } })
end)
while not (box.space.notes and box.space.notes.index.seq) do
  fiber.sleep(0.01) -- until the other instance has made it
end

-- Each change gets a number; a delete makes a tombstone. On the instance that takes the writes.
moonvec_tarantool.number_changes(box.space.notes, box.sequence.notes_seq, { deleted = "deleted" })

-- The collection, and the fiber that makes it follow the space.
local notes = assert(moonvec_tarantool.open("notes.mv", { schema = {
  fields = { { name = "text", type = "string", index = "text" } },
  vectors = { { name = "meaning", type = "vector_fp32", dim = 64 } },
} }))
local follower = assert(moonvec_tarantool.follow(box.space.notes, notes))

-- In place of a model of embeddings: the pairs of letters of a text, counted.
local function embed(text)
  local counts = {}
  for i = 1, 64 do
    counts[i] = 0.01
  end
  text = " " .. text:lower():gsub("%p", "") .. " "
  for i = 1, #text - 1 do
    local slot = (text:byte(i) * 31 + text:byte(i + 1)) % 64 + 1
    counts[slot] = counts[slot] + 1
  end
  return counts
end

-- What clients call: conn:call("put", { "a", "renew the certificate" }), conn:call("search", { "certificates" }).
local api = {}

function api.put(id, text)
  box.space.notes:replace { id, text, embed(text) }
end

function api.delete(id)
  box.space.notes:delete(id)
end

-- The notes that have these words or mean the same, best first, as an array of { id, text }.
function api.search(question, topk)
  follower:wait(nil, 1) -- find what is in the space now; without it, the answer may be some milliseconds behind
  local hits = assert(notes:query { text = question, vector = embed(question), topk = topk or 3 })
  for i, hit in ipairs(hits) do
    hits[i] = { hit.id, hit.text }
  end
  return hits
end

for name, call in pairs(api) do
  rawset(_G, name, call)
end
rawset(_G, "notes", notes) -- for a console: tarantoolctl connect 127.0.0.1:3301
rawset(_G, "follower", follower)

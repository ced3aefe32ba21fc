-- Writes some notes to the first instance of node.lua, and searches them in the second.

local fiber = require "fiber"
local log = require "log"
local net_box = require "net.box"

log.level(2) -- no warnings: that an instance does not listen yet, or has no space yet, is expected

local first_port = tonumber(os.getenv "MOONVEC_PORT" or 3301)

-- Connects once the instance has `follower`, which is the last thing that it makes.
local function connect(port)
  local conn = net_box.connect("127.0.0.1:" .. port, { reconnect_after = 0.1 })
  while not pcall(conn.eval, conn, "return assert(follower) ~= nil") do
    fiber.sleep(0.1)
  end
  return conn
end

local first, second = connect(first_port), connect(first_port + 1)
local notes = {
  web = "The certificate of the web server is renewed by certbot, once in three months",
  garden = "Tomatoes want sun, and water in the morning",
  office = "The printer on the second floor needs toner of the blue box",
  old = "The printer on the third floor needs ink",
}
for id, text in pairs(notes) do
  first:call("put", { id, text })
end
first:call("delete", { "old" })
local LAST = "return box.space.notes.index.seq:max().seq"
while second:eval(LAST) < first:eval(LAST) do
  fiber.sleep(0.01)
end
for _, question in ipairs { "renew the certificates", "printers", "tomato plants" } do
  print(question .. ": " .. second:call("search", { question, 1 })[1][2])
end
os.exit(0)

-- Redis as a semantic cache, in the way that needs no module: a key for each answer, a set of keys for each partition,
-- and a lookup that reads all vectors of the partition and compares them in Lua. A server of its own is started.

local socket = require "socket"
local moonvec = require "moonvec"
local tools = require "tools"

local M = {}
local Server = {}
Server.__index = Server

local PORT = 7390

function M.start(directory)
  tools.remove(directory)
  tools.run("mkdir", "-p", directory)
  tools.run("redis-server", "--port", PORT, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--daemonize",
    "yes", "--pidfile", "redis.pid", "--logfile", "redis.log")
  for _ = 1, 100 do
    local connection = socket.connect("127.0.0.1", PORT)
    if connection then
      connection:setoption("tcp-nodelay", true)
      return setmetatable({ connection = connection, directory = directory, waiting = 0 }, Server)
    end
    socket.sleep(0.05)
  end
  error("redis-server does not answer, see " .. directory .. "/redis.log")
end

function Server:send(...)
  local parts = { ("*%d\r\n"):format(select("#", ...)) }
  for i = 1, select("#", ...) do
    local word = tostring((select(i, ...)))
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  assert(self.connection:send(table.concat(parts)))
  self.waiting = self.waiting + 1
end

-- One reply: a string, a number, a list, or nil.
function Server:receive()
  local line = assert(self.connection:receive("*l"))
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "-" then error("redis: " .. rest) end
  if kind == ":" then return tonumber(rest) end
  if kind == "+" then return rest end
  local size = tonumber(rest)
  if size < 0 then return nil end
  if kind == "$" then
    local bytes = assert(self.connection:receive(size + 2))
    return bytes:sub(1, size)
  end
  local list = {}
  for i = 1, size do list[i] = self:receive() or false end
  return list
end

function Server:flush()
  for _ = 1, self.waiting do self:receive() end
  self.waiting = 0
end

function Server:ask(...)
  self:flush()
  self:send(...)
  self.waiting = 0
  return self:receive()
end

function Server:store(document)
  self:send("SET", "v:" .. document.id, document.v)
  self:send("SET", "r:" .. document.id, document.response)
  self:send("SADD", "p:" .. document.partition, document.id)
  if self.waiting >= 300 then self:flush() end
end

local function dot(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

function Server:look_up(partition, packed, min_score)
  local query = moonvec.unpack(packed)
  local length = math.sqrt(dot(query, query))
  local ids, keys, best, best_score = self:ask("SMEMBERS", "p:" .. partition), {}, nil, min_score
  for i, id in ipairs(ids) do keys[i] = "v:" .. id end
  for i, vector in ipairs(self:ask("MGET", tools.unpack(keys))) do
    local v = moonvec.unpack(vector)
    local score = dot(query, v) / (length * math.sqrt(dot(v, v)))
    if score >= best_score then best, best_score = ids[i], score end
  end
  return best and self:ask("GET", "r:" .. best)
end

function Server:stop()
  self.connection:close()
  tools.shell(("kill $(cat %s/redis.pid)"):format(self.directory))
end

return M

--- A small HTTP/1.1 client (RFC 9112) for requests that may be repeated: POST of a body, and its answer in memory. It
-- follows no redirects, because they would carry the key elsewhere.

local transport = require "moonvec.embed.http_transport"

local M = {}

-- Limits of an answer, in bytes: its status line and headers, its trailers, its body, and the line before a chunk. The
-- body is that of 2,048 vectors of 4,096 numbers as text, with room.
local HEAD_MAX, BODY_MAX, CHUNK_LINE_MAX = 65536, 256 * 1024 * 1024, 4096

-- Answers such as "100 Continue" before the answer itself.
local INTERIM_MAX = 8

local DEFAULT_PORTS = { http = 80, https = 443 }

--- The parts of a URL: `scheme`, `host`, `port`, `path` (with the query), `authority` for the Host header, and `shown`,
-- the URL without its query, for messages. nil, message: it is not one that can be used.
function M.parse_url(url)
  if url:find "[%c%s]" then
    return nil, "has white space or control characters in it"
  end
  local scheme, authority, path = url:match "^(%a+)://([^/?#]+)([^#]*)"
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme or ""] then
    return nil, "must be as in https://host:port/v1/embeddings"
  elseif authority:find("@", 1, true) then
    return nil, "has a user name in it: give 'key', or 'headers'"
  end
  local host, port = authority:match "^%[([%x:.]+)%]:?(%d*)$"
  if not host then
    host, port = authority:match "^([^:%[%]]+):?(%d*)$"
  end
  local number = port ~= "" and tonumber(port) or DEFAULT_PORTS[scheme]
  if not host or number < 1 or number > 65535 then
    return nil, "must be as in https://host:port/v1/embeddings"
  end
  path = path:sub(1, 1) == "/" and path or "/" .. path
  return {
    scheme = scheme, host = host, port = number, path = path, authority = authority,
    shown = scheme .. "://" .. authority .. path:gsub("%?.*", ""),
  }
end

-- Headers that the client sets itself.
local OWN_HEADERS = { ["host"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true }

--- Whether this can be the name of a header that is given.
function M.is_header_name(name)
  return type(name) == "string" and name:find "^[%w!#$%%&'*+.^_`|~-]+$" ~= nil and not OWN_HEADERS[name:lower()]
end

--- Whether this can be the value of a header: no line ends, no other control characters.
function M.is_header_value(value)
  return type(value) == "string" and not value:find "%c"
end

-- ---------------------------------------------------------------- reading

local Reader = {}
Reader.__index = Reader

local function new_reader(connection, deadline)
  return setmetatable({ connection = connection, deadline = deadline, buffer = "", at = 1, has_begun = false }, Reader)
end

function Reader:fill()
  local more, message = self.connection:receive(self.deadline)
  if not more then
    return nil, message
  end
  self.buffer, self.at, self.has_begun = self.buffer:sub(self.at) .. more, 1, true
  return true
end

--- The next line without its end. At most `limit` bytes are looked at.
function Reader:line(limit)
  local stop = self.buffer:find("\n", self.at, true)
  while not stop do
    if #self.buffer - self.at + 1 > limit then
      return nil, "too long"
    end
    local filled, message = self:fill()
    if not filled then
      return nil, message
    end
    stop = self.buffer:find("\n", self.at, true)
  end
  local line = self.buffer:sub(self.at, stop - 1)
  self.at = stop + 1
  if #line > limit then
    return nil, "too long"
  end
  return (line:gsub("\r$", ""))
end

--- Appends the next `count` bytes to `pieces`.
function Reader:bytes(count, pieces)
  local left = count
  local piece = self.buffer:sub(self.at, self.at + left - 1)
  self.at = self.at + #piece
  pieces[#pieces + 1] = piece
  left = left - #piece
  while left > 0 do
    local more, message = self.connection:receive(self.deadline)
    if not more then
      return nil, message
    end
    if #more > left then
      self.buffer, self.at = more, left + 1
      more = more:sub(1, left)
    end
    pieces[#pieces + 1] = more
    left = left - #more
  end
  return true
end

--- Appends all bytes up to the end of the connection to `pieces`.
function Reader:rest(pieces)
  local size = #self.buffer - self.at + 1
  pieces[#pieces + 1] = self.buffer:sub(self.at)
  while true do
    local more, message = self.connection:receive(self.deadline)
    if not more then
      return message == "closed" or nil, message
    end
    size = size + #more
    if size > BODY_MAX then
      return nil, "too long"
    end
    pieces[#pieces + 1] = more
  end
end

--- The header lines up to the empty one, as a table of values by name in lower case; several of one name are joined by
-- ", ". `left`: the bytes that they may have.
local function read_headers(reader, left)
  local headers = {}
  while true do
    local line, message = reader:line(left)
    if not line then
      return nil, message == "too long" and "the headers of the answer are longer than 64 KiB" or message
    elseif line == "" then
      return headers
    end
    left = left - #line - 2
    local name, value = line:match "^([^%s:]+):[ \t]*(.-)[ \t]*$"
    if not name then
      return nil, "the answer has a malformed header"
    end
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
end

--- Status, headers and version of the answer, behind interim answers.
local function read_head(reader)
  for _ = 1, INTERIM_MAX do
    local line, message = reader:line(HEAD_MAX)
    if not line then
      return nil, message == "too long" and "the headers of the answer are longer than 64 KiB" or message
    end
    local version, status = line:match "^HTTP/1%.(%d) (%d%d%d)%f[^%d]"
    if not version then
      return nil, "the server does not answer in HTTP/1.1"
    end
    local headers
    headers, message = read_headers(reader, HEAD_MAX - #line)
    if not headers then
      return nil, message
    elseif status:sub(1, 1) ~= "1" then
      return { status = tonumber(status), headers = headers, minor = tonumber(version) }
    end
  end
  return nil, "the server sends interim answers without end"
end

local function read_chunks(reader, pieces)
  local size = 0
  while true do
    local line, message = reader:line(CHUNK_LINE_MAX)
    if not line and message ~= "too long" then
      return nil, message
    end
    line = line or ""
    local digits = line:match "^(%x+)%s*$" or line:match "^(%x+)%s*;"
    local count = digits and #digits <= 8 and tonumber(digits, 16)
    if not count then
      return nil, "a chunk of the answer has no valid size"
    end
    size = size + count
    if size > BODY_MAX then
      return nil, "too long"
    elseif count == 0 then
      return read_headers(reader, HEAD_MAX) -- trailers
    end
    local done
    done, message = reader:bytes(count, pieces)
    if done then
      done, message = reader:line(2)
    end
    if done and done ~= "" or message == "too long" then
      return nil, "a chunk of the answer does not end where it should"
    elseif not done then
      return nil, message
    end
  end
end

--- Appends the body to `pieces`. Returns "open" if another request can follow, "ended" if not; nil, message.
local function read_body(reader, answer, pieces)
  local coding, length = answer.headers["transfer-encoding"], answer.headers["content-length"]
  if coding and coding:lower() ~= "chunked" then
    return nil, "the answer has an unknown transfer encoding"
  elseif coding then
    local done, message = read_chunks(reader, pieces)
    return done and (length and "ended" or "open"), message
  elseif not length and answer.status ~= 204 and answer.status ~= 304 then
    local done, message = reader:rest(pieces)
    return done and "ended", message
  end
  local digits = (length or "0"):match "^(%d+)$"
  local count = digits and tonumber(digits)
  if not count then
    return nil, "the answer has no valid length"
  elseif count > BODY_MAX then
    return nil, "too long"
  end
  local done, message = reader:bytes(count, pieces)
  return done and "open", message
end

--- The whole answer. Second result: whether the connection can be used again. nil, message.
local function read_answer(reader)
  local answer, message = read_head(reader)
  if not answer then
    return nil, message
  end
  local pieces = {}
  local state
  state, message = read_body(reader, answer, pieces)
  if not state then
    message = message == "too long" and ("the answer is longer than %d MiB"):format(BODY_MAX / 1048576)
      or message == "closed" and "the answer ends too early" or message
    return nil, message
  end
  answer.body = table.concat(pieces)
  local option = (answer.headers["connection"] or ""):lower()
  local has_rest = reader.at <= #reader.buffer
  local is_open = answer.minor >= 1 and not option:find("close", 1, true)
  return answer, nil, is_open and state == "open" and not has_rest
end

-- ---------------------------------------------------------------- requests

--- Sends the request and reads the answer. A server may answer before it has read everything, and close: then sending
-- fails, and the answer counts.
local function exchange(connection, request, deadline)
  local sent, send_message = connection:send(request, deadline)
  local reader = new_reader(connection, deadline)
  if not sent and send_message == "timeout" then
    return nil, send_message, reader
  end
  local answer, message, can_go_on = read_answer(reader)
  if not answer then
    return nil, not sent and not reader.has_begun and send_message or message, reader
  end
  if sent and can_go_on then
    connection:keep()
  else
    connection:close()
  end
  return answer
end

local function text_of(target, headers, body)
  local lines = {
    ("POST %s HTTP/1.1"):format(target.path), "Host: " .. target.authority, ("Content-Length: %d"):format(#body),
  }
  for name, value in pairs(headers) do
    lines[#lines + 1] = name .. ": " .. value
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- Sends a body to a target: what parse_url returns, with `verify` and `ca_file` (http_transport.lua). `headers`:
-- further headers by name. The answer, `{ status =, headers = values by name in lower case, body = }`, comes within
-- `timeout` seconds. nil, message, is_final: there is none; `is_final` says that trying again is useless. A connection
-- that was open from an earlier request, and that the server has closed meanwhile, is replaced.
function M.post(target, headers, body, timeout)
  local way, message = transport.current()
  if not way then
    return nil, message, true
  end
  local deadline = way.now() + timeout
  local request = text_of(target, headers, body)
  while true do
    local connection, is_final
    connection, message, is_final = way.connect(target, deadline)
    if not connection then
      message = message == "timeout" and ("no connection within %g s"):format(timeout) or message
      return nil, message, is_final
    end
    local was_reused = connection.is_reused
    local answer, reader
    answer, message, reader = exchange(connection, request, deadline)
    if answer then
      return answer
    end
    connection:close()
    if not was_reused or reader.has_begun or message == "timeout" then
      return nil, message == "timeout" and ("no answer within %g s"):format(timeout)
        or message == "closed" and "the server closed the connection without an answer" or message
    end
  end
end

--- The time in seconds, with a fraction.
function M.now()
  local way = transport.current()
  return way and way.now() or os.time()
end

--- Waits, without blocking a worker of nginx.
function M.sleep(seconds)
  local way = transport.current()
  if way then
    way.sleep(seconds)
  end
end

return M

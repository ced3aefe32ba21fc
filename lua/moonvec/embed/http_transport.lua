--- Connections of the HTTP client: the cosockets of nginx, which let the worker serve others meanwhile, or else
-- LuaSocket, with LuaSec for TLS.
--
-- A transport has `now()` (seconds), `sleep(seconds)` and `connect(target, deadline)`, which returns a connection, or
-- nil, a message and whether trying again is useless. A target has `scheme` ("http" or "https"), `host`, `port`,
-- `verify` (boolean) and `ca_file` (a path or nil). A deadline is a time of `now()`. A connection has
--
--   is_reused                 true if it has carried a request before
--   send(self, bytes, deadline)   -> true, or nil, message
--   receive(self, deadline)       -> some bytes, at least one; nil, message at the end ("closed") and on failures
--   keep(self)                makes it available to the next request
--   close(self)

local system = require "moonvec.system"

local M = {}

-- Bytes that are sent or received with one setting of the timeout.
local PIECE = 16384

-- An idle connection is not used again after this time, in seconds. Servers close them after 5 s (Node) to 75 s
-- (nginx).
local IDLE_MAX = 30

-- Idle connections for each server that a worker of nginx keeps.
local IDLE_COUNT = 32

-- Where systems have the certificates of the authorities that they trust.
local CA_FILES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt", "/opt/homebrew/etc/openssl@3/cert.pem",
}

local function system_ca_file()
  local named = os.getenv "SSL_CERT_FILE"
  if named and named ~= "" then
    return named
  end
  for _, path in ipairs(CA_FILES) do
    if system.exists(path) then
      return path
    end
  end
  return nil
end

-- ---------------------------------------------------------------- names of certificates

local function is_address(host)
  return host:find(":", 1, true) ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

--- Whether a name of a certificate stands for the host (RFC 6125): equal without case, or with `*` for the whole first
-- label. At least two labels follow a `*`.
function M.name_matches(name, host)
  name, host = name:lower(), (host:lower():gsub("%.$", ""))
  local parent = name:match "^%*(%.[^.*]+%.[^*]+)$"
  if parent then
    local label, rest = host:match "^([^.]+)(%..+)$"
    return label ~= nil and rest == parent
  end
  return name == host
end

--- Whether the subject alternative names of a certificate, as LuaSec lists them, have the host. LuaSec verifies the
-- chain of certificates, but not for which host they are.
local function certificate_matches(certificate, host)
  local names = certificate:extensions()["2.5.29.17"] or {}
  if is_address(host) then
    for _, address in ipairs(names.iPAddress or {}) do
      if address:lower() == host:lower() then
        return true
      end
    end
    return false
  end
  for _, name in ipairs(names.dNSName or {}) do
    if M.name_matches(name, host) then
      return true
    end
  end
  return false
end

-- ---------------------------------------------------------------- LuaSocket

local Blocking = {}
Blocking.__index = Blocking

--- Lets the next call of the socket take until the deadline, all in all. False: it has passed.
local function limit(transport, socket, deadline)
  local left = deadline - transport.now()
  if left <= 0 then
    return false
  end
  socket:settimeout(left, "t")
  return true
end

function Blocking:send(bytes, deadline)
  for first = 1, #bytes, PIECE do
    if not limit(self.transport, self.socket, deadline) then
      return nil, "timeout"
    end
    local sent, message = self.socket:send(bytes, first, math.min(first + PIECE - 1, #bytes))
    if not sent then
      return nil, message == "wantread" and "timeout" or message == "wantwrite" and "timeout" or message
    end
  end
  return true
end

--- Waits for one byte, and takes what else has arrived.
function Blocking:receive(deadline)
  if not limit(self.transport, self.socket, deadline) then
    return nil, "timeout"
  end
  local first, message = self.socket:receive(1)
  if not first then
    return nil, message == "wantread" and "timeout" or message
  end
  self.socket:settimeout(0, "t") -- of the two timeouts of LuaSocket, only this one is used
  local more, _, partial = self.socket:receive(PIECE)
  return first .. (more or partial or "")
end

function Blocking:keep()
  self.is_reused, self.idle_since = true, self.transport.now()
  self.transport.idle[self.key] = self
end

function Blocking:close()
  self.socket:close()
end

local function tls_failure(target, message)
  return nil, ("TLS with %s failed: %s"):format(target.host, tostring(message)), true
end

--- Makes a TLS connection of a connection. nil, message, true if its certificate is not that of the host.
local function shake_hands(transport, wrapped, target, deadline)
  if not is_address(target.host) then
    wrapped:sni(target.host)
  end
  local done, message = limit(transport, wrapped, deadline), "timeout"
  if done then
    done, message = wrapped:dohandshake()
  end
  if done and target.verify and not certificate_matches(wrapped:getpeercertificate(), target.host) then
    return tls_failure(target, "the certificate of the server is for another host")
  elseif done then
    return true
  elseif message == "timeout" or message == "wantread" or message == "wantwrite" then
    return nil, "timeout"
  elseif message == "closed" then
    return nil, "the connection was closed in the TLS handshake"
  end
  return tls_failure(target, message)
end

local function encrypt(transport, ssl, socket, target, deadline)
  local ca_file = target.ca_file or system_ca_file()
  if target.verify and not ca_file then
    return tls_failure(target, "no file of trusted certificates was found; name it by 'ca_file'")
  end
  local wrapped, message = ssl.wrap(socket, {
    mode = "client", protocol = "any", options = { "all", "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
    verify = target.verify and "peer" or "none", cafile = target.verify and ca_file or nil,
  })
  if not wrapped then
    return tls_failure(target, message)
  end
  local done, failure, is_final = shake_hands(transport, wrapped, target, deadline)
  if not done then
    wrapped:close()
    return nil, failure, is_final
  end
  return wrapped
end

local function take_idle(transport, key)
  local idle = transport.idle[key]
  transport.idle[key] = nil
  if idle and transport.now() - idle.idle_since > IDLE_MAX then
    idle:close()
    return nil
  end
  return idle
end

local function connect_blocking(transport, library, target, deadline)
  local key = ("%s %s %d %s %s"):format(target.scheme, target.host, target.port, tostring(target.verify),
    target.ca_file or "")
  local connection = take_idle(transport, key)
  if connection then
    return connection
  end
  local ssl
  if target.scheme == "https" then
    local found
    found, ssl = pcall(require, "ssl")
    if not found then
      return nil, "https needs LuaSec: install lua-sec (Debian, Ubuntu) or 'luarocks install luasec'", true
    end
  end
  local socket, message, is_final = library.tcp()
  if not socket then
    return nil, message
  end
  local done = limit(transport, socket, deadline)
  if done then
    done, message = socket:connect(target.host, target.port)
  else
    message = "timeout"
  end
  if not done then
    socket:close()
    return nil, message
  end
  socket:setoption("tcp-nodelay", true)
  local plain = socket
  if ssl then
    socket, message, is_final = encrypt(transport, ssl, plain, target, deadline)
  end
  if not socket then
    plain:close()
    return nil, message, is_final
  end
  return setmetatable({ transport = transport, socket = socket, key = key, is_reused = false }, Blocking)
end

--- The transport of LuaSocket, or nil, message if it is not installed.
local function new_blocking()
  local found, library = pcall(require, "socket")
  if not found then
    return nil, "embeddings over HTTP need LuaSocket: install lua-socket (and lua-sec for https; Debian, Ubuntu) or "
      .. "'luarocks install luasocket luasec'"
  end
  local transport = { now = library.gettime, sleep = library.sleep, idle = {} }
  function transport.connect(target, deadline)
    return connect_blocking(transport, library, target, deadline)
  end
  return transport
end

-- ---------------------------------------------------------------- nginx

local Yielding = {}
Yielding.__index = Yielding

local function limit_yielding(ngx, socket, deadline)
  ngx.update_time()
  local left = math.ceil((deadline - ngx.now()) * 1000)
  if left <= 0 then
    return false
  end
  socket:settimeouts(left, left, left)
  return true
end

function Yielding:send(bytes, deadline)
  for first = 1, #bytes, PIECE do
    if not limit_yielding(self.ngx, self.socket, deadline) then
      return nil, "timeout"
    end
    local sent, message = self.socket:send(bytes:sub(first, first + PIECE - 1))
    if not sent then
      return nil, message
    end
  end
  return true
end

function Yielding:receive(deadline)
  if not limit_yielding(self.ngx, self.socket, deadline) then
    return nil, "timeout"
  end
  return self.socket:receiveany(PIECE)
end

function Yielding:keep()
  self.socket:setkeepalive(IDLE_MAX * 1000, IDLE_COUNT)
end

function Yielding:close()
  self.socket:close()
end

local function connect_yielding(ngx, target, deadline)
  local socket = ngx.socket.tcp()
  if not limit_yielding(ngx, socket, deadline) then
    return nil, "timeout"
  end
  local host = target.host:find(":", 1, true) and "[" .. target.host .. "]" or target.host
  local pool = ("moonvec %s %s %d %s"):format(target.scheme, host, target.port, tostring(target.verify))
  local done, message = socket:connect(host, target.port, { pool = pool })
  if not done then
    return nil, message
  end
  local is_reused = socket:getreusedtimes() > 0
  if target.scheme == "https" and not is_reused then
    done, message = limit_yielding(ngx, socket, deadline), "timeout"
    if done then
      done, message = socket:sslhandshake(nil, target.host, target.verify)
    end
    if not done and message == "timeout" then
      socket:close()
      return nil, message
    elseif not done then
      socket:close()
      return tls_failure(target, message .. " (nginx trusts the certificates of lua_ssl_trusted_certificate)")
    end
  end
  return setmetatable({ ngx = ngx, socket = socket, is_reused = is_reused }, Yielding)
end

-- The phases of nginx in which a request may wait, and those in which blocking delays no other request.
local WAITING_PHASES = {
  server_rewrite = true, rewrite = true, access = true, content = true, timer = true, preread = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}
local STARTING_PHASES = { init = true, init_worker = true }

local function new_yielding(ngx)
  return {
    now = function()
      ngx.update_time()
      return ngx.now()
    end,
    sleep = ngx.sleep,
    connect = function(target, deadline)
      return connect_yielding(ngx, target, deadline)
    end,
  }
end

-- Made when first needed. In nginx a process may need both.
local blocking, yielding

--- The transport for where the program is now, or nil, message.
function M.current()
  local ngx = rawget(_G, "ngx")
  local phase = type(ngx) == "table" and ngx.get_phase and ngx.get_phase()
  if phase and WAITING_PHASES[phase] then
    yielding = yielding or new_yielding(ngx)
    return yielding
  elseif phase and not STARTING_PHASES[phase] then
    return nil, ("nginx allows no connections in the phase '%s'"):format(phase)
  end
  local message
  if not blocking then
    blocking, message = new_blocking()
  end
  return blocking, message
end

return M

-- A headless Chromium, driven through chromedriver by the WebDriver protocol. Files of this machine are all that it
-- opens.

local children = require "spec.support.children"
local program = require "spec.support.program"

local M = {}
M.__index = M

local FLAGS = {
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--hide-scrollbars",
}

--- Whether the programs and libraries are there, or what is missing.
function M.missing()
  for _, name in ipairs { "chromedriver", "chromium" } do
    if not children.succeeds("command -v " .. name) then
      return name
    end
  end
  for _, name in ipairs { "socket.http", "cjson" } do
    if not pcall(require, name) then
      return name
    end
  end
end

-- Sends a command, and returns its value. A failure raises.
local function send(base, method, path, body)
  local cjson, http, ltn12 = require "cjson", require "socket.http", require "ltn12"
  local answer, text = {}, body and cjson.encode(body)
  local ok, status = http.request {
    url = base .. path, method = method, source = text and ltn12.source.string(text), sink = ltn12.sink.table(answer),
    headers = { ["content-type"] = "application/json", ["content-length"] = text and #text or 0 },
  }
  assert(ok, "chromedriver: " .. tostring(status))
  local value = cjson.decode(table.concat(answer)).value
  assert(status == 200, type(value) == "table" and value.message)
  return value
end

-- The port that chromedriver says it listens at.
local function wait_for_port(log)
  for _ = 1, 200 do
    local file = io.open(log)
    local port = file and file:read("*a"):match "successfully on port (%d+)"
    if file then
      file:close()
    end
    if port then
      return port
    end
    os.execute "sleep 0.1"
  end
  error("chromedriver did not start: see " .. log)
end

--- Starts a browser.
function M.start()
  local home = program.temporary_path()
  assert(os.execute("mkdir -p " .. program.quote(home)))
  local log = home .. "/chromedriver.log"
  local pid = children.output(("chromedriver --port=0 >%s 2>&1 & echo $!"):format(program.quote(log))):match "%d+"
  local self = setmetatable({ home = home, pid = pid }, M)
  self.base = "http://127.0.0.1:" .. wait_for_port(log)
  local flags = { "--user-data-dir=" .. home .. "/profile" }
  for i, flag in ipairs(FLAGS) do
    flags[i + 1] = flag
  end
  self.session = "/session/" .. send(self.base, "POST", "/session", { capabilities = { alwaysMatch = {
    browserName = "chrome",
    ["goog:chromeOptions"] = { args = flags, binary = children.output("command -v chromium"):match "%S+" },
    ["goog:loggingPrefs"] = { browser = "ALL", performance = "ALL" },
  } } }).sessionId
  return self
end

function M:send(method, path, body)
  return send(self.base, method, self.session .. path, body)
end

-- A command of Chromium's own protocol.
function M:command(name, params)
  return self:send("POST", "/goog/cdp/execute", { cmd = name, params = params })
end

--- Shows pages as a screen of this size does, of this color scheme: "light" or "dark".
function M:show_as(width, height, scheme)
  self:command("Emulation.setDeviceMetricsOverride",
    { width = width, height = height, deviceScaleFactor = 1, mobile = false })
  self:command("Emulation.setEmulatedMedia", { features = { { name = "prefers-color-scheme", value = scheme } } })
end

function M:open(url)
  self:send("POST", "/url", { url = url })
end

--- The value of a JavaScript expression on the page.
function M:value(expression)
  local arguments = { 0 } -- cjson has no empty list
  return self:send("POST", "/execute/sync", { script = "return " .. expression, args = arguments })
end

--- Presses the keys of a text.
function M:type(text)
  for char in text:gmatch "[^\128-\191][\128-\191]*" do
    self:command("Input.dispatchKeyEvent", { type = "keyDown", text = char, key = char })
    self:command("Input.dispatchKeyEvent", { type = "keyUp", key = char })
  end
end

--- The messages of the console since the last call.
function M:console()
  local messages = {}
  for i, entry in ipairs(self:send("POST", "/se/log", { type = "browser" })) do
    messages[i] = entry.message
  end
  return messages
end

--- The addresses that pages have asked for since the last call.
function M:requests()
  local cjson, urls = require "cjson", {}
  for _, entry in ipairs(self:send("POST", "/se/log", { type = "performance" })) do
    local message = cjson.decode(entry.message).message
    if message.method == "Network.requestWillBeSent" then
      urls[#urls + 1] = message.params.request.url
    end
  end
  return urls
end

--- Writes a picture of the page, a PNG file.
function M:picture(path)
  local data = self:send("GET", "/screenshot")
  local file = assert(io.open(path, "wb"))
  file:write(require("moonvec.base64").decode(data))
  file:close()
end

function M:stop()
  pcall(M.send, self, "DELETE", "")
  os.execute("kill " .. self.pid)
  program.remove(self.home)
end

return M

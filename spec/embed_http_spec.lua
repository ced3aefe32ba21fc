-- moonvec.embed.http against a server that behaves well and badly: over LuaSocket, and over cosockets in nginx.

local cases = require "spec.support.embedding_cases"
local client = require "moonvec.embed.http_client"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local retry = require "moonvec.embed.http_retry"
local server = require "spec.support.embedding_server"
local support = require "spec.support.init"
local transport = require "moonvec.embed.http_transport"

describe("embed.http", function()
  local home, ports, sockets

  setup(function()
    if not server.obstacle() then
      sockets = require "socket.http"
      home = support.path()
      ports = server.start(home)
    end
  end)
  teardown(function()
    if home then
      server.stop(home)
    end
    support.clean()
  end)

  local function get(path)
    return (assert(sockets.request(("http://127.0.0.1:%d/%s"):format(ports.plain, path))))
  end

  -- A spec that needs the server, which has forgotten what it was asked before.
  local function it_asks(title, work)
    it(title, function()
      if server.obstacle() then
        pending(server.obstacle())
        return
      end
      get "forget"
      work()
    end)
  end

  local function environment()
    return {
      url = "http://127.0.0.1:" .. ports.plain, tls = "https://localhost:" .. ports.tls,
      other = "https://127.0.0.1:" .. ports.other, ca_file = home .. "/trusted.pem", key_variable = "PATH",
      now = require("socket").gettime,
      seen = function(behaviour)
        return json.decode(get("seen/" .. behaviour))
      end,
    }
  end

  for _, name in ipairs(cases.names()) do
    local title = name:gsub("_", " ")
    it_asks(title .. " over LuaSocket", function()
      cases.cases[name](environment())
    end)

    -- The worker is the client and the server at once: a client that blocks it never gets an answer.
    it_asks(title .. " in nginx", function()
      assert.equal("ok", get("case/" .. name))
    end)
  end

  it_asks("trusts no certificate that it does not know", function()
    local model, message, code = moonvec.embed.http {
      url = ("https://localhost:%d/good/embeddings"):format(ports.tls), model = "m",
      sleep = function()
        error "this failure is final"
      end,
    }
    assert.is_nil(model)
    assert.truthy(message:find("TLS with localhost failed: certificate verify failed", 1, true), message)
    assert.equal("io", code)
  end)
end)

describe("embed.http without a server", function()
  local function message_of(options)
    local all = { url = "http://127.0.0.1:1/x", model = "m", dim = 3 }
    for name, value in pairs(options) do
      all[name] = value ~= moonvec.null and value or nil
    end
    return support.message_of(moonvec.embed.http, all)
  end

  it("says what is wrong with options", function()
    for message, options in pairs {
      ["embed.http: 'url' must be a text that is not empty, got a nil"] = { url = moonvec.null },
      ["embed.http: 'url' must be as in https://host:port/v1/embeddings"] = { url = "localhost:80" },
      ["embed.http: 'url' has a user name in it: give 'key', or 'headers'"] = { url = "http://me:secret@host/" },
      ["embed.http: 'url' has white space or control characters in it"] = { url = "http://host/\r\nX: y" },
      ["embed.http: 'model' must be a text that is not empty, got an empty one"] = { model = "" },
      ["embed.http: 'batch' must be a whole number from 1 to 2048, got 0"] = { batch = 0 },
      ["embed.http: 'dim' must be a whole number from 1 to 65535, got 65536"] = { dim = 65536 },
      ["embed.http: 'timeout' must be a positive number, got 0"] = { timeout = 0 },
      ["embed.http: 'retries' must be a whole number from 0 to 100, got -1"] = { retries = -1 },
      ["embed.http: the key must be a text that is not empty, without control characters"] = { key = "a\nb" },
      ["embed.http: 'key' and 'key_env' cannot be combined"] = { key = "a", key_env = "B" },
      ["embed.http: 'headers' has 'X', which cannot be set, or not to this value"] = { headers = { X = "a\r\nY: b" } },
      ["embed.http: 'headers' has 'X Y', which cannot be set, or not to this value"] = { headers = { ["X Y"] = "" } },
      ["embed.http: 'headers' has 'Host', which cannot be set, or not to this value"] = { headers = { Host = "h" } },
      ["embed.http: 'fields' has 'input', which cannot be given there"] = { fields = { input = 1 } },
      ["embed.http: 'shorten' needs 'dim'"] = { shorten = true, dim = moonvec.null },
      ["embed.http: 'verify' must be true or false, got a string"] = { verify = "no" },
      ["embed.http: 'sleep' must be a function, got a number"] = { sleep = 1 },
      ["embed.http: unknown option 'time_out' (did you mean 'timeout'?)"] = { time_out = 1 },
    } do
      assert.equal(message, message_of(options))
    end
    local model = moonvec.embed.http { url = "http://127.0.0.1:1/x", model = "m", dim = 3 }
    assert.equal("embed: expected an array of texts, got a string", support.message_of(model.embed, "text"))
    assert.equal("embed: texts[2] must be a string, got a number", support.message_of(model.embed, { "a", 1 }))
  end)

  it("has a fingerprint of what vectors depend on", function()
    local function fingerprint(options)
      local all = { url = "http://127.0.0.1:1/x?key=1", model = "m", dim = 3 }
      for name, value in pairs(options) do
        all[name] = value
      end
      return moonvec.embed.http(all).fingerprint
    end
    local one = fingerprint {}
    assert.equal("http:m:", one:sub(1, 7))
    assert.equal(one, fingerprint { key = "k", batch = 7, name = "n", url = "http://127.0.0.1:1/x?key=2" })
    for _, options in ipairs {
      { model = "n" }, { dim = 4 }, { url = "http://127.0.0.1:1/y" }, { url = "http://127.0.0.2:1/x" },
      { fields = { task = "q" } }, { shorten = true },
    } do
      assert.not_equal(one, fingerprint(options))
    end
    assert.equal("http:m:b6bd218bcd111241", one) -- on every Lua
  end)

  it("reads URLs", function()
    local url = client.parse_url "HTTPS://[::1]:8443/v1?x=1#part"
    assert.same({ scheme = "https", host = "::1", port = 8443, path = "/v1?x=1", authority = "[::1]:8443",
                  shown = "https://[::1]:8443/v1" }, url)
    url = client.parse_url "http://host.example?x"
    assert.same({ "host.example", 80, "/?x" }, { url.host, url.port, url.path })
    for _, text in ipairs {
      "", "http://", "ftp://host/", "http://host:0/", "http://host:70000/", "http://a:b:c/", "http://[::1/",
    } do
      assert.is_nil((client.parse_url(text)))
    end
  end)

  it("reads the dates and durations of headers", function()
    assert.equal(784111777, retry.parse_date "Sun, 06 Nov 1994 08:49:37 GMT")
    assert.equal(951782400, retry.parse_date "Tue, 29 Feb 2000 00:00:00 GMT")
    assert.equal(4102444799, retry.parse_date "Thu, 31 Dec 2099 23:59:59 GMT")
    assert.is_nil(retry.parse_date "yesterday")
    assert.is_nil(retry.parse_date(nil))
    for text, seconds in pairs { ["20"] = 20, ["1.5s"] = 1.5, ["6m0s"] = 360, ["250ms"] = 0.25, ["1h2m3s"] = 3723 } do
      assert.equal(seconds, retry.parse_duration(text))
    end
    for _, text in ipairs { "", "s", "5x", "1m ", "-1" } do
      assert.is_nil(retry.parse_duration(text))
    end
    assert.is_nil(retry.asked { ["retry-after"] = "soon" })
    assert.equal(0, retry.asked { ["retry-after"] = "Sun, 06 Nov 1994 08:49:37 GMT" })
  end)

  it("compares the names of certificates", function()
    assert.is_true(transport.name_matches("Api.Example.com", "api.example.COM"))
    assert.is_true(transport.name_matches("*.example.com", "api.example.com"))
    for _, name in ipairs { "*.com", "*", "a*.example.com", "*.*.com", "*.api.example.com", "example.com" } do
      assert.is_false(transport.name_matches(name, "api.example.com"))
    end
    assert.is_false(transport.name_matches("*.example.com", "example.com"))
    assert.is_false(transport.name_matches("*.example.com", "a.b.example.com"))
  end)
end)

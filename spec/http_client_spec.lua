-- The HTTP client of embed.http, with a connection made of a text: answers in any pieces, and damaged ones.

local client = require "moonvec.embed.http_client"
local support = require "spec.support.init"
local transport = require "moonvec.embed.http_transport"

local TARGET = assert(client.parse_url "http://host.example:8080/v1?x=1")

describe("the HTTP client", function()
  local current = transport.current
  after_each(function()
    transport.current = current
  end)

  --- Posts to a server that answers with these texts, one for each connection, in pieces of `size` bytes. Returns what
  -- post returns, and the requests.
  local function post(answers, size, headers, body)
    local requests, kept, connections = {}, nil, 0
    transport.current = function()
      return {
        now = os.clock,
        connect = function()
          if kept then
            return kept
          end
          connections = connections + 1
          local text, at = answers[connections], 1
          return {
            is_reused = false,
            send = function(_, bytes)
              requests[#requests + 1] = bytes
              return true
            end,
            receive = function()
              local piece = text:sub(at, at + size - 1)
              at = at + size
              if piece == "" then
                return nil, "closed"
              end
              return piece
            end,
            keep = function(connection)
              kept, connection.is_reused = connection, true
            end,
            close = function()
              kept = nil
            end,
          }
        end,
      }
    end
    local answer, message = client.post(TARGET, headers or {}, body or "", 10)
    return answer, message, requests, kept
  end

  -- The text of an answer, its body, and whether the connection is used again.
  local ANSWERS = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: 1\r\na:  2 \r\n\r\nhello", "hello", true },
    { "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nhello", "hello", false },
    { "HTTP/1.0 200\nContent-Length: 5\n\nhello", "hello", false },
    { "HTTP/1.1 200 OK\r\n\r\nhello", "hello", false },
    { "HTTP/1.1 204 No Content\r\n\r\n", "", true },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n03;x=y\r\nllo\r\n0\r\n\r\n", "hello", true },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n", "hello", true },
    { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello",
      false },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", "hello", false },
  }

  it("reads an answer in any pieces", function()
    for _, case in ipairs(ANSWERS) do
      for size = 1, #case[1] do
        local answer, message = post({ case[1] }, size)
        assert.equal(case[2], answer and answer.body, message)
      end
      local _, _, _, kept = post({ case[1] }, #case[1])
      assert.equal(case[3], kept ~= nil, case[1])
    end
    local answer = post({ ANSWERS[1][1] }, 1000)
    assert.same({ ["content-length"] = "5", a = "1, 2" }, answer.headers)
    assert.equal(200, answer.status)
  end)

  it("writes a request", function()
    local _, _, requests = post({ ANSWERS[1][1] }, 1000, { Name = "value" }, "body")
    assert.equal("POST /v1?x=1 HTTP/1.1\r\nHost: host.example:8080\r\nContent-Length: 4\r\nName: value\r\n\r\nbody",
      requests[1])
  end)

  it("fails when the answer ends too early, wherever", function()
    for _, number in ipairs { 1, 5, 6, 7, 8 } do
      local text = ANSWERS[number][1]
      for size = 0, #text - 1 do
        local answer, message = post({ text:sub(1, size) }, 1000)
        assert.is_nil(answer, ("%d bytes of answer %d"):format(size, number))
        assert.equal("string", type(message))
      end
    end
  end)

  it("does not raise on damaged answers", function()
    local random, read = support.random(7), 0
    for _ = 1, 3000 do
      local text = ANSWERS[random(#ANSWERS)][1]
      for _ = 1, random(3) do
        local at = random(#text)
        local piece = random(2) == 1 and "" or string.char(random(256) - 1):rep(random(3))
        text = text:sub(1, at - 1) .. piece .. text:sub(at + random(3))
        text = #text > 0 and text or "H"
      end
      local answer, message = post({ text }, random(40))
      assert.is_true(answer ~= nil or type(message) == "string")
      read = read + (answer and 1 or 0)
    end
    assert.is_true(read > 100 and read < 2900, read)
  end)

  it("asks for LuaSocket by name", function()
    local socket, module = package.loaded.socket, "moonvec.embed.http_transport"
    package.loaded.socket, package.loaded[module] = nil, nil
    package.preload.socket = function()
      error "not here"
    end
    local fresh = require(module)
    local way, message = fresh.current()
    package.loaded.socket, package.preload.socket, package.loaded[module] = socket, nil, transport
    assert.is_nil(way)
    assert.truthy(message:find("install lua-socket", 1, true))
  end)

  it("makes no connections in phases of nginx that allow none", function()
    rawset(_G, "ngx", {
      get_phase = function()
        return "log"
      end,
    })
    local answer, message, is_final = client.post(TARGET, {}, "", 1)
    rawset(_G, "ngx", nil)
    assert.is_nil(answer)
    assert.equal("nginx allows no connections in the phase 'log'", message)
    assert.is_true(is_final)
  end)
end)

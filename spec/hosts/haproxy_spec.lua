-- HAProxy: a service that searches, in two threads with a Lua state each.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"
local host_program = require "spec.support.host_program"

local HOST = { command = "haproxy", package = "haproxy", lua = "lua5.3" }

describe("the example for HAProxy", function()
  after_each(host_example.clean)

  it("answers requests in both threads", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    local port = tostring(host_program.port())
    host_page.write("search.lua", folder, HOST.lua)
    host_page.write("haproxy.cfg", folder, HOST.lua, { ["8085"] = port })
    host_example.start(folder, "haproxy -db -f haproxy.cfg")
    for _ = 1, 20 do
      local url = ("'http://127.0.0.1:%s/?printer+toner'"):format(port)
      assert.equal(host_example.ANSWER, host_example.fetch(url))
    end
  end)
end)

-- mpv: a script message that searches.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"

local HOST = { command = "mpv", package = "mpv", lua = "lua5.2" }

-- A second script: it sends the message once the first one is loaded, which begins in a thread of its own, until it
-- sees the answer in the log.
local ASK = [[
mp.enable_messages "info"
mp.register_event("log-message", function(event)
  if event.prefix == "search_message" then
    mp.command "quit"
  end
end)
mp.add_periodic_timer(0.1, function()
  mp.commandv("script-message", "search", "printer", "toner")
end)
]]

describe("the example for mpv", function()
  after_each(host_example.clean)

  it("prints the answer", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    host_page.write("search_message.lua", folder, HOST.lua)
    host_example.write(folder, "ask.lua", ASK)
    local output = host_example.output(folder,
      "mpv --no-config --idle --vo=null --ao=null --script=search_message.lua --script=ask.lua")
    assert.truthy(output:find("[search_message] " .. host_example.ANSWER, 1, true), output)
  end)
end)

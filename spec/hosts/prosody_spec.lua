-- Prosody: a module that searches, over HTTP.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"
local host_program = require "spec.support.host_program"

local HOST = { command = "prosody", package = "prosody", lua = "lua5.4" }

-- What a Prosody that is no service of the system needs, and no ports but the one for HTTP.
local ALONE = [[
run_as_root = true
pidfile = "FOLDER/prosody.pid"
data_path = "FOLDER"
c2s_ports, s2s_ports, https_ports = {}, {}, {}
VirtualHost]]

describe("the example for Prosody", function()
  after_each(host_example.clean)

  it("answers requests", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    local port = tostring(host_program.port())
    host_page.write("mod_notes.lua", folder, HOST.lua)
    host_page.write("prosody.cfg.lua", folder, HOST.lua, {
      ["5280"] = port, ["/etc/prosody/modules"] = folder, VirtualHost = (ALONE:gsub("FOLDER", folder)),
    })
    host_example.start(folder, "prosody -F --config prosody.cfg.lua")
    assert.equal(host_example.ANSWER,
      host_example.fetch(("-H 'Host: localhost' 'http://127.0.0.1:%s/notes?printer+toner'"):format(port)))
  end)
end)

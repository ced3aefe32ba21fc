-- Knot Resolver: a zone whose names are searched for.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"
local host_program = require "spec.support.host_program"

local HOST = { command = "kresd", package = "knot-resolver", lua = "luajit" }

-- Asks the resolver itself, once it runs.
local ASK = [[
net.listen("127.0.0.1", PORT)
event.after(0, function()
  resolve("printer.toner.search.", kres.type.TXT, kres.class.IN, 0, function(packet)
    print(packet)
    quit()
  end)
end)
]]

describe("the example for Knot Resolver", function()
  after_each(host_example.clean)

  it("answers with a text record", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    local path = host_page.write("kresd.conf", folder, HOST.lua)
    local file = assert(io.open(path, "a"))
    file:write((ASK:gsub("PORT", host_program.port())))
    file:close()
    local output = host_example.output(folder, "kresd -n -c " .. path .. " " .. folder)
    assert.truthy(output:find('TXT\t"' .. host_example.ANSWER .. '"', 1, true), output)
  end)
end)

-- Pandoc: a filter that searches.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"

local HOST = { command = "pandoc", package = "pandoc", lua = "lua5.3" }

describe("the example for Pandoc", function()
  after_each(host_example.clean)

  it("puts the answer into the page", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    host_page.write("search_filter.lua", folder, HOST.lua)
    host_example.write(folder, "page.md", "? printer toner\n\nNo question.\n")
    assert.equal("<p>" .. host_example.ANSWER .. "</p>\n<p>No question.</p>\n",
      host_example.output(folder, "pandoc --lua-filter=search_filter.lua page.md"))
  end)
end)

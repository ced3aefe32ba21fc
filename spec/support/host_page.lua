-- The examples of docs/hosts/others.md, written to files for the programs that run them.

local host_program = require "spec.support.host_program"

local M = {}

local PAGE = "docs/hosts/others.md"
local CHECKOUT = "/opt/moonvec" -- on the page

local function page()
  local file = assert(io.open(PAGE))
  local text = file:read "*a"
  file:close()
  return text
end

--- The example of the page whose first line names the file `name`.
function M.example(name)
  for block in page():gmatch "```%a*\n(.-)```" do
    if block:match "^[-#]+ (%S+)\n" == name then
      return block
    end
  end
  error(PAGE .. " has no example '" .. name .. "'")
end

--- Writes this example to `folder`/`name`, for the module of `lua`. `replaced`: texts of the page, and what the spec
-- has in their place. Returns the path.
function M.write(name, folder, lua, replaced)
  local places = host_program.places(lua)
  local text = M.example(name):gsub(CHECKOUT .. "/build/" .. lua, (places.CPATH:gsub("%%", "%%%%")))
  text = text:gsub(CHECKOUT, (places.ROOT:gsub("%%", "%%%%")))
  for old, new in pairs(replaced or {}) do
    local first, last = text:find(old, 1, true)
    assert(first, name .. " of " .. PAGE .. " has no '" .. old .. "'")
    text = text:sub(1, first - 1) .. new .. text:sub(last + 1)
  end
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

return M

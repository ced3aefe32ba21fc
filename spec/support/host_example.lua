-- Runs an example of docs/hosts/others.md in the real program, in a folder of its own. Each spec in spec/hosts uses one
-- of these.

local children = require "spec.support.children"
local host_program = require "spec.support.host_program"
local support = require "spec.support.init"

local M = {}

--- What the examples answer to the words "printer toner", by words and by letters.
M.ANSWER = "The printer on the second floor needs toner"

--- A new folder.
function M.folder()
  local folder = support.path()
  assert(children.succeeds("mkdir " .. folder))
  return folder
end

function M.write(folder, name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

--- The output of a command of the shell in `folder`, without paths to moonvec in its environment. It has a minute.
function M.output(folder, command)
  return children.output(("cd %s && exec 2>&1 && %s timeout -s KILL 60 %s"):format(folder,
    host_program.bare_environment(), command))
end

--- Starts a command in `folder`; returns its pid.
function M.start(folder, command)
  return host_program.start(("cd %s && exec %s %s"):format(folder, host_program.bare_environment(), command),
    folder .. "/log")
end

--- The answer of a server that was just started, as soon as there is one.
function M.fetch(arguments)
  local answer
  support.wait_until(function()
    answer = children.output("curl -s -f -m 60 " .. arguments)
    return answer ~= ""
  end)
  return answer
end

--- Why the program of `host` (command, package, lua) cannot run here, or nil.
function M.obstacle(host)
  return host_program.obstacle(host.command, host.package, host.lua)
end

--- For after_each: ends the programs, and removes the folders.
function M.clean()
  host_program.clean()
  support.clean()
end

return M

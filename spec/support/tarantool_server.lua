-- Tarantool instances of the specs: scripts that are started in folders of their own, killed, and asked.

local children = require "spec.support.children"
local host_program = require "spec.support.host_program"
local program = require "spec.support.program"
local support = require "spec.support.init"

local M = {}

--- Why Tarantool cannot run here, or nil.
function M.obstacle()
  return host_program.obstacle("tarantool", "tarantool", "luajit")
end

local function environment()
  return host_program.environment("luajit")
end

local function run(command)
  local text, status = children.output(command .. "; echo $?"):match "^(.-)(%d+)\n$"
  return text, tonumber(status)
end

--- Starts a script with arguments; its output and log are in the file `log`. `variables`: "NAME=value", or "".
function M.start(script, log, variables, ...)
  local words = {}
  for i, word in ipairs { ... } do
    words[i] = program.quote(tostring(word))
  end
  return host_program.start(("exec %s %s tarantool %s %s"):format(environment(), variables, script,
    table.concat(words, " ")), log)
end

M.stop = host_program.stop

--- Runs `code` in the instance that listens on `port`: the text that it returns. `code` may use functions of
-- tarantool_rows.lua as `rows`. Returns nil and a message if the instance does not answer, or the code raises.
function M.try(port, code)
  local text, status = run(("%s tarantool spec/support/tarantool_ask.lua %d %s 2>&1"):format(environment(), port,
    program.quote("local rows = require 'spec.support.tarantool_rows' " .. code)))
  text = text:gsub("\n$", "")
  if status == 0 then
    return text
  end
  return nil, text
end

--- The same; raises if the code fails.
function M.ask(port, code)
  return assert(M.try(port, code))
end

--- Waits until the code returns "true"; an instance that does not answer yet is asked again.
function M.wait_until(port, code)
  support.wait_until(function()
    return M.try(port, code) == "true"
  end)
end

return M

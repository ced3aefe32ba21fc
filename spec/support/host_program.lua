-- Programs that host Lua, for the specs in spec/hosts: are they there, where do they find moonvec, starting, stopping.

local children = require "spec.support.children"
local program = require "spec.support.program"
local support = require "spec.support.init"

local M = {}

local running = {} -- pids

local function here()
  return children.output("pwd"):gsub("\n", "")
end

-- The folder with the modules for all Luas, next to the one that runs this spec.
local function build_folder()
  for folder in package.cpath:gmatch("([^;]*)/[^/;]+/%?%.so") do
    if children.succeeds("test -e " .. program.quote(folder .. "/luajit/moonvec/core.so")) then
      return children.output("cd " .. program.quote(folder) .. " && pwd"):gsub("\n", "")
    end
  end
end

--- Why `command`, of the Debian package `package`, cannot run here with the module for `lua` ("lua5.3", "luajit"), or
-- nil.
function M.obstacle(command, package, lua)
  if not children.succeeds("PATH=$PATH:/usr/sbin command -v " .. command) then
    return command .. " is not there: install the Debian package " .. package
  end
  local folder = build_folder()
  if not folder or not children.succeeds(("test -e %s/%s/moonvec/core.so"):format(program.quote(folder), lua)) then
    return ("the module for %s is not built"):format(lua)
  end
end

--- Where a program finds moonvec: ROOT (of the checkout), and CPATH, the folder of the module for `lua`.
function M.places(lua)
  return { ROOT = here(), CPATH = build_folder() .. "/" .. lua }
end

--- The words of a shell command that sets both paths for the module for `lua`.
function M.environment(lua)
  local places = M.places(lua)
  return ("env -u LUA_PATH_5_2 -u LUA_CPATH_5_2 -u LUA_PATH_5_3 -u LUA_CPATH_5_3 -u LUA_PATH_5_4 -u LUA_CPATH_5_4 "
    .. "PATH=$PATH:/usr/sbin LUA_PATH=%s LUA_CPATH=%s"):format(
    program.quote(("%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;;"):format(places.ROOT, places.ROOT, places.ROOT)),
    program.quote(places.CPATH .. "/?.so;;"))
end

--- The same without these paths: for programs whose configuration sets them.
function M.bare_environment()
  return "env -u LUA_PATH -u LUA_CPATH PATH=$PATH:/usr/sbin"
end

--- Ports below the range of ephemeral ones, which depend on the process: the first of `count`.
function M.port(count)
  return 12000 + tonumber(children.output("echo $$")) * (count or 1) % 20000
end

--- Starts a command of the shell in the background, its output in the file `log`. Returns its pid.
function M.start(command, log)
  local pid = children.output(("%s >>%s 2>&1 </dev/null & echo $!"):format(command, program.quote(log))):match "%d+"
  running[pid] = true
  return pid
end

--- Sends the signal `name` to a program that start() started, and waits for its end if the signal ends it.
function M.stop(pid, name)
  children.succeeds(("kill -%s %s"):format(name or "TERM", pid))
  support.wait_until(function()
    return not children.succeeds("kill -0 " .. pid)
  end)
  running[pid] = nil
end

--- For after_each: ends what still runs.
function M.clean()
  for pid in pairs(running) do
    M.stop(pid, "KILL")
  end
end

return M

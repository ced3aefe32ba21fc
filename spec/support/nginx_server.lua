-- nginx with Lua, started in a folder on ports of the loopback address.

local children = require "spec.support.children"
local program = require "spec.support.program"

local M = {}

local MODULES = "/usr/lib/nginx/modules"
local NGINX = "/usr/sbin/nginx"

-- What each configuration begins with, and what its block `http` does.
local HEAD = [[
load_module MODULES/ndk_http_module.so;
load_module MODULES/ngx_http_lua_module.so;
pid HOME/nginx.pid;
error_log HOME/error.log;
]]
local HTTP = [[
  access_log off;
  client_body_temp_path HOME/t1; proxy_temp_path HOME/t2; fastcgi_temp_path HOME/t3;
  uwsgi_temp_path HOME/t4; scgi_temp_path HOME/t5;
  lua_package_path "LUA_PATH;;";
  lua_package_cpath "LUA_CPATH;;";
]]

-- The module for LuaJIT, next to the one that runs this spec.
local function luajit_module()
  for folder in package.cpath:gmatch("([^;]*)/[^/;]+/%?%.so") do
    if children.succeeds("test -e " .. program.quote(folder .. "/luajit/moonvec/core.so")) then
      return children.output("cd " .. program.quote(folder) .. " && pwd"):gsub("\n", "") .. "/luajit/?.so"
    end
  end
end

--- Why nginx cannot run here, or nil.
function M.obstacle()
  local there = children.succeeds("test -x " .. NGINX .. " -a -e " .. MODULES .. "/ngx_http_lua_module.so")
  if not there or not children.succeeds("test $(id -u) = 0") or not luajit_module() then
    return "nginx with Lua is not there, or this is not root, or the module for LuaJIT is not built"
  end
end

--- A port below the range of ephemeral ones, which depends on the process, so that two concurrent runs use different
-- ones.
function M.port()
  return 12000 + tonumber(children.output("echo $$")) % 20000
end

--- Starts nginx in the folder `home`. `main`: lines of its configuration outside of `http`; `http`: those inside. Words
-- in capitals are replaced by `values`. Returns whether it has started.
function M.start(home, main, http, values)
  local here = children.output("pwd"):gsub("\n", "")
  local all = {
    HOME = home, MODULES = MODULES, LUA_CPATH = luajit_module(),
    LUA_PATH = here .. "/lua/?.lua;" .. here .. "/lua/?/init.lua;" .. here .. "/?.lua",
  }
  for name, value in pairs(values) do
    all[name] = tostring(value)
  end
  local file = assert(io.open(home .. "/nginx.conf", "w"))
  file:write(((HEAD .. main .. "http {\n" .. HTTP .. http .. "}\n"):gsub("[A-Z_]+", all)))
  file:close()
  return children.succeeds(NGINX .. " -c " .. home .. "/nginx.conf")
end

return M

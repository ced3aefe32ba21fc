-- A server of embeddings for specs: nginx with one worker, on ports of the loopback address. What it does is in
-- embedding_behaviour.lua.

local children = require "spec.support.children"
local program = require "spec.support.program"

local M = {}

local MODULES = "/usr/lib/nginx/modules"
local NGINX = "/usr/sbin/nginx"

local CONFIG = [[
load_module MODULES/ndk_http_module.so;
load_module MODULES/ngx_http_lua_module.so;
user root;
worker_processes 1;
pid HOME/nginx.pid;
error_log HOME/error.log;
env SPEC_KEY=from-the-environment;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path HOME/t1; proxy_temp_path HOME/t2; fastcgi_temp_path HOME/t3;
  uwsgi_temp_path HOME/t4; scgi_temp_path HOME/t5;
  client_body_buffer_size 4m; client_max_body_size 8m;
  lua_shared_dict seen 4m;
  lua_socket_log_errors off;
  lua_ssl_trusted_certificate HOME/trusted.pem;
  lua_package_path "LUA_PATH;;";
  lua_package_cpath "LUA_CPATH;;";
  server {
    listen 127.0.0.1:PORT;
    listen 127.0.0.1:TLS ssl;
    ssl_certificate HOME/right.pem; ssl_certificate_key HOME/right.key;
    location ~ ^/(\w+)/embeddings {
      content_by_lua_block { require("spec.support.embedding_behaviour").answer(ngx.var[1]) }
    }
    location ~ ^/seen/(\w+) {
      content_by_lua_block { ngx.print(require("spec.support.embedding_behaviour").seen(ngx.var[1])) }
    }
    location /forget { content_by_lua_block { ngx.shared.seen:flush_all() } }
    location ~ ^/case/(\w+) {
      content_by_lua_block { ngx.print(require("spec.support.embedding_cases").run_in_nginx(ngx.var[1])) }
    }
  }
  server {
    listen 127.0.0.1:OTHER ssl;
    ssl_certificate HOME/wrong.pem; ssl_certificate_key HOME/wrong.key;
    location / { return 200 "{}"; }
  }
}
]]

-- The module for LuaJIT, next to the one that runs this spec.
local function luajit_module()
  for folder in package.cpath:gmatch("([^;]*)/[^/;]+/%?%.so") do
    if children.succeeds("test -e " .. program.quote(folder .. "/luajit/moonvec/core.so")) then
      return children.output("cd " .. program.quote(folder) .. " && pwd"):gsub("\n", "") .. "/luajit/?.so"
    end
  end
end

--- Why the server cannot run here, or nil.
function M.obstacle()
  local there = children.succeeds("test -x " .. NGINX .. " -a -e " .. MODULES .. "/ngx_http_lua_module.so")
  if not there or not children.succeeds("test $(id -u) = 0") or not luajit_module() then
    return "nginx with Lua is not there, or this is not root, or the module for LuaJIT is not built"
  end
end

local function make_certificate(home, name, names)
  local command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    .. "-subj /CN=%s -addext subjectAltName=%s -keyout %s/%s.key -out %s/%s.pem"
  assert(children.succeeds(command:format(name, names, home, name, home, name)), "openssl made no certificate")
end

--- Starts the server in the folder `home`. Returns its ports, or nil if they are taken.
local function start_at(home, port)
  local here = children.output("pwd"):gsub("\n", "")
  local values = {
    HOME = home, PORT = tostring(port), TLS = tostring(port + 1), OTHER = tostring(port + 2), MODULES = MODULES,
    LUA_PATH = here .. "/lua/?.lua;" .. here .. "/lua/?/init.lua;" .. here .. "/?.lua", LUA_CPATH = luajit_module(),
  }
  local file = assert(io.open(home .. "/nginx.conf", "w"))
  file:write((CONFIG:gsub("[A-Z_]+", values)))
  file:close()
  if children.succeeds(NGINX .. " -c " .. home .. "/nginx.conf") then
    return { plain = port, tls = port + 1, other = port + 2 }
  end
end

--- Starts the server. Returns its ports: `plain`, `tls` with a certificate for 127.0.0.1 and localhost, `other` with
-- one for another host. Both certificates are in the file trusted.pem of the folder.
function M.start(home)
  assert(children.succeeds("mkdir " .. home))
  make_certificate(home, "right", "IP:127.0.0.1,DNS:localhost,DNS:127.0.0.1")
  make_certificate(home, "wrong", "DNS:elsewhere.example,DNS:*.0.1")
  assert(children.succeeds(("cat %s/right.pem %s/wrong.pem > %s/trusted.pem"):format(home, home, home)))
  -- Below the range of ephemeral ports, and different for two runs at once.
  local first = 12000 + tonumber(children.output("echo $$")) % 20000
  for attempt = 0, 9 do
    local ports = start_at(home, first + 3 * attempt)
    if ports then
      return ports
    end
  end
  error("nginx does not start: " .. children.output("tail -n 5 " .. home .. "/error.log"))
end

--- Stops the server at once, also requests that hang.
function M.stop(home)
  local pid = children.output("cat " .. home .. "/nginx.pid"):gsub("\n", "")
  children.succeeds("kill -TERM " .. pid .. "; while kill -0 " .. pid .. "; do sleep 0.02; done")
end

return M

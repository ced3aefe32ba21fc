-- A server of embeddings for specs: nginx with one worker, on ports of the loopback address. What it does is in
-- embedding_behaviour.lua.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"

local M = {}

local MAIN = [[
user root;
worker_processes 1;
env SPEC_KEY=from-the-environment;
events { worker_connections 256; }
]]

local HTTP = [[
  client_body_buffer_size 4m; client_max_body_size 8m;
  lua_shared_dict seen 4m;
  lua_socket_log_errors off;
  lua_ssl_trusted_certificate HOME/trusted.pem;
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
]]

--- Why the server cannot run here, or nil.
M.obstacle = nginx_server.obstacle

local function make_certificate(home, name, names)
  local command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    .. "-subj /CN=%s -addext subjectAltName=%s -keyout %s/%s.key -out %s/%s.pem"
  assert(children.succeeds(command:format(name, names, home, name, home, name)), "openssl made no certificate")
end

--- Starts the server. Returns its ports: `plain`, `tls` with a certificate for 127.0.0.1 and localhost, `other` with
-- one for another host. Both certificates are in the file trusted.pem of the folder.
function M.start(home)
  assert(children.succeeds("mkdir " .. home))
  make_certificate(home, "right", "IP:127.0.0.1,DNS:localhost,DNS:127.0.0.1")
  make_certificate(home, "wrong", "DNS:elsewhere.example,DNS:*.0.1")
  assert(children.succeeds(("cat %s/right.pem %s/wrong.pem > %s/trusted.pem"):format(home, home, home)))
  local first = nginx_server.port()
  for port = first, first + 27, 3 do -- others may have taken some
    local ports = { plain = port, tls = port + 1, other = port + 2 }
    if nginx_server.start(home, MAIN, HTTP, { PORT = ports.plain, TLS = ports.tls, OTHER = ports.other }) then
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

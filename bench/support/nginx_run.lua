-- nginx with searches in a collection, for the bench nginx.

local harness = require "harness"
local tools = require "tools"

local M = {}

local CONF = [[
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
user root;
worker_processes WORKERS;
pid HOME/nginx.pid;
error_log HOME/error.log;
events {}
http {
  access_log off;
  client_body_temp_path HOME/t1; proxy_temp_path HOME/t2; fastcgi_temp_path HOME/t3; uwsgi_temp_path HOME/t4;
  scgi_temp_path HOME/t5;
  keepalive_requests 1000000000;
  lua_package_path "ROOT/lua/?.lua;ROOT/lua/?/init.lua;;";
  lua_package_cpath "ROOT/build/release/luajit/?.so;;";
  init_worker_by_lua_block {
    local moonvec = require "resty.moonvec"
    served = assert(moonvec.open("SERVED", SERVED_OPTIONS))
    built = BUILT
    queries, asked = {}, ngx.worker.id() * 7
    local file = assert(io.open("QUERIES", "rb"))
    for packed in function() return file:read(DIM * 4) end do queries[#queries + 1] = packed end
    file:close()
  }
  server {
    listen 127.0.0.1:PORT reuseport;
    location /search { content_by_lua_block {
      asked = asked + 1
      local hits = assert(served:query { vector = queries[asked % #queries + 1], topk = 10, output_fields = {} })
      ngx.say(hits[1].id)
    } }
    location /pending { content_by_lua_block { ngx.print((built or served):stats().pending_rows) } }
  }
}
]]

-- Starts nginx with these values for the words in capitals. Waits until it answers.
function M.start(values)
  local root = tools.shell("pwd"):gsub("\n", "")
  local all = { HOME = root .. "/" .. tools.directory .. "/nginx", ROOT = root, PORT = 18080, WORKERS = 2 }
  for name, value in pairs(values) do all[name] = tostring(value) end
  tools.run("mkdir", "-p", all.HOME)
  local file = assert(io.open(all.HOME .. "/nginx.conf", "w"))
  file:write((CONF:gsub("%u[%u_]+", all)))
  file:close()
  tools.run("/usr/sbin/nginx", "-c", all.HOME .. "/nginx.conf")
  return { home = all.HOME, url = "http://127.0.0.1:" .. all.PORT }
end

function M.pending(server)
  return tonumber(tools.run("curl", "-s", "-f", server.url .. "/pending"))
end

-- Asks for `seconds`. Returns the figures of wrk_report.lua.
function M.load(server, seconds, connections, delay_ms)
  return tools.figures("wrk", "-t1", "-c" .. connections, "-d" .. seconds .. "s", "-s", "bench/support/wrk_report.lua",
    server.url .. "/search", "--", delay_ms)
end

function M.stop(server)
  tools.shell(("kill -QUIT $(cat %s/nginx.pid)"):format(server.home))
  while tools.exists(server.home .. "/nginx.pid") do harness.os.sleep(0.05) end
end

return M

-- nginx with several workers: the collection is opened before the workers are forked, and each reads and writes.

local children = require "spec.support.children"
local program = require "spec.support.program"
local support = require "spec.support.init"

local MODULES = "/usr/lib/nginx/modules"
local NGINX = "/usr/sbin/nginx"

local CONFIG = [[
load_module MODULES/ndk_http_module.so;
load_module MODULES/ngx_http_lua_module.so;
user USER;
worker_processes WORKERS;
pid HOME/nginx.pid;
error_log HOME/error.log;
events { worker_connections 64; accept_mutex off; }
http {
  access_log off;
  client_body_temp_path HOME/t1; proxy_temp_path HOME/t2; fastcgi_temp_path HOME/t3;
  uwsgi_temp_path HOME/t4; scgi_temp_path HOME/t5;
  lua_package_path "LUA_PATH;;";
  lua_package_cpath "LUA_CPATH;;";
  init_by_lua_block {
    docs = assert(require("moonvec").open("HOME/docs.mv", { schema = {
      fields = { { name = "worker", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    } }))
  }
  server {
    listen 127.0.0.1:PORT reuseport;
    location /insert { content_by_lua_block {
      local id = ngx.var.arg_id
      local written, message = docs:insert { id = id, worker = ngx.worker.pid(), v = { tonumber(id), 0 } }
      ngx.say(written or message)
    } }
    location /optimize { content_by_lua_block {
      local done
      repeat
        done = assert(docs:optimize { budget_ms = 2 })
        ngx.sleep(0)
      until done == "done"
      ngx.say(done)
    } }
    location /slow { lua_check_client_abort on; content_by_lua_block {
      docs:transaction(function(tx)
        assert(tx:insert { id = "slow", worker = 0, v = { 0, 0 } })
        ngx.sleep(3600)
      end)
    } }
    location /look { content_by_lua_block {
      local hits = docs:query { vector = { tonumber(ngx.var.arg_near), 0 }, topk = 1 }
      ngx.say(ngx.worker.pid(), " ", #docs, " ", hits[1] and hits[1].id or "nothing")
    } }
  }
}
]]

-- Depends on the process id, so that two concurrent runs use different ports. Below the range of ephemeral ports.
local PORT = 12000 + tonumber(children.output("echo $$")) % 20000

local function get(what)
  return children.output(("curl -s -m 600 'http://127.0.0.1:%d/%s'"):format(PORT, what))
end

local WORKERS = 4

-- Repeats a request until every worker has answered; all answers must be equal. Returns the pids of the workers as
-- keys. `retired`: workers that may still answer but are ignored.
local function ask_all_workers(what, expected, retired)
  local seen, workers = {}, 0
  support.wait_until(function()
    local pid, answer = get(what):match("^(%d+) (.-)\n$")
    assert.equal(expected, answer)
    if not seen[pid] and not (retired and retired[pid]) then
      seen[pid] = true
      workers = workers + 1
    end
    return workers == WORKERS
  end)
  return seen
end

-- The module for LuaJIT, next to the one that runs this spec.
local function luajit_module()
  for folder in package.cpath:gmatch("([^;]*)/[^/;]+/%?%.so") do
    if children.succeeds("test -e " .. program.quote(folder .. "/luajit/moonvec/core.so")) then
      return children.output("cd " .. program.quote(folder) .. " && pwd"):gsub("\n", "") .. "/luajit/?.so"
    end
  end
end

describe("moonvec in nginx", function()
  local home

  local function start(user)
    local here = children.output("pwd"):gsub("\n", "")
    local values = { HOME = home, PORT = tostring(PORT), USER = user, WORKERS = tostring(WORKERS), MODULES = MODULES }
    values.LUA_PATH = here .. "/lua/?.lua;" .. here .. "/lua/?/init.lua"
    values.LUA_CPATH = luajit_module()
    local file = assert(io.open(home .. "/nginx.conf", "w"))
    file:write((CONFIG:gsub("[A-Z_]+", values)))
    file:close()
    assert.is_true(children.succeeds(NGINX .. " -c " .. home .. "/nginx.conf"), "nginx did not start")
  end

  local function signal(name)
    return children.succeeds("kill -" .. name .. " $(cat " .. home .. "/nginx.pid)")
  end

  after_each(function()
    if home then
      signal("QUIT")
      support.wait_until(function()
        return not children.succeeds("test -e " .. home .. "/nginx.pid")
      end)
      home = nil
    end
    support.clean()
  end)

  -- Why this test cannot run here, or nil.
  local function obstacle()
    local there = children.succeeds("test -x " .. NGINX .. " -a -e " .. MODULES .. "/ngx_http_lua_module.so")
    if not there or not children.succeeds("test $(id -u) = 0") or not luajit_module() then
      return "nginx with Lua is not there, or this is not root, or the module for LuaJIT is not built"
    end
  end

  local function serve_and_reload(user)
    start(user)
    assert.equal("1\n", get("insert?id=1"))
    ask_all_workers("look?near=1", "1 1")
    -- forty more inserts, several at a time, each by any worker
    assert.is_true(children.succeeds(
      ("seq 2 41 | xargs -P 8 -I N curl -s -m 600 -f 'http://127.0.0.1:%d/insert?id=N'"):format(PORT)))
    local workers = ask_all_workers("look?near=33", "41 33")

    assert.is_true(signal("HUP"))
    assert.equal("1\n", get("insert?id=42"))
    ask_all_workers("look?near=42", "42 42", workers)
  end

  before_each(function()
    home = support.path()
    assert.is_true(children.succeeds("mkdir " .. home))
  end)

  it("serves one collection from all workers, live, across a reload", function()
    if obstacle() then
      pending(obstacle())
      return
    end
    serve_and_reload("root")
  end)

  it("undoes the transaction of a request whose client has gone, also in a worker without work", function()
    if obstacle() then
      pending(obstacle())
      return
    end
    start("root")
    assert.equal("1\n", get("insert?id=1"))
    local outside = support.collection(nil, { path = home .. "/docs.mv", busy_ms = 0 })
    local document = { id = "outside", worker = 0, v = { 0, 0 } }
    for _ = 1, 3 do
      local client = children.output(
        ("curl -s -m 3600 http://127.0.0.1:%d/slow >/dev/null 2>&1 & echo $!"):format(PORT))
      repeat
        local code = select(3, outside:upsert(document))
      until code == "busy"
      assert.is_true(children.succeeds("kill -9 " .. client))
      -- the worker is asked nothing: it finds out by itself
      local limit, written = os.time() + 120
      repeat
        written = outside:upsert(document)
      until written or os.time() > limit
      assert.equal(1, written)
      assert.is_nil((outside:fetch("slow")))
    end
    assert.is_true(children.succeeds(
      ("seq 2 41 | xargs -P 8 -I N curl -s -m 10 -f 'http://127.0.0.1:%d/insert?id=N'"):format(PORT)))
    ask_all_workers("look?near=33", "42 33")
  end)

  it("does so as Debian runs it: root makes the collection in a directory of the workers' user", function()
    if obstacle() then
      pending(obstacle())
      return
    end
    assert.is_true(children.succeeds("chown www-data " .. home))
    serve_and_reload("www-data")
    assert.equal("done\n", get("optimize"))
    assert.is_true(support.collection(nil, { path = home .. "/docs.mv" }):check())
  end)

  it("does so when the workers run as the user nobody, who owns the collection", function()
    if obstacle() then
      pending(obstacle())
      return
    end
    local fields = { { name = "worker", type = "int32" } }
    local vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } }
    local path = home .. "/docs.mv"
    support.collection({ fields = fields, vectors = vectors }, { path = path }):close()
    assert.is_true(children.succeeds("chown -R nobody " .. path))
    serve_and_reload("nobody " .. children.output("id -gn nobody"):gsub("\n", ""))
    assert.is_true(support.collection(nil, { path = path }):check())
  end)
end)

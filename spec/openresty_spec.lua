-- nginx with several workers: the collection is opened before the workers are forked, and each reads and writes.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"

local MAIN = [[
user USER;
worker_processes WORKERS;
events { worker_connections 64; accept_mutex off; }
]]

local HTTP = [[
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
]]

local PORT = nginx_server.port()

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

describe("moonvec in nginx", function()
  local home

  local function start(user)
    local values = { PORT = PORT, USER = user, WORKERS = WORKERS }
    assert.is_true(nginx_server.start(home, MAIN, HTTP, values), "nginx did not start")
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
    if nginx_server.obstacle() then
      pending(nginx_server.obstacle())
      return
    end
    serve_and_reload("root")
  end)

  it("undoes the transaction of a request whose client has gone, also in a worker without work", function()
    if nginx_server.obstacle() then
      pending(nginx_server.obstacle())
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
    if nginx_server.obstacle() then
      pending(nginx_server.obstacle())
      return
    end
    assert.is_true(children.succeeds("chown www-data " .. home))
    serve_and_reload("www-data")
    assert.equal("done\n", get("optimize"))
    assert.is_true(support.collection(nil, { path = home .. "/docs.mv" }):check())
  end)

  it("does so when the workers run as the user nobody, who owns the collection", function()
    if nginx_server.obstacle() then
      pending(nginx_server.obstacle())
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

-- A collection in nginx while workers are killed and reloaded, clients go away and indexes are built: no write that was
-- acknowledged is lost, and none is seen in part.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"
local workers = require "spec.support.nginx_workers"

-- Each write makes two documents with its number, and changes a pair of documents that all writes change.
local HTTP = [[
  CACHE_DIRECTIVE
  lua_shared_dict counts 1m;
  init_by_lua_block {
    local moonvec = require "resty.moonvec"
    local OPTIONS = { durability = "none", interval_ms = 1, schema = {
      fields = { { name = "n", type = "int32", index = "invert" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 8, metric = "l2" } },
    } }
    function open()
      return assert(moonvec.open("HOME/docs.mv", OPTIONS))
    end
    local function document(id, n)
      return { id = id, n = n, v = { n, n % 7, n % 11, n % 13, n % 17, n % 19, n % 23, n % 29 } }
    end
    function documents(n)
      return { document(n .. "a", n), document(n .. "b", n), document("left", n), document("right", n) }
    end
  }
  init_worker_by_lua_block { open() }
]]

local LOCATIONS = [[
    location /write { content_by_lua_block {
      local n = tonumber(ngx.var.arg_n)
      local written, message = open():upsert(documents(n))
      ngx.say(written and "ok " .. n or message)
    } }
    location /look { content_by_lua_block {
      local docs = open()
      local pair = docs:fetch({ "left", "right" }, { include_vector = "table" })
      local left, right = pair.left, pair.right
      local hits = docs:query { vector = left and left.v or { 0, 0, 0, 0, 0, 0, 0, 0 }, topk = 1 }
      local is_whole = left == right or left and right and left.n == right.n and left.v[1] == left.n and
        right.v[1] == right.n
      ngx.say(is_whole and hits and "whole" or "in part")
    } }
    location /leave { lua_check_client_abort on; content_by_lua_block {
      local docs, begun = open(), nil
      repeat
        begun = docs:transaction(function(tx)
          assert(tx:insert { id = "of a client that left", n = 0, v = { 0, 0, 0, 0, 0, 0, 0, 0 } })
          ngx.shared.counts:incr("transactions", 1, 0)
          ngx.sleep(3600)
        end)
      until begun
    } }
    location /transactions { content_by_lua_block {
      ngx.print(ngx.shared.counts:get("transactions") or 0)
    } }
]]

-- Asks for a location with all numbers from 1 to `count`, eight at a time. Returns the path of a file of the answers.
local function ask_often(what, count)
  local answers = support.path()
  local command = "touch FILE; { curl -s -m 600 -Z --parallel-max 8 'URL[1-COUNT]' 2>/dev/null; echo end; } >FILE &"
  local values = { FILE = answers, URL = workers.url(what .. "?n="), COUNT = count }
  assert(children.succeeds((command:gsub("%u+", values))))
  return answers
end

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

local function has_ended(path)
  local lines = lines_of(path)
  return lines[#lines] == "end"
end

-- A client goes away while its request is in a transaction.
local function leave()
  local before = workers.ask "transactions"
  local client = children.output(("curl -s -m 3600 '%s' >/dev/null 2>&1 & echo $!"):format(workers.url "leave"))
  support.wait_until(function()
    return workers.ask "transactions" ~= before
  end)
  assert(children.succeeds("kill -9 " .. client))
end

local function kill_worker()
  support.wait_until(function() -- one that a reload ends may be gone before it is killed
    local pid = workers.pids()[1]
    return pid and children.succeeds("kill -9 " .. pid)
  end)
end

local function reload()
  assert(workers.signal "HUP")
end

local function check_stored(home, acknowledged, count)
  local docs = support.collection(nil, { path = home .. "/docs.mv" })
  assert.is_true(docs:check())
  for n = 1, count do
    local stored = docs:count("n = ? AND id NOT IN ('left', 'right')", { n })
    support.expect(stored == 2 or stored == 0 and not acknowledged[n], ("%d documents of write %d"):format(stored, n))
  end
  local pair = docs:fetch { "left", "right" }
  assert.equal(pair.left.n, pair.right.n)
  assert.is_nil((docs:fetch "of a client that left"))
end

describe("a collection in nginx #slow", function()
  if nginx_server.obstacle() then
    pending(nginx_server.obstacle())
    return
  end

  after_each(workers.clean)

  local function survives(cache, count, events)
    local home = workers.start((HTTP:gsub("CACHE_DIRECTIVE", cache)), LOCATIONS, 3)
    local writes, looks = ask_often("write", count), ask_often("look", count)
    for i, event in ipairs(events) do
      support.wait_until(function()
        return #lines_of(writes) >= i * count / (#events + 2)
      end)
      assert.is_false(has_ended(writes))
      event()
    end
    support.wait_until(function()
      return has_ended(writes) and has_ended(looks)
    end)
    local acknowledged, acknowledged_count = {}, 0
    for _, line in ipairs(lines_of(writes)) do
      local n = tonumber(line:match("^ok (%d+)$"))
      if n then
        acknowledged[n], acknowledged_count = true, acknowledged_count + 1
      end
    end
    assert.is_true(acknowledged_count > count / 2, acknowledged_count .. " acknowledged")
    for _, line in ipairs(lines_of(looks)) do
      assert.is_true(line == "whole" or line == "end" or line:find("<", 1, true) ~= nil, line)
    end
    workers.stop()
    check_stored(home, acknowledged, count)
  end

  it("loses and halves no write while workers are killed and reloaded, clients leave and an index is built", function()
    survives("", 3000, { kill_worker, reload, leave, kill_worker, leave, reload, kill_worker })
  end)

  it("does so where the code is not cached", function()
    survives("lua_code_cache off;", 50, { reload, kill_worker, leave })
  end)
end)

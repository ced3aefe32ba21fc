-- resty.moonvec: handles of collections in the workers of nginx. The Lua of nginx is LuaJIT, whatever runs this spec.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"
local workers = require "spec.support.nginx_workers"

local OPTIONS = [[
  lua_shared_dict flags 1m;
  init_by_lua_block {
    moonvec = require "resty.moonvec"
    OPTIONS = { durability = "none", schema = {
      fields = { { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
    } }
    function insert(first, count)
      local documents = {}
      for n = first, first + count - 1 do
        documents[#documents + 1] = { id = n, n = n, v = { n, n % 7 } }
      end
      return docs:insert(documents)
    end
  OPEN_EARLY
  }
  init_worker_by_lua_block {
  OPEN_LATE
  }
]]

local OPEN = 'docs = assert(moonvec.open("HOME/docs.mv", OPTIONS))'
local OPEN_IMPATIENT = "OPTIONS.timeout = 0.05 " .. OPEN
local OPEN_EAGER = "OPTIONS.interval_ms, OPTIONS.budget_ms = 1, 20 " .. OPEN

local function configuration(early, late)
  return (OPTIONS:gsub("OPEN_EARLY", early or ""):gsub("OPEN_LATE", late or ""))
end

local LOCATIONS = [[
    location /log { content_by_lua_block { ngx.say("logged") } log_by_lua_block {
      local _, message, code = docs:insert { id = "log", n = 1, v = { 1, 1 } }
      ngx.shared.flags:set("log", tostring(code))
    } }
]]

-- Begins a transaction in a worker, which waits in it until the flag "release" is set.
local HOLD = [[
  docs:transaction(function(tx)
    ngx.shared.flags:set("held", true)
    repeat ngx.sleep(0.002) until ngx.shared.flags:get("release")
  end)
  return "released"]]

local function hold()
  local output = support.path()
  assert(children.succeeds(("curl -s -m 600 --data-binary '%s' %s >%s 2>&1 &"):format(HOLD:gsub("\n", " "),
    workers.url("run"), output)))
  support.wait_until(function()
    return workers.run "return ngx.shared.flags:get('held')" == "true"
  end)
end

local function release()
  assert.equal("true", workers.run "return (ngx.shared.flags:set('release', true))")
end

describe("resty.moonvec #slow", function()
  if nginx_server.obstacle() then
    pending(nginx_server.obstacle())
    return
  end

  after_each(workers.clean)

  it("opens a collection once in each worker, closes it when the worker ends", function()
    local home = workers.start(configuration(nil, OPEN))
    local answers = workers.run_in_all [[
      return docs == moonvec.open(docs.path) and docs == moonvec.open(docs.path, OPTIONS)
        and docs == moonvec.open(docs.path, { durability = "none", schema = OPTIONS.schema })]]
    for _, answer in pairs(answers) do
      assert.equal("true", answer)
    end
    assert.equal("3", workers.run "return insert(1, 3)")
    workers.run_in_all "return docs:count()"
    assert.equal("3\ttrue\t3\tdocs.mv\t1", workers.run [[
      local tx = docs:transaction(function(tx) return tx:count() end)
      return tx, tostring(docs):find("^resty%.moonvec%.collection: ") == 1, docs:count(), docs.path:match("[^/]*$"),
        #docs.schema.fields]])
    assert.equal(1, #listing.names(home .. "/docs.mv", "^unsynced$"))
    workers.stop()
    assert.same({}, listing.names(home .. "/docs.mv", "^unsynced$"))
  end)

  it("names the line of the program where a call is wrong", function()
    workers.start(configuration(nil, OPEN))
    local wrong = {
      ["moonvec.open(docs.path, { timeout = 1 })"] = "open: '[^']*' is open in this worker with another 'timeout'",
      ["moonvec.open('x', { timeout = 'x' })"] = "open: 'timeout' must be a number, got a string",
      ["moonvec.open('x', { busy_ms = 3 })"] = "open: 'busy_ms' would block the worker: give 'timeout', in seconds",
      ["moonvec.open('x', { budget_ms = 0 })"] = "open: 'budget_ms' must be a number from 0.1 to 1000, got 0",
      ["moonvec.open('x', { read_onyl = true })"] = "open: unknown option 'read_onyl' %(did you mean 'read_only'%?%)",
      ["moonvec.open('x', 7)"] = "open: expected a table of options, got a number",
      ["docs:insert { id = 2, n = 'x' }"] = "insert: document '2': field 'n' wants a number, got a string",
      ["docs:transaction(7)"] = "transaction: expected a function, got a number",
      ["docs:search {}"] = "a collection has no 'search' %(did you mean 'query'%?%)",
    }
    for code, message in pairs(wrong) do
      assert.matches("^sent:2: " .. message .. "$", workers.message_of("\nlocal x = " .. code .. " return x"))
    end
    assert.matches("^nil\t.*nowhere.*\tnot_found$", workers.run "return moonvec.open('nowhere')")
  end)

  it("waits for another writer without blocking the worker", function()
    workers.start(configuration(nil, OPEN), nil, 1)
    hold()
    local client = support.path()
    local code = 'ngx.shared.flags:set("begun", true) return insert(1, 2)'
    assert(children.succeeds(("curl -s -m 600 --data-binary '%s' %s >%s 2>&1 &"):format(code, workers.url("run"),
      client)))
    support.wait_until(function()
      return workers.run "return ngx.shared.flags:get('begun')" == "true" -- the one worker answers meanwhile
    end)
    assert.equal("0", workers.run "return docs:count()")
    release()
    support.wait_until(function()
      return children.output("cat " .. client) ~= ""
    end)
    assert.equal("2", children.output("cat " .. client))
    assert.equal("2", workers.run "return docs:count()")
  end)

  it("returns \"busy\" after the timeout, and at once where nginx does not let code wait", function()
    workers.start(configuration(nil, OPEN_IMPATIENT), LOCATIONS)
    hold()
    for _, code in ipairs {
      "insert(1, 1)", "docs:delete(1)", "docs:meta('key', 'value')",
      "docs:transaction(function(tx) ngx.shared.flags:set('ran', true) end)",
    } do
      assert.matches("^nil\t.*\tbusy$", workers.run("return " .. code))
    end
    assert.equal("nil", workers.run "return ngx.shared.flags:get('ran')")
    assert.equal("logged\n", (workers.ask("log")))
    support.wait_until(function()
      return workers.run "return ngx.shared.flags:get('log')" == "busy"
    end)
    release()
  end)

  it("hands out what the function of a transaction returns", function()
    workers.start(configuration(nil, OPEN))
    for code, expected in pairs {
      ["return nil, 'mine', 'busy'"] = "nil\tmine\tbusy", ["return 1, nil, 3, nil"] = "1\tnil\t3\tnil", [""] = "true",
    } do
      assert.equal(expected, workers.run("return docs:transaction(function(tx) " .. code .. " end)"))
    end
  end)

  it("builds indexes in slices of one worker at a time; another one goes on when it is killed", function()
    workers.start(configuration(nil, OPEN_EAGER))
    local function is_indexed()
      return workers.run "local s = docs:stats() return s.pending, s.background" == "nil\tfalse"
    end
    assert.equal("3000", workers.run "return insert(1, 3000)")
    support.wait_until(is_indexed)
    for round = 1, 2 do
      assert.equal("3000", workers.run(("return insert(%d, 3000)"):format(round * 3000 + 1)))
      assert(children.succeeds("kill -9 " .. workers.pids()[round]))
    end
    support.wait_until(is_indexed)
    assert.equal("9000\t1", workers.run "return docs:count(), docs:stats().indexes.v.completeness")
    assert.is_nil(workers.errors():find("moonvec", 1, true), workers.errors())
  end)

  it("lets the workers after a reload build indexes while an earlier one ends its requests", function()
    workers.start(configuration(nil, OPEN_EAGER), nil, 1)
    local waiting = [[ngx.shared.flags:set("held", true) repeat ngx.sleep(0.002) until ngx.shared.flags:get("release")]]
    assert(children.succeeds(("curl -s -m 600 --data-binary '%s' %s >/dev/null 2>&1 &"):format(waiting,
      workers.url("run"))))
    support.wait_until(function()
      return workers.run "return ngx.shared.flags:get('held')" == "true"
    end)
    assert.equal("6000\tmore", workers.run "return insert(1, 6000), docs:optimize { budget_ms = 1 }") -- has begun
    local old = workers.pids()[1]
    assert(workers.signal "HUP")
    support.wait_until(function()
      local pid, pending = workers.run("return ngx.worker.pid(), docs:stats().pending"):match("^(%d+)\t(.*)$")
      return pid ~= old and pending == "nil"
    end)
    assert(children.succeeds("kill -0 " .. old))
    release()
  end)

  it("may be opened before the workers are forked, or by the first request", function()
    for _, places in ipairs { { OPEN, nil }, { nil, nil, "docs = docs or " .. OPEN:match("= (.*)$") .. " " } } do
      local home = workers.start(configuration(places[1], places[2]))
      local first = (places[3] or ""):gsub("HOME", home)
      assert.equal("2", workers.run(first .. "return insert(1, 2)"))
      for _, answer in pairs(workers.run_in_all(first .. "return docs:count()")) do
        assert.equal("2", answer)
      end
      assert(workers.signal("HUP"))
      assert.equal("1", workers.run(first .. "return insert(3, 1)"))
      workers.clean()
    end
  end)

  it("opens it for each request where the code is not cached, and leaves nothing behind", function()
    local home = workers.start("  lua_code_cache off;\n" .. configuration(nil, OPEN), nil, 1)
    local first = ("docs = docs or %s "):format(OPEN:match("= (.*)$"):gsub("HOME", home))
    for n = 1, 40 do
      assert.equal("1", workers.run(first .. ("return insert(%d, 1)"):format(n)))
    end
    assert.equal("40", workers.run(first .. "return docs:count()"))
    local descriptors = tonumber(children.output("ls /proc/" .. workers.pids()[1] .. "/fd | wc -l"))
    assert.is_true(descriptors < 40, descriptors .. " open files")
  end)

  it("can be closed, destroyed and opened again", function()
    workers.start(configuration(nil, OPEN), nil, 1)
    assert.equal("true\tfalse\t0", workers.run [[
      local path, old = docs.path, docs
      local closed = docs:close()
      docs = moonvec.open(path, OPTIONS)
      return closed, docs == old, docs:count()]])
    assert.equal("true\tnil\tnot_found", workers.run [[
      local path = docs.path
      local done = docs:destroy()
      local again, _, code = moonvec.open(path)
      return done, again, code]])
  end)
end)

describe("resty.moonvec outside of nginx", function()
  it("says what it needs", function()
    local ok, message = pcall(require, "resty.moonvec")
    assert.is_false(ok)
    assert.matches("resty%.moonvec works in nginx with its Lua module: there is no 'ngx' here", message)
  end)
end)

-- resty.moonvec.cache: a semantic cache in nginx.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"
local workers = require "spec.support.nginx_workers"

local HTTP = [[
  lua_shared_dict counts 1m;
  init_by_lua_block {
    PATH = "HOME/cache.mv"
    function new(options)
      options.path, options.dim = options.path or PATH, options.dim or not options.model and 2 or nil
      return assert(require("resty.moonvec.cache").new(options))
    end
    model = {
      name = "lengths", dim = 2, fingerprint = "1",
      embed = function(texts)
        local vectors = {}
        for i, text in ipairs(texts) do
          ngx.sleep(0.001) -- as a model behind HTTP does
          vectors[i] = text ~= "nonsense" and { #text:gsub("%s", ""), select(2, text:gsub("%s", "")) + 1 }
        end
        return vectors, { "no vector for nonsense" }
      end,
    }
  }
  init_worker_by_lua_block { cache = new { SETTINGS } }
]]

local function start(settings)
  return workers.start((HTTP:gsub("SETTINGS", settings or "")))
end

local function returns(expected, code)
  assert.equal(expected, workers.run(code))
end

describe("resty.moonvec.cache #slow", function()
  if nginx_server.obstacle() then
    pending(nginx_server.obstacle())
    return
  end

  after_each(workers.clean)

  it("finds answers by meaning, of one partition, in all workers", function()
    start()
    returns("string", 'return type(cache:set({ 1, 0 }, "right"))')
    returns("string", 'return type(cache:set({ 1, 0 }, "private", { partition = "ann" }))')
    for _, answer in pairs(workers.run_in_all [[
      local hit = cache:get { 2, 0.02 }
      return hit.value .. " " .. (hit.score > 0.99 and hit.age >= 0 and hit.id and "near")]]) do
      assert.equal("right near", answer)
    end
    returns("nil", "return cache:get { 1, 1 }")
    returns("nil", 'return cache:get({ 1, 0 }, { partition = "ben" })')
    returns("private", 'return cache:get({ 1, 0.1 }, { partition = "ann" }).value')
    returns("right\tnil", [[
      return cache:get({ 1, 1 }, { min_score = 0.7 }).value, cache:get({ 1, 1 }, { min_score = 0.72 })]])
  end)

  it("replaces the answer to the same question, deletes one, and purges a partition", function()
    start()
    returns("true\tnew\t1", [[
      local first, second = cache:set({ 1, 0 }, "old"), cache:set({ 1, 0 }, "new")
      return first == second, cache:get({ 1, 0 }).value, cache:stats().entries]])
    returns("0\t1\tnil", "return cache:delete { 1, 0.5 }, cache:delete { 1, 0 }, cache:get { 1, 0 }")
    returns("2\t1", [[
      for i, partition in ipairs { "ann", "ann", "ben" } do cache:set({ i, 1 }, "x", { partition = partition }) end
      return cache:purge("ann"), cache:stats().entries]])
  end)

  it("can be emptied", function()
    start()
    returns("2\t0\tnil\t0", [[
      cache:set({ 1, 0 }, "x"); cache:set({ 1, 0 }, "y", { partition = "ann" })
      return cache:clear(), cache:stats().entries, cache:get { 1, 0 }, cache:clear()]])
  end)

  it("keeps an answer for at least its time, and for less than a second more", function()
    start()
    for _, ttl in ipairs { 0.3, 1.2 } do
      for _, at in ipairs { 0.05, 0.95 } do -- within a second
        local lived = tonumber(workers.run(([[
          local function now() ngx.update_time() return ngx.now() end
          ngx.sleep((%s - now()) %% 1)
          local begun = now()
          cache:set({ 1, 0 }, "x", { ttl = %s })
          while cache:get { 1, 0 } do ngx.sleep(0.01) end
          return now() - begun]]):format(at, ttl)))
        assert.is_true(lived >= ttl and lived < ttl + 1.3, ("%s lived %s"):format(ttl, lived))
      end
    end
  end)

  it("forgets answers after their time, and those that are too many", function()
    start "ttl = 2, max_documents = 3"
    returns("x\ty", [[
      cache:set({ 1, 0 }, "x")
      cache:set({ 0, 1 }, "y", { ttl = false })
      return cache:get({ 1, 0 }).value, cache:get({ 0, 1 }).value]])
    support.wait_until(function()
      return workers.run "return cache:get { 1, 0 }" == "nil"
    end)
    returns("y", "return cache:get({ 0, 1 }).value")
    returns("3\ttrue", [[
      for i = 1, 9 do cache:set({ i, 10 - i }, "z", { ttl = false }) end
      local stats = cache:stats()
      return stats.entries, stats.evicted >= 6]])
  end)

  it("counts hits and misses, over all workers with a shared dictionary", function()
    start 'dict = "counts"'
    returns("string", 'return type(cache:set({ 1, 0 }, "x"))')
    local asked = 0
    for _ = 1, 2 do
      for _ in pairs(workers.run_in_all "cache:get { 0, 1 } return cache:get { 1, 0 }") do
        asked = asked + 1
      end
    end
    local hits, misses = workers.run("local s = cache:stats() return s.hits, s.misses"):match("^(%d+)\t(%d+)$")
    assert.is_true(tonumber(hits) >= asked and hits == misses)
    local seen = {}
    for _, answer in pairs(workers.run_in_all "return cache:stats().hits") do
      seen[answer] = true
    end
    assert.same({ [hits] = true }, seen)
    returns("1\t1", [[
      local own = new { path = PATH .. 2 }
      own:set({ 1, 0 }, "x"); own:get { 1, 0 }; own:get { 0, 1 }
      return own:stats().hits, own:stats().misses]])
  end)

  it("takes texts where it has a model", function()
    start "model = model"
    returns("string\t42\tnil", [[
      local id = cache:set("what is the answer to it", "42")
      return type(id), cache:get("what is the answer to me").value, cache:get("w h y")]])
    local answer = workers.run 'return cache:set("nonsense", "x")'
    assert.matches("^nil\t.*no vector for nonsense.*\tio$", answer)
    assert.matches("^nil\t.*no vector for nonsense.*\tio$", workers.run 'return cache:get "nonsense"')
    answer = workers.message_of("\nlocal x = cache:get { 1, 2 }")
    assert.equal("sent:2: get: the question must be a text, as the cache has a model, got a table", answer)
  end)

  it("is one cache of a worker, however often it is made", function()
    start "ttl = false"
    returns("true\tx", [[
      local again = new { ttl = false }
      again:set({ 1, 0 }, "x")
      return again.collection == cache.collection, cache:get({ 1, 0 }).value]])
  end)

  it("names the option that a later call changes", function()
    start "ttl = false, max_documents = 9"
    local NEW = "\nlocal x = require('resty.moonvec.cache').new { path = PATH, dim = 2, max_documents = 9, ttl = 7 " ..
      "%s } return type(x)"
    returns("table", NEW:format "")
    for name, more in pairs {
      max_documents = ", max_documents = 8", dim = ", dim = 3", model = ", dim = nil, model = model",
      durability = ", durability = 'full'", evict = ", evict = 'oldest'", timeout = ", timeout = 1",
    } do
      local message = workers.message_of(NEW:format(more))
      assert.matches("^sent:2: new: '.*cache%.mv' is open in this worker with another '" .. name .. "'$", message)
    end
  end)

  it("takes other limits after a restart, and says what to do about another dim", function()
    start "ttl = false"
    returns("9", 'for i = 1, 9 do cache:set({ i, 10 - i }, "x") end return cache:stats().entries')
    for _, step in ipairs {
      { "max_documents = 5", "5 nil least_recent 5" }, { "max_documents = 3, evict = 'oldest'", "3 nil oldest 3" },
      { "max_bytes = 1000000", "nil 1000000 least_recent 3" }, { "", "nil nil nil 3" },
    } do
      workers.stop()
      start("ttl = false, " .. step[1])
      for _, answer in pairs(workers.run_in_all([[
        local schema = cache.collection.schema
        local documents, bytes = tostring(schema.max_documents), tostring(schema.max_bytes)
        return ("%s %s %s %d"):format(documents, bytes, tostring(schema.evict), cache:stats().entries)]])) do
        assert.equal(step[2], answer)
      end
    end
    local answer = workers.run [[
      cache.collection:close()
      return require("resty.moonvec.cache").new { path = PATH, dim = 3, max_documents = 1 }]]
    assert.matches("^nil\t.*dim 2 in the collection, 3 in the given schema; give another path, or remove the " ..
      "directory\tschema_mismatch$", answer)
    returns("3", "cache = new { ttl = false } return cache:stats().entries")
  end)

  it("begins empty where the machine went down before its last writes were synced", function()
    local home = start()
    returns("string", 'return type(cache:set({ 1, 0 }, "x"))')
    local pids = "$(cat " .. home .. "/nginx.pid) " .. table.concat(workers.pids(), " ")
    assert(children.succeeds("kill -9 " .. pids))
    support.wait_until(function() -- until no program listens on the port
      return not children.succeeds("curl -s " .. workers.url "run")
    end)
    local mark = assert(io.open(home .. "/cache.mv/unsynced", "w"))
    mark:write("01234567-89ab-cdef-0123-456789abcdef") -- the id of another start of the machine
    mark:close()
    start()
    for _, answer in pairs(workers.run_in_all "return cache:get { 1, 0 }") do
      assert.equal("nil", answer)
    end
    assert.matches("cache%.mv' is replaced by an empty cache: ", workers.errors())
    returns("string\tx", 'return type(cache:set({ 1, 0 }, "x")), cache:get({ 1, 0 }).value')
  end)

  -- What a disk may leave of a catalog: nothing, zeros, the first page only.
  for damage, command in pairs {
    ["is empty"] = "truncate -s 0 %s",
    ["begins with zeros"] = "dd if=/dev/zero of=%s bs=8192 count=1 conv=notrunc",
    ["ends early"] = "truncate -s 4096 %s",
    ["is random"] = "dd if=/dev/urandom of=%s bs=24576 count=1 conv=notrunc",
  } do
    it("begins empty where the catalog " .. damage .. ", and logs that once", function()
      local home = start()
      returns("string", 'return type(cache:set({ 1, 0 }, "x"))')
      workers.stop()
      assert(children.succeeds(command:format(home .. "/cache.mv/catalog.mdb")))
      start()
      for _, answer in pairs(workers.run_in_all "return cache:get { 1, 0 }") do
        assert.equal("nil", answer)
      end
      returns("string\tx", 'return type(cache:set({ 1, 0 }, "x")), cache:get({ 1, 0 }).value')
      assert.equal(1, select(2, workers.errors():gsub("is replaced by an empty cache: ", "")))
    end)
  end

  it("does not touch what it cannot move, or what is no cache, and says so at once", function()
    local home = start()
    assert(children.succeeds(("cd %s && mkdir -p d.mv d.mv.damaged other && touch d.mv/catalog.mdb other/letter && " ..
      "head -c 9999 /dev/zero >d.mv/catalog.mdb && touch d.mv.damaged/mine"):format(home)))
    local NEW = 'local begun = ngx.now() local c, message, code = require("resty.moonvec.cache").new ' ..
      '{ dim = 2, path = "%s/%s" } ngx.update_time() return c, message, code, ngx.now() - begun < 1'
    local answer = workers.run(NEW:format(home, "d.mv"))
    assert.matches("^nil\t.*too damaged.*; it cannot be moved to '.*/d%.mv%.damaged' %(if that is there, delete it%)" ..
      ".*\tcorrupt\ttrue$", answer)
    answer = workers.run(NEW:format(home, "other"))
    assert.matches("^nil\t.*is not a collection: it has no catalog%.mdb\tcorrupt\ttrue$", answer)
    assert.is_nil(workers.errors():find("replaced", 1, true))
    assert(children.succeeds("cd " .. home .. " && ls other/letter d.mv.damaged/mine d.mv/catalog.mdb"))
  end)

  it("has the methods and figures that types.lua describes", function()
    start()
    local file = assert(io.open("lua/moonvec/types.lua"))
    local types = file:read("*a")
    file:close()
    local function described(pattern)
      local names = {}
      for name in types:gmatch(pattern) do
        names[#names + 1] = name
      end
      table.sort(names)
      return table.concat(names, " ")
    end
    local keys = "local names = {} for name in pairs(%s) do names[#names + 1] = name end table.sort(names) " ..
      "return table.concat(names, ' ')"
    assert.equal(described("\nfunction resty_cache:(%w+)%("), workers.run(keys:format "getmetatable(cache).__index"))
    types = types:match("@class resty%.moonvec%.cache_stats(\n.-)\n\n")
    assert.equal(described("@field ([%w_]+) "), workers.run(keys:format "cache:stats()"))
  end)

  it("names what is wrong, and the line where", function()
    start()
    local wrong = {
      ['require("resty.moonvec.cache").new { dim = 2 }'] = "new: 'path' must be the path of a directory, got a nil",
      ['require("resty.moonvec.cache").new { path = "x" }'] = "new: 'dim' is missing: .*",
      ['require("resty.moonvec.cache").new()'] = "new: expected a table of options, got a nil",
      ["new { dim = 0 }"] = "new: 'dim' must be a whole number from 1 to 65535, got 0",
      ["new { dict = 'none' }"] = "new: there is no lua_shared_dict 'none'",
      ["new { max_docs = 3 }"] = "new: unknown option 'max_docs' .*",
      ["new { ttl = 0 }"] = "new: 'ttl' must be a positive number, got 0",
      ["cache:set({ 1, 0 }, 7)"] = "set: the value must be a string, got a number",
      ["cache:set({ 1, 0 }, 'x', { tll = 7 })"] = "set: unknown option 'tll' %(did you mean 'ttl'%?%)",
      ["cache:get({ 1, 0 }, { min_score = 2 })"] = "get: 'min_score' must be a number from %-1 to 1, got 2",
      ["cache:get({ 1, 0 }, { partition = 7 })"] = "get: 'partition' must be a string, got a number",
      ["cache:get { 1, 0, 0 }"] = "get: the question has 3 numbers, those of the cache have 2",
      ["cache:set({ 1, 0, 0 }, 'x')"] = "set: the question has 3 numbers, those of the cache have 2",
      ["cache:delete { 1, 0, 0 }"] = "delete: the question has 3 numbers, those of the cache have 2",
      ["cache:get()"] = "get: the question must be a vector, as the cache has no model, got a nil",
      ["cache:set(nil, 'x')"] = "set: the question must be a vector, as the cache has no model, got a nil",
      ["cache:get(ngx.null)"] = "get: the question must be a vector, as the cache has no model, got a null",
      ["cache:get 'a question'"] = "get: the question must be a vector, as the cache has no model, got a string " ..
        "of 10 bytes, not 8",
      ["cache:get { 1, ngx.null }"] = "get: element 2 of the vector is a null, expected a number",
      ["cache:set({ 1, ngx.null }, 'x')"] = "set: element 2 of the vector is a null, expected a number",
      ["cache:get { 0, 0 }"] = "get: [^']*",
      ["cache:set({ 0, 0 }, 'x')"] = "set: [^']*",
      ["cache:get { 1, 0 / 0 }"] = "get: [^']*",
      ["cache:purge()"] = "purge: the partition must be a string, got a nil",
    }
    for code, message in pairs(wrong) do
      assert.matches("^[^ ]*:%d+: " .. message .. "$", workers.message_of("\nlocal x = " .. code .. " return x"))
    end
  end)
end)

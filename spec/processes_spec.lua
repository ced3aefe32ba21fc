-- Several processes with one collection: one writes while others read, writers wait for each other, and readers need no
-- refresh.

local children = require "spec.support.children"
local listing = require "spec.support.listing"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local SCHEMA = {
  fields = { { name = "batch", type = "int32" }, { name = "amount", type = "int64" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = "flat" } },
}

local ACCOUNTS = 60
local TOTAL = ACCOUNTS * 100 -- the sum of all amounts in every commit

-- In the child: replaces all accounts repeatedly. In each commit all have the same batch number, and the amounts move
-- between them. Waits for a line of input before it begins, and again in the middle.
local function write_batches(path, accounts, batches, optimize_every)
  local support = require "spec.support.init" -- luacheck: ignore
  local c = assert(require("moonvec").open(path, { durability = "none", maintenance = "manual" }))
  local random = support.random(11)
  local amounts = {}
  for n = 1, accounts do
    amounts[n] = 100
  end
  io.read()
  for batch = 1, batches do
    if batch == math.floor(batches / 2) then
      io.read()
    end
    local documents = {}
    for _ = 1, 20 do
      local from, to, amount = random(accounts), random(accounts), random(50)
      amounts[from] = amounts[from] - amount
      amounts[to] = amounts[to] + amount
    end
    for n = 1, accounts do
      documents[n] = { id = n, batch = batch, amount = amounts[n], v = { n, batch, 0, 0 } }
    end
    assert(c:upsert(documents) == accounts)
    if optimize_every > 0 and batch % optimize_every == 0 then
      assert(c:optimize())
    end
  end
  c:close()
end

-- In the child: reads in every way until it sees the last batch. Each read must see one commit, not older than the
-- commit of the read before. Prints a line when it has seen one of the first batches.
local function read_batches(path, accounts, batches, total)
  local c = assert(require("moonvec").open(path, { read_only = true }))
  local newest = 0

  local function see(documents)
    local batch, sum = documents[1].batch, 0
    assert(#documents == accounts, "a commit with another number of documents")
    for _, document in ipairs(documents) do
      assert(document.batch == batch, "documents of different commits")
      sum = sum + document.amount
    end
    assert(sum == total, "amounts of different commits")
    assert(batch >= newest, "an older commit than before")
    if newest == 0 and batch > 0 then
      print("reading")
    end
    newest = batch
  end

  local by_iterator = function()
    local documents = {}
    for document in c:iterate() do
      documents[#documents + 1] = document
    end
    return documents
  end

  print("ready")
  while newest < batches do
    see(assert(c:query { vector = { 1, 2, 3, 4 }, topk = accounts + 1 }))
    see(assert(c:query { filter = "batch >= ?", args = { newest }, topk = accounts + 1 }))
    see(by_iterator())
    local count = c:count("batch = ?", { newest })
    assert(count == 0 or count == accounts, "part of a commit is counted")
    assert(#c == accounts)
  end
  c:close()
end

local function accounts_of_batch(batch)
  local documents = {}
  for n = 1, ACCOUNTS do
    documents[n] = { id = n, batch = batch, amount = 100, v = { n, batch, 0, 0 } }
  end
  return documents
end

describe("a collection in several processes:", function()
  after_each(function()
    children.clean()
    support.clean()
  end)

  for what, optimize_every in pairs { ["writing"] = 0, ["writing and optimizing"] = 7 } do
    it("readers see one whole commit after the other while another process is " .. what, function()
      local batches = 300
      local c, path = support.collection(SCHEMA)
      c:insert(accounts_of_batch(0))
      local writer = children.start(write_batches, path, ACCOUNTS, batches, optimize_every)
      local readers = {}
      for i = 1, 3 do
        readers[i] = children.start(read_batches, path, ACCOUNTS, batches, TOTAL)
        assert.equal("ready", readers[i]:read())
      end
      writer:send("go")
      for _, reader in ipairs(readers) do
        assert.equal("reading", reader:read())
      end
      writer:send("go on")
      for _, reader in ipairs(readers) do
        reader:wait()
      end
      writer:wait()
      assert.is_true(c:check())
    end)
  end

  it("a commit is seen by the next read of any other process", function()
    local c, path = support.collection(SCHEMA)
    local reader = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { read_only = true }))
      for _ in io.lines() do
        print(#collection, collection:query({ vector = { 0, 0, 0, 0 }, topk = 1 })[1].batch)
      end
    end, path)
    for n = 1, 100 do
      c:upsert {
        { id = n, batch = n, amount = 0, v = { 1, 0, 0, 0 } },
        { id = "near", batch = n, amount = 0, v = { 0, 0, 0, 0 } },
      }
      reader:send("look")
      assert.equal((n + 1) .. "\t" .. n, reader:read())
    end
    reader:kill()
  end)

  it("an open iterator keeps its commit while another process optimizes, and the files go when it ends", function()
    local rows = 3000
    local c, path = support.collection(SCHEMA, { maintenance = "manual" })
    for n = 1, rows do
      c:insert { id = n, batch = 1, amount = n, v = { n, 0, 0, 0 } }
      if n % 1000 == 0 then
        c:optimize()
      end
    end
    local reader = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { read_only = true }))
      local count, sum = 0, 0
      for document in collection:iterate { include_vector = "table" } do
        count, sum = count + 1, sum + document.amount
        assert(document.batch == 1 and document.v[1] == document.amount)
        if count == 10 then
          print("holding")
          io.read()
        end
      end
      print(count, ("%d"):format(sum), #collection)
      io.read()
    end, path)
    assert.equal("holding", reader:read())

    local held = listing.names(path, "^%d")
    assert.is_true(#held > 0)
    c:delete_by_filter("amount > 100")
    c:update { id = 5, batch = 2 }
    c:optimize()
    c:insert { id = "more", batch = 2, amount = 1, v = { 0, 0, 0, 0 } }
    local there = {}
    for _, name in ipairs(listing.names(path)) do
      there[name] = true
    end
    for _, name in ipairs(held) do
      assert.is_true(there[name], name)
    end

    reader:send("go on")
    assert.equal(("%d\t%d\t%d"):format(rows, rows * (rows + 1) / 2, 101), reader:read())
    c:delete("nothing") -- any write removes files that are not used any more
    local left = listing.names(path, "^%d")
    for _, name in ipairs(held) do
      for _, still in ipairs(left) do
        assert.are_not.equal(name, still)
      end
    end
    assert.equal(c:stats().segments * 2, #left)
    reader:send("end")
    reader:wait()
    assert.is_true(c:check())
  end)

  it("writers in several processes take turns", function()
    local c, path = support.collection(SCHEMA)
    local writers, calls, documents_per_call = {}, 60, 5
    for i = 1, 4 do
      writers[i] = children.start(function(where, number, inserts, at_once)
        local collection = assert(require("moonvec").open(where, { durability = "none" }))
        io.read()
        for call = 1, inserts do
          local documents = {}
          for n = 1, at_once do
            documents[n] = { id = number .. ":" .. call .. ":" .. n, batch = number, amount = 1, v = { 1, 2, 3, 4 } }
          end
          assert(collection:insert(documents))
          assert(collection:transaction(function(tx)
            local sum = assert(tx:fetch("sum"))
            assert(tx:update { id = "sum", amount = sum.amount + at_once })
          end))
        end
        collection:close()
      end, path, i, calls, documents_per_call)
    end
    c:insert { id = "sum", batch = 0, amount = 0, v = { 0, 0, 0, 0 } }
    for _, writer in ipairs(writers) do
      writer:send("go")
    end
    for _, writer in ipairs(writers) do
      writer:wait()
    end
    assert.equal(#writers * calls * documents_per_call, c:fetch("sum").amount)
    assert.equal(#writers * calls * documents_per_call + 1, #c)
    for i = 1, #writers do
      assert.equal(calls * documents_per_call, c:count("batch = ?", { i }))
    end
    assert.is_true(c:check())
  end)

  it("processes may create it at the same moment", function()
    local path = support.path()
    local creators = {}
    for i = 1, 4 do
      creators[i] = children.start(function(where, number)
        local moonvec = require "moonvec" -- luacheck: ignore
        local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" } } }
        io.read()
        local collection = assert(moonvec.open(where, { schema = schema, durability = "none" }))
        assert(collection:insert { id = number, v = { number } })
        collection:close()
      end, path, i)
    end
    for _, creator in ipairs(creators) do
      creator:send("go")
    end
    for _, creator in ipairs(creators) do
      creator:wait()
    end
    assert.equal(#creators, #support.collection(nil, { path = path }))
    assert.same({}, listing.names(path:match("^(.*)/"), path:match("[^/]*$") .. "%.new"))
  end)

  it("creating and destroying at one path: nobody loses a collection that it has open", function()
    local path, workers = support.path(), {}
    for i = 1, 3 do
      workers[i] = children.start(function(where, number)
        local moonvec = require "moonvec" -- luacheck: ignore
        local schema = { vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" } } }
        local expected = { busy = true, exists = true, not_found = true, corrupt = true }
        local opened, destroyed = 0, 0
        io.read()
        for round = 1, 20 do
          local c, message, code = moonvec.open(where, { schema = schema, durability = "none" })
          if c then
            opened = opened + 1
            assert(c:upsert { id = number .. "-" .. round, v = { number } })
            assert(c:fetch(number .. "-" .. round))
            assert(c:check())
            c:close()
          else
            assert(expected[code], message)
            assert(code ~= "corrupt" or message:find("is not a collection", 1, true), message)
          end
          local done
          done, message, code = moonvec.destroy(where)
          destroyed = destroyed + (done and 1 or 0)
          assert(done or expected[code], message)
          assert(code ~= "corrupt" or message:find("is not a collection", 1, true), message)
        end
        print(opened .. " " .. destroyed)
      end, path, i)
    end
    for _, worker in ipairs(workers) do
      worker:send("go")
    end
    local opened, destroyed = 0, 0
    for _, worker in ipairs(workers) do
      local opens, destroys = worker:wait()[1]:match("^(%d+) (%d+)$")
      opened, destroyed = opened + opens, destroyed + destroys
    end
    assert.is_true(opened > 0 and destroyed > 0)
    moonvec.destroy(path)
    assert.same({}, listing.names(path:match("^(.*)/"), "^" .. path:match("[^/]*$"):gsub("%p", "%%%0")))
  end)

  it("it can be written by the owner and the group of its files at most, whatever the umask is", function()
    local folder = support.path()
    assert(children.succeeds("mkdir " .. folder))
    local child = children.start_under([[sh -c 'umask 0; exec "$@"' sh]], function(where)
      local c = assert(require("moonvec").open(where .. "/c", { maintenance = "manual", durability = "none", schema = {
        fields = { { name = "n", type = "int32", index = "invert" }, { name = "t", type = "string", index = "text" } },
        vectors = { { name = "v", type = "vector_fp32", dim = 2 } }, max_documents = 1000, evict = "least_recent",
      } }))
      for n = 1, 100 do
        assert(c:insert { id = n, n = n, t = "word" .. n, v = { n, 1 } })
      end
      assert(c:optimize() and c:fetch "1" and c:insert { id = "fresh", n = 1, t = "word", v = { 1, 1 } })
      assert(c:backup(where .. "/backup"))
      print "made"
      io.read()
    end, folder)
    assert.equal("made", child:read())
    local modes = children.output("find " .. folder .. "/* -printf '%y %m %f\\n'")
    child:send "end"
    child:wait()
    for _, name in ipairs { "catalog.mdb-lock", "catalog.mdb-uses", "catalog.mdb-writers", "unsynced", ".rows" } do
      assert.truthy(modes:find(name, 1, true), name)
    end
    for kind, mode, name in modes:gmatch "(%a) (%d+) ([^\n]+)" do
      assert.equal(kind == "d" and "775" or "664", mode, name)
    end
  end)

  it("optimize of two processes at once: one works, the other waits for busy_ms and is told so", function()
    local c, path = support.collection(SCHEMA, { maintenance = "manual", busy_ms = 300 })
    c:insert(accounts_of_batch(1))
    local other = children.start(function(where)
      local collection = assert(require("moonvec").open(where, { maintenance = "manual" }))
      assert(collection:optimize { budget_ms = 0.001 } == "more")
      print("begun")
      io.read()
      assert(collection:optimize())
      collection:close()
    end, path)
    assert.equal("begun", other:read())
    for _, options in ipairs { {}, { background = true }, { budget_ms = 1 } } do
      local done, message, code
      repeat
        done, message, code = c:optimize(options)
      until done ~= "more"
      if options.background then
        done, message, code = done:wait()
      end
      assert.is_nil(done)
      assert.equal("busy", code)
      assert.truthy(message:find("another process: waited 300 ms (busy_ms)", 1, true), message)
    end
    other:send("go on")
    other:wait()
    assert.is_true(c:optimize())
    assert.equal(ACCOUNTS, #c)
  end)
end)

describe("a program that is started while a collection is open", function()
  after_each(support.clean)

  -- The descriptors of a program that this process starts, a line for each.
  local function inherited()
    return children.output("ls -l /proc/self/fd")
  end

  it("inherits none of its files", function()
    local before = select(2, inherited():gsub("\n", "\n"))
    local c, path = support.collection(SCHEMA)
    c:insert(accounts_of_batch(1))
    local reader = support.collection(nil, { path = path, read_only = true })
    assert.equal(ACCOUNTS, #reader)
    local memory = support.collection(SCHEMA, { path = ":memory:" })
    memory:insert(accounts_of_batch(1))
    local cursor = c:iterate()
    assert(cursor())
    local during = inherited()
    assert.is_nil(during:find(path, 1, true), during)
    assert.is_nil(during:find("moonvec", 1, true), during)
    assert.equal(before, (select(2, during:gsub("\n", "\n"))))
  end)
end)

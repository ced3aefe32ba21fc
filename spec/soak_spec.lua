-- The soak (spec/soak.lua) for a few seconds, and that it finds what is lost.

local cache = require "spec.support.soak_cache"
local documents = require "spec.support.soak_documents"
local journals = require "spec.support.soak_journal"
local operations = require "spec.support.soak_operations"
local program = require "spec.support.program"
local support = require "spec.support.init"

local CAN_YIELD = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil -- across pcall
local SEED, OWNER = 4, "writer1"

describe("the soak #once", function()
  local c, path, model

  local function operation(n, of)
    return operations.operation(SEED, OWNER, n, of)
  end

  local function open_journal()
    model = { versions = {}, mark = 0 }
    return journals.open(path, OWNER, model, function(of, n)
      operations.apply(of, operation(n, of))
    end)
  end

  -- Operations 1 to `last`, acknowledged, and the start of the next one.
  local function work(last)
    local journal = open_journal()
    journal:resume(c)
    for n = 1, last do
      journal:begin(n)
      assert.is_true(operations.run(c, operation(n, model), model))
      journal:done(n)
    end
    journal:begin(last + 1)
    journal.file:close()
  end

  before_each(function()
    c, path = support.collection(documents.SCHEMA), support.path()
  end)
  after_each(support.clean)

  it("accepts that the last operation happened or not", function()
    work(60)
    assert.is_nil(open_journal():fault(c))
    assert.is_true(operations.run(c, operation(61, model), model))
    local journal = open_journal()
    assert.is_nil(journal:fault(c))
    assert.equal(61, journal.number)
  end)

  it("finds a document that is lost, and one that came back", function()
    work(60)
    local key, n = next(model.versions)
    assert.equal(1, c:delete(documents.id(OWNER, key)))
    assert.matches(documents.id(OWNER, key), open_journal():fault(c), 1, true)
    assert.equal(1, c:insert(documents.document(OWNER, key, n)))
    assert.is_nil(open_journal():fault(c))
    assert.equal(1, c:insert(documents.document(OWNER, 9999, 1)))
    assert.matches(documents.id(OWNER, 9999), open_journal():fault(c), 1, true)
  end)

  it("finds a wrong vector, a wrong meta string and a wrong sum of the accounts", function()
    work(60)
    local key = next(model.versions)
    assert.equal(1, c:update { id = documents.id(OWNER, key), v = documents.vector(OWNER, key, 12345) })
    assert.matches("of the vector", open_journal():fault(c))
    assert.equal(1, c:update { id = documents.id(OWNER, key), v = documents.vector(OWNER, key, model.versions[key]) })
    assert.is_true(c:meta(OWNER, "59999"))
    assert.matches("meta of writer1 is 59999", open_journal():fault(c))

    assert.equal(documents.COUNTERS + documents.ACCOUNTS, c:upsert(documents.first()))
    local accounts = c:fetch(documents.accounts())
    documents.check_accounts(accounts)
    local account = accounts[documents.id("bank", 1)]
    account.amount = account.amount - 1
    assert.has_error(function()
      documents.check_accounts(accounts)
    end)
  end)

  it("runs for some seconds and loses nothing #slow", function()
    if not CAN_YIELD then
      return pending("coroutines of plain Lua 5.1 cannot yield in a transaction")
    end
    local output, status = program.run("spec/soak.lua", 6, SEED)
    assert.equal(0, status, output)
    assert.matches("nothing lost", output)
  end)
end)

describe("the cache of the soak #once", function()
  local c, path

  local function open_journal()
    return cache.open(path, SEED)
  end

  local function work(steps)
    local journal = open_journal()
    journal:resume(c)
    for _ = 1, steps do
      journal:step(c)
    end
    journal.file:close()
    return journal
  end

  local function append(text)
    local file = assert(io.open(path, "a"))
    file:write(text)
    file:close()
  end

  before_each(function()
    c, path = support.collection(cache.SCHEMA), support.path()
  end)
  after_each(support.clean)

  it("knows what expires and what is evicted", function()
    work(150)
    local journal = work(150)
    assert.equal(300, journal.number)
    assert.is_nil(open_journal():fault(c))
    assert.is_true(c:stats().expired > 0 and c:stats().evicted > 1000)
    assert.is_true(c:count() > 0.8 * cache.DOCUMENTS_MAX)
  end)

  it("accepts that the last operation happened or not", function()
    local journal = work(60)
    append(("begin 61 %d\n"):format(os.time()))
    assert.is_nil(open_journal():fault(c))
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    file = assert(io.open(path, "w"))
    file:write((text:gsub("done 60 .*", "")))
    file:close()
    local reopened = open_journal()
    assert.equal(59, reopened.number)
    assert.is_nil(reopened:fault(c))
    assert.equal(journal.number, reopened.number)
  end)

  it("finds a document that is lost, one that came back, and one that has expired", function()
    local journal = work(40)
    local newest = journal.model.list[#journal.model.list]
    local id = documents.id(cache.OWNER, newest.key)
    local document = assert(c:fetch(id, { include_vector = "table" }))
    assert.equal(1, c:delete(id))
    assert.matches(id .. " of operation %d+ is lost", open_journal():fault(c))
    assert.equal(1, c:insert(document))
    assert.is_nil(open_journal():fault(c))
    document.n = document.n + 1
    assert.equal(1, c:upsert(document))
    assert.has_error(function()
      assert(not open_journal():fault(c))
    end)
    cache.check({ id = "cache:1", key = 1, n = 1, expiry = 100 }, 99)
    assert.has_error(function()
      cache.check({ id = "cache:1", key = 1, n = 1, expiry = 100 }, 100)
    end, "document cache:1 expired at 100, and was returned at 100")
  end)
end)

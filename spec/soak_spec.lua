-- The soak (spec/soak.lua) for a few seconds, and that it finds what is lost.

local documents = require "spec.support.soak_documents"
local journals = require "spec.support.soak_journal"
local operations = require "spec.support.soak_operations"
local program = require "spec.support.program"
local support = require "spec.support.init"

local CAN_YIELD = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil -- across pcall
local SEED, OWNER = 4, "writer1"

describe("the soak", function()
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
    local output, status = program.run("spec/soak.lua", 8, SEED)
    assert.equal(0, status, output)
    assert.matches("nothing lost", output)
  end)
end)

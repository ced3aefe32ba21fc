-- The documents of the soak (spec/soak.lua). A document is computed from its owner, its key and the number of the
-- operation that wrote it, so that every process can check every document that it reads, whoever wrote it.

local support = require "spec.support.init"

local M = {}

local DIM = 16
local CENTRES = 50
local VECTORS = 1000003 -- a prime: the number of different vectors

M.SCHEMA = {
  fields = {
    { name = "owner", type = "string", index = "invert" },
    { name = "key", type = "int32" },
    { name = "n", type = "int32" },
    { name = "amount", type = "int64" },
  },
  vectors = { { name = "v", type = "vector_fp32", dim = DIM, metric = "l2" } },
}

-- Transactions of the role "coroutines" move amounts between accounts: the sum is the same in every commit.
M.ACCOUNTS = 64
M.TOTAL = M.ACCOUNTS * 1000
M.COUNTERS = 16 -- documents that count the transactions of the role "coroutines"

-- The field that the role "changer" adds, under one of two names. Its value is EXTRA or NULL.
M.EXTRA_NAMES = { "extra", "renamed" }
M.EXTRA = 7

M.UNDONE = -1 -- `n` of what an undone transaction wrote: never seen outside of it

function M.id(owner, key)
  return ("%s:%d"):format(owner, key)
end

function M.vector(owner, key, n)
  return support.clustered((owner:byte(-1) * 7001 + key * 31 + n * 1009) % VECTORS, DIM, CENTRES)
end

function M.document(owner, key, n)
  return { id = M.id(owner, key), owner = owner, key = key, n = n, amount = 0, v = M.vector(owner, key, n) }
end

--- The documents of `owner` with these keys, written by operation n.
function M.documents(owner, keys, n)
  local documents = {}
  for i, key in ipairs(keys) do
    documents[i] = M.document(owner, key, n)
  end
  return documents
end

--- The ids of all accounts.
function M.accounts()
  local ids = {}
  for key = 1, M.ACCOUNTS do
    ids[key] = M.id("bank", key)
  end
  return ids
end

--- What a new collection contains: the accounts, and counters at 0.
function M.first()
  local documents = {}
  for key = 1, M.ACCOUNTS do
    documents[key] = M.document("bank", key, 0)
    documents[key].amount = M.TOTAL / M.ACCOUNTS
  end
  for key = 1, M.COUNTERS do
    documents[#documents + 1] = M.document("coroutines", key, 0)
  end
  return documents
end

--- What is wrong with a document, or nil. Its vector, if it was read, is a table.
function M.fault(document)
  if document.id ~= M.id(document.owner, document.key) then
    return ("document %s has owner %s and key %d"):format(document.id, document.owner, document.key)
  elseif document.n < 0 then
    return ("document %s was written by an undone transaction"):format(document.id)
  end
  for _, name in ipairs(M.EXTRA_NAMES) do
    if document[name] ~= nil and document[name] ~= M.EXTRA then
      return ("document %s has %s = %s"):format(document.id, name, tostring(document[name]))
    end
  end
  local expected = document.v and M.vector(document.owner, document.key, document.n) or {}
  for i, number in ipairs(expected) do
    if not support.near(number, document.v[i]) then
      return ("document %s, operation %d: number %d of the vector is %g, not %g"):format(
        document.id, document.n, i, document.v[i], number)
    end
  end
end

--- Raises if something is wrong with a document.
function M.check(document)
  local fault = M.fault(document)
  return fault and error(fault, 2)
end

--- Raises if these documents are not the accounts of one commit.
function M.check_accounts(documents)
  local count, sum = 0, 0
  for _, document in pairs(documents) do
    M.check(document)
    count, sum = count + 1, sum + document.amount
  end
  if count ~= M.ACCOUNTS or sum ~= M.TOTAL then
    error(("%d accounts with %d in sum, not %d with %d"):format(count, sum, M.ACCOUNTS, M.TOTAL), 2)
  end
end

return M

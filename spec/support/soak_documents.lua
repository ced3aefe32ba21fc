-- The documents of the soak (spec/soak.lua). A document is computed from its owner, its key and the number of the
-- operation that wrote it, so that every process can check every document that it reads, whoever wrote it.

local support = require "spec.support.init"

local M = {}

local DIM = 16
local SMALL_DIM = 4
local INDEXES = 1000 -- of sparse vectors, by key, and as many by operation
local CENTRES = 50
local VECTORS = 1000003 -- a prime: the number of different vectors

M.SCHEMA = {
  fields = {
    { name = "owner", type = "string", index = "invert" },
    { name = "key", type = "int32" },
    { name = "n", type = "int32" },
    { name = "amount", type = "int64" },
    { name = "words", type = "string", index = { type = "text", tokenizer = "whitespace" } },
  },
  vectors = {
    { name = "v", type = "vector_fp32", dim = DIM, metric = "l2" },
    { name = "sparse", type = "sparse_vector_fp32" },
    { name = "several", type = "vector_fp32", dim = SMALL_DIM, metric = "ip", multi = true },
  },
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

--- The word that only documents of this key have.
function M.word(key)
  return ("k%d"):format(key)
end

--- The index that sparse vectors of this key have.
function M.sparse_index(key)
  return key % INDEXES
end

--- One to three vectors of whole numbers.
function M.several(key, n)
  local vectors = {}
  for i = 1, 1 + key % 3 do
    vectors[i] = {}
    for j = 1, SMALL_DIM do
      vectors[i][j] = (key * (i + 2 * j) + n) % 23 - 11
    end
  end
  return vectors
end

--- What changes with every operation that writes a document.
function M.changes(owner, key, n)
  return {
    id = M.id(owner, key), n = n, v = M.vector(owner, key, n),
    words = ("%s n%d %s"):format(M.word(key), n, owner),
    sparse = { [M.sparse_index(key)] = 1, [INDEXES + n % INDEXES] = 0.5 + key % 4 },
    several = M.several(key, n),
  }
end

function M.document(owner, key, n)
  local document = M.changes(owner, key, n)
  document.owner, document.key, document.amount = owner, key, 0
  return document
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
  local wanted = M.changes(document.owner, document.key, document.n)
  for _, name in ipairs { "words", "sparse", "several" } do
    if document[name] ~= nil and not support.is_same(wanted[name], document[name]) then
      return ("document %s, operation %d: another %s was written"):format(document.id, document.n, name)
    end
  end
  for i, number in ipairs(document.v and wanted.v or {}) do
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

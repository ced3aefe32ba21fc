-- The operations of a writer of the soak (spec/soak.lua). Operation n depends only on the seed, the writer, n, and the
-- documents that are there before it.

local documents = require "spec.support.soak_documents"
local support = require "spec.support.init"

local M = {}

local KEYS = 6000 -- of each writer
local SMALL, LARGE = 60, 4500 -- documents in a batch; 4,096 become a segment at once

--- Random numbers for one part of the soak.
function M.random(seed, name, number)
  local random = support.random(seed * 7919 + name:byte(-1) * 104729 + #name * 31 + number * 15485863 % 2147483647)
  for _ = 1, 3 do
    random()
  end
  return random
end

-- Up to `count` keys for which `wanted(key)`, beginning with a random one.
local function pick(random, count, wanted)
  local keys, start = {}, random(KEYS)
  for step = 0, KEYS - 1 do
    local key = (start + step) % KEYS
    if wanted(key) then
      keys[#keys + 1] = key
      if #keys == count then
        break
      end
    end
  end
  return keys
end

local function any()
  return true
end

-- Of every kind, how many of 40 operations, and what it writes and deletes.
local kinds = {
  { "insert", 8, function(random, absent)
    return { write = pick(random, random(SMALL), absent) }
  end },
  { "insert_clash", 2, function(random, absent, present)
    local refused = pick(random, random(SMALL), absent)
    refused[#refused + 1] = pick(random, 1, present)[1]
    return { refused = refused }
  end },
  { "upsert", 8, function(random)
    return { write = pick(random, random(SMALL), any) }
  end },
  { "bulk", 1, function(random)
    return { write = pick(random, 1000 + random(LARGE - 1000), any) }
  end },
  { "update", 8, function(random, _, present)
    return { write = pick(random, random(SMALL), present) }
  end },
  { "delete", 4, function(random)
    return { delete = pick(random, random(SMALL), any) }
  end },
  { "delete_by_filter", 2, function(random)
    local first = random(KEYS)
    return { first = first, last = first + random(LARGE / 4), delete = pick(random, KEYS, function(key)
      return key >= first
    end) }
  end },
  { "transaction", 7, function(random)
    return { write = pick(random, random(SMALL), any), delete = pick(random, random(SMALL), any), mark = true }
  end },
}

--- Operation n on a model: { kind =, n =, write = keys, delete = keys, refused = keys, first =, last =, mark = }.
function M.operation(seed, owner, n, model)
  local random = M.random(seed, owner, n)
  local function present(key)
    return model.versions[key] ~= nil
  end
  local function absent(key)
    return not present(key)
  end
  local dice, chosen = random(40), nil
  for _, kind in ipairs(kinds) do
    dice = dice - kind[2]
    if dice <= 0 then
      chosen = kind
      break
    end
  end
  local operation = chosen[3](random, absent, present)
  operation.kind, operation.owner, operation.n = chosen[1], owner, n
  operation.write, operation.delete = operation.write or {}, operation.delete or {}
  if operation.last then
    local keys = {}
    for _, key in ipairs(operation.delete) do
      keys[#keys + 1] = key <= operation.last and key or nil
    end
    operation.delete = keys
  end
  return operation
end

--- Does an operation on a model.
function M.apply(model, operation)
  for _, key in ipairs(operation.write) do
    model.versions[key] = operation.n
  end
  for _, key in ipairs(operation.delete) do
    model.versions[key] = nil
  end
  if operation.mark then
    model.mark = operation.n
  end
end

-- How many of the keys have a document in the model; those of `written` have one, too.
local function count_present(keys, model, written)
  local present, count = {}, 0
  for _, key in ipairs(written or {}) do
    present[key] = true
  end
  for _, key in ipairs(keys) do
    count = count + ((present[key] or model.versions[key]) and 1 or 0)
  end
  return count
end

local function changes(operation)
  local list = {}
  for i, key in ipairs(operation.write) do
    list[i] = documents.changes(operation.owner, key, operation.n)
  end
  return list
end

local function ids(operation)
  local list = {}
  for i, key in ipairs(operation.delete) do
    list[i] = documents.id(operation.owner, key)
  end
  return list
end

-- Each returns the result of the call, what it should be if it is not nil, and the message and code of a failure.
local calls = {}

function calls.insert(c, operation)
  local written, message, code = c:insert(documents.documents(operation.owner, operation.write, operation.n))
  return written, #operation.write, message, code
end

function calls.upsert(c, operation)
  local written, message, code = c:upsert(documents.documents(operation.owner, operation.write, operation.n))
  return written, #operation.write, message, code
end
calls.bulk = calls.upsert

function calls.update(c, operation)
  local written, message, code = c:update(changes(operation))
  return written, #operation.write, message, code
end

function calls.delete(c, operation, model)
  local deleted, message, code = c:delete(ids(operation))
  return deleted, count_present(operation.delete, model), message, code
end

function calls.delete_by_filter(c, operation, model)
  local deleted, message, code = c:delete_by_filter("owner = ? AND key BETWEEN ? AND ?",
    { operation.owner, operation.first, operation.last })
  return deleted, count_present(operation.delete, model), message, code
end

-- The last id exists, unless the writer has no document at all.
function calls.insert_clash(c, operation, model)
  local refused = operation.refused
  if not model.versions[refused[#refused]] then
    return 0, 0
  end
  local written, message, code = c:insert(documents.documents(operation.owner, refused, operation.n))
  if code == "exists" then
    return 0, 0
  end
  return written, 0, message, code
end

function calls.transaction(c, operation, model)
  local done, message, code = c:transaction(function(tx)
    assert(tx:upsert(documents.documents(operation.owner, operation.write, operation.n)))
    assert(tx:update(changes(operation)))
    local deleted, expected = assert(tx:delete(ids(operation))), count_present(operation.delete, model, operation.write)
    assert(deleted == expected, ("%d deleted in a transaction, not %d"):format(deleted, expected))
    assert(tx:meta(operation.owner, ("%d"):format(operation.n)))
  end)
  return done and 0, 0, message, code
end

--- Does an operation on a collection, which contains the model. Returns false if the collection was busy.
function M.run(c, operation, model)
  local result, expected, message, code = calls[operation.kind](c, operation, model)
  if code == "busy" then
    return false
  end
  local what = ("%s, operation %d (%s): "):format(operation.owner, operation.n, operation.kind)
  if not result then
    error(what .. tostring(message))
  elseif result ~= expected then
    error(what .. ("%d documents, not %d"):format(result, expected))
  end
  return true
end

return M

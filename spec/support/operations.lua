-- A reproducible sequence of writes: operation n is the same in every process, and the contents of the collection after
-- it can be computed with a plain Lua table. spec/process_death_spec.lua and its children use it.

local support = require "spec.support.init"

local M = {}

M.SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 3, metric = "l2", index = "flat" } },
}

local IDS = 300 -- few, so that operations often use an existing id
local BULK_ROWS = 4200 -- inserted at once, these rows become a segment

local function documents(random, n, count, ids)
  local list = {}
  for i = 1, count do
    list[i] = { id = "id" .. random(ids), n = n, v = { random(1000), random(1000), random(1000) } }
  end
  return list
end

local function ids_to_delete(random)
  local ids = {}
  for i = 1, random(30) do
    ids[i] = "id" .. random(IDS)
  end
  return ids
end

--- Operation n: a table { kind =, documents =, ids = }.
function M.operation(n)
  local random = support.random(n * 7907)
  random()
  local dice = random(40)
  if dice == 1 then
    return { kind = "bulk", documents = documents(random, n, BULK_ROWS, BULK_ROWS) }
  elseif dice <= 5 then
    return { kind = "optimize" }
  elseif dice <= 14 then
    return { kind = "delete", ids = ids_to_delete(random) }
  elseif dice <= 22 then
    return { kind = "transaction", documents = documents(random, n, 20, IDS), ids = ids_to_delete(random) }
  end
  return { kind = "upsert", documents = documents(random, n, random(50), IDS) }
end

--- Does an operation on a collection.
function M.run(collection, operation)
  local kind = operation.kind
  if kind == "optimize" then
    return assert(collection:optimize())
  elseif kind == "delete" then
    return assert(collection:delete(operation.ids))
  elseif kind == "transaction" then
    return assert(collection:transaction(function(tx)
      assert(tx:upsert(operation.documents))
      assert(tx:delete(operation.ids))
    end))
  end
  return assert(collection:upsert(operation.documents))
end

--- Does an operation on a model: a table id -> document.
function M.apply(model, operation)
  local after = {}
  for id, document in pairs(model) do
    after[id] = document
  end
  for _, document in ipairs(operation.documents or {}) do
    after[document.id] = document
  end
  for _, id in ipairs(operation.ids or {}) do
    after[id] = nil
  end
  return after
end

--- True if the collection contains exactly the documents of the model.
function M.agrees(collection, model)
  local count = 0
  for document in collection:iterate { include_vector = "table" } do
    local expected = model[document.id]
    if not expected or expected.n ~= document.n then
      return false
    end
    for i = 1, 3 do
      if expected.v[i] ~= document.v[i] then
        return false
      end
    end
    count = count + 1
  end
  for _ in pairs(model) do
    count = count - 1
  end
  return count == 0
end

return M

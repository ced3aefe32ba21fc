-- What the Tarantool specs do in the instances: a space and its followers, random changes, comparing.

local fiber = require "fiber"
local moonvec = require "moonvec"
local tarantool = require "moonvec.tarantool"

local M = {}

local SCHEMA = {
  fields = { { name = "n", type = "int32" } },
  vectors = { { name = "v", type = "vector_fp32", dim = 8, metric = "l2" } },
}

--- The space `rows`, its sequence and the log of deletes `rows_deleted`. `key`: the type of the primary key.
function M.create(key)
  box.schema.sequence.create "rows_seq"
  local space = box.schema.space.create("rows", { format = {
    { "id", key or "string" }, { "n", "unsigned" }, { "v", "string" }, { "seq", "unsigned" },
    { "deleted", "boolean", is_nullable = true },
  } })
  space:create_index("id", { parts = { "id" } })
  space:create_index("seq", { parts = { "seq" } })
  local log = box.schema.space.create("rows_deleted", { format = { { "seq", "unsigned" }, { "id", key or "string" } } })
  log:create_index("seq", { parts = { "seq" } })
end

function M.open()
  return assert(tarantool.open("rows.mv", { schema = SCHEMA }))
end

--- Writes row `id` with the number `n`.
function M.put(id, n)
  local v = {}
  for i = 1, 8 do
    v[i] = (n * i) % 97
  end
  return box.space.rows:replace { id, n, moonvec.pack(v) }
end

--- Random changes by `fibers` fibers, until M.is_loading is set to false: a sixth of them deletes.
function M.load(fibers)
  M.is_loading = true
  for _ = 1, fibers do
    fiber.create(function()
      while M.is_loading do
        local id = "k" .. math.random(2000)
        if math.random(6) == 1 then
          box.space.rows:delete(id)
        else
          M.put(id, math.random(1000000))
        end
      end
    end)
  end
end

--- "equal", and how many rows there are, or the first difference between the space and the collection.
function M.compare(collection)
  local count = 0
  for _, row in box.space.rows:pairs() do
    if row.deleted ~= true then
      count = count + 1
      local document = collection:fetch(row.id, { include_vector = true })
      if not document then
        return ("row '%s' of number %s is missing"):format(row.id, tostring(row.seq))
      elseif document.n ~= row.n or document.v ~= row.v then
        return ("row '%s' differs: %d, %d"):format(row.id, document.n, row.n)
      end
    end
  end
  return #collection == count and "equal " .. count or ("%d documents, %d rows"):format(#collection, count)
end

return M

-- The documents of the cache bench: answers with the vectors of their questions, in 50 partitions.

local tools = require "tools"

local M = {}

M.PARTITIONS = 50
local RESPONSE = ("An answer that a language model gave. "):rep(20)

function M.schema(dim)
  return {
    fields = {
      { name = "partition", type = "string", index = "invert" },
      { name = "response", type = "string" },
    },
    vectors = { { name = "v", type = "vector_fp32", dim = dim, metric = "cosine" } },
  }
end

local function partition_of(row) return "partition " .. row % M.PARTITIONS end

function M.document(row, vector)
  return { id = "question " .. row, partition = partition_of(row), response = RESPONSE, v = vector }
end

-- Calls visit(document) for `rows` rows.
function M.each(rows, dim, seed, visit)
  local row = 0
  for packed in tools.batches(tools.data(0, rows, dim, seed), dim, 1000) do
    for i = 1, #packed / (4 * dim) do
      visit(M.document(row, packed:sub((i - 1) * 4 * dim + 1, i * 4 * dim)))
      row = row + 1
    end
  end
end

function M.fill(c, rows, dim, seed)
  local batch = {}
  M.each(rows, dim, seed, function(document)
    batch[#batch + 1] = document
    if #batch == 1000 then
      assert(c:insert(batch))
      batch = {}
    end
  end)
  if #batch > 0 then assert(c:insert(batch)) end
end

-- The vectors that are written meanwhile.
function M.written(dim) return tools.vectors(tools.data(2 ^ 41, 2000, dim, 1), dim) end

-- Questions: every second one was asked before.
function M.queries(rows, dim, seed)
  local queries, file = {}, assert(io.open(tools.data(0, rows, dim, seed), "rb"))
  local new = tools.vectors(tools.data(2 ^ 40, 500, dim, seed), dim)
  for i = 1, 500 do
    local row = i * 7919 % rows
    file:seek("set", row * dim * 4)
    queries[2 * i - 1] = { partition = partition_of(row), vector = file:read(dim * 4) }
    queries[2 * i] = { partition = partition_of(i), vector = new[i] }
  end
  file:close()
  return queries
end

return M

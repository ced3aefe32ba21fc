-- The contents of the collections of spec/data: documents computed from numbers. The files there were written with this
-- module, so its results must never change.

local M = {}

-- A field of each type. All except `n` and `level` may be NULL, and are NULL in most documents, to keep the files
-- small.
M.fields = {
  { name = "n", type = "int32" },
  { name = "level", type = "uint32", default = 7 },
  { name = "text", type = "string", nullable = true },
  { name = "flag", type = "bool", nullable = true },
  { name = "big", type = "int64", nullable = true },
  { name = "ubig", type = "uint64", nullable = true },
  { name = "price", type = "float", nullable = true },
  { name = "ratio", type = "double", nullable = true },
  { name = "tags", type = "array_string", nullable = true },
  { name = "numbers", type = "array_int64", nullable = true },
}

local ROWS = 1026 -- enough for a graph
M.ROWS = ROWS
local WORDS = { "", "red", "green and blue", "it's 100 %\n", "zero \0 inside" }

--- `dim` whole numbers from -100 to 100, which differ for each `n`.
function M.vector(n, dim)
  local state, vector = n * 7919 % 2147483646 + 1, {}
  for i = 1, 3 + dim do
    state = state * 16807 % 2147483647
    vector[i - 3] = math.floor(state / 1024) % 201 - 100
  end
  for i = -2, 0 do
    vector[i] = nil
  end
  return vector
end

--- The same numbers divided by 8, which float16 represents exactly.
function M.eighths(n, dim)
  local vector = M.vector(n, dim)
  for i = 1, dim do
    vector[i] = vector[i] / 8
  end
  return vector
end

local function list(count, value_of)
  local values = {}
  for i = 1, count do
    values[i] = value_of(i)
  end
  return values
end

local function add_rich_fields(document, n)
  if n % 4 ~= 0 then
    document.level = n % 10
  end
  document.flag = n % 3 == 0
  document.big = (n - 30) * 1000003000
  document.ubig = n * 4000000007
  document.price = n / 4
  document.ratio = n / 1024 - 0.01
  document.tags = list(n % 4, function(i)
    return WORDS[(n + i) % 5 + 1]
  end)
  document.numbers = list(n % 5, function(i)
    return n * i - 100
  end)
  if n % 7 ~= 0 then
    document.text = WORDS[n % 5 + 1] .. n
  end
end

--- Document number `n`. If it has no `level`, the collection has the default of the field.
function M.document(n)
  local document = { id = ("d%04d"):format(n), n = n, v = M.eighths(n, 4), w = M.vector(n + 100000, 3) }
  if n <= 60 or n > ROWS then
    add_rich_fields(document, n)
  end
  return document
end

--- The ids of documents `from` to `to` except every third: a graph needs many rows, but all ids would make large files.
function M.two_thirds(from, to)
  local ids = {}
  for n = from, to do
    if n % 3 ~= 0 then
      ids[#ids + 1] = ("d%04d"):format(n)
    end
  end
  return ids
end

function M.documents(from, to)
  local documents = {}
  for n = from, to do
    documents[#documents + 1] = M.document(n)
  end
  return documents
end

return M

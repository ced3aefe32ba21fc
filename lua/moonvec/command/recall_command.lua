--- `moonvec recall`: how many of the nearest documents searches find, and how long they take.

local json = require "moonvec.json"
local measure_table = require "moonvec.terminal.measure_table"
local moonvec = require "moonvec"

--- The vectors of a file: .fvecs, or JSON lines with a vector in `field`.
local function read_queries(call, path, field)
  local source, message = moonvec.source[path:find "%.fvecs$" and "fvecs" or "jsonl"](path)
  if not source then
    call:fail("%s", message)
  end
  local queries, name = {}, field or "vector"
  while true do
    local document, why, code = source:read()
    if document == nil then
      if code then
        call:fail("%s", why)
      end
      break
    end
    local vector = document and (document[name] or document.vector)
    if not vector then
      call:fail("%s: %s %d: %s", path, source.unit, source.row, why or ("there is no vector in '%s'"):format(name))
    end
    queries[#queries + 1] = vector
  end
  source:close()
  if #queries == 0 then
    call:fail("%s: there is no vector", path)
  end
  return queries
end

--- The numbers of a list "0.9,0.99", nil if it is not given.
local function numbers_of(call, name)
  local numbers
  for i, word in ipairs(call:list(name) or {}) do
    numbers = numbers or {}
    numbers[i] = tonumber(word) or call:usage("'--%s' must be a list of numbers, got '%s'", name, word)
  end
  return numbers
end

--- The name of the field: that which was given, or the only vector field.
local function field_of(call, collection)
  local vectors = collection.schema.vectors
  return call.options.field or #vectors == 1 and vectors[1].name or nil
end

return {
  name = "recall",
  summary = "measure how much searches find, and how fast, against exact search",
  usage = "DIR",
  options = {
    { "field", "F", "the vector field (default: the only one)" },
    { "samples", "N", "stored documents that are searched for (default 100)" },
    { "queries", "FILE", "search for these vectors instead: .fvecs, or JSON lines that have the field" },
    { "topk", "K", "number of hits (default 10)" },
    { "filter", "FILTER", "only documents that match" },
    { "recalls", "A,B", "settings to measure (default 0.9,0.95,0.99)" },
    { "efs", "A,B", "more settings to measure: numbers of candidates" },
    { "seed", "N", "of the random choice of documents (default 1)" },
    { "json", nil, "print JSON" },
  },
  details = {
    "Recall is the share of the nearest documents that are found. +- is half of its 95 % confidence interval; p50 and "
      .. "p99 are the times that half and 99 % of the searches take at most, in microseconds; distances are those that "
      .. "a search computes on average.",
  },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    local field = field_of(call, collection)
    local path = call.options.queries
    local bar = call:progress("recall", "searches")
    local rows, advice = collection:measure {
      field = field, samples = call:whole("samples", 100, 1, 100000), topk = call:whole("topk", 10, 1, 10000),
      queries = path and read_queries(call, path, field), filter = call.options.filter,
      recalls = numbers_of(call, "recalls"), efs = numbers_of(call, "efs"), seed = call:whole("seed", 1, 1, 2147483646),
      progress = function(done, total)
        bar(done, total, done)
      end,
    }
    bar()
    call:check(rows, advice)
    if call.options.json then
      call:print_json { rows = json.array(rows), advice = advice }
      return
    end
    for _, line in ipairs(measure_table(rows)) do
      call:print(line)
    end
    call:print(advice)
  end,
}

--- `moonvec bench`: how fast searches of this collection are, for vectors and words that are in it.

local core = require "moonvec.core"
local hybrid_search = require "moonvec.hybrid_search"
local statistics = require "moonvec.measure_statistics"
local text_table = require "moonvec.terminal.text_table"

-- Documents from which questions are made.
local SAMPLE = 200

-- Searches before the first one that is timed: they bring files into memory.
local WARM_UP = 5

local COLUMNS = {
  { name = "what" }, { name = "a second", is_right = true }, { name = "p50 us", is_right = true },
  { name = "p99 us", is_right = true }, { name = "count", is_right = true },
}

--- Some documents of the collection, with these fields.
local function sample(collection, fields, random)
  local ids = statistics.sample_ids(collection, SAMPLE, random)
  local found, message, code = collection:fetch(ids, { output_fields = fields, include_vector = #fields > 0 or nil })
  if not found then
    return nil, message, code
  end
  local documents = {}
  for i, id in ipairs(ids) do
    documents[i] = found[id]
  end
  return documents
end

--- Two words of a text, or nil.
local function two_words(text, random)
  local words = {}
  for word in text:gmatch "[%w\128-\255]+" do
    words[#words + 1] = #word > 2 and word or nil
  end
  return #words > 0 and words[random(#words)] .. " " .. words[random(#words)] or nil
end

--- The questions that are timed: { name, options of query } or { name, id }.
local function plan(schema, documents, random)
  local plans = {}
  local function add(name, options_of)
    local list = {}
    for _, document in ipairs(documents) do
      list[#list + 1] = options_of(document)
    end
    if #list > 0 then
      plans[#plans + 1] = { name = name, list = list }
    end
  end
  for _, field in ipairs(schema.vectors) do
    add("vector " .. field.name, function(document)
      local option = field.multi and "vectors_of_one" or "vector"
      return document[field.name] and { field = field.name, [option] = document[field.name] }
    end)
  end
  for _, name in ipairs(hybrid_search.word_fields(schema)) do
    add("words " .. name, function(document)
      local text = type(document[name]) == "string" and two_words(document[name], random)
      return text and { field = name, text = text } or nil
    end)
  end
  add("get", function(document)
    return { id = document.id }
  end)
  return plans
end

--- Times the questions of a plan for about `seconds`. Returns a row: name, per_second, p50_us, p99_us, count.
local function time(call, collection, one, topk, seconds)
  local function ask(question)
    if one.name == "get" then
      return call:check(collection:fetch(question.id))
    end
    question.topk, question.output_fields = topk, {}
    return call:check(collection:query(question))
  end
  for i = 1, WARM_UP do
    ask(one.list[(i - 1) % #one.list + 1])
  end
  local times, i, begin = {}, 0, core.seconds()
  local now = begin
  while now - begin < seconds do
    i = i % #one.list + 1
    local before = now
    ask(one.list[i])
    now = core.seconds()
    times[#times + 1] = (now - before) * 1e6
  end
  table.sort(times)
  return { name = one.name, per_second = #times / (now - begin), count = #times,
    p50_us = statistics.percentile(times, 0.5), p99_us = statistics.percentile(times, 0.99) }
end

return {
  name = "bench",
  summary = "time searches of a collection",
  usage = "DIR",
  options = {
    { "topk", "N", "number of hits (default 10)" },
    { "seconds", "N", "how long each kind of search is timed (default 1)" },
    { "json", nil, "print JSON lines" },
  },
  details = { "Searches on one core, one after the other, for vectors, and for pairs of words, of " .. SAMPLE
    .. " documents of the collection. `moonvec recall` measures how much searches find." },
  run = function(call)
    local topk, seconds = call:whole("topk", 10, 1, 10000), call:number("seconds", 1, 0.01, 3600)
    local collection = call:open(call.args[1], { models = false })
    local schema, fields = collection.schema, {}
    for _, field in ipairs(schema.vectors) do
      fields[#fields + 1] = field.name
    end
    for _, name in ipairs(hybrid_search.word_fields(schema)) do
      fields[#fields + 1] = name
    end
    local random = statistics.random(0)
    local documents = call:check(sample(collection, fields, random))
    if #documents == 0 then
      call:fail("the collection has no documents to search for")
    end
    local texts = {}
    for i, one in ipairs(plan(schema, documents, random)) do
      local row = time(call, collection, one, topk, seconds)
      if call.options.json then
        call:print_json(row)
      end
      texts[i] = { row.name, ("%.0f"):format(row.per_second), ("%.0f"):format(row.p50_us),
        ("%.0f"):format(row.p99_us), ("%d"):format(row.count) }
    end
    for _, line in ipairs(call.options.json and {} or text_table.lines(COLUMNS, texts)) do
      call:print(line)
    end
  end,
}

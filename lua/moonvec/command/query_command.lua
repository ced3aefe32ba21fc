--- `moonvec query`: search by words, by meaning, by a vector, or by a filter alone.

local document_json = require "moonvec.document_json"
local hits_view = require "moonvec.command.hits_view"
local index_notes = require "moonvec.command.index_notes"
local json = require "moonvec.json"
local model_places = require "moonvec.command.model_places"
local search_legs = require "moonvec.command.search_legs"
local system = require "moonvec.system"

local unpack = table.unpack or unpack -- luacheck: ignore

local TOPK_MAX = 1e6

--- The vector of --vector: JSON, or a file with JSON or with as many packed float32 numbers as the field has.
local function read_vector(call, given, field)
  local text = given:find "^%s*[%[{]" and given or call:check(system.read_file(given))
  local value, message = json.decode(text)
  if type(value) ~= "table" then
    if field and field.dim and #text == 4 * field.dim then
      return text
    end
    call:fail("--vector: %s", message or "expected an array of numbers")
  end
  local converted, failure = document_json.from_json({ [field and field.name or "vector"] = value },
    { fields = {}, vectors = { field } })
  return call:check(converted, failure)[field and field.name or "vector"]
end

local function vector_field(collection, name)
  for _, field in ipairs(collection.schema.vectors) do
    if field.name == name or not name and #collection.schema.vectors == 1 then
      return field
    end
  end
end

--- The options that all kinds of search have.
local function common_options(call)
  local options = call.options
  return {
    topk = call:whole("topk", 10, 1, TOPK_MAX), filter = options.filter, output_fields = call:list "fields",
    explain = options.explain,
  }
end

local function params_of(call)
  local recall = call.options.recall and tonumber(call.options.recall)
  if call.options.recall and not recall then
    call:usage("'--recall' must be a number above 0 and up to 1, got '%s'", call.options.recall)
  end
  return (recall or call.options.exact) and { recall = recall, exact = call.options.exact } or nil
end

--- Searches for what the person typed. Returns what query or multi_query returns, and the searches.
local function search_text(call, collection, text)
  local legs, options = search_legs.of_text(call, collection, text), common_options(call)
  if #legs == 1 then
    local leg = legs[1]
    options.field, options.text = leg.field, text
    if leg.is_meaning then
      options.params = params_of(call)
    else
      options.highlight = search_legs.highlight_options()
    end
    return call:check(collection:query(options)), legs
  end
  options.queries = {}
  for i, leg in ipairs(legs) do
    options.queries[i] = {
      field = leg.field, text = text, weight = leg.weight, params = leg.is_meaning and params_of(call) or nil,
    }
  end
  local found = call:check(collection:multi_query(options))
  search_legs.highlight(call, collection, legs, found.hits or found)
  return found, legs
end

local function search_vector(call, collection)
  local options, given = common_options(call), call.options
  options.field, options.params = given.field, params_of(call)
  if given.like then
    options.id = given.like
  else
    options.vector = read_vector(call, given.vector, vector_field(collection, given.field))
  end
  return call:check(collection:query(options))
end

local function list(call, collection)
  local options = common_options(call)
  options.order_by = call.options["order-by"]
  return call:check(collection:query(options))
end

--- The hit for programs: <b> as marks, and what the searches found by the names of their fields.
local function plain_hit(hit, legs)
  local parts = hit.parts and {}
  for i, part in pairs(hit.parts or {}) do
    parts[legs[i].field] = part
  end
  hit.parts = parts
  for _, snippets in pairs(hit.highlights or {}) do
    for i, snippet in ipairs(snippets) do
      snippets[i] = snippet:gsub(search_legs.OPEN, "<b>"):gsub(search_legs.CLOSE, "</b>")
    end
  end
  return hit
end

local function print_json(call, found, legs, schema)
  local hits = found.hits or found
  for i, hit in ipairs(hits) do
    hits[i] = document_json.to_json(plain_hit(hit, legs), schema)
  end
  if call.options.explain then
    found.hits = json.array(hits)
    call:print_json(found)
    return
  end
  for _, hit in ipairs(hits) do
    call:print_json(hit)
  end
end

local function print_people(call, collection, found, legs)
  local hits, notes = found.hits or found, index_notes.read(collection)
  if #hits == 0 then
    call:note("nothing was found")
  elseif notes and not call.options.fields then
    hits_view.print_passages(call, hits, index_notes.prefix(notes, call.args[1]))
  else
    hits_view.print(call, hits, collection.schema)
  end
  if call.options.explain then
    hits_view.print_plan(call, found, legs)
  end
end

local function check_options(call, has_words)
  local given, kinds = call.options, 0
  for _, is_given in ipairs { has_words, given.vector ~= nil, given.like ~= nil } do
    kinds = kinds + (is_given and 1 or 0)
  end
  if kinds > 1 then
    call:usage("give one of: words, --vector, --like")
  elseif kinds == 0 and not (given.filter or given["order-by"]) then
    call:usage("what is to be found? Give words, --vector, --like, --filter or --order-by")
  elseif given.text and given.meaning then
    call:usage("give one of --text and --meaning; without them both are searched")
  elseif kinds > 0 and given["order-by"] then
    call:usage("--order-by is for a filter alone: hits of a search are in the order of their score")
  end
end

return {
  name = "query",
  summary = "search by words, by meaning, by vector, by filter",
  usage = "DIR [WORDS ...]",
  dash_words = true, -- "-word" excludes
  options = {
    { "topk", "N", "number of hits (default 10)" },
    { "filter", "FILTER", "only documents that match, such as \"year >= 1900\"" },
    { "text", nil, "search by words only" },
    { "meaning", nil, "search by meaning only, with the model of the collection" },
    { "like", "ID", "what is like this document" },
    { "vector", "JSON|FILE", "what is near this vector: \"[0.1, 0.2]\", or a file with JSON or packed float32" },
    { "field", "NAME", "search this field (default: all that can be searched)" },
    { "fields", "A,B", "print only these fields" },
    { "order-by", "FIELDS", "without words or a vector: sort, such as \"year DESC, title\"" },
    { "recall", "R", "the share of the nearest vectors to find (default 0.95)" },
    { "exact", nil, "compare all vectors" },
    { "explain", nil, "print how the search was done" },
    { "json", nil, "print hits as JSON lines; with --explain, all as one value" },
    model_places.OPTION,
  },
  details = {
    "  moonvec query books 'fast \"hard disk\" -tape' --filter 'year > 2000'",
    "Words are what a person types: words, \"phrases\", -excluded, +required, this OR that, beg*. By default a search "
      .. "is by words and by meaning, where the collection has what it needs for that, and the hits are fused.",
    "The hits of a folder that was indexed are printed as path:line.",
  },
  run = function(call)
    local words = table.concat({ unpack(call.args, 2) }, " ")
    check_options(call, #call.args > 1)
    -- Without a model, only what needs none is opened.
    local collection = call:open(call.args[1], { models = #call.args > 1 and not call.options.text })
    local found, legs
    if #call.args > 1 then
      found, legs = search_text(call, collection, words)
    elseif call.options.vector or call.options.like then
      found = search_vector(call, collection)
    else
      found = list(call, collection)
    end
    if call.options.json then
      print_json(call, found, legs, collection.schema)
    else
      print_people(call, collection, found, legs)
    end
  end,
}

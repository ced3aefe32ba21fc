--- `moonvec query`: search by words, by meaning, by a vector, or by a filter alone.

local document_json = require "moonvec.document_json"
local folder_hits = require "moonvec.command.folder_hits"
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

local function topk_of(call)
  return call:whole("topk", 10, 1, TOPK_MAX)
end

--- The options that all kinds of search have.
local function common_options(call, topk, fields)
  local options = call.options
  return { topk = topk, filter = options.filter, output_fields = fields, explain = options.explain }
end

--- What search(topk, fields) finds; of an indexed folder, without --all, what folder_hits leaves of it.
local function gather(call, collection, search)
  local topk, fields = topk_of(call), call:list "fields"
  if call.options.all or not index_notes.read(collection) then
    return search(topk, fields)
  end
  return folder_hits.search(function(count)
    return search(count, folder_hits.output_fields(fields))
  end, topk, TOPK_MAX, fields)
end

local function params_of(call)
  local recall = call.options.recall and tonumber(call.options.recall)
  if call.options.recall and not recall then
    call:usage("'--recall' must be a number above 0 and up to 1, got '%s'", call.options.recall)
  end
  return (recall or call.options.exact) and { recall = recall, exact = call.options.exact } or nil
end

--- One of the searches for a text, or all of them fused.
local function run_legs(call, collection, legs, topk, fields)
  local options = common_options(call, topk, fields)
  if #legs == 1 then
    local leg = legs[1]
    options.field, options.text, options.params = leg.field, leg.text, leg.is_meaning and params_of(call) or nil
    return call:check(collection:query(options))
  end
  options.queries = {}
  for i, leg in ipairs(legs) do
    options.queries[i] = {
      field = leg.field, text = leg.text, weight = leg.weight, params = leg.is_meaning and params_of(call) or nil,
    }
  end
  return call:check(collection:multi_query(options))
end

--- Puts the document whose id is what the person typed before the other hits. Returns whether there is one.
local function put_id_first(call, collection, text, hits)
  for i, hit in ipairs(hits) do
    if hit.id == text then
      table.insert(hits, 1, table.remove(hits, i))
      return true
    end
  end
  local filter = call.options.filter
  local named = collection:query {
    filter = filter and ("(%s) AND id = ?"):format(filter) or "id = ?", args = { text }, topk = 1,
    output_fields = call:list "fields",
  }
  if named and named[1] then
    hits[topk_of(call)] = nil
    named[1].score, named[1].distance = nil, nil
    table.insert(hits, 1, named[1])
  end
  return named ~= nil and named[1] ~= nil
end

--- Tells the person if the hits are only by meaning, because no document has one of the words.
local function note_unknown_words(call, collection, legs)
  local has_words = false
  for _, leg in ipairs(legs) do
    if not leg.is_meaning then
      has_words = true
      local found = call:check(collection:query {
        field = leg.field, text = leg.text, filter = call.options.filter, topk = 1, output_fields = {},
      })
      if #found > 0 then
        return
      end
    end
  end
  if has_words then
    call:note("no document is found by these words%s; the hits are by meaning only",
      call.options.filter and " with the filter" or "")
  end
end

--- Searches for what the person typed. Returns what query or multi_query returns, and the searches.
local function search_text(call, collection, text)
  local legs = search_legs.of_text(call, collection, text)
  local found = gather(call, collection, function(topk, fields)
    return run_legs(call, collection, legs, topk, fields)
  end)
  local hits = found.hits or found
  local is_id = not call.options.field and put_id_first(call, collection, text, hits)
  local has_reader = call.has_reader or not call.options.json
  if legs[#legs].is_meaning and #hits > 0 and not is_id and has_reader then
    note_unknown_words(call, collection, legs)
  end
  search_legs.highlight(call, collection, legs, hits)
  return found, legs
end

local function search_vector(call, collection)
  local given = call.options
  local vector = not given.like and read_vector(call, given.vector, vector_field(collection, given.field)) or nil
  return gather(call, collection, function(topk, fields)
    local options = common_options(call, topk, fields)
    options.field, options.params, options.id, options.vector = given.field, params_of(call), given.like, vector
    return call:check(collection:query(options))
  end)
end

--- The documents that match the filter. They have no score.
local function list(call, collection)
  local options = common_options(call, topk_of(call), call:list "fields")
  options.order_by = call.options["order-by"]
  local found = call:check(collection:query(options))
  for _, hit in ipairs(found.hits or found) do
    hit.score, hit.distance = nil, nil
  end
  return found
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
    { "all", nil, "of an indexed folder: also more than three passages of a file, and equal ones" },
    { "explain", nil, "print how the search was done" },
    { "json", nil, "print hits as JSON lines; with --explain, all as one value" },
    model_places.OPTION,
  },
  details = {
    "  moonvec query books 'fast \"hard disk\" -tape' --filter 'year > 2000'",
    "Words are what a person types: words, \"phrases\", -excluded, +required, this OR that, beg*. By default a search "
      .. "is by words and by meaning, where the collection has what it needs for that, and the hits are fused.",
    "The hits of a folder that was indexed are printed as path:line, at most three of a file. A passage that several "
      .. "files have is printed once, with the other places. A document whose id is the search comes first.",
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

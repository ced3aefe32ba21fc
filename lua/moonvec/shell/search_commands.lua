--- The commands of the shell that find documents: filters, .like, .text, .ask, .get, .count and .facet; and the plans
-- of .explain.

local hybrid_search = require "moonvec.hybrid_search"
local printer = require "moonvec.shell.result_printer"
local schema_fields = require "moonvec.schema_fields"

local M = {}

-- ---------------------------------------------------------------- results

--- "3 documents", or how many there are if not all are shown.
local function summary_of(shown, total, limit)
  if total > shown then
    return ("%d of %d documents (.limit %d)"):format(shown, total, limit)
  end
  return shown == 1 and "1 document" or ("%d documents"):format(shown)
end

--- Prints documents, which become `_`.
function M.show(session, documents, total)
  session:set_result(documents)
  printer.documents(session, documents)
  if printer.is_for_people(session.settings.mode) then
    session:print(summary_of(#documents, total or #documents, session.settings.limit))
  end
  return true
end

local PLAN_COLUMNS = "search of plan #rows #matches #exact_distances #code_distances #followed #filter_ms #search_ms"

--- The steps of a plan as records for a table. The plan of several searches has one for each.
local function steps_of(plan)
  local records = {}
  for i, search in ipairs(plan.queries or { plan }) do
    for _, step in ipairs(search.steps) do
      local record = { search = ("%d"):format(i), filter_ms = tonumber(("%.3f"):format(step.filter_ms)),
        search_ms = tonumber(("%.3f"):format(step.search_ms)) }
      for _, name in ipairs { "of", "plan", "rows", "matches", "exact_distances", "code_distances", "followed" } do
        record[name] = step[name]
      end
      record.plan = step.abandoned and step.plan .. " after " .. step.abandoned or step.plan
      records[#records + 1] = record
    end
  end
  return records
end

--- Prints what a query returned: hits, or a plan with hits. `total`: how many documents there are, if it is known.
local function show_answer(session, answer, total)
  local hits = answer.steps and answer.hits or answer.queries and answer.hits or answer
  M.show(session, hits, total)
  if hits ~= answer then
    session:print ""
    printer.records(session, steps_of(answer), printer.columns(PLAN_COLUMNS))
  end
  return true
end

--- The options of a query that the settings of the session make.
local function with_settings(session, options)
  local settings = session.settings
  options.topk = options.topk or settings.limit
  options.output_fields, options.explain = settings.fields, settings.explain or nil
  for _, name in ipairs(settings.fields or {}) do
    if schema_fields.find_vector(session.c.schema, name) then
      options.include_vector = "table"
    end
  end
  return options
end

-- ---------------------------------------------------------------- filters

--- Prints the documents that match a filter, and how many there are.
function M.filter(session, filter)
  local options = with_settings(session, { filter = filter, order_by = session.settings.order })
  local answer, message, code = session.c:query(options)
  if not answer then
    return nil, message, code
  end
  local hits = answer.steps and answer.hits or answer
  for _, hit in ipairs(hits) do
    hit.score, hit.distance = nil, nil -- there are none without a search
  end
  local total = #hits
  if total == session.settings.limit and printer.is_for_people(session.settings.mode) then
    total, message, code = session.c:count(filter)
    if not total then
      return nil, message, code
    end
  end
  return show_answer(session, answer, total)
end

-- ---------------------------------------------------------------- searches

--- Searches with the filter of `.where`.
local function search(session, method, options)
  options = with_settings(session, options)
  options.filter = session.settings.where
  local answer, message, code = session.c[method](session.c, options)
  if not answer then
    return nil, message, code
  end
  return show_answer(session, answer)
end

--- Makes these searches: several are fused, one is made alone.
local function search_all(session, searches)
  if #searches == 1 then
    return search(session, "query", searches[1])
  end
  return search(session, "multi_query", { queries = searches })
end

--- The vector field that the session chose by `.field`, or the only one.
local function like(session, id)
  local fields, field = session.c.schema.vectors, session.settings.vector_field
  if #fields == 0 then
    return nil, "the collection has no vector field"
  elseif #fields > 1 and not field then
    return nil, "the collection has several vector fields: choose one with .field NAME"
  end
  return search(session, "query", { id = id, field = field or fields[1].name })
end

local function word_fields(session)
  return hybrid_search.word_fields(session.c.schema, session.settings.text_field)
end

local function text(session, words)
  local fields = word_fields(session)
  if #fields == 0 then
    return nil, "the collection has no text index (create_index(FIELD, 'text') makes one)"
  end
  return search_all(session, hybrid_search.searches(session.c.schema, words, fields, {}))
end

--- By meaning in the field that the session chose by `.field`, if that one has a model, else in all that have one.
local function ask(session, words)
  local schema = session.c.schema
  local chosen = schema_fields.find_vector(schema, session.settings.vector_field)
  local meanings, failures =
    hybrid_search.meaning_fields(schema, session.call.model_failures, chosen and chosen.embed and chosen.name or nil)
  if #meanings == 0 then
    return nil, failures[1] or "no vector field has a model that embeds words: .text searches by words alone"
  end
  return search_all(session, hybrid_search.searches(schema, words, word_fields(session), meanings))
end

-- ---------------------------------------------------------------- other reads

local function get(session, id)
  local fields = session.settings.fields
  local document, message, code = session.c:fetch(id, { output_fields = fields, include_vector = fields and "table" })
  if not document then
    return nil, message, code
  end
  session:set_result(document)
  printer.documents(session, { document })
  return true
end

local function count(session, filter)
  local number, message, code = session.c:count(filter)
  if not number then
    return nil, message, code
  end
  session:set_result(number)
  session:print(("%d"):format(number))
  return true
end

local function facet(session, argument)
  local field, filter = argument:match "^(%S+)%s*(.*)$"
  local facets, message, code = session.c:facet(field, {
    topk = session.settings.limit, filter = filter ~= "" and filter or nil,
  })
  if not facets then
    return nil, message, code
  end
  session:set_result(facets)
  printer.records(session, facets, printer.columns "value #count")
  return true
end

--- See dot_commands.lua.
M.commands = {
  { "ask", "WORDS", "search by meaning (needs a model), and by words, too", ask },
  { "count", "[FILTER]", "count the documents that match", count },
  { "facet", "FIELD [FILTER]", "the values of a field, the most frequent first", facet },
  { "get", "ID", "one document", get, completes = "id" },
  { "like", "ID", "the documents with the nearest vectors", like, completes = "id" },
  { "text", "WORDS", "search by words: \"phrases\", -excluded, beg*", text },
}

return M

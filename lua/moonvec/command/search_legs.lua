--- What `moonvec query` searches for a text: the fields that its options choose, and snippets of what was found.

local hybrid_search = require "moonvec.hybrid_search"
local schema_fields = require "moonvec.schema_fields"

local M = {}

-- Marks around what was found, in snippets. Control characters are in no text that is printed.
M.OPEN, M.CLOSE = "\1", "\2"
local SNIPPET_BYTES = 240

--- Ends the call: no field can be searched as the options ask.
local function fail(call)
  local options = call.options
  call:fail("%s cannot be searched by %s: %s", options.field and ("the field '%s'"):format(options.field)
    or "this collection", options.text and "words" or options.meaning and "meaning" or "a text",
    options.meaning and "no vector field has a model" or "no field has a text index or a model")
end

--- The searches for a text, as hybrid_search makes them: in the fields with a text index (`--text`), in those with a
-- model (`--meaning`), or in both. Those by meaning have `is_meaning`. Ends the call if there is nothing to search.
function M.of_text(call, collection, text)
  local options, schema, words, meanings = call.options, collection.schema, {}, {}
  if options.field then
    schema_fields.get("query", schema, options.field)
  end
  if not options.meaning then
    words = hybrid_search.word_fields(schema, options.field)
  end
  if not options.text then
    local failures
    meanings, failures = hybrid_search.meaning_fields(schema, call.model_failures, options.field)
    for _, failure in ipairs(failures) do
      if #words == 0 then
        call:fail("%s", failure)
      end
      call:note("moonvec: searched by words only: %s", failure)
    end
  end
  local legs = hybrid_search.searches(schema, text, words, meanings)
  for i = #words + 1, #legs do
    legs[i].is_meaning = true
  end
  if #legs == 0 then
    fail(call)
  end
  return legs
end

--- Gives the hits `highlights`: snippets of the fields that are searched by words. Hits of several searches have none,
-- so these documents are searched for once more.
function M.highlight(call, collection, legs, hits)
  local by_id, ids = {}, {}
  for i, hit in ipairs(hits) do
    by_id[hit.id], ids[i] = hit, hit.id
  end
  for _, leg in ipairs(#ids > 0 and legs or {}) do
    local found = not leg.is_meaning and call:check(collection:query {
      field = leg.field, text = leg.text, filter = "id IN ?", args = { ids }, topk = #ids, output_fields = {},
      highlight = M.highlight_options(),
    })
    for _, one in ipairs(found or {}) do
      local hit = by_id[one.id]
      hit.highlights = hit.highlights or {}
      hit.highlights[leg.field] = one.highlights[leg.field]
    end
  end
end

function M.highlight_options()
  return { open = M.OPEN, close = M.CLOSE, size = SNIPPET_BYTES }
end

return M

--- What `moonvec query` searches: the fields of a collection that can be searched by words and by meaning.

local core = require "moonvec.core"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- Marks around what was found, in snippets. Control characters are in no text that is printed.
M.OPEN, M.CLOSE = "\1", "\2"
local SNIPPET_BYTES = 240

-- How much hits by words count, if those by meaning are of a model that was learnt from the collection itself: it knows
-- less of the language than one that was trained on more. Then hits by meaning come first only where words find little.
local WORDS_WEIGHT = 2

--- The names of the fields with a text index.
function M.text_fields(schema)
  local names = {}
  for _, field in ipairs(schema.fields) do
    if type(field.index) == "table" and field.index.type == "text" then
      names[#names + 1] = field.name
    end
  end
  return names
end

--- The names of the vector fields with a model, and by these names those of the models. `is_learnt`: one of these was
-- learnt from the collection.
function M.meaning_fields(schema)
  local names = {}
  for _, field in ipairs(schema.vectors) do
    if field.embed then
      names[#names + 1] = field.name
      names[field.name] = field.embed.model
      names.is_learnt = names.is_learnt or field.embed.fingerprint:find "^learn%-" ~= nil
    end
  end
  return names
end

--- The name alone if it is one of these fields, no name if it is another field; all of them if `name` is nil.
local function only(names, name)
  if not name then
    return names
  end
  for _, one in ipairs(names) do
    if one == name then
      return { name }
    end
  end
  return {}
end

local function check_field(call, schema)
  local names = {}
  for _, list in ipairs { schema.fields, schema.vectors } do
    for _, field in ipairs(list) do
      names[#names + 1] = field.name
    end
  end
  if call.options.field and #names > 0 and #names <= 60 then
    core.word("query", "field", call.options.field, unpack(names))
  end
end

--- The searches for a text, as multi_query takes them: in the fields with a text index (`--text`), in those with a
-- model (`--meaning`), or in both. Ends the call if there is nothing to search.
function M.of_text(call, collection, text)
  local options, schema, legs = call.options, collection.schema, {}
  check_field(call, schema)
  local fields = M.meaning_fields(schema)
  local words, meanings = only(M.text_fields(schema), options.field), only(fields, options.field)
  for _, name in ipairs(options.meaning and {} or words) do
    legs[#legs + 1] = { field = name, text = text, weight = fields.is_learnt and WORDS_WEIGHT or nil }
  end
  for _, name in ipairs(options.text and {} or meanings) do
    local failure = call.model_failures[fields[name]]
    if not failure then
      legs[#legs + 1] = { field = name, text = text, is_meaning = true }
    elseif options.meaning or #words == 0 then
      call:fail("%s", failure)
    else
      call:note("moonvec: searched by words only: %s", failure)
    end
  end
  if #legs == 0 then
    local where = options.field and ("the field '%s'"):format(options.field) or "this collection"
    call:fail("%s cannot be searched by %s: %s", where, options.text and "words" or options.meaning and "meaning"
      or "a text", options.meaning and "no vector field has a model" or "no field has a text index or a model")
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

--- Hybrid search: a text is searched for by words (full-text indexes) and by meaning (vector fields with a model).
-- `moonvec query`, the command .ask of the shell and the tool `search` of MCP share these rules: which fields are
-- searched, and how much each search counts.

local schema_fields = require "moonvec.schema_fields"

local M = {}

-- The weight of hits by words beside hits by meaning, if a model was learnt from the collection itself. Such a model
-- knows less of the language than one that was trained on more, so its hits come first only where words find little.
local WORDS_WEIGHT = 2

-- What a hit in a field of names counts of one in a field of texts. A question has words such as "to" and "make", which
-- are in names, too. Beside a model that was learnt from the collection, a name still counts more than a meaning.
local NAMES_SHARE = 0.6

--- The names of the fields with a full-text index; with `name` only that one, if it is one of them.
function M.word_fields(schema, name)
  local names = {}
  for _, field in ipairs(schema.fields) do
    if schema_fields.has_text_index(field) and (name == nil or field.name == name) then
      names[#names + 1] = field.name
    end
  end
  return names
end

--- The names of the vector fields whose model can be asked, with `name` only that one; and an array of the messages of
-- those whose model cannot. `model_failures`: messages by the names of models that could not be loaded.
function M.meaning_fields(schema, model_failures, name)
  local names, failures = {}, {}
  for _, field in ipairs(schema.vectors) do
    if field.embed and (name == nil or field.name == name) then
      local failure = model_failures[field.embed.model]
      table.insert(failure and failures or names, failure or field.name)
    end
  end
  return names, failures
end

local function is_learnt(schema, name)
  local field = schema_fields.find(schema, name)
  return field.embed ~= nil and field.embed.fingerprint:find "^learn%-" ~= nil
end

--- Those of the fields `words` that have names, as a set: their text index takes identifiers apart (tokenizer "code"),
-- and there is another one with texts. In a collection of code alone, code is the text.
local function name_fields(schema, words)
  local is_name, has_texts = {}, false
  for _, name in ipairs(words) do
    is_name[name] = schema_fields.find(schema, name).index.tokenizer == "code"
    has_texts = has_texts or not is_name[name]
  end
  return has_texts and is_name or {}
end

--- Whether a text has neither letters nor digits. The vector that a learnt model makes of it says nothing. What is no
-- text at all is refused by the search.
local function has_no_word(text)
  return type(text) == "string" and not text:find "[%w\128-\255]"
end

--- The searches for `text`, as multi_query takes them: first one in each field of `words`, then one in each of
-- `meanings`. A text without words is not searched by meaning with a learnt model, if it can be searched by words.
function M.searches(schema, text, words, meanings)
  local searches, weight = {}, nil
  for _, name in ipairs(meanings) do
    weight = is_learnt(schema, name) and WORDS_WEIGHT or weight
  end
  local is_name = name_fields(schema, words)
  for _, name in ipairs(words) do
    searches[#searches + 1] = {
      field = name, text = text, weight = is_name[name] and (weight or 1) * NAMES_SHARE or weight,
    }
  end
  local is_by_words = #words > 0 and has_no_word(text)
  for _, name in ipairs(meanings) do
    if not (is_by_words and is_learnt(schema, name)) then
      searches[#searches + 1] = { field = name, text = text }
    end
  end
  return searches
end

return M

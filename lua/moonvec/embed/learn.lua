--- Models that are learnt from the texts of the program itself: moonvec.embed.learn and load. The work is done in C
-- (engine/embed/learner.c, which describes the algorithm); this file reads the options and makes the models.

local check = require "moonvec.check"
local core = require "moonvec.core"

local misuse = check.misuse

local M = {}

local CALL = "embed.learn"
local DIM_MIN, DIM_MAX, DIM_DEFAULT = 8, 4096, 256
local MIN_COUNT_DEFAULT, MIN_COUNT_MAX = 2, 1000000
local TERMS_DEFAULT, TERMS_MAX = 100000, 10000000
local SEED_DEFAULT, SEED_MAX = 1, 2 ^ 53

--- The model of an object in C.
local function model_of(learnt, name)
  local dim, terms, texts, checksum = core.learnt_info(learnt)
  local model = { name = name, dim = dim, fingerprint = "learn-" .. checksum, terms = terms, texts = texts }

  --- Vectors of the texts, packed, each of length 1.
  function model.embed(list)
    return core.learnt_embed(learnt, list)
  end

  --- Saves the model as a file, which is written beside `path`, synced and then put in its place.
  function model.save(self, path)
    if type(self) ~= "table" then
      misuse("save: expected a model, got a %s (call it with ':')", type(self))
    elseif type(path) ~= "string" then
      misuse("save: 'path' must be a string, got a %s", type(path))
    end
    return core.learnt_save(learnt, path)
  end

  return model
end

local function read_options(options)
  if options ~= nil and type(options) ~= "table" then
    misuse("%s: expected a table of options, got a %s", CALL, type(options))
  end
  local name, dim, tokenizer, language, stop_words, min_count, max_terms, seed = core.options(CALL, options, "name",
    "dim", "tokenizer", "language", "stop_words", "min_count", "max_terms", "seed")
  check.text(CALL, "language", language)
  return check.text(CALL, "name", name, "learn"), check.whole(CALL, "dim", dim, DIM_DEFAULT, DIM_MIN, DIM_MAX),
    check.text(CALL, "tokenizer", tokenizer, "unicode"), language ~= "none" and language or nil,
    check.flag(CALL, "stop_words", stop_words, false),
    check.whole(CALL, "min_count", min_count, MIN_COUNT_DEFAULT, 1, MIN_COUNT_MAX),
    check.whole(CALL, "max_terms", max_terms, TERMS_DEFAULT, 1, TERMS_MAX),
    check.whole(CALL, "seed", seed, SEED_DEFAULT, 0, SEED_MAX)
end

--- An iterator over the texts of an array, or the given iterator.
local function each_of(texts)
  if type(texts) == "function" then
    return texts
  elseif type(texts) ~= "table" then
    misuse("%s: expected an array of texts or a function that returns them, got a %s", CALL, type(texts))
  end
  local i = 0
  return function()
    i = i + 1
    return texts[i]
  end
end

--- Learns a model from texts: an array of strings, or a function that returns the next one and nil at the end.
function M.learn(texts, options)
  local name, dim, tokenizer, language, stop_words, min_count, max_terms, seed = read_options(options)
  local next_text = each_of(texts)
  local learner, message, code =
    core.learner(dim, tokenizer, language, stop_words, min_count, max_terms, seed)
  if not learner then
    return nil, message, code
  end
  local count = 0
  for text in next_text do
    count = count + 1
    if type(text) ~= "string" then
      misuse("%s: text %d must be a string, got a %s", CALL, count, type(text))
    end
    local added
    added, message, code = core.learner_add(learner, text)
    if not added then
      return nil, message, code
    end
  end
  local learnt
  learnt, message, code = core.learner_finish(learner)
  if not learnt then
    return nil, message, code
  end
  return model_of(learnt, name)
end

--- Loads a model that was saved. Its name is the last part of the path, without what follows its last dot.
function M.load(path)
  if type(path) ~= "string" then
    misuse("embed.load: 'path' must be a string, got a %s", type(path))
  end
  local learnt, message, code = core.learnt_load(path)
  if not learnt then
    return nil, message, code
  end
  local name = path:match "([^/]*)$"
  return model_of(learnt, name:match "^(.+)%.[^.]*$" or name)
end

return M

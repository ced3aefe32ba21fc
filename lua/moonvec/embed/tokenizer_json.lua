--- tokenizer.json, the format of Hugging Face's tokenizers, as the parts that core.embedder_open takes. What is not
-- supported is refused by its name: a tokenizer that is understood in part gives other tokens.

local base64 = require "moonvec.base64"
local core = require "moonvec.core"
local json = require "moonvec.json"

local M = {}

-- A problem is raised as a table, which M.parts turns into nil, message, code.
local function fail(code, ...)
  error({ code = code, message = (...):format(select(2, ...)) }, 0)
end

local function unsupported(what, ...)
  fail("version", what .. " is not supported", ...)
end

--- A value for a message. Numbers have no ".0".
local function quote(value)
  return type(value) == "number" and ("%.14g"):format(value) or core.quote(tostring(value))
end

--- A member of an object, or nil if it is null.
local function member(object, name)
  local value = object[name]
  if value ~= json.null() then
    return value
  end
end

--- The same, of a type.
local function typed(object, name, kind, otherwise)
  local value = member(object, name)
  if value == nil then
    value = otherwise
  end
  if type(value) ~= kind then
    fail("corrupt", "'%s' must be a %s, got %s", name, kind == "table" and "list or object" or kind,
      value == nil and "nothing" or "a " .. type(value))
  end
  return value
end

local function whole(object, name, otherwise)
  local value = typed(object, name, "number", otherwise)
  if value % 1 ~= 0 or value < 0 or value > 2 ^ 31 then
    fail("corrupt", "'%s' must be a whole number, got %.14g", name, value)
  end
  return value
end

-- ---------------------------------------------------------------- normalizers

-- Regular expressions of Replace that are runs of white space: { only_blank, spaces_min }.
local SPACE_PATTERNS = {
  ["\\s+"] = { false, 1 }, ["\\s{2,}"] = { false, 2 }, [" +"] = { true, 1 }, [" {2,}"] = { true, 2 },
}

local function replace(step)
  local pattern, content = typed(step, "pattern", "table"), typed(step, "content", "string")
  local text = member(pattern, "String")
  if type(text) == "string" and text ~= "" then
    return { kind = "replace", pattern = text, content = content }
  end
  local expression = member(pattern, "Regex")
  local spaces = SPACE_PATTERNS[expression]
  if not spaces then
    unsupported("the normalizer Replace with the pattern %s", quote(expression or text))
  end
  return { kind = "spaces", only_blank = spaces[1], spaces_min = spaces[2], content = content }
end

local function bert(step)
  local lowers = typed(step, "lowercase", "boolean", true)
  return {
    kind = "bert",
    cleans = typed(step, "clean_text", "boolean", true),
    splits_chinese = typed(step, "handle_chinese_chars", "boolean", true),
    strips_accents = typed(step, "strip_accents", "boolean", lowers),
    lowers = lowers,
  }
end

local function precompiled(step)
  local map = base64.decode(typed(step, "precompiled_charsmap", "string"))
  if not map then
    fail("corrupt", "'precompiled_charsmap' is not base64")
  end
  return { kind = "charsmap", pattern = map }
end

local NORMALIZERS = {
  BertNormalizer = bert,
  Replace = replace,
  Precompiled = precompiled,
  Strip = function(step)
    local left, right = typed(step, "strip_left", "boolean"), typed(step, "strip_right", "boolean")
    return { kind = "strip", left = left, right = right }
  end,
  Prepend = function(step)
    return { kind = "prepend", content = typed(step, "prepend", "string") }
  end,
}
for name, kind in pairs {
  Lowercase = "lower", NFD = "nfd", NFC = "nfc", NFKD = "nfkd", NFKC = "nfkc", StripAccents = "strip_accents",
  Nmt = "nmt",
} do
  NORMALIZERS[name] = function()
    return { kind = kind }
  end
end

-- ---------------------------------------------------------------- pre-tokenizers

local function metaspace(step)
  local scheme = typed(step, "prepend_scheme", "string", "always")
  if scheme ~= "always" and scheme ~= "first" and scheme ~= "never" then
    unsupported("the pre-tokenizer Metaspace with prepend_scheme %s", quote(scheme))
  elseif member(step, "add_prefix_space") == false and scheme ~= "never" then
    fail("corrupt", "'add_prefix_space' of Metaspace is false, but prepend_scheme is '%s'", scheme)
  end
  return {
    kind = "metaspace",
    prepends = scheme,
    isolates = typed(step, "split", "boolean", true),
    replacement = typed(step, "replacement", "string"),
  }
end

local function byte_level(step)
  return {
    kind = "bytes",
    prepends = typed(step, "add_prefix_space", "boolean") and "always" or "never",
    isolates = typed(step, "use_regex", "boolean", true),
  }
end

local function punctuation(step)
  local behavior = typed(step, "behavior", "string", "Isolated")
  if behavior ~= "Isolated" and behavior ~= "Contiguous" then
    unsupported("the pre-tokenizer Punctuation with behavior %s", quote(behavior))
  end
  return { kind = "punctuation", prepends = "never", isolates = behavior == "Isolated" }
end

local SPLITTERS = {
  Metaspace = metaspace,
  ByteLevel = byte_level,
  Punctuation = punctuation,
  Digits = function(step)
    return { kind = "digits", prepends = "never", isolates = typed(step, "individual_digits", "boolean") }
  end,
}
for name, kind in pairs { BertPreTokenizer = "bert", Whitespace = "words", WhitespaceSplit = "whitespace" } do
  SPLITTERS[name] = function()
    return { kind = kind, prepends = "never" }
  end
end

--- The steps of a normalizer or pre-tokenizer, and those in a Sequence, in their order.
local function steps_of(given, what, makers, list)
  local steps, waiting = {}, { given }
  while #waiting > 0 do
    local step = table.remove(waiting)
    if type(step) ~= "table" then
      fail("corrupt", "a %s is not an object", what)
    elseif step.type == "Sequence" then
      local parts = typed(step, list, "table")
      for i = #parts, 1, -1 do
        waiting[#waiting + 1] = parts[i]
      end
    elseif makers[step.type] then
      steps[#steps + 1] = makers[step.type](step)
    else
      unsupported("the %s %s", what, quote(step.type))
    end
  end
  return steps
end

-- ---------------------------------------------------------------- vocabularies

--- Tokens by id from a vocabulary by token. Ids are below `ids`.
local function tokens_by_id(vocabulary, ids)
  local tokens, last = {}, -1
  for token, id in pairs(vocabulary) do
    if type(token) ~= "string" or type(id) ~= "number" or id % 1 ~= 0 or id < 0 or id >= ids then
      fail("corrupt", "the token %s has the id %s, there are rows for %.0f tokens", quote(token), quote(id), ids)
    elseif tokens[id + 1] then
      fail("corrupt", "the tokens %s and %s have the same id %d", quote(tokens[id + 1]), quote(token), id)
    end
    tokens[id + 1] = token
    last = math.max(last, id)
  end
  for i = 1, last + 1 do
    tokens[i] = tokens[i] or false
  end
  return tokens
end

local function unknown_id(model, vocabulary, otherwise)
  local token = member(model, "unk_token")
  if token == nil then
    token = otherwise
  end
  if token == nil then
    return nil
  elseif not vocabulary[token] then
    fail("corrupt", "the unknown token %s is not in the vocabulary", quote(token))
  end
  return vocabulary[token]
end

local function word_piece(model, ids)
  local vocabulary = typed(model, "vocab", "table")
  return {
    tokens = tokens_by_id(vocabulary, ids),
    unknown_id = unknown_id(model, vocabulary, "[UNK]"),
    drops_unknown = true,
    prefix = typed(model, "continuing_subword_prefix", "string", "##"),
    piece_size_max = whole(model, "max_input_chars_per_word", 100),
  }, vocabulary
end

local function word_level(model, ids)
  local vocabulary = typed(model, "vocab", "table")
  return {
    tokens = tokens_by_id(vocabulary, ids),
    unknown_id = unknown_id(model, vocabulary, "<unk>"),
    drops_unknown = true,
  }, vocabulary
end

local function unigram(model, ids)
  local tokens, scores, vocabulary = {}, {}, {}
  local pieces = typed(model, "vocab", "table")
  if #pieces > ids then
    fail("corrupt", "the vocabulary has %d tokens, there are rows for %.0f", #pieces, ids)
  end
  for i, piece in ipairs(pieces) do
    if type(piece) ~= "table" or type(piece[1]) ~= "string" or type(piece[2]) ~= "number" then
      fail("corrupt", "entry %d of the vocabulary is not a token and its score", i)
    end
    tokens[i], scores[i], vocabulary[piece[1]] = piece[1], piece[2], i - 1
  end
  if member(model, "unk_id") == nil then
    unsupported("a Unigram model without unk_id")
  end
  local unknown = whole(model, "unk_id")
  if unknown >= #tokens then
    fail("corrupt", "'unk_id' is %d, the vocabulary has %d tokens", unknown, #tokens)
  end
  -- Model2Vec leaves the unknown token out where the model names it by its text; Unigram names its id.
  return {
    tokens = tokens, scores = scores, unknown_id = unknown, drops_unknown = false,
    has_byte_tokens = typed(model, "byte_fallback", "boolean", false),
  }, vocabulary
end

--- The two tokens of a merge: a list of them, or a text with a space between.
local function merge_pair(merge)
  if type(merge) == "table" then
    return merge[1], merge[2]
  elseif type(merge) == "string" then
    return merge:match("^([^ ]*) ([^ ]*)$")
  end
end

local function merges_of(model, vocabulary, prefix)
  local merges, count = {}, 0
  for i, merge in ipairs(typed(model, "merges", "table")) do
    if type(merge) ~= "string" or merge:sub(1, 8) ~= "#version" then
      local left, right = merge_pair(merge)
      if type(left) ~= "string" or type(right) ~= "string" then
        fail("corrupt", "merge %d is not of two tokens", i)
      end
      local merged = left .. right:sub(#prefix + 1)
      for j, token in ipairs { left, right, merged } do
        if not vocabulary[token] then
          fail("corrupt", "merge %d: the token %s is not in the vocabulary", i, quote(token))
        end
        merges[count + j] = vocabulary[token]
      end
      count = count + 3
    end
  end
  return merges
end

local function bpe(model, ids)
  local dropout = member(model, "dropout")
  if dropout ~= nil and dropout ~= 0 then
    unsupported("a BPE model with dropout")
  end
  local vocabulary = typed(model, "vocab", "table")
  local prefix = typed(model, "continuing_subword_prefix", "string", "")
  local unknown = unknown_id(model, vocabulary)
  return {
    tokens = tokens_by_id(vocabulary, ids),
    merges = merges_of(model, vocabulary, prefix),
    unknown_id = unknown,
    drops_unknown = unknown ~= nil,
    prefix = prefix,
    suffix = typed(model, "end_of_word_suffix", "string", ""),
    fuses_unknown = typed(model, "fuse_unk", "boolean", false),
    has_byte_tokens = typed(model, "byte_fallback", "boolean", false),
    takes_whole = typed(model, "ignore_merges", "boolean", false),
  }, vocabulary
end

local MODELS = { WordPiece = word_piece, WordLevel = word_level, Unigram = unigram, BPE = bpe }

-- ---------------------------------------------------------------- added tokens

--- The added tokens, and how many of them the vocabulary lacks. These have the ids that follow those of the vocabulary.
local function added_tokens(given, vocabulary, ids)
  local added, next_id, seen = {}, 0, {}
  for _ in pairs(vocabulary) do
    next_id = next_id + 1
  end
  local size = next_id
  for i, token in ipairs(given) do
    if type(token) ~= "table" then
      fail("corrupt", "added token %d is not an object", i)
    end
    local text = typed(token, "content", "string")
    local id = vocabulary[text]
    if not id and text ~= "" and not seen[text] then
      id = whole(token, "id")
      if id ~= next_id or id >= ids then
        fail("corrupt", "the added token %s has the id %d, expected %d, with rows for %.0f tokens", quote(text), id,
          next_id, ids)
      end
      next_id = next_id + 1
    end
    if id and not seen[text] then
      seen[text] = true
      added[#added + 1] = {
        text = text, id = id,
        is_word = typed(token, "single_word", "boolean", false),
        takes_left = typed(token, "lstrip", "boolean", false),
        takes_right = typed(token, "rstrip", "boolean", false),
        is_normalized = typed(token, "normalized", "boolean", not member(token, "special")),
      }
    end
  end
  return added, next_id - size, size
end

-- ---------------------------------------------------------------- all

local function truncation_of(tokenizer)
  local truncation, padding = member(tokenizer, "truncation"), member(tokenizer, "padding")
  -- Padding up to the longest text of a batch adds nothing to a text by itself.
  if padding and (type(padding) ~= "table" or padding.strategy ~= "BatchLongest") then
    unsupported("padding to a fixed length")
  elseif not truncation then
    return nil
  elseif type(truncation) ~= "table" or truncation.direction == "Left" then
    unsupported("truncation from the left")
  end
  return whole(truncation, "max_length")
end

local function read_parts(tokenizer, ids, is_exact)
  local model = typed(tokenizer, "model", "table")
  local read = MODELS[model.type]
  if not read then
    unsupported("the model %s", quote(model.type))
  end
  local parts, vocabulary = read(model, ids)
  parts.model = model.type
  local given = typed(tokenizer, "added_tokens", "table", {})
  local added, added_count, size = added_tokens(given, vocabulary, ids)
  if is_exact and size + added_count ~= ids then
    fail("corrupt", "there are %d tokens, but the tensor 'embeddings' has %.0f rows", size + added_count, ids)
  end
  parts.added = added
  parts.truncates_at = truncation_of(tokenizer)
  local normalizer, splitter = member(tokenizer, "normalizer"), member(tokenizer, "pre_tokenizer")
  parts.normalizers = normalizer and steps_of(normalizer, "normalizer", NORMALIZERS, "normalizers") or {}
  parts.splitters = splitter and steps_of(splitter, "pre-tokenizer", SPLITTERS, "pretokenizers") or {}
  return parts
end

--- The parts of a decoded tokenizer.json, or nil, message, code. Token ids are below `ids`; `is_exact`: there must be
-- as many tokens.
function M.parts(tokenizer, ids, is_exact)
  local ok, result = pcall(read_parts, tokenizer, ids, is_exact)
  if ok then
    return result
  elseif type(result) ~= "table" then
    error(result, 0)
  end
  return nil, result.message, result.code
end

return M

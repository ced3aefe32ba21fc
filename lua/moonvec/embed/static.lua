--- Static token embeddings: opens a folder in the format of Model2Vec, or a file of word vectors. The engine computes
-- the vectors (engine/embed); the JSON of a folder is read here, by safetensors.lua and tokenizer_json.lua.

local check = require "moonvec.check"
local core = require "moonvec.core"
local json = require "moonvec.json"
local safetensors = require "moonvec.embed.safetensors"
local system = require "moonvec.system"
local tokenizer_json = require "moonvec.embed.tokenizer_json"

local M = {}

local CALL = "embed.static"
local MAX_TOKENS = 512 -- Model2Vec's default
local JSON_SIZE_MAX = 1024 * 1024 * 1024 -- the tokenizers of models in a hundred languages have 20 MB

-- Where Model2Vec looks for the files of a model, in this order.
local LAYOUTS = {
  { config = "config.json", folder = "", tensor = "embeddings" },
  { config = "config_sentence_transformers.json", folder = "", tensor = "embedding.weight" },
  { config = "config_sentence_transformers.json", folder = "0_StaticEmbedding/", tensor = "embedding.weight" },
}

--- The text of a file, or nil, message, code.
local function read_text(path)
  local file, reason = io.open(path, "rb")
  if not file then
    return nil, ("cannot open '%s': %s"):format(path, (reason:gsub("^.*: ", ""))), "not_found"
  end
  local size = file:seek("end")
  if size and size > JSON_SIZE_MAX then
    file:close()
    return nil, ("'%s' has %.0f bytes, at most %d are read"):format(path, size, JSON_SIZE_MAX), "limit"
  end
  local text = size and file:seek("set") and file:read("*a")
  file:close()
  if not text or #text < size then
    return nil, ("cannot read '%s'"):format(path), "io"
  end
  return text
end

--- The object in a JSON file and the file's text, or nil, message, code.
local function read_json(path)
  local text, message, code = read_text(path)
  if not text then
    return nil, message, code
  end
  local value
  value, message = json.decode(text)
  if type(value) ~= "table" then
    return nil, ("'%s' is not a JSON object: %s"):format(path, message or "it is a " .. type(value)), "corrupt"
  end
  return value, text
end

--- The layout of a folder whose files are all there, or nil.
local function layout_of(folder)
  for _, layout in ipairs(LAYOUTS) do
    local files = folder .. "/" .. layout.folder
    if system.exists(folder .. "/" .. layout.config) and system.exists(files .. "model.safetensors")
      and system.exists(files .. "tokenizer.json") then
      return layout, files
    end
  end
end

--- Which file a folder lacks, for a message.
local function what_is_missing(folder)
  for _, name in ipairs { "model.safetensors", "tokenizer.json" } do
    if not system.exists(folder .. "/" .. name) then
      return name
    end
  end
  return "config.json"
end

local function find_tensor(tensors, layout)
  return tensors[layout.tensor] or tensors.embeddings or tensors["embedding.weight"]
end

--- The parts of the model in a folder, for core.embedder_open, or nil, message, code.
local function read_folder(folder, layout, files)
  local config, text, message, code
  config, message, code = read_json(folder .. "/" .. layout.config)
  if not config then
    return nil, message, code
  end
  local path = files .. "model.safetensors"
  local tensors
  tensors, message, code = safetensors.read(path)
  if not tensors then
    return nil, message, code
  end
  local embeddings = find_tensor(tensors, layout)
  if not embeddings then
    return nil, ("'%s' has no tensor '%s'"):format(path, layout.tensor), "corrupt"
  end
  local ids = (tensors.mapping or embeddings).rows
  local tokenizer
  tokenizer, text, code = read_json(files .. "tokenizer.json")
  if not tokenizer then
    return nil, text, code
  end
  local parts
  parts, message, code = tokenizer_json.parts(tokenizer, ids, not tensors.mapping)
  if not parts then
    return nil, ("'%stokenizer.json': %s"):format(files, message), code
  end
  parts.path, parts.identity = path, text
  parts.embeddings, parts.weights, parts.mapping = embeddings, tensors.weights, tensors.mapping
  parts.normalizes = config.normalize == true
  return parts
end

--- Opens the model of a folder: embedder, dim, fingerprint | nil, message, code.
local function open_folder(folder, layout, files, settings)
  if settings.weighs then
    check.misuse("%s: 'weights' is for word vectors; the weights of '%s' are in its files", CALL, folder)
  end
  local parts, message, code = read_folder(folder, layout, files)
  if not parts then
    return nil, message, code
  end
  if settings.normalizes ~= nil then
    parts.normalizes = settings.normalizes
  end
  parts.max_tokens = settings.max_tokens
  return core.embedder_open(parts)
end

--- Opens a file of word vectors: the same.
local function open_words(path, settings)
  local file = io.open(path, "rb")
  if not file then
    return nil, ("there is no file or folder '%s'"):format(path), "not_found"
  end
  local first = file:read(1)
  local is_folder = not first and select(2, file:read(1)) ~= nil
  file:close()
  if is_folder then
    return nil, ("the folder '%s' has no %s"):format(path, what_is_missing(path)), "not_found"
  end
  return core.embedder_words(path, {
    normalizes = settings.normalizes ~= false, weighs = settings.weighs, max_tokens = settings.max_tokens,
  })
end

local function check_settings(options)
  local name, normalize, weights, max_tokens =
    core.options(CALL, options, "name", "normalize", "weights", "max_tokens")
  check.text(CALL, "name", name)
  check.flag(CALL, "normalize", normalize)
  if weights ~= nil then
    core.word(CALL, "weights", weights, "none", "sif")
  end
  max_tokens = check.whole(CALL, "max_tokens", max_tokens, MAX_TOKENS, 0, 2 ^ 31)
  return name, { normalizes = normalize, weighs = weights == "sif", max_tokens = max_tokens }
end

--- Opens a model: see embedders.static in types.lua.
function M.open(path, options)
  if type(path) ~= "string" then
    check.misuse("%s: the path must be a string, got a %s", CALL, type(path))
  end
  local name, settings = check_settings(options)
  local folder = path:gsub("(.)/+$", "%1")
  local layout, files = layout_of(folder)
  local embedder, dim, fingerprint
  if layout then
    embedder, dim, fingerprint = open_folder(folder, layout, files, settings)
  else
    embedder, dim, fingerprint = open_words(path, settings)
  end
  if not embedder then
    return nil, dim, fingerprint -- nil, message, code
  end
  return {
    name = name or folder:match("[^/]*$"),
    dim = dim,
    fingerprint = fingerprint,
    embed = function(texts)
      return core.embedder_embed(embedder, texts)
    end,
    tokens = function(text)
      return core.embedder_tokens(embedder, text)
    end,
  }
end

return M

--- Schemas as a person writes them on a command line: `--field title:string:text --vector embedding:384:cosine`.

local core = require "moonvec.core"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- What the words behind the name mean. Each sets members of the field.
local FIELD_WORDS = {
  text = { index = "text" }, invert = { index = "invert" },
  unicode = { tokenizer = "unicode" }, code = { tokenizer = "code" }, ngram = { tokenizer = "ngram" },
  whitespace = { tokenizer = "whitespace" },
}
local VECTOR_WORDS = {
  cosine = { metric = "cosine" }, l2 = { metric = "l2" }, ip = { metric = "ip" }, l1 = { metric = "l1" },
  hamming = { metric = "hamming" },
  fp32 = { type = "vector_fp32" }, fp16 = { type = "vector_fp16" }, int8 = { type = "vector_int8" },
  binary = { type = "vector_binary" },
  hnsw = { index = "hnsw" }, flat = { index = "flat" },
}
local TYPES = {
  "string", "bool", "int32", "int64", "uint32", "uint64", "float", "double", "timestamp", "array_string", "array_bool",
  "array_int32", "array_int64", "array_uint32", "array_uint64", "array_float", "array_double", "array_timestamp",
}
local LANGUAGES = {
  "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french", "german", "greek",
  "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian", "porter", "portuguese",
  "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish", "yiddish",
}
for _, language in ipairs(LANGUAGES) do
  FIELD_WORDS[language] = { language = language }
end

local function names_of(words)
  local names = {}
  for name in pairs(words) do
    names[#names + 1] = name
  end
  table.sort(names)
  return unpack(names)
end

local function parts_of(text)
  local parts = {}
  for part in (text .. ":"):gmatch("([^:]*):") do
    parts[#parts + 1] = part
  end
  return parts
end

--- Applies the words from parts[first] on. Unknown ones raise.
local function apply(field, parts, first, words, option)
  for i = first, #parts do
    core.word("create", "word in " .. option, parts[i], names_of(words))
    for name, value in pairs(words[parts[i]]) do
      field[name] = value
    end
  end
end

--- A field of "NAME:TYPE[?][:text|invert][:TOKENIZER][:LANGUAGE]". The question mark: it may be NULL.
function M.field(text)
  local parts = parts_of(text)
  if parts[1] == "" or not parts[2] then
    core.raise(("create: '--field' must be NAME:TYPE, such as title:string:text, got '%s'"):format(core.quote(text)))
  end
  local kind, mark = parts[2]:match("^(.-)(%??)$")
  local field = { name = parts[1], type = kind, nullable = mark == "?" or nil }
  core.word("create", "type in --field", kind, unpack(TYPES))
  apply(field, parts, 3, FIELD_WORDS, "--field")
  if field.tokenizer or field.language then
    field.index = { type = "text", tokenizer = field.tokenizer, language = field.language }
    field.tokenizer, field.language = nil, nil
  end
  return field
end

--- A vector field of "NAME:DIM[:METRIC][:fp32|fp16|int8|binary][:hnsw|flat]", or of "NAME:sparse".
function M.vector(text)
  local parts = parts_of(text)
  local dim = tonumber(parts[2] or "")
  if parts[2] == "sparse" and parts[1] ~= "" and #parts == 2 then
    return { name = parts[1], type = "sparse_vector_fp32" }
  elseif parts[1] == "" or not dim then
    core.raise(("create: '--vector' must be NAME:DIM, such as embedding:384:cosine, or NAME:sparse, got '%s'"):format(
      core.quote(text)))
  end
  local field = { name = parts[1], type = "vector_fp32", dim = dim }
  apply(field, parts, 3, VECTOR_WORDS, "--vector")
  return field
end

--- A field in the short form, "title:string?:text:english".
local function describe_field(field)
  local parts = { field.name, field.type .. (field.nullable and "?" or "") }
  local index = type(field.index) == "table" and field.index or {}
  if index.type == "invert" or index.type == "text" then
    parts[#parts + 1] = index.type
    if index.tokenizer and index.tokenizer ~= "unicode" then
      parts[#parts + 1] = index.tokenizer
    end
    if index.language and index.language ~= "none" then
      parts[#parts + 1] = index.language
    end
  end
  return table.concat(parts, ":")
end

local function describe_vector(field)
  local kind = field.type:match "^vector_(.*)$"
  if not kind then
    return field.name .. ":sparse"
  end
  return table.concat({ field.name, ("%d"):format(field.dim), field.metric, kind ~= "fp32" and kind or nil }, ":")
end

--- The fields of a schema as --field and --vector take them, in one line.
function M.describe(schema)
  local parts = {}
  for _, field in ipairs(schema.fields) do
    parts[#parts + 1] = describe_field(field)
  end
  for _, field in ipairs(schema.vectors) do
    parts[#parts + 1] = describe_vector(field)
  end
  return table.concat(parts, " ")
end

return M

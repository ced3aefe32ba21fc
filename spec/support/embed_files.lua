-- Files of models, written byte by byte: safetensors with any type of numbers, folders of Model2Vec, word vectors.

local json = require "moonvec.json"
local support = require "spec.support"

local M = {}

function M.write(path, ...)
  local file = assert(io.open(path, "wb"))
  file:write(...)
  assert(file:close())
end

--- `size` bytes of a whole number, the lowest first; negative ones in two's complement.
function M.whole(number, size)
  local bytes = {}
  for i = 1, size do
    bytes[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(bytes)
end

--- A number as IEEE 754 with these bits of exponent and fraction. It must have few binary digits and be no subnormal.
local function binary(number, exponent_bits, fraction_bits)
  local bias, exponent, sign = 2 ^ (exponent_bits - 1) - 1, 0, number < 0 and 1 or 0
  local size = (1 + exponent_bits + fraction_bits) / 8
  local magnitude = math.abs(number)
  if magnitude == 0 then
    return M.whole(0, size)
  end
  while magnitude >= 2 do magnitude, exponent = magnitude / 2, exponent + 1 end
  while magnitude < 1 do magnitude, exponent = magnitude * 2, exponent - 1 end
  local head = sign * 2 ^ exponent_bits + exponent + bias -- sign and exponent
  local fraction = (magnitude - 1) * 2 ^ fraction_bits
  assert(fraction % 1 == 0, "the number has too many digits")
  if size == 8 then -- all bits together are more than a double can count
    return M.whole(fraction % 2 ^ 32, 4) .. M.whole(head * 2 ^ 20 + math.floor(fraction / 2 ^ 32), 4)
  end
  return M.whole(head * 2 ^ fraction_bits + fraction, size)
end

local ENCODERS = {
  F64 = function(number) return binary(number, 11, 52) end,
  F32 = function(number) return binary(number, 8, 23) end,
  F16 = function(number) return binary(number, 5, 10) end,
  BF16 = function(number) return binary(number, 8, 7) end,
  I8 = function(number) return M.whole(number, 1) end,
  I32 = function(number) return M.whole(number, 4) end,
  I64 = function(number) return M.whole(number, 8) end,
}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Bytes in base64.
function M.base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local sum, group = a * 65536 + (b or 0) * 256 + (c or 0), {}
    for i = 4, 1, -1 do
      local index = sum % 64 + 1
      group[i], sum = ALPHABET:sub(index, index), math.floor(sum / 64)
    end
    out[#out + 1] = group[1] .. group[2] .. (b and group[3] or "=") .. (c and group[4] or "=")
  end
  return table.concat(out)
end

--- The bytes of a number of a type.
function M.encode(kind, number)
  return ENCODERS[kind](number)
end

--- The bytes of a file with these tensors: { { name, kind, rows }, ... }; a row is a table of numbers, or a number.
function M.safetensors(tensors)
  local header, data, at = {}, {}, 0
  for _, tensor in ipairs(tensors) do
    local name, kind, rows = tensor[1], tensor[2], tensor[3]
    local bytes, columns = {}, nil
    for _, row in ipairs(rows) do
      columns = type(row) == "table" and #row or nil
      for _, number in ipairs(type(row) == "table" and row or { row }) do
        bytes[#bytes + 1] = M.encode(kind, number)
      end
    end
    local all = table.concat(bytes)
    header[name] = { dtype = kind, shape = { #rows, columns }, data_offsets = { at, at + #all } }
    data[#data + 1], at = all, at + #all
  end
  local text = json.encode(header)
  text = text .. (" "):rep(-#text % 8)
  return M.whole(#text, 8) .. text .. table.concat(data)
end

--- Writes the folder of a model. parts: tensors (as above), or the bytes of the file; tokenizer: a table or a text;
-- config.
function M.folder(parts)
  local path = support.path()
  assert(os.execute("mkdir -p '" .. path .. "'"))
  local bytes = type(parts.tensors) == "string" and parts.tensors or M.safetensors(parts.tensors)
  M.write(path .. "/model.safetensors", bytes)
  M.write(path .. "/tokenizer.json",
    type(parts.tokenizer) == "string" and parts.tokenizer or json.encode(parts.tokenizer))
  M.write(path .. "/config.json", json.encode(parts.config or json.object {}))
  return path
end

--- A tokenizer.json with this model. `parts` replaces its members.
function M.tokenizer(model, parts)
  local tokenizer = { version = "1.0", added_tokens = json.array {}, model = model }
  for name, value in pairs(parts or {}) do
    tokenizer[name] = value
  end
  return tokenizer
end

--- Token -> id, from 0, of a list of tokens.
function M.vocabulary(tokens)
  local vocabulary = {}
  for i, token in ipairs(tokens) do
    vocabulary[token] = i - 1
  end
  return vocabulary
end

--- `count` rows of `dim` numbers, which every type can represent.
function M.rows(count, dim, seed)
  local random, rows = support.random(seed or 1), {}
  for i = 1, count do
    rows[i] = {}
    for k = 1, dim do
      rows[i][k] = random(201) - 101
    end
  end
  return rows
end

return M

--- The answers of servers of the OpenAI-compatible protocol: vectors, and errors.

local core = require "moonvec.core"
local json = require "moonvec.json"
local utf8_text = require "moonvec.utf8_text"

local M = {}

local FLOAT_MAX = 3.4028234663852886e38

-- Bytes of a message of a server that are shown.
local MESSAGE_MAX = 300

--- The function that decodes Base64: that of nginx, or that of LuaSocket.
local function base64_decoder()
  local ngx = rawget(_G, "ngx")
  if type(ngx) == "table" and ngx.decode_base64 then
    return ngx.decode_base64
  end
  local found, mime = pcall(require, "mime")
  return found and mime.unb64
end

--- A float whose exponent has only ones is infinite or no number.
local function is_finite(packed)
  local at = packed:find("[\128-\255][\127\255]", 1)
  while at do
    if at % 4 == 3 then
      return false
    end
    at = packed:find("[\128-\255][\127\255]", at + 1)
  end
  return true
end

--- A vector of little-endian float32 in Base64, packed; nil, what is wrong.
local function read_base64(text, decode)
  local is_valid = #text % 4 == 0 and text:find "^[%w+/]*=?=?$"
  local packed = is_valid and decode(text)
  if not packed then
    return nil, "is no valid Base64"
  elseif #packed == 0 or #packed % 4 ~= 0 then
    return nil, ("has %d bytes, which are no floats"):format(#packed)
  elseif not is_finite(packed) then
    return nil, "has a number that is not finite"
  end
  return packed
end

local function read_numbers(numbers)
  for i = 1, #numbers do
    local number = numbers[i]
    if type(number) ~= "number" then
      return nil, ("has no number at position %d"):format(i)
    elseif not (number >= -FLOAT_MAX and number <= FLOAT_MAX) then
      return nil, "has a number that is not finite"
    end
  end
  if #numbers == 0 then
    return nil, "has no numbers"
  end
  return core.pack(numbers)
end

local function read_embedding(embedding, decode)
  if type(embedding) == "string" then
    return read_base64(embedding, decode)
  elseif type(embedding) == "table" then
    return read_numbers(embedding)
  end
  return nil, "is neither an array of numbers nor a text in Base64"
end

--- Where the vector of an entry belongs, from 1. Entries without `index` are in the order of the texts.
local function place_of(entry, position, count, rows)
  local index = entry.index
  if index == nil then
    index = position - 1
  end
  if type(index) ~= "number" or index % 1 ~= 0 or index < 0 or index >= count then
    return nil, ("the index of vector %d is not from 0 to %d"):format(position, count - 1)
  elseif rows[index + 1] then
    return nil, ("the answer has two vectors with the index %d"):format(index)
  end
  return index + 1
end

--- The vectors of an answer to `count` texts, as packed strings in the order of the texts. nil, message if there is not
-- one for each, or one is none, or they differ in length.
function M.vectors(body, count)
  local answer = json.decode(body)
  local data = type(answer) == "table" and answer.data
  if type(data) ~= "table" then
    return nil, "the answer is not JSON with an array 'data'"
  elseif #data ~= count then
    return nil, ("the answer has %d vectors for %d texts"):format(#data, count)
  end
  local rows, decode = {}, base64_decoder()
  for position, entry in ipairs(data) do
    if type(entry) ~= "table" then
      return nil, ("element %d of 'data' is no object"):format(position)
    end
    local place, packed, message
    place, message = place_of(entry, position, count, rows)
    if not place then
      return nil, message
    end
    packed, message = read_embedding(entry.embedding, decode)
    if not packed then
      return nil, ("vector %d of the answer %s"):format(position, message)
    elseif position > 1 and #packed ~= #rows[next(rows)] then
      return nil, ("the answer has vectors of %d and of %d numbers"):format(#rows[next(rows)] / 4, #packed / 4)
    end
    rows[place] = packed
  end
  return rows
end

--- A text of a server on one line, valid and not long.
local function presentable(text)
  text = text:gsub("[%c%s]+", " "):gsub("^ ", ""):gsub(" $", ""):sub(1, MESSAGE_MAX)
  local invalid = utf8_text.first_invalid(text)
  return invalid and text:sub(1, invalid - 1) or text
end

local function text_in(value)
  if type(value) == "string" and value ~= "" then
    return value
  elseif type(value) == "table" then
    return text_in(value.message or value.msg or value.detail or value.error or value[1])
  end
  return nil
end

--- What the body of an error says: { error = { message = } }, { error = "" }, { message = }, { detail = } or, if it is
-- no JSON and no HTML, its text. nil: nothing.
function M.error_message(body)
  local answer = json.decode(body)
  local text
  if type(answer) == "table" then
    text = text_in(answer.error) or text_in(answer.message) or text_in(answer.detail)
  elseif not body:find "^%s*<" then
    text = body
  end
  text = text and presentable(text)
  return text ~= "" and text or nil
end

return M

--- A schema for documents that come without one: guessed from some of them.

local core = require "moonvec.core"
local json = require "moonvec.json"
local language_guess = require "moonvec.command.language_guess"
local moonvec = require "moonvec"

local M = {}

-- Up to here a double represents every whole number.
local WHOLE_MAX = 2 ^ 53

-- Arrays of numbers of one length are vectors from this length on, or if their name says so.
local VECTOR_DIM_MIN = 8
local VECTOR_NAMES = { vector = true, embedding = true, vec = true, emb = true }

-- Strings of at least this number of words on average are texts that people search, and those with such a name. Others
-- are words to filter by, if there are few different ones.
local TEXT_WORDS_MIN, DISTINCT_MAX, DISTINCT_SHARE = 2, 200, 0.1
local TEXT_NAMES = { title = true, name = true, text = true, body = true, content = true, description = true,
  summary = true, subject = true, question = true, answer = true, comment = true }

-- Texts of at least this number of words on average are prose, in which the most frequent words of the language are
-- left out.
local PROSE_WORDS_MIN = 5

-- Of each field, as many bytes of text are kept to tell the language.
local SAMPLE_BYTES = 20000

-- Strings of one word, of up to this number of bytes on average, are names or codes that people search, too.
local NAME_BYTES_MAX = 40

-- A word of a name that is several words to people, such as libxml2-utils, snake_case or camelCase.
local JOINED_WORDS = { "%w[_./:@%-]%w", "%l%u" }

local TIMESTAMP = "^%d%d%d%d%-%d%d%-%d%d[Tt ]%d%d:%d%d:%d%d[%.%d]*[Zz+%-][%d:]*$"
local DATE = "^%d%d%d%d%-(%d%d)%-(%d%d)$"

-- ---------------------------------------------------------------- what the values are

--- Whether the text is a point in time as a field of type timestamp takes it: a date, or a date and a time.
local function is_timestamp(text)
  local month, day = text:match(DATE)
  if month then
    month, day = tonumber(month), tonumber(day)
    return month >= 1 and month <= 12 and day >= 1 and day <= 31
  end
  return text:find(TIMESTAMP) ~= nil
end

--- What a string in a file that knows only text may be.
local function kind_of_text(text)
  if text == "true" or text == "false" then
    return "bool"
  elseif text:find "^%-?[1-9]%d*$" and #text <= 18 or text == "0" then
    return "whole"
  elseif text:find "^[-+]?%d+%.?%d*[eE]?[-+]?%d*$" and tonumber(text) and not text:find "^[-+]?0%d" then
    return "real"
  end
  return is_timestamp(text) and "timestamp" or "string"
end

local function kind_of_number(number)
  return number % 1 == 0 and number >= -WHOLE_MAX and number <= WHOLE_MAX and "whole" or "real"
end

--- "array" and the kind of its elements (none if it is empty), or "mixed".
local function kind_of_array(values)
  local kind
  for _, value in ipairs(values) do
    local one = type(value) == "number" and kind_of_number(value) or type(value) == "string" and "string"
      or type(value) == "boolean" and "bool" or "mixed"
    if one == "real" and kind == "whole" or one == "whole" and kind == "real" then
      one = "real"
    elseif kind and one ~= kind then
      return "mixed"
    end
    kind = one
  end
  return kind == "mixed" and "mixed" or "array", kind
end

--- The kind of a value; of an array also that of its elements, and their number.
local function kind_of(value, is_text_only)
  local kind = type(value)
  if kind == "string" and is_text_only and value:find "^%[" then
    value = json.decode(value) or value -- an array in a cell
    kind = type(value)
  end
  if kind == "string" then
    return is_text_only and kind_of_text(value) or is_timestamp(value) and "timestamp" or "string"
  elseif kind == "number" then
    return kind_of_number(value)
  elseif kind == "boolean" then
    return "bool"
  elseif kind == "table" and (value[1] ~= nil or next(value) == nil) then
    local array, element = kind_of_array(value)
    return array, element, #value
  end
  return "mixed"
end

-- ---------------------------------------------------------------- counting

local Guess = {}
Guess.__index = Guess

--- A guess that has seen nothing. `is_text_only`: all values are strings, as in CSV.
function M.new(is_text_only)
  return setmetatable({ rows = 0, fields = {}, names = {}, places = {}, is_text_only = is_text_only }, Guess)
end

local function count_text(field, text)
  local _, spaces = text:gsub("%S+", "")
  field.words, field.bytes = field.words + spaces, field.bytes + #text
  if #field.sample < SAMPLE_BYTES then
    field.sample = field.sample .. " " .. text:sub(1, SAMPLE_BYTES)
  end
  if not field.distinct[text] and field.distinct_count <= DISTINCT_MAX then
    field.distinct[text], field.distinct_count = true, field.distinct_count + 1
  end
end

local function merge_kinds(old, new)
  if old == nil or old == new then
    return new
  elseif old == "whole" and new == "real" or old == "real" and new == "whole" then
    return "real"
  end
  return old == "timestamp" and new == "string" and "string" or old == "string" and new == "timestamp" and "string"
    or "mixed"
end

--- Puts the fields in this order, that of the columns of a table. Others are in the order of their names.
function Guess:order(names)
  for place, name in ipairs(names) do
    self.places[name] = place
  end
end

--- Looks at a document.
function Guess:see(document)
  self.rows = self.rows + 1
  for name, value in pairs(document) do
    local field = self.fields[name]
    if not field then
      field = { name = name, seen = 0, words = 0, bytes = 0, sample = "", distinct = {}, distinct_count = 0 }
      self.fields[name], self.names[#self.names + 1] = field, name
    end
    if value ~= core.null and not (self.is_text_only and value == "") then
      local kind, element, size = kind_of(value, self.is_text_only)
      field.seen, field.kind = field.seen + 1, merge_kinds(field.kind, kind)
      if kind == "array" then
        field.element = element and merge_kinds(field.element, element) or field.element
        field.size = field.size == nil and size or field.size == size and size or false
      end
      if type(value) == "string" then
        count_text(field, value)
      end
    end
  end
end

-- ---------------------------------------------------------------- the schema

local TYPES = { whole = "int64", real = "double", bool = "bool", timestamp = "timestamp" }

--- "text": what people read; "name": names and codes, many different ones; "choice": a few values that recur; nil:
-- other strings.
local function use_of(guess, field)
  if field.words == 0 then
    return nil
  elseif field.words / field.seen >= TEXT_WORDS_MIN then
    return "text"
  elseif field.distinct_count <= math.min(DISTINCT_MAX, guess.rows * DISTINCT_SHARE) then
    return TEXT_NAMES[field.name:lower()] and "name" or "choice"
  end
  return field.bytes / field.seen <= NAME_BYTES_MAX and "name" or nil
end

--- The text index of names: by their parts if words are joined in them.
local function name_index(field)
  for _, pattern in ipairs(JOINED_WORDS) do
    if field.sample:find(pattern) then
      return language_guess.text_index({ field.sample }, "code")
    end
  end
  return language_guess.text_index({ field.sample })
end

local function string_field(guess, field)
  local made, use = { name = field.name, type = "string", nullable = true }, use_of(guess, field)
  if use == "text" then
    made.index = language_guess.text_index({ field.sample }, nil, field.words / field.seen >= PROSE_WORDS_MIN)
  elseif use == "name" then
    made.index = name_index(field)
  elseif use == "choice" then
    made.index = "invert"
  end
  return made
end

--- Whether the values are strings. In files that know only text, a number may be one of them, as the name "2048".
function Guess:is_string(field)
  return field.kind == "string" or field.kind == "mixed" and self.is_text_only
end

local function is_vector(guess, field)
  local is_long = field.size and (field.size >= VECTOR_DIM_MIN or field.size > 1 and VECTOR_NAMES[field.name:lower()])
  return field.kind == "array" and is_long and field.seen == guess.rows
    and (field.element == "real" or field.element == "whole")
end

local function array_field(field)
  local element = field.element or "string"
  return { name = field.name, type = "array_" .. (TYPES[element] or "string"), nullable = true,
    index = element == "string" and "invert" or nil }
end

function Guess:field(field)
  if is_vector(self, field) then
    return { name = field.name, type = "vector_fp32", dim = field.size }
  elseif field.kind == "array" and field.element ~= "mixed" then
    return array_field(field)
  elseif TYPES[field.kind] then
    return { name = field.name, type = TYPES[field.kind], nullable = true }
  end
  return string_field(self, field)
end

--- The schema. A field that holds different kinds of values, or objects, is a string. `id`: the name of the member that
-- becomes the id; if it is a string it is a field, too, so that its words are found. Scalar fields may be NULL:
-- the rest of the file may lack them.
function Guess:schema(id)
  local schema = { fields = {}, vectors = {} }
  table.sort(self.names, function(a, b)
    local place_a, place_b = self.places[a] or math.huge, self.places[b] or math.huge
    if place_a == place_b then
      return a < b
    end
    return place_a < place_b
  end)
  for _, name in ipairs(self.names) do
    local field = self.fields[name]
    if name ~= "id" and (name ~= id or self:is_string(field)) then
      table.insert(is_vector(self, field) and schema.vectors or schema.fields, self:field(field))
    end
  end
  return moonvec.schema(schema)
end

--- The name of the member that is the id: `id` or `_id`, if all documents have it; else nil.
function Guess:id()
  for _, name in ipairs { "id", "_id", "ID", "Id" } do
    local field = self.fields[name]
    if field and field.seen == self.rows and (field.kind == "string" or field.kind == "whole") then
      return name
    end
  end
end

return M

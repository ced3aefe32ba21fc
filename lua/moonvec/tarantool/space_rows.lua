--- Spaces and their rows: fields, keys, indexes and sequences; which id and which document a row has.

local check = require "moonvec.check"
local core = require "moonvec.core"
local schema_fields = require "moonvec.schema_fields"

local M = {}

local Rows = {}
Rows.__index = Rows

-- Types of primary keys, and how the id, a string, becomes the key again.
local KEY_OF_ID = {
  string = function(id)
    return id
  end,
  unsigned = rawget(_G, "tonumber64"),
  integer = rawget(_G, "tonumber64"),
}

--- A value of a row as moonvec takes it: 64-bit integers, decimals and UUIDs as text.
local function plain(value)
  if type(value) == "cdata" then
    return (tostring(value):gsub("U?LL$", ""))
  end
  return value
end

--- Raises unless `space` is a space in memory with a primary key: in vinyl a write cannot use a sequence.
function M.check_space(call, space)
  if type(space) ~= "table" or type(space.index) ~= "table" then
    check.misuse("%s: expected a space, got a %s", call, type(space))
  elseif space.engine ~= "memtx" then
    check.misuse("%s: space '%s' has the engine %s, expected memtx", call, space.name, tostring(space.engine))
  elseif not space.index[0] then
    check.misuse("%s: space '%s' has no primary key", call, tostring(space.name))
  end
end

--- The number of the field `name` in the rows of `space`; nil if its format has no such field.
function M.find_field(space, name)
  for number, field in ipairs(space:format()) do
    if field.name == name then
      return number
    end
  end
end

--- The same; raises without such a field.
function M.field_number(call, space, name)
  local number = M.find_field(space, name)
  if not number then
    check.misuse("%s: the format of space '%s' has no field '%s'", call, space.name, core.quote(name))
  end
  return number
end

--- The unique tree index over only the field `number`, or nil.
function M.index_on(space, number)
  for _, index in pairs(space.index) do
    if index.type == "TREE" and index.unique and #index.parts == 1 and index.parts[1].fieldno == number then
      return index
    end
  end
end

-- Types of fields that can have the number of a change.
local NUMBERS = { integer = true, number = true, unsigned = true }

-- By the type of a key, the types of fields that can hold every key.
local HOLDS = {
  unsigned = { unsigned = true, integer = true, number = true, scalar = true, any = true },
  integer = { integer = true, number = true, scalar = true, any = true },
  string = { string = true, scalar = true, any = true },
}

--- The same for the field `name`; raises without such an index, or if it is not one of numbers.
function M.numbered_index(call, space, name)
  local index = M.index_on(space, M.field_number(call, space, name))
  if not index then
    check.misuse("%s: space '%s' has no unique index of type TREE on '%s' alone", call, space.name, core.quote(name))
  elseif not NUMBERS[index.parts[1].type] then
    check.misuse("%s: the field '%s' of space '%s' must be unsigned, integer or number, it is %s", call,
      core.quote(name), space.name, index.parts[1].type)
  end
  return index
end

--- The number of the boolean field `name`, or nil without a name.
function M.mark_number(call, space, name)
  local number = name and M.field_number(call, space, name)
  local kind = number and space:format()[number].type
  if kind and kind ~= "boolean" and kind ~= "any" then
    check.misuse("%s: the field '%s' of space '%s' must be boolean, it is %s", call, core.quote(name), space.name, kind)
  end
  return number
end

function M.check_sequence(call, sequence)
  if type(sequence) ~= "table" or type(sequence.next) ~= "function" or not sequence.id then
    check.misuse("%s: expected a sequence, got a %s", call, type(sequence))
  end
end

--- The last number that a sequence gave or was set to; 0 if there is none. sequence:current() raises then.
function M.sequence_value(sequence)
  local data = box.space._sequence_data:get(sequence.id)
  return data and tonumber(data[2]) or 0
end

--- The only part of the primary key.
function M.key_part(call, space)
  local parts = space.index[0].parts
  if #parts ~= 1 or not KEY_OF_ID[parts[1].type] then
    check.misuse("%s: the primary key of space '%s' must be one field of type string, unsigned or integer", call,
      space.name)
  end
  return parts[1]
end

--- Raises unless `log` can be the log of deletes of `space`: rows { number, id } with the number as the primary key.
function M.check_log(call, log, space)
  call = call .. ": 'deletes'"
  M.check_space(call, log)
  local parts, id, key = log.index[0].parts, log:format()[2], M.key_part(call, space)
  if #parts ~= 1 or parts[1].fieldno ~= 1 or not NUMBERS[parts[1].type] then
    check.misuse("%s: the primary key of space '%s' must be its first field alone, of type unsigned, integer or number",
      call, log.name)
  elseif id and id.type and not HOLDS[key.type][id.type] then
    check.misuse("%s: the second field of space '%s' must be %s, as the primary key of space '%s' is; it is %s", call,
      log.name, key.type, space.name, id.type)
  end
end

--- Where the values of the collection's fields are in a row: { name, number, nullable } each.
local function read_columns(space, schema)
  local columns = {}
  for _, field in ipairs(schema_fields.all(schema)) do
    local number = M.find_field(space, field.name)
    if number then
      columns[#columns + 1] = { name = field.name, number = number, nullable = field.nullable }
    elseif not (field.nullable or field.default ~= nil or field.embed) then
      check.misuse("follow: the format of space '%s' has no field '%s', which the collection wants", space.name,
        core.quote(field.name))
    end
  end
  return columns
end

--- A function that makes of a row a document with the fields of the collection that the space has, too.
local function document_by_names(space, schema)
  local columns = read_columns(space, schema)
  return function(row)
    local document = {}
    for _, column in ipairs(columns) do
      local value = row[column.number]
      if value ~= nil then -- box.NULL is equal to nil
        document[column.name] = plain(value)
      elseif column.nullable then
        document[column.name] = core.null
      end
    end
    return document
  end
end

--- `deleted`: the name of a field that is true in tombstones, or nil. `document`: a function of the user that makes of
-- a row a document, or nil; it may return nil for a row that is not to be found.
function M.new(space, collection, deleted, document)
  local part = M.key_part("follow", space)
  return setmetatable({
    space = space,
    key_number = part.fieldno,
    key_of_id = KEY_OF_ID[part.type],
    deleted_number = M.mark_number("follow", space, deleted),
    document_of = document or document_by_names(space, collection.schema),
  }, Rows)
end

--- The id of a row's document.
function Rows:id(row)
  return plain(row[self.key_number])
end

function Rows:is_tombstone(row)
  return self.deleted_number ~= nil and row[self.deleted_number] == true
end

--- The document of a row, or nil if the collection has none for it.
function Rows:document(row)
  if self:is_tombstone(row) then
    return nil
  end
  local document = self.document_of(row)
  if document == nil then
    return nil
  elseif type(document) ~= "table" then
    check.misuse("follow: 'document' must return a table or nil, got a %s", type(document))
  end
  document.id = self:id(row)
  return document
end

--- Whether the space has a row whose document has this id.
function Rows:exists(id)
  local key = self.key_of_id(id)
  return key ~= nil and self.space:get(key) ~= nil
end

return M

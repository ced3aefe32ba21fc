--- Prints results in the mode of a session: as a table, one field in each line (vertical), JSON, JSON lines, or CSV.

local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local display_text = require "moonvec.terminal.display_text"
local json = require "moonvec.json"
local text_table = require "moonvec.terminal.text_table"
local timestamp_text = require "moonvec.terminal.timestamp_text"

local M = {}

--- The modes, in the order of the help.
M.modes = { "table", "vertical", "json", "jsonl", "csv" }

-- Numbers of a vector that a person is shown.
local VECTOR_SHOWN = 8

-- Of a text that is cut to a number of columns, at most this many bytes are looked at for each of them.
local BYTES_PER_COLUMN = 8

-- ---------------------------------------------------------------- values as texts

local whole_type = math.type or function() end -- luacheck: ignore

local function number_text(number, digits)
  if whole_type(number) == "integer" then
    return ("%d"):format(number) -- of Lua 5.3 and later: a double has fewer digits
  end
  return (("%%.%dg"):format(digits)):format(number)
end

local DIGITS = { float = 7, vector_fp32 = 4, vector_fp16 = 4 }

--- A value of a field of this type, nil if it is of no field.
local function value_text(value, type_name)
  if value == nil or value == core.null then
    return "NULL"
  elseif type(value) == "number" and type_name == "timestamp" then
    return timestamp_text(value)
  elseif type(value) == "number" then
    return number_text(value, DIGITS[type_name] or 14)
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  if value[1] == nil then
    for key, member in pairs(value) do
      parts[#parts + 1] = tostring(key) .. ": " .. value_text(member)
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  local element, is_vector = tostring(type_name):gsub("^array_", ""), tostring(type_name):find "^vector_"
  for i, member in ipairs(value) do
    if is_vector and i > VECTOR_SHOWN then
      parts[i] = "... " .. #value .. " numbers"
      break
    end
    parts[i] = value_text(member, element)
  end
  return "[" .. table.concat(parts, ", ") .. "]"
end

local NUMERIC = {
  int32 = true, int64 = true, uint32 = true, uint64 = true, float = true, double = true, score = true,
}

--- A column: its name, and the type of its values.
local function column_of(name, type_name)
  return { name = name, type = type_name, is_right = NUMERIC[type_name] or false }
end

--- Columns of numbers and texts that are no fields: `names`, with "#" before those of numbers.
function M.columns(names)
  local columns = {}
  for name in names:gmatch "%S+" do
    local bare = name:gsub("^#", "")
    columns[#columns + 1] = column_of(bare, bare ~= name and "double" or "string")
  end
  return columns
end

--- The columns of documents: id, score, the fields in the order of the schema, what else they have in alphabetical
-- order. A field that none of them has is left out, and so are the distance, which says the same as the score, and the
-- parts of a fused score.
local function document_columns(documents, schema)
  local present, columns, others = {}, {}, {}
  for _, document in ipairs(documents) do
    for name in pairs(document) do
      present[name] = true
    end
  end
  local function add(name, type_name)
    if present[name] then
      columns[#columns + 1], present[name] = column_of(name, type_name), nil
    end
  end
  add("id", "string")
  add("score", "score")
  for _, field in ipairs(schema.fields) do
    add(field.name, field.type)
  end
  for _, field in ipairs(schema.vectors) do
    add(field.name, field.type)
  end
  present.distance, present.parts = nil, nil
  for name in pairs(present) do
    others[#others + 1] = tostring(name)
  end
  table.sort(others)
  for _, name in ipairs(others) do
    add(name)
  end
  return columns
end

local function cell_text(value, column)
  if column.type == "score" and type(value) == "number" then
    return number_text(value, 5)
  end
  return value_text(value, column.type)
end

-- ---------------------------------------------------------------- modes

local modes = {}

function modes.table(session, records, columns)
  local rows, width = {}, session:width()
  local bytes_max = width and width * BYTES_PER_COLUMN or math.huge
  for i, record in ipairs(records) do
    rows[i] = {}
    for j, column in ipairs(columns) do
      local text = cell_text(record[column.name], column)
      rows[i][j] = display_text.visible(#text > bytes_max and text:sub(1, bytes_max) or text)
    end
  end
  if #rows > 0 then
    local lines, left_out = text_table.lines(columns, rows, width)
    session:print(table.concat(lines, "\n"))
    if left_out > 0 then
      session:print(("(%d more fields do not fit: .fields chooses, .mode vertical shows all)"):format(left_out))
    end
  end
end

function modes.vertical(session, records, columns)
  local widest = 0
  for _, column in ipairs(columns) do
    widest = math.max(widest, display_text.width(column.name))
  end
  local indent = "\n" .. (" "):rep(widest + 2)
  for i, record in ipairs(records) do
    session:print(("-- %d --"):format(i))
    for _, column in ipairs(columns) do
      if record[column.name] ~= nil then
        local text = display_text.visible_lines(cell_text(record[column.name], column)):gsub("\n", indent)
        session:print(display_text.pad(column.name, widest, true) .. "  " .. text)
      end
    end
  end
end

function modes.json(session, records, _, to_json)
  local texts = {}
  for i, record in ipairs(records) do
    texts[i] = json.encode(to_json(record))
  end
  session:print("[" .. table.concat(texts, ",\n ") .. "]")
end

function modes.jsonl(session, records, _, to_json)
  for _, record in ipairs(records) do
    session:print(json.encode(to_json(record)))
  end
end

--- A cell of CSV (RFC 4180): strings as they are, other values as in JSON, nothing for NULL.
local function csv_cell(value)
  if value == nil or value == json.null() then
    return ""
  end
  local text = type(value) == "string" and value or json.encode(value)
  return text:find '[,"\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

function modes.csv(session, records, columns, to_json)
  local cells = {}
  for i, column in ipairs(columns) do
    cells[i] = csv_cell(column.name)
  end
  session:print(table.concat(cells, ","))
  for _, record in ipairs(records) do
    local members = to_json(record)
    for i, column in ipairs(columns) do
      cells[i] = csv_cell(members[column.name])
    end
    session:print(table.concat(cells, ","))
  end
end

local function as_it_is(record)
  return record
end

--- Does the mode serve people, who are also told counts?
function M.is_for_people(mode)
  return mode == "table" or mode == "vertical"
end

--- Prints records, which are tables with values by the names of the columns.
function M.records(session, records, columns)
  modes[session.settings.mode](session, records, columns, as_it_is)
end

--- Prints documents, or hits.
function M.documents(session, documents)
  local schema = session.c.schema
  modes[session.settings.mode](session, documents, document_columns(documents, schema), function(document)
    return document_json.to_json(document, schema)
  end)
end

--- Prints a table of names and values, sorted by names. Tables in it are printed as "outer.inner".
function M.pairs(session, values)
  local records = {}
  local function add(prefix, members)
    for name, value in pairs(members) do
      if type(value) == "table" then
        add(prefix .. name .. ".", value)
      else
        records[#records + 1] = { name = prefix .. name, value = value }
      end
    end
  end
  if not M.is_for_people(session.settings.mode) then
    session:print(json.encode(values))
    return
  end
  add("", values)
  table.sort(records, function(a, b)
    return a.name < b.name
  end)
  modes.table(session, records, M.columns "name value")
end

return M

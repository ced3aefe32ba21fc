--- source.csv and source.tsv: tables as text (RFC 4180). A cell may stand in quotes, and then has line ends, delimiters
-- and doubled quotes in it. A quote inside a cell that does not begin with one stands for itself.

local byte_reader = require "moonvec.source.byte_reader"
local cell_values = require "moonvec.source.cell_values"
local check = require "moonvec.check"
local core = require "moonvec.core"

local M = {}

local MAX_BYTES = 16 * 1048576

local Source = {}
Source.__index = Source
byte_reader.extend(Source)

-- A cell that is empty and has no quotes.
local EMPTY = {}

local function unclosed(source, first_line, is_at_end)
  local where = is_at_end and "before the end" or
    ("within %.0f bytes (option 'max_bytes'), in line %.0f"):format(source.max_bytes, source.reader.lines)
  return ("a quote that is opened in line %.0f is not closed %s"):format(first_line, where)
end

--- Parses the cell in quotes whose opening quote is at `at`, and may read further lines. Returns its text, and the line
-- and the position behind it; nil, message: the row is wrong; nil, message, code: a failure.
local function read_quoted(source, line, at)
  local from = at + 1
  local closing = line:find('"', from, true)
  if closing and line:byte(closing + 1) ~= 34 then -- most cells
    return line:sub(from, closing - 1), line, closing + 1
  end
  local parts, size, first_line = {}, 0, source.reader.lines
  while true do
    local quote = line:find('"', from, true)
    if quote then
      parts[#parts + 1] = line:sub(from, quote - 1)
      if line:byte(quote + 1) ~= 34 then
        return table.concat(parts), line, quote + 1
      end
      parts[#parts + 1] = '"'
      from = quote + 2
    else
      parts[#parts + 1] = line:sub(from)
      size = size + #line
      local message, code
      line, message, code = source.reader:line(source.max_bytes, true)
      if message then
        return nil, message, code
      elseif not line or size > source.max_bytes then
        return nil, unclosed(source, first_line, line == nil)
      end
      from = 1
    end
  end
end

--- The end of a line: the position of its "\r\n" or "\n", or behind the last byte.
local function end_of(line)
  local last = line:byte(-1) == 10 and #line - 1 or #line
  return line:byte(last) == 13 and last or last + 1
end

--- Parses a row of which the first line is given, with its end. Returns a list of texts and EMPTY; nil, message: the
-- row is wrong; nil, message, code: a failure.
local function read_cells(source, line)
  local cells, count, at, delimiter = {}, 0, 1, source.delimiter
  local stop = end_of(line)
  while true do
    count = count + 1
    if line:byte(at) == 34 then
      local text, last_line, behind = read_quoted(source, line, at)
      if not text then
        return nil, last_line, behind -- message and code
      elseif last_line ~= line then
        line, stop = last_line, end_of(last_line)
      end
      cells[count], at = text, behind
      if at ~= stop and line:sub(at, at) ~= delimiter then
        return nil, ("cell %d has '%s' behind its closing quote"):format(count, core.quote(line:sub(at, at)))
      end
    else
      local next_delimiter = line:find(delimiter, at, true) or stop
      cells[count] = next_delimiter > at and line:sub(at, next_delimiter - 1) or EMPTY
      at = next_delimiter
    end
    if at >= stop then
      return cells, count
    end
    at = at + 1
  end
end

--- The delimiter that is most often in a header outside of quotes; the comma if there is none.
local function delimiter_of(header)
  local outside, best, most = header:gsub('"[^"]*"', ""), ",", 0
  for _, delimiter in ipairs { ",", ";", "\t", "|" } do
    local _, count = outside:gsub(delimiter, "")
    if count > most then
      best, most = delimiter, count
    end
  end
  return best
end

--- The cells of the next row, and their number. false, message: the row is wrong. nil: the end. nil, message, code.
local function next_row(source)
  local line, message, code = source:next_line(true, "[^\r\n]")
  if not line then
    return line, message, code
  end
  source.delimiter = source.delimiter or delimiter_of(line)
  local cells, count
  cells, count, code = read_cells(source, line)
  if cells or not code then
    return cells or false, count
  end
  return nil, count, code -- message and code
end

function Source:use_schema(schema)
  self.converters = cell_values.converters(schema, self.names)
  self.schema = schema
end

--- The next document: by the names of the header. Without names the cells are numbered.
function Source:read()
  local cells, count, code = next_row(self)
  if not cells then
    return cells, count, code -- false or nil, and the message
  end
  local names, converters, document = self.names, self.converters, {}
  if names and count ~= #names then
    return false, ("the row has %d cells, the header has %d"):format(count, #names)
  end
  for i = 1, count do
    local cell, name = cells[i], names and names[i] or i
    local convert = converters and converters[i]
    if convert then
      local value, message = convert(cell ~= EMPTY and cell or nil)
      if message then
        return false, ("field '%s': %s"):format(name, message)
      end
      document[name] = value
    else
      document[name] = cell ~= EMPTY and cell or ""
    end
  end
  return document
end

--- Reads the names of the columns from the first row, unless a position is sought. Returns true; nil, message, code.
local function read_header(source)
  local cells, count, code = next_row(source)
  if not cells then
    return nil, ("'%s' has no header: %s"):format(source.name, count or "it is empty"), code or "invalid"
  end
  local names, seen = {}, {}
  for i = 1, count do
    local name = cells[i]
    if name == EMPTY or name == "" then
      return nil, ("'%s': column %d has no name in the header"):format(source.name, i), "invalid"
    elseif seen[name] then
      return nil, ("'%s': two columns have the name '%s'"):format(source.name, core.quote(name)), "invalid"
    end
    names[i], seen[name] = name, true
  end
  source.names = names
  return true
end

local function check_header(call, header)
  if header == nil or type(header) == "boolean" then
    return header ~= false
  elseif type(header) ~= "table" then
    check.misuse("%s: 'header' must be true, false or an array of names, got a %s", call, type(header))
  end
  for i, name in ipairs(header) do
    check.field(call, ("header[%d]"):format(i), name)
  end
  return header
end

local function open(call, delimiter, path, options)
  local header, given, max_bytes = core.options(call, options, "header", "delimiter", "max_bytes")
  header = check_header(call, header)
  max_bytes = check.whole(call, "max_bytes", max_bytes, MAX_BYTES, 1, 2 ^ 31)
  local is_auto = given == "auto"
  if given ~= nil and not is_auto and (type(given) ~= "string" or not given:find '^[^"\r\n]$') then
    check.misuse("%s: 'delimiter' must be one byte other than a quote or a line end, or \"auto\", got %s", call,
      type(given) == "string" and "'" .. core.quote(given) .. "'" or "a " .. type(given))
  elseif is_auto and header ~= true then
    check.misuse("%s: the delimiter \"auto\" needs a header in the file", call)
  end
  local reader, message, code = byte_reader.open(call, path, true)
  if not reader then
    return nil, message, code
  end
  local source = setmetatable({
    reader = reader, name = reader.name, unit = "line", row = 0, max_bytes = max_bytes,
    delimiter = not is_auto and (given or delimiter) or nil, names = type(header) == "table" and header or nil,
  }, Source)
  if header == true then
    local done
    done, message, code = read_header(source)
    if not done then
      source:close()
      return nil, message, code
    end
  end
  return source
end

--- Opens a source of comma-separated values. The options are described in types.lua.
function M.csv(path, options)
  return open("source.csv", ",", path, options)
end

--- The same, with tabs.
function M.tsv(path, options)
  return open("source.tsv", "\t", path, options)
end

return M

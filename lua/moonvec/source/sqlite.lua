--- source.sqlite: the rows of a query to an SQLite database, by LuaSQL. The database is opened so that nothing of it is
-- changed.

local cell_values = require "moonvec.source.cell_values"
local check = require "moonvec.check"
local core = require "moonvec.core"

local Source = {}
Source.__index = Source

-- ---------------------------------------------------------------- arguments

local function to_hex(byte)
  return ("%02X"):format(byte:byte())
end

--- A value as SQL. A text with a zero byte is given by its bytes, because SQL ends there.
local function literal(value, position)
  local kind = type(value)
  if value == nil or value == core.null then
    return "NULL"
  elseif kind == "boolean" then
    return value and "1" or "0"
  elseif kind == "number" and value == value and value ~= math.huge and value ~= -math.huge then
    return value % 1 == 0 and math.abs(value) < 2 ^ 63 and ("%.0f"):format(value) or ("%.17g"):format(value)
  elseif kind == "string" and value:find "%z" then
    return "CAST(X'" .. value:gsub(".", to_hex) .. "' AS TEXT)"
  elseif kind == "string" then
    return "'" .. value:gsub("'", "''") .. "'"
  end
  check.misuse("source.sqlite: argument %d is %s, expected a string, a finite number, a boolean or nil", position,
    kind == "number" and "not finite" or "a " .. kind)
end

-- What may hold a "?" that is no parameter: strings, names in quotes and comments. Each begins with a pattern, and ends
-- behind another one.
local QUOTED = {
  { "^'", "'" }, { '^"', '"' }, { "^`", "`" }, { "^%[", "]" }, { "^%-%-", "\n" }, { "^/%*", "*/" },
}

--- The end of what is quoted at `at`, or nil. A doubled quote begins the next part, which is quoted again.
local function end_of_quoted(query, at)
  for _, kind in ipairs(QUOTED) do
    local _, opened = query:find(kind[1], at)
    if opened then
      local _, closed = query:find(kind[2], opened + 1, true)
      return closed or #query
    end
  end
  return nil
end

--- The query with the arguments in place of its "?": LuaSQL has no parameters.
local function with_args(query, args)
  local parts, at, count = {}, 1, 0
  while at <= #query do
    local stop = query:find("[?'\"`%[%-/]", at) or #query + 1
    parts[#parts + 1] = query:sub(at, stop - 1)
    local closed = end_of_quoted(query, stop)
    if closed then
      parts[#parts + 1] = query:sub(stop, closed)
    elseif query:byte(stop) == 63 then
      count = count + 1
      parts[#parts + 1] = literal(args[count], count)
    else
      parts[#parts + 1] = query:sub(stop, stop)
    end
    at = (closed or stop) + 1
  end
  local given = args.n or #args
  if given > count or args.n and given < count then -- without `n`, the last ones may be nil
    check.misuse("source.sqlite: the query has %d parameters (?), %d arguments are given", count, given)
  end
  return table.concat(parts)
end

-- ---------------------------------------------------------------- opening

--- What SQLite said.
local function reason(message)
  return (tostring(message):gsub("^LuaSQL: ", ""))
end

--- True if this SQLite reads file names as URIs, of which one can say that nothing is changed (mode=ro).
local function has_uris(environment)
  local memory = environment:connect ":memory:"
  local cursor = memory and memory:execute "PRAGMA compile_options"
  local found = false
  local row = cursor and cursor:fetch({}, "n")
  while row do
    found = found or row[1] == "USE_URI"
    row = cursor:fetch({}, "n")
  end
  if memory then
    memory:close()
  end
  return found
end

local function to_percent(byte)
  return ("%%%02X"):format(byte:byte())
end

local function connect(environment, path)
  local name = path
  if has_uris(environment) then
    name = "file:" .. path:gsub("[^%w/._-]", to_percent) .. "?mode=ro"
  end
  local connection, message = environment:connect(name)
  if not connection then
    return nil, ("cannot open '%s': %s"):format(path, reason(message)), "io"
  end
  local done
  done, message = connection:execute "PRAGMA query_only = ON"
  if not done then
    connection:close()
    return nil, ("cannot read '%s': %s"):format(path, reason(message)), "io"
  elseif type(done) == "userdata" then
    done:close()
  end
  return connection
end

--- Does the file begin as an SQLite database does? SQLite would create one that is not there.
local function check_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, "cannot open " .. message, "not_found"
  end
  local head = file:read(16) or ""
  file:close()
  if head ~= "SQLite format 3\0" then
    return nil, ("'%s' is no SQLite database"):format(path), "invalid"
  end
  return true
end

-- ---------------------------------------------------------------- the source

function Source:use_schema(schema)
  self.converters = cell_values.typed_converters(schema, self.names)
end

--- The next document: by the names of the columns.
function Source:read()
  local cells, message = self.cursor:fetch({}, "n")
  if not cells then
    if message then
      return nil, ("cannot read '%s': %s"):format(self.name, reason(message)), "io"
    end
    return nil
  end
  self.row = self.row + 1
  local document, converters = {}, self.converters
  for i, name in ipairs(self.names) do
    local value = cells[i]
    if converters[i] then
      value, message = converters[i](value)
      if message then
        return false, ("field '%s': %s"):format(name, message)
      end
    end
    document[name] = value
  end
  return document
end

function Source:progress()
  return self.row
end

function Source:close()
  if self.connection then
    self.cursor:close()
    self.connection:close()
    self.connection = nil
  end
end

--- Opens a source of the rows of `query`. `args`: values for the "?" in it.
return function(path, query, args)
  if type(path) ~= "string" or path == "" or path:find "%z" then
    check.misuse("source.sqlite: expected the path of a database, got a %s", type(path))
  elseif type(query) ~= "string" or query:find "%z" then
    check.misuse("source.sqlite: expected a query as the second argument, got a %s", type(query))
  elseif args ~= nil and type(args) ~= "table" then
    check.misuse("source.sqlite: the arguments must be a table, got a %s", type(args))
  end
  local luasql = check.library("source.sqlite", "luasql.sqlite3", "LuaSQL", "lua-sql-sqlite3", "luasql-sqlite3")
  query = with_args(query, args or {})
  local found, message, code = check_file(path)
  if not found then
    return nil, message, code
  end
  local connection
  connection, message, code = connect(luasql.sqlite3(), path)
  if not connection then
    return nil, message, code
  end
  local cursor
  cursor, message = connection:execute(query)
  if type(cursor) ~= "userdata" then
    connection:close()
    return nil, ("'%s': %s"):format(path, cursor and "the query returns no rows" or reason(message)), "invalid"
  end
  return setmetatable({
    connection = connection, cursor = cursor, names = cursor:getcolnames(), converters = {}, name = path, unit = "row",
    row = 0,
  }, Source)
end

-- Random schemas, rows and filters, each in two forms: for moonvec and for SQLite. They come from a random
-- number generator in this file, so that a seed gives the same on every Lua version.
--
-- A value is a table { lua =, text =, sql = }: the value for an insert or an argument, its text in a filter,
-- and its text in SQL. For values other than strings and booleans, the SQL text is also the JSON text, because
-- arrays are JSON texts in SQLite.

local M = {}

-- ---------------------------------------------------------------- chance

local Random = {}
Random.__index = Random

--- A random number generator (Park and Miller, exact in doubles). The seed is a whole number above 0.
function M.new(seed)
  local random = setmetatable({ state = seed * 7919 % 2147483646 + 1 }, Random)
  for _ = 1, 10 do
    random:below(2)
  end
  return random
end

--- A whole number from 0 to n - 1.
function Random:below(n)
  self.state = self.state * 48271 % 2147483647
  return math.floor(self.state / 2147483647 * n)
end

function Random:chance(percent)
  return self:below(100) < percent
end

function Random:pick(list)
  return list[self:below(#list) + 1]
end

--- A keyword in one of its spellings.
function Random:keyword(word)
  if self:chance(60) then
    return word
  end
  return (word:gsub("%a", function(letter)
    return self:chance(50) and letter:lower() or letter
  end))
end

-- ---------------------------------------------------------------- values

local function quote(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

local function string_value(text)
  return { lua = text, text = quote(text), sql = quote(text) }
end

--- The number with this text. Beyond 2^53, moonvec gets it as a decimal string.
local function number_value(text, sql)
  local exact = text:find("[.e]") or #text < 16
  return { lua = exact and tonumber(text) or text, text = text, sql = sql or text }
end

local function number_values(...)
  local values = {}
  for i, text in ipairs({ ... }) do
    values[i] = number_value(text)
  end
  return values
end

-- SQLite has no uint64, so only the C test tests values of 2^63 and above. moonvec rounds a float when it is
-- written, so SQLite gets the rounded value.
local NUMBERS = {
  int32 = number_values("-2147483648", "2147483647", "0", "1", "2", "3", "-1", "-7", "1965", "2000"),
  uint32 = number_values("0", "1", "2", "3", "4", "5", "4294967295", "2147483648", "1965"),
  int64 = number_values("-9223372036854775808", "9223372036854775807", "9007199254740993", "9007199254740992", "0",
    "1", "-1", "2", "3"),
  uint64 = number_values("9223372036854775807", "9007199254740993", "9007199254740992", "0", "1", "2", "3", "4"),
  double = number_values("0", "-0.0", "0.1", "0.3333333333333333", "-1e300", "1e300", "1e-300", "2.5", "7", "1e2"),
  float = number_values("0", "-0.0", "1.5", "-2.25", "16777216", "7", "1e3", "-3"),
}
NUMBERS.float[#NUMBERS.float + 1] = number_value("0.1", "0.100000001490116119384765625")

--- A time as RFC 3339 text, in microseconds for SQLite.
local function time_value(text, micros)
  return { lua = text, text = quote(text), sql = micros, json = micros }
end

local TIMES = {
  time_value("1970-01-01", "0"),
  time_value("1970-01-01t00:00:00.000001z", "1"),
  time_value("1969-12-31 23:59:59.999999Z", "-1"),
  time_value("0001-01-01", "-62135596800000000"),
  time_value("9999-12-31T23:59:59.999999Z", "253402300799999999"),
  time_value("2016-12-31T23:59:60Z", "1483228800000000"),
  number_value("-9223372036854775808"),
  number_value("9223372036854775807"),
}

local DAYS_OF_2024 = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- Some time of 2024: a date, a number, or a time with an offset from UTC.
local function random_time(random)
  if random:chance(10) then
    return random:pick(TIMES)
  end
  local month, day_of_year = 1 + random:below(12), 0
  for before = 1, month - 1 do
    day_of_year = day_of_year + DAYS_OF_2024[before]
  end
  local day = 1 + random:below(DAYS_OF_2024[month])
  local midnight = 1704067200 + (day_of_year + day - 1) * 86400
  local date = ("2024-%02d-%02d"):format(month, day)
  if random:chance(40) then
    return time_value(date, ("%d000000"):format(midnight))
  end
  local hour, minute, second = random:below(24), random:below(60), random:below(60)
  local fraction, offset = random:below(4) * 250, random:below(27) - 13 -- milliseconds, hours
  local seconds = midnight + hour * 3600 + minute * 60 + second - offset * 3600
  local micros = ("%d%03d000"):format(seconds, fraction)
  if random:chance(30) then
    return number_value(micros)
  end
  local zone = offset == 0 and "Z" or ("%s%02d:00"):format(offset < 0 and "-" or "+", math.abs(offset))
  return time_value(("%sT%02d:%02d:%02d.%03d%s"):format(date, hour, minute, second, fraction, zone), micros)
end

local BOOLS = {
  { lua = true, text = "true", sql = "1", json = "true" },
  { lua = false, text = "false", sql = "0", json = "false" },
}

-- Includes characters of one to four bytes.
local PIECES =
  { "a", "b", "A", "ab", "abababab", "%", "_", "\\", "'", '"', "!", " ", "\195\169", "\230\151\165",
    "\240\159\152\128" }
local PATTERN_PIECES = { "%", "%", "_", "_", "a", "b", "ab", "\195\169", "\\", "'", "A" }

local function random_text(random, pieces, most)
  local parts = {}
  for i = 1, random:below(most + 1) do
    parts[i] = random:pick(pieces)
  end
  return table.concat(parts)
end

local function random_value(random, element)
  if element == "string" then
    return string_value(random_text(random, PIECES, 4))
  elseif element == "bool" then
    return random:pick(BOOLS)
  elseif element == "timestamp" then
    return random_time(random)
  elseif random:chance(40) then -- many values, so that few rows have the same
    local number = random:below(2000)
    return number_value((element == "float" or element == "double") and ("%.2f"):format(number / 4)
      or ("%d"):format(number))
  end
  return random:pick(NUMBERS[element])
end

local function random_values(random, element, most)
  local values = {}
  for i = 1, random:below(most + 1) do
    values[i] = random_value(random, element)
  end
  return values
end

-- ---------------------------------------------------------------- schemas and rows

local ELEMENTS =
  { "string", "string", "string", "bool", "int32", "int64", "uint32", "uint64", "float", "double", "timestamp" }

--- A schema of 2 to 7 fields: `fields`, each { name, type, element, is_array, nullable }.
function M.schema(random)
  local schema = { fields = {} }
  for i = 1, 2 + random:below(6) do
    local element, is_array = random:pick(ELEMENTS), random:chance(35)
    schema.fields[i] = {
      name = "f" .. i .. "_" .. element,
      type = (is_array and "array_" or "") .. element,
      element = element,
      is_array = is_array,
      nullable = random:chance(70),
    }
  end
  return schema
end

--- The schema as moonvec.open takes it. `percent` of the fields have an index.
function M.moonvec_schema(schema, random, percent)
  local fields = {}
  for i, field in ipairs(schema.fields) do
    field.index = random:chance(percent) and "invert" or nil
    fields[i] = { name = field.name, type = field.type, nullable = field.nullable, index = field.index }
  end
  local vector = { name = "embedding", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" }
  return { fields = fields, vectors = { vector } }
end

local SQL_TYPES = { string = "TEXT", float = "REAL", double = "REAL" }

function M.create_table(schema)
  local columns = { "id TEXT PRIMARY KEY" }
  for _, field in ipairs(schema.fields) do
    columns[#columns + 1] = field.name .. " " .. (field.is_array and "TEXT" or SQL_TYPES[field.element] or "INTEGER")
  end
  return "CREATE TABLE t (" .. table.concat(columns, ", ") .. ")"
end

local function json_of(value)
  if not value.json and type(value.lua) == "string" and value.text:sub(1, 1) == "'" then
    return '"' .. value.lua:gsub('[\\"]', "\\%0") .. '"'
  end
  return value.json or value.sql
end

local function list_of(values)
  local lua, json = {}, {}
  for i, value in ipairs(values) do
    lua[i], json[i] = value.lua, json_of(value)
  end
  return { lua = lua, sql = quote("[" .. table.concat(json, ",") .. "]") }
end

--- A row: `doc` for moonvec, `sql` to insert it.
function M.row(random, schema, id)
  local doc, columns = { id = id, embedding = { random:below(100) } }, { quote(id) }
  for i, field in ipairs(schema.fields) do
    columns[i + 1] = "NULL"
    if not (field.nullable and random:chance(25)) then
      local value = field.is_array and list_of(random_values(random, field.element, 4))
        or random_value(random, field.element)
      doc[field.name], columns[i + 1] = value.lua, value.sql
    end
  end
  return { doc = doc, sql = "INSERT OR REPLACE INTO t VALUES (" .. table.concat(columns, ", ") .. ")" }
end

-- ---------------------------------------------------------------- filters

local Filter = {}
Filter.__index = Filter

--- The value as text: literally, or as "?" with an argument.
function Filter:operand(value)
  if self.random:chance(30) then
    self.args[#self.args + 1] = value.lua
    return "?", value.sql
  end
  return value.text, value.sql
end

function Filter:scalar(field)
  if self.random:chance(3) then
    return self:operand_null()
  end
  return self:operand(random_value(self.random, field.element))
end

function Filter:operand_null()
  self.args[#self.args + 1] = self.null
  return "?", "NULL"
end

--- "(1, ?, 3)" or "?", and a list of the SQL texts of the values.
function Filter:list(element, most)
  local values, texts, sqls = random_values(self.random, element, most), {}, {}
  if self.random:chance(30) then
    for i, value in ipairs(values) do
      sqls[i] = value.sql
    end
    self.args[#self.args + 1] = list_of(values).lua
    return "?", sqls
  end
  for i, value in ipairs(values) do
    texts[i], sqls[i] = self:operand(value)
  end
  return "(" .. table.concat(texts, ", ") .. ")", sqls
end

local OPERATORS = { "=", "!=", "<>", "<", "<=", ">", ">=" }

local tests = {}

--- The name of the field, and for a string perhaps COLLATE NOCASE: as SQL, the same.
function Filter:collated(field)
  if field.element ~= "string" or self.random:chance(60) then
    return field.name
  end
  return ("%s %s %s"):format(field.name, self.random:keyword("COLLATE"), self.random:keyword("NOCASE"))
end

function tests.comparison(self, field)
  local operator = self.random:pick(OPERATORS)
  local name = self:collated(field)
  local text, sql = self:scalar(field)
  if field.element == "string" and self.random:chance(10) then
    return field.name .. operator .. text .. " COLLATE NOCASE", field.name .. operator .. sql .. " COLLATE NOCASE"
  end
  return name .. " " .. operator .. text, name .. " " .. operator .. sql
end

function tests.null(self, field)
  local negation = self.random:chance(50) and " NOT" or ""
  return ("%s %s%s %s"):format(field.name, self.random:keyword("IS"), negation, self.random:keyword("NULL")),
    field.name .. " IS" .. negation .. " NULL"
end

function tests.between(self, field)
  local negation = self.random:chance(30) and " NOT" or ""
  local low, low_sql = self:scalar(field)
  local high, high_sql = self:scalar(field)
  local between, conjunction = self.random:keyword("BETWEEN"), self.random:keyword("AND")
  local name = self:collated(field)
  return ("%s%s %s %s %s %s"):format(name, negation, between, low, conjunction, high),
    ("%s%s BETWEEN %s AND %s"):format(name, negation, low_sql, high_sql)
end

function tests.one_of(self, field)
  local negation = self.random:chance(40) and " NOT" or ""
  local list, sqls = self:list(field.element, self.random:pick({ 4, 4, 4, 40, 200 }))
  local name = self:collated(field)
  return ("%s%s %s %s"):format(name, negation, self.random:keyword("IN"), list),
    ("%s%s IN (%s)"):format(name, negation, table.concat(sqls, ", "))
end

--- A pattern: any mixture, or a piece of text to match at the start, at the end or anywhere.
function Filter:pattern(escape)
  local random = self.random
  if random:chance(40) then
    local text = random_text(random, { "a", "b", "ab", "\195\169", " " }, 2)
    return random:pick({ "", "%", "%" }) .. text .. random:pick({ "", "%", "%" })
  elseif not escape or random:chance(30) then
    return random_text(random, PATTERN_PIECES, 5)
  end
  return random_text(random, { "%", "_", "a", "b", escape, escape .. "%", escape .. "_", escape .. escape }, 4)
end

-- `keyword` LIKE or ILIKE, `sql_form` what it is in SQLite: a format of the name, " NOT" or "", and the pattern.
local function pattern_test(self, field, keyword, sql_form, escapes)
  local random = self.random
  local negation = random:chance(30) and " NOT" or ""
  local escape = random:chance(40) and random:pick(escapes)
  local text, sql = self:operand(string_value(self:pattern(escape)))
  text = ("%s%s %s %s"):format(field.name, negation, random:keyword(keyword), text)
  sql = sql_form:format(field.name, negation, sql)
  if escape then
    text = text .. " " .. random:keyword("ESCAPE") .. " " .. quote(escape)
    sql = sql .. " ESCAPE " .. quote(escape)
  end
  return text, sql
end

function tests.like(self, field)
  return pattern_test(self, field, "LIKE", "%s%s LIKE %s", { "\\", "!", "\195\169", "a", "'" })
end

--- SQLite's own LIKE is case-sensitive here. Its lower() knows ASCII only, and so does the case of PIECES.
function tests.ilike(self, field)
  return pattern_test(self, field, "ILIKE", "lower(%s)%s LIKE lower(%s)", { "\\", "!", "\195\169", "'" })
end

function tests.starts_with(self, field)
  local negation = self.random:chance(30) and " NOT" or ""
  local name = self:collated(field)
  local text, sql = self:scalar(field)
  return ("%s%s %s %s %s"):format(name, negation, self.random:keyword("STARTS"), self.random:keyword("WITH"), text),
    ("%s (substr(%s, 1, length(%s)) = %s%s)"):format(negation, field.name, sql, sql, name:sub(#field.name + 1))
end

function tests.contain(self, field)
  local negation, any = self.random:chance(40) and " NOT" or "", self.random:chance(50)
  local list, sqls = self:list(field.element, self.random:chance(10) and 20 or 3)
  local parts = { any and "0" or "1" }
  for _, sql in ipairs(sqls) do
    parts[#parts + 1] = ("EXISTS (SELECT 1 FROM json_each(%s) WHERE value = %s)"):format(field.name, sql)
  end
  local condition = table.concat(parts, any and " OR " or " AND ")
  local sql = ("CASE WHEN %s IS NULL THEN NULL ELSE (%s) END"):format(field.name, condition)
  local keyword = self.random:keyword(any and "CONTAIN_ANY" or "CONTAIN_ALL")
  return ("%s%s %s %s"):format(field.name, negation, keyword, list), negation .. " (" .. sql .. ")"
end

function tests.length(self, field)
  local operator = self.random:pick(OPERATORS)
  local text, sql = self:operand(number_value(tostring(self.random:below(6) - 1)))
  return ("%s(%s) %s %s"):format(self.random:keyword("array_length"), field.name, operator, text),
    ("json_array_length(%s) %s %s"):format(field.name, operator, sql)
end

local ARRAY_TESTS = { "contain", "contain", "contain", "length", "null" }
local STRING_TESTS = { "comparison", "comparison", "like", "like", "ilike", "starts_with", "one_of", "between",
  "null" }
local NUMBER_TESTS = { "comparison", "comparison", "comparison", "one_of", "between", "null" }
local ID = { name = "id", element = "string" }

function Filter:test()
  if self.random:chance(2) then
    local truth = self.random:pick(BOOLS)
    return self.random:keyword(truth.text), truth.sql
  end
  local field = self.random:chance(5) and ID or self.random:pick(self.schema.fields)
  local kinds = field.is_array and ARRAY_TESTS or field.element == "string" and STRING_TESTS or NUMBER_TESTS
  return tests[self.random:pick(kinds)](self, field)
end

--- A test, a NOT, or a chain of AND and OR without parentheses, which tests precedence, too.
function Filter:tree(depth)
  local kind = self.random:below(depth > 0 and 10 or 3)
  if kind < 3 then
    return self:test()
  elseif kind < 5 then
    local text, sql = self:tree(depth - 1)
    return self.random:keyword("NOT") .. "(" .. text .. ")", "NOT (" .. sql .. ")"
  elseif kind < 6 then
    local text, sql = self:test()
    return self.random:keyword("NOT") .. " " .. text, "NOT " .. sql
  elseif kind < 7 then
    local text, sql = self:tree(depth - 1)
    return "(" .. text .. ")", "(" .. sql .. ")"
  end
  local text, sql = self:tree(depth - 1)
  for _ = 1, 1 + self.random:below(3) do
    local word = self.random:chance(50) and "AND" or "OR"
    local more_text, more_sql = self:tree(depth - 1)
    text = text .. " " .. self.random:keyword(word) .. "\n  " .. more_text
    sql = sql .. " " .. word .. " " .. more_sql
  end
  return text, sql
end

--- A filter: `text` and `args` for moonvec, `sql` for a WHERE. `null` is moonvec.null.
function M.filter(random, schema, null)
  local filter = setmetatable({ random = random, schema = schema, args = {}, null = null }, Filter)
  local text, sql = filter:tree(random:below(4))
  return { text = text, args = filter.args, sql = sql }
end

-- ---------------------------------------------------------------- for messages

local function show(value)
  if type(value) == "table" then
    local parts = {}
    for i, item in ipairs(value) do
      parts[i] = show(item)
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
  elseif type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) == "userdata" then
    return "moonvec.null"
  end
  return tostring(value)
end
M.show = show

--- The schema in one line.
function M.describe(schema)
  local parts = {}
  for i, field in ipairs(schema.fields) do
    parts[i] = field.name .. ": " .. field.type .. (field.nullable and " nullable" or "")
      .. (field.index and " indexed" or "")
  end
  return table.concat(parts, ", ")
end

return M

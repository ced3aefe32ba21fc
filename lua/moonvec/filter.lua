--- Filters built as data: `f.all(f.ge("year", 1900), f.contain_any("tags", { "scifi" }))`.
--
-- A built filter is a text with `?` for each value, and the list of values. Values are never written into the text.

local check = require "moonvec.check"
local core = require "moonvec.core"

local M = {}

local misuse = check.misuse
local metatable = core.filter_metatable

function metatable.__tostring(filter)
  return "moonvec.filter: " .. filter.text
end

local function build(text, args)
  return setmetatable({ text = text, args = args }, metatable)
end

local function check_name(call, name)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    misuse("filter.%s: '%s' is not a field name", call, core.quote(tostring(name)))
  end
  return name
end

local function check_value(call, name, value)
  if value == nil then
    misuse("filter.%s: the value for '%s' is nil", call, core.quote(name))
  end
  return value
end

local function check_list(call, name, list)
  if type(list) ~= "table" then
    misuse("filter.%s: expected a list of values for '%s', got a %s", call, core.quote(name), type(list))
  end
  return list
end

--- The name as it begins a test: with `collation` "nocase", a test that ignores case.
local function collate(call, name, collation)
  check_name(call, name)
  if collation == nil then
    return name
  elseif collation ~= "nocase" then
    misuse("filter.%s: the collation for '%s' must be \"nocase\", got %s", call, name, tostring(collation))
  end
  return name .. " COLLATE NOCASE"
end

--- The tests `name operator value`.
local comparisons = { eq = "=", ne = "!=", lt = "<", le = "<=", gt = ">", ge = ">=" }
for call, operator in pairs(comparisons) do
  M[call] = function(name, value, collation)
    local collated = collate(call, name, collation)
    return build(collated .. " " .. operator .. " ?", { check_value(call, name, value) })
  end
end

function M.between(name, low, high, collation)
  local collated = collate("between", name, collation)
  check_value("between", name, low)
  return build(collated .. " BETWEEN ? AND ?", { low, check_value("between", name, high) })
end

function M.starts_with(name, prefix, collation)
  local collated = collate("starts_with", name, collation)
  if type(prefix) ~= "string" then
    misuse("filter.starts_with: the prefix for '%s' must be a string, got a %s", name, type(prefix))
  end
  return build(collated .. " STARTS WITH ?", { prefix })
end

--- `what` is what a person typed (all words, "phrases", no -excluded ones), or a query built by moonvec.text. The field
-- needs a text index.
function M.match(name, what)
  local checked = check_name("match", name)
  if type(what) ~= "string" and getmetatable(what) ~= core.match_metatable then
    misuse("filter.match: the text for '%s' must be a string or built by moonvec.text, got a %s", name, type(what))
  end
  return build(checked .. " MATCH ?", { what })
end

function M.is_null(name)
  return build(check_name("is_null", name) .. " IS NULL", {})
end

function M.not_null(name)
  return build(check_name("not_null", name) .. " IS NOT NULL", {})
end

--- `%` matches any run of bytes. `_` matches one UTF-8 character, or one byte where the text is not valid UTF-8.
-- After the character `escape`, `%` and `_` match only themselves.
-- `ilike` ignores case.
local pattern_tests = { like = "LIKE", ilike = "ILIKE" }
for call, keyword in pairs(pattern_tests) do
  M[call] = function(name, pattern, escape)
    check_name(call, name)
    if type(pattern) ~= "string" then
      misuse("filter.%s: the pattern for '%s' must be a string, got a %s", call, core.quote(name), type(pattern))
    elseif escape == nil then
      return build(("%s %s ?"):format(name, keyword), { pattern })
    elseif type(escape) ~= "string" or not escape:find("^[%p%w]$") then
      misuse("filter.%s: the escape for '%s' must be one letter, digit or punctuation character", call,
        core.quote(name))
    end
    return build(("%s %s ? ESCAPE '%s'"):format(name, keyword, escape == "'" and "''" or escape), { pattern })
  end
end

function M.one_of(name, list, collation)
  local collated = collate("one_of", name, collation)
  return build(collated .. " IN ?", { check_list("one_of", name, list) })
end

local list_tests = { contain_any = "CONTAIN_ANY", contain_all = "CONTAIN_ALL" }
for call, keyword in pairs(list_tests) do
  M[call] = function(name, list)
    check_name(call, name)
    return build(name .. " " .. keyword .. " ?", { check_list(call, name, list) })
  end
end

local operators = {
  ["="] = true,
  ["!="] = true,
  ["<>"] = true,
  ["<"] = true,
  ["<="] = true,
  [">"] = true,
  [">="] = true,
}

function M.array_length(name, operator, length)
  check_name("array_length", name)
  if not operators[operator] then
    misuse("filter.array_length: '%s' is not a comparison", core.quote(tostring(operator)))
  elseif type(length) ~= "number" then
    misuse("filter.array_length: the length for '%s' must be a whole number, got a %s", core.quote(name), type(length))
  elseif length % 1 ~= 0 then
    misuse("filter.array_length: the length for '%s' must be a whole number, got %s", core.quote(name),
      tostring(length))
  end
  return build(("array_length(%s) %s ?"):format(name, operator), { length })
end

--- The filters in `...`, or in the array that is the only argument.
local function operands_of(call, ...)
  local first = ...
  local operands = { ... }
  if select("#", ...) == 1 and type(first) == "table" and getmetatable(first) ~= metatable then
    operands = first
  end
  for i = 1, #operands do
    if getmetatable(operands[i]) ~= metatable then
      misuse("filter.%s: argument %d is a %s, expected a filter", call, i, type(operands[i]))
    end
  end
  return operands
end

local function join(operands, keyword, when_empty)
  local texts, args = {}, {}
  for i, operand in ipairs(operands) do
    texts[i] = "(" .. operand.text .. ")"
    for _, value in ipairs(operand.args) do
      args[#args + 1] = value
    end
  end
  if #operands == 0 then
    return build(when_empty, {})
  end
  return build(table.concat(texts, keyword), args)
end

--- True if all filters are true; without filters, true.
function M.all(...)
  return join(operands_of("all", ...), " AND ", "true")
end

--- True if at least one filter is true; without filters, false.
function M.any(...)
  return join(operands_of("any", ...), " OR ", "false")
end

--- True if `filter` is false. A test of NULL stays unknown.
function M.no(filter)
  operands_of("no", filter)
  if getmetatable(filter) ~= metatable then
    misuse("filter.no: expected a filter, got a %s", type(filter))
  end
  return build("NOT (" .. filter.text .. ")", filter.args)
end

return setmetatable(M, {
  __index = function(module, key)
    return core.raise_if_synonym("moonvec.filter", module, key)
  end,
})

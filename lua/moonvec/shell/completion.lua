--- What Tab completes in the shell: commands and their arguments, fields, words of filters, values and ids that are in
-- the collection, and names of Lua.

local core = require "moonvec.core"
local dot_commands = require "moonvec.shell.dot_commands"
local lua_line = require "moonvec.shell.lua_line"
local schema_fields = require "moonvec.schema_fields"

local M = {}

-- Values and ids that are offered at most.
local VALUES_MAX = 50
-- Values of an array field that are looked through for those that begin as the text does.
local ELEMENTS_MAX = 1000

local KEYWORDS = {
  "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN", "STARTS", "WITH", "MATCH", "CONTAIN_ANY",
  "CONTAIN_ALL", "COLLATE", "NOCASE", "ESCAPE", "array_length", "true", "false",
}

--- Those of the words that begin with `prefix`, sorted.
local function beginning_with(words, prefix)
  local found = {}
  for _, word in ipairs(words) do
    if word:sub(1, #prefix) == prefix then
      found[#found + 1] = word
    end
  end
  table.sort(found)
  return found
end

local function names_of(schema)
  local names = schema_fields.names(schema)
  names[#names + 1] = "id"
  return names
end

-- ---------------------------------------------------------------- values

local function ids(collection, prefix)
  local options = { topk = VALUES_MAX, output_fields = {} }
  if prefix ~= "" then
    options.filter, options.args = "id STARTS WITH ?", { prefix }
  end
  local found = {}
  for i, hit in ipairs(collection:query(options) or {}) do
    found[i] = hit.id
  end
  return found
end

--- The strings of a field that begin with `prefix`, the most frequent of them.
local function values(collection, field, prefix)
  if field.name == "id" then
    return ids(collection, prefix)
  elseif field.type ~= "string" and field.type ~= "array_string" then
    return {}
  end
  local is_array = field.type == "array_string"
  local options = { topk = is_array and ELEMENTS_MAX or VALUES_MAX }
  if not is_array and prefix ~= "" then
    options.filter, options.args = field.name .. " STARTS WITH ?", { prefix }
  end
  local found = {}
  for _, facet in ipairs(collection:facet(field.name, options) or {}) do
    if #found < VALUES_MAX and facet.value:sub(1, #prefix) == prefix then
      found[#found + 1] = facet.value
    end
  end
  return found
end

--- The position behind a quote that is open at the end of the text, or nil. Two quotes in a string are one of its
-- characters.
local function open_quote(text)
  local at, open = 1, nil
  while true do
    local quote, last = text:find(open and "'+" or "'", at)
    if not quote then
      return open
    elseif not open then
      open = quote + 1
    elseif (last - quote) % 2 == 0 then
      open = nil
    end
    at = last + 1
  end
end

-- ---------------------------------------------------------------- kinds of lines

--- Completes a filter. Values are only completed in quotes: the field is the last one before them.
local function in_filter(session, text, from)
  local schema = session.c.schema
  local value_at = open_quote(text)
  if not value_at then
    local words = names_of(schema)
    for _, keyword in ipairs(KEYWORDS) do
      words[#words + 1] = keyword
    end
    return beginning_with(words, text:sub(from)), " "
  end
  local field
  for name in text:sub(1, value_at - 2):gsub("'[^']*'", " "):gmatch "[%a_][%w_]*" do
    field = name == "id" and { name = "id", type = "string" } or schema_fields.find(schema, name) or field
  end
  local prefix, found = text:sub(value_at), {}
  for _, value in ipairs(field and values(session.c, field, (prefix:gsub("''", "'"))) or {}) do
    if not value:find "[%c]" then
      found[#found + 1] = value:gsub("'", "''"):sub(from - value_at + 1)
    end
  end
  return beginning_with(found, text:sub(from)), "'"
end

--- The table, or the methods, that the names of a path such as "moonvec.rerank." lead to.
local function follow(env, path)
  local value = env
  for name in path:gmatch "[%a_][%w_]*" do
    if type(value) ~= "table" then
      return nil
    end
    value = rawget(value, name) or value == env and _G[name] or nil
  end
  if type(value) == "userdata" and getmetatable(value) == false then
    return core.methods
  end
  return type(value) == "table" and value or nil
end

local function in_lua(session, text, from)
  local path, prefix = text:sub(from):match "^(.-)([%a_]?[%w_]*)$"
  local members, names = follow(session.env, path), {}
  for _, source in ipairs { members or {}, path == "" and _G or {} } do
    for name, member in pairs(source) do
      if type(name) == "string" and name:find "^[%a_][%w_]*$" then
        names[#names + 1] = path .. name .. (type(member) == "function" and "(" or "")
      end
    end
  end
  return beginning_with(names, path .. prefix), ""
end

local function in_command(session, text, from)
  local name, argument_at = text:match "^%.(%S+)%s+()"
  if not name then
    local names = {}
    for i, command in ipairs(dot_commands.list) do
      names[i] = "." .. command[1]
    end
    return beginning_with(names, text:sub(from)), " "
  end
  local command = dot_commands.find(name)
  local completes = command and command.completes
  if type(completes) == "table" then
    return beginning_with(completes, text:sub(from)), " "
  elseif completes == "id" then
    local typed, found = text:sub(argument_at), {}
    for i, id in ipairs(ids(session.c, typed)) do
      found[i] = id:sub(from - argument_at + 1)
    end
    return beginning_with(found, text:sub(from)), " "
  elseif completes == "field" then
    local listed, prefix = text:sub(from):match "^(.-)([^,]*)$"
    local found = beginning_with(names_of(session.c.schema), prefix)
    for i, field in ipairs(found) do
      found[i] = listed .. field
    end
    return found, ""
  elseif completes == "filter" then
    return in_filter(session, text, from)
  end
  return {}, ""
end

--- The completions of the word that begins at `from` and ends with the text, and the character to put behind the only
-- one. Where a word begins is readline's: behind a space, a quote or an operator.
function M.complete(session, text, from)
  if text:find "^%s*%." then
    local spaces = text:match "^%s*"
    return in_command(session, text:sub(#spaces + 1), from - #spaces)
  elseif session.pending or lua_line.is_lua(text) or text:find "^%s*=" then
    return in_lua(session, text, from)
  end
  local words, last = in_filter(session, text, from)
  if text:find "^%s*[%a_][%w_]*$" then -- the first word may become a name of Lua
    for _, name in ipairs { "c:", "moonvec." } do
      if name:sub(1, #text) == text then
        words[#words + 1], last = name, #words == 0 and "" or last
      end
    end
  end
  return words, last
end

return M

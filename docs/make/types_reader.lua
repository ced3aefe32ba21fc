-- Reads lua/moonvec/types.lua: the LuaCATS annotations of the Lua API, as tables.
--
-- An entry is a class, an alias or a function:
--   { kind = "class", name = "moonvec.hit", parent =, about =, fields = { { name =, optional =, type =, about = } } }
--   { kind = "alias", name =, type =, about =, values = { { value =, about = } } }
--   { kind = "function", owner =, separator = ":", name =, arguments = "(ids)", params = {...}, returns = "TYPE NAME" }
--   { kind = "note", head = }: a comment that stands for itself
-- `owner` is the class that a function belongs to. `head` are the lines of the comment in front of an entry.

local M = {}

-- Splits "TYPE words" behind the type, which may have spaces in parentheses, brackets, braces and quotes, behind a
-- comma or colon, and around "|".
local function split_type(text)
  local depth, position, quoted = 0, 1, false
  while position <= #text do
    local char = text:sub(position, position)
    if char == '"' then
      quoted = not quoted
    elseif char:find "[%(%[{<]" then
      depth = depth + 1
    elseif char:find "[%)%]}>]" then
      depth = depth - 1
    elseif char == " " and depth == 0 and not quoted and not text:sub(1, position - 1):find "[:,|]$" then
      break
    end
    position = position + 1
  end
  return text:sub(1, position - 1), text:sub(position + 1)
end

-- A line behind "---@field" or "---@param": "name? TYPE words".
local function read_member(text)
  local name, optional, rest = text:match "^(%b[])(%??) (.*)$"
  if not name then
    name, optional, rest = text:match "^([%w_.]+)(%??) (.*)$"
  end
  local type_name, about = split_type(rest)
  return { name = name, optional = optional == "?", type = type_name, about = about }
end

local readers = {}

function readers.class(state, text)
  local name, rest = text:match "^([%w_.]+)(.*)$"
  local parent, about = rest:match "^: ([%w_.]+) ?(.*)$"
  about = about or rest:match "^ ?(.*)$"
  state.entry = { kind = "class", name = name, parent = parent, about = about, fields = {}, head = state.comment }
  state.entries[#state.entries + 1] = state.entry
  state.comment = {}
end

function readers.alias(state, text)
  local name, rest = text:match "^([%w_.]+) ?(.*)$"
  local type_name, about = split_type(rest)
  state.entry = { kind = "alias", name = name, type = type_name, about = about, values = {}, head = state.comment }
  state.entries[#state.entries + 1] = state.entry
  state.comment = {}
end

function readers.field(state, text)
  table.insert(state.entry.fields, read_member(text))
end

function readers.param(state, text)
  table.insert(state.params, read_member(text))
end

readers["return"] = function(state, text)
  state.returns = text
end

local function read_function(state, owner, separator, name, arguments)
  state.entries[#state.entries + 1] = {
    kind = "function", owner = state.owners[owner], separator = separator, name = name, arguments = arguments,
    head = state.comment, params = state.params, returns = state.returns,
  }
end

local function forget(state)
  state.comment, state.params, state.returns = {}, {}, nil
end

-- A comment that belongs to no entry. The first one is the head of the file.
local function read_note(state)
  if not state.head then
    state.head = state.comment
  elseif #state.comment > 0 then
    state.entries[#state.entries + 1] = { kind = "note", name = "", head = state.comment }
  end
end

local function read_line(state, line)
  local tag, text = line:match "^%-%-%-@(%l+) ?(.*)$"
  local value, about = line:match '^%-%-%-| "([^"]*)" # (.*)$'
  local local_name = line:match "^local ([%w_]+) = {}"
  local owner, separator, name, arguments = line:match "^function ([%w_]+)([.:])([%w_]+)(%b()) end"
  if readers[tag] then
    readers[tag](state, text)
  elseif value then
    table.insert(state.entry.values, { value = value, about = about })
  elseif line:find "^%-%-%-" and not tag then
    table.insert(state.comment, (line:gsub("^%-%-%- ?", "")))
  elseif line == "--" or line:find "^%-%- " then
    table.insert(state.grammar, (line:gsub("^%-%- ?", "")))
  elseif local_name then
    state.owners[local_name] = state.entry.name
  elseif owner then
    read_function(state, owner, separator, name, arguments)
    forget(state)
  elseif line == "" then
    read_note(state)
    forget(state)
  end
end

--- The anchor of an entry on its page: "query_options" of moonvec.query_options, "collection-query" of
-- collection:query.
function M.anchor(entry)
  local name = entry.kind == "function" and entry.owner .. "-" .. entry.name or entry.name
  return (name:gsub("^moonvec%.", ""):gsub("%.", "-"))
end

--- Reads the file. Returns { head = lines, grammar = lines of the filter language, entries = array, anchors = set }.
function M.read(path)
  local state = { entries = {}, comment = {}, params = {}, grammar = {}, owners = {}, anchors = {} }
  for line in io.lines(path) do
    read_line(state, line)
  end
  state.anchors.grammar = true
  for _, entry in ipairs(state.entries) do -- that of a note is ""
    state.anchors[M.anchor(entry)] = true
  end
  return state
end

return M

-- Which functions the C sources define, and which functions of other files they use. It works on text: a definition
-- begins in the first column, and "{" follows its parameters, as clang-format writes it.

local M = {}

--- C text without comments, literals and preprocessor lines; line breaks stay.
function M.code_only(text)
  local function blank(s)
    return (s:gsub("[^\n]", " "))
  end
  text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
  return (text:gsub('\\[\\"\']', "  "):gsub('"[^"\n]*"', blank))
end

--- The file's name without directory and extension: a header and its source are one unit.
function M.unit_of(path)
  return path:match("([^/]+)%.[ch]$")
end

--- Functions defined in `text`: a list of { name =, is_static =, line =, lines = }.
function M.functions(text)
  local found, code = {}, "\n" .. M.code_only(text):gsub("\n#[^\n]*", function(s) return s:gsub("[^\n]", " ") end)
  local line, at = 0, 1
  for start, head, name, finish in code:gmatch("()\n([%a_][^\n;{}=#()]-[%s%*])([%a_][%w_]*)%b()%s*{()") do
    local _, breaks = code:sub(at, start):gsub("\n", "")
    line, at = line + breaks, start + 1
    local last = code:find("\n}", finish, true) or #code
    local _, lines = code:sub(start + 1, last):gsub("\n", "")
    found[#found + 1] = { name = name, is_static = head:find("static", 1, true) ~= nil, line = line, lines = lines + 1 }
  end
  return found
end

--- The names that `text` uses, as a set.
function M.names(text)
  local names = {}
  for name in M.code_only(text):gmatch("[%a_][%w_]*") do
    names[name] = true
  end
  return names
end

--- The constants in the braces of an enum, added to `add`.
local function enum_constants(body, add)
  body = body:sub(2, -2):gsub("%b()", "")
  for at, name in body:gmatch("()([%a_][%w_]*)[^,]*") do
    add(name, at)
  end
end

--- The names of the variables that a declaration without its final ";" makes: a and b of "static int a[2] = {0}, *b".
local function variables(declaration, add)
  local head = declaration:gsub("%b{}", ""):gsub("%b[]", ""):gsub("=[^,]*", function(s) return s:gsub("%b()", "") end)
  if head:find("(", 1, true) then -- a prototype, an assertion
    return
  end
  for part in head:gmatch("[^,]+") do
    add(part:gsub("=.*", ""):match("([%a_][%w_]*)%s*$"))
  end
end

--- What one declaration defines, "struct a { int b; }" or "static int a = 1": types, constants and variables.
local function declared_names(declaration, add)
  local tag, body = declaration:match("[%a_][%w_]*%s+([%a_][%w_]*)%s*(%b{})")
  if declaration:match("^typedef%s+%a+%s+([%a_][%w_]*)%s+%1%s*$") then -- a type whose text stands elsewhere
    return
  elseif declaration:match("^typedef%s") then
    local head = declaration:gsub("%b{}", "")
    add(head:match("%(%s*%*%s*([%a_][%w_]*)") or head:gsub("%b[]", ""):match("([%a_][%w_]*)%s*$"))
  end
  local kind = declaration:match("^typedef%s+(%a+)") or declaration:match("^static%s+const%s+(%a+)")
    or declaration:match("^%a+")
  if kind == "struct" or kind == "union" or kind == "enum" then
    if body and not declaration:match("=.*{") then
      add(tag)
    end
    local constants = kind == "enum" and declaration:match("%b{}")
    if constants then
      enum_constants(constants, add)
    end
  end
  if declaration:match("^static%s") then
    variables(declaration, add)
  end
end

--- Macros that `text` defines with a value and does not take back.
local function macros(text, add)
  local at = 1
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local name, value = line:match("^%s*#%s*define%s+([%a_][%w_]*)(.*)")
    if name and value:gsub("/%*.*", ""):find("%S") and not text:find("#undef " .. name .. "%f[^%w_]") then
      add(name, at)
    end
    at = at + #line + 1
  end
end

--- Every name that a file defines at file scope: macros, functions, types, constants of enums, static variables.
-- A map from names to line numbers.
function M.definitions(text)
  local found, from = {}, 1
  local code = M.code_only(text):gsub("\\\n", "\1") -- macros of several lines as one
  code = ("\n" .. code):gsub("\n[ ]*#[^\n]*", function(s) return s:gsub("[^\n\1]", " ") end):gsub("\1", "\n"):sub(2)
  local function add(name, at)
    if name and not found[name] then
      local _, breaks = text:sub(1, at or from):gsub("\n", "")
      found[name] = breaks + 1
    end
  end
  macros(text, add)
  while true do
    from = code:find("%S", from)
    local at = from and code:find("[;{]", from)
    if not at then
      return found
    end
    local head = code:sub(from, at - 1)
    local name = head:match("([%a_][%w_]*)%s*%b()%s*$")
    local _, close = code:find("^%b{}", at)
    if close and name then
      add(name)
      from = close + 1
    else
      at = close and code:find(";", close, true) or at
      declared_names(code:sub(from, at - 1), function(each) add(each) end)
      from = at + 1
    end
  end
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

--- Faults of names: an external function begins with the name of its file (or with mv_, in the public API).
function M.name_faults(sources)
  local faults = {}
  for _, path in ipairs(sorted_keys(sources)) do
    local unit = M.unit_of(path)
    for _, f in ipairs(M.functions(sources[path])) do
      local named = f.name == unit or f.name:sub(1, #unit + 1) == unit .. "_" or f.name:match("^mv_")
      if not f.is_static and not named then
        faults[#faults + 1] = ("%s:%d: %s() does not begin with the name of its file"):format(path, f.line, f.name)
      end
    end
  end
  return faults
end

--- Faults of names: no two files define the same, so that all can be included into one (engine/amalgamate.awk).
function M.shared_names(sources)
  local faults, homes = {}, {}
  for _, path in ipairs(sorted_keys(sources)) do
    local defined = M.definitions(sources[path])
    for _, name in ipairs(sorted_keys(defined)) do
      if homes[name] then
        faults[#faults + 1] = ("%s:%d: %s is defined in %s, too"):format(path, defined[name], name, homes[name])
      end
      homes[name] = homes[name] or path
    end
  end
  return faults
end

--- The graph of calls between files. `sources` maps the paths of .c files to their texts. Returns a table: path -> path
-- of a file whose functions it uses -> name of one of these functions. Passing a function as a value counts as a use.
function M.uses(sources)
  local homes, used = {}, {}
  for path, text in pairs(sources) do
    for _, f in ipairs(M.functions(text)) do
      if not f.is_static then
        homes[f.name] = path
      end
    end
  end
  for path, text in pairs(sources) do
    used[path] = {}
    for name in pairs(M.names(text)) do
      local home = homes[name]
      if home and home ~= path then
        used[path][home] = used[path][home] or name
      end
    end
  end
  return used
end

--- The cycles of a graph: Tarjan's strongly connected components of more than one node, each a sorted list.
function M.circles(used)
  local order, low, on_stack, stack, count, found = {}, {}, {}, {}, 0, {}
  local function visit(node)
    count = count + 1
    order[node], low[node] = count, count
    stack[#stack + 1], on_stack[node] = node, true
    for other in pairs(used[node] or {}) do
      if not order[other] then
        visit(other)
        low[node] = math.min(low[node], low[other])
      elseif on_stack[other] then
        low[node] = math.min(low[node], order[other])
      end
    end
    if low[node] == order[node] then
      local members = {}
      local member
      repeat
        member = table.remove(stack)
        on_stack[member] = nil
        members[#members + 1] = member
      until member == node
      table.sort(members)
      if #members > 1 then
        found[#found + 1] = members
      end
    end
  end
  for node in pairs(used) do
    if not order[node] then
      visit(node)
    end
  end
  return found
end

return M

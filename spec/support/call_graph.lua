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

--- Checks names: an external function begins with the name of its file (or with mv_, in the public API), and no two
-- files have a static function of the same name, so that all files can be included into one.
function M.name_faults(sources)
  local faults, paths, homes = {}, {}, {}
  for path in pairs(sources) do
    paths[#paths + 1] = path
  end
  table.sort(paths)
  for _, path in ipairs(paths) do
    local unit = M.unit_of(path)
    for _, f in ipairs(M.functions(sources[path])) do
      local named = f.name == unit or f.name:sub(1, #unit + 1) == unit .. "_" or f.name:match("^mv_")
      if not f.is_static and not named then
        faults[#faults + 1] = ("%s:%d: %s() does not begin with the name of its file"):format(path, f.line, f.name)
      elseif f.is_static and homes[f.name] and homes[f.name] ~= path then
        faults[#faults + 1] = ("%s:%d: static %s() stands in %s, too"):format(path, f.line, f.name, homes[f.name])
      end
      homes[f.name] = path
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

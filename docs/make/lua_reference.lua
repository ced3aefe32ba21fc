-- The reference of the Lua API as Markdown pages, made of lua/moonvec/types.lua. Headings have the anchors of
-- types_reader.

local types_reader = require "docs.make.types_reader"

local M = {}

-- The pages. `owners` are the classes whose functions a page has, each with what calls say for an object of that class.
local PAGES = {
  { file = "moonvec", title = "moonvec", owners = { ["moonvec"] = "moonvec", ["moonvec.vector"] = "vector" } },
  { file = "collection", title = "Collections",
    owners = { ["moonvec.collection"] = "collection", ["moonvec.job"] = "job" } },
  { file = "filter", title = "moonvec.filter", owners = { ["moonvec.filters"] = "moonvec.filter" } },
  { file = "text", title = "moonvec.text", owners = { ["moonvec.texts"] = "moonvec.text" } },
  { file = "fuse", title = "moonvec.fuse", owners = { ["moonvec.fusers"] = "moonvec.fuse" } },
  { file = "rerank", title = "moonvec.rerank", owners = { ["moonvec.rerankers"] = "moonvec.rerank" } },
  { file = "embed", title = "moonvec.embed",
    owners = { ["moonvec.embedders"] = "moonvec.embed", ["moonvec.learnt_model"] = "model" } },
  { file = "source", title = "moonvec.source", owners = { ["moonvec.sources"] = "moonvec.source" } },
  { file = "mcp", title = "moonvec.mcp", owners = { ["moonvec.mcp"] = "mcp" } },
  { file = "resty", title = "resty.moonvec", owners = { ["resty.moonvec"] = "resty.moonvec",
    ["resty.moonvec.cache"] = "cache", ["resty.moonvec.apisix"] = "apisix" } },
  { file = "tarantool", title = "moonvec.tarantool", owners = { ["moonvec.tarantool"] = "tarantool",
    ["moonvec.tarantool_numbers"] = "numbers", ["moonvec.tarantool_follower"] = "follower" } },
}

local NAME = "[%w_.]*moonvec[%w_.]*" -- the name of a class or alias in a type

-- Calls visit(name) for each class and alias that a type names.
local function each_name(type_text, visit)
  for name in (type_text or ""):gmatch(NAME) do
    visit(name)
  end
end

local function each_field_name(entry, visit)
  for _, field in ipairs(entry and entry.fields or {}) do
    each_name(field.type, visit)
  end
end

local Placing = {} -- of entries on pages: page_of and by_name
Placing.__index = Placing

--- Puts a class or alias on a page, and what it names, unless they are on one.
function Placing:put(name, file)
  local entry = self.by_name[name]
  if entry and not self.page_of[name] then
    self.page_of[name] = file
    local function put_too(other)
      self:put(other, file)
    end
    each_name(entry.type, put_too)
    each_field_name(entry, put_too)
  end
end

--- Puts what functions return on their page, but not what that names.
function Placing:put_results(functions)
  for _, entry in ipairs(functions) do
    each_name(entry.returns, function(name)
      self.page_of[name] = self.page_of[name] or self.by_name[name] and self.page_of[entry.owner]
    end)
  end
end

--- Puts what functions take, and what their results name, on their page.
function Placing:put_arguments(functions)
  for _, entry in ipairs(functions) do
    local function put(name)
      self:put(name, self.page_of[entry.owner])
    end
    for _, param in ipairs(entry.params) do
      each_name(param.type, put)
    end
    each_name(entry.returns, function(name)
      each_field_name(self.by_name[name], put)
    end)
  end
end

-- Each class and alias goes to the page whose functions return it, else to the first page whose functions take it, else
-- to that of collections. Returns a table from names to pages.
local function place_entries(reference)
  local placing, functions = setmetatable({ by_name = {}, page_of = {} }, Placing), {}
  for _, page in ipairs(PAGES) do
    for owner in pairs(page.owners) do
      placing.page_of[owner] = page.file
    end
  end
  for _, entry in ipairs(reference.entries) do
    if entry.kind == "function" then
      functions[#functions + 1] = entry
    elseif entry.kind ~= "note" then
      placing.by_name[entry.name] = entry
    end
  end
  placing:put("moonvec.code", "moonvec") -- all return it
  placing:put_results(functions)
  placing:put_arguments(functions)
  for name in pairs(placing.by_name) do
    placing:put(name, "collection")
  end
  return placing.page_of
end

local function escape_html(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- A link to a class or alias.
local function link_to(writer, name)
  local file = writer.page_of[name]
  if not file or name == "moonvec" then
    return nil
  end
  return ("%s.html#%s"):format(file, types_reader.anchor { name = name })
end

-- A type as HTML, in which the names of classes are links. In a cell of a table "|" must be escaped.
local function type_html(writer, type_text)
  local html = escape_html(type_text):gsub(NAME, function(name)
    local target = link_to(writer, name)
    return target and ('<a href="%s">%s</a>'):format(target, name)
  end)
  return "<code>" .. html:gsub("|", "&#124;<wbr>") .. "</code>"
end

-- A description as Markdown: what would be formatting is escaped, but for code.
local function prose(writer, text)
  local parts = {}
  for plain, code in (text .. "``"):gmatch "([^`]*)(`[^`]*`)" do
    plain = plain:gsub("[%*<>_|]", "\\%0"):gsub("[%w\\_.]*moonvec[%w\\_.]*%w", function(name)
      local target = link_to(writer, (name:gsub("\\", "")))
      return target and ("[%s](%s)"):format(name, target)
    end)
    parts[#parts + 1] = plain .. (code ~= "``" and code:gsub("|", "\\|") or "")
  end
  return table.concat(parts)
end

local function put(writer, ...)
  writer[#writer + 1] = table.concat { ... }
end

-- The lines of a comment. Those that are indented by `code_indent` are code.
local function put_comment(writer, lines, code_indent, language)
  code_indent = "^" .. (code_indent or "    ")
  local was_code = false
  for _, line in ipairs(lines) do
    local is_code = line:find(code_indent) ~= nil
    if is_code ~= was_code then
      put(writer, is_code and "\n```" .. (language or "lua") or "```\n")
      was_code = is_code
    end
    put(writer, is_code and line:gsub(code_indent, "") or line == "" and "" or prose(writer, line))
  end
  put(writer, was_code and "```\n" or "\n")
end

local function put_members(writer, title, members)
  if #members == 0 then
    return
  end
  put(writer, "\n| ", title, " | type | |\n|---|---|---|")
  for _, member in ipairs(members) do
    put(writer, "| `", member.name, member.optional and "?" or "", "` | ", type_html(writer, member.type), " | ",
      prose(writer, member.about), " |")
  end
  put(writer, "")
end

local put_entry = {}

put_entry["function"] = function(writer, page, entry)
  local call = page.owners[entry.owner] .. entry.separator .. entry.name .. entry.arguments
  put(writer, "\n## ", call:gsub("[_*]", "\\%0"), " {#", types_reader.anchor(entry), "}\n")
  put_comment(writer, entry.head)
  put_members(writer, "argument", entry.params)
  if entry.returns then
    put(writer, "\nReturns ", type_html(writer, entry.returns), "\n")
  end
end

function put_entry.class(writer, _, entry)
  put(writer, "\n## ", entry.name:gsub("_", "\\_"), " {#", types_reader.anchor(entry), "}\n")
  put_comment(writer, entry.head)
  put(writer, prose(writer, entry.about), "\n")
  if entry.parent then
    put(writer, "\nHas all that ", type_html(writer, entry.parent), " has, and:\n")
  end
  put_members(writer, "field", entry.fields)
end

function put_entry.alias(writer, _, entry)
  put(writer, "\n## ", entry.name:gsub("_", "\\_"), " {#", types_reader.anchor(entry), "}\n")
  put_comment(writer, entry.head)
  if entry.type ~= "" then
    put(writer, type_html(writer, entry.type), entry.about ~= "" and ": " or "", prose(writer, entry.about), "\n")
  end
  for _, value in ipairs(entry.values) do
    put(writer, '- `"', value.value, '"`: ', prose(writer, value.about))
  end
end

function put_entry.note(writer, _, entry)
  put_comment(writer, entry.head)
end

-- The entries of a page: those from its first owner on, as in the file, and then those in front of it.
local function entries_of(reference, page_of, page)
  local current, early, entries = nil, {}, {}
  for _, entry in ipairs(reference.entries) do
    current = page_of[entry.owner or entry.name] or current -- a note stays with the entry in front of it
    if current == page.file then
      local is_early = #entries == 0 and not page.owners[entry.owner or entry.name]
      table.insert(is_early and early or entries, entry)
    end
  end
  for _, entry in ipairs(early) do
    entries[#entries + 1] = entry
  end
  return entries
end

--- Returns the pages { file =, title =, markdown = }, and a table from anchors to files.
function M.pages(path)
  local reference = types_reader.read(path)
  local page_of, pages, file_of_anchor = place_entries(reference), {}, { grammar = "filter" }
  for i, page in ipairs(PAGES) do
    local writer = { page_of = page_of }
    put(writer, "# ", page.title, "\n")
    if page.file == "moonvec" then
      put_comment(writer, reference.head)
    end
    for _, entry in ipairs(entries_of(reference, page_of, page)) do
      put_entry[entry.kind](writer, page, entry)
      file_of_anchor[types_reader.anchor(entry)] = page.file
    end
    if page.file == "filter" then
      put(writer, "\n## The language of filters {#grammar}\n")
      put_comment(writer, reference.grammar, "  ", "text")
    end
    pages[i] = { file = page.file, title = page.title, markdown = table.concat(writer, "\n") .. "\n" }
  end
  return pages, file_of_anchor
end

return M

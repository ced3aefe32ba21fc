-- What the documentation's Markdown contains: fenced blocks of code, headings with their anchors, and links. It knows
-- as much of Markdown as these pages use: fences of three backticks, "#" headings, inline links and HTML comments.
--
-- Two comments concern the block of code that follows. "<!-- not run: WHY -->" says that specs must not run it, and
-- "<!-- setup: CODE -->" is Lua that specs run in front of it, such as for files that a page takes for granted.

local M = {}

--- Reads a whole file. Of a folder the result is nil.
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- The paths of the Markdown files of the project, sorted.
function M.files()
  local pipe = assert(io.popen "find . -name '*.md' -not -path './build*' -not -path './.*/*' | sort")
  local paths = {}
  for path in pipe:lines() do
    paths[#paths + 1] = path:gsub("^%./", "")
  end
  pipe:close()
  return paths
end

local function count_lines(text)
  return select(2, text:gsub("\n", ""))
end

-- Splits a text into fences and what is between them: calls on_fence(language, code, line) and on_prose(text, line).
local function walk(text, on_fence, on_prose)
  local position, line = 1, 1
  while true do
    local first, last, indent, language, code = text:find("%f[^\n%z]([ ]*)```([^\n`]*)\n(.-)%f[^\n]%1```", position)
    local prose = text:sub(position, (first or #text + 1) - 1)
    on_prose(prose, line)
    if not first then
      return
    end
    line = line + count_lines(prose)
    on_fence(language, (("\n" .. code):gsub("\n" .. indent, "\n"):sub(2)), line)
    line = line + count_lines(text:sub(first, last))
    position = last + 1
  end
end

--- The fenced blocks, in order: { language =, code =, line =, setup =, not_run = }. `line` is that of the fence.
-- `setup` and `not_run` are the texts of the comments that precede the block.
function M.blocks(text)
  local found, setup, not_run = {}, nil, nil
  walk("\n" .. text, function(language, code, line)
    found[#found + 1] = { language = language, code = code, line = line - 1, setup = setup, not_run = not_run }
    setup, not_run = nil, nil
  end, function(prose)
    setup = prose:match "<!%-%- setup:(.-)%-%->"
    not_run = prose:match "<!%-%- not run: (.-) %-%->"
  end)
  return found
end

--- The text without fenced blocks and comments.
function M.prose(text)
  local parts = {}
  walk("\n" .. text, function() end, function(prose)
    parts[#parts + 1] = prose
  end)
  return (table.concat(parts):gsub("<!%-%-.-%-%->", ""))
end

-- The text of a heading without its formatting.
local function plain(heading)
  return (heading:gsub("!?%[([^%]]*)%]%([^)]*%)", "%1"):gsub("[`*]", ""))
end

-- The anchor that GitHub and pandoc give a heading.
local function anchor_of(heading)
  return (heading:lower():gsub("[^%w%s_\128-\255-]", ""):gsub("%s", "-"))
end

--- The headings, in order: { level =, text =, anchor = }.
function M.headings(text)
  local found, seen = {}, {}
  for marks, heading in M.prose(text):gmatch "\n(#+) ([^\n]+)" do
    local anchor = anchor_of(plain(heading))
    local times = seen[anchor]
    seen[anchor] = (times or 0) + 1
    found[#found + 1] = { level = #marks, text = plain(heading), anchor = times and anchor .. "-" .. times or anchor }
  end
  return found
end

--- The links and pictures, in order: { text =, path =, anchor = }. Of a link within the page `path` is "". Links to
-- other sites are left out.
function M.links(text)
  local found = {}
  local prose = M.prose(text):gsub("(`+)[^`]-%1", "")
  for label, target in prose:gmatch "%[([^%[%]]*)%]%(([^()%s]+)%)" do
    if not target:find "^%a+:" then
      local path, anchor = target:match "^([^#]*)#?(.*)$"
      found[#found + 1] = { text = label, path = path, anchor = anchor ~= "" and anchor or nil }
    end
  end
  return found
end

--- The path that `target` means in a file of the folder of `page`: of "docs/guide/a.md" and "../b.md", "docs/b.md".
function M.resolve(page, target)
  if target == "" then
    return page
  end
  local parts = {}
  for part in ((page:match "^(.*/)[^/]*$" or "") .. target):gmatch "[^/]+" do
    if part == ".." and #parts > 0 then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

return M

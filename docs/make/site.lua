-- Makes the web site of the documentation: lua5.4 docs/make/site.lua FOLDER.
--
-- docs/README.md is its start page and its table of contents: pages have the order of the links there. Markdown
-- becomes HTML by pandoc, and is put into page.html. A link to types.lua or moonvec.h leads to the reference that is
-- made of it, one to another file or folder of the project to a page that shows it. The site is files alone: it works
-- from a disk, without a server.

local c_reference = require "docs.make.c_reference"
local html_pages = require "docs.make.html_pages"
local lua_reference = require "docs.make.lua_reference"
local markdown = require "docs.make.markdown"

local CONTENTS = "docs/README.md"
local TYPES, HEADER = "lua/moonvec/types.lua", "engine/moonvec.h"

local folder = assert(arg[1], "site.lua wants the folder to write")

local reference_pages, file_of_anchor = lua_reference.pages(TYPES)

local function is_picture(path)
  return path:find "%.svg$" or path:find "%.png$"
end

-- Where a file of the project is in the site.
local function site_path(path)
  if path == CONTENTS then
    return "index.html"
  elseif path == TYPES then
    return "reference/moonvec.html"
  elseif path == HEADER then
    return "reference/c.html"
  elseif path:find "%.md$" then
    return (path:gsub("^docs/", ""):gsub("%.md$", ".html"))
  end
  return is_picture(path) and path:gsub("^docs/", "") or path .. ".html"
end

-- The target of a link in the page `source`, as a path in the site.
local function target_of(source, link)
  local path, anchor = link:match "^([^#]*)(#?.*)$"
  path = markdown.resolve(source, path)
  local file = path == TYPES and file_of_anchor[anchor:sub(2)]
  return (file and "reference/" .. file .. ".html" or site_path(path)) .. anchor, path
end

-- The pages of the Lua reference, which stand in place of a link to types.lua with this title.
local function pages_of_reference(title)
  local pages = {}
  for i, page in ipairs(reference_pages) do
    pages[i] = {
      title = i == 1 and title .. ": " .. page.title or page.title, source = TYPES, is_made = true,
      path = "reference/" .. page.file .. ".html", markdown = page.markdown,
    }
  end
  return pages
end

-- The pages that a link of the table of contents stands for.
local function pages_of_link(title, source)
  if source == TYPES then
    return pages_of_reference(title)
  end
  local is_made = source == HEADER
  local text = is_made and c_reference.page(HEADER) or markdown.read(source)
  return { { title = title, source = source, path = site_path(source), markdown = text, is_made = is_made } }
end

-- The sections of the table of contents: { title =, pages = { { title =, source =, path =, markdown = } } }. `is_made`
-- is true of a page that is no file of the project.
local function read_contents()
  local sections = {}
  for _, part in ipairs(html_pages.split(markdown.read(CONTENTS), "\n## ")) do
    local section = { title = part:match "^[^\n]+", pages = {} }
    for title, link in part:gmatch "\n%- %[([^%]]+)%]%(([^)]+)%)" do
      for _, page in ipairs(pages_of_link(title, markdown.resolve(CONTENTS, link))) do
        section.pages[#section.pages + 1] = page
      end
    end
    sections[#sections + 1] = section
  end
  return sections
end

-- All pages in order, the start page first. Each knows its neighbours.
local function list_pages(sections)
  local pages = { { title = "moonvec", source = CONTENTS, path = "index.html", markdown = markdown.read(CONTENTS) } }
  for _, section in ipairs(sections) do
    for _, page in ipairs(section.pages) do
      pages[#pages + 1] = page
    end
  end
  for i, page in ipairs(pages) do
    page.before, page.after = pages[i - 1], pages[i + 1]
  end
  return pages
end

-- The links of a page, as paths in the site. Calls on_file(path) for each file of the project that it leads to.
local function rewrite_links(page, html, on_file)
  return (html:gsub('(%f[%w]%l+)="([^"]*)"', function(attribute, link)
    if attribute ~= "href" and attribute ~= "src" or link:find "^%a+:" or link:find "^#" or page.is_made then
      return nil
    end
    local target, path = target_of(page.source, link)
    on_file(path)
    return ('%s="%s"'):format(attribute, html_pages.relative(page.path, target))
  end))
end

-- The Markdown that lists the files of a folder.
local function listing(path)
  local pipe = assert(io.popen(("ls -p '%s'"):format(path)))
  local lines = {}
  for name in pipe:lines() do
    lines[#lines + 1] = ("- `%s`"):format(name)
  end
  pipe:close()
  return table.concat(lines, "\n")
end

-- A page that shows a file or a folder which is not in the table of contents.
local function page_of(path)
  local page = { title = path, source = path, path = site_path(path) }
  local text = markdown.read(path)
  if path:find "%.md$" then
    page.markdown = text
  else
    local language = ({ lua = "lua", c = "c", h = "c", sh = "bash" })[path:match "%.(%w+)$"] or "text"
    local shown = text and ("``````%s\n%s\n``````"):format(language, text) or listing(path)
    page.markdown = ("# %s\n\n%s\n"):format(path:gsub("_", "\\_"), shown)
  end
  return page
end

local sections = read_contents()
local site = html_pages.new(folder, sections)
local pages = list_pages(sections)
local seen = {}
for _, page in ipairs(pages) do
  seen[page.source] = true
end

-- Writes a page, and what it leads to.
local function write(page)
  site:write(page, rewrite_links(page, site:convert(page), function(path)
    if not seen[path] then
      seen[path] = true
      if is_picture(path) then
        site:put(site_path(path), markdown.read(path))
      else
        write(page_of(path))
      end
    end
  end))
end

for _, page in ipairs(pages) do
  write(page)
end
site:finish()

-- Makes the web site of the documentation: lua5.4 docs/make/site.lua FOLDER.
--
-- docs/README.md is its start page and its table of contents: pages have the order of the links there. Markdown becomes
-- HTML by pandoc, and is put into page.html. A link to types.lua or moonvec.h leads to the reference that is made of it, one to
-- another source file to a page that shows it. The site is files alone: it works from a disk, without a server.

local c_reference = require "docs.make.c_reference"
local html_pages = require "docs.make.html_pages"
local lua_reference = require "docs.make.lua_reference"
local markdown = require "docs.make.markdown"

local CONTENTS = "docs/README.md"
local TYPES, HEADER = "lua/moonvec/types.lua", "engine/moonvec.h"

local folder = assert(arg[1], "site.lua wants the folder to write")

local reference_pages, file_of_anchor = lua_reference.pages(TYPES)

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
  return path:find "%.svg$" and path:gsub("^docs/", "") or path .. ".html"
end

-- The target of a link in the page `source`, as a path in the site.
local function target_of(source, link)
  local path, anchor = link:match "^([^#]*)(#?.*)$"
  path = markdown.resolve(source, path)
  local file = path == TYPES and file_of_anchor[anchor:sub(2)]
  return (file and "reference/" .. file .. ".html" or site_path(path)) .. anchor, path
end

-- The sections of the table of contents: { title =, pages = { { title =, source =, path = } } }.
local function read_contents()
  local sections = {}
  for _, part in ipairs(html_pages.split(markdown.read(CONTENTS), "\n## ")) do
    local section = { title = part:match "^[^\n]+", pages = {} }
    for title, link in part:gmatch "\n%- %[([^%]]+)%]%(([^)]+)%)" do
      local source = markdown.resolve(CONTENTS, link)
      if source == TYPES then
        for _, page in ipairs(reference_pages) do
          section.pages[#section.pages + 1] = {
            title = page.file == "moonvec" and title .. ": moonvec" or page.title,
            source = source, path = "reference/" .. page.file .. ".html", markdown = page.markdown, is_made = true,
          }
        end
      else
        local page = { title = title, source = source, path = site_path(source) }
        page.is_made = source == HEADER
        page.markdown = page.is_made and c_reference.page(HEADER) or markdown.read(source)
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

-- A page that shows a source file.
local function source_page(path)
  local language = ({ lua = "lua", c = "c", h = "c", sh = "bash" })[path:match "%.(%w+)$"] or "text"
  return {
    title = path, source = path, path = site_path(path), is_made = true,
    markdown = ("# %s\n\n``````%s\n%s\n``````\n"):format(path:gsub("_", "\\_"), language, markdown.read(path)),
  }
end

local sections = read_contents()
local site = html_pages.new(folder, sections)
local pages = list_pages(sections)
local seen = {}
for _, page in ipairs(pages) do
  seen[page.source] = true
end

-- Writes a page, and the source files and pictures that it leads to.
local function write(page)
  site:write(page, rewrite_links(page, site:convert(page), function(path)
    if not seen[path] then
      seen[path] = true
      assert(not path:find "%.md$", page.source .. " leads to " .. path .. ", which is not in " .. CONTENTS)
      if path:find "%.svg$" then
        site:put(site_path(path), markdown.read(path))
      else
        write(source_page(path))
      end
    end
  end))
end

for _, page in ipairs(pages) do
  write(page)
end
site:finish()

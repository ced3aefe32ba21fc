-- The HTML side of the site: converts Markdown by pandoc, fills page.html, writes the index of the search, and at the
-- end sees that every link of every page leads somewhere.

local markdown = require "docs.make.markdown"

local M = {}
M.__index = M

local HOME = "docs/make/"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The parts of a text behind each `mark`; what is in front of the first one is left out.
function M.split(text, mark)
  local parts = {}
  local from = select(2, text:find(mark, 1, true))
  while from do
    local first, last = text:find(mark, from + 1, true)
    parts[#parts + 1] = text:sub(from + 1, (first or 0) - 1)
    from = last
  end
  return parts
end

--- The link from one path of the site to another.
function M.relative(from, to)
  return (from:gsub("[^/]+$", ""):gsub("[^/]+/", "../")) .. to
end

--- A site in this folder, which is emptied, with the sections of its table of contents.
function M.new(folder, sections)
  assert(os.execute("rm -rf " .. quote(folder)))
  local site = setmetatable({ folder = folder, sections = sections, template = markdown.read(HOME .. "page.html"),
    html_of = {}, search = {} }, M)
  for _, name in ipairs { "style.css", "search.js", "moonvec.svg" } do
    site:put(name, markdown.read(HOME .. name))
  end
  return site
end

--- Writes a file of the site.
function M:put(path, text)
  local full = self.folder .. "/" .. path
  assert(os.execute("mkdir -p " .. quote(full:match "^(.*)/")))
  local file = assert(io.open(full, "wb"))
  file:write(text)
  file:close()
end

--- The Markdown of a page as HTML, by pandoc. A comment is for the specs.
function M.convert(_, page)
  local input = os.tmpname()
  local file = assert(io.open(input, "w"))
  file:write((page.markdown:gsub("<!%-%-.-%-%->\n?", "")))
  file:close()
  local format = page.is_made and "gfm+attributes" or "gfm"
  local pipe = assert(io.popen(("pandoc --from=%s --to=html --wrap=preserve %s"):format(format, quote(input))))
  local html = pipe:read "*a"
  assert(pipe:close(), "pandoc failed at " .. page.source)
  os.remove(input)
  return html
end

local ENTITIES = { ["&lt;"] = "<", ["&gt;"] = ">", ["&quot;"] = '"', ["&#39;"] = "'", ["&#124;"] = "|" }

-- The text of a piece of HTML.
local function text_of(html)
  return (html:gsub("<[^>]*>", " "):gsub("&[%w#]+;", ENTITIES):gsub("&amp;", "&"):gsub("%s+", " "))
end

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- Each part of the page is found by the search for itself.
local function add_to_search(site, page, html)
  local starts = {}
  for position, level, anchor, title, after in html:gmatch '()<h([1-6]) id="([^"]*)">(.-)</h%d>()' do
    starts[#starts + 1] = { position = position, level = level, anchor = anchor, title = text_of(title), after = after }
  end
  for i, start in ipairs(starts) do
    local body = html:sub(start.after, (starts[i + 1] or { position = 0 }).position - 1)
    table.insert(site.search, { page.path .. (start.level == "1" and "" or "#" .. start.anchor), page.title,
      start.level == "1" and "" or start.title, text_of(body) })
  end
end

-- The table of contents, with the page that is shown marked.
local function contents_html(site, page)
  local out = {}
  for _, section in ipairs(site.sections) do
    out[#out + 1] = "<h2>" .. escape(section.title) .. "</h2>\n<ul>"
    for _, other in ipairs(section.pages) do
      out[#out + 1] = ('<li><a href="%s"%s>%s</a></li>'):format(M.relative(page.path, other.path),
        other == page and ' aria-current="page"' or "", escape(other.title))
    end
    out[#out + 1] = "</ul>"
  end
  return table.concat(out, "\n")
end

-- The headings of a page as links: of the references without arguments, and without what all of them begin with.
local function headings_html(page, html)
  local out = {}
  for anchor, title in html:gmatch '<h2 id="([^"]*)">(.-)</h2>' do
    title = title:gsub("</?a[^>]*>", "")
    if page.is_made then
      title = title:gsub("%b()$", ""):gsub("^moonvec%.", ""):gsub("^collection:", ":")
    end
    out[#out + 1] = ('<li><a href="#%s">%s</a></li>'):format(anchor, title)
  end
  return #out > 1 and "<h2>On this page</h2>\n<ul>" .. table.concat(out, "\n") .. "</ul>" or ""
end

local function neighbour_html(page, other, class)
  if not other then
    return "<span></span>"
  end
  return ('<a class="%s" href="%s">%s</a>'):format(class, M.relative(page.path, other.path), escape(other.title))
end

-- Headings get a link to themselves, and tables and code can scroll by themselves.
local function decorate(html)
  return (html
    :gsub('<h([2-6]) id="([^"]*)">(.-)</h%d>',
      '<h%1 id="%2">%3 <a class="anchor" href="#%2" aria-label="link to this heading">#</a></h%1>')
    :gsub("<table>", '<div class="wide"><table>'):gsub("</table>", "</table></div>"))
end

--- Writes a page whose Markdown is now this HTML.
function M:write(page, html)
  add_to_search(self, page, html)
  local values = {
    title = escape(page.title == "moonvec" and page.path == "index.html" and "moonvec" or page.title .. " - moonvec"),
    root = M.relative(page.path, ""), contents = contents_html(self, page), headings = headings_html(page, html),
    body = decorate(html),
    before = neighbour_html(page, page.before, "before"), after = neighbour_html(page, page.after, "after"),
  }
  local text = self.template:gsub("{{(%l+)}}", values)
  self.html_of[page.path] = text
  self:put(page.path, text)
end

-- The links of a page that lead nowhere.
local function add_broken(site, ids, path, html, broken)
  for attribute, link in html:gmatch '%f[%w](%l+)="([^"]*)"' do
    local file, anchor = link:match "^([^#]*)#?(.*)$"
    if (attribute == "href" or attribute == "src") and not link:find "^%a+:" then
      local target = markdown.resolve(path, file)
      local found = file ~= "" and io.open(site.folder .. "/" .. target)
      if found then
        found:close()
      end
      if file ~= "" and not found or anchor ~= "" and not (ids[target] or {})[anchor] then
        broken[#broken + 1] = path .. ": " .. link
      end
    end
  end
end

--- Writes the index of the search, and checks all links.
function M:finish()
  local lines = {}
  for i, part in ipairs(self.search) do
    lines[i] = ("[%q,%q,%q,%q]"):format(part[1], part[2], part[3], part[4]) -- quoted as in JavaScript: no line ends
  end
  self:put("search_index.js", "window.search_index = [\n" .. table.concat(lines, ",\n") .. "\n];\n")

  local ids, broken = {}, {}
  for path, html in pairs(self.html_of) do
    ids[path] = {}
    for id in html:gmatch '%sid="([^"]*)"' do
      ids[path][id] = true
    end
  end
  for path, html in pairs(self.html_of) do
    add_broken(self, ids, path, html, broken)
  end
  table.sort(broken)
  assert(#broken == 0, "links lead nowhere:\n" .. table.concat(broken, "\n"))
end

return M

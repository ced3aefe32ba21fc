-- Texts for the text bench: descriptions of Debian packages, or paragraphs of the installed documentation; and files of
-- them, which all engines read.

local M = {}

local PARAGRAPH_MIN, PARAGRAPH_MAX = 80, 2000

-- Adds the paragraphs of a text.
local function add_paragraphs(documents, titles, text, most)
  for paragraph in (text .. "\n\n"):gmatch("(.-)\n%s*\n") do
    if #paragraph >= PARAGRAPH_MIN and #paragraph <= PARAGRAPH_MAX and (most == 0 or #documents < most) then
      documents[#documents + 1] = paragraph
      titles[#titles + 1] = paragraph:match("^%s*([^\n]*)")
    end
  end
end

local function read_packages(most)
  local documents, titles = {}, {}
  local pipe = assert(io.popen("apt-cache dumpavail 2>/dev/null"))
  local name, description
  for line in pipe:lines() do
    if line == "" or line:match("^Package: ") then
      if name and description and (most == 0 or #documents < most) then
        documents[#documents + 1] = name .. ": " .. description
        titles[#titles + 1] = description:match("^[^\n]*")
      end
      name, description = line:match("^Package: (.*)"), nil
    elseif line:match("^Description[%w-]*: ") and not line:match("^Description%-md5") then
      description = line:match(": (.*)")
    elseif description and line:match("^ ") then
      description = description .. "\n" .. line
    end
  end
  pipe:close()
  return documents, titles
end

-- Man pages are formatted text with marks; they are taken as they are, without the marks at the beginning of lines.
local function read_docs(most)
  local documents, titles = {}, {}
  local list = assert(io.popen("find /usr/share/doc /usr/share/man /usr/share/info -type f 2>/dev/null | sort"))
  for path in list:lines() do
    local command = path:match("%.gz$") and "zcat" or "cat"
    local pipe = assert(io.popen(("%s '%s' 2>/dev/null"):format(command, path:gsub("'", "'\\''"))))
    local text = pipe:read("*a")
    pipe:close()
    text = text:gsub("<[^>]*>", " "):gsub("\n%.[%w]+ ?", "\n")
    if not text:find("%z") then add_paragraphs(documents, titles, text, most) end
    if most > 0 and #documents >= most then break end
  end
  list:close()
  return documents, titles
end

-- Returns the texts, and a title of each.
function M.read(corpus, most)
  if corpus == "packages" then return read_packages(most) end
  if corpus == "docs" then return read_docs(most) end
  error("there is no corpus '" .. corpus .. "' (there are: packages, docs)", 0)
end

-- `count` queries of `words` words each, of titles that have as many.
function M.queries(titles, words, count, seed)
  local state, list = seed * 7919 + words, {}
  local function below(limit)
    state = state * 16807 % 2147483647
    return state % limit
  end
  for _ = 1, 100 * count do
    local found = {}
    for word in titles[1 + below(#titles)]:gmatch("%a%w+") do found[#found + 1] = word:lower() end
    if #found >= words then
      local first = below(#found - words + 1)
      local query = {}
      for i = 1, words do query[i] = found[first + i] end
      list[#list + 1] = query
      if #list == count then break end
    end
  end
  return list
end

local function write_lines(path, lines)
  local file = assert(io.open(path, "wb"))
  file:write(table.concat(lines, "\n"), "\n")
  file:close()
end

-- A line for each document: a number from 0 to 99, and the text without line ends.
function M.write_documents(path, documents)
  local lines = {}
  for i, text in ipairs(documents) do
    lines[i] = ("%d %s"):format(i * 2654435761 % 4294967296 % 100, (text:gsub("[%s%z]+", " ")))
  end
  write_lines(path, lines)
end

-- The documents of such a file: { id, n, body }.
function M.read_documents(path)
  local documents = {}
  for line in io.lines(path) do
    local n, body = line:match("^(%d+) (.*)$")
    documents[#documents + 1] = { id = #documents + 1, n = tonumber(n), body = body }
  end
  return documents
end

-- A line for each query: its words.
function M.write_queries(path, queries)
  local lines = {}
  for i, words in ipairs(queries) do lines[i] = table.concat(words, " ") end
  write_lines(path, lines)
end

return M

--- The first line of each passage of an indexed folder: the path of its file, and the headings that it is below. It is
-- a part of the text, so a search for a name finds all passages of the file that has it, and the words of the search
-- then tell which of them is meant: `tar` alone stands in few passages of the manual of tar.

local core = require "moonvec.core"

local M = {}

local BEHIND = "\n\n"

-- What snippets begin with that do not begin where the text does.
local ELLIPSIS = "\226\128\166"

--- The line for a passage. Names in which words are joined by "." or "_" are followed by these words in parentheses:
-- for a text index "git_stash.txt" is one word.
function M.line(path, heading)
  local names = {}
  for name in path:gmatch "[^/%s%-]+" do
    if name:find "[._]" then
      names[#names + 1] = (name:gsub("[._]+", " "))
    end
  end
  local line = path .. (names[1] and " (" .. table.concat(names, " ") .. ")" or "")
  if heading and heading ~= core.null then
    line = line .. " > " .. heading
  end
  return (line:gsub("%s+", " "))
end

--- The text of a passage with its line.
function M.add(path, heading, text)
  return M.line(path, heading) .. BEHIND .. text
end

--- The text of a passage without its line. A text that does not begin with the line is returned as it is.
function M.strip(text, path, heading)
  local line = M.line(path, heading) .. BEHIND
  return text:sub(1, #line) == line and text:sub(#line + 1) or text
end

--- A snippet of such a text without the line, or without the end of the line, with which the snippet begins. `marks`:
-- the bytes that mark what was found.
function M.strip_snippet(snippet, path, heading, marks)
  local first, last = snippet:find(BEHIND, 1, true)
  if not first then
    return snippet
  end
  local head = snippet:sub(1, first - 1):gsub("[" .. marks .. "]", ""):gsub("^" .. ELLIPSIS, "")
  return M.line(path, heading):sub(-#head) == head and snippet:sub(last + 1) or snippet
end

return M

--- The first line of each passage of an indexed folder: the path of its file, and the headings that it is below. It is
-- a part of the text, so a search for a name finds all passages of the file that has it, and the words of the search
-- then tell which of them is meant: `tar` alone stands in few passages of the manual of tar.

local core = require "moonvec.core"

local M = {}

local BEHIND = "\n\n"

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

--- The text of a passage without its line. `marks`: a set of bytes that may stand between those of the line, which
-- snippets have. A text that does not begin with the line is returned as it is.
function M.strip(text, path, heading, marks)
  local line = M.line(path, heading) .. BEHIND
  local i, is_mark = 1, marks or ""
  for j = 1, #line do
    while is_mark ~= "" and text:find("^[" .. is_mark .. "]", i) do
      i = i + 1
    end
    if text:byte(i) ~= line:byte(j) then
      return text
    end
    i = i + 1
  end
  return text:sub(i)
end

return M

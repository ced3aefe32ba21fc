--- The hits of a search as entries of the quickfix list.

local file_kinds = require "moonvec.command.file_kinds"
local passage_context = require "moonvec.command.passage_context"

local M = {}

local ELLIPSIS = "\226\128\166" -- at the ends of snippets

--- The positions in the text of what is marked in its snippets. A snippet that is not in the text has none.
local function found_in(text, snippets)
  local positions, from = {}, 1
  for _, snippet in ipairs(snippets) do
    snippet = snippet:gsub("^" .. ELLIPSIS, ""):gsub(ELLIPSIS .. "$", "")
    local plain = snippet:gsub("</?b>", "")
    local at = text:find(plain, from, true)
    local marks = 0 -- bytes of marks so far
    for position, mark in snippet:gmatch "()(</?b>)" do
      if at and mark == "<b>" then
        positions[#positions + 1] = at + position - 1 - marks
      end
      marks = marks + #mark
    end
    from = at and at + #plain or from
  end
  return positions
end

--- The line of the passage with the most of what was found, the first of several: how many lines stand before it, the
-- column of the first word there, its text, and how much was found. nil: nothing was found in it by words, or its lines
-- are not those of the file.
local function best_line(body, hit)
  local snippets = hit.highlights and hit.highlights.text
  if not snippets or file_kinds.of(hit.path) == "markup" then
    return nil
  end
  local lines, best = {}, nil
  for _, position in ipairs(found_in(hit.text, snippets)) do
    position = position - (#hit.text - #body) -- before the body is the line with the path
    if position > 0 then
      local before = body:sub(1, position - 1)
      local number, column = select(2, before:gsub("\n", "")), #before:match "[^\n]*$" + 1
      local line = lines[number]
        or { line = number, column = column, text = body:match("[^\r\n]*", position - column + 1), count = 0 }
      lines[number], line.count = line, line.count + 1
      best = best and best.count >= line.count and best or line
    end
  end
  return best
end

--- The first line of the passage that has anything but white space.
local function first_line(body)
  return { line = 0, text = body:match "[^\r\n]*%S[^\r\n]*" or "" }
end

--- The entries of the hits: one for each place, since several files may have the same passage.
local function entries(hits, folder)
  local list = {}
  for _, hit in ipairs(hits) do
    local heading = type(hit.heading) == "string" and hit.heading or nil
    local body = passage_context.strip(hit.text, hit.path, heading)
    local shown = best_line(body, hit) or first_line(body)
    local places = { { path = hit.path, line = hit.line } }
    vim.list_extend(places, hit.also or {})
    for _, place in ipairs(places) do
      list[#list + 1] = {
        filename = folder .. "/" .. place.path, lnum = place.line + shown.line, col = shown.column,
        text = vim.trim(shown.text),
      }
    end
  end
  return list
end

--- Puts the hits into a new quickfix list, and shows it if there are any.
function M.show(hits, folder, words)
  vim.fn.setqflist({}, " ", { title = "moonvec: " .. words, items = entries(hits, folder) })
  if #hits > 0 then
    vim.cmd "botright copen"
  end
end

return M

--- The hits of a search as entries of the quickfix list.

local passage_context = require "moonvec.command.passage_context"

local M = {}

--- The first line of the passage that has anything but white space.
local function first_line(hit)
  local heading = type(hit.heading) == "string" and hit.heading or nil
  local text = passage_context.strip(hit.text, hit.path, heading)
  return vim.trim(text:match "[^\r\n]*%S[^\r\n]*" or "")
end

--- The entries of the hits: one for each place, since several files may have the same passage.
local function entries(hits, folder)
  local list = {}
  for _, hit in ipairs(hits) do
    local places = { { path = hit.path, line = hit.line } }
    vim.list_extend(places, hit.also or {})
    for _, place in ipairs(places) do
      list[#list + 1] = { filename = folder .. "/" .. place.path, lnum = place.line, text = first_line(hit) }
    end
  end
  return list
end

--- Puts the hits into a new quickfix list, and shows it.
function M.show(hits, folder, words)
  vim.fn.setqflist({}, " ", { title = "moonvec: " .. words, items = entries(hits, folder) })
  vim.cmd "botright copen"
end

return M

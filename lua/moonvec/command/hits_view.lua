--- Hits as people read them: rank, id or place, fields, and snippets in which the words that were found are marked.

local core = require "moonvec.core"
local display_text = require "moonvec.terminal.display_text"
local schema_fields = require "moonvec.schema_fields"
local passage_context = require "moonvec.command.passage_context"
local search_legs = require "moonvec.command.search_legs"
local terminal = require "moonvec.terminal"
local timestamp_text = require "moonvec.terminal.timestamp_text"

local M = {}

-- Bytes of a text that is shown where it has no snippet.
local TEXT_BYTES = 240

-- Other places of a text that are named.
local ALSO_SHOWN = 3

-- What a hit has in addition to the fields of its document.
local NOT_FIELDS = { id = true, score = true, distance = true, highlights = true, parts = true }

--- The beginning of a text, cut between two words.
local function beginning(text)
  if #text <= TEXT_BYTES then
    return text
  end
  local cut = text:sub(1, TEXT_BYTES)
  return (cut:match "^(.*)%s%S*$" or cut:gsub("[\192-\255][\128-\191]*$", "")) .. " ..."
end

--- A snippet with its marks, safe to print.
local function snippet(text, styles)
  local out, at = {}, 1
  text = text:gsub("%s+", " ")
  while true do
    local open = text:find(search_legs.OPEN, at, true)
    local close = open and text:find(search_legs.CLOSE, open, true)
    if not close then
      out[#out + 1] = display_text.visible(text:sub(at))
      return (table.concat(out):gsub("^%s+", ""))
    end
    out[#out + 1] = display_text.visible(text:sub(at, open - 1))
    out[#out + 1] = styles.mark(display_text.visible(text:sub(open + 1, close - 1)))
    at = close + 1
  end
end

--- A value of a field of this type, in one line.
local function value_text(value, kind)
  if type(value) == "table" then
    local parts = {}
    for i, one in ipairs(value) do
      parts[i] = kind == "array_timestamp" and timestamp_text(one) or display_text.visible(tostring(one))
    end
    return table.concat(parts, ", ")
  elseif kind == "timestamp" and value ~= core.null then
    return timestamp_text(value)
  elseif value == core.null then
    return "NULL"
  end
  return display_text.visible(beginning(tostring(value):gsub("%s+", " ")))
end

--- Lines for the fields of a hit, in the order of the schema.
local function print_fields(call, hit, schema, styles, skipped)
  for _, field in ipairs(schema_fields.all(schema)) do
    local name = field.name
    local value, snippets = hit[name], hit.highlights and hit.highlights[name]
    if not (skipped[name] or NOT_FIELDS[name]) and value ~= nil then
      local text = snippets and snippets[1] and snippet(table.concat(snippets, " ... "), styles)
        or value_text(value, field.type)
      call:print(("    %s %s"):format(styles.dim(name .. ":"), text))
    end
  end
end

--- Prints hits of any collection. A hit that no search has found has no score.
function M.print(call, hits, schema)
  local styles = call:styles()
  for rank, hit in ipairs(hits) do
    call:print(("%2d  %s%s"):format(rank, styles.title(display_text.visible(hit.id)),
      hit.score and "  " .. styles.dim(("%.4f"):format(hit.score)) or ""))
    print_fields(call, hit, schema, styles, {})
  end
end

--- What is shown of a passage: its snippet, or its beginning, without the line that names the file.
local function passage_text(hit, styles)
  local snippets = {}
  for i, marked in ipairs(hit.highlights and hit.highlights.text or {}) do
    snippets[i] = passage_context.strip_snippet(marked, hit.path, hit.heading, search_legs.OPEN .. search_legs.CLOSE)
  end
  local text = snippet(table.concat(snippets, " ... "), styles)
  return text ~= "" and text or value_text(passage_context.strip(hit.text, hit.path, hit.heading))
end

--- Says where else the text of a hit stands.
local function print_also(call, hit, folder, styles)
  local places = {}
  for i, one in ipairs(hit.also or {}) do
    places[i] = i <= ALSO_SHOWN and ("%s%s:%d"):format(folder, display_text.visible(one.path), one.line) or nil
  end
  if places[1] then
    local others = #hit.also - #places
    call:print(styles.dim(("    also in %s%s"):format(table.concat(places, ", "),
      others > 0 and (" and %d more"):format(others) or "")))
  end
end

--- Prints hits of a folder that was indexed: path and line, heading, and a snippet. `folder`: what paths begin with.
function M.print_passages(call, hits, folder)
  local styles = call:styles()
  for _, hit in ipairs(hits) do
    local place = ("%s%s:%d"):format(folder, hit.path, hit.line)
    local heading = hit.heading and hit.heading ~= core.null and "  " .. styles.bold(display_text.visible(hit.heading))
    call:print(styles.title(display_text.visible(place)) .. (heading or ""))
    call:print("    " .. passage_text(hit, styles))
    print_also(call, hit, folder, styles)
  end
end

--- Prints a plan of `explain`, of one search or of several.
function M.print_plan(call, plan, legs)
  for i, one in ipairs(plan.queries or { plan }) do
    local leg = legs and legs[i]
    call:print(("\n%s: %s rows, %s match, %.2f ms filter, %.2f ms search"):format(leg and leg.field or "search",
      terminal.number(one.rows), terminal.number(one.matches), one.filter_ms, one.search_ms))
    for _, step in ipairs(one.steps) do
      call:print(("  %-10s  %-8s  %s rows, %s exact distances, %s of codes, %.2f ms"):format(step.of, step.plan,
        terminal.number(step.rows), terminal.number(step.exact_distances), terminal.number(step.code_distances),
        step.filter_ms + step.search_ms))
    end
  end
end

return M

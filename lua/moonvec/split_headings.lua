--- The sections of a text for split: Markdown (# and underlined headings, fenced code) and reStructuredText (headings
-- that are underlined, or have a line above, too).

--- The lines of a text: where each begins, and its text without white space at its end.
local function lines_of(text)
  local lines, at = {}, 1
  while at <= #text do
    local stop = text:find("\n", at, true) or #text + 1
    lines[#lines + 1] = { first = at, text = text:sub(at, stop - 1):match "^.*%S" or "" }
    at = stop + 1
  end
  return lines
end

--- The character of a line of at least three equal punctuation characters, or of two "="; nil: another line.
local function adornment(line)
  local character = line:match "^%p"
  if not character or line:find("[^%" .. character .. "]") or #line < (character == "=" and 2 or 3) then
    return nil
  end
  return character
end

--- The mark of a line that begins or ends fenced code, or nil.
local function fence(line)
  return line:match "^ ? ? ?(```+)" or line:match "^ ? ? ?(~~~+)"
end

--- The first line behind the YAML that some Markdown files begin with.
local function behind_front_matter(lines)
  if lines[1] and lines[1].text == "---" then
    for i = 2, #lines do
      if lines[i].text == "---" or lines[i].text == "..." then
        return i + 1
      end
    end
  end
  return 1
end

--- A heading of one line: its depth and text, or nil.
local function marked_heading(line)
  local marks, title = line:match "^ ? ? ?(#+)%s+(.*)$"
  if marks and #marks <= 6 then
    return #marks, title:match "^(.*%S)%s+#+$" or title
  end
end

--- A heading of a line and the underline behind it: the style of the underline, the text, and whether there is the same
-- line above; or nil.
local function underlined_heading(lines, i)
  local line, below = lines[i].text, lines[i + 1] and lines[i + 1].text or ""
  local character = line ~= "" and not adornment(line) and adornment(below)
  if not character or line:find "^%s*[%-*+>|]" then
    return nil
  end
  local above = i > 1 and lines[i - 1].text or ""
  if above == below then
    return "over" .. character, line:match "^%s*(.*)$", true
  elseif not line:find "^%s" and (above == "" or adornment(above)) and #below >= math.min(#line, 3) then
    return "under" .. character, line, false
  end
end

--- The depth of a style of underlined headings: the order in which the styles appear, as in reStructuredText.
local function depth_of(styles, style)
  if not styles[style] then
    styles.count = styles.count + 1
    styles[style] = styles.count
  end
  return styles[style]
end

local function ends_fence(line, opening)
  local mark = fence(line)
  return mark and mark:sub(1, #opening) == opening and line:find "^%s*[`~]+$" ~= nil
end

--- All headings: { first, depth, title, next_line }: where it begins, and the number of the line behind it.
local function headings_of(text, lines)
  local headings, styles = {}, { count = 0 }
  if text:find "^#+%s" or text:find "\n#+%s" then
    styles = { count = 2, ["under="] = 1, ["under-"] = 2 } -- Markdown
  end
  local opening, i = nil, behind_front_matter(lines)
  while i <= #lines do
    local line, size = lines[i].text, 1
    local depth, title, style, has_overline
    if opening then
      opening = not ends_fence(line, opening) and opening or nil
    else
      opening = fence(line)
      if not opening then
        depth, title = marked_heading(line)
      end
      if not opening and not depth then
        style, title, has_overline = underlined_heading(lines, i)
      end
    end
    if style then
      depth, size = depth_of(styles, style), 2
    end
    if depth then
      local first = lines[has_overline and i - 1 or i].first
      headings[#headings + 1] = { first = first, depth = depth, title = title, next_line = i + size }
    end
    i = i + size
  end
  return headings
end

--- True if there are only blank lines, and lines of punctuation, between a heading and the next.
local function is_empty(lines, heading, next_heading)
  local i = heading.next_line
  while lines[i] and lines[i].first < next_heading.first do
    if lines[i].text:find "%w" or lines[i].text:find "[\128-\255]" then
      return false
    end
    i = i + 1
  end
  return true
end

--- Makes a heading the last of those that its text is in. Returns their titles, "Install > From source".
local function enter(path, heading, title)
  while path[1] and path[#path].depth >= heading.depth do
    path[#path] = nil
  end
  path[#path + 1] = heading
  local titles = { title }
  for _, one in ipairs(path) do
    titles[#titles + 1] = one.title
  end
  return table.concat(titles, " > ")
end

--- The sections of a text, in order, all of it: { first, last, heading }. `heading`: the titles of the section and of
-- those that it is in, behind `title` if that is given. A section without text of its own is the beginning of the next.
return function(text, title)
  local lines = lines_of(text)
  local sections, path, first, heading, previous = {}, {}, 1, title, nil
  for _, one in ipairs(headings_of(text, lines)) do
    if one.first > first and not (previous and is_empty(lines, previous, one)) then
      sections[#sections + 1] = { first = first, last = one.first - 1, heading = heading }
      first = one.first
    end
    heading, previous = enter(path, one, title), one
  end
  sections[#sections + 1] = { first = first, last = #text, heading = heading }
  return sections
end

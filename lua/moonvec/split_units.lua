--- The units of a text for split: where they end. Positions are those of bytes. White space is that of ASCII.

local M = {}

--- The bytes from `first` to `last` without the white space around them, or nil if there are no others. With
-- `keeps_indent`, the spaces before the first word of a line stay.
function M.trim(text, first, last, keeps_indent)
  local word = text:find("%S", first)
  if not word or word > last then
    return nil
  end
  while text:find("^%s", last) do
    last = last - 1
  end
  if keeps_indent then
    while word > first and text:find("^[ \t]", word - 1) do
      word = word - 1
    end
  end
  return word, last
end

--- The position of the first character that begins at `at` or behind it. Of bytes that are no UTF-8 each is one.
function M.next_character(text, at)
  for after = at, at + 3 do
    if not text:find("^[\128-\191]", after) then
      return after
    end
  end
  return at
end

--- The last byte of a whole character that ends at `stop` or before it. `first`: the first byte of the unit, `last`:
-- its last one.
function M.last_character(text, first, stop, last)
  if stop >= last then
    return last
  end
  for before = stop, math.max(first, stop - 3), -1 do
    if not text:find("^[\128-\191]", before + 1) then
      return before
    end
  end
  return stop
end

-- ---------------------------------------------------------------- ends of units

--- The last byte of the white space that begins at `at`, or at - 1.
local function end_of_space(text, at)
  return (text:find("%S", at) or #text + 1) - 1
end

local function word(text, first)
  local space = text:find("%s", first)
  return space and end_of_space(text, space) or #text
end

--- The same, but the spaces before the word behind it are left.
local function end_of_blank_lines(text, at)
  local stop = end_of_space(text, at)
  while stop >= at and text:find("^[ \t]", stop) do
    stop = stop - 1
  end
  return stop
end

--- A line ends behind the blank lines that follow it.
local function line(text, first)
  local stop = text:find("\n", first, true)
  return stop and end_of_blank_lines(text, stop + 1) or #text
end

--- A paragraph ends before a blank line.
local function paragraph(text, first)
  local _, blank = text:find("\n[ \t\r]*\n", first)
  return blank and end_of_space(text, blank) or #text
end

-- The last bytes of the full stops that need no space behind them: U+3002, and U+FF01, U+FF0E and U+FF1F.
local WIDE_STOPS = {
  ["\227\128\130"] = true, ["\239\188\129"] = true, ["\239\188\142"] = true, ["\239\188\159"] = true,
}

--- True if the mark at `at` that is followed by white space ends a sentence: not that of an initial ("J. Smith"), nor
-- one before a lower-case letter ("e.g. this"), nor that of a number that counts ("1. First").
local function is_end(text, first, at, next_word)
  if text:find("^%l", next_word) then
    return false
  elseif text:find("^[!?]", at) then
    return true
  end
  local before = text:sub(math.max(first, at - 3), at - 1)
  return not (before:find "^%a$" or before:find "%s%a$" or before:find "^%d+$" or before:find "\n%d+$")
end

--- The next marks that may end a sentence, from `at`: the first and the last one. `state` keeps them, because they may
-- be far behind the sentence.
local function next_marks(text, at, state)
  if not state.mark or state.mark < at then
    state.mark, state.last_mark = text:find("[.!?\227\239]+", at)
    state.mark = state.mark or math.huge
  end
  return state.mark, state.last_mark
end

--- A sentence ends at one of . ! ? before white space, at a wide full stop, or before a blank line.
local function sentence(text, first, state)
  if not state.paragraph or state.paragraph < first then
    state.paragraph = paragraph(text, first)
  end
  local limit, at = state.paragraph, first
  while true do
    local from, to = next_marks(text, at, state)
    if from > limit then
      return limit
    elseif text:find("^[\227\239]", to) then
      if WIDE_STOPS[text:sub(to, to + 2)] then
        return math.min(limit, end_of_space(text, to + 3))
      end
      at = to + 1
    else
      local _, closed = text:find("^[\"'%)%]]*", to + 1)
      local next_word = text:find("^%s", closed + 1) and end_of_space(text, closed + 1) + 1
      if next_word and is_end(text, first, to, next_word) then
        return math.min(limit, next_word - 1)
      end
      at = closed + 1
    end
  end
end

--- Lines up to a blank one: a statement with its comment, a step of a function.
local function group(text, first)
  local _, blank = text:find("\n[ \t\r]*\n", first)
  return blank and end_of_blank_lines(text, blank + 1) or #text
end

--- The fewest spaces before a line that is not blank.
local function least_indent(text)
  local least, at = math.huge, 1
  while least > 0 do
    local from, to = text:find("^[ \t]*", at)
    local next_line = text:find("\n", to + 1, true)
    if text:find("^%S", to + 1) then
      least = math.min(least, to - from + 1)
    end
    if not next_line then
      return least
    end
    at = next_line + 1
  end
  return least
end

--- Groups up to one that begins with least indentation: a function, a class. `state` keeps that indentation.
local function block(text, first, state)
  state.indent = state.indent or least_indent(text)
  local stop = first - 1
  repeat
    stop = group(text, stop + 1)
    local _, indent = text:find("^[ \t]*", stop + 1)
  until stop >= #text or indent - stop <= state.indent
  return stop
end

--- Functions of a text, the first byte of a unit, and a table for what they keep. They return the last byte of the
-- unit, with the white space behind it.
M.ends = { block = block, group = group, line = line, paragraph = paragraph, sentence = sentence, word = word }

return M

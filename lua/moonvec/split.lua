--- moonvec.split: cuts a text into passages, each of which an embedding model or a text index takes as one.
--
-- A text has units of several levels: sections, paragraphs, sentences, words. Units of the first level are put into a
-- passage as long as they fit. One that does not fit begins a new passage. One that is larger than a passage is
-- replaced by its units of the next level; a word that is larger is cut between two characters. Each level reads a unit
-- at most once, so the time is linear in the text.

local check = require "moonvec.check"
local core = require "moonvec.core"
local split_headings = require "moonvec.split_headings"
local split_units = require "moonvec.split_units"

local SIZE = 1000
local SIZE_MIN, SIZE_MAX = 16, 2 ^ 30

-- The units of each way to split, largest first. All end with words.
local LEVELS = {
  sentence = { "sentence", "word" },
  paragraph = { "paragraph", "sentence", "word" },
  heading = { "paragraph", "sentence", "word" }, -- in sections, which are found before
  code = { "block", "group", "line", "word" },
  line = { "line", "word" },
}

local Splitter = {}
Splitter.__index = Splitter

--- Ends the passage.
function Splitter:flush()
  if self.first then
    self.passages[#self.passages + 1] = {
      text = self.text:sub(self.first, self.last), first = self.first, last = self.last, heading = self.heading,
    }
    self.begin, self.done = self.first, self.last
    self.first, self.last = nil, nil
    if self.progress then
      self.progress(self.done)
    end
  end
end

--- Where a passage begins whose new text is `first` to `last`: at a word up to `overlap` bytes before.
function Splitter:with_overlap(first, last)
  local text = self.text
  if self.overlap == 0 or not self.done or self.done < self.floor then
    return first
  end
  local low = math.max(first - self.overlap, last - self.size + 1, self.floor, self.begin + 1)
  if low >= first then
    return first
  elseif not text:find("^%s", low - 1) then
    local space = text:sub(low, first - 1):find "%s"
    if space then
      low = low + space - 1
    elseif text:find("^%s", first - 1) then
      return first -- the only word before does not fit
    else
      return math.min(first, split_units.next_character(text, low)) -- in a word that was cut already
    end
  end
  return text:find("%S", low)
end

--- Puts a word that is larger than a passage.
function Splitter:put_characters(first, last)
  self:flush()
  while first <= last do
    local stop = split_units.last_character(self.text, first, math.min(last, first + self.size - 1), last)
    self.first = self:with_overlap(first, stop)
    self.last = stop
    self:flush()
    first = stop + 1
  end
end

--- Puts a unit of the level: the bytes `first` to `last`, with white space around it.
function Splitter:put(first, last, level)
  first, last = split_units.trim(self.text, first, last, self.keeps_indent)
  if not first then
    return
  elseif self.first and last - self.first < self.size then
    self.last = last
  elseif last - first < self.size then
    self:flush()
    self.first, self.last = self:with_overlap(first, last), last
  elseif level == #self.levels then
    self:put_characters(first, last)
  else
    self:put_units(first, last, level + 1)
  end
end

--- Puts the units of a level that the bytes `first` to `last` have. They are looked for in a string of these bytes
-- alone, so that no search goes on behind them.
function Splitter:put_units(first, last, level)
  local end_of, state, at = split_units.ends[self.levels[level]], {}, 1
  local part = self.text:sub(first, last)
  while at <= #part do
    local stop = end_of(part, at, state)
    self:put(first + at - 1, first + stop - 1, level)
    at = stop + 1
  end
end

local function check_options(text, options)
  local size, overlap, by, title, progress =
    core.options("split", options, "size", "overlap", "by", "title", "progress")
  if type(text) ~= "string" then
    check.misuse("split: expected a text, got a %s", type(text))
  end
  check.text("split", "title", title)
  if by == nil then
    by = "paragraph"
  else
    core.word("split", "'by'", by, "code", "heading", "line", "paragraph", "sentence")
  end
  size = check.whole("split", "size", size, SIZE, SIZE_MIN, SIZE_MAX)
  return setmetatable({
    text = text, size = size, levels = LEVELS[by], keeps_indent = by == "code" or by == "line",
    overlap = check.whole("split", "overlap", overlap, 0, 0, math.floor(size / 2)),
    floor = 1, heading = title, passages = {}, progress = check.callable("split", "progress", progress),
  }, Splitter), by, title
end

--- Splits a text. Returns an array of { text, first, last, heading }: `text` is text:sub(first, last).
return function(text, options)
  local splitter, by, title = check_options(text, options)
  if by ~= "heading" then
    splitter:put_units(1, #text, 1)
    splitter:flush()
    return splitter.passages
  end
  for _, section in ipairs(split_headings(text, title)) do
    splitter.floor, splitter.heading = section.first, section.heading
    splitter:put_units(section.first, section.last, 1)
    splitter:flush()
  end
  return splitter.passages
end

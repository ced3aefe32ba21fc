--- The passages of the files in a folder, as documents of the collection that `moonvec index` makes.

local file_kinds = require "moonvec.command.file_kinds"
local language_guess = require "moonvec.command.language_guess"
local moonvec = require "moonvec"
local schema_fields = require "moonvec.schema_fields"
local passage_context = require "moonvec.command.passage_context"

local M = {}

-- A file that was changed so few seconds before it was read may be changed again in the same second: the time of a file
-- is known in whole seconds. It is read again in the next run.
local FRESH_SECONDS = 2

-- Bytes of HTML for a byte of its text, about.
local MARKUP_SHARE = 3

local MICROSECONDS, MIB = 1e6, 1048576

-- A passage is very short if it is less than this part of the size that passages may have.
local SHORT_SHARE = 8

--- Opens the source of a folder. `notes`: how it is read. `wanted(path, attributes)` says whether a file is read;
-- `only` is the path of the one file that may be read.
function M.open(folder, notes, wanted, only)
  return moonvec.source.files(folder, {
    include = notes.include, exclude = notes.exclude, hidden = notes.hidden, ignore_files = not notes.no_ignore,
    max_bytes = notes.max_mib and notes.max_mib * MIB, wanted = wanted, only = only,
  })
end

--- The passages of a text. Of prose, one that is very short becomes a part of the one before, under the same heading:
-- alone, a text index would rank it above passages that say more.
local function split(text, by, size, progress)
  local is_code = by == "code" or by == "line"
  local short = is_code and 0 or math.floor(size / SHORT_SHARE)
  local passages = {}
  for _, passage in ipairs(moonvec.split(text, { by = by, size = size, progress = progress })) do
    local previous = passages[#passages]
    if previous and #passage.text < short and previous.heading == passage.heading
      and passage.last - previous.first < size + short then
      previous.last = passage.last
      previous.text = text:sub(previous.first, previous.last)
    else
      passages[#passages + 1] = passage
    end
  end
  return passages
end

--- The passages of a file: an array of documents without vectors. `file`: what the source returned. `progress`: called
-- after each passage; it may yield.
function M.of_file(file, notes, progress)
  if file.passages then
    return file.passages
  end
  local text, is_markup, size = file.text, file_kinds.of(file.path) == "markup", notes.size
  if is_markup then
    text, size = file_kinds.strip_markup(text), size * MARKUP_SHARE
  end
  local by = notes.by or file_kinds.split_by(file.path, text)
  local is_fresh = file.modified >= os.time() - FRESH_SECONDS
  local passages, line, at = {}, 1, 1
  for i, passage in ipairs(split(text, by, size, progress)) do
    local newline = text:find("\n", at, true)
    while newline and newline < passage.first do
      line, at = line + 1, newline + 1
      newline = text:find("\n", at, true)
    end
    local body = is_markup and passage.text:gsub("%s*\n%s*", "\n"):gsub("[ \t]+", " ") or passage.text
    passages[i] = {
      id = ("%s#%d"):format(file.path, i), path = file.path, passage = i, line = line,
      first = passage.first, last = passage.last, heading = passage.heading,
      text = passage_context.add(file.path, passage.heading, body),
      modified = file.modified * MICROSECONDS, size = is_fresh and -1 or file.size,
    }
  end
  return passages
end

--- The schema of the collection, without vectors. `survey`: what M.survey returned.
function M.schema(survey)
  return {
    fields = {
      { name = "path", type = "string", index = "invert" },
      { name = "passage", type = "int32", index = "invert" },
      { name = "line", type = "int32" },
      { name = "first", type = "int64" },
      { name = "last", type = "int64" },
      { name = "heading", type = "string", nullable = true },
      { name = "text", type = "string", index = survey.index },
      { name = "modified", type = "timestamp" },
      { name = "size", type = "int64" },
    },
    vectors = {},
  }
end

--- Whether this is such a schema.
function M.is_schema(schema)
  local names = schema_fields.names(M.schema { index = "text" })
  return next(schema_fields.missing(schema, names)) == nil
end

-- Of the folder, as many files and bytes are looked at to tell the language.
local SAMPLE_FILES, SAMPLE_BYTES = 200, 1000000

--- Looks at the names and sizes of all files, and at the texts of some. Returns { bytes, index }: `bytes` of the texts,
-- about, and the text index that suits them: for code its identifiers and their parts, else words. nil, message, code:
-- it failed. progress() is called after each file; it may yield.
function M.survey(folder, notes, progress)
  local bytes, sample, sampled = { code = 0, markup = 0, binary = 0, prose = 0 }, {}, 0
  local source, message, code = M.open(folder, notes, function(path, attributes)
    local kind = file_kinds.of(path)
    bytes[kind] = bytes[kind] + attributes.size
    progress()
    return #sample < SAMPLE_FILES and sampled < SAMPLE_BYTES
  end)
  if not source then
    return nil, message, code
  end
  local file
  repeat
    file, message, code = source:read()
    if file then
      sample[#sample + 1] = file.text:sub(1, SAMPLE_BYTES / SAMPLE_FILES)
      sampled = sampled + #sample[#sample]
    end
  until file == nil
  source:close()
  if message then
    return nil, message, code
  end
  local is_code = bytes.code > bytes.markup + bytes.prose
  return {
    bytes = bytes.code + bytes.markup + bytes.prose,
    index = language_guess.text_index(sample, is_code and "code" or nil, not is_code, progress),
  }
end

--- An iterator over the texts of all passages, to learn from. bar(done) is called with the bytes read so far. The files
-- are added to the array `kept` with their passages, so that they need not be read again, and `left_out` of the source;
-- nil: they are not kept.
function M.each_text(folder, notes, bar, kept)
  local source, message, code = M.open(folder, notes)
  if not source then
    return nil, message, code
  end
  if kept then
    kept.left_out = source.left_out
  end
  local passages, i, bytes = {}, 0, 0
  return function()
    i = i + 1
    while not passages[i] do
      local file, failure = source:read()
      if file == nil then
        source:close()
        return nil
      elseif file == false and kept then
        kept[#kept + 1] = { failure = failure }
      elseif file then
        passages, i, bytes = M.of_file(file, notes), 1, bytes + file.size
        if kept then
          file.passages, file.text = passages, nil
          kept[#kept + 1] = file
        end
        bar(bytes)
      end
    end
    return passages[i].text
  end
end

--- A source of files that were kept.
function M.source_of(kept)
  local source = { row = 0, left_out = kept.left_out }
  function source:read()
    local row = self.row + 1
    local file = kept[row]
    self.row, kept[row] = row, nil -- so that the memory is free once it is written
    if file and file.failure then
      return false, file.failure
    end
    return file
  end
  function source:close()
    self.row = 0
  end
  return source
end

return M

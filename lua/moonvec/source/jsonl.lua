--- source.jsonl: a file of one JSON object in each line, as export writes it and most programs do.

local byte_reader = require "moonvec.source.byte_reader"
local check = require "moonvec.check"
local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"

local MAX_BYTES = 16 * 1048576

-- Bytes that `write_rows` has in memory: at most AHEAD, and for few lines no more than they usually have, since a pipe
-- may be slow.
local AHEAD, LINE_BYTES = 4 * 1048576, 512

local Source = {}
Source.__index = Source
byte_reader.extend(Source)

function Source:use_schema(schema)
  self.schema = schema
end

local OPENING_BRACE = 123

local function document_of(source, line)
  if line:byte() ~= OPENING_BRACE and not line:find "^%s*{" then
    return false, "expected a JSON object"
  end
  local members, message = json.decode(line)
  if members then
    members, message = document_json.from_json(members, source.schema)
  end
  if not members then
    return false, message
  end
  return members
end

--- The next document. Blank lines are left out.
function Source:read()
  local line, message, code = self:next_line()
  if not line then
    return line, message, code
  end
  return document_of(self, line)
end

--- Writes the next documents, at most `count` of them, without making tables of them. Returns how many; nil if they
-- were not written because of one of them: then `read` returns them, or says what is wrong; nil, message, code.
function Source:write_rows(collection, mode, count)
  local reader, write = self.reader, mode == "upsert" and core.upsert_lines or core.insert_lines
  local is_there, message, code = reader:read_ahead(math.min(AHEAD, count * LINE_BYTES))
  if not is_there then
    return nil, message, code
  end
  local lines, behind
  lines, behind, code = write(collection, reader.text, reader.at, count, self.max_bytes)
  if not lines then
    return nil, behind, code
  end
  reader.at, reader.lines = behind, reader.lines + lines
  self.row = reader.lines
  return lines
end

--- Opens a source of JSON lines. `options.max_bytes`: the longest line (default 16 MiB).
return function(path, options)
  local max_bytes = core.options("source.jsonl", options, "max_bytes")
  max_bytes = check.whole("source.jsonl", "max_bytes", max_bytes, MAX_BYTES, 1, 2 ^ 31)
  local reader, message, code = byte_reader.open("source.jsonl", path, true)
  if not reader then
    return nil, message, code
  end
  return setmetatable({ reader = reader, name = reader.name, unit = "line", row = 0, max_bytes = max_bytes }, Source)
end

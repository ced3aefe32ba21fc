--- source.lines: a text file, each line a document.

local byte_reader = require "moonvec.source.byte_reader"
local check = require "moonvec.check"
local core = require "moonvec.core"
local schema_fields = require "moonvec.schema_fields"

local MAX_BYTES = 16 * 1048576

local Source = {}
Source.__index = Source
byte_reader.extend(Source)

function Source:use_schema(schema, is_mapped)
  self.is_left_out = not is_mapped and schema_fields.missing(schema, { "line" }) or {}
end

--- The next document: { id = "17", line = 17, text = ... }. Blank lines are left out.
function Source:read()
  local line, message, code = self:next_line()
  if not line then
    return line, message, code
  end
  local number = not self.is_left_out.line and self.row or nil
  return { id = ("%.0f"):format(self.row), line = number, [self.field] = line }
end

--- Opens a source of lines. `options.field`: the name of the member with the text (default "text"); `max_bytes`: the
-- longest line (default 16 MiB). The id is the number of the line.
return function(path, options)
  local field, max_bytes = core.options("source.lines", options, "field", "max_bytes")
  field = check.field("source.lines", "field", field or "text")
  max_bytes = check.whole("source.lines", "max_bytes", max_bytes, MAX_BYTES, 1, 2 ^ 31)
  local reader, message, code = byte_reader.open("source.lines", path, true)
  if not reader then
    return nil, message, code
  end
  return setmetatable({ reader = reader, name = reader.name, unit = "line", row = 0, field = field,
    max_bytes = max_bytes, is_left_out = {} }, Source)
end

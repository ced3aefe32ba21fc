--- A file, or stdin, that is read in blocks: what the sources of lines, of rows and of vectors have in common. No more
-- of it is in memory than a block and one row.
--
-- A position in a file is told by text: "OFFSET ROW HEAD TAIL". HEAD and TAIL are hashes of up to 4,096 bytes at the
-- beginning of the file and before OFFSET. They tell whether the file is still the one that was read up to there. It
-- may have grown.

local check = require "moonvec.check"
local core = require "moonvec.core"

local M = {}

-- A read of less costs more calls, of more no fewer microseconds for each line.
local BLOCK = 65536

-- The most bytes that a hash of a position covers.
local HASHED_MAX = 4096

-- Codes of the operating system that have one of moonvec's: ENOENT.
local CODES = { [2] = "not_found" }

local UTF8_MARK = "\239\187\191"

local Reader = {}
Reader.__index = Reader

--- Appends more bytes, at least `least` if the file has them, to those that were not read. Returns false at the end of
-- the file; nil, message, code.
function Reader:fill(least)
  if not self.file then
    return nil, ("'%s' is closed"):format(self.name), "io"
  end
  local rest = self.text:sub(self.at)
  -- Twice as much for a long line: linear in its length.
  local block, message = self.file:read(math.max(least or BLOCK, #rest))
  if block then
    self.offset, self.text, self.at = self.offset + self.at - 1, rest .. block, 1
    return true
  elseif message then
    return nil, ("cannot read '%s': %s"):format(self.name, message), "io"
  end
  return false
end

--- Leaves out the rest of a line. Returns false; nil, message, code.
function Reader:skip_line()
  while true do
    local stop = self.text:find("\n", self.at, true)
    self.at = (stop or #self.text) + 1
    if stop then
      return false
    end
    local more, message, code = self:fill()
    if not more then
      return more, message, code
    end
  end
end

--- The position of the end of the line that begins at `at`, or nil in the last line. false: the line is longer than
-- `max_bytes`. nil, message, code: a failure.
function Reader:end_of_line(max_bytes)
  local searched = self.at
  while true do
    local stop = self.text:find("\n", searched, true)
    if (stop or #self.text) - self.at > max_bytes then
      return false
    elseif stop then
      return stop
    end
    searched = #self.text - self.at + 2 -- `fill` moves what was not read to 1
    local more, message, code = self:fill()
    if not more then
      return nil, message, code
    end
  end
end

--- The next line, with its end if `with_end`, else without "\n" or "\r\n". false: it is longer than `max_bytes`, and is
-- left out. nil: the end of the file. nil, message, code: a failure.
function Reader:line(max_bytes, with_end)
  local stop, message, code = self:end_of_line(max_bytes)
  if message or stop == nil and self.at > #self.text then
    return nil, message, code
  end
  self.lines = self.lines + 1
  if stop == false then
    return self:skip_line()
  end
  local text, from, last = self.text, self.at, stop or #self.text
  self.at = last + 1
  if not with_end then
    last = stop and last - 1 or last
    last = last >= from and text:byte(last) == 13 and last - 1 or last
  end
  return text:sub(from, last)
end

--- Exactly `size` bytes; fewer, or "", at the end of the file. nil, message, code: a failure.
function Reader:bytes(size)
  while #self.text - self.at + 1 < size do
    local more, message, code = self:fill()
    if more == nil then
      return nil, message, code
    elseif not more then
      break
    end
  end
  local from = self.at
  self.at = math.min(from + size, #self.text + 1)
  return self.text:sub(from, self.at - 1)
end

--- Reads on until `size` bytes are in memory, or the rest of the file. Returns true; nil, message, code.
function Reader:read_ahead(size)
  local missing = size - (#self.text - self.at + 1)
  local more, message, code = true, nil, nil
  if missing > 0 then
    more, message, code = self:fill(missing)
  end
  return more ~= nil or nil, message, code
end

--- Bytes of the file that were read.
function Reader:done()
  return self.offset + self.at - 1
end

function Reader:close()
  if self.file and self.file ~= io.stdin then
    self.file:close()
  end
  self.file = nil
end

-- ---------------------------------------------------------------- opening

--- Reads the first bytes of a text. UTF-16 is refused: each of its lines would be wrong.
local function begin(reader)
  local more, message, code = reader:fill()
  if more == nil then
    reader:close()
    return nil, message, code
  elseif reader.is_text and (reader.text:find "^\255\254" or reader.text:find "^\254\255") then
    reader:close()
    return nil, ("'%s' is UTF-16, expected UTF-8"):format(reader.name), "invalid"
  elseif reader.is_text and reader.text:sub(1, 3) == UTF8_MARK then
    reader.at = 4
  end
  return reader
end

--- Opens a file; "-" is stdin. `is_text`: leave out the mark of UTF-8 at its beginning. Returns a reader, or nil,
-- message, code.
function M.open(call, path, is_text)
  if type(path) ~= "string" or path == "" or path:find "%z" then
    check.misuse("%s: 'path' must be the path of a file, or '-' for stdin, got %s", call,
      type(path) == "string" and "'" .. path:gsub("%z", "\\0") .. "'" or "a " .. type(path))
  end
  local file = io.stdin
  if path ~= "-" then
    local message, number
    file, message, number = io.open(path, "rb")
    if not file then
      return nil, "cannot open " .. message, CODES[number] or "io"
    end
  end
  -- A pipe has no size. stdin may be a file that was read before, so it is not sought in either.
  local size = path ~= "-" and file:seek "end" or nil
  if size then
    file:seek "set"
  end
  local reader = setmetatable({
    name = path == "-" and "stdin" or path, file = file, size = size,
    text = "", -- the bytes that are in memory
    at = 1, -- of these, the first that was not read
    offset = 0, -- of the first of these in the file
    lines = 0, -- the number of the line that was read last
    is_text = is_text,
  }, Reader)
  return begin(reader)
end

-- ---------------------------------------------------------------- positions

--- The hashes of the first bytes and of those before `offset`. Leaves the file where it was.
local function hashes(reader, offset)
  local file, size = reader.file, math.min(offset, HASHED_MAX)
  local here = file:seek()
  file:seek("set", 0)
  local head = file:read(size) or ""
  file:seek("set", offset - size)
  local tail = file:read(size) or ""
  file:seek("set", here)
  return core.hash(head), core.hash(tail)
end

--- Where to go on after the row `row`, or nil for a pipe.
function Reader:position(row)
  if not self.size or not self.file then
    return nil
  end
  local head, tail = hashes(self, self:done())
  return ("%.0f %.0f %s %s"):format(self:done(), row, head, tail)
end

--- Goes on at a position. Returns the number of the row before it; nil, message, code.
function Reader:seek(position)
  local offset, row, head, tail = position:match "^(%d+) (%d+) (%x+) (%x+)$"
  if not offset or not self.size or not self.file then
    return nil, ("'%s' has no such position: '%s'"):format(self.name, position), "invalid"
  end
  offset, row = tonumber(offset), tonumber(row)
  self.size = self.file:seek "end"
  local head_now, tail_now = hashes(self, offset)
  if offset > self.size or head ~= head_now or tail ~= tail_now then
    return nil, ("'%s' is not the file that was read before, up to byte %.0f: %s"):format(self.name, offset,
      offset > self.size and ("it has %.0f bytes"):format(self.size) or "its bytes are others"), "invalid"
  end
  self.file:seek("set", offset)
  self.offset, self.text, self.at, self.lines = offset, "", 1, row
  return row
end

-- ---------------------------------------------------------------- sources of a reader

--- Gives the class of a source the methods that its `reader` does.
function M.extend(class)
  --- The next line of up to `max_bytes` that is not blank: that has a match of the pattern `content` (default: anything
  -- but white space). `with_end` as in `line`. false, message: it is longer; nil: the end; nil, message, code.
  function class:next_line(with_end, content)
    local reader = self.reader
    while true do
      local line, message, code = reader:line(self.max_bytes, with_end)
      if line == nil then
        return nil, message, code
      end
      self.row = reader.lines
      if not line then
        return false, ("the line is longer than %.0f bytes (option 'max_bytes')"):format(self.max_bytes)
      elseif line:find(content or "%S") then
        return line
      end
    end
  end

  function class:position()
    local reader = self.reader
    return reader:position(reader.is_text and reader.lines or self.row)
  end

  function class:seek(position)
    local row, message, code = self.reader:seek(position)
    if not row then
      return nil, message, code
    end
    self.row = row
    return true
  end

  function class:progress()
    return self.reader:done(), self.reader.size
  end

  function class:close()
    self.reader:close()
  end
end

return M

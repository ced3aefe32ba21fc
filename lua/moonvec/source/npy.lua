--- source.npy: an array of numpy.save (numpy.lib.format, versions 1 to 3): each row of a table of numbers is a vector.

local binary_rows = require "moonvec.source.binary_rows"
local byte_reader = require "moonvec.source.byte_reader"

-- The header is a line of text. That of an array with numbers has about 120 bytes.
local HEADER_MAX = 65536
local DIM_MAX = 65535

local Source = {}
Source.__index = Source
byte_reader.extend(Source)
binary_rows.extend(Source)

--- The next document: { id = "0", vector = ... }.
function Source:read()
  if self.row >= self.rows then
    return nil
  end
  self.row = self.row + 1
  return self:read_numbers()
end

--- The text of the header, or nil, message, code.
local function read_header(source)
  local reader = source.reader
  local magic = reader:bytes(8) or ""
  if magic:sub(1, 6) ~= "\147NUMPY" or #magic < 8 then
    return nil, ("'%s' is no .npy file: it does not begin with \\x93NUMPY"):format(source.name), "invalid"
  end
  local version = magic:byte(7)
  if version < 1 or version > 3 then
    return nil, ("'%s' has version %d of the format, expected 1 to 3"):format(source.name, version), "invalid"
  end
  local size_bytes = reader:bytes(version == 1 and 2 or 4) or ""
  local size = 0
  for i = #size_bytes, 1, -1 do
    size = size * 256 + size_bytes:byte(i)
  end
  local header = size <= HEADER_MAX and reader:bytes(size) or ""
  if #header < size or size == 0 then
    return nil, ("'%s' is damaged: its header has %.0f bytes"):format(source.name, size), "corrupt"
  end
  return header
end

--- Takes the type of numbers and the shape from the header. Returns true; nil, message, code.
local function read_shape(source, header)
  local descr = header:match "'descr'%s*:%s*'([^']*)'"
  local order = header:match "'fortran_order'%s*:%s*(%a+)"
  local shape = header:match "'shape'%s*:%s*%(([%d%s,]*)%)"
  local rows, dim = (shape or ""):match "^%s*(%d+)%s*,%s*(%d+)%s*,?%s*$"
  source.type = (descr or ""):match "^[<|](%a%d)$"
  if not binary_rows.sizes[source.type] then
    return nil, ("'%s' has numbers of type '%s', expected '<f2', '<f4', '<f8', '<i4', '|i1' or '|u1'"):format(
      source.name, descr or "unknown"), "invalid"
  elseif order ~= "False" then
    return nil, ("'%s' is in Fortran order: save numpy.ascontiguousarray(a)"):format(source.name), "invalid"
  elseif not rows or #rows > 15 or #dim > 15 or tonumber(dim) < 1 or tonumber(dim) > DIM_MAX then
    return nil, ("'%s' has the shape (%s), expected rows of 1 to %d numbers"):format(source.name, shape or "unknown",
      DIM_MAX), "invalid"
  end
  source.rows, source.dim = tonumber(rows), tonumber(dim)
  local expected = source.reader:done() + source.rows * source.dim * binary_rows.sizes[source.type]
  if source.reader.size and source.reader.size ~= expected then
    return nil, ("'%s' has %.0f bytes, its header tells of %.0f (shape (%s))"):format(source.name, source.reader.size,
      expected, shape), "corrupt"
  end
  return true
end

--- Opens a source of the rows of a .npy file. `options.field`: the name of the vector (default "vector").
return function(path, options)
  local source, message, code = binary_rows.open("source.npy", path, options, Source)
  if not source then
    return nil, message, code
  end
  local header, done
  header, message, code = read_header(source)
  if header then
    done, message, code = read_shape(source, header)
  end
  if not done then
    source:close()
    return nil, message, code
  end
  return source
end

--- source.fvecs, bvecs and ivecs: files of vectors as benchmarks have them (http://corpus-texmex.irisa.fr). Each row is
-- the number of its numbers, an int32, and the numbers: float32, uint8 or int32, all little-endian.

local binary_rows = require "moonvec.source.binary_rows"
local byte_reader = require "moonvec.source.byte_reader"

local M = {}

local DIM_MAX = 65535

local Source = {}
Source.__index = Source
byte_reader.extend(Source)
binary_rows.extend(Source)

--- The next document: { id = "0", vector = ... }. All rows have as many numbers as the first: anything else is damage
-- behind which no row can be found.
function Source:read()
  local head, message, code = self.reader:bytes(4)
  if not head then
    return nil, message, code
  elseif head == "" then
    return nil
  end
  self.row = self.row + 1
  local dim = #head == 4 and binary_rows.whole(head, 1)
  if dim and dim ~= self.dim then
    return nil, ("'%s' is damaged: row %.0f has %.0f numbers, the first has %d"):format(self.name, self.row, dim,
      self.dim), "corrupt"
  end
  return self:read_numbers()
end

--- Reads the size of the first row, and checks that the file has whole rows of that size.
local function read_dim(source, type_name)
  local reader = source.reader
  local head = reader.text:sub(1, 4)
  if reader.text == "" then
    source.dim = 0
    return true
  end
  source.dim = #head == 4 and binary_rows.whole(head, 1) or 0
  if source.dim < 1 or source.dim > DIM_MAX then
    return nil, ("'%s' is no file of type %s: its first row has %.0f numbers, expected 1 to %d"):format(source.name,
      type_name, source.dim, DIM_MAX), "corrupt"
  end
  local row_bytes = 4 + source.dim * binary_rows.sizes[source.type]
  if reader.size and reader.size % row_bytes ~= 0 then
    return nil, ("'%s' is truncated, or no file of type %s: its rows of %d numbers take %d bytes each, it has %.0f")
      :format(source.name, type_name, source.dim, row_bytes, reader.size), "corrupt"
  end
  return true
end

local function opener(type_name, number_type)
  return function(path, options)
    local call = "source." .. type_name
    local source, message, code = binary_rows.open(call, path, options, Source)
    if not source then
      return nil, message, code
    end
    source.type = number_type
    local done
    done, message, code = read_dim(source, type_name)
    if not done then
      source:close()
      return nil, message, code
    end
    return source
  end
end

M.fvecs = opener("fvecs", "f4")
M.bvecs = opener("bvecs", "u1")
M.ivecs = opener("ivecs", "i4")

return M

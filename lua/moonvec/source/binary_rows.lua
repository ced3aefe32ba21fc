--- Rows of numbers in binary files, little-endian: what source.fvecs and source.npy have in common.

local byte_reader = require "moonvec.source.byte_reader"
local check = require "moonvec.check"
local core = require "moonvec.core"
local schema_fields = require "moonvec.schema_fields"

local M = {}

--- Bytes of a number of each type, as numpy names them.
M.sizes = { f2 = 2, f4 = 4, f8 = 8, i1 = 1, u1 = 1, i4 = 4 }

-- string.byte returns at most some thousand values.
local BYTES_AT_ONCE = 256

--- The int32 at a position.
function M.whole(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  local number = a + 256 * b + 65536 * c + 16777216 * d
  return number < 2 ^ 31 and number or number - 2 ^ 32
end

--- A float of IEEE 754 from its parts: `exponent` and `fraction` as they are stored.
local function real(is_negative, exponent, fraction, exponent_bits, fraction_bits)
  local exponent_max, bias = 2 ^ exponent_bits - 1, 2 ^ (exponent_bits - 1) - 1
  local number
  if exponent == exponent_max then
    number = fraction == 0 and math.huge or 0 / 0
  elseif exponent == 0 then
    number = fraction * 2 ^ (1 - bias) / 2 ^ fraction_bits
  else
    number = (1 + fraction / 2 ^ fraction_bits) * 2 ^ (exponent - bias)
  end
  return is_negative and -number or number
end

local function half(text, at)
  local low, high = text:byte(at, at + 1)
  local exponent = math.floor(high / 4) % 32
  return real(high >= 128, exponent, high % 4 * 256 + low, 5, 10)
end

local function double(text, at)
  local a, b, c, d, e, f, g, h = text:byte(at, at + 7)
  local exponent = h % 128 * 16 + math.floor(g / 16)
  local low = a + 256 * (b + 256 * c)
  local fraction = low + 16777216 * (d + 256 * (e + 256 * (f + 256 * (g % 16))))
  return real(h >= 128, exponent, fraction, 11, 52)
end

local READERS = { f2 = half, f8 = double, i4 = M.whole }

--- A table of bytes as numbers.
local function bytes_of(text, is_signed)
  local numbers = {}
  for from = 1, #text, BYTES_AT_ONCE do
    local some = { text:byte(from, from + BYTES_AT_ONCE - 1) }
    for i = 1, #some do
      local number = some[i]
      numbers[from + i - 1] = is_signed and number > 127 and number - 256 or number
    end
  end
  return numbers
end

--- The numbers of a row: a packed string if they are floats and are for a vector field, else a table.
local function numbers_of(source, text)
  local kind = source.type
  if kind == "f4" then
    return source.wants_tables and core.unpack(text) or text
  elseif kind == "u1" or kind == "i1" then
    return bytes_of(text, kind == "i1")
  end
  local numbers, read, size = {}, READERS[kind], M.sizes[kind]
  for i = 1, source.dim do
    numbers[i] = read(text, (i - 1) * size + 1)
  end
  return numbers
end

--- Gives the class of a source the methods that all of them have.
function M.extend(class)
  --- A field that is no vector, such as an array_float, is given tables.
  function class:use_schema(schema)
    self.wants_tables = not schema_fields.find_vector(schema, self.field)
  end

  --- The document of the numbers that come next.
  function class:read_numbers()
    local wanted = self.dim * M.sizes[self.type]
    local text, message, code = self.reader:bytes(wanted)
    if not text then
      return nil, message, code
    elseif #text < wanted then
      return nil, ("'%s' is truncated: row %.0f has %d bytes of numbers, expected %d"):format(self.name, self.row,
        #text, wanted), "corrupt"
    end
    return { id = ("%.0f"):format(self.row - 1), [self.field] = numbers_of(self, text) }
  end
end

--- Opens the file of such a source. `options.field`: the name of the vector (default "vector").
function M.open(call, path, options, class)
  local field = core.options(call, options, "field")
  field = check.field(call, "field", field or "vector")
  local reader, message, code = byte_reader.open(call, path, false)
  if not reader then
    return nil, message, code
  end
  return setmetatable({ reader = reader, name = reader.name, unit = "row", row = 0, field = field }, class)
end

return M

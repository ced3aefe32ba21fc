--- The header of a file in the format safetensors: 8 bytes with its size, little-endian, and a JSON object, which has
-- for each tensor its type, its shape, and the range of its bytes behind the header.

local core = require "moonvec.core"
local json = require "moonvec.json"

local M = {}

local HEADER_SIZE_MAX = 100000000 -- the limit of the library safetensors

-- Bytes of a number of the types that are read. The engine says which tensor may have which type.
local SIZES = { F64 = 8, F32 = 4, F16 = 2, BF16 = 2, I8 = 1, I32 = 4, I64 = 8 }

local function is_whole(value)
  return type(value) == "number" and value >= 0 and value < 2 ^ 53 and value % 1 == 0
end

--- A tensor as the engine takes it, or nil and what is wrong. `start`: where the data of the file begins.
local function tensor_of(given, start)
  local shape, range = given.shape, given.data_offsets
  if type(shape) ~= "table" or type(range) ~= "table" or not is_whole(range[1]) or not is_whole(range[2]) then
    return nil, "lacks a shape or an array of two data_offsets"
  elseif #shape < 1 or #shape > 2 or not is_whole(shape[1]) or #shape == 2 and not is_whole(shape[2]) then
    return nil, "has a shape that is not of one or two whole numbers"
  end
  local size = SIZES[given.dtype]
  if not size then
    return nil, ("has the type %s, which is not supported"):format(core.quote(tostring(given.dtype)))
  end
  local columns = shape[2] or 1
  if range[2] - range[1] ~= shape[1] * columns * size then
    return nil, ("has %.0f bytes, its shape %.0f × %.0f needs %.0f"):format(range[2] - range[1], shape[1], columns,
      shape[1] * columns * size)
  end
  return { type = given.dtype, offset = start + range[1], rows = shape[1], columns = columns }
end

local function read_header(file, path)
  local file_size = file:seek("end") or 0
  file:seek("set")
  local bytes = file:read(8)
  if not bytes or #bytes < 8 then
    return nil, ("'%s' is shorter than the 8 bytes of its header's size"):format(path), "corrupt"
  end
  local size = 0.0 -- no integer, which would wrap around
  for i = 8, 1, -1 do
    size = size * 256 + bytes:byte(i)
  end
  if size > HEADER_SIZE_MAX then
    return nil, ("the header of '%s' would have %.0f bytes, at most %d are read"):format(path, size, HEADER_SIZE_MAX),
      "corrupt"
  end
  -- To read more than there is would take memory for it first.
  local text = 8 + size <= file_size and file:read(size) or ""
  if #text < size then
    return nil, ("the header of '%s' should have %.0f bytes, the file has %.0f"):format(path, size, file_size),
      "corrupt"
  end
  local header, message = json.decode(text)
  if type(header) ~= "table" then
    return nil, ("the header of '%s' is not a JSON object: %s"):format(path, message or type(header)), "corrupt"
  end
  return header, 8 + size
end

--- The tensors of a file by name, as the engine takes them: { type, offset, rows, columns }; or nil, message, code. A
-- list has one column. Tensors of other names than a model has are not looked at.
function M.read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil, ("cannot open '%s'"):format(path), "not_found"
  end
  local header, start, code = read_header(file, path)
  file:close()
  if not header then
    return nil, start, code
  end
  local tensors = {}
  for _, name in ipairs { "embeddings", "embedding.weight", "weights", "mapping" } do
    local given = header[name]
    if given ~= nil then
      local tensor, message
      if type(given) == "table" then
        tensor, message = tensor_of(given, start)
      end
      if not tensor then
        return nil, ("'%s': the tensor '%s' %s"):format(path, name, message or "is not an object"), "corrupt"
      end
      tensors[name] = tensor
    end
  end
  return tensors
end

return M

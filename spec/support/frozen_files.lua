-- Directories of files as text, for the repository (spec/data). The file NAME is stored as NAME.hex:
--
--   size 8352        size of the file in bytes
--   40: 6d6f6f_5     a line: its offset and its bytes in hexadecimal; "_5" means five zeros, "_f" fifteen
--
-- A line has 64 bytes; the last line of a file may have fewer. A missing line has the same bytes as the line before it.
-- The line before the first has only zeros.

local listing = require "spec.support.listing"
local program = require "spec.support.program"

local M = {}

local LINE = 64
local ZEROS = ("\0"):rep(LINE)

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
end

local function line_to_text(bytes)
  local parts, at = {}, 1
  while at <= #bytes do
    local zeros = 0
    while zeros < 15 and bytes:byte(at + zeros) == 0 do
      zeros = zeros + 1
    end
    parts[#parts + 1] = zeros > 1 and ("_%x"):format(zeros) or ("%02x"):format(bytes:byte(at))
    at = at + math.max(zeros, 1)
  end
  return table.concat(parts)
end

local function line_from_text(text)
  return (text:gsub("(.)(.)", function(first, second)
    if first == "_" then
      return ("\0"):rep(tonumber(second, 16))
    end
    return string.char(tonumber(first .. second, 16))
  end))
end

function M.to_text(bytes)
  local lines, before = { "size " .. #bytes }, ZEROS
  for at = 0, #bytes - 1, LINE do
    local line = bytes:sub(at + 1, at + LINE)
    if line ~= before:sub(1, #line) then
      lines[#lines + 1] = ("%x: %s"):format(at, line_to_text(line))
      before = line
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

function M.from_text(text)
  local size = tonumber(text:match("^size (%d+)\n"))
  local lines, before, at = {}, ZEROS, 0
  local function repeat_until(offset)
    while at < offset do
      lines[#lines + 1] = before
      at = at + LINE
    end
  end
  for offset, line in text:gmatch("\n(%x+): ([%x_]+)") do
    repeat_until(tonumber(offset, 16))
    before = line_from_text(line)
    lines[#lines + 1] = before
    at = at + LINE
  end
  repeat_until(size)
  return table.concat(lines):sub(1, size)
end

--- Writes the files in the directory `path`, except the lock files, as text to `folder`.
function M.pack(path, folder)
  for _, name in ipairs(listing.names(path)) do
    if not name:find("^catalog%.mdb%-") then
      write(folder .. "/" .. name .. ".hex", M.to_text(read(path .. "/" .. name)))
    end
  end
end

local DUMP = "/dump.mvdump"

--- Creates the directory `path` with a dump in it.
function M.write_dump(path, dump)
  os.execute("mkdir -p " .. program.quote(path))
  write(path .. DUMP, dump)
end

--- The dump that was packed to `folder`.
function M.dump(folder)
  return M.from_text(read(folder .. DUMP .. ".hex"))
end

local read_last = {} -- the folder that was read last, and the bytes of its files by name

--- Creates the directory `path` from the text files in `folder`.
function M.unpack(folder, path)
  if read_last.folder ~= folder then
    read_last = { folder = folder, files = {} }
    for _, name in ipairs(listing.names(folder, "%.hex$")) do
      read_last.files[name:gsub("%.hex$", "")] = M.from_text(read(folder .. "/" .. name))
    end
  end
  os.execute("mkdir -p " .. program.quote(path))
  for name, bytes in pairs(read_last.files) do
    write(path .. "/" .. name, bytes)
  end
end

return M

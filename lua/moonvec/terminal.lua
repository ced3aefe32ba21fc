--- What is written for people: whether a stream is a terminal, its width, marks in text; sizes, numbers and durations.

local system = require "moonvec.system"

local M = {}

local WIDTH_DEFAULT = 80

local is_terminal = {} -- by descriptor; asked once

--- Whether the stream with this descriptor (0 stdin, 1 stdout, 2 stderr) is a terminal. Plain Lua cannot tell, so the
-- shell is asked.
function M.is_terminal(descriptor)
  if is_terminal[descriptor] == nil then
    is_terminal[descriptor] = system.run("test -t " .. descriptor)
  end
  return is_terminal[descriptor]
end

--- The number of columns of the terminal.
function M.width()
  local columns = tonumber(os.getenv("COLUMNS") or "")
  if not columns then
    local size = system.line_of "stty size </dev/tty 2>/dev/null"
    columns = tonumber((size or ""):match "%d+ (%d+)")
  end
  return columns and columns > 0 and columns or WIDTH_DEFAULT
end

--- Functions that mark text: for a terminal with its escapes, else not at all.
function M.styles(is_on)
  local function style(code)
    return function(text)
      return is_on and "\27[" .. code .. "m" .. text .. "\27[0m" or text
    end
  end
  return { bold = style "1", dim = style "2", mark = style "1;33", title = style "36" }
end

local UNITS = { "bytes", "KB", "MB", "GB", "TB" }

--- A number of bytes for people: "76 KB", "1.4 GB" (of 1,000 bytes each step).
function M.size(bytes)
  local unit = 1
  while bytes >= 999.5 and unit < #UNITS do
    bytes, unit = bytes / 1000, unit + 1
  end
  return (unit == 1 or bytes >= 99.95) and ("%.0f %s"):format(bytes, UNITS[unit])
    or ("%.1f %s"):format(bytes, UNITS[unit])
end

--- A whole number with its thousands set off: "63,681".
function M.number(n)
  local text = ("%.0f"):format(n)
  local sign, digits = text:match("^(%-?)(%d+)$")
  return sign .. digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
end

--- A duration in seconds for people: "8 s", "3:07", "1:02:45".
function M.duration(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then
    return ("%d s"):format(seconds)
  elseif seconds < 3600 then
    return ("%d:%02d"):format(math.floor(seconds / 60), seconds % 60)
  end
  return ("%d:%02d:%02d"):format(math.floor(seconds / 3600), math.floor(seconds / 60) % 60, seconds % 60)
end

return M

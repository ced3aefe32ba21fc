--- What plain Lua lacks: reading a file by its path, and what programs of the system do.

local M = {}

--- Whether a file or folder of this path can be opened.
function M.exists(path)
  local file = io.open(path, "rb")
  return file and file:close() and true or false
end

--- All bytes of a file. Returns nil and a message that begins with the path if it cannot be read.
function M.read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text, why = file:read "*a" -- nil for a folder
  file:close()
  if not text then
    return nil, ("%s: %s"):format(path, why or "cannot be read")
  end
  return text
end

--- A text as one word of a POSIX shell.
function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a command of the shell. Returns whether its exit status is 0.
function M.run(command)
  local status = os.execute(command) -- true from Lua 5.2 on, before that the exit status
  return status == true or status == 0
end

--- The first line that a command of the shell prints, or nil.
function M.line_of(command)
  local pipe = io.popen(command)
  local line = pipe and pipe:read "*l"
  if pipe then
    pipe:close()
  end
  return line
end

--- The absolute path of a folder, without symbolic links; nil if there is no such folder. Its name may contain line
-- breaks, and may begin with a dash.
function M.absolute(folder)
  local pipe = io.popen("CDPATH= cd " .. M.quote((folder:gsub("^%-", "./-"))) .. " 2>/dev/null && pwd -P")
  local path = pipe and pipe:read "*a" or ""
  if pipe then
    pipe:close()
  end
  return path:match "^(.+)\n$"
end

--- Waits for this many seconds. Returns false if Ctrl-C ended the pause: it reaches both programs.
function M.sleep(seconds)
  return M.run("exec sleep " .. seconds)
end

return M

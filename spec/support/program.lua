-- Runs a Lua program in a new process, with the interpreter that runs the specs.

local M = {}

--- Quotes `text` as one word of a shell command.
function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end
local quote = M.quote

--- The interpreter that runs the specs, as a word of a shell command.
function M.interpreter()
  local lowest = 0 -- "lua5.4 -e x busted" has lua5.4 at arg[-3]
  while arg[lowest - 1] do
    lowest = lowest - 1
  end
  return quote(arg[lowest])
end

--- The shell command that runs `script` with arguments.
function M.command(script, ...)
  local command = { M.interpreter(), quote(script) }
  for _, argument in ipairs({ ... }) do
    command[#command + 1] = quote(tostring(argument))
  end
  return table.concat(command, " ")
end

--- Runs `script` with arguments. Returns its output (stdout and stderr mixed) and its exit status.
function M.run(script, ...)
  -- Lua 5.1 does not return the exit status of a pipe, so the shell appends it to the output.
  local pipe = assert(io.popen(M.command(script, ...) .. " 2>&1; echo $?"))
  local output, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  return output, tonumber(status)
end

--- A new path. remove() deletes it with all its contents.
function M.temporary_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

function M.remove(path)
  os.execute("rm -rf " .. quote(path))
end

return M

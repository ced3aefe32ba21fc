-- Runs the program `moonvec` of this checkout, with the interpreter and the build that run the specs.

local program = require "spec.support.program"
local text_files = require "spec.support.text_files"

local M = {}

local script = "bin/moonvec"

local function read_and_remove(path)
  local text = text_files.read(path)
  os.remove(path)
  return text
end

--- The shell command that runs moonvec with arguments. moonvec.core is loaded first, so that it is the one of
-- LUA_CPATH: the program itself would look in build/.
function M.command(...)
  local words = { program.interpreter(), "-l", "moonvec.core", script }
  for _, word in ipairs { ... } do
    words[#words + 1] = program.quote(tostring(word))
  end
  return table.concat(words, " ")
end

--- Runs a shell command. Returns its output, its exit code, and what it wrote to stderr.
function M.shell(command)
  local errors = os.tmpname()
  local pipe = assert(io.popen(("{ %s\n} 2>%s; echo $?"):format(command, errors)))
  local output, exit_code = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  return output, tonumber(exit_code), read_and_remove(errors)
end

--- The shell command without the privileges of root, who could read and write every file. It runs as the same user, so
-- that it can read this checkout.
function M.unprivileged(command)
  if M.shell "id -u" == "0\n" then
    return "setpriv --inh-caps=-all --bounding-set=-all -- " .. command
  end
  return command
end

--- Runs moonvec with arguments. Returns its output, its exit code, and what it wrote to stderr.
function M.run(...)
  return M.shell(M.command(...))
end

--- The output of a run that must succeed.
function M.output(...)
  local output, exit_code, errors = M.run(...)
  assert(exit_code == 0, errors)
  return output
end

--- What a run that must fail with this exit code wrote to stderr.
function M.failure(exit_code, ...)
  local output, got, errors = M.run(...)
  assert(got == exit_code, ("exit code %s instead of %d: %s%s"):format(tostring(got), exit_code, output, errors))
  return errors
end

return M

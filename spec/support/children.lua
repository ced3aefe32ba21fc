-- Child processes of the specs, which open the same collection as the spec.
--
-- A child runs an ordinary function in the interpreter that runs the specs. It shares nothing with its parent: it may
-- use globals, `require` and its arguments (numbers and strings), but no local variable of the spec. The parent reads
-- the output of the child line by line; the child reads lines of the parent with io.read().

local program = require "spec.support.program"

local M = {}

local Child = {}
Child.__index = Child

local running = {}

--- True if a shell command succeeds. Its output is discarded.
function M.succeeds(command)
  local ok = os.execute("(" .. command .. ") >/dev/null 2>&1")
  return ok == true or ok == 0 -- the latter on Lua 5.1
end

--- The output of a shell command.
function M.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function write_body(body)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(string.dump(body))
  file:close()
  return path
end

-- "NAME=value" of a search path, relative to the current directory: a child that runs as another user may have access
-- to this directory but not to its parents.
local function from_here(name)
  local value, here = os.getenv(name), os.getenv("PWD")
  if not value or not here then
    return ""
  end
  return program.quote(name .. "=" .. value:gsub(here:gsub("%p", "%%%0") .. "/", "./"))
end

--- Starts a process that runs body(...). `prefix`: a command that runs it, like "strace -o FILE".
function M.start_under(prefix, body, ...)
  local child = setmetatable({ body_path = write_body(body), input_path = program.temporary_path() }, Child)
  assert(M.succeeds("mkfifo " .. child.input_path .. " && chmod a+r " .. child.body_path))
  local command = program.command("spec/support/child_main.lua", child.body_path, ...)
  local paths = from_here("LUA_PATH") .. " " .. from_here("LUA_CPATH")
  child.output =
    assert(io.popen(("echo $$; exec env %s %s %s <%s 2>&1"):format(paths, prefix, command, child.input_path)))
  child.pid = assert(tonumber(child.output:read("*l")))
  child.input = assert(io.open(child.input_path, "w")) -- waits until the child has opened the other end
  child.input:setvbuf("line")
  running[child] = true
  return child
end

function M.start(body, ...)
  return M.start_under("", body, ...)
end

--- The next line that the child prints, or nil at the end. Raises if the child failed.
function Child:read()
  local line = self.output:read("*l")
  if line and line:find("^failed: ") then
    error("child " .. line .. "\n" .. self.output:read("*a"), 2)
  end
  return line
end

function Child:send(line)
  self.input:write(line, "\n")
end

local function forget(child)
  running[child] = nil
  child.output:close() -- waits for the child to exit
  child.input:close()
  os.remove(child.input_path)
  os.remove(child.body_path)
end

--- Waits for the child to exit. Returns the remaining lines of its output; raises if it did not finish.
function Child:wait()
  local lines = {}
  for line in self.read, self do
    lines[#lines + 1] = line
  end
  forget(self)
  local last = table.remove(lines)
  if last ~= "ended" then
    error("child died, its last words: " .. tostring(last), 2)
  end
  return lines
end

--- Kills the child with SIGKILL. Returns the remaining lines of its output.
function Child:kill()
  local lines = {}
  M.succeeds("kill -9 " .. self.pid)
  for line in self.output:lines() do
    lines[#lines + 1] = line
  end
  forget(self)
  return lines
end

--- For after_each: kills the children that still run.
function M.clean()
  for child in pairs(running) do
    child:kill()
  end
end

return M

-- Runs a program in a pseudo-terminal, with `script` of util-linux, and types into it.

local program = require "spec.support.program"

local M = {}

-- Seconds until a session is ended, and until a text is missing. They only matter to a spec that fails.
local LIMIT, AWAIT_LIMIT = 120, 60

local session = {}
session.__index = session

--- True if `script` can run a command in a pseudo-terminal here.
function M.is_possible()
  local pipe = io.popen "script -qec 'echo works' /dev/null 2>/dev/null </dev/null"
  local output = pipe:read "*a"
  pipe:close()
  return output:find "works" ~= nil
end

--- Starts a shell command.
function M.start(command)
  local path = os.tmpname()
  local line = ("TERM=xterm SHELL=/bin/sh timeout -k 1 %d script -qefc %s %s >/dev/null"):format(LIMIT,
    program.quote(command), path)
  return setmetatable({ path = path, pipe = assert(io.popen(line, "w")), at = 1 }, session)
end

--- Types these characters.
function session:type(keys)
  self.pipe:write(keys)
  self.pipe:flush()
end

--- All that the terminal was sent.
function session:output()
  local file = assert(io.open(self.path, "rb"))
  local output = file:read "*a"
  file:close()
  return output
end

--- Waits until the terminal was sent this text behind that of the last call.
function session:await(text)
  local limit = os.time() + AWAIT_LIMIT
  while true do
    local output = self:output()
    local _, last = output:find(text, self.at, true)
    if last then
      self.at = last + 1
      return
    end
    assert(os.time() < limit, ("waited for %q in vain: %q"):format(text, output))
    os.execute "sleep 0.01"
  end
end

--- Waits for the end of the program. Returns all that the terminal was sent.
function session:finish()
  self.pipe:close()
  local output = self:output()
  os.remove(self.path)
  return output
end

return M

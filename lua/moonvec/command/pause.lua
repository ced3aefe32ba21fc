--- Waits. Plain Lua cannot, so a program of the system does.

--- Waits for this many seconds. Returns false if Ctrl-C ended the pause: it reaches both programs.
return function(seconds)
  local status = os.execute("exec sleep " .. seconds) -- true from Lua 5.2 on, before that the exit status
  return status == true or status == 0
end

-- The program of a child process of spec/support/children.lua: calls a function from a file, with arguments.

io.stdout:setvbuf("line")

local body = assert(loadfile(arg[1]))
local arguments = {}
for i = 2, #arg do
  arguments[i - 1] = tonumber(arg[i]) or arg[i]
end

local ok, message = xpcall(function()
  return body((table.unpack or unpack)(arguments)) -- luacheck: ignore
end, debug.traceback)
print(ok and "ended" or "failed: " .. message)

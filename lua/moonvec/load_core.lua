-- Loads moonvec.core. A file that was built for another Lua lacks functions of this one, and the dynamic linker or
-- luaL_checkversion refuses it. What they say does not help, so the file is asked what it was built for. If that is
-- this Lua, the program that runs has it built in, and does not let modules use it.

--- The LUA_VERSION in the file of moonvec.core, "Lua 5.4"; nil if there is no such file.
local function version_of_file()
  for template in package.cpath:gmatch("[^;]+") do
    local file = io.open((template:gsub("%?", "moonvec/core")), "rb")
    if file then
      local bytes = file:read("*a")
      file:close()
      return bytes:match("moonvec%.core for (Lua %d%.%d)")
    end
  end
end

--- What the message of `require` means, or the message itself.
local function explain(message)
  local built_for = version_of_file()
  if built_for and built_for ~= _VERSION then
    local this = type(jit) == "table" and jit.version or _VERSION -- luacheck: ignore jit
    return ("moonvec.core was built for %s, this is %s"):format(built_for, this)
  elseif built_for and message:find "undefined symbol: lua" then
    return ("this program has %s built in and does not export its functions, so it cannot load moonvec.core: %s")
      :format(_VERSION, message:match "undefined symbol: [%w_]+")
  end
  return message
end

local ok, core = pcall(require, "moonvec.core")
if not ok then
  error(explain(tostring(core)), 0)
end
core.raise_own_folder() -- errors name the line of the program, not one of the files beside this one

return core

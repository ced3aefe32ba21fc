-- Loads moonvec.core. A file that was built for another Lua lacks functions of this one, and the dynamic linker or
-- luaL_checkversion refuses it. What they say does not help, so the file is asked what it was built for.

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

local ok, core = pcall(require, "moonvec.core")
if not ok then
  local built_for = version_of_file()
  if built_for and built_for ~= _VERSION then
    local this = type(jit) == "table" and jit.version or _VERSION -- luacheck: ignore jit
    error(("moonvec.core was built for %s, this is %s"):format(built_for, this), 0)
  end
  error(core, 0)
end
core.raise_own_folder() -- errors name the line of the program, not one of the files beside this one

return core

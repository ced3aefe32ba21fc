--- The modules of Tarantool. They are loaded by this function, so that another Lua gets a clear error.

--- The module `name` of Tarantool.
return function(name)
  local found, module = pcall(require, name)
  if not found or not rawget(_G, "box") then
    local jit = rawget(_G, "jit")
    error("moonvec.tarantool runs in Tarantool, this is " .. (jit and jit.version or _VERSION), 0)
  end
  return module
end

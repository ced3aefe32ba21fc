-- Loads moonvec. The system loads a C module only from a file of its own, not from a .love file. So the module is
-- copied to the save directory, where LÖVE's `require` looks, too: once, and again when the game has a newer one.

local core = assert(love.filesystem.read "library/core.so")
if love.filesystem.read "moonvec/core.so" ~= core then
  assert(love.filesystem.createDirectory "moonvec" and love.filesystem.write("moonvec/core.so", core))
end
return require "moonvec"

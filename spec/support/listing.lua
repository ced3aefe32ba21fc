-- The contents of the directory of a collection. They are read by other processes, never by this one: if a process that
-- has the collection open opens and closes the lock file again, LMDB loses its lock.

local children = require "spec.support.children"
local program = require "spec.support.program"

local M = {}

--- The names of the files, sorted. `pattern`: only names that match it.
function M.names(path, pattern)
  local names = {}
  for name in children.output("LC_ALL=C ls -A " .. program.quote(path)):gmatch("[^\n]+") do
    if not pattern or name:find(pattern) then
      names[#names + 1] = name
    end
  end
  return names
end

--- The names, sizes, times and contents of all files, as one text. Of the lock file of readers, which they change,
--- only the name and the size.
function M.state(path)
  return children.output(([[cd %s && stat -c '%%n %%a %%s %%y' . && LC_ALL=C
    for name in $(ls -A); do
      if [ $name = catalog.mdb-lock ]; then stat -c '%%n %%a %%s' $name
      else stat -c '%%n %%a %%s %%y' $name; sha256sum <$name; fi
    done]]):format(program.quote(path)))
end

return M

-- What is in the directory of a collection. Other processes look, never this one: LMDB's lock is lost when a process
-- that has the collection open opens and closes the lock file once more.

local children = require "spec.support.children"
local program = require "spec.support.program"

local M = {}

--- Names of the files, sorted. `pattern`: only those.
function M.names(path, pattern)
  local names = {}
  for name in children.output("LC_ALL=C ls -A " .. program.quote(path)):gmatch("[^\n]+") do
    if not pattern or name:find(pattern) then
      names[#names + 1] = name
    end
  end
  return names
end

--- Names, sizes, times and contents of all files, as one text; of the lock file, where readers enter themselves, only
--- its name and size.
function M.state(path)
  return children.output(([[cd %s && stat -c '%%n %%a %%s %%y' . && LC_ALL=C
    for name in $(ls -A); do
      if [ $name = catalog.mdb-lock ]; then stat -c '%%n %%a %%s' $name
      else stat -c '%%n %%a %%s %%y' $name; sha256sum <$name; fi
    done]]):format(program.quote(path)))
end

return M

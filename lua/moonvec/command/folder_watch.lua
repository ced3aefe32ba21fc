--- Waits for changes in a folder. With lua-inotify the system tells that something has happened; without it, the update
-- itself looks every two seconds. Either way, the update finds what has changed, from the times and sizes of files.

local system = require "moonvec.system"

-- Seconds between two looks: at what the system tells, and at the files themselves. The first one is short: a blocking
-- read would not be ended by Ctrl-C, because lua lets system calls go on after a signal.
local EVENT_SECONDS, LOOK_SECONDS = 1, 2

--- Adds a watch for the folder and those in it. A folder that cannot be watched is looked at in each update anyway.
local function add_watches(inotify, handle, lfs, folder)
  handle:addwatch(folder, inotify.IN_CREATE, inotify.IN_DELETE, inotify.IN_CLOSE_WRITE, inotify.IN_MOVED_FROM,
    inotify.IN_MOVED_TO, inotify.IN_ONLYDIR)
  local ok, next_name, state = pcall(lfs.dir, folder)
  for name in ok and next_name or function() end, state do
    local path = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.symlinkattributes(path, "mode") == "directory" then
      add_watches(inotify, handle, lfs, path)
    end
  end
end

--- Whether something has happened since the last call.
local function has_events(handle)
  local events = handle:read()
  return events ~= nil and #events > 0
end

--- Calls update() after each change. Watches are added again each time, since folders may be new, and before the
-- update, so that no change is missed.
local function watch_events(inotify, folder, update)
  while true do
    local handle = inotify.init { blocking = false }
    add_watches(inotify, handle, require "lfs", folder)
    update()
    repeat
      if not system.sleep(EVENT_SECONDS) then
        return
      end
    until has_events(handle)
    handle:close()
  end
end

local function watch_files(update)
  repeat
    update()
  until not system.sleep(LOOK_SECONDS)
end

--- Calls update() again and again, at least after each change. Returns when Ctrl-C is pressed.
return function(folder, update)
  local found, inotify = pcall(require, "inotify")
  local ok, failure = pcall(found and watch_events or watch_files, found and inotify or update, folder, update)
  if not ok and not tostring(failure):find "interrupted!$" then -- so lua names Ctrl-C
    error(failure, 0)
  end
end

-- The tarballs of a release and the source rock. The same commit gives the same bytes: entries are sorted, have the
-- time of the commit and no owner.

local process = require "release.process"

local M = {}

--- The time of the commit, in seconds since 1970.
function M.commit_time(folder)
  return process.run("git -C %s log -1 --format=%%ct HEAD", folder)
end

--- Packs the commit HEAD of `folder` into `path`, all of it in a folder `name`.
function M.source(folder, name, path)
  local tar = path .. ".tar" -- not a pipe: a shell forgets that its first command failed
  process.run("git -C %s archive --format=tar --prefix=%s --output=%s HEAD", folder, name .. "/", tar)
  process.run("gzip -9n < %s > %s && rm %s", tar, path, tar)
end

--- Packs the folder `name` in `parent` into `path`.
function M.folder(parent, name, time, path)
  local tar = path .. ".tar"
  process.run("tar -C %s --sort=name --format=gnu --mtime=%s --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX "
    .. "-cf %s %s", parent, "@" .. time, tar, name)
  process.run("gzip -9n < %s > %s && rm %s", tar, path, tar)
end

--- Puts files of `folder` into a rock, which is a zip file.
function M.rock(folder, names, time, path)
  process.run("cd %s && rm -f %s", folder, path)
  for _, name in ipairs(names) do
    process.run("cd %s && touch -d %s %s && TZ=UTC zip -Xqj %s %s", folder, "@" .. time, name, path, name)
  end
end

return M

-- Writes the files of a format as text into the directory of its write.lua: lua5.4 spec/data/make.lua FOLDER. README.md
-- lists the version of moonvec that did this for each directory. It is done only once: existing files are never written
-- again.

local moonvec = require "moonvec"
local frozen_files = require "spec.support.frozen_files"
local program = require "spec.support.program"

local folder = arg[1]
local writer = require(("spec.data.%s.write"):format(folder))
local path, copy = program.temporary_path(), program.temporary_path()

local c = assert(moonvec.open(path, { schema = writer.schema, maintenance = "manual" }))
writer.write(c)
assert(c:check())
if writer.is_dump then
  frozen_files.write_dump(copy, c:dump())
else
  assert(c:backup(copy)) -- its catalog has no free pages
end
c:close()
frozen_files.pack(copy, "spec/data/" .. folder)
program.remove(path)
program.remove(copy)

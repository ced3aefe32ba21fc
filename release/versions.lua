-- What version the sources say they are. engine/moonvec.h is where it is written; the changelog must agree.

local process = require "release.process"

local M = {}

--- The version in engine/moonvec.h, such as "0.1.0".
function M.of_header(folder)
  local text = process.read(folder .. "/engine/moonvec.h")
  local version = text:match('\n#define MV_VERSION "(%d+%.%d+%.%d+)"')
  if not version then
    error("engine/moonvec.h has no line '#define MV_VERSION \"N.N.N\"'", 0)
  end
  return version
end

--- The newest section of a changelog: its heading, without "## ", and its text.
function M.newest_section(changelog)
  local heading, rest = changelog:match("\n## ([^\n]+)\n+(.*)$")
  if not heading then
    error("CHANGELOG.md has no heading '## VERSION (DATE)'", 0)
  end
  return heading, (rest .. "\n## "):match("^(.-)%s*\n## ")
end

--- Why these sources are not to be released as `version`: a list of sentences, empty if they are.
function M.problems(folder, version)
  local found = {}
  local heading = M.newest_section(process.read(folder .. "/CHANGELOG.md"))
  local of_heading = heading:match("^(%S+) %(%d%d%d%d%-%d%d%-%d%d%)$")
  if of_heading ~= version then
    found[#found + 1] = ("the newest heading of CHANGELOG.md is '## %s', engine/moonvec.h wants '## %s (YYYY-MM-DD)'")
      :format(heading, version)
  end
  local changed = process.run("git -C %s status --porcelain", folder)
  if changed ~= "" then
    found[#found + 1] = "these files are not committed, and would not be in the release:\n" .. changed
  end
  local tag = "v" .. version
  local tagged = process.run("git -C %s rev-list --max-count=1 %s -- 2>/dev/null || true", folder, tag)
  if tagged ~= "" and tagged ~= process.run("git -C %s rev-parse HEAD", folder) then
    found[#found + 1] = ("the tag %s is at another commit: raise MV_VERSION in engine/moonvec.h"):format(tag)
  end
  return found
end

--- The text of the tag: a title, then the newest section of the changelog, as plain text for `git tag -F`.
function M.tag_text(changelog, version)
  local _, text = M.newest_section(changelog)
  return ("moonvec %s\n\n%s\n"):format(version, (text:gsub("%f[^\n%z]#+ ([^\n]+)", "%1:")))
end

return M

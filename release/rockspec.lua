-- The rockspec of a release: moonvec-scm-1.rockspec with another version and source, so that there is one text to keep.

local M = {}

local REVISION = 1 -- of the rockspec, for the same sources

--- Replaces the one place where `pattern` matches.
local function replace(text, pattern, replacement)
  local changed, count = text:gsub(pattern, (replacement:gsub("%%", "%%%%")))
  if count ~= 1 then
    error(("moonvec-scm-1.rockspec matches '%s' %d times, once was expected"):format(pattern, count), 0)
  end
  return changed
end

--- The version of the rock: "0.1.0-1".
function M.version(version)
  return ("%s-%d"):format(version, REVISION)
end

--- The text of the rockspec for the tarball of sources, moonvec-0.1.0.tar.gz, with this MD5 sum.
function M.text(scm, version, md5)
  local source = ([[
source = {
  url = "https://github.com/moonvec/moonvec/releases/download/v%s/moonvec-%s.tar.gz",
  md5 = "%s",
  dir = "moonvec-%s",
}
]]):format(version, version, md5, version)
  local text = replace(scm, 'version = "scm%-1"', ('version = "%s"'):format(M.version(version)))
  return replace(text, "source = {\n.-\n}\n", source)
end

return M

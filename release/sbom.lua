-- The software bill of materials: what moonvec is made of, in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/).

local json = require "moonvec.json"
local process = require "release.process"

local M = {}

-- `library` is the file that the module links with; SIMDe and xxHash are headers, compiled into it.
local PARTS = {
  { name = "LMDB", debian = "liblmdb-dev", license = "OLDAP-2.8", library = "liblmdb" },
  { name = "SIMDe", debian = "libsimde-dev", license = "MIT" },
  { name = "xxHash", debian = "libxxhash-dev", license = "BSD-2-Clause" },
  { name = "utf8proc", debian = "libutf8proc-dev", license = "MIT AND Unicode-DFS-2015", library = "libutf8proc" },
  { name = "Snowball", debian = "libstemmer-dev", license = "BSD-3-Clause", library = "libstemmer" },
}

-- The C library and its parts, which every program has.
local OF_SYSTEM = { libc = true, libm = true, libpthread = true, libatomic = true, ["ld-linux-x86-64"] = true,
  ["ld-linux-aarch64"] = true }

--- The libraries that a module is linked with, without versions: { libc = true, liblmdb = true, ... }.
function M.libraries(module)
  local found = {}
  for name in process.run("readelf -d %s", module):gmatch("%(NEEDED%)[^%[]*%[([^%]]+)%]") do
    found[name:match("^(.-)%.so")] = true
  end
  return found
end

--- Raises unless the module is linked with exactly the libraries of the bill.
function M.check(libraries)
  local known = {}
  for _, part in ipairs(PARTS) do
    if part.library then
      known[part.library] = true
      if not libraries[part.library] then
        error(("the module is not linked with %s: install %s, and build again"):format(part.library, part.debian), 0)
      end
    end
  end
  for library in pairs(libraries) do
    if not known[library] and not OF_SYSTEM[library] then
      error(("the module is linked with %s, which release/sbom.lua does not list"):format(library), 0)
    end
  end
end

--- The upstream version of a Debian package: "1:0.9.24-1" gives "0.9.24".
local function installed_version(package)
  local version = process.run("dpkg-query -W -f '${Version}' %s", package)
  return (version:gsub("^%d+:", ""):gsub("%-[^-]*$", ""))
end

local function package(id, name, version, license, location)
  return {
    SPDXID = id, name = name, versionInfo = version, downloadLocation = location, filesAnalyzed = false,
    licenseConcluded = license, licenseDeclared = license, copyrightText = "NOASSERTION",
  }
end

--- The bill for `version` at the time of the commit (seconds since 1970), as text. The same commit, on a machine with
-- the same libraries, gives the same bytes.
function M.text(version, time)
  local namespace = "https://github.com/moonvec/moonvec/releases/download/v" .. version
  local tarball = ("%s/moonvec-%s.tar.gz"):format(namespace, version)
  local packages = { package("SPDXRef-moonvec", "moonvec", version, "MIT", tarball) }
  local relationships = { { spdxElementId = "SPDXRef-DOCUMENT", relationshipType = "DESCRIBES",
    relatedSpdxElement = "SPDXRef-moonvec" } }
  for _, part in ipairs(PARTS) do
    local id = "SPDXRef-" .. part.name
    packages[#packages + 1] = package(id, part.name, installed_version(part.debian), part.license, "NOASSERTION")
    relationships[#relationships + 1] = { spdxElementId = "SPDXRef-moonvec", relatedSpdxElement = id,
      relationshipType = part.library and "DYNAMIC_LINK" or "STATIC_LINK" }
  end
  return json.encode {
    spdxVersion = "SPDX-2.3", dataLicense = "CC0-1.0", SPDXID = "SPDXRef-DOCUMENT", name = "moonvec-" .. version,
    documentNamespace = ("%s/moonvec-%s.spdx.json"):format(namespace, version),
    creationInfo = { created = os.date("!%Y-%m-%dT%H:%M:%SZ", tonumber(time)),
      creators = { "Tool: moonvec/release" } },
    packages = packages, relationships = relationships,
  } .. "\n"
end

return M

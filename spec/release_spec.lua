-- The scripts of ./run release, each by itself. The command itself builds for minutes: it is run before a release, and
-- checks what it makes. The scripts run on Lua 5.4 only, so this is tagged slow.

if _VERSION ~= "Lua 5.4" then
  return
end

local archives = require "release.archives"
local json = require "moonvec.json"
local process = require "release.process"
local rockspec = require "release.rockspec"
local sbom = require "release.sbom"
local support = require "spec.support.init"
local versions = require "release.versions"

--- A small repository that could be released as 1.2.3. `changes` replaces the texts of files.
local function repository(changes)
  local folder = support.path()
  local texts = {
    ["engine/moonvec.h"] = '/* head */\n#define MV_VERSION "1.2.3"\n',
    ["CHANGELOG.md"] = "# Changelog\n\n## 1.2.3 (2026-11-30)\n\n### Features\n\n- One.\n- Two.\n\n"
      .. "## 1.2.2 (2026-01-01)\n\n- Old.\n",
  }
  process.run("mkdir -p %s/engine && git init --quiet %s", folder, folder)
  for name, text in pairs(texts) do
    process.write(folder .. "/" .. name, changes and changes[name] or text)
  end
  process.run("cd %s && git add . && git -c user.name=a -c user.email=a@b commit --quiet -m first", folder)
  return folder
end

--- The problems of a release, as one text.
local function problems(folder)
  return table.concat(versions.problems(folder, versions.of_header(folder)), "\n")
end

describe("a release #slow", function()
  after_each(support.clean)

  it("is of sources whose version is in the header and the changelog, and that are committed", function()
    local folder = repository()
    assert.equal("", problems(folder))
    process.write(folder .. "/new.c", "")
    assert.truthy(problems(folder):find("are not committed, and would not be in the release:\n?? new.c", 1, true))
  end)

  it("may be tagged already, but not at another commit", function()
    local folder = repository()
    process.run("git -C %s tag v1.2.3", folder)
    assert.equal("", problems(folder))
    process.run("cd %s && git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m second", folder)
    assert.equal("the tag v1.2.3 is at another commit: raise MV_VERSION in engine/moonvec.h", problems(folder))
  end)

  it("is not made of sources whose changelog has another version, or no date", function()
    for _, heading in ipairs { "Unreleased (1.2.3)", "1.2.4 (2026-11-30)", "1.2.3", "1.2.3 (soon)" } do
      local folder = repository { ["CHANGELOG.md"] = "# Changelog\n\n## " .. heading .. "\n\n- One.\n" }
      assert.equal(("the newest heading of CHANGELOG.md is '## %s', engine/moonvec.h wants '## 1.2.3 (YYYY-MM-DD)'")
        :format(heading), problems(folder))
    end
  end)

  it("names what a file lacks", function()
    local folder = repository { ["engine/moonvec.h"] = "int x;\n" }
    assert.error_matches(function() versions.of_header(folder) end, "moonvec.h has no line '#define MV_VERSION")
    assert.error_matches(function() versions.newest_section "# Changelog\n" end, "CHANGELOG.md has no heading")
    assert.error_matches(function() rockspec.text("package = 'x'\n", "1.2.3", "0") end, "0 times, once was expected")
    assert.error_matches(function() process.run("ls %s/none", folder) end, "exit code 2:\n  ls '")
  end)

  it("has a tag with the newest section of the changelog as plain text", function()
    local changelog = process.read(repository() .. "/CHANGELOG.md")
    assert.equal("moonvec 1.2.3\n\nFeatures:\n\n- One.\n- Two.\n", versions.tag_text(changelog, "1.2.3"))
  end)

  it("has the rockspec of the checkout but for version and source", function()
    local function read(text)
      local values = {}
      assert(load(text, "rockspec", "t", values))()
      return values
    end
    local scm = process.read("moonvec-scm-1.rockspec")
    local expected, made = read(scm), read(rockspec.text(scm, "1.2.3", "abc"))
    assert.equal("1.2.3-1", made.version)
    assert.equal("https://github.com/moonvec/moonvec/releases/download/v1.2.3/moonvec-1.2.3.tar.gz", made.source.url)
    assert.equal("abc", made.source.md5)
    expected.version, expected.source, made.version, made.source = nil, nil, nil, nil
    assert.same(expected, made)
    local path = support.path() .. "/moonvec-1.2.3-1.rockspec"
    process.run("mkdir %s", (path:gsub("/[^/]*$", "")))
    process.write(path, rockspec.text(scm, "1.2.3", "abc"))
    process.run("luarocks lint %s", path)
  end)

  it("has archives that are the same bytes each time", function()
    local folder, out = repository(), support.path()
    local time = archives.commit_time(folder)
    process.run("mkdir -p %s/1 %s/2 %s/in/tree && echo x > %s/in/tree/file", out, out, out, out)
    for i = 1, 2 do
      local name = ("%s/%d/"):format(out, i)
      archives.source(folder, "moonvec-1.2.3", name .. "source.tar.gz")
      process.run("touch -d %s %s/in/tree/file", "@" .. 1000 * i, out) -- a time of its own, which must not show
      archives.folder(out .. "/in", "tree", time, name .. "tree.tar.gz")
      archives.rock(name, { "source.tar.gz", "tree.tar.gz" }, time, name .. "both.src.rock")
    end
    process.run("diff -r %s/1 %s/2", out, out)
    local listed = process.run("tar -tzf %s/1/source.tar.gz", out)
    assert.equal("moonvec-1.2.3/\nmoonvec-1.2.3/CHANGELOG.md\nmoonvec-1.2.3/engine/\nmoonvec-1.2.3/engine/moonvec.h",
      listed)
    assert.truthy(process.run("unzip -l %s/1/both.src.rock", out):find("2 files", 1, true))
  end)

  it("has a bill of materials with the libraries that the module is linked with", function()
    local bill = assert(json.decode(sbom.text("1.2.3", "0")))
    assert.equal("SPDX-2.3", bill.spdxVersion)
    assert.equal("1970-01-01T00:00:00Z", bill.creationInfo.created)
    local ids, names = { ["SPDXRef-DOCUMENT"] = true }, {}
    for _, package in ipairs(bill.packages) do
      ids[package.SPDXID] = true
      names[#names + 1] = package.name
      assert.truthy(package.versionInfo:find("^%d+%.%d+"), package.name .. " " .. package.versionInfo)
    end
    assert.equal("moonvec LMDB SIMDe xxHash utf8proc Snowball", table.concat(names, " "))
    for _, relation in ipairs(bill.relationships) do
      assert.truthy(ids[relation.spdxElementId] and ids[relation.relatedSpdxElement])
    end
    local module = package.cpath:match("[^;]*/build/[^;]*%?%.so"):gsub("%?", "moonvec/core")
    local libraries = sbom.libraries(module)
    sbom.check(libraries)
    libraries.libextra = true
    assert.error_matches(function() sbom.check(libraries) end, "linked with libextra, which release/sbom.lua does not")
    assert.error_matches(function() sbom.check {} end, "not linked with liblmdb: install liblmdb%-dev")
  end)

  it("has a page about installing that names each package that CMake names", function()
    local page, named = process.read("docs/installing.md"), 0
    local cmake = process.read("CMakeLists.txt")
    local texts = { cmake:match("set%(lmdb_packages ([^)]+)%)") }
    for packages in cmake:gmatch('need_header%([^\n]*INCDIR}" ([^$\n]+)%)') do
      texts[#texts + 1] = packages
    end
    for packages in cmake:gmatch('"Debian, Ubuntu: ([^"]+)"') do
      texts[#texts + 1] = packages:gsub("; %a+:", "")
    end
    for _, text in ipairs(texts) do
      for package in text:gmatch("%S+") do
        assert.truthy(page:find("`" .. package .. "`", 1, true), package)
        named = named + 1
      end
    end
    assert.equal(5 * 4, named) -- five libraries, four systems
  end)
end)

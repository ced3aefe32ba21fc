-- Makes all files of a release in build/release-VERSION/, and prints the commands that publish them. It is run by
-- ./run release. With --draft, what forbids a release is only printed.

local archives = require "release.archives"
local process = require "release.process"
local rocks = require "release.rocks"
local rockspec = require "release.rockspec"
local sbom = require "release.sbom"
local versions = require "release.versions"

local function say(text)
  io.stderr:write("release: ", text, "\n")
end

--- Stops on problems with the version, unless this is a draft.
local function check(folder, version, draft)
  local problems = versions.problems(folder, version)
  if #problems > 0 and not draft then
    error(table.concat(problems, "\n"), 0)
  end
  for _, problem in ipairs(problems) do
    say("draft: " .. problem)
  end
end

--- The engine in one file, from the sources in `source`: packed, then unpacked, compiled as the README says, and run.
local function make_amalgamation(source, version, time, work, out)
  local name = "moonvec-amalgamation-" .. version
  local tarball = ("%s/%s.tar.gz"):format(out, name)
  process.run("cmake -S %s -B %s -DMOONVEC_LUAS= -DMOONVEC_C_LIBRARY=OFF", source, work .. "/one")
  process.run("cmake --build %s --target amalgamation", work .. "/one")
  process.run("cd %s && mkdir %s && cp one/amalgamation/* %s/LICENSE %s/examples/c/minimal.c %s",
    work, name, source, source, name)
  archives.folder(work, name, time, tarball)
  process.run("mkdir %s && tar -C %s -xzf %s", work .. "/unpacked", work .. "/unpacked", tarball)
  local printed = process.run("cd %s && cc -std=c11 -O2 -o minimal minimal.c moonvec.c -llmdb -lpthread -lm "
    .. "&& ./minimal", work .. "/unpacked/" .. name)
  if not printed:find("^yellow") then
    error("minimal.c with the engine in one file printed:\n" .. printed, 0)
  end
  say("engine in one file: compiled as the README says, works")
end

--- The rockspec, the tarball of sources and the source rock. Returns the folder where the rock's sources are unpacked,
-- and the path of the rockspec.
local function make_sources(folder, version, time, work, out)
  local name, rock_version = "moonvec-" .. version, rockspec.version(version)
  local tarball, spec = name .. ".tar.gz", ("moonvec-%s.rockspec"):format(rock_version)
  archives.source(folder, name, out .. "/" .. tarball)
  local md5 = process.run("md5sum %s", out .. "/" .. tarball):match("^%x+")
  process.write(out .. "/" .. spec, rockspec.text(process.read(folder .. "/moonvec-scm-1.rockspec"), version, md5))
  process.run("luarocks lint %s", out .. "/" .. spec)
  local rock = ("%s/moonvec-%s.src.rock"):format(out, rock_version)
  archives.rock(out, { spec, tarball }, time, rock)
  process.run("cd %s && luarocks unpack %s", work, rock)
  say("rockspec, tarball and source rock: the rock unpacks")
  return ("%s/moonvec-%s/%s"):format(work, rock_version, name), out .. "/" .. spec
end

local function print_commands(version, out)
  local tag = "v" .. version
  out = out:match("build/[^/]*$") -- the commands are for the folder of the checkout
  io.write(("%s holds:\n%s\n\nTo publish it:\n"):format(out, process.run("cd %s && find . -type f | sort", out)))
  io.write(([[
  git tag --annotate %s --file %s/tag.txt --cleanup=verbatim
  git push origin %s
  gh release create %s --title "moonvec %s" --notes-file %s/tag.txt %s/*.* %s/SHA256SUMS
  luarocks upload %s/moonvec-%s.rockspec
]]):format(tag, out, tag, tag, version, out, out, out, out, rockspec.version(version)))
end

local function main(draft)
  local folder = process.run("pwd")
  local version = versions.of_header(folder)
  check(folder, version, draft)
  local out, work = ("%s/build/release-%s"):format(folder, version), folder .. "/build/release-work"
  process.run("rm -rf %s %s && mkdir -p %s %s", out, work, out, work)
  local time = archives.commit_time(folder)
  local source, spec = make_sources(folder, version, time, work, out)
  make_amalgamation(source, version, time, work, out)
  local module = rocks.make(source, spec, version, work, out .. "/rocks", say)
  archives.folder(out, "rocks", time, ("%s/moonvec-rocks-%s.tar.gz"):format(out, version)) -- with names of their own
  sbom.check(sbom.libraries(module))
  process.write(("%s/moonvec-%s.spdx.json"):format(out, version), sbom.text(version, time))
  process.write(out .. "/tag.txt", versions.tag_text(process.read(folder .. "/CHANGELOG.md"), version))
  process.run("cd %s && find . -type f ! -name SHA256SUMS | sed 's|^[.]/||' | sort | xargs sha256sum > SHA256SUMS", out)
  process.run("rm -rf %s", work)
  print_commands(version, out)
end

local ok, why = pcall(main, arg[1] == "--draft")
if not ok then
  io.stderr:write("release: ", why, "\n")
  os.exit(1)
end

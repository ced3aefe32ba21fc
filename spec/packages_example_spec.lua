package.path = "./examples/?.lua;" .. package.path

local dump = require "packages.dump"
local program = require "spec.support.program"
local text_files = require "spec.support.text_files"

local STANZAS = [[
Package: gqview
Version: 2.1
Section: contrib/graphics
Priority: optional
Installed-Size: 1500
Homepage: https://example.org/gqview
Description: image viewer for pictures and photos
 Shows the photos of a directory, one picture after the other.
 .
 Images can be rotated.
Tag: role::program, use::viewing,
 works-with::image

Package: camshot
Section: graphics
Installed-Size: 300
Description: take photos with a camera

Package: libimagery-dev
Section: libdevel
Description: image and picture loading library - development files

Package: musicbox
Section: sound
Priority: optional
Installed-Size: 800
Description: music player for the terminal
Tag: interface::text-mode, works-with::audio

Package: tunes
Section: sound
Description: player and organizer for music and songs

Package: cutter
Section: video
Description: video editor

Package: filmkit
Section: video
Description: edit, cut and join video and films

Package: knightfall
Section: games
Description: chess game with a strong opponent

Package: squeeze
Section: utils
Priority: important
Description: compress files to save disk space

Package: squeeze
Section: utils
Description: an older version

Package: letterbox
Section: mail
Description: reader for electronic mail

Package: stargazer
Section: science
Description-en: planetarium that shows stars and planets
Description-md5: d943033bedada21853d2ae54a2578a7b

Package: nameless-description
Section: misc

Package: rainradar
Section: utils
Description: weather forecast for your town
]]

local function parsed()
  local packages, by_name = {}, {}
  for package in dump.packages(STANZAS:gmatch("([^\n]*)\n")) do
    packages[#packages + 1] = package
    by_name[package.name] = package
  end
  return packages, by_name
end

describe("the package list reader", function()
  local packages, by_name = parsed()

  it("reads every described package once", function()
    assert.are.equal(12, #packages)
    assert.are.equal("compress files to save disk space", by_name.squeeze.summary)
    assert.is_nil(by_name["nameless-description"])
  end)

  it("reads all fields, also those over several lines", function()
    local gqview = by_name.gqview
    assert.are.equal("graphics", gqview.section)
    assert.are.equal("optional", gqview.priority)
    assert.are.equal(1500, gqview.size)
    assert.are.equal("https://example.org/gqview", gqview.homepage)
    assert.are.same({ "role::program", "use::viewing", "works-with::image" }, gqview.tags)
    assert.are.equal("image viewer for pictures and photos", gqview.summary)
    assert.is_truthy(gqview.text:find("^Shows the photos.*can be rotated%.$"))
  end)

  it("takes what is missing as empty", function()
    local tunes = by_name.tunes
    assert.are.equal(0, tunes.size)
    assert.are.equal("", tunes.text)
    assert.are.same({}, tunes.tags)
    assert.is_nil(tunes.homepage)
  end)

  it("takes the translated description too", function()
    assert.are.equal("planetarium that shows stars and planets", by_name.stargazer.summary)
  end)

  it("says when there is nothing to read", function()
    local none, message = dump.load("no/such/file")
    assert.is_nil(none)
    assert.is_truthy(message:find("no/such/file", 1, true))
  end)
end)

describe("the package search example", function()
  local dir, dump_file = program.temporary_path(), program.temporary_path()

  local function ask(...)
    local output, status = program.run("examples/packages.lua", "--dir", dir, "--dump", dump_file, ...)
    assert.are.equal(0, status, output)
    return output
  end

  setup(function()
    local file = assert(io.open(dump_file, "w"))
    file:write(STANZAS)
    file:close()
  end)

  teardown(function()
    program.remove(dir)
    program.remove(dump_file)
  end)

  it("builds on the first run and answers", function()
    local output = ask("tool", "to", "look", "at", "pictures")
    assert.is_truthy(output:find("read the descriptions of 12 packages", 1, true), output)
    assert.is_truthy(output:find("pictures%s+[%d,]+ µs\n%s+[%d.-]+%s+gqview%s"), output)
    local packages = assert(require("moonvec").open(dir .. "/packages.mv"))
    assert.equal(0, packages:stats().fresh_rows) -- optimized
    packages:close()
  end)

  it("says how many distances it computed, and compares with exact search, as the guide shows", function()
    local pattern = "\n[%d,]+ µs a question: ([%d,]+) distances computed, among ([%d,]+) vectors\n"
      .. "[%d,]+ µs with exact search, and 10 of its 10 hits are those above\n"
    local output = ask("chess", "game")
    local distances, vectors = output:match(pattern)
    -- of codes and of vectors: ten hits of twelve rows leave none out
    assert.same({ "24", "12" }, { distances, vectors }, output)
    assert.is_truthy(text_files.read("docs/guide/first-steps.md"):find(pattern))
  end)

  it("puts the package that answers a question first", function()
    for question, name in pairs {
      ["tool to look at pictures"] = "gqview",
      ["play music in a terminal"] = "musicbox",
      ["chess game"] = "knightfall",
      ["compress files"] = "squeeze",
      ["what will the weather be?"] = "rainradar",
      ["look at the planets"] = "stargazer",
    } do
      local output = ask(question)
      assert.are.equal(name, output:match("µs\n%s+[%d.-]+%s+(%S+)"), output)
    end
  end)

  it("opens what it built on the second", function()
    local output = ask("play music in a terminal")
    assert.is_nil(output:find("read the descriptions", 1, true), output)
    assert.is_truthy(output:find("opened 12 packages in", 1, true), output)
    assert.is_truthy(output:find("µs\n%s+[%d.-]+%s+musicbox%s"), output)
  end)

  it("filters in its tour", function()
    local output = ask()
    local small_games = output:match("where section = 'games'[^\n]*\n([^\n]*)")
    assert.is_truthy(small_games and small_games:find("nothing found", 1, true), output)
    local important = output:match("where priority IN[^\n]*\n([^\n]*)")
    assert.is_truthy(important and important:find("squeeze", 1, true), output)
  end)

  it("starts over when a build was cut short", function()
    assert(os.remove(dir .. "/words.model"))
    local output = ask("chess game")
    assert.is_truthy(output:find("read the descriptions of 12 packages", 1, true), output)
    assert.is_truthy(output:find("µs\n%s+[%d.-]+%s+knightfall%s"), output)
  end)

  it("says what is wrong and exits with 1", function()
    local output, status = program.run("examples/packages.lua", "--dir", dir, "?!")
    assert.are.equal(1, status)
    assert.is_truthy(output:find("no word to search for", 1, true), output)
  end)
end)

-- source.files: which files of a folder are read, and what happens with those that cannot be.

local children = require "spec.support.children"
local moonvec = require "moonvec"
local support = require "spec.support.init"

local function shell(format, ...)
  assert.is_true(children.succeeds(format:format(...)), format)
end

local function write(path, text)
  local file = io.open(path, "wb")
  if not file then
    shell("mkdir -p '%s'", path:match "^(.*)/")
    file = assert(io.open(path, "wb"))
  end
  file:write(text)
  file:close()
end

local function folder_of(files)
  local root = support.path()
  shell("mkdir -p %s", root)
  for name, text in pairs(files) do
    write(root .. "/" .. name, text)
  end
  return root
end

-- What a source returns until its end: ids, and messages of rows that are wrong in brackets.
local function read_all(source)
  local list = {}
  while true do
    local document, message = source:read()
    if document == nil then
      assert.is_nil(message)
      return list
    end
    list[#list + 1] = document and document.id or "[" .. message .. "]"
  end
end

local function ids(root, options)
  return table.concat(read_all(assert(moonvec.source.files(root, options))), " ")
end

describe("source.files", function()
  after_each(support.clean)

  it("reads the text files of a folder, sorted, with all that a document has", function()
    local root = folder_of { ["b.txt"] = "B", ["a/z.txt"] = "Z", ["a/y/x.txt"] = "X", ["a.txt"] = "",
      [".hidden"] = "H" }
    assert.equal("a/y/x.txt a/z.txt a.txt b.txt", ids(root))
    assert.equal("a/y/x.txt a/z.txt a.txt b.txt", ids(root .. "//"))
    assert.equal(".hidden a/y/x.txt a/z.txt a.txt b.txt", ids(root, { hidden = true }))
    local source = moonvec.source.files(root)
    shell("touch -d @1700000000 %s/a/y/x.txt", root)
    assert.same({ id = "a/y/x.txt", path = "a/y/x.txt", text = "X", size = 1, modified = 1700000000 }, source:read())
    assert.equal("file 1", source.unit .. " " .. source.row)
  end)

  it("chooses by globs", function()
    local root = folder_of { ["a.lua"] = "", ["a.md"] = "", ["src/b.lua"] = "", ["src/deep/c.lua"] = "",
      ["build/d.lua"] = "" }
    assert.equal("a.lua build/d.lua src/b.lua src/deep/c.lua", ids(root, { include = "*.lua" }))
    assert.equal("a.lua a.md", ids(root, { exclude = { "build/", "/src" } }))
    assert.equal("src/b.lua src/deep/c.lua", ids(root, { include = "src/**" }))
    assert.equal("src/b.lua", ids(root, { include = "src/*" }))
    assert.equal("src/deep/c.lua", ids(root, { include = { "**/deep/*.l?a" } }))
    assert.equal("a.md build/d.lua", ids(root, { include = { "[!b].md", "d.lua" } }))
  end)

  it("reads one file by its path, if the other options allow it", function()
    local root = folder_of { ["a.lua"] = "", ["src/b.lua"] = "", ["src/c.lua"] = "", ["src/deep/d.lua"] = "",
      [".gitignore"] = "c.lua\n" }
    assert.equal("src/deep/d.lua", ids(root, { only = "src/deep/d.lua" }))
    assert.equal("a.lua", ids(root, { only = "a.lua" }))
    assert.equal("src/c.lua", ids(root, { only = "src/c.lua", ignore_files = false }))
    for _, path in ipairs { "src/c.lua", "src", "src/none.lua", "none/b.lua", "../" .. root:match "[^/]*$" .. "/a.lua",
      "src/../a.lua", "./a.lua", "" } do
      assert.equal("", ids(root, { only = path }), path)
    end
    assert.equal("", ids(root, { only = "a.lua", include = "b.lua" }))
    assert.has_error(function() moonvec.source.files(root, { only = 1 }) end,
      "source.files: 'only' must be a string, got a number")
  end)

  it("leaves out what git leaves out", function()
    if _VERSION ~= "Lua 5.4" or not children.succeeds "git --version" then
      return
    end
    local random = support.random(21)
    local names = { "a", "b", "ab", "abc", "a.txt", "b.txt", "x y", "a*", "[a]", "é" }
    local patterns = {
      "a", "b/", "*.txt", "/a", "a/b", "**/b", "a/**", "a/**/b", "!a", "!*.txt", "?b", "[ab]", "[!a]", "a*c", "\\a",
        "*/", "/*",
      "!b/", "x y", "a\\*", "\\[a]", "#a", "", "**", "**/a/b", "[a-b].txt", "a ", "ab/c", "??", "é", "[", "b/*",
    }
    for _ = 1, 5 do
      local files = {}
      for _ = 1, 30 do
        local parts = {}
        for depth = 1, random(3) do
          parts[depth] = names[random(#names)] .. (random(3) == 1 and "d" or "")
        end
        files[table.concat(parts, "/") .. "/" .. names[random(#names)]] = "x"
      end
      local root = folder_of {}
      for name, text in pairs(files) do
        pcall(write, root .. "/" .. name, text) -- another file may have the name of a folder
      end
      for _, where in ipairs { "", "a/", "b/" } do
        local lines = {}
        for i = 1, random(5) do
          lines[i] = patterns[random(#patterns)]
        end
        if where == "" or children.succeeds(("test -d '%s/%s'"):format(root, where)) then
          write(root .. "/" .. where .. ".gitignore", table.concat(lines, "\n") .. "\n")
        end
      end
      local listed = children.output(("cd '%s' && git init -q . && git -c core.quotePath=off ls-files -z --others " ..
        "--exclude-standard"):format(root))
      local expected = {}
      for name in listed:gmatch "[^%z]+" do
        if not name:find "%.gitignore$" then
          expected[#expected + 1] = name
        end
      end
      local found = read_all(moonvec.source.files(root))
      table.sort(expected)
      table.sort(found)
      local rules = children.output(("cd '%s' && head -50 .gitignore a/.gitignore b/.gitignore 2>/dev/null"):format(
        root))
      assert.same(expected, found, rules)
    end
  end)

  it("does not read ignore files if it is told so", function()
    local root = folder_of { [".gitignore"] = "*.txt\n", ["a.txt"] = "", ["b.md"] = "" }
    assert.equal("b.md", ids(root))
    assert.equal("a.txt b.md", ids(root, { ignore_files = false }))
  end)

  it("leaves out binary and large files, and counts them", function()
    local root = folder_of { ["a.png"] = "\137PNG\0", ["b.txt"] = ("x"):rep(100), ["c.txt"] = ("x"):rep(101) }
    local source = moonvec.source.files(root, { max_bytes = 100 })
    assert.same({ "b.txt" }, read_all(source))
    assert.same({ link = 0, special = 0, binary = 1, large = 1 }, source.left_out)
  end)

  it("makes UTF-8 of other texts, byte by byte", function()
    local root = folder_of { a = "caf\233 \147x\148 é", b = "\239\187\191bom", c = "\0" }
    local source = moonvec.source.files(root)
    assert.equal("café “x” é", source:read().text)
    assert.equal("bom", source:read().text)
    assert.is_nil(source:read())
  end)

  it("never opens pipes and devices, and does not follow links in circles", function()
    local root = folder_of { ["real.txt"] = "r", ["sub/s.txt"] = "s" }
    local outside = folder_of { ["o.txt"] = "o" }
    shell("cd %s && mkfifo pipe && ln -s real.txt link && ln -s .. sub/up && ln -s %s out && ln -s nothing gone", root,
      outside)
    local source = moonvec.source.files(root)
    assert.same({ "real.txt", "sub/s.txt" }, read_all(source))
    assert.same({ link = 4, special = 1, binary = 0, large = 0 }, source.left_out)
    assert.equal("link out/o.txt real.txt sub/s.txt", ids(root, { follow = true }))
  end)

  it("does not leave the folder by the names in it", function()
    local root = folder_of { ["..x"] = "1", ["a/..b"] = "2", ["-rf"] = "3", ["a\nb"] = "4" }
    assert.equal("-rf ..x a/..b a\nb", ids(root, { hidden = true }))
    assert.matches("source.files: 'include' must be for paths in the folder, got '../x'",
      support.message_of(moonvec.source.files, root, { include = "../x" }))
  end)

  it("goes on after files and folders that cannot be read", function()
    local root = folder_of { ["a.txt"] = "a", ["d/x.txt"] = "x", ["e.txt"] = "e", ["f/y.txt"] = "y" }
    local source = moonvec.source.files(root)
    assert.equal("a.txt", source:read().id)
    shell("rm -r %s/d %s/e.txt && rm -r %s/f && ln -s /nowhere %s/f", root, root, root, root)
    assert.same({}, read_all(source)) -- they have vanished
    shell("rm -r %s", root)
    local none, message, code = moonvec.source.files(root)
    assert.same({ nil, ("'%s' is no folder"):format(root), "not_found" }, { none, message, code })
    if children.succeeds "test $(id -u) -ne 0" then
      local closed = folder_of { ["a.txt"] = "a", ["b/c.txt"] = "c", ["d.txt"] = "d" }
      shell("chmod 000 %s/a.txt %s/b", closed, closed)
      local list = read_all(moonvec.source.files(closed))
      assert.matches("^%[cannot open .*a.txt: Permission denied%]$", list[1])
      assert.matches("^%[cannot list the folder .*b': Permission denied%]$", list[2])
      assert.equal("d.txt", list[3])
      shell("chmod 700 %s/b", closed)
    end
  end)

  it("goes on behind any file", function()
    local root = folder_of { ["a/b.txt"] = "1", ["a/c/d.txt"] = "2", ["a.txt"] = "3", ["b/e.txt"] = "4",
      ["c.txt"] = "5" }
    local all = read_all(moonvec.source.files(root))
    local source = moonvec.source.files(root)
    for i = 0, #all do
      local rest = moonvec.source.files(root)
      assert.is_true(rest:seek(source:position()))
      assert.same({ (table.unpack or unpack)(all, i + 1) }, read_all(rest)) -- luacheck: ignore
      source:read()
    end
    local rest = moonvec.source.files(root)
    assert.is_true(rest:seek "3 a/c/was here")
    assert.same({ "a.txt", "b/e.txt", "c.txt" }, read_all(rest))
    assert.same({ nil, ("'%s' has no such position: 'x'"):format(root), "invalid" }, { rest:seek "x" })
  end)

  it("fills a collection, which need not have all fields", function()
    local root = folder_of { ["a.txt"] = "a", ["b.txt"] = "b" }
    shell("touch -d @1700000000 %s/a.txt", root)
    local c = support.collection({ fields = { { name = "text", type = "string" }, { name = "modified",
      type = "timestamp" } } },
      { path = ":memory:" })
    local result = assert(c:ingest(moonvec.source.files(root), { resume = "k" }))
    assert.same({ read = 2, written = 2, skipped = 0, errors = {} }, result)
    assert.same({ id = "a.txt", text = "a", modified = 1700000000000000 }, c:fetch "a.txt")
    assert.equal(0, c:ingest(moonvec.source.files(root), { resume = "k" }).read)
    local mapped
    assert(c:ingest(moonvec.source.files(root), { map = function(document)
      mapped = mapped or document
    end }))
    assert.same({ id = "a.txt", path = "a.txt", text = "a", size = 1, modified = 1700000000 }, mapped)
  end)

  it("takes time that is linear in hostile patterns and names", function()
    local root = folder_of { [("a"):rep(200)] = "", [".gitignore"] = ("a*"):rep(2000) .. "b\n" .. (" "):rep(100000) ..
      "x\n" ..
      ("**/"):rep(2000) .. "b\n" }
    local begin = os.clock()
    assert.equal(("a"):rep(200), ids(root))
    assert.is_true(os.clock() - begin < 2)
  end)
end)

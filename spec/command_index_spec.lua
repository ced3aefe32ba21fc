-- moonvec index: a folder becomes a collection, is kept up to date, and is searched.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local lfs = require "lfs"
local program = require "spec.support.program"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local output, failure, quote = command_line.output, command_line.failure, program.quote

--- A folder with these files, written some time ago: a file that was written just now is read again in the next run.
local function folder_of(files)
  local folder = support.path()
  for path, text in pairs(files) do
    os.execute("mkdir -p " .. quote(folder .. "/" .. (path:match "^(.*)/" or "")))
    text_files.write(folder .. "/" .. path, text)
    os.execute("touch -d '1 hour ago' " .. quote(folder .. "/" .. path))
  end
  return folder
end

local function index(...)
  return json.decode(output("index", ..., "--json"))
end

--- The counts of a run with a model that needs no time.
local function quick_index(folder, ...)
  return json.decode(output("index", folder, "--json", ...))
end

local NOTES = {
  ["cooking/bread.md"] = "# Bread\n\nFlour, water and salt.\n\n## Sourdough\n\nThe starter is fed every day.\n",
  ["garden.txt"] = "Tomatoes want sun.\n\nPotatoes are planted in April, when the ground is warm.\n",
  ["code/fib.lua"] = "local function fibonacci(n)\n  return n\nend\n\n"
    .. "local function parseHTML(text)\n  return text\nend\n",
  ["page.html"] = "<html><head><title>x</title><style>b { color: red }</style></head>\n<body>\n"
    .. "<p>The <b>heron</b> &amp; the frog</p></body></html>\n",
}

local function paths_of(text)
  local paths = {}
  for line in text:gmatch "[^\n]+" do
    paths[#paths + 1] = not line:find "^ " and line or nil
  end
  return paths
end

after_each(support.clean)

describe("moonvec index", function()
  it("makes a folder searchable by words", function()
    local folder = folder_of(NOTES)
    local result = quick_index(folder, "--model", "none")
    assert.equal(4, result.files)
    assert.equal(5, result.passages)
    local text = output("query", folder, "starter")
    assert.truthy(text:find(folder .. "/cooking/bread.md:5  Bread > Sourdough\n", 1, true), text)
    assert.truthy(text:find("The starter is fed every day", 1, true))
    assert.same({ folder .. "/garden.txt:1" }, paths_of(output("query", folder, "potatoes")))
    local hit = json.decode(output("query", folder, "heron", "--json"))
    assert.same({ "page.html", 3 }, { hit.path, hit.line })
    assert.is_nil(output("query", folder, "color", "--json"):find "page")
    local first, last = hit.first, hit.last
    assert.truthy(NOTES["page.html"]:sub(first, last):find("heron", 1, true))
  end)

  it("searches code by identifiers and their parts", function()
    local folder = folder_of { ["a.lua"] = NOTES["code/fib.lua"], ["b.c"] = "int parse_number(char *text);\n",
      ["large.png"] = ("\0\1"):rep(1000) }
    quick_index(folder, "--model", "none")
    assert.same({ folder .. "/a.lua:1" }, paths_of(output("query", folder, "html")))
    assert.same({ folder .. "/b.c:1" }, paths_of(output("query", folder, "parse_number")))
  end)

  it("reads only what has changed, and removes what is gone", function()
    local folder = folder_of(NOTES)
    quick_index(folder, "--model", "none")
    local same = quick_index(folder)
    assert.same({ 0, 0, 0 }, { same.files, same.passages, same.removed })

    text_files.write(folder .. "/garden.txt", "Tomatoes want sun.\n\nCarrots do not.\n")
    os.remove(folder .. "/page.html")
    text_files.write(folder .. "/new.txt", "A badger.\n")
    local result = quick_index(folder)
    assert.same({ 2, 2, 1, 1 }, { result.files, result.passages, result.removed, result.deleted })
    assert.same({}, paths_of(output("query", folder, "potatoes")))
    assert.same({}, paths_of(output("query", folder, "heron")))
    assert.same({ folder .. "/garden.txt:1" }, paths_of(output("query", folder, "carrots")))
    assert.same({ folder .. "/new.txt:1" }, paths_of(output("query", folder, "badger")))

    -- A file of the same size and time that was read in the second in which it was written is read again.
    text_files.write(folder .. "/new.txt", "A beaver.\n")
    assert.equal(1, quick_index(folder).files)
    assert.same({ folder .. "/new.txt:1" }, paths_of(output("query", folder, "beaver")))
  end)

  it("has after any changes what a new collection has #once", function()
    local random, folder = support.random(3), support.path()
    os.execute("mkdir " .. quote(folder))
    local words = { "alpha", "beta", "gamma", "delta", "epsilon", "zeta" }
    local function some_text()
      local parts = {}
      for i = 1, random(12) do
        parts[i] = words[random(#words)] .. (random(3) == 1 and "\n\n" or " ")
      end
      return table.concat(parts) .. "\n"
    end
    for _ = 1, 4 do
      for _ = 1, 4 do
        local path = ("%s/%d.txt"):format(folder, random(6))
        if random(4) == 1 then
          os.remove(path)
        else
          text_files.write(path, some_text())
        end
      end
      quick_index(folder, "--into", folder .. ".c")
    end
    quick_index(folder, "--into", folder .. ".new", "--model", "learn")
    local function export(directory)
      return output("export", directory, "--fields", "path,passage,line,first,last,text")
    end
    local function sorted(text)
      local lines = {}
      for line in text:gmatch "[^\n]+" do
        lines[#lines + 1] = line
      end
      table.sort(lines)
      return lines
    end
    assert.same(sorted(export(folder .. ".new")), sorted(export(folder .. ".c")))
    program.remove(folder .. ".new")
    program.remove(folder .. ".c")
  end)

  it("keeps what it cannot read", function()
    local folder = folder_of(NOTES)
    quick_index(folder, "--model", "none")
    os.execute(("chmod 000 %s/cooking"):format(quote(folder)))
    local text, exit_code, errors = command_line.shell(command_line.unprivileged(
      command_line.command("index", folder, "--json")))
    os.execute("chmod 755 " .. quote(folder .. "/cooking"))
    assert.equal(0, exit_code)
    assert.equal(1, #json.decode(text).failures)
    assert.truthy(errors:find("cooking", 1, true))
    assert.equal(1, #paths_of(output("query", folder, "starter")))
  end)

  it("learns what words mean from the folder", function()
    local files = {}
    for i = 1, 60 do
      files[("animal%d.txt"):format(i)] = ("the dog and the wolf bark at the moon number%d\n"):format(i)
      files[("plant%d.txt"):format(i)] = ("the oak and the beech grow leaves in spring number%d\n"):format(i)
    end
    local folder = folder_of(files)
    assert.equal(120, index(folder).files)
    local schema = json.decode(output("schema", folder))
    assert.equal("learnt", schema.vectors[1].embed.model)
    for line in output("query", folder, "wolf", "--meaning", "--json"):gmatch "[^\n]+" do
      assert.truthy(json.decode(line).path:find "^animal")
    end
    -- By both, and in a copy, where the model is, too.
    local copy = support.path()
    output("backup", folder, copy)
    output("backup", folder, copy, "--replace")
    -- What no document has is found by meaning only, which is said to people.
    local hits, _, note = command_line.run("query", folder, "zzzznothing")
    assert.truthy(hits ~= "" and note:find("no document is found by these words", 1, true), note)
    assert.equal("", select(3, command_line.run("query", folder, "zzzznothing", "--json")))
    assert.equal("", select(3, command_line.run("query", folder, "wolf", "zzzznothing")))
    assert.equal("animal7.txt#1", json.decode(output("query", folder, "animal7.txt#1", "--json", "--topk", 1)).id)
    assert.equal("", select(3, command_line.run("query", folder, "animal7.txt#1")))
    assert.equal(output("query", folder, "beech", "--json"), output("query", copy, "beech", "--json"))
    assert.truthy(output("query", copy, "beech", "--meaning", "--json"):find "plant")
    -- Without the model, words still find.
    os.remove(copy .. "/learnt.model")
    local text, exit_code, errors = command_line.run("query", copy, "beech", "--json")
    assert.equal(0, exit_code)
    assert.truthy(text:find "plant")
    assert.truthy(errors:find("searched by words only: ", 1, true), errors)
    assert.truthy(failure(1, "query", copy, "beech", "--meaning"):find("learnt.model", 1, true))
  end)

  it("finds passages by the names of files and by headings", function()
    local folder = folder_of {
      ["tools/git_stash.1.txt"] = "Keeps changes for later.\n\n" .. ("Something else.\n"):rep(80),
      ["tools/tar.1.txt"] = "Keeps files.\n\n" .. ("Something else.\n"):rep(80) .. "\nOwners stay.\n",
      ["notes.md"] = "# Garden\n\n## Pears\n\nThey are ripe in autumn.\n",
    }
    quick_index(folder, "--model", "none")
    assert.same({ folder .. "/notes.md:1" }, paths_of((output("query", folder, "pears"):gsub("  Garden > Pears", ""))))
    assert.equal(folder .. "/tools/git_stash.1.txt:1", paths_of(output("query", folder, "stash", "changes"))[1])
    for _, path in ipairs(paths_of(output("query", folder, "tar"))) do
      assert.truthy(path:find("/tools/tar.1.txt:", 1, true), path)
    end
    -- The line of names is a part of the text, but is not shown.
    local hit = json.decode(output("query", folder, "pears", "--json"))
    assert.equal("notes.md (notes md) > Garden > Pears\n\n# Garden\n\n## Pears\n\nThey are ripe in autumn.", hit.text)
    assert.is_nil(output("query", folder, "ripe", "autumn"):find("(notes md)", 1, true))
    assert.is_nil(output("query", folder, "pears"):find("(notes md)", 1, true))
    assert.is_nil(output("query", folder, "md", "garden"):find("notes md)", 1, true))
  end)

  it("shows three passages of a file, and equal ones once", function()
    local files = { ["other.txt"] = "A walrus.\n" }
    local long = {}
    for i = 1, 40 do
      long[i] = ("Walrus number%d. "):format(i):rep(40) .. "\n"
    end
    files["huge.txt"] = table.concat(long, "\n")
    for i = 1, 6 do
      files[("copy%d.txt"):format(i)] = "The same walrus everywhere.\n"
    end
    local folder = folder_of(files)
    quick_index(folder, "--model", "none")
    local counts, hits = {}, 0
    for line in output("query", folder, "walrus", "--json"):gmatch "[^\n]+" do
      local hit = json.decode(line)
      local name = hit.path:match "^%a+"
      counts[name], hits = (counts[name] or 0) + 1, hits + 1
      assert.equal(name == "copy" and 5 or 0, hit.also and #hit.also or 0)
    end
    assert.same({ 5, { huge = 3, other = 1, copy = 1 } }, { hits, counts })
    local text = output("query", folder, "walrus", "everywhere", "--topk", 1)
    assert.truthy(text:find("\n    also in " .. folder .. "/copy%d.txt:1, [^\n]* and 2 more\n"), text)
    local _, all = output("query", folder, "walrus", "--json", "--all", "--topk", 100):gsub("\n", "")
    assert.equal(1 + 6 + tonumber((output("count", folder, "path = 'huge.txt'"))), all)
    -- Only the fields that are wanted.
    local hit = json.decode(output("query", folder, "walrus", "--json", "--topk", 1, "--fields", "passage"))
    assert.same({ 1 }, { hit.passage })
    assert.is_nil(hit.path or hit.text or hit.line or hit.heading)
  end)

  it("has no very short passages of prose", function()
    local folder = folder_of { ["a.txt"] = ("A sentence of a ferret. "):rep(41) .. "\n\n(The end of the tale)\n" }
    assert.equal(1, quick_index(folder, "--model", "none").passages)
    assert.truthy(json.decode(output("query", folder, "end", "--json")).text:find("\n\n(The end of the tale)", 1, true))
    assert.equal(2, quick_index(folder, "--model", "none", "--rebuild", "--by", "line").passages)
  end)

  it("takes no comment and no rule of a mail for a heading", function()
    local folder = folder_of {
      ["a.txt"] = "Become the administrator:\n\n   # su -s /bin/bash postgres\n\nthen go on.\n",
      ["mail"] = "Hello\n\nthe ferret is here\n---\nsigned\n\nOne\n---\n\nmore\n",
      ["title.txt"] = "Badgers\n=======\n\nThey dig.\n\nFood\n----\n\nWorms.\n",
    }
    quick_index(folder, "--model", "none")
    assert.is_nil(json.decode(output("query", folder, "postgres", "--json")).heading)
    assert.is_nil(json.decode(output("query", folder, "ferret", "--json")).heading)
    assert.equal("Badgers > Food", json.decode(output("query", folder, "worms", "--json")).heading)
  end)

  it("says what it left out, and that there is nothing to index", function()
    local folder = folder_of { ["a.gz"] = "\0\1", ["b.bin"] = "x\0" }
    assert.truthy(failure(1, "index", folder):find(folder .. "': 2 binary left out\n", 1, true))
    assert.is_nil(io.open(folder .. "/.moonvec"))
    text_files.write(folder .. "/c.txt", "A heron.\n")
    os.execute("touch -d '1 hour ago' " .. quote(folder .. "/c.txt"))
    local _, _, errors = command_line.run("index", folder)
    assert.truthy(errors:find("^1 passage of 1 file in [%d.]+ s %(2 binary left out%)\n"), errors)
    os.remove(folder .. "/c.txt")
    _, _, errors = command_line.run("index", folder)
    assert.truthy(errors:find("^1 file removed, 1 passage deleted in "), errors)
    assert.same({ binary = 2, large = 0 }, quick_index(folder).left_out)
    local empty = support.path()
    os.execute("mkdir " .. quote(empty))
    assert.truthy(failure(1, "index", empty, "--model", "none"):find("no text files in '", 1, true))
  end)

  it("is left out by git, also after --rebuild", function()
    local folder = folder_of(NOTES)
    for _, option in ipairs { "--json", "--rebuild" } do
      quick_index(folder, "--model", "none", option)
      local file = assert(io.open(folder .. "/.moonvec/.gitignore"))
      assert.equal("*\n", file:read "*a")
      file:close()
    end
    local directory = support.path()
    quick_index(folder, "--into", directory, "--model", "none")
    assert.is_nil(io.open(directory .. "/.gitignore"))
    assert.truthy(failure(1, "index", directory):find("is itself a collection", 1, true))
    assert.is_nil(io.open(directory .. "/.moonvec"))
  end)

  it("keeps its settings, and changes them only with --rebuild", function()
    local folder = folder_of(NOTES)
    assert.equal(1, quick_index(folder, "--model", "none", "--include", "*.txt", "--by", "line").files)
    assert.equal(0, quick_index(folder).files)
    assert.truthy(failure(2, "index", folder, "--by", "code"):find("--by counts with --rebuild", 1, true))
    assert.equal(4, quick_index(folder, "--model", "none", "--rebuild").files)
    assert.truthy(failure(1, "index", folder, "--rebuild", "--model", "static:none"):find("none", 1, true))
    assert.equal("5\n", output("count", folder)) -- the old one stays
    quick_index(folder, "--model", "learn", "--rebuild")
    assert.equal(4, quick_index(folder, "--model", "learn", "--rebuild").files)
  end)

  it("puts the collection elsewhere, and its hits lead to the folder", function()
    local folder, directory = folder_of(NOTES), support.path()
    quick_index(folder, "--into", directory, "--model", "none")
    assert.is_nil(io.open(folder .. "/.moonvec"))
    assert.same({ folder .. "/garden.txt:1" }, paths_of(output("query", directory, "potatoes")))
    assert.equal(0, quick_index(folder, "--into", directory).files)
    local command = "cd " .. quote(folder) .. " && "
    quick_index(folder, "--model", "none")
    local here = command_line.shell "pwd":gsub("\n$", "")
    local text = command_line.shell(command .. (command_line.command("query", ".", "potatoes"):gsub("bin/moonvec",
      here .. "/bin/moonvec")))
    assert.same({ "garden.txt:1" }, paths_of(text))
  end)

  it("goes on after it was killed #once", function()
    local files = {}
    for i = 1, 400 do
      files[("%d.txt"):format(i)] = ("word%d\n"):format(i):rep(60)
    end
    local folder = folder_of(files)
    for i = 1, 3 do
      command_line.shell(("%s >/dev/null 2>&1 & sleep 0.%d; kill -KILL $!; wait"):format(
        command_line.command("index", folder), 2 * i - 1))
    end
    index(folder)
    assert.equal("400\n", output("count", folder, "passage = 1"))
    assert.equal("sound\n", output("check", folder))
  end)

  it("makes the collection again, also if it was killed while it saved the model", function()
    local folder = folder_of(NOTES)
    quick_index(folder)
    text_files.write(folder .. "/.moonvec/learnt.model.123-0.new", "half a mo")
    assert.equal(4, quick_index(folder, "--rebuild").files)
    assert.is_nil(lfs.attributes(folder .. "/.moonvec/learnt.model.123-0.new"))
  end)

  it("watches a folder until it is interrupted", function()
    local folder, printed = folder_of(NOTES), support.path()
    local script = ("set -m; %s >%s & group=$!; while ! [ -s %s ]; do sleep 0.05; done; echo The badger. >%s/new.txt; "
      .. "while ! grep -q '\"files\":1' %s; do sleep 0.05; done; kill -INT -- -$group; wait $group"):format(
      command_line.command("index", folder, "--model", "none", "--watch", "--json"), printed, printed, folder, printed)
    local _, exit_code, errors = command_line.shell("timeout 20 bash -c " .. quote(script))
    assert.equal(0, exit_code)
    assert.is_nil(errors:find("moonvec", 1, true) and errors:find("moonvec: ", 1, true), errors)
    assert.same({ folder .. "/new.txt:1" }, paths_of(output("query", folder, "badger")))
  end)

  it("says what is wrong with a call", function()
    local folder = folder_of(NOTES)
    assert.truthy(failure(1, "index", folder .. "/none"):find("is no folder", 1, true))
    assert.truthy(failure(1, "index", folder .. "/garden.txt"):find("is no folder", 1, true))
    assert.truthy(failure(2, "index", folder, "--by", "headings"):find("did you mean 'heading'?", 1, true))
    assert.truthy(failure(2, "index", folder, "--size", 1):find("from 16 to 65536", 1, true))
    assert.truthy(failure(1, "index", folder, "--model", "stat:x"):find("is no place of a model", 1, true))
    assert.matches("^moonvec: %-%-model: there is no file or folder '.*/bogus'; possible are learn %(",
      failure(1, "index", folder, "--model", "bogus"))
    local path = support.path()
    output("create", path, "--field", "n:int32")
    output("put", path, '{"id":"a","n":1}')
    for _, option in ipairs { "--json", "--rebuild" } do
      assert.truthy(failure(1, "index", folder, "--into", path, option):find("has not made", 1, true))
    end
    output("delete", path, "a")
    assert.truthy(failure(1, "index", folder, "--into", path, "--rebuild"):find("has not made", 1, true))
    assert.equal("0\n", output("count", path))
  end)

  it("says how an index is mended that cannot be opened", function()
    local folder = folder_of(NOTES)
    local place = folder .. "/.moonvec"
    assert(lfs.mkdir(place))
    assert.equal(("moonvec: '%s' exists already, and is no collection: remove it, then index again\n"):format(place),
      failure(1, "index", folder))
    text_files.write(place .. "/catalog.mdb", "garbage")
    local hint = (" (an index can be made again: remove '%s', then index the folder)\n"):format(place)
    for _, words in ipairs { { "index", folder }, { "index", folder, "--rebuild" }, { "query", folder, "bread" },
      { "info", folder } } do
      assert.equal(hint, failure(1, (table.unpack or unpack)(words)):sub(-#hint)) -- luacheck: ignore
    end
  end)
end)

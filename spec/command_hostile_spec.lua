-- What careless and hostile persons do to the program moonvec: odd files, paths and calls.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"

local output, failure, quote = command_line.output, command_line.failure, program.quote

local function contains(text, part)
  assert.truthy(text:find(part, 1, true), text)
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- A new path, whose name ends so, in a folder that is removed after the test.
local function new_path(ending)
  local parent = support.path()
  assert(os.execute("mkdir -p " .. quote(parent)))
  return parent .. "/x" .. ending
end

--- A new folder, whose name ends so.
local function folder(ending)
  local path = new_path(ending or "")
  assert(os.execute("mkdir -p " .. quote(path)))
  return path
end

--- The path of a collection with these documents.
local function collection(schema, documents)
  local c, path = support.collection(schema)
  assert(c:insert(documents))
  assert(c:close())
  return path
end

local TITLES = { fields = { { name = "title", type = "string" } }, vectors = {} }

--- Runs the program as a user who may not read everything.
local function run_as_user(...)
  return command_line.shell(command_line.unprivileged(command_line.command(...)))
end

after_each(support.clean)

describe("moonvec put", function()
  it("names a document without an id, and no line of the program", function()
    local path = collection(TITLES, { { id = "a", title = "x" } })
    for _, text in ipairs { "{}", "[]", '{"title": "x"}' } do
      assert.equal("moonvec: document 1: the document has no 'id'\n", failure(1, "put", path, text))
    end
    local input = write_file(support.path(), '{"id": "b", "title": "x"}\n{"title": "y"}\n')
    local _, exit_code, errors = command_line.shell(command_line.command("put", path) .. " <" .. input)
    assert.equal(1, exit_code)
    assert.equal("moonvec: line 2: the document has no 'id'\n", errors)
    assert.equal("1\n", output("count", path))
  end)
end)

describe("moonvec import", function()
  it("writes nothing with --dry-run where there is a collection", function()
    local path = collection(TITLES, { { id = "a", title = "x" } })
    local file = write_file(new_path ".jsonl", '{"id": "b", "title": "y"}\n')
    contains(failure(2, "import", path, file, "--dry-run"), "is there already")
    assert.equal("1\n", output("count", path))
    local place = support.path()
    contains(failure(2, "import", place, file, "--like", path, "--dry-run"), "--dry-run prints a schema")
    contains(failure(1, "count", place), "there is no collection")
  end)

  it("reads all of a pipe whose schema is guessed", function()
    local lines, place = {}, support.path()
    for i = 1, 20000 do
      lines[i] = ('{"id": "%d", "title": "number %d"}\n'):format(i, i)
    end
    local file, pipe = write_file(support.path(), table.concat(lines)), support.path()
    local _, exit_code, errors = command_line.shell(("mkfifo %s; cat %s >%s & timeout 20 %s"):format(pipe, file, pipe,
      command_line.command("import", place, pipe, "--format", "jsonl")))
    assert.equal(0, exit_code, errors)
    assert.equal("20000\n", output("count", place))
  end)

  it("says where a map fails, and that it is not a fault of moonvec", function()
    local path = collection(TITLES, { { id = "a", title = "x" } })
    local file = write_file(new_path ".jsonl", '{"id": "b", "title": "y"}\n')
    local map = write_file(new_path ".lua", "return function() error 'broken' end")
    assert.matches("^moonvec: row 1: [^\n]*broken\n$", failure(1, "import", path, file, "--map", map))
    write_file(map, "error 'broken'")
    assert.matches("^moonvec: /[^\n]*broken\n$", failure(1, "import", path, file, "--map", map))
  end)

  it("says why no row of a file can be read", function()
    local file = write_file(new_path ".jsonl", "\n7\nnope\n")
    contains(failure(1, "import", support.path(), file), "(line 2: expected a JSON object)")
  end)
end)

describe("moonvec recall", function()
  it("measures a collection in which nothing is like anything", function()
    local path = collection({ fields = {}, vectors = { { name = "v", type = "vector_fp32", dim = 2 } } },
      { { id = "a", v = { 1, 2 } } })
    assert.matches("\nrecall 0.9 +%- +%- ", output("recall", path))
  end)
end)

describe("JSON for programs", function()
  it("is UTF-8, whatever the bytes of ids and paths", function()
    local a, b = collection(TITLES, { { id = "\255", title = "x" } }), collection(TITLES, { { id = "b", title = "x" } })
    local text, exit_code = command_line.run("diff", a, b, "--json")
    assert.equal(1, exit_code)
    assert.same({ id = { base64 = "/w==" }, change = "removed" }, json.decode(text:match "^[^\n]*"))
    local place = folder "\255"
    os.execute(("cp %s/* %s"):format(quote(a), quote(place)))
    assert.equal(place:gsub("\255", "\195\191"), json.decode(output("info", place, "--json")).path)
  end)
end)

describe("moonvec schema", function()
  it("prints defaults that JSON and Lua lack, and create reads them back", function()
    local c, path = support.collection {
      fields = {
        { name = "endless", type = "double", default = -math.huge },
        { name = "zero", type = "double", default = 1 / -math.huge },
        { name = "bytes", type = "string", default = '\255\0\n1"\\' },
        { name = "whole", type = "int64", default = "9223372036854775807" },
        { name = "list", type = "array_string", default = { "\254", "b" } },
      },
      vectors = {},
    }
    assert(c:close())
    for _, kind in ipairs { "json", "lua" } do
      local file, copy = new_path("." .. kind), support.path()
      write_file(file, output("schema", path, "--" .. kind))
      output("create", copy, "--schema", file)
      assert.equal(output("schema", path), output("schema", copy))
      c = assert(moonvec.open(copy))
      assert(c:insert { id = "a" })
      local document = c:fetch "a"
      assert.equal(-math.huge, document.endless)
      assert.equal(-math.huge, 1 / document.zero)
      assert.equal('\255\0\n1"\\', document.bytes)
      assert.equal("9223372036854775807", tostring(document.whole):match "%d+")
      assert.same({ "\254", "b" }, document.list)
      assert(c:close())
    end
  end)
end)

describe("moonvec backup", function()
  it("copies the documents where the file of the model is lost", function()
    local notes, copy = folder(), support.path()
    write_file(notes .. "/a.txt", ("The heron waits at the pond. "):rep(20))
    output("index", notes)
    assert(os.remove(notes .. "/.moonvec/learnt.model"))
    local _, exit_code, errors = command_line.run("backup", notes, copy)
    assert.equal(0, exit_code)
    contains(errors, "the backup lacks a model")
    assert.equal(output("count", notes), output("count", copy))
  end)
end)

describe("moonvec index", function()
  local function index(...)
    local text, exit_code, errors = run_as_user("index", ...)
    assert.equal(0, exit_code, errors)
    return json.decode(text), errors
  end

  it("leaves out a file whose path is too long for an id, and does the others", function()
    local notes = folder()
    local deep = notes .. ("/" .. ("d"):rep(220)):rep(5)
    assert(os.execute("mkdir -p " .. deep))
    write_file(deep .. "/deep.txt", "a badger")
    write_file(notes .. "/near.txt", "a badger")
    local counts = json.decode(output("index", notes, "--json", "--model", "none"))
    assert.equal(1, counts.files)
    assert.equal(1, #counts.failures)
    contains(counts.failures[1], "its path has")
  end)

  it("removes what is gone though another file cannot be read", function()
    local notes = folder()
    for _, name in ipairs { "a", "b", "sub/c" } do
      os.execute("mkdir -p " .. notes .. "/sub")
      write_file(notes .. "/" .. name .. ".txt", name)
      os.execute("touch -d '1 hour ago' " .. notes .. "/" .. name .. ".txt")
    end
    index(notes, "--json", "--model", "none")
    os.execute(("chmod 0 %s/a.txt; touch %s/a.txt; rm %s/b.txt"):format(notes, notes, notes))
    local counts = index(notes, "--json")
    assert.equal(1, counts.removed)
    assert.equal(1, #counts.failures)
    assert.equal("2\n", output("count", notes))
    -- Nobody knows what is in a folder that cannot be listed.
    os.execute(("chmod 0 %s/sub"):format(notes))
    counts = index(notes, "--json")
    os.execute(("chmod 755 %s/sub"):format(notes))
    assert.equal(0, counts.removed)
    assert.equal("2\n", output("count", notes))
  end)

  it("has hits that lead to a folder whose name has a line break", function()
    local notes, place = folder "\n- odd", support.path()
    write_file(notes .. "/a.txt", "a badger")
    output("index", notes, "--into", place, "--model", "none")
    local c = assert(moonvec.open(place, { read_only = true }))
    assert.equal(notes, json.decode(c:meta "moonvec.index").folder)
    assert(c:close())
  end)

  it("says how the place of a server is written", function()
    contains(failure(1, "index", folder(), "--model", "http:http://localhost"), "behind the URL stands a space")
  end)
end)

describe("messages", function()
  it("do not control the terminal", function()
    local errors = failure(1, "count", "./\27[31mnone")
    contains(errors, "\\x1b[31mnone")
    assert.is_nil(errors:find "\27")
  end)
end)

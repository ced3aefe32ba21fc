-- Subcommands of moonvec that make, show, change and look after a collection.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local output, failure, new_file = command_line.output, command_line.failure, text_files.new

local SCHEMA = {
  fields = { { name = "title", type = "string", index = "text" }, { name = "year", type = "int32", nullable = true } },
  vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
}

local function books()
  local c, path = support.collection(SCHEMA)
  assert(c:insert { { id = "dune", title = "Dune", year = 1965, v = { 1, 0 } },
                    { id = "emma", title = "Emma", year = 1815, v = { 0, 1 } },
                    { id = "ulysses", title = "Ulysses", v = { 0.5, 0.5 } } })
  assert(c:close())
  return path
end

--- Calls work(collection) with the collection at `path` open, and returns what it returns.
local function with_open(path, work)
  local c = assert(moonvec.open(path))
  local result = work(c)
  assert(c:close())
  return result
end

after_each(support.clean)

describe("moonvec create", function()
  it("makes a collection of fields in short form", function()
    local path = support.path()
    assert.equal("", output("create", path, "--field", "title:string:text:english", "--field", "year:int32?",
      "--field", "tags:array_string:invert", "--field", "source:string:code", "--vector", "a:8:l2:int8:flat",
      "--vector", "terms:sparse"))
    local expected = moonvec.schema {
      fields = {
        { name = "title", type = "string", index = { type = "text", language = "english" } },
        { name = "year", type = "int32", nullable = true },
        { name = "tags", type = "array_string", index = "invert" },
        { name = "source", type = "string", index = { type = "text", tokenizer = "code" } },
      },
      vectors = { { name = "a", type = "vector_int8", dim = 8, metric = "l2", index = "flat" },
                  { name = "terms", type = "sparse_vector_fp32" } },
    }
    assert.same(expected, with_open(path, function(c)
      return c.schema
    end))
    assert.truthy(failure(1, "create", path, "--field", "a:bool"):find("exists", 1, true))
  end)

  it("makes a collection of what `schema` prints", function()
    local path = books()
    for _, form in ipairs { { ".json" }, { ".json", "--json" }, { ".lua", "--lua" } } do
      local file, copy = new_file(output("schema", path, form[2]), form[1]), support.path()
      output("create", copy, "--schema", file)
      assert.equal(output("schema", path), output("schema", copy))
      os.remove(file)
    end
  end)

  it("says what is wrong with a schema", function()
    local path = support.path()
    local function says(text, ...)
      local message = failure(2, "create", path, ...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("give the schema: --schema FILE, or --field and --vector")
    says("--schema cannot be combined with --field", "--schema", "x", "--field", "a:bool")
    says("'--field' must be NAME:TYPE, such as title:string:text, got 'title'", "--field", "title")
    says("unknown type in --field 'strng' (did you mean 'string'?)", "--field", "title:strng")
    says("unknown word in --field 'txt' (did you mean 'text'?)", "--field", "title:string:txt")
    says("'--vector' must be NAME:DIM, such as embedding:384:cosine, or NAME:sparse, got 'v:x'", "--vector", "v:x")
    says("unknown word in --vector 'cosin' (did you mean 'cosine'?)", "--vector", "v:2:cosin")
    says("dim", "--vector", "v:0")
    assert.truthy(failure(1, "create", path, "--schema", path):find(path, 1, true))
    local file = new_file "{"
    assert.truthy(failure(1, "create", path, "--schema", file):find(file, 1, true))
    assert.is_nil(io.open(path))
  end)

  it("only prints with --dry-run", function()
    local path = support.path()
    assert.equal("bool", json.decode(output("create", path, "--field", "a:bool", "--dry-run")).fields[1].type)
    assert.is_nil(io.open(path))
  end)
end)

describe("moonvec get", function()
  it("prints documents", function()
    local path = books()
    local text = output("get", path, "emma", "dune", "--vectors")
    assert.equal('{"id":"emma","title":"Emma","v":[0,1],"year":1815}\n'
      .. '{"id":"dune","title":"Dune","v":[1,0],"year":1965}\n', text)
    assert.equal('{"id":"dune","v":[1,0]}\n', output("get", path, "dune", "--fields", "v"))
    assert.equal('{"id":"ulysses","title":"Ulysses"}\n', output("get", path, "ulysses"))
  end)

  it("names those that do not exist, and prints the others", function()
    local text, exit_code, errors = command_line.run("get", books(), "a", "dune", "b")
    assert.equal('{"id":"dune","title":"Dune","year":1965}\n', text)
    assert.equal(1, exit_code)
    assert.equal("moonvec: there is no document with the id 'a', 'b'\n", errors)
  end)
end)

describe("moonvec delete", function()
  it("deletes by id and by filter", function()
    local path = books()
    assert.truthy(failure(2, "delete", path):find("give ids, or --filter", 1, true))
    assert.truthy(failure(2, "delete", path, "a", "--filter", "true"):find("give ids, or --filter", 1, true))
    assert.equal("1\n", output("delete", path, "dune", "none", "--dry-run"))
    assert.equal("1\n", output("delete", path, "--filter", "year < 1900", "--dry-run"))
    assert.equal("3\n", output("count", path))
    assert.equal("1\n", output("delete", path, "dune", "none"))
    assert.equal("1\n", output("delete", path, "--filter", "year < 1900"))
    assert.equal("1\n", output("count", path))
  end)
end)

describe("moonvec info", function()
  it("shows what there is", function()
    local path = books()
    local text = output("info", path)
    for _, part in ipairs { "documents +3\n", "\n  title +string +text: not built, all 3 rows are looked at\n",
                            "vector_fp32 of 2, cosine", "not indexed +3 rows: a process that writes",
                            "int32, nullable" } do
      assert.truthy(text:find(part), part .. "\n" .. text)
    end
    local numbers = json.decode(output("info", path, "--json"))
    assert.equal(3, numbers.documents)
    assert.equal("vector_fp32", numbers.schema.vectors[1].type)
  end)
end)

describe("moonvec check", function()
  it("finds damage", function()
    local path = books()
    output("optimize", path)
    assert.equal("sound\n", output("check", path))
    local file = assert(io.open(path .. "/000001.rows", "r+b"))
    local size = file:seek("end")
    file:seek("set", size - 10)
    file:write("damaged!")
    file:close()
    assert.truthy(failure(1, "check", path):find("000001.rows", 1, true))
  end)
end)

describe("moonvec optimize", function()
  it("seals and indexes", function()
    local path = books()
    assert.truthy(select(3, command_line.run("optimize", path, "--threads", 1)):find("before, .* now\n"))
    assert.equal(0, with_open(path, function(c)
      return c:stats().fresh_rows
    end))
    assert.truthy(failure(2, "optimize", path, "--threads", "x"):find("'--threads' must be a whole number", 1, true))
    assert.truthy(failure(2, "optimize", path, "--threads", 0):find("from 1 to 64, got 0", 1, true))
  end)
end)

describe("moonvec backup", function()
  it("copies a collection", function()
    local path, copy = books(), support.path()
    assert.equal("", output("backup", path, copy))
    assert.equal("", output("diff", path, copy))
    assert.truthy(failure(1, "backup", path, copy):find("exists", 1, true))
    assert.equal("1\n", output("delete", path, "dune"))
    assert.equal("", output("backup", path, copy, "--replace", "--copy"))
    assert.equal("2\n", output("count", copy))
  end)
end)

describe("moonvec diff", function()
  it("names documents that differ", function()
    local a, b = books(), books()
    assert.equal("", output("diff", a, b))
    with_open(b, function(c)
      assert(c:delete "emma")
      assert(c:insert { id = "new\27", title = "New", v = { 1, 1 } })
      assert(c:update { id = "dune", year = 1966, v = { 1, 0.5 } })
    end)
    local text, exit_code, errors = command_line.run("diff", a, b)
    assert.equal("~ dune: year, v\n- emma\n+ new\\x1b\n", text)
    assert.equal(1, exit_code)
    assert.equal("", errors)
    text = command_line.run("diff", a, b, "--json")
    assert.equal('{"change":"changed","fields":["year","v"],"id":"dune"}\n{"change":"removed","id":"emma"}\n'
      .. '{"change":"added","id":"new\\u001b"}\n', text)
  end)

  it("finds what a plain comparison finds", function()
    local random, sides = support.random(5), {}
    for side = 1, 2 do
      local c, path = support.collection {
        fields = { { name = "n", type = "int32", nullable = true }, { name = "tags", type = "array_string" } },
        vectors = { { name = "v", type = "vector_fp32", dim = 1, metric = "l2", index = "flat" },
                    { name = "s", type = "sparse_vector_fp32", nullable = true } },
      }
      local documents = {}
      for i = 1, 700 do
        if random(10) > 1 then
          documents[#documents + 1] = {
            id = "d" .. i, n = random(8) > 1 and i or nil, tags = random(8) > 1 and { "a", "b" } or {},
            v = { random(20) }, s = random(8) > 1 and { [random(2)] = 1 } or nil,
          }
        end
      end
      assert(c:insert(documents))
      assert(c:close())
      sides[side] = { path = path, documents = {} }
      for _, document in ipairs(documents) do
        sides[side].documents[document.id] = json.encode { document.n or "none", document.tags, document.v,
                                                          document.s and document.s[1] and 1 or document.s and 2 or 0 }
      end
    end
    local expected, a, b = {}, sides[1].documents, sides[2].documents
    for id, text in pairs(a) do
      expected[id] = b[id] == nil and "-" or b[id] ~= text and "~" or nil
    end
    for id in pairs(b) do
      expected[id] = a[id] == nil and "+" or expected[id]
    end
    local found = {}
    for mark, id in command_line.run("diff", sides[1].path, sides[2].path):gmatch("([-+~]) (d%d+)") do
      found[id] = mark
    end
    assert.same(expected, found)
  end)

  it("compares the fields that both have", function()
    local a, b = books(), books()
    with_open(b, function(c)
      assert(c:drop_column "year")
    end)
    local text, exit_code, errors = command_line.run("diff", a, b)
    assert.equal("", text)
    assert.equal(1, exit_code)
    assert.equal("not compared, because only one of them has it: year\n", errors)
  end)
end)

describe("moonvec watch", function()
  it("prints the state once", function()
    local path = books()
    local text = output("watch", path, "--once")
    assert.truthy(text:find("^ *time +documents +commit .*\n%d%d:%d%d:%d%d +3 "), text)
    assert.equal(3, json.decode(output("watch", path, "--once", "--json")).documents)
  end)

  it("prints changes until it is interrupted", function()
    local path = books()
    local printed = support.path()
    -- Both processes get the signal, as from a terminal. Job control gives them a process group of their own.
    local script = ("set -m; %s >%s & group=$!; while ! [ -s %s ]; do sleep 0.05; done; %s; sleep 1.3; "
      .. "kill -INT -- -$group; wait $group"):format(command_line.command("watch", path, "--json"), printed, printed,
      command_line.command("delete", path, "dune"))
    local _, exit_code = command_line.shell("bash -c " .. program.quote(script))
    assert.equal(0, exit_code)
    local counts = {}
    for line in io.lines(printed) do
      counts[#counts + 1] = json.decode(line).documents
    end
    assert.same({ 3, 2 }, counts)
  end)
end)

describe("moonvec completions", function()
  it("are accepted by the shells", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local text = output("completions", shell)
      for _, word in ipairs { "optimize", "diff", "fields" } do
        assert.truthy(text:find(word, 1, true), word)
      end
      local file = new_file(text)
      if command_line.shell("command -v " .. shell) ~= "" then
        local _, exit_code, errors = command_line.shell(shell .. " -n " .. file)
        assert.equal(0, exit_code, errors)
      end
    end
    assert.truthy(failure(2, "completions", "bsh"):find("did you mean 'bash'?", 1, true))
  end)

  it("complete commands and options in bash", function()
    local script = new_file(output("completions", "bash") .. [[
      COMP_WORDS=(moonvec opt); COMP_CWORD=1; _moonvec; echo "${COMPREPLY[@]}"
      COMP_WORDS=(moonvec get DIR --fi); COMP_CWORD=3; _moonvec; echo "${COMPREPLY[@]}"
      COMP_WORDS=(moonvec help bac); COMP_CWORD=2; _moonvec; echo "${COMPREPLY[@]}"
    ]])
    assert.equal("optimize\n--fields\nbackup\n", command_line.shell("cd spec/support && bash " .. script))
  end)
end)

describe("the manual page", function()
  it("has all commands and options, and is proper roff", function()
    local page = output("help", "--man")
    local file = new_file(page)
    local command = require "moonvec.command"
    for _, group in ipairs(command.groups()) do
      for _, one in ipairs(group) do
        assert.truthy(page:find(".SS moonvec " .. one.name, 1, true), one.name)
        for _, option in ipairs(one.options or {}) do
          assert.truthy(page:find("\\-\\-" .. option[1]:gsub("%-", "\\-"), 1, true), option[1])
        end
      end
    end
    if command_line.shell("command -v groff") ~= "" then
      local _, _, errors = command_line.shell("env -u LD_PRELOAD groff -man -Tutf8 -ww " .. file .. " >/dev/null")
      assert.equal("", errors)
    end
  end)
end)

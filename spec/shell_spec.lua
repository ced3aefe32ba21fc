-- The interactive shell, run as a program with lines as arguments or from a pipe.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support"

local path

local function output(...)
  return command_line.output("shell", path, ...)
end

--- What a line that must fail says, without the name of the program.
local function failure(...)
  return (command_line.failure(1, "shell", path, ...):gsub("^moonvec: ", ""))
end

--- Runs lines from a pipe. Returns the output, the exit code and what is on stderr.
local function piped(...)
  local input = program.quote(table.concat({ ... }, "\n") .. "\n")
  return command_line.shell(("printf %%s %s | %s"):format(input, command_line.command(path)))
end

describe("the shell", function()
  it("shows all digits of whole numbers", function()
    local c, place = support.collection {
      fields = { { name = "n", type = "int64" }, { name = "of", type = "array_int64" } }, vectors = {},
    }
    assert(c:insert { id = "a", n = "-9223372036854775807", of = { "9007199254740993" } })
    assert(c:close())
    assert.matches("\na +%-9223372036854775807 +%[9007199254740993%]\n", command_line.output("shell", place, "true"))
  end)
  setup(function()
    local c
    c, path = support.collection {
      fields = {
        { name = "year", type = "int32", nullable = true }, { name = "title", type = "string", index = "text" },
        { name = "at", type = "timestamp", nullable = true },
        { name = "tags", type = "array_string", nullable = true, index = "invert" },
      },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
    }
    assert(c:insert {
      { id = "dune", year = 1965, title = "Dune", tags = { "scifi", "desert" }, v = { 1, 0 } },
      { id = "emma", year = 1815, title = "Emma, a novel", at = "2026-11-01T12:30:00.25Z", v = { 0, 1 } },
      { id = "evil", title = "red \27[31malert\7\nsecond \226\128\174line \255", v = { 1, 1 } },
    })
    assert(c:close())
  end)
  teardown(support.clean)

  it("prints the documents that match a filter, with their number", function()
    assert.equal([[
id    year  title          at                       tags
----  ----  -------------  -----------------------  ---------------
dune  1965  Dune           NULL                     [scifi, desert]
emma  1815  Emma, a novel  2026-11-01T12:30:00.25Z  NULL
2 documents
]], output("year < 2000"))
    assert.matches("\n1 of 3 documents %(.limit 1%)\n$", output(".limit 1", "true"))
    assert.equal("0 documents\n", output("year > 2000 AND tags CONTAIN_ANY ('scifi')"))
    assert.matches("\nemma .*\ndune ", output(".order year", "year IS NOT NULL"))
  end)

  it("shows characters that a terminal would obey, in no other form than escaped", function()
    local text = output(".get evil", ".mode vertical", ".get evil", "_")
    assert.is_nil(text:find "[%z\1-\9\11-\31\127]")
    assert.truthy(text:find("\nevil  red \\x1b[31malert\\x07 second \\u{202e}line \\xff\n", 1, true))
    assert.truthy(text:find("\ntitle  red \\x1b[31malert\\x07\n       second \\u{202e}line \\xff\n", 1, true))
  end)

  it("searches by a document, by words, and within a filter", function()
    assert.matches("^id +score .*\nevil  0.70711 .*\nemma .*\n2 documents\n$", output(".like dune"))
    assert.matches("\nemma  [%d.]+  1815  Emma, a novel ", output(".text novel"))
    assert.matches("\nemma [^\n]*\n1 document\n$", output(".where year < 1900", ".like dune"))
    local without = output(".where year < 1900", ".where off", ".like dune")
    assert.matches("\nevil [^\n]*\nemma [^\n]*\n2 documents\n$", without)
    assert.equal("id    v\n----  ------\ndune  [1, 0]\n", output(".fields v", ".get dune"))
  end)

  it("counts, lists values, and describes the collection", function()
    assert.equal("3\n2\n", output(".count", ".count year > 0"))
    assert.equal("value   count\n------  -----\ndesert      1\nscifi       1\n", output(".facet tags"))
    local schema = output ".schema"
    assert.matches("\ntitle +string +index text\n.*\nv +vector_fp32%(2%) +index hnsw, metric cosine\n", schema)
    assert.matches("\ndocuments +3\n", output(".stats"))
    assert.matches("\n1 +fresh rows +exact +3 +3 +3 ", output(".explain on", ".like dune"))
    assert.matches("^time: [%d.]+ ms\n3\ntime: [%d.]+ ms\n$", output(".timer on", ".count"))
    assert.matches("3 documents are too few for a graph", output(".recall 2"))
  end)

  it("prints JSON, JSON lines and CSV", function()
    local lines = output(".mode jsonl", "year > 0")
    local first, second = lines:match "^([^\n]*)\n([^\n]*)\n$"
    assert.same({ id = "dune", year = 1965, title = "Dune", tags = { "scifi", "desert" } }, json.decode(first))
    assert.same({ id = "emma", year = 1815, title = "Emma, a novel", at = 1793536200250000 }, json.decode(second))
    local all = json.decode(output(".mode json", "year > 0"))
    assert.same({ json.decode(first), json.decode(second) }, all)
    assert.equal('id,year,title,at,tags\ndune,1965,Dune,,"[""scifi"",""desert""]"\n'
      .. 'emma,1815,"Emma, a novel",1793536200250000,\n', output("--mode", "csv", "year > 0"))
    assert.same({ { value = "desert", count = 1 }, { value = "scifi", count = 1 } },
      json.decode(output(".mode json", ".facet tags")))
    assert.equal(3, json.decode(output(".mode json", ".stats")).documents)
  end)

  it("runs Lua with the collection and the last result", function()
    assert.equal("3\n2\n3\n", output("c:count()", "= 1 + 1", "= _ + 1"))
    assert.equal("1965\n", output("print(c:fetch('dune').year)"))
    assert.equal("nil\ttrue\n", output("print(nil, true)"))
    assert.equal("x = 5\n", output("local x = 5 print('x = ' .. x)"))
    assert.equal("7\n", output("= seven = 7", "print(seven)"))
    local found = output("c:query{ filter = 'year > 1900' }", "= _[1].title")
    assert.matches('^id +score +year .*\ndune .*\n1 document\n"Dune"\n$', found)
    assert.equal('{ 1, "a", { b = true } }\n', output('= { 1, "a", { b = true } }'))
    assert.equal("{ { { { { { {...} } } } } } }\n", output("= (function() local t = {} t[1] = t return t end)()"))
  end)

  it("reads Lua over several lines, filters and comments from a pipe", function()
    local text, exit_code, errors = piped("-- a comment", "", "for i = 1, 2 do", "  print(i)", "end", "year > 1900",
      ".quit", "no line")
    assert.equal("", errors)
    assert.equal(0, exit_code)
    assert.matches("^1\n2\nid .*\ndune .*\n1 document\n$", text)
  end)

  it("takes quit, exit and help without the dot, and describes one command", function()
    assert.equal("", output("quit", "no line"))
    assert.equal("", output("exit", "no line"))
    assert.equal(output ".help", output "help")
    assert.equal('.text WORDS\n  search by words: "phrases", -excluded, beg*\n', output(".help text"))
    assert.equal(output ".help text", output "help .text")
    assert.equal(output ".schema", output ".schem")
    assert.matches("\ndocuments +3\n", output ".info")
  end)

  it("ends a script at its first error", function()
    local text, exit_code, errors = piped(".count", "yeer > 1900", ".count")
    assert.equal("3\n", text)
    assert.equal(1, exit_code)
    assert.equal("moonvec: line 2: unknown field 'yeer' (did you mean 'year'?)\n  yeer > 1900\n  ^\n"
      .. "(a line without a dot that is not Lua is a filter: .help)\n", errors)
  end)

  local failures = {
    { "year >", "line 1: expected a value after '>', found the end\n  year >\n        ^\n" },
    { "title = 'x' AND year = 'y'", "field 'year' wants a number, got a string" },
    { ".exlain on", "line 1: shell: unknown command '.exlain' (did you mean '.explain'?)" },
    { ".e", "line 1: .e is the beginning of .edit, .explain\n" },
    { ".mode tabel", "unknown mode 'tabel' (did you mean 'table'?)" },
    { ".timer maybe", "unknown value 'maybe'" },
    { ".limit 0", ".limit takes a whole number from 1 to 1000000, got '0'" },
    { ".fields titel", "unknown field 'titel' (did you mean 'title'?)" },
    { ".field year", "'year' is no vector field and has no text index" },
    { ".help txt", "unknown command '.txt' (did you mean '.text'?)" },
    { ".search dune", "unknown command '.search' (did you mean '.text'?)" },
    { "dune", "line 1: unknown field 'dune'\n  dune\n  ^\n(.text dune searches for the word; .help has the rest)\n" },
    { ".text -dune", "line 1: text '-dune' only excludes: " },
    { ".where yeer > 1", "line 1: unknown field 'yeer' (did you mean 'year'?)\n" },
    { ".like nobody", "line 1: document 'nobody' not found (not_found)\n" },
    { ".get", ".get needs an argument: ID" },
    { ".schema x", ".schema takes no argument, got 'x'" },
    { ".ask what", "no vector field has a model that embeds words" },
    { ".facet v", "field 'v' is a vector field, not a scalar field" },
    { "= 1 +", "line 1: unexpected symbol near" },
    { "c:quarry{}", "line 1: attempt to call" },
    { "= error('own\27words')", "own\\x1bwords" },
    { "c:query{ filter = 'yeer > 1' }", "line 1: unknown field 'yeer' (did you mean 'year'?)\n" },
    { "c:insert { id = 'x' }", "(read_only)" },
    { ".edit dune", "line 1: the collection is open read-only: --write allows .edit\n" },
  }
  for _, case in ipairs(failures) do
    it("says what is wrong with " .. case[1]:gsub("%c", "?"), function()
      local message = failure(case[1])
      assert.truthy(message:find(case[2], 1, true), message)
      assert.is_nil(message:find "%.lua:%d")
    end)
  end

  it("stands lines of any bytes", function()
    local function piped_bytes(lua)
      local text, exit_code, errors = command_line.shell(("%s -e %s | %s"):format(program.interpreter(),
        program.quote("io.write(" .. lua .. ")"), command_line.command(path)))
      assert.equal("", text)
      assert.equal(1, exit_code)
      assert.is_true(#errors < 500, errors)
      return errors
    end
    assert.matches("^moonvec: line 1: more than 200 levels of parentheses and NOT %(at byte 201%) %(limit%)\n",
      piped_bytes "('('):rep(100000)")
    assert.matches("the filter has 3000007 bytes, at most 1048576 are allowed %(limit%)",
      piped_bytes "'year > ' .. ('1'):rep(3000000)")
    local bytes = piped_bytes "'year > 1 \\255\\27'"
    assert.matches("unexpected character .*\n  year > 1 \\xff\\x1b\n           %^\n", bytes)
    assert.matches("document '.*\\x1b%[31m' not found", piped_bytes "'.get \\27[31m'")
  end)

  it("is called wrongly with another mode, and without a collection", function()
    assert.matches("unknown mode 'tabel' %(did you mean 'table'%?%)",
      command_line.failure(2, "shell", path, "--mode", "tabel"))
    assert.matches("there is no collection at '/nowhere'", command_line.failure(1, "shell", "/nowhere"))
  end)

  it("lists its commands", function()
    local help = output(".help")
    for _, command in ipairs(require("moonvec.shell.dot_commands").list) do
      assert.truthy(help:find("\n." .. command[1] .. " ", 1, true), command[1])
    end
    for line in help:gmatch "[^\n]*" do
      assert.is_true(#line <= 80, line)
    end
  end)

  it("edits a document in the editor, and keeps the text if it is wrong", function()
    local script = os.tmpname()
    local function edit_with(sed, ...)
      local file = assert(io.open(script, "w"))
      file:write("#!/bin/sh\nsed -i.old ", program.quote(sed), ' "$1" && rm -f "$1.old"\n')
      file:close()
      local command = command_line.command("shell", path, "--write", ...)
      return command_line.shell(("chmod +x %s; VISUAL=%s; export VISUAL; %s"):format(script, script, command))
    end
    local text, exit_code, errors = edit_with("s/1965/1966/; s/desert/sand/", ".get dune", ".edit", ".mode jsonl",
      ".get dune")
    assert.equal(0, exit_code, errors)
    assert.equal("1 document was changed\n" .. '{"id":"dune","tags":["scifi","sand"],"title":"Dune","year":1966}\n',
      text:match "\n(1 document was .*)$")
    assert.equal("nothing was changed\n", (edit_with("", ".edit emma")))
    text, exit_code, errors = edit_with("s/Emma/\"/", ".edit emma")
    assert.equal("", text)
    assert.equal(1, exit_code)
    local kept = errors:match "the text is not JSON: .* %(the text is kept in ([^)]*)%)"
    assert.truthy(kept, errors)
    assert(io.open(kept)):close()
    os.remove(kept)
    os.remove(script)
    errors = select(3, edit_with("", ".edit nobody"))
    assert.matches("document 'nobody' not found", errors)
  end)

  it("sees what another process writes", function()
    local c, mark = assert(moonvec.open(path)), path .. ".written"
    local input = ("{ echo .count; while [ ! -e %s ]; do sleep 0.02; done; echo .count; }"):format(mark)
    local process = io.popen(input .. " | " .. command_line.command(path))
    assert.equal("3", process:read "*l")
    assert(c:insert { id = "late", title = "Late", v = { 1, 0 } })
    assert(io.open(mark, "w")):close()
    assert.equal("4", process:read "*l")
    process:close()
    os.remove(mark)
    assert(c:delete "late")
    assert(c:close())
  end)
end)

-- source.jsonl, source.lines, source.csv and source.tsv: rows, their numbers, and what is wrong with them.

local byte_reader = require "moonvec.source.byte_reader"
local children = require "spec.support.children"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

-- What a source returns until its end: { row, document } or { row, message }.
local function read_all(source)
  local list = {}
  while true do
    local document, message, code = source:read()
    if document == nil then
      source:close()
      return list, message, code
    end
    list[#list + 1] = { source.row, document or message }
  end
end

describe("source.jsonl", function()
  after_each(support.clean)

  local function rows(text, options)
    return (read_all(assert(moonvec.source.jsonl(text_files.new(text), options))))
  end

  it("reads an object from each line, with blank lines, line ends of Windows and a mark", function()
    assert.same({ { 1, { a = 1 } }, { 3, { b = "x\ny" } }, { 5, { c = moonvec.null } } },
      rows '\239\187\191{"a":1}\r\n\r\n {"b":"x\\ny"}\n  \t\n{"c":null}')
    assert.same({}, rows "")
    assert.same({}, rows "\n\n")
    assert.same({ { 1, {} } }, rows "{}\n")
  end)

  it("says what is wrong with a line, and goes on", function()
    local long = ('{"a":"%s"}'):format(("x"):rep(300000))
    assert.same({
      { 1, "expected a JSON object" }, { 2, "expected a JSON object" }, { 3, "expected a JSON object" },
      { 4, "Expected value but found T_OBJ_END at character 6" },
      { 5, "the line is longer than 1000 bytes (option 'max_bytes')" },
      { 6, "expected a JSON object" }, { 7, { id = "a" } },
      { 8, "the line is longer than 1000 bytes (option 'max_bytes')" },
    }, rows('[1]\n"x"\nnull\n{"a":}\n' .. long .. '\n\0{"a":1}\n{"id":"a"}\n' .. long, { max_bytes = 1000 }))
    for _, text in ipairs { '{"a":1', '{"a":1}}', '{"a" 1}', '{"a":"\\ud800"}', '{"a":' .. ("["):rep(2000), "{\0}",
      '{"a":01x}' } do
      local list = rows(text .. '\n{"id":"b"}')
      assert.equal(2, #list)
      assert.is_string(list[1][2], text)
      assert.same({ 2, { id = "b" } }, list[2])
    end
  end)

  it("reads lines of any length with any position of the blocks", function()
    local random, lines, expected = support.random(4), {}, {}
    for i = 1, 100 do
      local text = ("é"):rep(random(random(5) == 1 and 60000 or 400))
      lines[i], expected[i] = ('{"t":"%s"}'):format(text), { i, { t = text } }
    end
    assert.same(expected, rows(table.concat(lines, "\n")))
  end)

  it("tells how far it is, and goes on at any row", function()
    local path = text_files.new '{"n":1}\n\n{"n":2}\r\n{"n":3}'
    local source = moonvec.source.jsonl(path)
    local positions = { [0] = source:position() }
    for i = 1, 3 do
      source:read()
      positions[i] = source:position()
    end
    assert.same({ 25, 25 }, { source:progress() })
    for i, expected in pairs { [0] = { { 1, { n = 1 } }, { 3, { n = 2 } }, { 4, { n = 3 } } }, { { 3, { n = 2 } },
      { 4, { n = 3 } } },
      { { 4, { n = 3 } } }, {} } do
      source = moonvec.source.jsonl(path)
      assert.is_true(source:seek(positions[i]))
      assert.same(expected, (read_all(source)))
    end
  end)

  it("fails for what is no file, and raises for misuse", function()
    local none, message, code = moonvec.source.jsonl "/nowhere/x"
    assert.same({ nil, "cannot open /nowhere/x: No such file or directory", "not_found" }, { none, message, code })
    none, message, code = moonvec.source.jsonl "/"
    assert.same({ nil, "cannot read '/': Is a directory", "io" }, { none, message, code })
    none, message, code = moonvec.source.jsonl(text_files.new "\255\254{\0}\0")
    assert.is_nil(none)
    assert.matches("is UTF%-16, expected UTF%-8", message)
    assert.equal("invalid", code)
    assert.matches("source.jsonl: 'path' must be the path of a file, or '%-' for stdin, got a nil",
      support.message_of(moonvec.source.jsonl))
    assert.matches("source.jsonl: 'path' must be .*, got 'a\\0b'", support.message_of(moonvec.source.jsonl, "a\0b"))
    assert.matches("source.jsonl: unknown option 'max_byte' %(did you mean 'max_bytes'%?%)",
      support.message_of(moonvec.source.jsonl, "x", { max_byte = 1 }))
  end)

  it("reads a pipe, and stdin", function()
    local path = support.path()
    assert.is_true(children.succeeds("mkfifo " .. path))
    local writer = io.popen(("printf '{\"n\":1}\\n{\"n\":2}' > %s"):format(path))
    local source = assert(moonvec.source.jsonl(path))
    assert.is_nil(source:position())
    assert.same({ { 1, { n = 1 } }, { 2, { n = 2 } } }, (read_all(source)))
    writer:close()
    local child = children.start(function()
      local s = require("moonvec").source.jsonl "-"
      print(s.name, s:read().n, s:read().n, s:read(), s:position())
    end)
    child:send '{"n":1}\n{"n":2}'
    child.input:close()
    child.input = { close = function() end } -- it is closed once
    assert.equal("stdin\t1\t2\tnil\tnil", (child:read():gsub("%.0", "")))
    children.clean()
  end)

  it("holds no more than a line and a block in memory", function()
    local path = support.path()
    local file = io.open(path, "wb")
    local line = ('{"t":"%s"}\n'):format(("x"):rep(1000))
    for _ = 1, 8 do
      file:write(line:rep(1000))
    end
    file:close()
    local source = moonvec.source.jsonl(path)
    collectgarbage()
    local before, most, count = collectgarbage "count", 0, 0
    while source:read() do
      count = count + 1
      if count % 1000 == 0 then
        collectgarbage()
        most = math.max(most, collectgarbage "count" - before)
      end
    end
    assert.equal(8000, count)
    assert.is_true(most < 2000, most .. " KiB")
    file = io.open(path, "wb")
    for _ = 1, 12 do
      file:write(("x"):rep(1048576))
    end
    file:close()
    local reader = byte_reader.open("spec", path, true)
    assert.is_false(reader:line(1048576))
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 8000)
    reader:close()
  end)
end)

describe("source.lines", function()
  after_each(support.clean)

  it("makes a document of each line that is not blank", function()
    local path = text_files.new "one\n\n \r\ntwo \r\n\0\nlast"
    assert.same({
      { 1, { id = "1", line = 1, text = "one" } }, { 4, { id = "4", line = 4, text = "two " } },
      { 5, { id = "5", line = 5, text = "\0" } }, { 6, { id = "6", line = 6, text = "last" } },
    }, (read_all(moonvec.source.lines(path))))
    local c = support.collection({ fields = { { name = "body", type = "string" } } }, { path = ":memory:" })
    assert.equal(4, c:ingest(moonvec.source.lines(path, { field = "body" })).written)
    assert.equal("two ", c:fetch("4").body)
  end)
end)

-- A table as text: cells with anything in them, quoted where they must be, and sometimes where they need not.
local function csv_of(random, table_rows, delimiter, line_end)
  local lines = {}
  for i, row in ipairs(table_rows) do
    local cells = {}
    for j, cell in ipairs(row) do
      local must = cell:find('["\r\n' .. delimiter .. "]") or cell == ""
      cells[j] = (must or random(3) == 1) and '"' .. cell:gsub('"', '""') .. '"' or cell
    end
    lines[i] = table.concat(cells, delimiter)
  end
  return table.concat(lines, line_end)
end

describe("source.csv", function()
  after_each(support.clean)

  local function rows(text, options, schema)
    local source = assert(moonvec.source.csv(text_files.new(text), options))
    if schema then
      source:use_schema(moonvec.schema(schema))
    end
    return (read_all(source))
  end

  it("reads back every table, whatever is in its cells", function()
    local random = support.random(8)
    local pieces = { "a", "", '"', '""', ",", "\t", "\n", "\r\n", "\r", "é", "\0", " ", "x,y", '"a"', ";" }
    for n = 1, 90 do
      local columns, expected, given = random(4), {}, {}
      for i = 1, random(8) do
        given[i], expected[i] = {}, {}
        for j = 1, columns do
          local cell = {}
          for k = 1, random(4) do
            cell[k] = pieces[random(#pieces)]
          end
          given[i][j] = table.concat(cell)
          expected[i][j] = given[i][j]
        end
        if given[i][1] == "" or given[i][columns]:find "\r$" then
          given[i][1], expected[i][1] = "x", "x"
          given[i][columns], expected[i][columns] = "y", "y"
        end
      end
      local delimiter = ({ ",", "\t", ";" })[n % 3 + 1]
      local text = csv_of(random, given, delimiter, n % 2 == 0 and "\n" or "\r\n") .. (n % 4 < 2 and "\n" or "")
      local found = {}
      for i, row in ipairs(rows(text, { header = false, delimiter = delimiter })) do
        found[i] = row[2]
      end
      assert.same(expected, found, text)
    end
  end)

  it("takes names from the header, or from the program, and numbers rows by their lines", function()
    assert.same({ { 2, { a = "1", b = "x\ny" } }, { 5, { a = "3", b = "" } } }, rows 'a,b\n1,"x\ny"\n\n3,\n')
    assert.same({ { 1, { x = "a", y = "b" } } }, rows("a,b\n", { header = { "x", "y" } }))
    assert.same({ { 2, { a = "1", b = "2" } } }, (read_all(moonvec.source.tsv(text_files.new "a\tb\n1\t2"))))
  end)

  it("says which row has too many or too few cells, or a wrong quote, and goes on", function()
    assert.same({
      { 2, "the row has 1 cells, the header has 2" }, { 3, "the row has 3 cells, the header has 2" },
      { 4, "cell 1 has 'x' behind its closing quote" }, { 5, { a = 'x"y', b = "z" } },
      { 6, "a quote that is opened in line 6 is not closed before the end" },
    }, rows 'a,b\n1\n1,2,3\n"1"x,2\nx"y,z\n"open,1\n2,3\n')
    local list = rows('a,b\n"' .. ("x\n"):rep(2000) .. '1,2\n3,4\n', { max_bytes = 1000 })
    assert.matches("^a quote that is opened in line 2 is not closed within 1000 bytes %(option 'max_bytes'%), in " ..
      "line %d+$", list[1][2])
    assert.same({ 2003, { a = "3", b = "4" } }, list[#list])
  end)

  it("has values of the types of the fields", function()
    local schema = {
      fields = {
        { name = "i", type = "int32" }, { name = "d", type = "double" },
        { name = "u", type = "uint64", nullable = true },
        { name = "b", type = "bool", nullable = true }, { name = "s", type = "string", nullable = true },
        { name = "r", type = "string" }, { name = "n", type = "int32", default = 7 },
        { name = "l", type = "array_string", nullable = true },
      },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 }, { name = "p", type = "sparse_vector_fp32" } },
    }
    local c = support.collection(schema, { path = ":memory:" })
    local path = text_files.new('id,i,u,d,b,s,r,n,l,v,p\n' ..
      'a,-5,18446744073709551615,1.5e3,Yes,"","",3,"[""x"",""y""]","[1, 2]","{""17"": 0.5}"\n' ..
      'b,+7,,-Infinity,,,,,,"[3,4]",{}\n')
    local result, message = c:ingest(moonvec.source.csv(path))
    assert.same({ 2, nil }, { result and result.written, message })
    assert.same({ id = "a", i = -5, u = "18446744073709551615", d = 1500, b = true, s = "", r = "", n = 3,
      l = { "x", "y" }, v = { 1, 2 }, p = { [17] = 0.5 } }, c:fetch("a", { include_vector = "table" }))
    assert.same({ id = "b", i = 7, d = -math.huge, r = "", n = 7, v = { 3, 4 }, p = {} },
      c:fetch("b", { include_vector = "table" }))
  end)

  it("says which cell is not of its type", function()
    local schema = { fields = {
      { name = "i", type = "int64" }, { name = "b", type = "bool" }, { name = "d", type = "float" },
      { name = "l", type = "array_int32" },
    } }
    local function message(name, cell)
      return rows(name .. ",x\n" .. cell .. ",1\n", nil, schema)[1][2]
    end
    assert.equal("field 'i': '1,5' is not a number", message("i", '"1,5"'))
    assert.equal("field 'i': '0x10' is not a number", message("i", "0x10"))
    assert.equal("field 'i': 'nan' is not a number", message("i", "nan"))
    assert.equal("field 'd': '1e' is not a number", message("d", "1e"))
    assert.equal("field 'b': 'maybe' is neither true nor false", message("b", "maybe"))
    assert.matches("^field 'l': expected JSON such as %[1, 2%]: ", message("l", "a b"))
    assert.equal("field 'l': expected JSON such as [1, 2], got '5'", message("l", "5"))
    assert.equal("field 'l': element 1 is null", message("l", "[null]"))
  end)

  it("goes on behind rows of several lines", function()
    local path = text_files.new 'a,b\n1,"x\n\ny"\n2,z\n3\n'
    local source = moonvec.source.csv(path)
    source:read()
    local position = source:position()
    source = moonvec.source.csv(path)
    assert.is_true(source:seek(position))
    assert.same({ { 5, { a = "2", b = "z" } }, { 6, "the row has 1 cells, the header has 2" } }, (read_all(source)))
  end)

  it("finds the delimiter that is most often in the header, outside of quotes", function()
    for text, expected in pairs {
      ["a;b,c;d\n1;2;3\n"] = { a = "1", ["b,c"] = "2", d = "3" }, ["a\tb\n1\t2\n"] = { a = "1", b = "2" },
      ['\n"a,b,""c"|d\n1|2\n'] = { ['a,b,"c'] = "1", d = "2" }, ["a,b;c\n1,2\n"] = { a = "1", ["b;c"] = "2" },
      ["a\n1;2\n"] = { a = "1;2" },
    } do
      assert.same(expected, moonvec.source.csv(text_files.new(text), { delimiter = "auto" }):read())
    end
  end)

  it("refuses a header that cannot be one, and options that are wrong", function()
    local function message(text)
      local source, why, code = moonvec.source.csv(text_files.new(text))
      assert.is_nil(source)
      assert.equal("invalid", code)
      return (why:gsub("^'.-'", "it"))
    end
    assert.equal("it has no header: it is empty", message "")
    assert.equal("it: column 2 has no name in the header", message "a,,b\n")
    assert.equal("it: two columns have the name 'a'", message "a,a\n")
    assert.equal("it has no header: cell 1 has 'x' behind its closing quote", message '"a"x\n')
    assert.matches("source.csv: 'delimiter' must be one byte other than a quote or a line end, or \"auto\", got '::'",
      support.message_of(moonvec.source.csv, "x", { delimiter = "::" }))
    assert.matches('the delimiter "auto" needs a header in the file',
      support.message_of(moonvec.source.csv, "x", { delimiter = "auto", header = false }))
    assert.matches("source.tsv: 'header' must be true, false or an array of names, got a string",
      support.message_of(moonvec.source.tsv, "x", { header = "a" }))
  end)

  it("takes time that is linear in hostile text", function()
    for _, text in ipairs { '"', '""', '","', '",', 'a"', '"\n', "\n", ",", "\r", '"a"', '"""\n' } do
      local path = text_files.new(text:rep(math.floor(100000 / #text)))
      local begin = os.clock()
      local source = moonvec.source.csv(path, { header = false })
      while source:read() ~= nil do end -- luacheck: ignore
      source:close()
      assert.is_true(os.clock() - begin < 1, ("%q"):format(text))
    end
  end)
end)

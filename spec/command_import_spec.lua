-- moonvec import, export and put: files into collections and back.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local output, failure, new_file = command_line.output, command_line.failure, text_files.new

local function schema_of(path)
  local fields = {}
  local schema = json.decode(output("schema", path))
  for _, list in ipairs { schema.fields, schema.vectors } do
    for _, field in ipairs(list) do
      fields[field.name] = field
    end
  end
  return fields
end

after_each(support.clean)

describe("moonvec import", function()
  local LINES = table.concat {
    '{"id":"dune","title":"Dune","body":"A long story about sand and worms","year":1965,"at":"2026-11-01T10:00:00Z",',
    '"ok":true,"tags":["a","b"],"price":9.5,"big":[1,2],"v":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8]}\n\n',
    '{"id":"emma","title":"Emma","body":"The lady is handsome and rich","year":null,"at":"2026-11-02T10:00:00Z",',
    '"ok":false,"tags":[],"price":8,"meta":{"a":[1]},"big":[1],"v":[1,0,0,0,0,0,0,0]}\n',
  }

  it("guesses the schema of JSON lines", function()
    local path, file = support.path(), new_file(LINES, ".jsonl")
    local _, exit_code, errors = command_line.run("import", path, file)
    assert.equal(0, exit_code, errors)
    assert.truthy(errors:find("new collection: at:timestamp? big:array_int64?", 1, true), errors)
    assert.truthy(errors:find("\n2 documents in ", 1, true), errors)
    local fields = schema_of(path)
    for name, kind in pairs {
      at = "timestamp", big = "array_int64", body = "string", meta = "string", ok = "bool", price = "double",
      tags = "array_string", title = "string", v = "vector_fp32", year = "int64",
    } do
      assert.equal(kind, fields[name].type, name)
    end
    assert.equal("text", fields.body.index.type)
    assert.equal("text", fields.title.index.type)
    assert.equal(8, fields.v.dim)
    assert.is_nil(fields.id)
    local emma = json.decode(output("get", path, "emma"))
    assert.same({ 1 }, json.decode(emma.meta).a)
    assert.is_nil(emma.year)
    assert.equal("2\n", output("count", path, "at > '2026-10-01'"))
    assert.truthy(output("query", path, "worms", "--json"):find('"dune"', 1, true))
  end)

  it("only prints the schema with --dry-run", function()
    local path, file = support.path(), new_file(LINES, ".jsonl")
    assert.equal("timestamp", json.decode(output("import", path, file, "--dry-run")).fields[1].type)
    assert.is_nil(io.open(path))
  end)

  it("finds the delimiter of a table in its header, or takes that which is given", function()
    local path = support.path()
    for _, text in ipairs {
      'id;"a,b,c";n\nx;"1;5";2\n', "id\tn\nx\t2\n", "id|n\nx|2\n", "id,n\nx,2\n", 'id,"a;b;c",n\nx,"1;5",2\n',
    } do
      output("import", path, new_file(text, ".csv"))
      assert.equal(2, json.decode(output("get", path, "x")).n, text)
      assert(moonvec.destroy(path))
    end
    local file = new_file("id,n;m\nx,y;2\n", ".csv")
    output("import", path, file)
    output("import", path, file, "--delimiter", ";", "--id", "m", "--ignore-unknown")
    assert.equal('{"id":"x","n_m":"y;2"}\n{"id":"2"}\n', output("export", path))
    assert.truthy(failure(2, "import", path, file, "--delimiter", "ab"):find("'--delimiter' must be one byte", 1, true))
    assert.truthy(failure(2, "import", path, file, "--format", "tsv", "--delimiter", ";"):find("is for csv", 1, true))
  end)

  it("gives columns names that fields can have", function()
    local path = support.path()
    local file = new_file("Item No.,First Name,First_Name,2nd,\195\164\n7,a,b,c,d\n", ".csv")
    local _, exit_code, errors = command_line.run("import", path, file, "--id", "Item No.")
    assert.equal(0, exit_code, errors)
    assert.truthy(errors:find("column 'First Name' is the field First_Name_2\n", 1, true), errors)
    assert.equal('{"First_Name":"b","First_Name_2":"a","_2":"d","_2nd":"c","id":"7"}\n', output("export", path))
    output("import", path, file, "--id", "Item No.", "--upsert") -- the same names again
    local map = new_file("return function(row) return { id = row['First Name'] } end", ".lua")
    output("import", path, file, "--map", map)
    assert.equal("2\n", output("count", path))
  end)

  it("names a document that a file has twice, and how to go on", function()
    local path, file = support.path(), new_file('{"id":"a","n":1}\n{"id":"b","n":2}\n{"id":"a","n":3}\n', ".jsonl")
    local message = failure(1, "import", path, file)
    assert.truthy(message:find("line 3: document 'a' exists already: an earlier row has the same id (--upsert ", 1,
      true), message)
    output("import", path, file, "--upsert")
    assert.equal('{"id":"a","n":3}\n', output("get", path, "a"))
    message = failure(1, "import", path, file)
    assert.truthy(message:find("line 1: document 'a' exists already: it is in the collection, or in an earlier row "
      .. "(--upsert replaces it, --skip-errors leaves the later one out)", 1, true), message)
  end)

  it("keeps the order of the columns of a table", function()
    local file, names = new_file("year,title,author\n1965,Dune,Herbert\n", ".csv"), {}
    for i, field in ipairs(json.decode(output("import", support.path(), file, "--dry-run")).fields) do
      names[i] = field.name
    end
    assert.same({ "year", "title", "author" }, names)
  end)

  it("reads stdin, with and without a collection", function()
    local path, file = support.path(), new_file(LINES)
    for _, expected in ipairs { "2\n", "2\n" } do
      local _, exit_code, errors = command_line.shell(command_line.command("import", path, "-", "--upsert")
        .. " <" .. file)
      assert.equal(0, exit_code, errors)
      assert.equal(expected, output("count", path))
    end
  end)

  it("names rows that are wrong, stops or skips them", function()
    local path = support.path()
    output("create", path, "--field", "n:int32")
    local file = new_file('{"id":"a","n":1}\n{"id":"b","n":"x"}\nno json\n{"id":"c","m":1}\n{"id":"d","n":4}\n',
      ".jsonl")
    local message = failure(1, "import", path, file)
    assert.truthy(message:find("moonvec: line 2: ", 1, true), message)
    assert.truthy(message:find("n", 1, true))
    assert.equal("0\n", output("count", path))
    local text, exit_code, errors = command_line.run("import", path, file, "--skip-errors", "--json")
    assert.equal(0, exit_code)
    local result = json.decode(text)
    assert.same({ 5, 2, 3 }, { result.read, result.written, result.skipped })
    assert.equal(3, result.errors[2].row)
    for _, part in ipairs { "line 2: ", "line 3: ", "line 4: " } do
      assert.truthy(errors:find(part, 1, true), errors)
    end
    assert.equal("2\n", output("count", path))
    assert.truthy(failure(1, "import", path, file, "--skip-errors", "--map", file):find(file, 1, true))
  end)

  it("makes no collection of a file that is wrong from the beginning", function()
    local path, file = support.path(), new_file("no json\nnothing\n", ".jsonl")
    assert.truthy(failure(1, "import", path, file):find("has no row from which a schema could be guessed", 1, true))
    file = new_file('{"id":"a","n":1}\n{"id":"a","n":1}\n', ".jsonl")
    assert.truthy(failure(1, "import", path, file):find("line 2: ", 1, true))
    assert.is_nil(io.open(path))
  end)

  it("takes the id from a member, or numbers the rows", function()
    local path, file = support.path(), new_file('{"isbn":12,"n":1}\n{"isbn":13,"n":2}\n', ".jsonl")
    output("import", path, file, "--id", "isbn")
    assert.equal('{"id":"12","n":1}\n', output("get", path, "12"))
    path = support.path()
    output("import", path, file)
    assert.equal('{"id":"2","isbn":13,"n":2}\n', output("get", path, "2"))
  end)

  it("maps rows by a Lua file", function()
    local path, file = support.path(), new_file('{"a":"x y"}\n{"a":"z"}\n{"b":1}\n', ".jsonl")
    local map = new_file([[
      return function(row, number)
        if not row.a then
          return nil
        end
        local documents = {}
        for word in row.a:gmatch("%S+") do
          documents[#documents + 1] = { id = number .. "-" .. word, word = word }
        end
        return documents
      end
    ]], ".lua")
    assert.truthy(failure(1, "import", path, file, "--map", map):find("with --map, make it first", 1, true))
    output("create", path, "--field", "word:string")
    output("import", path, file, "--map", map)
    assert.equal('{"id":"1-y","word":"y"}\n{"id":"2-z","word":"z"}\n', output("get", path, "1-y", "2-z"))
    assert.equal("3\n", output("count", path))
  end)

  it("finds names by their words, and an id as it is", function()
    local lines = { "package,kind,note" }
    for i = 1, 300 do
      lines[#lines + 1] = ("lib%s_tool%d,%s,This is the note with number %d for all of them")
        :format(i == 7 and "walrus" or "x", i, i % 2 == 0 and "a" or "b", i)
    end
    lines[#lines + 1] = "2048,a,A number is the name of this game"
    local path = support.path()
    output("import", path, new_file(table.concat(lines, "\n"), ".csv"), "--id", "package")
    local fields = schema_of(path)
    assert.same({ "text", "code" }, { fields.package.index.type, fields.package.index.tokenizer })
    assert.equal("invert", fields.kind.index.type)
    assert.is_true(fields.note.index.stop_words)
    local text = output("query", path, "libwalrus", "--json")
    assert.equal("libwalrus_tool7", json.decode(text).id)
    assert.equal("lib", json.decode(output("query", path, "libx_tool12", "--json")).id:sub(1, 3))
    assert.equal("2048", json.decode(output("query", path, "2048", "--json", "--topk", 1)).id)
    assert.equal("libx_tool250", json.decode(output("query", path, "libx_tool250", "--json", "--topk", 1)).id)
    local filtered = output("query", path, "libx_tool250", "--json", "--filter", "kind = 'b'")
    assert.is_nil(filtered:find('"libx_tool250"', 1, true))
  end)

  it("takes dates for timestamps, if all are dates", function()
    local path = support.path()
    output("import", path, new_file("id,day,part\na,2026-11-01,2026-11-01\nb,2026-02-28,2026-13-01\n", ".csv"))
    local fields = schema_of(path)
    assert.same({ "timestamp", "string" }, { fields.day.type, fields.part.type })
    assert.equal("1\n", output("count", path, "day > '2026-06-01'"))
  end)

  it("goes on with --resume", function()
    local path, file = support.path(), new_file('{"id":"a","n":1}\n{"id":"b","n":2}\n', ".jsonl")
    output("import", path, file, "--resume")
    output("import", path, file, "--resume") -- nothing is read twice
    local stream = assert(io.open(file, "ab"))
    stream:write('{"id":"c","n":3}\n')
    stream:close()
    output("import", path, file, "--resume")
    assert.equal("3\n", output("count", path))
  end)

  it("makes a field searchable by meaning", function()
    local path, lines = support.path(), { "id,d" }
    for i = 1, 60 do
      lines[#lines + 1] = ("animal%d,the dog and the wolf bark at the moon number%d"):format(i, i)
      lines[#lines + 1] = ("plant%d,the oak and the beech grow leaves in spring number%d"):format(i, i)
    end
    lines[#lines + 1] = "empty,\n"
    local file = new_file(table.concat(lines, "\n"), ".csv")
    assert.truthy(failure(2, "import", path, file, "--embed", "x"):find("of a string field, got 'x' (there are: 'd')",
      1, true))
    assert.truthy(failure(2, "import", path, file, "--model", "learn"):find("--model needs --embed", 1, true))
    output("import", path, file, "--embed", "d")
    assert.equal("121\n", output("count", path))
    for line in output("query", path, "wolf", "--meaning", "--json"):gmatch "[^\n]+" do
      assert.truthy(json.decode(line).id:find "^animal")
    end
    output("put", path, '{"id":"new","d":"a wolf and the moon"}') -- put embeds, too
    assert.truthy(output("query", path, "wolf", "--meaning", "--json", "--topk", 61):find('"new"', 1, true))
    assert.truthy(failure(2, "import", path, file, "--embed", "d"):find("is there already", 1, true))
  end)

  it("leaves out what the collection has no field for, if asked", function()
    local path, file = support.path(), new_file('{"id":"a","n":1,"other":{"x":1}}\n', ".jsonl")
    output("create", path, "--field", "n:int32")
    assert.truthy(failure(1, "import", path, file):find("unknown field 'other'", 1, true))
    output("import", path, file, "--ignore-unknown")
    assert.equal('{"id":"a","n":1}\n', output("get", path, "a"))
  end)

  it("reads one JSON array", function()
    local path, file = support.path(), new_file('{"books": [{"id": "a", "n": 1},\n {"id": "b", "n": 2.5}]}', ".json")
    output("import", path, file)
    assert.equal('{"id":"b","n":2.5}\n', output("get", path, "b"))
    assert.truthy(failure(1, "import", support.path(), new_file("[1,", ".json")):find(".json", 1, true))
  end)

  it("reads CSV, with types that fit all cells", function()
    local path = support.path()
    output("import", path, new_file('id,name,n,x,ok,at,zip,v\n'
      .. 'a,"Some longer, text",3,1.5,true,2026-01-01T00:00:00Z,00123,"[1,0,0,0,0,0,0,0]"\n'
      .. 'b,other,-4,2,false,,12345,"[0.5,0,0,0,0,0,0,1]"\n', ".csv"))
    local fields = schema_of(path)
    for name, kind in pairs {
      name = "string", n = "int64", x = "double", ok = "bool", at = "timestamp", zip = "string", v = "vector_fp32",
    } do
      assert.equal(kind, fields[name].type, name)
    end
    assert.equal('{"id":"b","n":-4,"name":"other","ok":false,"x":2,"zip":"12345"}\n', output("get", path, "b"))
    assert.equal("1\n", output("count", path, "zip = '00123' AND at IS NOT NULL"))
  end)

  it("reads tabs, lines, vectors and tables", function()
    local path = support.path()
    output("import", path, new_file("a\tid\n1\tx\n", ".tsv"))
    assert.equal('{"a":1,"id":"x"}\n', output("export", path))
    path = support.path()
    output("import", path, new_file("first words here\n\nsecond words\n", ".txt"))
    assert.equal('{"id":"3","line":3,"text":"second words"}\n', output("get", path, "3"))
    path = support.path()
    output("import", path, new_file("\2\0\0\0" .. moonvec.pack { 1, 2 }
      .. "\2\0\0\0" .. moonvec.pack { 3, 4 }, ".fvecs"))
    assert.equal(2, schema_of(path).vector.dim)
    assert.equal("2\n", output("count", path))
    local found, driver = pcall(require, "luasql.sqlite3")
    if found then
      local file = support.path() .. ".db"
      local connection = driver.sqlite3():connect(file)
      connection:execute "CREATE TABLE books (id INTEGER, title TEXT, price REAL)"
      connection:execute "INSERT INTO books VALUES (1, 'A word or two', 1.5)"
      connection:execute "INSERT INTO books VALUES (2, 'Another', NULL)"
      connection:close()
      path = support.path()
      assert.truthy(failure(2, "import", path, file):find("'--query' is missing", 1, true))
      output("import", path, file, "--query", "books")
      output("import", path, file, "--query", "SELECT id + 2 AS id, title FROM books")
      assert.equal('{"id":"1","price":1.5,"title":"A word or two"}\n', output("get", path, 1))
      assert.equal("4\n", output("count", path))
      os.remove(file)
    end
  end)

  it("says what is wrong with a call", function()
    local path = support.path()
    assert.truthy(failure(2, "import", path, "x.unknown"):find("Give --format, one of jsonl, json, csv", 1, true))
    assert.truthy(failure(2, "import", path, "x", "--format", "cvs"):find("did you mean 'csv'?", 1, true))
    assert.truthy(failure(1, "import", path, path .. ".jsonl"):find(path .. ".jsonl", 1, true))
    assert.truthy(failure(2, "import", path):find("FILE|- is missing", 1, true))
  end)
end)

describe("moonvec export", function()
  it("writes what import reads back", function()
    local c, path = support.collection {
      fields = { { name = "s", type = "string", nullable = true }, { name = "n", type = "int64", nullable = true },
                 { name = "tags", type = "array_string", nullable = true } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 },
                  { name = "t", type = "sparse_vector_fp32", nullable = true } },
    }
    assert(c:insert {
      { id = "a\255", s = "\1\n\"\255", n = "9007199254740993", tags = { "x", "" }, v = { 0.1, 0.2 },
        t = { [7] = 0.5 } },
      { id = "b", v = { 1, 0 } },
    })
    assert(c:close())
    local file, copy = support.path() .. ".jsonl", support.path()
    local _, exit_code, errors = command_line.run("export", path, file)
    assert.equal("0 2 documents\n", exit_code .. " " .. errors)
    output("create", copy, "--schema", new_file(output("schema", path), ".json"))
    output("import", copy, file)
    assert.equal("", output("diff", path, copy))
    assert.equal(output("export", path), output("export", copy, "-"))
    assert.equal('{"id":"b"}\n', output("export", path, "--filter", "s IS NULL", "--no-vectors"))
    assert.equal('{"id":"b","v":[1,0]}\n', output("export", path, "--filter", "s IS NULL", "--fields", "v"))
    assert.truthy(failure(1, "export", path, "/dev/full"):find("cannot write", 1, true))
    os.remove(file)
  end)
end)

describe("moonvec put", function()
  it("writes documents of the command line and of stdin", function()
    local path = support.path()
    output("create", path, "--field", "n:int32", "--field", "s:string?")
    assert.equal("2\n", output("put", path, '{"id":"a","n":1}', '{"id":"b","n":2,"s":"x"}'))
    assert.equal("1\n", output("put", path, '{"id":"b","n":3}'))
    assert.equal('{"id":"b","n":3}\n', output("get", path, "b"))
    assert.equal("1\n", output("put", path, "--update", '{"id":"b","s":"y"}'))
    assert.equal('{"id":"b","n":3,"s":"y"}\n', output("get", path, "b"))
    local file = new_file('{"id":"c","n":1}\n\n{"id":"d","n":1}\n')
    assert.equal("2\n", command_line.shell(command_line.command("put", path) .. " <" .. file))
    assert.equal("4\n", output("count", path))
  end)

  it("writes all or nothing, and names what is wrong", function()
    local path = support.path()
    output("create", path, "--field", "n:int32")
    local function says(exit_code, text, ...)
      local message = failure(exit_code, "put", path, ...)
      assert.truthy(message:find(text, 1, true), message)
    end
    says(1, "document 2: document 'b': field 'n'", '{"id":"a","n":1}', '{"id":"b","n":"x"}')
    says(1, "document 1: document 'a': unknown field 'm'", '{"id":"a","m":1}')
    says(1, "document 1: ", '{"id":"a"')
    says(1, "document 1: expected a JSON object", "[1]")
    says(2, "give one of --new and --update", "--new", "--update", "{}")
    says(1, "document 1: ", "--update", '{"id":"none","n":1}')
    output("put", path, '{"id":"a","n":1}')
    says(1, "document 2: ", "--new", '{"id":"z","n":1}', '{"id":"a","n":1}')
    assert.equal("1\n", output("count", path))
    local file = new_file('{"id":"c","n":1}\nno json\n')
    local _, exit_code, errors = command_line.shell(command_line.command("put", path, "-") .. " <" .. file)
    assert.equal(1, exit_code)
    assert.truthy(errors:find("line 2: ", 1, true), errors)
    assert.equal("1\n", output("count", path))
  end)
end)

describe("moonvec bench", function()
  it("times searches", function()
    local c, path = support.collection {
      fields = { { name = "s", type = "string", index = "text" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 2 } },
    }
    assert(c:insert { { id = "a", s = "some words", v = { 1, 0 } }, { id = "b", s = "other", v = { 0, 1 } } })
    assert(c:close())
    local text = output("bench", path, "--json", "--seconds", 0.05)
    local names = {}
    for line in text:gmatch "[^\n]+" do
      local row = json.decode(line)
      names[#names + 1] = row.name
      assert.is_true(row.per_second > 0 and row.p50_us <= row.p99_us and row.count > 1)
    end
    assert.same({ "vector v", "words s", "get" }, names)
  end)

  it("needs documents", function()
    local path = support.path()
    output("create", path, "--field", "n:int32")
    assert.truthy(failure(1, "bench", path):find("has no documents", 1, true))
    assert(moonvec.destroy(path))
  end)
end)

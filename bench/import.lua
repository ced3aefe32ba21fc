-- import.lua: megabytes a second from files into a new collection, beside parsing the same JSON alone, and the command
-- with everything on. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local cjson = require "cjson"
local harness = require "harness"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local packages = require "examples.packages.dump"
local tools = require "tools"

local options = harness.options { rounds = 5 }
local report = harness.report("import", "files into a new collection", 0)

local SCHEMA = {
  fields = {
    { name = "section", type = "string" }, { name = "priority", type = "string" }, { name = "size", type = "int64" },
    { name = "homepage", type = "string", nullable = true }, { name = "tags", type = "array_string" },
    { name = "summary", type = "string" }, { name = "text", type = "string" },
  },
}
local COLUMNS = { "id", "section", "priority", "size", "homepage", "tags", "summary", "text" }

local paths = { csv = tools.directory .. "/import.csv", jsonl = tools.directory .. "/import.jsonl",
  some = tools.directory .. "/import_some.jsonl" }
local SOME = 60000 -- packages that the command imports
local SOURCES = { include = { "*.c", "*.h", "*.lua", "*.md" } } -- of moonvec itself

-- ---------------------------------------------------------------- the input

local function csv_cell(value)
  if type(value) == "table" then
    value = json.encode(json.array(value))
  end
  return '"' .. tostring(value == nil and "" or value):gsub('"', '""') .. '"'
end

-- Writes the packages as JSON lines and as CSV. Returns the number of packages and the bytes of each.
local function write_input()
  local list = assert(packages.load())
  local lines, rows, bytes = {}, { table.concat(COLUMNS, ",") }, {}
  for i, package in ipairs(list) do
    local document = {
      id = package.name, section = package.section, priority = package.priority, size = package.size,
      homepage = package.homepage, tags = json.array(package.tags), summary = package.summary, text = package.text,
    }
    local cells = {}
    for j, name in ipairs(COLUMNS) do
      cells[j] = csv_cell(document[name])
    end
    lines[i], rows[i + 1] = json.encode(document), table.concat(cells, ",")
  end
  local some = math.min(#list, SOME)
  local texts = {
    csv = table.concat(rows, "\n"), jsonl = table.concat(lines, "\n"), some = table.concat(lines, "\n", 1, some),
  }
  for name, text in pairs(texts) do
    text = text .. "\n"
    local file = assert(io.open(paths[name], "wb"))
    file:write(text)
    file:close()
    bytes[name] = #text
  end
  return #list, some, bytes
end

-- ---------------------------------------------------------------- what is measured

local function measure(run)
  collectgarbage()
  tools.run "sync"
  local cpu, begin = os.clock(), harness.seconds()
  local documents = run()
  return { seconds = harness.seconds() - begin, cpu = os.clock() - cpu, documents = documents }
end

local function parse()
  return measure(function()
    local count, decode = 0, cjson.decode
    for line in io.lines(paths.jsonl) do
      decode(line)
      count = count + 1
    end
    return count
  end)
end

local function ingest(open, path, schema, durability, settings)
  local where = tools.directory .. "/import.mv"
  local collection
  local figures = measure(function()
    collection = assert(moonvec.open(where, { schema = schema, durability = durability }))
    return assert(collection:ingest(open(path), settings)).written
  end)
  collection:close()
  tools.remove(where)
  return figures
end

local TEXTS = { fields = { { name = "path", type = "string" }, { name = "text", type = "string" } } }

-- The number of the files of moonvec, and their bytes.
local function count_files()
  local source, files, size = moonvec.source.files(".", SOURCES), 0, 0
  for document in source.read, source do
    files, size = files + 1, size + #document.text
  end
  return files, size
end

-- The program, with a schema that it guesses: text indexes and inverted ones, a model that it learns, and the graph.
local function command()
  local where = tools.directory .. "/import.mv"
  local figures = measure(function()
    tools.run("lua5.4", "bin/moonvec", "import", where, paths.some, "--embed", "summary")
  end)
  local collection = assert(moonvec.open(where, { read_only = true }))
  figures.documents, figures.cpu = #collection, nil -- the CPU seconds are another process's
  collection:close()
  tools.remove(where)
  return figures
end

local count, some, bytes = write_input()
local files_count
files_count, bytes.files = count_files()
local sides = {
  { "read and parse JSON alone", "jsonl", count, parse },
  { "ingest JSON lines", "jsonl", count, function()
    return ingest(moonvec.source.jsonl, paths.jsonl, SCHEMA)
  end },
  { "the same, durability none", "jsonl", count, function()
    return ingest(moonvec.source.jsonl, paths.jsonl, SCHEMA, "none")
  end },
  { "the same, batches of 1,000", "jsonl", count, function()
    return ingest(moonvec.source.jsonl, paths.jsonl, SCHEMA, nil, { batch = 1000 })
  end },
  { "the same, position kept for resuming", "jsonl", count, function()
    return ingest(moonvec.source.jsonl, paths.jsonl, SCHEMA, nil, { resume = "bench" })
  end },
  { "the same, a map that returns its document", "jsonl", count, function()
    return ingest(moonvec.source.jsonl, paths.jsonl, SCHEMA, nil, { map = function(document)
      return document
    end })
  end },
  { "ingest CSV", "csv", count, function()
    return ingest(moonvec.source.csv, paths.csv, SCHEMA)
  end },
  { "ingest source files", "files", files_count, function()
    return ingest(function(folder)
      return moonvec.source.files(folder, SOURCES)
    end, ".", TEXTS)
  end },
  { "moonvec import, everything on", "some", some, command },
}

local runs = {}
for i, side in ipairs(sides) do runs[i] = side[4] end
local results = harness.alternate(options.rounds, runs)

local rows = { { "", "MB", "documents", "s", "MB/s", "documents/s", "CPU s", "time / parsing",
  "CPU / parsing" } }
local parsing, parsing_cpu
for i, side in ipairs(sides) do
  local seconds, cpu = {}, {}
  for round, figures in ipairs(results[i]) do
    assert(figures.documents == side[3], "documents are missing")
    seconds[round], cpu[round] = figures.seconds, figures.cpu
  end
  local time, cpu_time = harness.summary(seconds).median, cpu[1] and harness.summary(cpu).median
  parsing, parsing_cpu = parsing or time, parsing_cpu or cpu_time
  local is_json = side[2] == "jsonl"
  rows[#rows + 1] = { side[1], harness.number(bytes[side[2]] / 1e6, 1), harness.number(side[3]),
    harness.number(time, 2), harness.number(bytes[side[2]] / 1e6 / time, 1), harness.number(side[3] / time),
    cpu_time and harness.number(cpu_time, 2) or "", is_json and harness.number(time / parsing, 2) or "",
    is_json and harness.number(cpu_time / parsing_cpu, 2) or "" }
end
report:line("descriptions of Debian packages; fields: 6 strings, an int64, an array of strings; no index")
report:line("medians of %d alternated runs", options.rounds)
report:line()
report:table(rows)
report:finish(options.save)
for _, path in pairs(paths) do tools.remove(path) end

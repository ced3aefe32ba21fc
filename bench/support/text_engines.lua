-- The engines of the text bench. An engine is { name, side, build(documents) -> figures, search(queries, filtered) ->
-- results, close(), warm_up }; `documents` and `queries` are files of text_corpus.lua. The figures are the seconds
-- `insert` and `index`, and `size` if the bytes of the index are known. The results are { times =, found =, floor = }:
-- of each query the microseconds and the ids of the ten best documents, best first, and the microseconds of a call that
-- does next to nothing, where it is known. With `filtered`, `n` of a document must be below 1. `warm_up`: seconds of
-- searches before one is measured.

local harness = require "harness"
local moonvec = require "moonvec"
local text_corpus = require "text_corpus"
local tools = require "tools"

local M = {}

M.sides = { "moonvec", "fts5", "zvec", "xapian", "lucene" }

local BATCH, K = 5000, 10
local FRESH_BATCH = 50 -- documents of a commit after `optimize`
local FILTER = "n < 1"
local LUCENE_JARS = "/usr/share/java/lucene-core-8*.jar"

-- The results of `search_one(words)` -> ids, a function that is called for each line of the file.
local function search_lines(queries, search_one)
  local results = { times = {}, found = {} }
  for words in io.lines(queries) do
    local begin = harness.seconds()
    local ids = search_one(words)
    results.times[#results.times + 1] = (harness.seconds() - begin) * 1e6
    results.found[#results.found + 1] = ids
  end
  return results
end

-- ---------------------------------------------------------------- in this process

local function make_moonvec(_, fresh)
  local path = tools.directory .. "/text.mv"
  local self = { name = "moonvec", side = "moonvec", warm_up = 0 }
  local c

  function self.build(file)
    local documents = text_corpus.read_documents(file)
    tools.remove(path)
    c = assert(moonvec.create_and_open(path, {
      fields = { { name = "n", type = "int32", index = "invert" }, { name = "body", type = "string", index = "text" } },
    }, { durability = "none", maintenance = "manual" }))
    local function insert(first, last, batch)
      local begin = harness.seconds()
      for from = first, last, batch do
        assert(c:insert { tools.unpack(documents, from, math.min(from + batch - 1, last)) })
      end
      return harness.seconds() - begin
    end
    local inserting = insert(1, #documents - fresh, BATCH)
    local begin = harness.seconds()
    assert(c:optimize { threads = 1 })
    local indexing = harness.seconds() - begin
    inserting = inserting + insert(#documents - fresh + 1, #documents, FRESH_BATCH)
    local size = tools.shell(("cat '%s'/*.text | wc -c"):format(path))
    return { insert = inserting, index = indexing, size = tonumber(size) }
  end

  function self.search(queries, filtered)
    local filter = filtered and FILTER or nil
    return search_lines(queries, function(words)
      local hits = assert(c:query { text = words, topk = K, filter = filter, output_fields = {} })
      for i, hit in ipairs(hits) do hits[i] = hit.id end
      return hits
    end)
  end

  function self.close()
    c:close()
    tools.remove(path)
  end

  return self
end

local function make_fts5()
  local path = tools.directory .. "/text.sqlite"
  local sqlite3 = require("luasql.sqlite3").sqlite3()
  local self = { side = "fts5", warm_up = 0 }
  local db

  local function connect()
    tools.remove(path)
    db = assert(sqlite3:connect(path))
    assert(db:execute("PRAGMA synchronous = OFF"))
    assert(db:execute("CREATE VIRTUAL TABLE t USING fts5(body, n UNINDEXED, tokenize = 'unicode61')"))
    self.name = "SQLite " .. assert(db:execute("SELECT sqlite_version()")):fetch() .. " FTS5"
  end

  function self.build(file)
    local documents = text_corpus.read_documents(file)
    local begin = harness.seconds()
    assert(db:execute("BEGIN"))
    for _, document in ipairs(documents) do
      assert(db:execute(("INSERT INTO t (rowid, body, n) VALUES (%d, '%s', %d)"):format(document.id,
        document.body:gsub("'", "''"), document.n)))
    end
    assert(db:execute("COMMIT"))
    local inserted = harness.seconds()
    assert(db:execute("INSERT INTO t (t) VALUES ('optimize')"))
    return { insert = inserted - begin, index = harness.seconds() - inserted }
  end

  function self.search(queries, filtered)
    local filter = filtered and " AND " .. FILTER or ""
    return search_lines(queries, function(words)
      local cursor = assert(db:execute(("SELECT rowid FROM t WHERE t MATCH '%s'%s ORDER BY rank LIMIT %d"):format(
        words:gsub("%S+", '"%0"'):gsub(" ", " OR "), filter, K)))
      local ids = {}
      for id in function() return cursor:fetch() end do ids[#ids + 1] = ("%d"):format(id) end
      cursor:close()
      return ids
    end)
  end

  function self.close()
    db:close()
    tools.remove(path)
  end

  connect()
  return self
end

-- ---------------------------------------------------------------- in a process of its own

-- A process of `command` that makes a pass for each line it gets and answers it with a line.
local function start(command)
  local requests = tools.directory .. "/text.requests"
  tools.remove(requests)
  tools.run("mkfifo", requests)
  local answers = assert(io.popen(("exec %s < '%s'"):format(command, requests)))
  return assert(io.open(requests, "w")), answers -- waits until the process has opened the other end
end

local function read_found(path)
  local results = { times = {}, found = {} }
  for line in io.lines(path) do
    local time, words = line:match("^(%S+)(.*)$")
    local ids = {}
    for id in words:gmatch("%S+") do ids[#ids + 1] = id end
    results.times[#results.times + 1] = tonumber(time)
    results.found[#results.found + 1] = ids
  end
  return results
end

-- A peer: the words that follow run a program with the commands `build DOCUMENTS INDEX` and `search INDEX`, described
-- at the top of bench/peers/xapian_text.cpp. The process that searches is kept: some programs get faster as they run.
local function make_peer(name, side, warm_up, ...)
  local command = { ... }
  local index, found = tools.directory .. "/text." .. side, tools.directory .. "/text.found"
  local self = { name = name, side = side, warm_up = warm_up }
  local requests, answers

  local function line(...)
    return table.concat(command, " ") .. " " .. table.concat({ ... }, " ")
  end

  function self.build(documents)
    tools.shell(("rm -rf %s %s.*"):format(index, index))
    return tools.figures("sh", "-c", line("build", documents, index))
  end

  function self.search(queries, filtered)
    if not requests then requests, answers = start(line("search", index)) end
    requests:write(("%s %s %d\n"):format(queries, found, filtered and 1 or 0))
    requests:flush()
    local answer = answers:read("*l")
    if not answer then error(name .. " has failed", 0) end
    local results = read_found(found)
    results.floor = tonumber(answer:match("^done (%S+)"))
    return results
  end

  function self.close()
    requests:write("end\n") -- peers that were started later hold the pipe open, too
    requests:close()
    answers:close() -- waits until it has ended
    tools.shell(("rm -rf %s %s.*"):format(index, index))
  end

  return self
end

local makers = { moonvec = make_moonvec, fts5 = make_fts5 }

function makers.zvec()
  local here, reason = tools.zvec()
  if not here then error(reason, 0) end
  return make_peer("Zvec 0.7.0", "zvec", 2, "node", "bench/peers/zvec_text.mjs")
end

function makers.xapian()
  local version = tools.run("xapian-config", "--version")
  return make_peer("Xapian " .. version:match("[%d.]+"), "xapian", 0,
    tools.peer_program("xapian_text", "$(xapian-config --cxxflags --libs)"))
end

-- Java compiles what runs often, and collects garbage, also while others are timed. So it gets the longest warm-up, and
-- a core of its own: on the same core, moonvec's mean time was up to three times as long.
function makers.lucene(other_core)
  local jar = tools.shell(("ls %s && java --version >&2"):format(LUCENE_JARS)):match("[^\n]+")
  return make_peer("Lucene " .. jar:match("([%d.]+)%.jar"), "lucene", 10, "taskset", "-c", other_core, "java",
    "-Xmx1g", "--class-path", jar, "bench/peers/lucene_text.java")
end

-- The engines that can run here, moonvec first. `wanted`: names of sides, empty for all. What is missing is said to
-- `complain`. One that works while others are timed runs on `other_core`. moonvec inserts the last `fresh` documents
-- after `optimize`.
function M.list(wanted, complain, other_core, fresh)
  local engines = {}
  for _, side in ipairs(M.sides) do
    if side == "moonvec" or next(wanted) == nil or wanted[side] then
      local ok, engine = pcall(makers[side], other_core, fresh)
      if ok then
        engines[#engines + 1] = engine
      else
        complain(("%s is not here: %s"):format(side, engine:match("([^\n]+)%s*$")))
      end
    end
  end
  return engines
end

return M

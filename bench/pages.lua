-- pages.lua: the time of one page of hits deep in the results of a graph, by `offset`, by `after` and by a
-- cursor, and whether pages share or miss hits. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local tools = require "tools"
local graph_rows = require "graph_rows"

local PAGE = 10
local SHOWN = { 1, 2, 5, 20, 50 }
local LAST = SHOWN[#SHOWN]

local options = harness.options { rows = 100000, dim = 96, queries = 50, rounds = 5, core = 1, seed = 1 }
local report = harness.report("pages", "pages of hits by offset, by the last hit and by a cursor", options.seed)
if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end

local path = tools.directory .. "/pages.mv"
local file = tools.data(0, options.rows, options.dim, options.seed)
local query_file = tools.data(options.rows, options.queries, options.dim, options.seed)
local queries = tools.vectors(query_file, options.dim)
local truth = tools.truth(file, query_file, options.dim, LAST * PAGE + PAGE, "l2")
local collection = graph_rows.insert(path, file, options.dim)
assert(collection:optimize())

local function query(vector, extra)
  extra.vector, extra.topk, extra.output_fields = vector, PAGE, {}
  return assert(collection:query(extra))
end

-- Each reads the pages of one query in order, and calls `got(page, hits)` after each.
local WAYS = {
  { "offset", function(vector, got)
    for page = 1, LAST do got(page, query(vector, { offset = (page - 1) * PAGE })) end
  end },
  { "after", function(vector, got)
    local last
    for page = 1, LAST do
      local hits = query(vector, { after = last })
      got(page, hits)
      last = hits[#hits]
    end
  end },
  { "cursor", function(vector, got)
    local page, hits = 1, {}
    for hit in collection:cursor { vector = vector, output_fields = {} } do
      hits[#hits + 1] = hit
      if #hits == PAGE then
        got(page, hits)
        page, hits = page + 1, {}
        if page > LAST then break end
      end
    end
  end },
}

-- One pass: the pages of all queries. Returns the seconds of each page, summed over the queries, and all hits.
local function pass(read)
  local seconds, found, repeated = {}, {}, 0
  for page = 1, LAST do seconds[page] = 0 end
  for q, vector in ipairs(queries) do
    local seen, all = {}, {}
    local begin = harness.seconds()
    read(vector, function(page, hits)
      seconds[page] = seconds[page] + harness.seconds() - begin
      for _, hit in ipairs(hits) do
        if seen[hit.id] then repeated = repeated + 1 end
        seen[hit.id] = true
        all[#all + 1] = { id = ("%d"):format(hit.id) }
      end
      begin = harness.seconds()
    end)
    found[q] = all
  end
  return { seconds = seconds, found = found, repeated = repeated }
end

local runs = {}
for i, way in ipairs(WAYS) do runs[i] = function() return pass(way[2]) end end
local results = harness.alternate(options.rounds, runs)

report:line("%s rows of %d dims, l2, one graph; pages of %d hits, read in order; %d queries, one thread, one core",
  harness.number(options.rows), options.dim, PAGE, options.queries)
report:line("microseconds of a page, median (min - max) of %d alternated passes", options.rounds)
report:line()
local header = { "" }
for _, page in ipairs(SHOWN) do header[#header + 1] = "page " .. page end
header[#header + 1] = ("all %d"):format(LAST)
header[#header + 1] = ("recall@%d"):format(LAST * PAGE)
header[#header + 1] = "repeated"
local rows = { header }
for i, way in ipairs(WAYS) do
  local row = { way[1] }
  -- Of the pages from one to another: a cursor fetches many hits at once, and most pages need no search.
  local function spread(from, to)
    local times = {}
    for round, result in ipairs(results[i]) do
      local sum = 0
      for page = from, to do sum = sum + result.seconds[page] end
      times[round] = sum / #queries * 1e6
    end
    return harness.spread(harness.summary(times))
  end
  for _, page in ipairs(SHOWN) do row[#row + 1] = spread(page, page) end
  row[#row + 1] = spread(1, LAST)
  row[#row + 1] = ("%.4f"):format(harness.recall(results[i][1].found, truth, LAST * PAGE))
  row[#row + 1] = harness.number(results[i][1].repeated)
  rows[#rows + 1] = row
end
report:table(rows)
report:finish(options.save)
collection:close()
tools.remove(path)

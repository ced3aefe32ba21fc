-- call.lua: the cost of a query from Lua in addition to the same search from C. What is measured and
-- how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local harness = require "harness"
local documents = require "documents"
local tools = require "tools"

local K = 10
local SIZES = { { rows = 10, searches = 50000 }, { rows = 300, searches = 10000 }, { rows = 1000, searches = 5000 } }

local options = harness.options { dim = 768, rounds = 9, queries = 10, core = 1, seed = 1 }
local report = harness.report("call", "cost of a query from Lua beyond the same search from C", options.seed)

-- The build directory from which this Lua loads moonvec.
local build = assert(package.cpath:match("^(.-)/lua5%.4/%?%.so"), "start this by ./run bench call")

-- The module for LuaJIT in the same build, or nil and the reason.
local function build_for_luajit()
  local ok, message = pcall(function()
    tools.run("luajit", "-v")
    tools.run("cmake", "-S", ".", "-B", build, "-DMOONVEC_LUAS=5.4;luajit")
    tools.run("cmake", "--build", build, "--target", "core_luajit")
  end)
  if ok then return true end
  return nil, (message:match("([^\n]+)%s*$"))
end

local function sides()
  local list = {
    { name = "C", tools.program("search_cost", build .. "/libmoonvec.a", "-Iengine -llmdb -lpthread") },
    { name = "Lua 5.4", arg[-1], "bench/support/call_loop.lua" },
  }
  local luajit, reason = build_for_luajit()
  if luajit then
    list[3] = { name = "LuaJIT", "env", ("LUA_CPATH=%s/luajit/?.so;;"):format(build), "luajit",
      "bench/support/call_loop.lua" }
  else
    report:line("LuaJIT is not here: %s", reason)
  end
  return list
end

-- Measures all sides in turns over a collection of this size. Returns the medians of the figures of each.
local function measure(size, list)
  local path = tools.directory .. "/call.mv"
  local file = tools.data(0, size.rows, options.dim, options.seed)
  local queries = tools.data(size.rows, options.queries, options.dim, options.seed)
  local collection = documents.insert(path, file, options.dim, "none", harness.seconds)
  assert(collection:optimize())
  assert(collection:close())

  local runs = {}
  for i, side in ipairs(list) do
    local command = { tools.unpack(side) }
    for _, value in ipairs { path, queries, options.dim, K, size.searches } do command[#command + 1] = value end
    runs[i] = function() return tools.figures(tools.unpack(command)) end
  end
  local results = harness.alternate(options.rounds, runs)
  tools.remove(path)
  return results
end

local function summary(rounds, name)
  local list = {}
  for i, figures in ipairs(rounds) do list[i] = figures[name] end
  return harness.summary(list)
end

local FIGURES = {
  { side = 1, name = "search", text = "C: mv_search" },
  { side = 1, name = "ids", text = "C: mv_search and the ids of its hits" },
  { side = 2, name = "string", text = "Lua 5.4: query, packed string" },
  { side = 2, name = "into", text = "Lua 5.4: query, packed string, into = table" },
  { side = 2, name = "table", text = "Lua 5.4: query, table of numbers" },
  { side = 3, name = "string", text = "LuaJIT: query, packed string" },
  { side = 3, name = "into", text = "LuaJIT: query, packed string, into = table" },
  { side = 3, name = "table", text = "LuaJIT: query, table of numbers" },
}

if not harness.os.pin(options.core) then report:line("not pinned: there is no core %d", options.core) end
local list = sides()
report:line("%d dims, top %d, ids only; one thread on one core; microseconds a call", options.dim, K)
report:line("median (min - max) of %d alternated runs; \"beyond\" is the difference of medians", options.rounds)
report:line()
for _, size in ipairs(SIZES) do
  local results = measure(size, list)
  local rows = { { harness.number(size.rows) .. " documents", "us", "beyond search", "... and ids" } }
  local search, ids = summary(results[1], "search").median, summary(results[1], "ids").median
  for _, figure in ipairs(FIGURES) do
    if list[figure.side] then
      local s = summary(results[figure.side], figure.name)
      rows[#rows + 1] = { figure.text, harness.spread(s, 2), ("%.2f"):format(s.median - search),
        ("%.2f"):format(s.median - ids) }
    end
  end
  report:table(rows)
end
report:line("target: a query of a packed string costs 5 us or less beyond the search from C")
report:finish(options.save)

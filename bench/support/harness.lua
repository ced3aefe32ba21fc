-- The framework of a bench: options, repeated rounds, and the report with machine and commit at the top.

local tools = require "tools"

local M = {}

M.os = tools.os()
M.seconds = M.os.seconds

-- Reads "--name value" into `defaults`, which defines the options and their types. An option whose default
-- is false is a flag without a value, such as --save.
function M.options(defaults)
  local options = { save = false }
  for name, value in pairs(defaults) do options[name] = value end
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-([%w_]+)$")
    if name == nil or options[name] == nil then
      io.stderr:write(("unknown option '%s'\n"):format(arg[i]))
      os.exit(2)
    elseif type(options[name]) == "boolean" then
      options[name] = true
    else
      i = i + 1
      options[name] = type(options[name]) == "number" and assert(tonumber(arg[i]), name) or arg[i]
    end
    i = i + 1
  end
  return options
end

-- The comma-separated names in `text` as a set. They must be in the list `known`.
function M.words(text, what, known)
  local list = {}
  for word in text:gmatch("[^,]+") do
    if not ("," .. table.concat(known, ",") .. ","):find("," .. word .. ",", 1, true) then
      io.stderr:write(("there is no %s '%s' (there are: %s)\n"):format(what, word, table.concat(known, ", ")))
      os.exit(2)
    end
    list[word] = true
  end
  return list
end

-- Calls every function once per round, so that slow moments of the machine affect all alike. Returns for
-- each function the list of its results.
function M.alternate(rounds, functions)
  local results = {}
  for i = 1, #functions do results[i] = {} end
  for round = 1, rounds do
    for i, run in ipairs(functions) do results[i][round] = run() end
  end
  return results
end

-- The median, minimum and maximum of a list of numbers.
function M.summary(list)
  local sorted = {}
  for i, value in ipairs(list) do sorted[i] = value end
  table.sort(sorted)
  local n = #sorted
  local median = (sorted[math.floor((n + 1) / 2)] + sorted[math.ceil((n + 1) / 2)]) / 2
  return { median = median, min = sorted[1], max = sorted[n] }
end

-- The recall: the share of the `k` nearest that was found. A hit as near as the k-th is right: ties count.
function M.recall(results, truth, k)
  local right = 0
  for q, hits in ipairs(results) do
    local near = {}
    for _, neighbour in ipairs(truth[q]) do
      if neighbour.distance <= truth[q][k].distance * (1 + 1e-6) then near[neighbour.id] = true end
    end
    for _, hit in ipairs(hits) do
      if near[hit.id] then right, near[hit.id] = right + 1, nil end
    end
  end
  return right / (#results * k)
end

-- 1234567.8 -> "1,234,568"; `digits`: decimal places (default 0).
function M.number(value, digits)
  local text = ("%." .. (digits or 0) .. "f"):format(value)
  local sign, whole, rest = text:match("^(%-?)(%d+)(.*)$")
  whole = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. whole .. rest
end

-- "median (min - max)"
function M.spread(summary, digits)
  return ("%s (%s - %s)"):format(M.number(summary.median, digits), M.number(summary.min, digits),
    M.number(summary.max, digits))
end

-- ---------------------------------------------------------------- report

local Report = {}
Report.__index = Report

function Report:line(text, ...)
  local line = select("#", ...) > 0 and text:format(...) or text or ""
  self.lines[#self.lines + 1] = line
  print(line)
  io.stdout:flush()
end

-- Prints a table: rows of cells, the first row is the header. The first column is text, the others figures.
function Report:table(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #tostring(cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = ("%" .. (i == 1 and "-" or "") .. widths[i] .. "s"):format(cell)
    end
    self:line("%s", (table.concat(cells, "  "):gsub("%s+$", "")))
  end
  self:line()
end

-- Ends a report. With --save, writes it to bench/results/NAME.txt, too.
function Report:finish(save)
  if not save then return end
  tools.run("mkdir", "-p", "bench/results")
  local file = assert(io.open(("bench/results/%s.txt"):format(self.name), "w"))
  file:write((table.concat(self.lines, "\n"):gsub("%s*$", "\n")))
  file:close()
end

local MACHINE = [[
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1
nproc
sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo
(cd /sys/devices/system/cpu/cpu0/cache && echo "L2 $(cat index2/size), L3 $(cat index3/size)")
uname -sr
cut -d' ' -f1 /proc/loadavg
git rev-parse --short HEAD 2>/dev/null || echo none
git --no-optional-locks status --porcelain -- engine lua CMakeLists.txt 2>/dev/null | grep -c . || true]]

-- Begins the report of bench `name`: machine and its load, commit, instruction set, seed.
function M.report(name, title, seed)
  local report = setmetatable({ name = name, lines = {} }, Report)
  local facts = {}
  for line in tools.shell(MACHINE):gmatch("[^\n]+") do facts[#facts + 1] = line end
  local cpu, cores, memory, caches, system, load, commit, changed = tools.unpack(facts)
  report:line("%s: %s", name, title)
  report:line("machine: %s, %s cores, %.0f GB, %s", cpu, cores, memory / 2 ^ 20, caches)
  report:line("         %s; load average at the start: %s", system, load)
  report:line("moonvec: commit %s%s, %s, %s; data seed %d", commit, changed == "0" and "" or " with changes",
    require("moonvec").simd, rawget(_G, "jit") and "LuaJIT" or _VERSION, seed)
  report:line()
  return report
end

return M

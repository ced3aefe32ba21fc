-- The soak: one collection, written, read, optimized, changed and backed up by several processes at once, for hours;
-- and a cache beside it, whose documents expire and are evicted. A process is killed every few seconds, and a reader
-- that holds an iterator is stopped for a tenth of the time.
--
--   lua5.4 spec/soak.lua [SECONDS [SEED]]
--
-- spec/support/soak_roles.lua has the processes, soak_documents.lua what they write, soak_journal.lua and
-- soak_cache.lua how it is known what must be there. The exit code is 0 if nothing was lost. Else the directory of the
-- soak is kept: a new one in MOONVEC_SOAK_DIR, or a temporary one.
-- The seed decides the operations of each process; how those of different processes interleave is up to the machine.

local cache = require "spec.support.soak_cache"
local children = require "spec.support.children"
local documents = require "spec.support.soak_documents"
local moonvec = require "moonvec"
local operations = require "spec.support.soak_operations"
local program = require "spec.support.program"
local roles = require "spec.support.soak_roles"

local SAMPLE_EVERY, PROGRESS_EVERY = 10, 60 -- seconds
local KILL_AFTER_MAX = 5 -- seconds until the next kill: 1 to this
local RARE = 10 -- one of that many kills of a rare role happens
local FILES_FACTOR, SLACK = 1.5, 16 * 1024 * 1024 -- the files, and the growth of the catalog, against what is needed
local MEMORY_FACTOR, MEMORY_SLACK = 1.5, 32 * 1024 * 1024

local CACHE_MAX = 64 * 1024 * 1024 -- bytes of the cache at any time: some MB are needed
local CATALOG_MAX = 2 * 1024 * 1024 * 1024 -- bytes; then a stopped reader goes on early, to spare the disk
local END_MAX = 300 -- seconds for a process to end
-- A process gets no SIGINT of the terminal, being in a session of its own. It dies with the parent, however that ends.
local UNDER = "setsid setpriv --pdeathsig KILL"

local Soak = {}
Soak.__index = Soak

local function say(format, ...)
  print(format:format(...))
end

local function mib(bytes)
  return ("%.1f MiB"):format(bytes / 1024 / 1024)
end

local function work(...)
  require("spec.support.soak_roles").run(...)
end

function Soak:start(index)
  local role = roles.list[index]
  local process = self.processes[index] or { role = role, life = 0, kills = 0 }
  process.life = process.life + 1
  process.child = children.start_under(UNDER, work, index, self.directory, self.seed, self.seconds, process.life)
  process.stopped_at = nil
  self.processes[index] = process
end

-- The state of a process, as ps prints it: "T" is stopped, "Z" has ended.
local function state_of(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text:match("^%d+ %(.*%) (%a)") or "Z"
end

-- Waits for a process, and notes its failure.
function Soak:join(process)
  local ok, message = pcall(process.child.wait, process.child)
  process.child = nil
  if not ok then
    self:fail("%s (life %d): %s", process.role.name, process.life, message)
  end
end

function Soak:fail(format, ...)
  self.faults[#self.faults + 1] = format:format(...)
end

local function resume(self, process)
  process.stopped_at = nil
  children.succeeds("kill -CONT " .. process.child.pid)
  self:sample()
  self.catalog_after = self.newest.catalog
end

function Soak:is_stopped_long_enough(process)
  return process.stopped_at
    and (os.time() >= process.stopped_at + self.seconds / 10 or self.newest.catalog > CATALOG_MAX)
end

-- A process that ended by itself has failed; one that has stopped itself goes on after a tenth of the time.
function Soak:look_after(process)
  local state = state_of(process.child.pid)
  if state == "Z" then
    self:join(process)
    if #self.faults == 0 then
      self:fail("%s (life %d) ended too early", process.role.name, process.life)
    end
  elseif state == "T" and not process.stopped_at then
    process.stopped_at = os.time()
    self:sample()
    self.catalog_before = self.catalog_before or self.newest.catalog
  elseif self:is_stopped_long_enough(process) then
    resume(self, process)
  end
end

-- Kills a random process and starts its successor. Returns false if the process that the dice chose is spared.
function Soak:kill_one()
  local index = self.random(#self.processes)
  local process = self.processes[index]
  if process.stopped_at or state_of(process.child.pid) == "T" then
    return false
  elseif process.role.is_rare and self.random(RARE) > 1 then
    return false
  end
  local lines = process.child:kill()
  if lines[1] then -- it had failed or ended already
    self:fail("%s (life %d): %s", process.role.name, process.life, table.concat(lines, "\n"))
  end
  process.kills = process.kills + 1
  self:start(index)
  return true
end

-- Sizes in bytes, and numbers of files, of a collection.
local function measure(path)
  local sizes = { files = 0, bytes = 0, catalog = 0 }
  local list = children.output(("find %s -type f -printf '%%f %%b\\n' 2>/dev/null"):format(program.quote(path)))
  for name, blocks in list:gmatch("(%S+) (%d+)\n") do
    local bytes = blocks * 512
    sizes.files, sizes.bytes = sizes.files + 1, sizes.bytes + bytes
    sizes.catalog = name == "catalog.mdb" and bytes or sizes.catalog
  end
  return sizes
end

-- RSS, the part of it that is no file, and descriptors of a process.
local function measure_process(pid)
  local text = children.output(("cat /proc/%d/status 2>/dev/null; ls /proc/%d/fd 2>/dev/null | wc -l"):format(pid, pid))
  local function number(pattern)
    return tonumber(text:match(pattern) or 0)
  end
  return number("VmRSS:%s+(%d+)") * 1024, number("RssAnon:%s+(%d+)") * 1024, number("(%d+)\n$")
end

local function raise_to(table, name, value)
  table[name] = math.max(table[name] or 0, value)
end

-- Largest private memory in the second and the last tenth of the time.
function Soak:tenth()
  local tenth = math.floor((os.time() - self.began) / self.seconds * 10)
  return tenth == 1 and "second" or tenth == 9 and "last" or "other"
end

function Soak:sample()
  self.newest = measure(self.collection)
  for name, value in pairs(self.newest) do
    raise_to(self.largest, name, value)
  end
  raise_to(self.largest, "cache", measure(self.cache).bytes)
  for _, process in ipairs(self.processes) do
    if process.child then
      local rss, private, descriptors = measure_process(process.child.pid)
      raise_to(process, "rss", rss)
      raise_to(process, "descriptors", descriptors)
      raise_to(process, self:tenth(), private)
    end
  end
end

-- What the processes of a role did: { [what] = count }, and the sum without those that found the collection busy.
function Soak:counts(role)
  local counts, sum = {}, 0
  local file = io.open(("%s/%s.counts"):format(self.directory, role.name))
  for line in (file and file:lines() or function() end) do
    local what, count = line:match("^(%S+) (%d+)$")
    if what then
      counts[what] = (counts[what] or 0) + count
      sum = sum + (what == "busy" and 0 or count)
    end
  end
  if file then
    file:close()
  end
  return counts, sum
end

function Soak:progress()
  local operations_done, kills = 0, 0
  for _, process in ipairs(self.processes) do
    operations_done, kills = operations_done + select(2, self:counts(process.role)), kills + process.kills
  end
  say("%6d s: %d operations, %d kills, %d files, %s (catalog %s)", os.time() - self.began, operations_done, kills,
    self.newest.files, mib(self.newest.bytes), mib(self.newest.catalog))
end

-- Once a second until the end, a fault, or SIGINT, which ends `sleep`, too.
function Soak:watch()
  local next_kill, next_sample, next_progress = os.time() + 3, os.time(), os.time() + PROGRESS_EVERY
  while os.time() < self.began + self.seconds and #self.faults == 0 do
    for _, process in ipairs(self.processes) do
      self:look_after(process)
    end
    local now = os.time()
    if now >= next_sample then
      self:sample()
      next_sample = now + math.min(SAMPLE_EVERY, self.seconds / 20) -- some in each tenth
    end
    if now >= next_progress then
      self:progress()
      next_progress = now + PROGRESS_EVERY
    end
    if now >= next_kill and #self.faults == 0 and self:kill_one() then
      next_kill = now + self.random(KILL_AFTER_MAX)
    end
    if not children.succeeds("sleep 1") then
      say("interrupted")
      return
    end
  end
end

-- Ends one process, if it is ready to. Returns false if it is not.
function Soak:end_one(process, deadline)
  local state = process.child and state_of(process.child.pid)
  if state == "T" then
    resume(self, process)
  elseif state == "Z" then
    self:join(process)
  elseif state and os.time() > deadline then
    process.child:kill()
    process.child = nil
    self:fail("%s (life %d) did not end within %d seconds", process.role.name, process.life, END_MAX)
  end
  return process.child == nil
end

function Soak:stop()
  assert(io.open(self.directory .. "/stop", "w")):close()
  local deadline = os.time() + END_MAX
  repeat
    local left = 0
    for _, process in ipairs(self.processes) do
      left = left + (self:end_one(process, deadline) and 0 or 1)
    end
  until left == 0 or not children.succeeds("sleep 0.2")
end

-- Files that no commit names are removed by the second write after their last reader.
local function remove_garbage(c)
  for _ = 1, 3 do
    assert(c:delete("nothing"))
  end
end

-- Closes a collection, and compares its files with those of a backup, which has those of one commit and nothing else.
-- Returns the sizes of both.
function Soak:check_files(c, path)
  local backup = path .. ".last"
  assert(c:backup(backup))
  assert(c:close())
  local now, needed = measure(path), measure(backup)
  local names = children.output(("ls %s | grep -c '^[0-9]'; ls %s | grep -c '^[0-9]'; ls %s | grep '[.]new$'"):format(
    program.quote(path), program.quote(backup), program.quote(path)))
  local files, files_needed, unfinished = names:match("^(%d+)\n(%d+)\n(.*)$")
  if files ~= files_needed or unfinished ~= "" then
    self:fail("%s: %s numbered files are left where %s are needed; unfinished: '%s'", path, files, files_needed,
      unfinished)
  end
  if now.bytes - now.catalog > FILES_FACTOR * (needed.bytes - needed.catalog) + SLACK then
    self:fail("%s: the files have %s, of which %s are needed", path, mib(now.bytes - now.catalog),
      mib(needed.bytes - needed.catalog))
  end
  return now, needed
end

function Soak:check_sizes(c)
  local now, needed = self:check_files(c, self.collection)
  say("directory: %s in %d files at the end, %s at its largest, %s in %d files for the live documents",
    mib(now.bytes), now.files, mib(self.largest.bytes), mib(needed.bytes), needed.files)
  say("catalog: %s before the reader was stopped, %s at its largest, %s when it went on, %s at the end",
    mib(self.catalog_before or 0), mib(self.largest.catalog), mib(self.catalog_after or 0), mib(now.catalog))
  local catalog_after = self.catalog_after or needed.catalog
  if now.catalog > FILES_FACTOR * catalog_after + SLACK then
    self:fail("the catalog has grown from %s to %s while no reader was stopped", mib(catalog_after), mib(now.catalog))
  end
end

function Soak:check_cache()
  local c = assert(moonvec.open(self.cache, { maintenance = "manual" }))
  local fault = roles.cache_journal(self.directory, self.seed):fault(c)
  if fault then
    self:fail("the cache: %s", fault)
  end
  assert(c:optimize())
  remove_garbage(c)
  assert(c:check())
  local stats = c:stats()
  local now, needed = self:check_files(c, self.cache)
  say("cache: %d documents, %d have expired, %d were evicted; %s at its largest, %s at the end, %s for its documents",
    stats.documents, stats.expired, stats.evicted, mib(self.largest.cache), mib(now.bytes), mib(needed.bytes))
  if self.largest.cache > CACHE_MAX or now.catalog > FILES_FACTOR * needed.catalog + SLACK then
    self:fail("the space of what has expired or was evicted did not come back")
  end
end

function Soak:check_memory()
  for _, process in ipairs(self.processes) do
    local second, last = process.second, process.last
    if second and last and last > MEMORY_FACTOR * second + MEMORY_SLACK then
      self:fail("the memory of %s has grown from %s to %s", process.role.name, mib(second), mib(last))
    end
  end
end

function Soak:check_contents(c)
  for _, journal in ipairs(roles.journals(self.directory, self.seed)) do
    local fault = journal:fault(c)
    if fault then
      self:fail("%s: %s", journal.path, fault)
    end
  end
  local accounts = assert(c:fetch(documents.accounts(), { include_vector = "table" }))
  local ok, message = pcall(documents.check_accounts, accounts)
  if not ok then
    self:fail("%s", message)
  end
end

function Soak:check()
  local c = assert(moonvec.open(self.collection, { maintenance = "manual" }))
  assert(c:optimize())
  remove_garbage(c)
  self:check_contents(c)
  assert(c:check())
  self:check_sizes(c)
  self:check_cache()
  self:check_memory()
end

function Soak:table()
  say("%-11s %9s %6s %10s %12s  %s", "role", "done", "kills", "RSS", "descriptors", "operations")
  for _, process in ipairs(self.processes) do
    local counts, sum = self:counts(process.role)
    local list = {}
    for what, count in pairs(counts) do
      list[#list + 1] = ("%s %d"):format(what, count)
    end
    table.sort(list)
    say("%-11s %9d %6d %10s %12d  %s", process.role.name, sum, process.kills, mib(process.rss or 0),
      process.descriptors or 0, table.concat(list, ", "))
  end
end

-- A step that raises is a fault, but does not keep the others from running. SIGINT makes lua raise "interrupted!".
function Soak:try(step)
  local ok, message = xpcall(function()
    self[step](self)
  end, debug.traceback)
  if not ok and not message:find("interrupted!", 1, true) then
    self:fail("%s: %s", step, message)
  end
end

function Soak:prepare()
  local c = assert(moonvec.create_and_open(self.collection, documents.SCHEMA))
  assert(c:insert(documents.first()))
  assert(c:close())
  assert(assert(moonvec.create_and_open(self.cache, cache.SCHEMA)):close())
  for index = 1, #roles.list do
    self:start(index)
  end
end

local function main(seconds, seed)
  local chosen = os.getenv("MOONVEC_SOAK_DIR")
  local directory = chosen and ("%s/soak.%d"):format(chosen, seed) or program.temporary_path()
  if not children.succeeds("mkdir " .. program.quote(directory)) then
    io.stderr:write(("soak: cannot make a new directory %s\n"):format(directory))
    return 2
  end
  local soak = setmetatable({
    seconds = seconds, seed = seed, directory = directory,
    collection = directory .. "/collection", cache = directory .. "/cache",
    random = operations.random(seed, "soak", 0), began = os.time(), processes = {}, faults = {}, largest = {},
  }, Soak)
  say("soak: %d seconds, seed %d, in %s", seconds, seed, directory)
  soak:try("prepare")
  if #soak.faults == 0 then
    soak:try("watch")
  end
  soak:try("stop")
  children.clean()
  soak:try("check")
  soak:table()
  if #soak.faults == 0 then
    program.remove(directory)
    say("nothing lost")
    return 0
  end
  for _, fault in ipairs(soak.faults) do
    say("FAULT: %s", fault)
  end
  say("seed %d; the collection and the journals are in %s", seed, directory)
  return 1
end

local seconds, seed = tonumber(arg[1] or 3600), tonumber(arg[2] or os.time() % 100000)
if not seconds or seconds < 1 or not seed or seed < 0 or seed % 1 ~= 0 then
  io.stderr:write("usage: soak [SECONDS [SEED]], a number of seconds and a whole number\n")
  os.exit(2)
end
io.stdout:setvbuf("line")
os.exit(main(seconds, seed))

-- The rules of the source tree, as functions of a path and a text. Each returns a list of violations:
-- "path:line: what is wrong". spec/layering_spec.lua applies them to every file.

local M = {}

-- A file includes only its own room and rooms of a lower rank; so index and storage never meet, nor do read and job.
local RANKS = {
  base = 1, text = 2, vector = 2, embed = 3, index = 3, storage = 3, query = 4, open = 5, transaction = 6, read = 7,
  job = 7, collection = 8,
}

-- The modules that the Lua modules may require in addition to each other.
local OUTSIDE_MODULES = { cjson = true, ffi = true, lfs = true }

-- The Lua modules in the same way: the library (all that is not listed here) knows none of the programs that use it.
local LUA_RANKS = { resty = 2, terminal = 2, mcp = 3, shell = 3, command = 4 }

-- Headers of the operating system. A file that does not include them cannot call it.
local SYSTEM_HOME = "engine/base/os.c"
local SYSTEM_HOMES = "^engine/base/os[%w_]*%.c$" -- it, and its parts
local SYSTEM_HEADERS = {
  ["dirent.h"] = true, ["fcntl.h"] = true, ["poll.h"] = true, ["pthread.h"] = true, ["sched.h"] = true,
  ["signal.h"] = true, ["threads.h"] = true, ["time.h"] = true, ["unistd.h"] = true,
}

-- Functions of the C library that only one file may call. The pattern is for a whole name before "(".
local HOMES = {
  ["engine/base/mem.c"] = { "malloc", "calloc", "realloc", "aligned_alloc", "free", "strdup" },
  [SYSTEM_HOME] = { "fopen", "tmpfile", "getenv", "rename", "system", "mmap", "pthread_[%w_]+" },
}

-- Only the file that chooses the kernels reads the environment: one variable selects them.
local EXCEPTIONS = { ["engine/vector/distance.c"] = { getenv = true } }

-- Index types, which are reached through index/index.h: their names stand in no other file, but for filters, which look
-- values up in inverted lists.
local INDEX_TYPES = { "hnsw", "invert", "fulltext" }
local INDEX_HOMES = { "^engine/index/", "^engine/test/", "^engine/base/[%w]+_kind%.c$", "^engine/query/filter" }

-- The public header and the reference of the Lua API are one file each, as long as they need be.
local LINES_MAX = 1000
local MAY_BE_LONG = { ["engine/moonvec.h"] = true, ["lua/moonvec/types.lua"] = true }

--- The room of an engine file ("storage"), "binding", "test", or nil.
local function room_of(path)
  if path:match("^lua/binding/") then
    return "binding"
  end
  return path:match("^engine/([^/]+)/")
end

local function each_line(text, visit)
  local number = 0
  for line in (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    visit(line, number)
  end
  return number
end

local function fault(faults, path, line, ...)
  faults[#faults + 1] = ("%s:%d: %s"):format(path, line, table.concat({ ... }))
end

local function engine_include_fault(room, name)
  if name == "moonvec.h" then
    return nil
  end
  local other = name:match("^([^/]+)/")
  if not other then
    return "includes '" .. name .. "', which is not written relative to engine/"
  end
  local own_rank, other_rank = RANKS[room], RANKS[other]
  if not own_rank or not other_rank then
    return "includes '" .. name .. "', which is in no room below"
  end
  if other ~= room and other_rank >= own_rank then
    return "includes '" .. name .. "', but room " .. room .. " must not know room " .. other
  end
end

local function system_include_fault(path, room, name)
  if not path:match(SYSTEM_HOMES) and (SYSTEM_HEADERS[name] or name:match("^sys/")) then
    return "includes <" .. name .. ">, which only " .. SYSTEM_HOME .. " does"
  end
  local lua_header = name:match("^lua") or name:match("^lauxlib") or name:match("^lualib")
  if room ~= "binding" and lua_header then
    return "includes <" .. name .. ">, but the engine knows no Lua"
  end
  if room == "binding" and (name:match("lmdb") or name:match("simde") or name:match("xxhash")
      or name:match("utf8proc") or name:match("libstemmer")) then
    return "includes <" .. name .. ">, but only the engine uses it"
  end
end

--- #include lines of C files against the rooms.
function M.includes(path, text)
  local faults, room = {}, room_of(path)
  if not room or room == "test" then
    return faults
  end
  each_line(text, function(line, number)
    local kind, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)')
    local wrong
    if kind == "<" then
      wrong = system_include_fault(path, room, name)
    elseif kind and room == "binding" then
      wrong = name ~= "moonvec.h" and name:find("/", 1, true)
        and "includes '" .. name .. "', but the binding uses the public moonvec.h only"
    elseif kind then
      wrong = engine_include_fault(room, name)
    end
    if wrong then
      fault(faults, path, number, wrong)
    end
  end)
  return faults
end

--- The room of a module, "moonvec.shell" or "moonvec.shell.completion": "shell", or "library".
local function lua_room_of(module)
  local room = module:match "^moonvec%.([%w_]+)"
  return LUA_RANKS[room] and room or "library"
end

local function require_fault(path, name)
  if not name:match "^moonvec%f[.%z]" then
    return not OUTSIDE_MODULES[name] and "requires '" .. name .. "', which is neither below it nor a chosen dependency"
  end
  local room, other = lua_room_of(path:match "^lua/(.*)%.lua$":gsub("/", ".")), lua_room_of(name)
  if other ~= room and (LUA_RANKS[other] or 1) >= (LUA_RANKS[room] or 1) then
    return "requires '" .. name .. "', but room " .. room .. " must not know room " .. other
  end
end

--- Checks the `require`s of the Lua modules: only rooms below, and a few named libraries.
function M.requires(path, text)
  local faults = {}
  if not path:match("^lua/moonvec/.*%.lua$") then
    return faults
  end
  each_line(text, function(line, number)
    for name in line:gsub("%-%-.*", ""):gmatch("require%s*%(?%s*[\"']([^\"']+)[\"']") do
      local wrong = require_fault(path, name)
      if wrong then
        fault(faults, path, number, wrong)
      end
    end
  end)
  return faults
end

--- C text without comments and literals, lines kept.
local function code_only(text)
  local function blank(s)
    return (s:gsub("[^\n]", " "))
  end
  text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
  return (text:gsub('\\[\\"]', "  "):gsub('"[^"\n]*"', blank))
end

--- Names of one index type where any type is meant.
function M.index_types(path, text)
  local faults, room = {}, room_of(path)
  for _, home in ipairs(INDEX_HOMES) do
    if path:match(home) then
      return faults
    end
  end
  if not room then
    return faults
  end
  for _, index_type in ipairs(INDEX_TYPES) do
    local pattern = room == "binding" and index_type or "%f[%w_]" .. index_type .. "_"
    each_line(code_only(text):lower(), function(line, number)
      if line:find(pattern) then
        fault(faults, path, number, "knows the index type '", index_type, "' by name")
      end
    end)
  end
  return faults
end

--- Only mem.c allocates memory, and only os.c calls the operating system.
function M.calls(path, text)
  local faults, room = {}, room_of(path)
  if not room or room == "test" then
    return faults
  end
  local code = code_only(text)
  for home, names in pairs(HOMES) do
    local is_home = path == home or home == SYSTEM_HOME and path:match(SYSTEM_HOMES)
    for _, name in ipairs(is_home and {} or names) do
      each_line(code, function(line, number)
        local found = (" " .. line):match("[^%w_.>](" .. name .. ")%s*%(")
        if found and not (EXCEPTIONS[path] and EXCEPTIONS[path][found]) then
          fault(faults, path, number, "calls ", found, "(), which only ", home, " does")
        end
      end)
    end
  end
  return faults
end

--- No file contains notes about unfinished work; source files stay short.
function M.tidiness(path, text)
  local faults = {}
  local lines = each_line(text, function(line, number)
    local mark = line:match("%f[%w]TO" .. "DO%f[%W]") or line:match("%f[%w]FIX" .. "ME%f[%W]")
    if mark then
      fault(faults, path, number, "says ", mark)
    end
  end)
  if lines > LINES_MAX and not MAY_BE_LONG[path] and (path:match("^engine/") or path:match("^lua/")) then
    fault(faults, path, lines, "is longer than ", LINES_MAX, " lines")
  end
  return faults
end

-- File names that each directory may have.
local COMMON_NAMES = { ["README.md"] = true, ["init.lua"] = true }

--- File names are unique across the tree. Benches are named by what they measure.
function M.unique_names(paths)
  local faults, seen = {}, {}
  for _, path in ipairs(paths) do
    local name = path:match("[^/]*$")
    if not (COMMON_NAMES[name] or path:match("^spec/data/") or path:match("^bench/[^/]*$")) then
      if seen[name] then
        fault(faults, path, 1, "has the same name as ", seen[name])
      end
      seen[name] = path
    end
  end
  return faults
end

return M

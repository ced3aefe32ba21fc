-- Tools of the benches: C programs compiled when needed, data files, peers. The outputs are in build/bench/ and
-- are created again only if their source is newer.

local M = {}

M.directory = "build/bench"
M.unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local SOURCES = "bench/support"
local PEERS = "bench/peers"
local C = "${CC:-cc} -std=c11 -D_GNU_SOURCE -O3 -march=native -Wall -Wextra"
local CXX = "${CXX:-c++} -std=c++14 -O3 -march=native -Wall -Wextra"

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- Runs a program and returns its output. A failure raises with its messages.
function M.run(...)
  local words = {}
  for i = 1, select("#", ...) do words[i] = quote((select(i, ...))) end
  local command = table.concat(words, " ")
  local pipe = assert(io.popen("exec 2>&1; " .. command .. "; echo \"status:$?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.*)status:(%d+)%s*$")
  if status ~= "0" then error(("%s\n%s"):format(command, text or output), 0) end
  return text
end

function M.shell(command)
  return M.run("sh", "-c", command)
end

function M.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

function M.remove(path)
  assert(path:sub(1, #M.directory + 1) == M.directory .. "/", "only files of the bench are removed")
  M.run("rm", "-rf", path)
end

-- Compiles `source` to `output`, unless `output` is newer than the source, the headers and `library`.
local function compile(compiler, source, output, flags, library)
  M.shell(([[
    mkdir -p %s
    stale=$(test -e %s && find %s %s/*.h %s -newer %s || echo yes)
    test -z "$stale" || %s %s -o %s %s]]):format(
    M.directory, output, source, SOURCES, library or "", output, compiler, source, output, flags))
  return output
end

-- The path of the C program `name`, which may link a static `library` with `flags`.
function M.program(name, library, flags)
  return compile(C, ("%s/%s.c"):format(SOURCES, name), M.directory .. "/" .. name,
    ("%s %s -lm -lpthread"):format(library or "", flags or ""), library)
end

-- The path of the C++ program of a peer, which may be linked with `flags`.
function M.peer_program(name, flags)
  return compile(CXX, ("%s/%s.cpp"):format(PEERS, name), M.directory .. "/" .. name, "-lpthread " .. (flags or ""))
end

-- The Lua module bench_os, compiled for the running interpreter.
function M.os()
  local lua = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d.%d")
  local headers = lua == "luajit" and "/usr/include/luajit-2.1" or "/usr/include/" .. lua
  local output = ("%s/bench_os-%s.so"):format(M.directory, lua)
  compile(C, SOURCES .. "/bench_os.c", output,
    ("-shared -fPIC $(pkg-config --cflags %s 2>/dev/null || echo -I%s)"):format(lua, headers))
  return assert(package.loadlib(output, "luaopen_bench_os"))()
end

-- A file of `count` rows of `dim` float32, from row `first` of the set with this seed.
function M.data(first, count, dim, seed)
  local path = ("%s/rows-%d-%d-%d-seed%d.f32"):format(M.directory, first, count, dim, seed)
  if not M.exists(path) then
    local maker = M.program("make_data")
    M.run(maker, first, count, dim, seed, path .. ".part")
    assert(os.rename(path .. ".part", path))
  end
  return path
end

-- All rows of a file as packed strings, for queries. Use M.batches to read a base set.
function M.vectors(path, dim)
  local rows = {}
  for batch in M.batches(path, dim, 1000) do
    for i = 1, #batch / (4 * dim) do rows[#rows + 1] = batch:sub((i - 1) * 4 * dim + 1, i * 4 * dim) end
  end
  return rows
end

-- An iterator over a file, `size` rows (or the rest) at a time, each time as one packed string.
function M.batches(path, dim, size)
  local file = assert(io.open(path, "rb"))
  return function()
    local batch = file:read(size * dim * 4)
    if not batch then file:close() end
    return batch
  end
end

-- The true neighbours of each query: arrays of { id =, distance = }, nearest first.
function M.truth(base, queries, dim, k, metric)
  local lists = {}
  for line in M.run(M.program("exact_truth"), base, queries, dim, k, metric):gmatch("[^\n]+") do
    local list = {}
    for row, distance in line:gmatch("(%d+):(%S+)") do
      list[#list + 1] = { id = row, distance = tonumber(distance) }
    end
    lists[#lists + 1] = list
  end
  return lists
end

-- Makes a package of node available: installs it if it is missing. Returns true, or nil and the reason.
local function node_package(name, version)
  local ok, message = pcall(M.run, "sh", PEERS .. "/setup.sh", M.directory, name, version)
  if ok then return true end
  return nil, (message:match("([^\n]+)%s*$"))
end

function M.zvec()
  return node_package("@zvec/zvec", "0.7.0")
end

function M.usearch()
  return node_package("usearch", "2.25.3")
end

-- Run a program that prints lines "figure NAME VALUE" and return them as a table.
function M.figures(...)
  local figures = {}
  for name, value in M.run(...):gmatch("figure (%S+) (%S+)") do figures[name] = tonumber(value) or value end
  return figures
end

function M.peer(script, ...)
  return M.figures("node", PEERS .. "/" .. script, ...)
end

-- Run a script of gnuplot that writes `path`. Raises if gnuplot is not installed.
function M.gnuplot(script, path)
  local source = M.directory .. "/" .. path:match("([^/]*)%.%w+$") .. ".gnuplot"
  local file = assert(io.open(source, "w"))
  file:write(script)
  file:close()
  M.run("mkdir", "-p", (path:gsub("/[^/]*$", "")))
  M.run("gnuplot", source)
end

return M

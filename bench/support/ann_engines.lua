-- The engines of the ann bench. An engine is { name, side, is_node, path(set), build(set, threads) -> figures,
-- search(set, efs, seconds, found) -> figures, remove(set) }. Every build and every sweep is a separate
-- process; searches run on one core. All graphs have the same m and ef_construction.

local tools = require "tools"

local M = {}

M.m = 16
M.ef_construction = 200
M.k = 10
M.sides = { "hnswlib", "moonvec", "usearch", "zvec" }

M.lua = arg[-1] -- the interpreter

local function concat(...)
  local list = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    for _, word in ipairs(type(part) == "table" and part or { part }) do list[#list + 1] = word end
  end
  return list
end

-- Makes searches run on `core`: M.pinned is the command prefix for that. Returns nil and the reason if it is
-- impossible.
function M.pin(core)
  if pcall(tools.run, "taskset", "-c", core, "true") then
    M.pinned = { "taskset", "-c", core }
  else
    M.pinned = {}
    return nil, ("there is no core %d, or no taskset"):format(core)
  end
  return true
end

-- Runs a program that prints figures. Its arguments are strings, or lists of them.
function M.figures(...)
  return tools.figures(tools.unpack(concat(...)))
end

-- A time without the cost of a call, `floor`.
function M.net(time, floor)
  return math.max(time - floor, time / 10) -- a smaller value would be noise
end

-- An engine that is a program with the commands build and search. `kind` (may be nil) is the argument after the metric
-- in both. `build_kind`: the kind it is built as, if it searches the index of another engine.
local function program(engine, command, kind, build_kind)
  function engine.path(set)
    return ("%s/ann-%s.%s%s"):format(tools.directory, set.name, engine.side, build_kind or kind or "")
  end
  function engine.build(set, threads)
    tools.remove(engine.path(set))
    return M.figures(command, "build", set.base, set.dim, set.metric, build_kind or kind or {}, threads, M.m,
      M.ef_construction, engine.path(set))
  end
  function engine.search(set, efs, seconds, found)
    return M.figures(M.pinned, command, "search", engine.path(set), set.queries, set.dim, set.metric, kind or {}, M.k,
      seconds, table.concat(efs, ","), found)
  end
  function engine.remove(set)
    tools.remove(engine.path(set))
  end
  return engine
end

-- moonvec with the codes `quantize`.
local function moonvec(quantize)
  local engine = { name = "moonvec" .. (quantize == "auto" and "" or " " .. quantize), side = "moonvec" }
  local script = { M.lua, "bench/support/ann_moonvec.lua" }
  function engine.path(set)
    return ("%s/ann-%s.%s.mv"):format(tools.directory, set.name, quantize)
  end
  function engine.build(set, threads)
    tools.remove(engine.path(set))
    return M.figures(script, "build", set.base, set.dim, set.metric, quantize, threads, M.m, M.ef_construction,
      engine.path(set))
  end
  function engine.search(set, efs, seconds, found)
    return M.figures(M.pinned, script, "search", engine.path(set), set.queries, set.dim, M.k, seconds,
      table.concat(efs, ","), found)
  end
  function engine.memory(set)
    return M.figures(script, "memory", engine.path(set), set.queries, set.dim, M.k)
  end
  function engine.remove(set)
    tools.remove(engine.path(set))
  end
  return engine
end

local function hnswlib()
  local version = tools.shell("dpkg-query -W -f '${Version}' libhnswlib-dev 2>/dev/null || true"):match("^[%d.]+")
  return program({ name = "hnswlib " .. (version or "(headers found)"), side = "hnswlib" },
    { tools.peer_program("hnswlib_ann") })
end

local function usearch(kind)
  return program({ name = "USearch 2.25.3 " .. kind, side = "usearch", is_node = true },
    { "node", "bench/peers/usearch_ann.mjs" }, kind)
end

local function zvec(kind, label, build_kind)
  return program({ name = "Zvec 0.7.0 " .. label, side = "zvec", is_node = true },
    { "node", "bench/peers/zvec_ann.mjs" }, kind, build_kind)
end

-- All engines that can run here, the yardstick first. `wanted`: names of sides, empty for all. Missing engines are
-- reported to `complain`.
function M.list(wanted, with_variants, complain)
  local engines = {}
  local function add(...)
    for _, engine in ipairs { ... } do engines[#engines + 1] = engine end
  end
  local function is_wanted(side) return next(wanted) == nil or wanted[side] end

  if is_wanted("hnswlib") then
    local ok, engine = pcall(hnswlib)
    if ok then add(engine) else complain("hnswlib is not here: " .. engine) end
  end
  if is_wanted("moonvec") then
    add(moonvec("auto"))
    if with_variants then add(moonvec("none"), moonvec("fp16"), moonvec("int8"), moonvec("int4")) end
  end
  if is_wanted("usearch") then
    local here, reason = tools.usearch()
    if here then add(usearch("f32"), usearch("f16"), usearch("i8")) else complain("USearch is not here: " .. reason) end
  end
  if is_wanted("zvec") then
    local here, reason = tools.zvec()
    if here then
      add(zvec("fp32", "fp32"), zvec("int8", "int8"), zvec("int8-refined", "int8, refined", "int8"),
        zvec("rabitq", "RaBitQ"))
    else
      complain("Zvec is not here: " .. reason)
    end
  end
  return engines
end

return M

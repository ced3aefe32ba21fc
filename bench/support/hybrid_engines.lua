-- The engines of the hybrid bench. An engine is { name, path(set), build(set) -> figures, search(case, limit, labels,
-- seconds, seconds_max, found) -> figures, remove(set) }; `set` and `case` (one of its cases) are those of
-- hybrid_sets.lua, labels the plans of moonvec or the values of ef. Every call of search is a separate process on one
-- core.

local engines = require "ann_engines"
local sets = require "hybrid_sets"
local tools = require "tools"

local M = {}

local THREADS = 2 -- of a build

M.KINDS = { "fp32", "int8", "int8-refined" } -- of Zvec

-- An engine whose program `command` has the commands build and search. `kind` is a kind of Zvec, which searches the
-- index built as `build_kind`.
local function engine(name, command, kind, build_kind)
  local self = { name = name, kind = kind }

  function self.path(set)
    return ("%s/hybrid-%s.%s"):format(tools.directory, set.name, build_kind or "mv")
  end

  function self.build(set)
    local path = self.path(set)
    tools.remove(path)
    return engines.figures(command, "build", set.base, set.dim, set.metric,
      kind and { build_kind, THREADS, engines.m, engines.ef_construction } or THREADS, set.keys.random, set.keys.pole,
      path)
  end

  function self.search(case, limit, labels, seconds, seconds_max, found)
    tools.remove(found)
    return engines.figures(engines.pinned, command, "search", self.path(case.set), case.queries, case.dim,
      kind and { case.metric, kind } or {}, sets.K, seconds, seconds_max, "key_" .. case.case.column, limit, case.rows,
      table.concat(labels, ","), found)
  end

  function self.remove(set)
    tools.remove(self.path(set))
  end

  return self
end

function M.moonvec()
  return engine("moonvec", { engines.lua, "bench/support/hybrid_moonvec.lua" })
end

-- Zvec in each of its kinds. If it is not available, an empty list, and the reason is reported to `complain`.
function M.zvecs(complain)
  local list = {}
  local here, reason = tools.zvec()
  if not here then complain("Zvec is not here: " .. reason) end
  for _, kind in ipairs(here and M.KINDS or {}) do
    list[#list + 1] = engine("Zvec 0.7.0 " .. kind, { "node", "bench/peers/zvec_hybrid.mjs" }, kind,
      kind:match("^%w+"))
  end
  return list
end

return M

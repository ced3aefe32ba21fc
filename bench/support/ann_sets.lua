-- The data sets of the ann bench: generated sets (make_sets.c), and sets in a directory. A set is
-- { name, dim, metric, rows, base, queries, queries_count, truth }; base and queries are files of raw
-- float32, truth is an .ivecs file with the nearest rows of each query, best first.

local tools = require "tools"

local M = {}

local NEAREST = 100     -- neighbours of each query in a truth file
local QUERIES = 1000    -- of a generated set
local METRICS = { l2 = "l2", cos = "cosine", ip = "ip" }
local SHORT = { l2 = "l2", cosine = "cos", ip = "ip" }

-- make_sets.c describes how each is generated.
M.made = {
  { name = "heavy", dim = 100, metric = "cosine", rows = 200000 },
  { name = "sift", dim = 128, metric = "l2", rows = 200000 },
  { name = "embed", dim = 768, metric = "cosine", rows = 100000 },
}

local function size_of(path)
  local file = assert(io.open(path, "rb"))
  local size = file:seek("end")
  file:close()
  return size
end

-- The file `path`, created by `make(part)` if it does not exist.
function M.made_once(path, make)
  if not tools.exists(path) then
    make(path .. ".part")
    assert(os.rename(path .. ".part", path))
  end
  return path
end

local function make_truth(set, path)
  tools.run(tools.program("exact_truth"), set.base, set.queries, set.dim, NEAREST, set.metric, path)
end

-- The recipe of this name.
function M.recipe(name)
  for _, recipe in ipairs(M.made) do
    if recipe.name == name then return recipe end
  end
end

-- A file of `count` rows of the set with this seed, from row `first` on.
function M.rows(recipe, first, count, seed)
  local path = ("%s/ann-%s-%d-%d-seed%d.f32"):format(tools.directory, recipe.name, first, count, seed)
  return M.made_once(path, function(part)
    tools.run(tools.program("make_sets"), recipe.name, first, count, seed, part)
  end)
end

-- A generated set of `rows` rows. Queries are the rows from `first_query` on (default: directly after the base).
function M.make(recipe, rows, seed, first_query)
  local set = { name = ("%s-%d-%s"):format(recipe.name, recipe.dim, SHORT[recipe.metric]), dim = recipe.dim,
    metric = recipe.metric, rows = rows, queries_count = QUERIES }
  first_query = math.max(rows, first_query or rows)
  set.base = M.rows(recipe, 0, rows, seed)
  set.queries = M.rows(recipe, first_query, QUERIES, seed)
  local truth = ("%s/ann-%s-%d-%d-seed%d.ivecs"):format(tools.directory, recipe.name, rows, first_query, seed)
  set.truth = M.made_once(truth, function(part) make_truth(set, part) end)
  return set
end

-- A set of files NAME-DIM-METRIC.base.*, .query.* and .gt.ivecs. With `rows`, only the first ones, and a computed
-- truth.
local function read_given(directory, name, kind, rows)
  local dim, metric = name:match("%-(%d+)%-(%w+)$")
  if not METRICS[metric] then error(("%s: a set is called NAME-DIM-METRIC"):format(name), 0) end
  local set = { name = name, dim = tonumber(dim), metric = METRICS[metric] }
  local stem = ("%s/ann-given-%s"):format(tools.directory, name)
  local vecs = tools.program("vecs")
  set.base, set.queries = stem .. ".base", stem .. ".query"
  tools.run(vecs, "raw", ("%s/%s.base.%s"):format(directory, name, kind), set.base, rows)
  tools.run(vecs, "raw", ("%s/%s.query.%s"):format(directory, name, kind), set.queries, 0)
  set.rows, set.queries_count = size_of(set.base) / 4 / dim, size_of(set.queries) / 4 / dim
  if set.rows % 1 ~= 0 then error(("%s: its vectors have not %s dimensions"):format(name, dim), 0) end
  set.truth = ("%s/%s.gt.ivecs"):format(directory, name)
  if rows > 0 then
    set.truth = stem .. ".ivecs"
    make_truth(set, set.truth)
  end
  return set
end

-- All available sets: a list of { name, make = function() -> set }. `options`: rows, seed, data (a directory).
function M.list(options)
  local list = {}
  for _, recipe in ipairs(M.made) do
    list[#list + 1] = { name = recipe.name, make = function()
      return M.make(recipe, options.rows > 0 and options.rows or recipe.rows, options.seed)
    end }
  end
  if options.data ~= "" then
    for file in tools.run("ls", options.data):gmatch("[^\n]+") do
      local name, kind = file:match("^(.+)%.base%.([fbh]vecs)$")
      if name then
        list[#list + 1] = { name = name, make = function()
          return read_given(options.data, name, kind, options.rows)
        end }
      end
    end
  end
  return list
end

-- Write a set to `directory` as NAME-DIM-METRIC.base.fvecs, .query.fvecs and .gt.ivecs, for other programs.
function M.dump(set, directory)
  local vecs, stem = tools.program("vecs"), directory .. "/" .. set.name
  tools.run("mkdir", "-p", directory)
  tools.run(vecs, "fvecs", set.base, set.dim, stem .. ".base.fvecs")
  tools.run(vecs, "fvecs", set.queries, set.dim, stem .. ".query.fvecs")
  tools.run("cp", set.truth, stem .. ".gt.ivecs")
end

-- The recall@k of each block of found rows in the file, in order.
function M.recalls(set, k, found)
  local list = {}
  for line in tools.run(tools.program("recall_of"), set.base, set.queries, set.dim, set.metric, set.truth, k,
    found):gmatch("%S+") do
    list[#list + 1] = tonumber(line)
  end
  return list
end

return M

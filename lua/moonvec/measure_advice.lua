--- The advice of c:measure: one sentence or two that say what to set, and why.

-- The recall of queries that do not name one.
local RECALL_DEFAULT = 0.95

-- A setting that takes at most this many times as long costs hardly more.
local HARDLY_MORE = 1.25

-- With a wider confidence interval, neighbouring settings cannot be told from each other.
local MARGIN_WIDE = 0.01

-- Segments with fewer rows get no graph.
local GRAPH_ROWS_MIN = 1024

-- Who finds this share misses next to nothing.
local ALL = 0.999

-- A graph that has a smaller share of the rows is not what is to be measured.
local COMPLETE_ENOUGH = 0.9

-- Comparing fewer vectors than this takes about as long as a walk through a graph.
local FLAT_ROWS_FINE = 10000

local function time_text(us)
  return us < 1000 and ("%.3g us"):format(us) or us < 1e6 and ("%.3g ms"):format(us / 1e3)
    or ("%.3g s"):format(us / 1e6)
end

--- Rounded down, so that 0.9996 does not look like all; 1e-6 makes up for the rounding of the product.
local function recall_text(recall)
  return recall >= 1 and "1" or ("%.3f"):format(math.floor(recall * 1000 + 1e-6) / 1000)
end

local function documents_text(count)
  return count == 1 and "1 document" or ("%d documents"):format(count)
end

--- Does the row find as much as wanted, as far as the samples tell?
local function reaches(row, recall)
  return row.recall + row.margin >= recall
end

--- The row as a setting of queries: "recall = 0.9 gives 0.93 at 41 us".
local function result_text(row)
  return ("%s gives %s at %s"):format(row.setting:gsub(" ", " = "), recall_text(row.recall), time_text(row.p50_us))
end

--- The fastest of the rows that find `recall`, or nil.
local function fastest(rows, recall)
  local best
  for _, row in ipairs(rows) do
    if not row.params.exact and reaches(row, recall) and (not best or row.p50_us < best.p50_us) then
      best = row
    end
  end
  return best
end

--- The row with the most recall, but for exact search.
local function highest(rows)
  local best
  for _, row in ipairs(rows) do
    if not row.params.exact and (not best or row.recall > best.recall) then
      best = row
    end
  end
  return best
end

--- A row that finds more than `row` and takes hardly longer.
local function nearly_free(rows, row)
  local best
  for _, other in ipairs(rows) do
    if not other.params.exact and other.recall - other.margin > row.recall + row.margin
        and other.p50_us <= HARDLY_MORE * row.p50_us and (not best or other.recall > best.recall) then
      best = other
    end
  end
  return best
end

--- Why nothing can be set, or nil.
local function nothing_to_set(about)
  local field, exact = about.field, about.rows[#about.rows]
  if about.questions == 0 then
    return ("no document has a vector in '%s': there is nothing to measure"):format(field.name)
  elseif about.filter and about.matches == 0 then
    return "no document matches the filter: there is nothing to measure"
  end
  local took = time_text(exact.p50_us)
  if field.index.type == "sparse" then
    return ("searches for sparse vectors are exact and take %s: there is nothing to set"):format(took)
  elseif field.index.type == "flat" then
    local fine = about.index.rows < FLAT_ROWS_FINE and "that is fine for so few"
      or ("create_index('%s', 'hnsw') makes searches faster"):format(field.name)
    return ("'%s' has no index: each search compares all %s, in %s; %s"):format(field.name,
      documents_text(about.matches), took, fine)
  elseif about.index.graphs == 0 and about.index.rows < GRAPH_ROWS_MIN then
    return ("%s are too few for a graph, which begins at %d: searches are exact and take %s, there is nothing to set")
      :format(documents_text(about.index.rows), GRAPH_ROWS_MIN, took)
  elseif about.index.completeness < COMPLETE_ENOUGH then
    return ("the graph has only %d of %s, and searches compare the others one by one: run optimize, then measure again")
      :format(about.index.indexed_rows or 0, documents_text(about.index.rows))
  end
end

--- The advice if no query used the graph although there is one, or nil.
local function graph_unused(about)
  for _, row in ipairs(about.rows) do
    if row.by_index > 0 then
      return nil
    end
  end
  local why = about.filter and ("the filter matches only %s"):format(documents_text(about.matches))
    or ("comparing %s is faster than a walk through the graph"):format(documents_text(about.matches))
  return ("%s, so searches are exact anyway and take %s: there is nothing to set"):format(why,
    time_text(about.rows[#about.rows].p50_us))
end

--- What to set, when settings differ.
local function choose(rows)
  local exact, wanted, default = rows[#rows], RECALL_DEFAULT, nil
  for _, row in ipairs(rows) do
    default = row.params.recall == RECALL_DEFAULT and row or default
  end
  local took = time_text(exact.p50_us)
  local row = default and reaches(default, wanted) and default or fastest(rows, wanted)
  if not row then
    local best = highest(rows)
    return best and ("no setting that was measured finds %.14g; %s, exact search takes %s: set a higher recall, or "
      .. "exact = true"):format(wanted, result_text(best), took)
  elseif exact.p50_us <= row.p50_us then
    return ("%s here, exact search takes no longer, %s: set exact = true"):format(result_text(row), took)
  elseif exact.p50_us <= HARDLY_MORE * row.p50_us and row.recall < ALL then
    return ("%s here, exact search takes hardly longer, %s: set exact = true"):format(result_text(row), took)
  end
  local better = row.recall < ALL and nearly_free(rows, row)
  if better then
    return ("%s here, and %s, hardly more (exact search: %s): set %s"):format(result_text(row), result_text(better),
      took, (better.setting:gsub(" ", " = ")))
  elseif row == default then
    return ("%s here, exact search takes %s: the default is fine"):format(result_text(row), took)
  end
  local why = default and (", because the default finds only %s"):format(recall_text(default.recall)) or ""
  return ("%s here, exact search takes %s: set %s%s"):format(result_text(row), took, row.setting:gsub(" ", " = "), why)
end

--- How far the recalls can be trusted, or nothing.
local function uncertainty(about)
  local widest = 0
  for _, row in ipairs(about.rows) do
    widest = math.max(widest, row.margin or 0)
  end
  if widest <= MARGIN_WIDE then
    return ""
  end
  return ("; %d queries tell a recall to %.2f, not 0.95 from 0.96: give more of them to know it better")
    :format(about.questions, widest)
end

--- `about` has the `field`, the `index` of its stats, the `rows` of measure with exact search last, how many documents
-- match (`matches`), whether there is a `filter`, and the number of `questions`.
return function(about)
  local advice = nothing_to_set(about) or graph_unused(about)
  if advice then
    return advice
  end
  advice = choose(about.rows)
  return advice and advice .. uncertainty(about) or "no setting was measured but exact search"
end

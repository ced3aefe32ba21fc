--- c:measure: the recall and the latency of searches in one vector field, against exact search.
--
-- Recall@k of a search is the share of the k nearest documents that it finds. Exact search of the same commit says
-- which these are. A hit counts if it is as near as the k-th of them, so that documents which are equally far from the
-- question may stand for each other.

local check = require "moonvec.check"
local core = require "moonvec.core"
local advice_on = require "moonvec.measure_advice"
local pinned = require "moonvec.pinned"
local schema_fields = require "moonvec.schema_fields"
local statistics = require "moonvec.measure_statistics"

local misuse = check.misuse
local unpack = table.unpack or unpack -- luacheck: ignore 143 113

local SAMPLES_DEFAULT, SAMPLES_MAX = 100, 100000
local TOPK_DEFAULT, TOPK_MAX = 10, 10000
local RECALLS_DEFAULT = { 0.9, 0.95, 0.99 }
local EF_MAX = 1000000

-- Names that a message about an unknown one compares it with.
local NAMES_MAX = 64

-- Searches before the first one that is timed: they bring files into memory.
local WARM_UP = 3

-- Half of the width of a normal distribution's 95 % confidence interval, in standard errors.
local NORMAL_95 = 1.96

-- ---------------------------------------------------------------- options

local function check_list(name, given, otherwise)
  if given == nil then
    return otherwise
  elseif type(given) ~= "table" then
    misuse("measure: '%s' must be an array of numbers, got a %s", name, type(given))
  end
  return given
end

--- The settings to be measured: { setting = its name, params = of its queries }.
local function settings_of(recalls, efs)
  local settings = {}
  for i, recall in ipairs(check_list("recalls", recalls, RECALLS_DEFAULT)) do
    check.number("measure", ("recalls[%d]"):format(i), recall, nil, 0, 1)
    check.positive("measure", ("recalls[%d]"):format(i), recall)
    settings[#settings + 1] = { setting = ("recall %.14g"):format(recall), params = { recall = recall } }
  end
  for i, ef in ipairs(check_list("efs", efs, {})) do
    check.whole("measure", ("efs[%d]"):format(i), ef, nil, 1, EF_MAX)
    settings[#settings + 1] = { setting = ("ef %d"):format(ef), params = { ef = ef } }
  end
  return settings
end

--- The vector field `name`, or the only one.
local function field_of(schema, name)
  local fields = schema.vectors
  if name == nil and #fields == 1 then
    return fields[1]
  elseif #fields == 0 then
    misuse("measure: the collection has no vector field")
  elseif name == nil then
    misuse("measure: 'field' is missing, and the collection has %d vector fields", #fields)
  end
  local field = schema_fields.find_vector(schema, check.field("measure", "field", name))
  if field then
    return field
  end
  local names = {}
  for i = 1, math.min(#fields, NAMES_MAX) do
    names[i] = fields[i].name
  end
  return core.word("measure", "vector field", name, unpack(names)) -- raises, and names the nearest
end

-- ---------------------------------------------------------------- questions

--- The ids of `count` documents that have a vector, or of all if there are fewer.
local function sample_ids(collection, field, count, seed)
  local filter = field.nullable and field.name .. " IS NOT NULL" or nil
  return statistics.sample_ids(collection, count, statistics.random(seed), filter)
end

--- The questions: tables with the option of a query that says what is searched for.
local function questions_of(collection, field, queries, samples, seed)
  local option = field.multi and "vectors_of_one" or "vector"
  if queries == nil then
    option, queries = "id", sample_ids(collection, field, samples, seed)
  elseif type(queries) ~= "table" or #queries == 0 then
    misuse("measure: 'queries' must be an array of vectors, got %s",
      type(queries) == "table" and "an empty table" or "a " .. type(queries))
  end
  local questions = {}
  for i, query in ipairs(queries) do
    questions[i] = { [option] = query }
  end
  return questions
end

-- ---------------------------------------------------------------- searches

--- Searches for all questions with these params. Returns the answers, and the microseconds that each took. `explain`:
-- the answers are plans. A document that was deleted before the commit was pinned is no question any more.
local function search_all(run, questions, params, explain)
  local answers, times, i = {}, {}, 1
  while questions[i] do
    local question = questions[i]
    local options = {
      id = question.id, vector = question.vector, vectors_of_one = question.vectors_of_one, params = params,
      field = run.field, topk = run.topk, output_fields = {}, explain = explain,
    }
    local begin = core.seconds()
    local answer, message, code = run.search("measure", options, run.sources)
    times[i] = (core.seconds() - begin) * 1e6
    if answer then
      answers[i], i = answer, i + 1
      run.report()
    elseif question.id and code == "not_found" then
      table.remove(questions, i)
    else
      return nil, message, code
    end
  end
  return answers, times
end

--- The mean recall over the questions that have an answer, and half the width of its 95 % confidence interval. Without
-- any miss the interval is that of the rule of three: 3 / (number of hits).
local function recall_of(answers, truths)
  local count, sum, squares, hits_count = 0, 0, 0, 0
  for i, truth in ipairs(truths) do
    if #truth > 0 then
      local found = 0
      for _, hit in ipairs(answers[i].hits) do
        found = found + (hit.score >= truth[#truth].score and 1 or 0)
      end
      local recall = found / #truth
      count, sum, squares, hits_count = count + 1, sum + recall, squares + recall * recall, hits_count + #truth
    end
  end
  if count == 0 then
    return nil
  end
  local mean = sum / count
  local variance = count > 1 and math.max(0, (squares - count * mean * mean) / (count - 1)) or 0
  return mean, math.max(NORMAL_95 * math.sqrt(variance / count), 3 / hits_count)
end

--- Mean distances that a question computed, and the share of the questions that an index answered.
local function work_of(plans)
  local distances, by_index = 0, 0
  for _, plan in ipairs(plans) do
    distances = distances + plan.exact_distances + plan.code_distances
    for _, step in ipairs(plan.steps) do
      if step.plan ~= "exact" and step.plan ~= "nothing" then
        by_index = by_index + 1
        break
      end
    end
  end
  return distances / #plans, by_index / #plans
end

local function row_of(setting, params, times, plans)
  local distances, by_index = work_of(plans)
  table.sort(times)
  return {
    setting = setting, params = params, p50_us = statistics.percentile(times, 0.5),
    p99_us = statistics.percentile(times, 0.99),
    distances = distances, by_index = by_index,
  }
end

--- The row of exact search, and for each question its hits. Few of its searches are made twice, because they are slow.
local function measure_exact(run, questions)
  local few = {}
  for i = 1, math.min(WARM_UP, #questions) do
    few[i] = questions[i]
  end
  local params = { exact = true }
  local plans, message, code = search_all(run, few, params, true)
  if not plans then
    return nil, message, code
  end
  local truths, times
  truths, times, code = search_all(run, questions, params)
  if not truths then
    return nil, times, code -- message
  elseif #truths == 0 or #plans == 0 then
    return { setting = "exact", params = params, matches = 0 }, {}
  end
  local row = row_of("exact", params, times, plans)
  row.recall, row.margin, row.matches = 1, 0, plans[1].matches
  return row, truths
end

--- The row of one setting. Its searches are made twice: the first ones, which are not timed, tell the recall.
local function measure_setting(run, questions, truths, setting)
  local plans, message, code = search_all(run, questions, setting.params, true)
  if not plans then
    return nil, message, code
  end
  local answers, times
  answers, times, code = search_all(run, questions, setting.params)
  if not answers then
    return nil, times, code -- message
  end
  local row = row_of(setting.setting, setting.params, times, plans)
  row.recall, row.margin = recall_of(plans, truths)
  return row
end

--- All rows, the cheapest settings first and exact search last, and the number of documents that match.
local function measure_all(run, questions, settings)
  local exact, truths, code = measure_exact(run, questions)
  if not exact then
    return nil, truths, code -- message
  end
  local rows, matches = {}, exact.matches
  exact.matches = nil
  for i, setting in ipairs(#questions > 0 and settings or {}) do
    local message
    rows[i], message, code = measure_setting(run, questions, truths, setting)
    if not rows[i] then
      return nil, message, code
    end
  end
  if #questions > 0 then
    rows[#rows + 1] = exact
  end
  return rows, matches
end

--- Calls progress(done, total) after each search.
local function reporter(progress, total)
  local done = 0
  return function()
    done = done + 1
    if progress then
      progress(math.min(done, total), total)
    end
  end
end

--- Measures recall and latency of searches in a field. Returns the rows and a sentence of advice; types.lua describes
-- them. All searches read one commit. A failure while samples are drawn raises, as in iterate.
return function(collection, options)
  local name, samples, queries, topk, filter, args, recalls, efs, seed, progress =
    core.options("measure", options, "field", "samples", "queries", "topk", "filter", "args", "recalls", "efs", "seed",
      "progress")
  local field = field_of(collection.schema, name)
  samples = check.whole("measure", "samples", samples, SAMPLES_DEFAULT, 1, SAMPLES_MAX)
  topk = check.whole("measure", "topk", topk, TOPK_DEFAULT, 1, TOPK_MAX)
  seed = check.whole("measure", "seed", seed, 1, 1, 2147483646)
  check.callable("measure", "progress", progress)
  local settings = settings_of(recalls, efs)
  if field.index.type ~= "hnsw" then
    settings = {} -- search is exact
  end
  local questions = questions_of(collection, field, queries, samples, seed)
  local stats, message, code = collection:stats()
  if not stats then
    return nil, message, code
  end
  local rows, matches
  rows, matches, code = pinned.run(collection, function(search)
    return measure_all({
      search = search, field = field.name, topk = topk, sources = { { filter = filter, args = args } },
      report = reporter(progress, math.min(WARM_UP, #questions) + (2 * #settings + 1) * #questions),
    }, questions, settings)
  end)
  if not rows then
    return nil, matches, code -- message
  end
  return rows, advice_on {
    field = field, index = stats.indexes[field.name], rows = rows, matches = matches, filter = filter ~= nil,
    questions = #questions,
  }
end

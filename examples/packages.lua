-- Search over the descriptions of all Debian packages in this machine's package lists: by meaning, by words, and by
-- both.
--
--   lua5.4 examples/packages.lua                             a tour of questions
--   lua5.4 examples/packages.lua watch birds in the garden   your own question
--
-- The first run reads the package lists, learns from them what words mean, fills a collection and
-- builds the index. Later runs only open it. Each answer is compared with the exact one, found by
-- computing the distance to every vector. Options: --dir DIR, the directory of the collection
-- (default: build/demo), and --dump FILE, package lists to read instead of this machine's.

package.path = arg[0]:match("^(.-)[^/\\]*$") .. "?.lua;" .. package.path

local moonvec = require "moonvec"
local dump = require "packages.dump"

local BATCH = 1000
local TIMED_RUNS = 7

-- How the model reads texts. The text index of `summary` reads them in the same way.
local LANGUAGE = { language = "english", stop_words = true }

local PACKAGES = {
  name = "packages",
  fields = {
    { name = "summary", type = "string", index = { type = "text", language = "english", stop_words = true } },
    { name = "about", type = "string" },
    { name = "section", type = "string" },
    { name = "priority", type = "string" },
    { name = "size", type = "int64" }, -- KiB when installed
    { name = "homepage", type = "string", nullable = true },
    { name = "tags", type = "array_string", nullable = true }, -- like "use::viewing"
  },
  vectors = { { name = "embedding", type = "vector_fp32", embed = { from = "about", model = "words" } } },
}

-- Sections of packages that people rarely search for; see rerank().
local SUPPORTING = {}
for section in ([[
  debug doc golang haskell introspection java javascript libdevel libs lisp localization metapackages
  ocaml oldlibs perl php python ruby rust
]]):gmatch("%a+") do
  SUPPORTING[section] = true
end

-- Of the tour, questions about tags are left out if fewer packages have some: Ubuntu's have none.
local TAGGED_MIN = 1000

local TOUR = {
  { "tool to look at pictures" },
  { "tool to look at pictures", filter = "section = ? AND size < ?", args = { "graphics", 1000 } },
  { "play music in a terminal" },
  {
    "play music in a terminal",
    filter = "tags CONTAIN_ANY ?",
    args = { { "interface::commandline", "interface::text-mode" } },
  },
  { "edit video" },
  { "edit video", filter = "tags CONTAIN_ALL ?", args = { { "role::program", "uitoolkit::qt" } } },
  { "chess game" },
  { "chess game", filter = "section = 'games' AND size BETWEEN ? AND ?", args = { 1, 500 } },
  { "compress files" },
  { "compress files", filter = "priority IN ('required', 'important', 'standard')" },
  { "manage my passwords", filter = "homepage IS NOT NULL AND NOT summary LIKE '%library%'" },
  { "learn about the stars and planets", filter = "section IN ?", args = { { "education", "science" } } },
}

local function fail(message)
  io.stderr:write("packages.lua: ", message, "\n")
  os.exit(1)
end

-- Like assert(), but for runtime failures: prints the message without a traceback.
local function try(value, message)
  return value or fail(message)
end

local function thousands(number)
  local text = ("%d"):format(math.floor(number + 0.5)):reverse():gsub("(%d%d%d)", "%1,")
  return (text:reverse():gsub("^,", ""))
end

-- Returns a function(done, total) that shows progress on stderr: as a bar on a terminal, otherwise
-- as a line for every 10 %.
local function progress_bar(label)
  local status = os.execute("test -t 2")
  local on_terminal = status == true or status == 0 -- Lua 5.1 returns a number
  local shown = -1
  return function(done, total)
    local percent = total > 0 and math.floor(100 * done / total) or -1 -- a total of 0: nothing to do yet
    if on_terminal and percent > shown then
      local bar = ("#"):rep(math.floor(percent * 0.3))
      io.stderr:write(("\r%-22s [%-30s] %3d %%%s"):format(label, bar, percent, percent == 100 and "\n" or ""))
      shown = percent
    elseif math.floor(percent / 10) > math.floor(shown / 10) then
      io.stderr:write(("%s %3d %%\n"):format(label, percent))
      shown = percent
    end
  end
end

-- The text that is embedded.
local function about(package)
  return table.concat({ package.name, package.summary, package.text }, "\n")
end

-- The text that the model learns from: the words of the section and the tags are neighbours of the others, too.
local function lesson(package)
  local tags = table.concat(package.tags, " "):gsub("%S*::", "") -- "use::viewing" becomes "viewing"
  return table.concat({ package.name, package.summary, package.section, tags, package.text }, "\n")
end

local function document(package)
  return {
    id = package.name,
    summary = package.summary,
    about = about(package),
    section = package.section,
    priority = package.priority,
    size = package.size,
    homepage = package.homepage,
    tags = package.tags[1] and package.tags, -- nil is NULL
  }
end

local function learn(packages)
  local i = 0
  local model = try(moonvec.embed.learn(function()
    i = i + 1
    return packages[i] and lesson(packages[i])
  end, LANGUAGE))
  print(("learnt the meaning of %s words"):format(thousands(model.terms)))
  return model
end

local function build(paths, dump_file)
  local packages = try(dump.load(dump_file))
  print(("read the descriptions of %s packages"):format(thousands(#packages)))
  local model = learn(packages)

  -- Not synced, because an interrupted build starts again anyway; flush() syncs once at the end. No
  -- background maintenance, because optimize() then builds one index of everything.
  local options = { durability = "none", maintenance = "manual", models = { words = model } }
  local collection = try(moonvec.create_and_open(paths.packages, PACKAGES, options))
  local progress = progress_bar("filling the collection")
  local batch = {}
  for i, package in ipairs(packages) do
    batch[#batch + 1] = document(package)
    if #batch == BATCH or i == #packages then
      try(collection:insert(batch)) -- the model makes the vectors
      progress(i, #packages)
      batch = {}
    end
  end
  try(collection:optimize({ progress = progress_bar("building the index") }))
  try(collection:flush())
  try(model:save(paths.model))
  return collection
end

-- The model is saved last. So if it is there, the collection is complete.
local function open_or_build(dir, dump_file)
  local paths = { packages = dir .. "/packages.mv", model = dir .. "/words.model" }
  os.execute("mkdir -p '" .. dir:gsub("'", "'\\''") .. "'")
  local started, started_at = os.clock(), os.time()
  local model, message, code = moonvec.embed.load(paths.model)
  if code == "not_found" then
    moonvec.destroy(paths.packages) -- left by an interrupted build, or by an earlier version
    local packages = build(paths, dump_file)
    print(("built %s in about %d s"):format(dir, os.time() - started_at))
    return packages
  end
  local packages = try(moonvec.open(paths.packages, { models = { words = try(model, message) } }))
  local elapsed_ms = (os.clock() - started) * 1000
  print(("opened %s packages in %.1f ms"):format(thousands(packages:count()), elapsed_ms))
  return packages
end

-- Re-ranks in plain Lua: a higher score if the package name contains a word of the question, a
-- lower one if the package only supports others.
local function rerank(hit, query)
  local score = hit.score
  for word in query.text:lower():gmatch("%w%w%w+") do
    if hit.id:find(word, 1, true) then
      score = score + 0.05
    end
  end
  if SUPPORTING[hit.section] or hit.id:find("%-data$") or hit.id:find("%-common$") then
    score = score - 0.15
  end
  return score
end

-- At most `size` bytes of `text`, without cutting a UTF-8 character.
local function cut(text, size)
  if #text <= size then
    return text
  end
  return text:sub(1, size - 3):gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
end

-- Returns the median time of several runs of the query in µs, and its hits.
local function timed(packages, query)
  local times, hits = {}, nil
  for i = 1, TIMED_RUNS do
    local started = os.clock()
    hits = try(packages:query(query))
    times[i] = (os.clock() - started) * 1e6
  end
  table.sort(times)
  return times[math.ceil(#times / 2)], hits
end

-- How many of `hits` are among `others`.
local function count_common(hits, others)
  local ids, count = {}, 0
  for _, hit in ipairs(others) do
    ids[hit.id] = true
  end
  for _, hit in ipairs(hits) do
    count = count + (ids[hit.id] and 1 or 0)
  end
  return count
end

-- The filter with its arguments in place of the question marks, for people to read.
local function filter_text(filter, args)
  local n = 0
  return (filter:gsub("%?", function()
    n = n + 1
    local value = args[n]
    return type(value) == "table" and "(" .. table.concat(value, ", ") .. ")" or tostring(value)
  end))
end

local function names(hits)
  local list = {}
  for i, hit in ipairs(hits) do
    list[i] = hit.id
  end
  return #list > 0 and table.concat(list, ", ") or "nothing"
end

-- What a search for the words finds, and one for the words and the meaning.
local function print_by_words(packages, question, topk)
  local query = { text = question[1], topk = topk, filter = question.filter, args = question.args, output_fields = {} }
  print("  by words: " .. names(try(packages:query(query))))
  query.text = nil
  query.queries = { { field = "embedding", text = question[1] }, { field = "summary", text = question[1] } }
  print("  by both:  " .. names(try(packages:multi_query(query))))
end

-- Asks the question, and adds to `sums` what compare() prints.
local function ask(packages, question, topk, sums)
  if not question[1]:find("%w") then
    fail("there is no word to search for in '" .. question[1] .. "'")
  end
  local query = {
    field = "embedding",
    text = question[1],
    topk = topk,
    filter = question.filter,
    args = question.args,
    rerank = rerank,
  }
  local time_us, hits = timed(packages, query)
  query.explain = true
  local plan = try(packages:query(query))
  query.explain, query.params = nil, { exact = true }
  local exact_us, exact_hits = timed(packages, query)

  sums.questions = sums.questions + 1
  sums.time_us = sums.time_us + time_us
  sums.distances = sums.distances + plan.exact_distances + plan.code_distances
  sums.exact_us = sums.exact_us + exact_us
  sums.exact_hits = sums.exact_hits + #exact_hits
  sums.common = sums.common + count_common(hits, exact_hits)

  print(("\n%-80s %8s µs"):format(question[1], thousands(time_us)))
  if question.filter then
    print("  where " .. filter_text(question.filter, question.args))
  end
  for _, hit in ipairs(hits) do
    local size, summary = thousands(hit.size), cut(hit.summary, 42)
    print(("  %5.2f  %-22s %-9s %9s KiB  %s"):format(hit.score, hit.id, hit.section, size, summary))
  end
  if #hits == 0 then
    print("  nothing found")
  end
  print_by_words(packages, question, topk)
end

local function compare(sums, vectors)
  local function mean(sum)
    return thousands(sum / sums.questions)
  end
  print(("\n%s µs a question: %s distances computed, among %s vectors"):format(
    mean(sums.time_us), mean(sums.distances), thousands(vectors)))
  print(("%s µs with exact search, and %d of its %d hits are those above"):format(
    mean(sums.exact_us), sums.common, sums.exact_hits))
end

local function main()
  local dir, dump_file, words = "build/demo", nil, {}
  local i = 1
  while arg[i] do
    if arg[i] == "--dir" or arg[i] == "--dump" then
      local value = arg[i + 1] or fail(arg[i] .. " needs a path")
      if arg[i] == "--dir" then
        dir = value
      else
        dump_file = value
      end
      i = i + 1
    else
      words[#words + 1] = arg[i]
    end
    i = i + 1
  end

  local packages = open_or_build(dir, dump_file)
  local questions, topk = TOUR, 3
  local has_tags = packages:count("array_length(tags) > 0") >= TAGGED_MIN
  if words[1] then
    questions, topk = { { table.concat(words, " ") } }, 10
  end
  local sums = { questions = 0, time_us = 0, distances = 0, exact_us = 0, exact_hits = 0, common = 0 }
  for _, question in ipairs(questions) do
    if has_tags or not (question.filter or ""):find("tags", 1, true) then
      ask(packages, question, topk, sums)
    end
  end
  compare(sums, packages:count())
  packages:close()
end

main()

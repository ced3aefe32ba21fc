-- game.lua: the CPU time that a game's memory takes in a frame. What is measured and how to read it: bench/README.md.

package.path = "bench/support/?.lua;" .. package.path
local moonvec = require "moonvec"
local harness = require "harness"
local tools = require "tools"

local options = harness.options {
  memories = 10000, dim = 384, frames = 6000, rounds = 5, slice_ms = 0.5, topk = 5, core = 1, seed = 1,
}
local PARTS = { "insert", "query", "optimize", "frame" }
local WHO = { "Ada", "Bo", "Cleo", "Dan", "Eve" }
local FRAME_MS, BATCH = 2, 500 -- what a frame may take; memories of one commit when the game is loaded

-- The game has the ids of its memories, and what each one is: so a hit needs no new string.
local ids = {}
for i = 1, options.memories + options.frames do ids[i] = tostring(i) end

--- A collection of memories that is full: from now on each new memory replaces the oldest one.
local function load_game(vectors)
  local c = assert(moonvec.open(":memory:", { maintenance = "manual", schema = {
    fields = { { name = "who", type = "string", index = "invert" } },
    vectors = { { name = "meaning", type = "vector_fp32", dim = options.dim } },
    max_documents = options.memories, evict = "oldest",
  } }))
  for from = 1, options.memories, BATCH do
    local batch = {}
    for i = from, math.min(from + BATCH - 1, options.memories) do
      batch[#batch + 1] = { id = ids[i], who = WHO[i % #WHO + 1], meaning = vectors[i] }
    end
    assert(c:insert(batch))
  end
  assert(c:optimize())
  return c
end

--- A query that is asked again and again: the ids of the nearest memories of args[1].
local function new_question(args, hits)
  return { topk = options.topk, filter = "who = ?", args = args, output_fields = {}, into = hits }
end

--- Plays the game. Returns the milliseconds of CPU time of each frame, by part.
local function play(vectors)
  local c, times = load_game(vectors), { insert = {}, query = {}, optimize = {}, frame = {} }
  local memory, args, hits = {}, {}, {}
  local question = new_question(args, hits)
  collectgarbage()
  for frame = 1, options.frames do
    local new = options.memories + frame
    memory.id, memory.who, memory.meaning = ids[new], WHO[new % #WHO + 1], vectors[new]
    question.vector, args[1] = vectors[frame % options.memories + 1], WHO[frame % #WHO + 1]
    local began = os.clock()
    assert(c:insert(memory))
    local inserted = os.clock()
    assert(c:query(question))
    local asked = os.clock()
    assert(c:optimize { budget_ms = options.slice_ms })
    local ended = os.clock()
    times.insert[frame], times.query[frame] = (inserted - began) * 1e3, (asked - inserted) * 1e3
    times.optimize[frame], times.frame[frame] = (ended - asked) * 1e3, (ended - began) * 1e3
  end
  assert(c:count() == options.memories)
  c:close()
  return times
end

--- Bytes of garbage that a query makes, of many in a row.
local function garbage_of_query(vectors)
  local c, args, hits = load_game(vectors), { WHO[1] }, {}
  local question = new_question(args, hits)
  question.vector = vectors[1]
  assert(c:query(question))
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  for i = 1, 1000 do
    question.vector = vectors[i % #vectors + 1]
    assert(c:query(question))
  end
  local bytes = (collectgarbage "count" - before) * 1024 / 1000
  collectgarbage "restart"
  c:close()
  return bytes
end

--- Of each frame its smallest time of all rounds: rounds do the same work, so what is left is not the machine's.
local function least_of(rounds, part)
  local least = {}
  for frame = 1, options.frames do
    least[frame] = math.huge
    for _, times in ipairs(rounds) do least[frame] = math.min(least[frame], times[part][frame]) end
  end
  return least
end

local function row_of(name, times)
  local sorted, above = {}, 0
  for i, time in ipairs(times) do
    sorted[i] = time
    above = above + (time > FRAME_MS and 1 or 0)
  end
  table.sort(sorted)
  return { name, ("%.3f"):format(sorted[math.ceil(#sorted / 2)]), ("%.3f"):format(sorted[math.ceil(#sorted * 0.99)]),
    ("%.3f"):format(sorted[#sorted]), above }
end

local is_pinned = harness.os.pin(options.core)
local report = harness.report("game", "CPU time that memories of characters take in a frame", options.seed)
report:line("%s memories of %d dims; in a frame one memory more, the nearest %d of one of %d characters, and %g ms of "
  .. "optimize", harness.number(options.memories), options.dim, options.topk, #WHO, options.slice_ms)
report:line("%s frames in each of %d rounds%s; milliseconds of CPU time",
  harness.number(options.frames), options.rounds, is_pinned and "" or "; not pinned to a core")
report:line()

local vectors = tools.vectors(tools.data(0, options.memories + options.frames, options.dim, options.seed), options.dim)
local rounds = {}
for round = 1, options.rounds do rounds[round] = play(vectors) end

local rows = { { "", "p50", "p99", "max", "above 2 ms" } }
for round, times in ipairs(rounds) do rows[#rows + 1] = row_of("round " .. round, times.frame) end
for _, part in ipairs(PARTS) do rows[#rows + 1] = row_of("least: " .. part, least_of(rounds, part)) end
report:table(rows)
report:line("garbage of a query: %.1f bytes", garbage_of_query(vectors))
report:finish(options.save)

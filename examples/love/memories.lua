--- The memories of all characters: a collection in memory, which is saved when the game ends.

local meaning = require "meaning"
local moonvec = require "library"

local M = {}

-- The oldest memories fade. Each frame, optimize has this part of a millisecond.
local MOST, SLICE_MS = 10000, 0.5
local FILE = "memories.dump"
local DAMAGED = "memories.damaged" -- where a file is kept that is no dump

local OPEN = { maintenance = "manual" } -- no threads: optimize works when the game calls it
local SCHEMA = {
  fields = {
    { name = "who", type = "string", index = "invert" },
    { name = "text", type = "string" },
    { name = "feeling", type = "float" },
  },
  vectors = { { name = "meaning", type = "vector_fp32", dim = meaning.DIM } },
  max_documents = MOST, evict = "oldest",
}

local collection
local told = {} -- by id, what a memory tells: { text, feeling }. So hits need only ids, which are strings that exist
local known = {} -- by character, the texts that it has ever remembered, as keys
local last = 0 -- the number of the last memory

-- These tables are used again in each frame, so that a query makes no garbage.
local memory, slice = {}, { budget_ms = SLICE_MS }
local question = { topk = 8, filter = "who = ?", args = {}, output_fields = {} }

local function keep(id, who, text, feeling)
  told[id] = { text = text, feeling = feeling }
  known[who] = known[who] or {}
  known[who][text] = true
end

--- The memories that were saved, or nil. A file that is damaged, such as by a power cut while it was written, is set
-- aside: the game begins without memories, and a line on standard output says so.
local function load_saved()
  local dump = love.filesystem.read(FILE)
  if not dump then
    return nil
  end
  local saved, message, code = moonvec.load(dump, OPEN)
  if not saved then
    assert(code == "corrupt", message)
    assert(love.filesystem.write(DAMAGED, dump))
    love.filesystem.remove(FILE)
    print(("%s is damaged, and is now %s: %s"):format(FILE, DAMAGED, message))
  end
  return saved
end

--- Opens the memories that were saved, or none.
function M.open()
  collection = load_saved() or assert(moonvec.create_and_open(":memory:", SCHEMA, OPEN))
  for one in collection:iterate { output_fields = { "who", "text", "feeling" } } do
    keep(one.id, one.who, one.text, one.feeling)
    last = math.max(last, tonumber(one.id))
  end
end

--- From now on `who` remembers the text, and how it felt: more than 0 is good, less is bad.
function M.remember(who, text, feeling)
  last = last + 1
  memory.id, memory.who, memory.text, memory.feeling = tostring(last), who, text, feeling
  memory.meaning = meaning.of(text)
  assert(collection:insert(memory))
  keep(memory.id, who, text, feeling)
  told[tostring(last - MOST)] = nil
end

--- Whether `who` has ever remembered this text.
function M.knows(who, text)
  return known[who] ~= nil and known[who][text] ~= nil
end

--- Fills the array `hits` with what is nearest to the text of all that `who` remembers, the nearest first.
function M.recall(who, text, hits)
  question.args[1], question.vector, question.into = who, meaning.of(text), hits
  assert(collection:query(question))
end

--- What a hit tells: { text, feeling }.
function M.told(hit)
  return told[hit.id]
end

--- Does a part of the work that keeps searches fast.
function M.tidy()
  assert(collection:optimize(slice))
end

function M.count()
  return #collection
end

--- Forgets everything.
function M.forget()
  collection:close()
  love.filesystem.remove(FILE)
  told, known, last = {}, {}, 0
  M.open()
end

function M.save()
  assert(love.filesystem.write(FILE, assert(collection:dump())))
  collection:close()
end

return M

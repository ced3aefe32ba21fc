-- A game whose characters remember: in each frame something happens and is remembered, a character recalls what it is
-- like, and optimize gets a slice of the frame. All is in memory; dump() and moonvec.load save and restore it.

local moonvec = require "moonvec"

local FRAMES = tonumber(arg[1]) or 600 -- ten seconds of a game
local DIM, SLICE_MS = 64, 1

local memories = assert(moonvec.open(":memory:", { maintenance = "manual", schema = {
  fields = {
    { name = "who", type = "string", index = "invert" },
    { name = "what", type = "string" },
  },
  vectors = { { name = "meaning", type = "vector_fp32", dim = DIM } },
  max_documents = 10000, -- the oldest memories fade
  evict = "oldest",
} }))

local WHO = { "Ada", "Bo", "Cleo" }
local DID = { "saw a wolf", "heard a wolf", "found a coin", "lost a coin", "met a smith", "fought a smith" }
local WHERE = { "in the woods", "by the river", "at the market", "in the ruins" }

-- In place of a model of embeddings: each word has numbers of its own, and a text has their sum.
local function embed(text)
  local vector = {}
  for i = 1, DIM do vector[i] = 0 end
  for word in text:gmatch("%a+") do
    local state = 7
    for i = 1, #word do state = (state * 31 + word:byte(i)) % 2147483647 end
    for i = 1, DIM do
      state = state * 16807 % 2147483647
      vector[i] = vector[i] + state / 1073741823.5 - 1
    end
  end
  return vector
end

local hits = {} -- filled again by each query: no garbage
local longest = 0
for frame = 1, FRAMES do
  local began = os.clock()
  local who = WHO[frame % #WHO + 1]
  local what = DID[math.random(#DID)] .. " " .. WHERE[math.random(#WHERE)]
  assert(memories:insert { id = frame, who = who, what = what, meaning = embed(what) })
  assert(memories:query { vector = embed("a wolf"), topk = 3, filter = "who = ?", args = { who }, into = hits })
  assert(memories:optimize { budget_ms = SLICE_MS })
  longest = math.max(longest, (os.clock() - began) * 1000)
end

print(("%s remembers of wolves:"):format(WHO[FRAMES % #WHO + 1]))
for _, hit in ipairs(hits) do print(("  %s (%.2f)"):format(hit.what, hit.score)) end
print(("%d memories after %d frames, the longest of which took %.1f ms"):format(memories:count(), FRAMES, longest))
memories:close()

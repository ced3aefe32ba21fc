-- A collection in memory, and search in it, as a module for programs that host Lua: docs/hosts/others.md loads it in
-- each. A program of your own opens a collection on disk, with vectors of a model.

local moonvec = require "moonvec"

local notes = assert(moonvec.open(":memory:", { schema = {
  fields = { { name = "text", type = "string", index = "text" } },
  vectors = { { name = "letters", type = "vector_fp32", dim = 26 } },
} }))

-- In place of a model of embeddings: how often a text has each letter.
local function letters(text)
  local counts = {}
  for i = 1, 26 do
    counts[i] = 0.01
  end
  for letter in text:lower():gmatch "[a-z]" do
    local i = letter:byte() - 96
    counts[i] = counts[i] + 1
  end
  return counts
end

for id, text in ipairs {
  "Tomatoes want sun, and water in the morning",
  "The certificate of the web server is renewed by certbot",
  "The printer on the second floor needs toner",
} do
  assert(notes:insert { id = id, text = text, letters = letters(text) })
end

local M = {}

--- The text of the note that fits the words best.
function M.search(words)
  local hits = assert(notes:query { text = words, vector = letters(words), topk = 1 })
  return hits[1].text
end

return M

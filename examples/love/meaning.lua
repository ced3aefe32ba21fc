--- What a text means, as a vector. In place of a model of embeddings each word has numbers of its own, and a text has
-- their sum: so texts are near each other that share words.

local moonvec = require "library"

local M = { DIM = 384 }

-- Words that say little have little weight.
local WEIGHTS = { the = 0.1, ["in"] = 0.1, at = 0.1, by = 0.1, me = 0.2, saw = 0.3 }

local known = {} -- the vectors of texts, packed: what happens in a village happens again

local function add_word(vector, word)
  local state, weight = 7, WEIGHTS[word] or 1
  for i = 1, #word do
    state = (state * 31 + word:byte(i)) % 2147483647
  end
  for i = 1, M.DIM do
    state = state * 16807 % 2147483647
    vector[i] = vector[i] + weight * (state / 1073741823.5 - 1)
  end
end

function M.of(text)
  if not known[text] then
    local vector = {}
    for i = 1, M.DIM do
      vector[i] = 0
    end
    for word in text:gmatch "%a+" do
      add_word(vector, word)
    end
    known[text] = moonvec.pack(vector)
  end
  return known[text]
end

return M

-- Converts texts into vectors. It learns from the texts alone, so there is no model to download.
--
-- Random indexing (Sahlgren 2005). Every term has an index vector: a few +1 and -1 at positions
-- that a hash of the term chooses, so that any two are nearly orthogonal. The meaning of a term is
-- the sum of the index vectors of its neighbours, the terms that appear in the same texts. Each is
-- weighted by how much more often the two appear together than by chance (positive pointwise
-- mutual information). "image" and "picture" have the same neighbours, so their vectors have a
-- similar direction, although hardly any text contains both. The vector of a text is the sum of
-- the vectors of its terms, where rare terms weigh more.
--
-- A real program would call a neural embedding model instead; its use of moonvec would be the same.

local words = require "packages.words"

local M = {}

M.DIM = 256

local NONZERO = 8 -- numbers of an index vector that are not 0; results are the same with 4 to 16
local CHANCE = 5 -- two terms that are together in this number of texts count by half
local CONTEXT_MAX = 32 -- terms of a text that are neighbours: the work grows with the square
local TAG_WEIGHT, TEXT_WEIGHT = 0.5, 0.5 -- name and summary have weight 1

local DIM = M.DIM
local floor, log, sqrt = math.floor, math.log, math.sqrt

local function zeros()
  local vector = {}
  for i = 1, DIM do
    vector[i] = 0.0
  end
  return vector
end

local function normalize(vector)
  local square = 0.0
  for i = 1, DIM do
    square = square + vector[i] * vector[i]
  end
  local scale = square > 0 and 1 / sqrt(square) or 0
  for i = 1, DIM do
    vector[i] = vector[i] * scale
  end
  return vector
end

-- The positions in a term's index vector that are not 0; a negative position means -1. This does not
-- use math.random, so that all Lua versions give the same: all products are below 2^53, where
-- doubles are exact.
local function index_vector(term)
  local hash = 5381
  for i = 1, #term do
    hash = (hash * 33 + term:byte(i)) % 4294967296
  end
  local positions = {}
  for i = 1, NONZERO do
    hash = (hash * 1664525 + 1013904223) % 4294967296
    local position = floor(hash / 4294967296 * 2 * DIM) -- the high bits are the random ones
    positions[i] = position < DIM and position + 1 or DIM - position - 1
  end
  return positions
end

-- vector += scale * the index vector
local function add_index(vector, positions, scale)
  for i = 1, NONZERO do
    local position = positions[i]
    if position > 0 then
      vector[position] = vector[position] + scale
    else
      vector[-position] = vector[-position] - scale
    end
  end
end

--- The terms of several texts, each once, with the weight of the first text that contains it:
--- { terms = {...}, weights = {...} }. `texts` is an array of { text, weight }.
local function bag_of(texts)
  local terms, weights, seen = {}, {}, {}
  for _, text in ipairs(texts) do
    for term in words.terms(text[1]) do
      if not seen[term] then
        seen[term] = true
        terms[#terms + 1], weights[#weights + 1] = term, text[2]
      end
    end
  end
  return { terms = terms, weights = weights }
end

--- The bag of terms of a package from dump.lua; it has at least one.
function M.package_bag(package)
  local tags = {}
  for i, tag in ipairs(package.tags) do
    tags[i] = tag:match("::(.*)") or tag -- "use::viewing" becomes "viewing"
  end
  local bag = bag_of({
    { package.name, 1 },
    { package.summary, 1 },
    { package.section, TAG_WEIGHT },
    { table.concat(tags, " "), TAG_WEIGHT },
    { package.text, TEXT_WEIGHT },
  })
  if #bag.terms == 0 then
    bag.terms[1], bag.weights[1] = package.name, 1
  end
  return bag
end

--- The bag of terms of a question; empty if it has only stop words.
function M.question_bag(question)
  return bag_of({ { question, 1 } })
end

-- Returns the number of bags that contain each term, and the terms that are in two or more bags.
local function frequencies(bags)
  local frequency, shared = {}, {}
  for _, bag in ipairs(bags) do
    for _, term in ipairs(bag.terms) do
      local count = (frequency[term] or 0) + 1
      frequency[term] = count
      if count == 2 then
        shared[#shared + 1] = term
      end
    end
  end
  return frequency, shared
end

-- neighbours[a][b]: the number of bags that contain both the terms number a and b.
local function cooccurrences(bags, terms)
  local number, neighbours = {}, {}
  for i, term in ipairs(terms) do
    number[term], neighbours[i] = i, {}
  end
  for _, bag in ipairs(bags) do
    local present, count = {}, 0
    for i = 1, math.min(#bag.terms, CONTEXT_MAX) do
      local n = number[bag.terms[i]]
      if n then
        count = count + 1
        present[count] = n
      end
    end
    for i = 1, count do
      local others = neighbours[present[i]]
      for j = 1, count do
        local other = present[j]
        others[other] = (others[other] or 0) + 1
      end
    end
  end
  return neighbours
end

-- The sum of the index vectors of a term's neighbours. NOTE: singular value decomposition of the
-- same matrix was tried instead of the sum; results were no better and it took longer.
local function context_vector(self, others, count, frequency, indexes)
  local vector = zeros()
  for other, together in pairs(others) do
    local information = log(together * count / (frequency[self] * frequency[other]))
    if information > 0 and other ~= self then
      -- The fraction reduces the weight of pairs that are rare and so may be chance.
      add_index(vector, indexes[other], information * together / (together + CHANCE))
    end
  end
  return vector
end

-- Very frequent terms ("program", "utility") give all context vectors a common direction. Without it
-- they discriminate better (Mu and Viswanath 2018, "All-but-the-top").
local function remove_common_direction(vectors, frequency)
  local common = zeros()
  for n, vector in ipairs(vectors) do
    for i = 1, DIM do
      common[i] = common[i] + frequency[n] * vector[i]
    end
  end
  normalize(common)
  for _, vector in ipairs(vectors) do
    local along = 0.0
    for i = 1, DIM do
      along = along + vector[i] * common[i]
    end
    for i = 1, DIM do
      vector[i] = vector[i] - along * common[i]
    end
  end
end

--- Learns what the terms of `bags` mean. Returns { count = #bags, terms = { [term] = { embedding =
--- array of DIM numbers, weight = number } } }. Terms that are in only one bag are left out, because
--- embed() computes their vectors from the term alone.
function M.learn(bags)
  local frequency, terms = frequencies(bags)
  local neighbours = cooccurrences(bags, terms)
  local indexes, vectors, counts = {}, {}, {}
  for n, term in ipairs(terms) do
    indexes[n], counts[n] = index_vector(term), frequency[term]
  end
  for n in ipairs(terms) do
    vectors[n] = normalize(context_vector(n, neighbours[n], #bags, counts, indexes))
  end
  remove_common_direction(vectors, counts)

  local model = { count = #bags, terms = {} }
  for n, term in ipairs(terms) do
    local vector = normalize(vectors[n])
    add_index(vector, indexes[n], 1 / sqrt(NONZERO)) -- the same word counts as much as a related one
    model.terms[term] = { embedding = vector, weight = log(1 + #bags / counts[n]) }
  end
  return model
end

--- The vector of a bag: an array of DIM numbers, normalized to length 1. `model` only needs the terms
--- of the bag, so it may be made of terms fetched from a collection.
function M.embed(model, bag)
  local sum = zeros()
  for i, term in ipairs(bag.terms) do
    local known = model.terms[term]
    if known then
      local vector, weight = known.embedding, known.weight * bag.weights[i]
      for k = 1, DIM do
        sum[k] = sum[k] + weight * vector[k]
      end
    else
      local weight = log(1 + model.count) * bag.weights[i]
      add_index(sum, index_vector(term), weight / sqrt(NONZERO))
    end
  end
  return normalize(sum)
end

return M

-- Splits text into terms: lower-case words without their endings, so that "viewing", "viewer" and
-- "views" all become "view". This is a light stemmer: the result may not be a word ("picture"
-- becomes "pictur"), which does no harm, because questions are stemmed the same way.

local M = {}

-- Words that tell nothing about a package. Common words that do ("tool", "files") are not in this
-- list: their frequency makes their weight small (embed.lua).
local STOP_WORDS = {}
local STOP_TEXT = [[
  a an and any are as at be by can do for from how i in into is it its me my of on or that the their
  this to want what which with you your
]]
for word in STOP_TEXT:gmatch("%a+") do
  STOP_WORDS[word] = true
end

local ENDINGS = { "ing", "ed", "er", "or" }

local function without_plural(word)
  if #word > 4 and word:find("ies$") then
    return word:sub(1, -4) .. "y"
  elseif word:find("sses$") then
    return word:sub(1, -3)
  elseif word:find("[^suiy]s$") then
    return word:sub(1, -2)
  end
  return word
end

local function without_ending(word)
  for _, ending in ipairs(ENDINGS) do
    local rest = word:sub(1, -#ending - 1)
    if word:sub(-#ending) == ending and #rest >= 3 and rest:find("[aeiouy]") then
      if rest:find("([bdgmnprt])%1$") and (ending == "ing" or #rest > 4) then
        return rest:sub(1, -2) -- "plotter" is "plot", but "letter" is not "let"
      end
      return rest
    end
  end
  if #word >= 7 and word:find("[st]ion$") then
    return word:sub(1, -4) -- "compression" is "compress"
  end
  return word
end

local stems = {} -- a cache, word -> stem, because texts repeat their words

local function stem(word)
  local cut = stems[word]
  if not cut then
    cut = word
    if #word > 3 then
      cut = without_ending(without_plural(word))
      cut = #cut > 3 and cut:gsub("e$", "") or cut
    end
    stems[word] = cut
  end
  return cut
end

--- Iterates over the terms of `text`, in order.
function M.terms(text)
  local next_word = text:lower():gmatch("%w%w+")
  return function()
    for word in next_word do
      if not STOP_WORDS[word] then
        return stem(word)
      end
    end
  end
end

return M

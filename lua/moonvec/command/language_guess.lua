--- Which text index suits a text: for English the stems of its words, if the engine has them, else words as they are.

local moonvec = require "moonvec"

local M = {}

-- These words make up more than a tenth of any longer English text, and nearly nothing of others.
local ENGLISH = {
  the = true, of = true, ["and"] = true, to = true, is = true, that = true, ["for"] = true, with = true, this = true,
  be = true, are = true, it = true, a = true,
}
local SHARE_MIN = 0.06
local WORDS_MIN = 20

--- Whether the texts look like English.
local function is_english(texts, progress)
  local words, english = 0, 0
  for _, text in ipairs(texts) do
    for word in text:gmatch "[%a\128-\255]+" do
      words = words + 1
      english = english + (ENGLISH[word:lower()] and 1 or 0)
    end
    progress()
  end
  return words >= WORDS_MIN and english / words >= SHARE_MIN
end

local function is_possible(index)
  return pcall(moonvec.schema, { fields = { { name = "text", type = "string", index = index } } })
end

local function nothing() end

--- The text index for such texts. `tokenizer`: "unicode" (default) or "code". `stop_words`: whether it leaves out the
-- most frequent words, which suits long texts and questions. Without the libraries that it needs, an engine has only
-- "whitespace". progress() is called after each text; it may yield.
function M.text_index(texts, tokenizer, stop_words, progress)
  local index = { type = "text", tokenizer = tokenizer }
  if is_english(texts, progress or nothing) then
    index.language, index.stop_words = "english", stop_words
  end
  if not is_possible(index) then
    index.language, index.stop_words = nil, nil
  end
  return is_possible(index) and index or { type = "text", tokenizer = "whitespace" }
end

return M

-- /cache: answers to questions that mean the same. Where nothing is found, the caller asks its language model, and
-- stores the answer.

local cache_module = require "resty.moonvec.cache"
local json_api = require "json_api"

local ngx = ngx

local cache = assert(cache_module.new {
  path = ngx.config.prefix() .. "answers.mv", dim = 4, ttl = 3600, min_score = 0.95, max_documents = 100000,
  dict = "cache_counts",
})

local M = {}

local function look_up_or_store(body)
  local options = { partition = body.partition }
  local found, message, code
  if body.answer then
    found, message, code = cache:set(body.question, body.answer, options)
    found = found and { stored = true }
  else
    found, message, code = cache:get(body.question, options)
    found = found and { answer = found.value, score = found.score, age = found.age }
  end
  if not found and not message then
    return { answer = nil, miss = true }
  end
  return found, message, code
end

--- POST { "question": [...] } looks up; with "answer" it stores. "partition": whose answers these are.
function M.answer()
  local body = json_api.read { question = "table", answer = "string nil", partition = "string nil" }
  json_api.answer(look_up_or_store, body)
end

--- GET: hits, misses, entries.
function M.status()
  json_api.answer(cache.stats, cache)
end

return M

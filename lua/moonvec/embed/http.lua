--- moonvec.embed.http: a model behind a server of the OpenAI-compatible protocol (POST .../v1/embeddings), as OpenAI,
-- Azure, Ollama, llama.cpp, vLLM, text-embeddings-inference and others speak it.
--
-- Texts are sent in batches. A batch that the server refuses is halved until the text that it does not take is alone,
-- so that one text that is too long costs no other its vector.

local answers = require "moonvec.embed.http_answer"
local check = require "moonvec.check"
local client = require "moonvec.embed.http_client"
local core = require "moonvec.core"
local json = require "moonvec.json"
local retry = require "moonvec.embed.http_retry"
local utf8_text = require "moonvec.utf8_text"

local misuse = check.misuse

local M = {}

local BATCH_DEFAULT, BATCH_MAX = 128, 2048 -- the protocol allows 2,048
local RETRIES_DEFAULT, RETRIES_MAX = 4, 100
local TIMEOUT_DEFAULT = 60
local DIM_MAX = 65535

-- A server that asks for a longer wait, in seconds, is not waited for.
local WAIT_MAX = 60

-- What every model takes: it tells a server that refuses a text from one that refuses everything.
local SAMPLE = "moonvec"

-- Shorter values of headers are no secrets, and may stand in any message.
local SECRET_MIN = 6

-- Answers that say that the request itself is not accepted: a text is too long, or all of them together are.
local REFUSING = { [400] = true, [413] = true, [422] = true }

local function may_be_retried(status)
  return status == 408 or status == 425 or status == 429 or status >= 500 and status ~= 501
end

-- ---------------------------------------------------------------- one batch

--- The message without the key and the values of the user's headers.
local function without_secrets(state, message)
  for _, secret in ipairs(state.secrets) do
    local from, to = message:find(secret, 1, true)
    while from do
      message = message:sub(1, from - 1) .. "***" .. message:sub(to + 1)
      from, to = message:find(secret, from + 3, true)
    end
  end
  return message
end

local function failure(state, message)
  return without_secrets(state, ("%s: %s"):format(state.target.shown, message))
end

--- What is wrong with an answer that is no success.
local function refusal(answer)
  local status = answer.status
  if status >= 300 and status < 400 then
    local location = (answer.headers["location"] or "nowhere"):gsub("%?.*", "")
    return ("the server redirects (%d) to '%s'; give that URL if it is right"):format(status, core.quote(location))
  end
  local text = answers.error_message(answer.body)
  return ("status %d%s"):format(status, text and ": " .. text or "")
end

local function request_body(state, texts, encoding)
  local request = {}
  for name, value in pairs(state.fields) do
    request[name] = value
  end
  request.model, request.input, request.encoding_format = state.model, json.array(texts), encoding
  return json.encode(request)
end

--- Sends a body until there is an answer that is not worth another attempt. Returns the answer, or nil, message.
local function send(state, body)
  local attempt = 0
  while true do
    attempt = attempt + 1
    local answer, message, is_final = client.post(state.target, state.headers, body, state.timeout)
    if answer and not may_be_retried(answer.status) then
      return answer
    end
    message = message or refusal(answer)
    local wait = answer and retry.asked(answer.headers) or retry.backoff(attempt, client.now())
    if is_final then
      return nil, failure(state, message)
    elseif attempt > state.retries then
      return nil, failure(state, attempt == 1 and message or ("%s (%d attempts)"):format(message, attempt))
    elseif wait > WAIT_MAX then
      return nil, failure(state, ("%s (the server asks to wait for %.0f s)"):format(message, wait))
    end
    state.sleep(wait)
  end
end

--- The vectors of these texts, packed. nil, message, is_refused: `is_refused` says that the server does not take them.
local function ask(state, texts)
  local answer, message = send(state, request_body(state, texts, state.encoding))
  -- Servers that know no encoding but numbers may refuse to be asked for another one.
  if answer and REFUSING[answer.status] and not state.has_answered and state.encoding then
    local other = send(state, request_body(state, texts, nil))
    if other and other.status < 300 then
      answer, state.encoding = other, nil
    end
  end
  if not answer then
    return nil, message
  elseif answer.status < 200 or answer.status >= 300 then
    return nil, failure(state, refusal(answer)), REFUSING[answer.status]
  end
  local rows
  rows, message = answers.vectors(answer.body, #texts)
  if not rows then
    return nil, failure(state, message)
  elseif state.dim and #rows[1] ~= state.dim * 4 then
    return nil, failure(state, ("the answer has vectors of %d numbers, 'dim' is %d"):format(#rows[1] / 4, state.dim))
  end
  state.has_answered = true
  return rows
end

--- Whether the server answers at all.
local function does_answer(state)
  return state.has_answered or ask(state, { SAMPLE }) ~= nil
end

-- ---------------------------------------------------------------- all texts

--- Fills in the vectors of the texts at places[first] to places[last] of `job`. nil, message: the server fails.
local function embed_range(state, job, first, last)
  local places, batch = job.places, {}
  for i = first, last do
    batch[#batch + 1] = job.texts[places[i]]
  end
  local rows, message, is_refused = ask(state, batch)
  if rows then
    for i = first, last do
      job.vectors[places[i]] = rows[i - first + 1]
    end
    return true
  elseif not is_refused or not does_answer(state) then
    return nil, message
  elseif first == last then
    job.vectors[places[first]], job.failures[places[first]] = false, message
    job.failed = job.failed + 1
    return true
  end
  local middle, failed = math.floor((first + last) / 2), job.failed
  local done
  done, message = embed_range(state, job, first, middle)
  if done then
    done, message = embed_range(state, job, middle + 1, last)
  end
  if done and failed == job.failed then -- no text was wrong: together they were too many
    state.batch = math.min(state.batch, middle - first + 1)
  end
  return done, message
end

--- The places of the texts that can be sent. The others fail here: JSON is UTF-8, and servers replace other bytes or
-- refuse the whole request.
local function sendable(texts, vectors, failures)
  local places = {}
  for i = 1, #texts do
    local text = texts[i]
    if type(text) ~= "string" then
      misuse("embed: texts[%d] must be a string, got a %s", i, type(text))
    end
    local invalid = utf8_text.first_invalid(text)
    if invalid then
      vectors[i], failures[i] = false, ("the text is not valid UTF-8 (byte %d)"):format(invalid)
    else
      places[#places + 1] = i
    end
  end
  return places
end

local function embed(state, texts)
  if type(texts) ~= "table" then
    misuse("embed: expected an array of texts, got a %s", type(texts))
  end
  local job = { texts = texts, vectors = {}, failures = {}, failed = 0 }
  job.places = sendable(texts, job.vectors, job.failures)
  local first = 1
  while first <= #job.places do
    local last = math.min(first + state.batch - 1, #job.places)
    local done, message = embed_range(state, job, first, last)
    if not done then
      return nil, message, "io"
    end
    first = last + 1
  end
  return job.vectors, next(job.failures) and job.failures or nil
end

-- ---------------------------------------------------------------- options

local function check_text(name, given, is_required)
  if given == nil and not is_required then
    return nil
  elseif type(given) ~= "string" or given == "" then
    misuse("embed.http: '%s' must be a text that is not empty, got %s", name,
      given == "" and "an empty one" or "a " .. type(given))
  end
  return given
end

local function check_url(url, verify, ca_file)
  local target, message = client.parse_url(check_text("url", url, true))
  if not target then
    misuse("embed.http: 'url' %s", message)
  end
  target.verify = check.flag("embed.http", "verify", verify, true)
  target.ca_file = check_text("ca_file", ca_file)
  return target
end

--- The headers of each request, and the values that no message may show.
local function check_headers(given, key)
  local headers, secrets = {
    ["Content-Type"] = "application/json", ["Accept"] = "application/json", ["Accept-Encoding"] = "identity",
    ["User-Agent"] = core.version:gsub(" ", "/"),
  }, {}
  if key then
    headers["Authorization"], secrets[1] = "Bearer " .. key, key
  end
  if given ~= nil and type(given) ~= "table" then
    misuse("embed.http: 'headers' must be a table of texts by name, got a %s", type(given))
  end
  for name, value in pairs(given or {}) do
    if not client.is_header_name(name) or not client.is_header_value(value) then
      misuse("embed.http: 'headers' has '%s', which cannot be set, or not to this value", core.quote(tostring(name)))
    end
    for other in pairs(headers) do
      headers[other] = other:lower() ~= name:lower() and headers[other] or nil
    end
    headers[name] = value
    secrets[#secrets + 1] = #value >= SECRET_MIN and value or nil
    secrets[#secrets + 1] = value:match "^Bearer (......+)$"
  end
  return headers, secrets
end

--- The key: `key`, or the value of the environment variable `key_env`. nil, message: that is not set.
local function find_key(key, key_env)
  if key ~= nil and key_env ~= nil then
    misuse "embed.http: 'key' and 'key_env' cannot be combined"
  end
  if check_text("key_env", key_env) then
    key = os.getenv(key_env)
    if not key or key == "" then
      return nil, ("the environment variable '%s' is not set, which should have the key"):format(core.quote(key_env))
    end
  end
  if key ~= nil and (type(key) ~= "string" or key == "" or not client.is_header_value(key)) then
    misuse "embed.http: the key must be a text that is not empty, without control characters"
  end
  return key
end

--- Fields of each request beside those of the protocol. With `shorten`, the dimension is one.
local function check_fields(given, shorten, dim)
  if given ~= nil and type(given) ~= "table" then
    misuse("embed.http: 'fields' must be a table, got a %s", type(given))
  elseif shorten and not dim then
    misuse "embed.http: 'shorten' needs 'dim'"
  end
  local fields = { dimensions = shorten and dim or nil }
  for name, value in pairs(given or {}) do
    if type(name) ~= "string" or name == "model" or name == "input" or name == "encoding_format" then
      misuse("embed.http: 'fields' has '%s', which cannot be given there", core.quote(tostring(name)))
    end
    fields[name] = value
  end
  return fields
end

--- Changes with all that vectors depend on: the URL without its query, which may have a key, the name of the model, the
-- dimension, and the other fields of the request.
local function fingerprint_of(state)
  local fields = json.encode(json.object(state.fields))
  local text = ("%s\n%s\n%d\n%s"):format(state.target.shown, state.model, state.dim, fields)
  return ("http:%s:%s"):format(state.model:gsub("[^%w.:/_-]", "_"):sub(1, 40), core.hash(text))
end

--- Makes a model of a server; moonvec.embed.http in types.lua describes the options. Without `dim` the server is asked
-- for it at once: nil, message, "io" if it does not answer.
function M.open(options)
  if type(options) ~= "table" then
    misuse("embed.http: expected a table of options, got a %s", type(options))
  end
  local url, model, key, key_env, batch, timeout, retries, dim, name, headers, fields, shorten, verify, ca_file, sleep =
    core.options("embed.http", options, "url", "model", "key", "key_env", "batch", "timeout", "retries", "dim", "name",
      "headers", "fields", "shorten", "verify", "ca_file", "sleep")
  local state = {
    target = check_url(url, verify, ca_file),
    model = check_text("model", model, true),
    batch = check.whole("embed.http", "batch", batch, BATCH_DEFAULT, 1, BATCH_MAX),
    timeout = check.positive("embed.http", "timeout", timeout, TIMEOUT_DEFAULT),
    retries = check.whole("embed.http", "retries", retries, RETRIES_DEFAULT, 0, RETRIES_MAX),
    dim = dim ~= nil and check.whole("embed.http", "dim", dim, nil, 1, DIM_MAX) or nil,
    sleep = check.callable("embed.http", "sleep", sleep, client.sleep),
    encoding = "base64",
  }
  state.fields = check_fields(fields, check.flag("embed.http", "shorten", shorten, false), state.dim)
  name = check_text("name", name) or state.model
  local found, message = find_key(key, key_env)
  if message then
    return nil, message, "io"
  end
  state.headers, state.secrets = check_headers(headers, found)
  if not state.dim then
    local rows
    rows, message = ask(state, { SAMPLE })
    if not rows then
      return nil, message, "io"
    end
    state.dim = math.floor(#rows[1] / 4)
  end
  return {
    name = name,
    dim = state.dim,
    fingerprint = fingerprint_of(state),
    embed = function(texts)
      return embed(state, texts)
    end,
  }
end

return M

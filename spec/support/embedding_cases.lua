-- What moonvec.embed.http must do with each behaviour of the server (embedding_behaviour.lua). The cases run over
-- LuaSocket in the spec, and over cosockets inside of nginx.

local json = require "moonvec.json"
local moonvec = require "moonvec"
local plain = require "spec.support.embedding_vectors"

local M = {}

local function equal(expected, given)
  expected, given = json.encode(expected), json.encode(given)
  if expected ~= given then
    error(("expected %s, got %s"):format(expected, given), 2)
  end
end

local function contains(text, part)
  if type(text) ~= "string" or not text:find(part, 1, true) then
    error(("expected a text with '%s', got %s"):format(part, tostring(text)), 2)
  end
end

local function lacks(text, part)
  if text:find(part, 1, true) then
    error(("expected no '%s' in '%s'"):format(part, text), 2)
  end
end

local function unpacked(vectors)
  for i, vector in ipairs(vectors) do
    vectors[i] = vector and moonvec.unpack(vector)
  end
  return vectors
end

local function vectors_of(texts)
  local vectors = {}
  for i, text in ipairs(texts) do
    vectors[i] = plain(text)
  end
  return vectors
end

--- The model of a behaviour. Waits do not take time; they are noted in model.waits.
local function model_of(env, behaviour, options)
  local waits = {}
  local all = {
    url = env.url .. "/" .. behaviour .. "/embeddings", model = "m", dim = 4, timeout = 10,
    sleep = function(seconds)
      waits[#waits + 1] = seconds
    end,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  all.dim = all.dim or nil -- false: ask the server
  local model, message, code = moonvec.embed.http(all)
  if model then
    model.waits = waits
  end
  return model, message, code
end

local TEXTS = { "first", "", "third text", "\195\164\0\"\n", ("long "):rep(1000) }

--- Embeds TEXTS; all must succeed.
local function embeds(env, behaviour, options)
  local model = assert(model_of(env, behaviour, options))
  local vectors, failures = model.embed(TEXTS)
  equal(vectors_of(TEXTS), vectors and unpacked(vectors) or failures)
  equal(nil, failures)
  return model
end

--- Embedding fails as a whole, with this message.
local function fails(env, behaviour, part, options)
  local model = assert(model_of(env, behaviour, options))
  local vectors, message, code = model.embed(TEXTS)
  equal(nil, vectors)
  contains(message, part)
  contains(message, "/" .. behaviour .. "/embeddings: ")
  equal("io", code)
  return model, message
end

local cases = {}
M.cases = cases

for _, behaviour in ipairs { "good", "numbers", "unordered", "chunked", "closes_between", "until_end", "interim",
                             "strange_chunks", "slow" } do
  cases["takes_an_answer_that_is_" .. behaviour] = function(env)
    local model = embeds(env, behaviour, { retries = 0 })
    embeds(env, behaviour)
    equal(vectors_of { "again" }, unpacked(model.embed { "again" }))
    equal({}, (model.embed {}))
  end
end

cases.sends_what_the_protocol_says = function(env)
  local model = embeds(env, "good", {
    key = "sk-123456", headers = { ["X-Custom"] = "yes", ["user-agent"] = "me" }, fields = { user = "u" },
    url = env.url .. "/good/embeddings?api-version=7",
  })
  local seen = env.seen "good"
  equal("/good/embeddings?api-version=7", seen.path)
  equal("Bearer sk-123456", seen.headers.authorization)
  equal("application/json", seen.headers["content-type"])
  equal("yes", seen.headers["x-custom"])
  equal("me", seen.headers["user-agent"])
  equal({ model = "m", input = TEXTS, encoding_format = "base64", user = "u" }, json.decode(seen.body))
  equal("m", model.name)
  equal(4, model.dim)
  for name, value in pairs(model) do
    if type(value) == "string" then
      lacks(value, "sk-123456")
      lacks(name .. value, "api-version")
    end
  end
end

cases.asks_for_shorter_vectors = function(env)
  embeds(env, "good", { shorten = true })
  equal(4, json.decode(env.seen("good").body).dimensions)
end

cases.takes_the_key_from_the_environment = function(env)
  embeds(env, "good", { key_env = env.key_variable })
  equal("Bearer " .. os.getenv(env.key_variable), env.seen("good").headers.authorization)
  local model, message, code = model_of(env, "good", { key_env = "MOONVEC_SPEC_NO_SUCH_KEY" })
  equal(nil, model)
  contains(message, "MOONVEC_SPEC_NO_SUCH_KEY")
  equal("io", code)
end

cases.sends_batches = function(env)
  local before = env.seen("good").count
  embeds(env, "good", { batch = 2 })
  equal(3, env.seen("good").count - before)
  equal({ TEXTS[5] }, json.decode(env.seen("good").body).input)
end

cases.asks_for_the_dimension = function(env)
  equal(4, assert(model_of(env, "good", { dim = false })).dim)
  local model, message, code = model_of(env, "always_500", { dim = false })
  equal(nil, model)
  contains(message, "status 500 (5 attempts)")
  equal("io", code)
end

cases.uses_numbers_where_base64_is_refused = function(env)
  embeds(env, "only_numbers")
  equal(nil, json.decode(env.seen("only_numbers").body).encoding_format)
  local model = embeds(env, "only_numbers", { dim = false, retries = 0 })
  local before = env.seen("only_numbers").count
  assert(model.embed { "again" })
  equal(1, env.seen("only_numbers").count - before)
end

cases.has_one_deadline = function(env)
  for _, behaviour in ipairs { "hangs", "drips" } do
    local start = env.now()
    fails(env, behaviour, "no answer within 0.3 s", { timeout = 0.3, retries = 0 })
    local took = env.now() - start
    assert(took > 0.25 and took < 5, took)
  end
end

cases.tries_again_when_the_connection_fails = function(env)
  -- Of a connection that was open before, the first failure is no attempt.
  local model = embeds(env, "flaky_connection")
  equal(3, env.seen("flaky_connection").count)
  assert(#model.waits == 2 or #model.waits == 1)
  for _, behaviour in ipairs { "closes", "cut", "cut_chunk" } do
    local before = env.seen(behaviour).count
    model = fails(env, behaviour, behaviour == "closes" and "the server closed the connection without an answer"
      or "the answer ends too early", { retries = 2 })
    equal(2, #model.waits)
    local asked = env.seen(behaviour).count - before
    assert(asked == 3 or asked == 4 and behaviour == "closes", asked)
  end
end

cases.backs_off_more_and_more = function(env)
  local model, message = fails(env, "always_500", "status 500", { retries = 8 })
  contains(message, "(9 attempts)")
  lacks(message, "html")
  for i, wait in ipairs(model.waits) do
    local longest = math.min(20, 0.5 * 2 ^ (i - 1))
    assert(wait >= longest / 2 and wait <= longest, wait)
  end
  equal(8, #model.waits)
end

cases.tries_again_after_errors_of_the_server = function(env)
  local model = embeds(env, "flaky")
  equal(3, #model.waits)
end

cases.waits_as_long_as_the_server_asks = function(env)
  local model, message = fails(env, "limited", "later (the server asks to wait for 62 s)")
  lacks(message, "attempts")
  assert(#model.waits == 3 and model.waits[1] == 7 and model.waits[3] == 1.25)
  assert(model.waits[2] >= 8 and model.waits[2] <= 9, model.waits[2])
  embeds(env, "limited")
  fails(env, "limited_long", "come back tomorrow (the server asks to wait for 3600 s)")
  equal(1, env.seen("limited_long").count)
end

for behaviour, part in pairs {
  bad_chunk = "a chunk of the answer has no valid size", bad_length = "the answer has no valid length",
  huge_length = "the answer is longer than", huge_header = "the headers of the answer are longer than",
  many_headers = "the headers of the answer are longer than", no_http = "does not answer in HTTP/1.1",
  no_json = "not JSON with an array 'data'", too_few = "4 vectors for 5 texts",
  same_index = "two vectors with the index 0", wrong_index = "the index of vector 1 is not from 0 to 4",
  not_finite = "a number that is not finite", infinite = "a number that is not finite",
  too_large_number = "a number that is not finite", no_number = "has no number at position 4",
  bad_base64 = "is no valid Base64", short_base64 = "has 5 bytes, which are no floats",
  mixed = "vectors of 3 and of 2 numbers",
} do
  cases["refuses_an_answer_that_is_" .. behaviour] = function(env)
    fails(env, behaviour, part, { retries = 0 })
  end
end

cases.refuses_another_dimension = function(env)
  fails(env, "good", "vectors of 4 numbers, 'dim' is 5", { dim = 5 })
end

cases.finds_the_text_that_is_refused = function(env)
  local model = assert(model_of(env, "refuses_bad", { key = "sk-topsecret", batch = 16 }))
  local texts = {}
  for i = 1, 40 do
    texts[i] = (i == 3 or i == 16 or i == 33) and "bad " .. i or "good " .. i
  end
  texts[20] = "\255"
  local vectors, failures = model.embed(texts)
  local expected = vectors_of(texts)
  for _, i in ipairs { 3, 16, 20, 33 } do
    expected[i] = false
    if i ~= 20 then
      contains(failures[i], "status 400: this model's maximum context length is 8192 tokens, sent by Bearer ***")
    end
    vectors[i] = vectors[i] and "a vector"
  end
  equal("the text is not valid UTF-8 (byte 1)", failures[20])
  equal(expected, unpacked(vectors))
  equal({}, model.waits)
end

cases.halves_a_batch_that_is_too_large = function(env)
  local model = embeds(env, "refuses_many")
  local before = env.seen("refuses_many").count
  equal(vectors_of(TEXTS), unpacked(model.embed(TEXTS)))
  equal(2, env.seen("refuses_many").count - before) -- the next batches are as small from the beginning
end

cases.gives_up_when_everything_is_refused = function(env)
  fails(env, "refuses_all", "status 400: no model m", { batch = 4 })
  assert(env.seen("refuses_all").count <= 4)
  fails(env, "refuses_unread", "status 413", { retries = 0 })
end

cases.does_not_try_again_without_permission = function(env)
  local before = env.seen("unauthorized").count
  local _, message = fails(env, "unauthorized", "status 401: wrong key: Bearer *** [2J", { key = "sk-topsecret" })
  lacks(message, "topsecret")
  equal(1, env.seen("unauthorized").count - before)
  _, message = fails(env, "unauthorized", "wrong key: ***", { headers = { authorization = "Basic dXNlcjpwYXNz" } })
  lacks(message, "dXNlcjpwYXNz")
  fails(env, "plain_error", "status 404: no such path")
end

cases.follows_no_redirect = function(env)
  local _, message = fails(env, "redirects", "the server redirects (302) to 'http://elsewhere.example/steal'",
    { key = "sk-topsecret" })
  lacks(message, "secret=1")
  equal(1, env.seen("redirects").count)
end

cases.says_what_host_does_not_answer = function()
  local model = assert(model_of({ url = "http://127.0.0.1:1" }, "x", { retries = 1 }))
  local vectors, message = model.embed { "a" }
  equal(nil, vectors)
  contains(message, "http://127.0.0.1:1/x/embeddings: ")
  contains(message, "refused")
end

cases.verifies_certificates = function(env)
  embeds(env, "good", { url = env.tls .. "/good/embeddings", ca_file = env.ca_file, retries = 0 })
  embeds(env, "chunked", { url = env.tls .. "/chunked/embeddings", ca_file = env.ca_file, retries = 0 })
  fails(env, "slow", "no answer within 0.05 s",
    { url = env.tls .. "/slow/embeddings", ca_file = env.ca_file, retries = 0, timeout = 0.05 })
  local before = env.seen("good").count
  local model = fails(env, "good", "TLS with 127.0.0.1 failed",
    { url = env.other .. "/good/embeddings", ca_file = env.ca_file })
  equal({}, model.waits)
  equal(before, env.seen("good").count)
  embeds(env, "good", { url = env.tls .. "/good/embeddings", verify = false })
end

--- The names of the cases, in order.
function M.names()
  local names = {}
  for name in pairs(cases) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Runs a case in a request of nginx. Returns "ok", or what failed.
function M.run_in_nginx(name)
  local ngx = rawget(_G, "ngx")
  local port = tonumber(ngx.var.server_port)
  local done, message = pcall(cases[name], {
    url = "http://127.0.0.1:" .. port, tls = "https://127.0.0.1:" .. port + 1, other = "https://127.0.0.1:" .. port + 2,
    key_variable = "SPEC_KEY",
    seen = function(behaviour)
      return json.decode(require("spec.support.embedding_behaviour").seen(behaviour))
    end,
    now = function()
      ngx.update_time()
      return ngx.now()
    end,
  })
  return done and "ok" or tostring(message)
end

return M

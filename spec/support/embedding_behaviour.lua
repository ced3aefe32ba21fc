-- What the server of the embedding specs does, well or badly. Runs in nginx: /BEHAVIOUR/embeddings answers as the
-- function of that name says, /seen/BEHAVIOUR tells how often it was asked, and what it was asked last.

local cjson = require "cjson"
local ffi = require "ffi"
local ngx = rawget(_G, "ngx")
local vector_of = require "spec.support.embedding_vectors"

local M = {}

local behaviours = {}

local function packed(numbers)
  local floats = ffi.new("float[?]", #numbers)
  for i, number in ipairs(numbers) do
    floats[i - 1] = number
  end
  return ngx.encode_base64(ffi.string(floats, 4 * #numbers))
end

--- The answer as JSON; entries in reverse, `index` says where they belong. `change(entry, i)` spoils an entry.
local function answer_text(request, change)
  local data = {}
  for i, text in ipairs(request.input) do
    local vector = vector_of(text)
    local entry = { index = i - 1, embedding = request.encoding_format and packed(vector) or vector }
    if change then
      change(entry, i)
    end
    table.insert(data, 1, entry)
  end
  return cjson.encode { object = "list", data = data, model = request.model }
end

local function say(text, status)
  ngx.status = status or 200
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

--- Sends bytes as they are, and closes the connection.
local function send_raw(...)
  local socket = assert(ngx.req.socket(true))
  for _, piece in ipairs { ... } do
    socket:send(piece)
  end
  return socket
end

local function raw_answer(text, headers)
  return ("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s"):format(headers or "", #text, text)
end

local function refuse(status, message)
  say(cjson.encode { error = { message = message, type = "invalid_request_error" } }, status)
end

function behaviours.good(request)
  say(answer_text(request))
end

function behaviours.numbers(request)
  request.encoding_format = nil
  say(answer_text(request))
end

function behaviours.unordered(request)
  request.encoding_format = nil
  local data = {}
  for i, text in ipairs(request.input) do
    data[i] = { embedding = vector_of(text) }
  end
  say(cjson.encode { data = data })
end

function behaviours.only_numbers(request)
  if request.encoding_format then
    refuse(400, "unknown field 'encoding_format'")
  else
    say(answer_text(request))
  end
end

function behaviours.chunked(request)
  for piece in answer_text(request):gmatch "..?.?.?.?.?.?.?.?.?.?" do
    ngx.print(piece)
    ngx.flush(true)
  end
end

function behaviours.closes_between(request)
  send_raw(raw_answer(answer_text(request), "Connection: keep-alive\r\n"))
end

function behaviours.until_end(request)
  send_raw("HTTP/1.0 200 OK\r\n\r\n", answer_text(request))
end

function behaviours.interim(request)
  send_raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", raw_answer(answer_text(request)))
end

function behaviours.strange_chunks(request)
  local text = answer_text(request)
  send_raw("HTTP/1.1 200 OK\nTransfer-Encoding:\tChunked \r\n\r\n", ("%X;name=\"x\"\r\n%s\r\n"):format(#text, text),
    "000\r\nTrailer: x\r\n\r\n")
end

function behaviours.slow(request)
  ngx.sleep(0.1)
  say(answer_text(request))
end

function behaviours.hangs()
  ngx.sleep(3600)
end

function behaviours.drips()
  local socket = send_raw "HTTP/1.1 200 OK\r\nX: "
  repeat
    ngx.sleep(0.02)
  until not socket:send "x"
end

function behaviours.closes()
  ngx.exit(444)
end

function behaviours.cut(request)
  local text = raw_answer(answer_text(request))
  send_raw(text:sub(1, -20))
end

function behaviours.cut_chunk()
  send_raw "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nabc"
end

function behaviours.bad_chunk()
  send_raw "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"
end

function behaviours.bad_length()
  send_raw "HTTP/1.1 200 OK\r\nContent-Length: 10, 12\r\n\r\n0123456789"
end

function behaviours.huge_length()
  send_raw "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nabc"
end

function behaviours.huge_header()
  send_raw("HTTP/1.1 200 OK\r\nX: ", ("x"):rep(100000), "\r\n\r\n")
end

function behaviours.many_headers()
  send_raw("HTTP/1.1 200 OK\r\n", ("Name: value\r\n"):rep(10000), "\r\n")
end

function behaviours.no_http()
  send_raw "220 mail ready\r\n"
end

function behaviours.no_json()
  say "<html>hello</html>"
end

function behaviours.too_few(request)
  table.remove(request.input)
  say(answer_text(request))
end

function behaviours.same_index(request)
  say(answer_text(request, function(entry)
    entry.index = 0
  end))
end

function behaviours.wrong_index(request)
  say(answer_text(request, function(entry)
    entry.index = entry.index + 1
  end))
end

function behaviours.not_finite(request)
  say(answer_text(request, function(entry)
    entry.embedding = packed { 1, 0 / 0, 1, 1 }
  end))
end

function behaviours.infinite(request)
  request.encoding_format = nil
  say((answer_text(request):gsub("0%.5", "1e999")))
end

function behaviours.too_large_number(request)
  request.encoding_format = nil
  say((answer_text(request):gsub("0%.5", "1e39")))
end

function behaviours.no_number(request)
  request.encoding_format = nil
  say((answer_text(request):gsub("0%.5", "null")))
end

function behaviours.bad_base64(request)
  say(answer_text(request, function(entry)
    entry.embedding = "AAAA@A=="
  end))
end

function behaviours.short_base64(request)
  say(answer_text(request, function(entry)
    entry.embedding = ngx.encode_base64 "abcde"
  end))
end

function behaviours.mixed(request)
  say(answer_text(request, function(entry, i)
    entry.embedding = packed(i == 1 and { 1, 2 } or { 1, 2, 3 })
  end))
end

--- Answers of these statuses first, with these headers, then the right one.
local function first_fails(request, asked, failures)
  local failure = failures[asked]
  if not failure then
    return say(answer_text(request))
  end
  for name, value in pairs(failure.headers or {}) do
    ngx.header[name] = value
  end
  refuse(failure.status, "later")
end

function behaviours.flaky(request, asked)
  first_fails(request, asked, { { status = 500 }, { status = 503 }, { status = 408 } })
end

function behaviours.limited(request, asked)
  local date = ngx.http_time(ngx.time() + 9)
  first_fails(request, asked, {
    { status = 429, headers = { ["Retry-After"] = "7" } },
    { status = 503, headers = { ["Retry-After"] = date } },
    { status = 429, headers = { ["retry-after-ms"] = "1250" } },
    { status = 429, headers = {
      ["x-ratelimit-remaining-requests"] = "0", ["x-ratelimit-reset-requests"] = "1m2s",
      ["x-ratelimit-remaining-tokens"] = "3", ["x-ratelimit-reset-tokens"] = "50s",
    } },
  })
end

function behaviours.limited_long()
  ngx.header["Retry-After"] = "3600"
  refuse(429, "come back tomorrow")
end

function behaviours.flaky_connection(request, asked)
  if asked <= 2 then
    ngx.exit(444)
  end
  say(answer_text(request))
end

function behaviours.always_500()
  say("<html>broken</html>", 500)
end

function behaviours.refuses_bad(request)
  for _, text in ipairs(request.input) do
    if text:find "bad" then
      return refuse(400, "this model's maximum context length is 8192 tokens, sent by "
        .. (ngx.var.http_authorization or "nobody"))
    end
  end
  say(answer_text(request))
end

function behaviours.refuses_many(request)
  if #request.input > 3 then
    return refuse(413, "too many")
  end
  say(answer_text(request))
end

--- Does not read the body, as servers with a limit do, and closes.
function behaviours.refuses_unread()
  send_raw "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
end

function behaviours.refuses_all(request)
  refuse(400, "no model " .. request.model)
end

function behaviours.unauthorized()
  refuse(401, "wrong key: " .. (ngx.var.http_authorization or "none") .. "\27[2J")
end

function behaviours.plain_error()
  say("no such path", 404)
end

function behaviours.redirects()
  ngx.header["Location"] = "http://elsewhere.example/steal?secret=1"
  ngx.exit(302)
end

--- Answers /BEHAVIOUR/embeddings.
function M.answer(behaviour)
  local seen = ngx.shared.seen
  local body = ""
  if behaviour ~= "refuses_unread" then
    ngx.req.read_body()
    body = ngx.req.get_body_data() or ""
  end
  local asked = seen:incr(behaviour, 1, 0)
  local last = { body = body, headers = ngx.req.get_headers(), path = ngx.var.request_uri }
  seen:set(behaviour .. " last", cjson.encode(last))
  behaviours[behaviour](body ~= "" and cjson.decode(body) or {}, asked)
end

--- Answers /seen/BEHAVIOUR: JSON with `count`, and `body`, `headers` and `path` of the last request.
function M.seen(behaviour)
  local last = ngx.shared.seen:get(behaviour .. " last")
  local seen = last and cjson.decode(last) or {}
  seen.count = ngx.shared.seen:get(behaviour) or 0
  return cjson.encode(seen)
end

return M

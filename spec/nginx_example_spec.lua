-- examples/nginx, started and asked as its configuration says, but on another port.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local PORT = nginx_server.port()
local PREFIX = "build/nginx-example" -- the configuration finds the module and the example from there
local CONF = "examples/nginx/nginx.conf"

describe("the example of nginx #slow", function()
  if nginx_server.obstacle() or not children.succeeds("test -e build/luajit/moonvec/core.so") then
    pending(nginx_server.obstacle() or "the module for LuaJIT is not built in build/")
    return
  end

  local conf = text_files.read(CONF)

  -- The answer to the line of curl number `n` of the configuration.
  local function ask_as_told(n)
    local found = 0
    for line in conf:gmatch("\n#   (curl [^\n]*)") do
      found = found + 1
      if found == n then
        return children.output((line:gsub("localhost:8080", "-s 127.0.0.1:" .. PORT)))
      end
    end
  end

  local function ask(what, body)
    local text = children.output(("curl -s -w '%%{http_code}' http://127.0.0.1:%d/%s -d '%s'"):format(PORT, what, body))
    local answer, status = text:match("^(.*)\n(%d+)$")
    return answer, tonumber(status)
  end

  setup(function()
    children.succeeds("rm -rf " .. PREFIX .. " && mkdir -p " .. PREFIX)
    local file = assert(io.open(PREFIX .. "/nginx.conf", "w"))
    file:write((conf:gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. PORT)))
    file:close()
    local start = ("nginx -p %s -c \"$PWD/%s/nginx.conf\" -g 'user root;' 2>&1"):format(PREFIX, PREFIX)
    assert.equal("", children.output(start))
  end)

  teardown(function()
    children.succeeds("kill -QUIT $(cat " .. PREFIX .. "/nginx.pid)")
    support.wait_until(function()
      return not children.succeeds("test -e " .. PREFIX .. "/nginx.pid")
    end)
    children.succeeds("rm -rf " .. PREFIX)
  end)

  it("answers the requests of its description", function()
    assert.equal('{"written":1}\n', ask_as_told(1))
    assert.matches('^{"hits":%[{.*"title":"Dune".*}%]}\n$', ask_as_told(2))
    assert.matches('"highlights":{"body":%["A <b>desert<\\/b> planet"%]}', ask_as_told(3))
    assert.equal('{"stored":true}\n', ask_as_told(4))
    assert.matches('"answer":"42"', ask_as_told(5))
    local status = children.output("curl -s http://127.0.0.1:" .. PORT .. "/status")
    assert.matches('"entries":1', status)
    assert.matches('"hits":1', status)
    assert.equal('{"hits":[]}', (ask("search", '{"text": "ocean"}')))
    assert.is_nil(ask("search", '{"text": "desert"}'):find "distance")
    assert.equal('{"miss":true}', (ask("cache", '{"question": [0, 1, 0, 0]}')))
  end)

  local wrong = {
    { "search", "no JSON", "the body must be a JSON object: Expected value but found invalid token at character 1" },
    { "search", "7", "the body must be a JSON object" },
    { "search", "{}", "give either 'vector' or 'text'" },
    { "search", '{"vectors": [1]}', "there is no member 'vectors'" },
    { "search", '{"vector": "1"}', "'vector' must be an array, got a string" },
    { "search", '{"vector": [1]}', "query: vector has 1 numbers, field 'embedding' wants 4" },
    { "search", '{"vector": [1, "2", 3, 4]}', "query: element 2 of the vector is a string, expected a number" },
    { "search", '{"text": null}', "'text' must be a string, got null" },
    { "search", '{"text": "x", "topk": 0}', "query: 'topk' must be a whole number from 1 to 1000000, got 0" },
    { "search", '{"text": "x", "filter": "pages > 3"}', "filter:1: unknown field 'pages'" },
    { "search", '{"text": "x", "filter": "title = ?"}', "query: the filter has 1 '?', 0 arguments were given" },
    { "documents", '{"id": "x", "title": "", "body": ""}', "'embedding' must be an array, got nothing" },
    { "cache", '{"question": [1, 2]}', "get: the question has 2 numbers, those of the cache have 4" },
    { "search", '{"vector": [1, null, 3, 4]}', "query: element 2 of the vector is a null, expected a number" },
    {
      "search", '{"text": "x", "filter": "title = ?", "args": {"title": "x"}}',
      "query: 'args' must be an array, got a table with other keys",
    },
  }

  it("answers wrong bodies with 400 and what is wrong", function()
    for _, request in ipairs(wrong) do
      local answer, status = ask(request[1], request[2])
      assert.equal(('{"error":"%s"}'):format(request[3]), answer)
      assert.equal(400, status)
    end
  end)
end)

-- The code of docs/hosts/openresty.md, in nginx: its configuration, the requests to it, and the use of the cache.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"
local workers = require "spec.support.nginx_workers"

--- The blocks of code of the page in this language.
local function blocks(language)
  local found = {}
  for block in text_files.read("docs/hosts/openresty.md"):gmatch("\n *```" .. language .. "\n(.-)\n *```") do
    found[#found + 1] = block
  end
  return found
end

describe("the page about OpenResty #slow", function()
  if nginx_server.obstacle() then
    pending(nginx_server.obstacle())
    return
  end

  after_each(workers.clean)

  it("has a complete configuration, which answers its requests", function()
    local home, port = support.path(), tostring(nginx_server.port())
    assert(children.succeeds("mkdir " .. home))
    local conf = blocks("nginx")[2]
    local http = conf:match("http (%b{})"):sub(2, -2):gsub("/var/lib/moonvec", home):gsub("8080", port)
    assert.is_true(nginx_server.start(home, "user root; worker_processes 2; events {}\n", http, {}))
    local answers = children.output("set -e\n" .. blocks("sh")[2]:gsub("8080", port):gsub("curl", "curl -s"))
    assert(children.succeeds("kill -QUIT $(cat " .. home .. "/nginx.pid)"))
    support.wait_until(function()
      return not children.succeeds("test -e " .. home .. "/nginx.pid")
    end)
    assert.equal("1\ndune\n", answers)
  end)

  it("uses the cache in a way that works", function()
    local home = workers.start("", nil, 1)
    local code = blocks("lua")[1]:gsub("/var/lib/moonvec", home)
    for _ = 1, 2 do
      assert.equal("what your language model answers\n", workers.run(code))
    end
    local count = [[ return require("resty.moonvec").open("%s/answers.mv"):stats().hits]]
    assert.equal("1", workers.run("require('resty.moonvec.cache')" .. count:format(home)))
  end)

  it("makes a driver for ai-cache of APISIX", function()
    local home = workers.start ""
    local code = blocks("lua")[2]:gsub("/var/lib/apisix/ai%-cache", home)
    local names = workers.run("local vs = (function() " .. code .. " end)() " ..
      "return type(vs.pack_float32), type(vs.ensure_index), type(vs.upsert), type(vs.knn_search)")
    assert.equal("function\tfunction\tfunction\tfunction", names)
  end)
end)

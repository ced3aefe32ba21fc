-- resty.moonvec.apisix: the four functions that ai-cache of APISIX calls, called in the same way, in nginx.

local nginx_server = require "spec.support.nginx_server"
local workers = require "spec.support.nginx_workers"
local support = require "spec.support.init"

local HTTP = [[
  init_by_lua_block {
    vs = require("resty.moonvec.apisix").new { path = "HOME" }
    -- What ai-cache passes as the connection to Redis: a new table for each request.
    function connect() return setmetatable({}, { __index = function() error("Redis is asked") end }) end
    TARGET, INDEX, PREFIX = "127.0.0.1#6379#0", "ai-cache:idx:0123456789abcdef:3", "ai-cache:l2:0123456789abcdef:3:"
    -- The write-back of ai-cache, in a timer: index, then document.
    function write(partition, name, vector, response, ttl, target)
      local red = connect()
      local ok, err = vs.ensure_index(red, target or TARGET, INDEX, PREFIX, #vector)
      if ok then
        ok, err = vs.upsert(red, PREFIX .. partition .. ":" .. name, {
          partition = partition, embedding = vs.pack_float32(vector), response = response, created_at = 100,
          format = "json",
        }, ttl or 600)
      end
      return ok, err
    end
    -- Its lookup: index, then the nearest document of the partition.
    function search(partition, vector, target)
      local red = connect()
      local ok, err = vs.ensure_index(red, target or TARGET, INDEX, PREFIX, #vector)
      if not ok then
        return nil, err
      end
      return vs.knn_search(red, target or TARGET, INDEX, partition, vector, 1)
    end
  }
]]

local function returns(expected, code)
  assert.equal(expected, workers.run(code))
end

describe("resty.moonvec.apisix #slow", function()
  if nginx_server.obstacle() then
    pending(nginx_server.obstacle())
    return
  end

  setup(function()
    workers.start(HTTP)
  end)
  teardown(workers.clean)

  it("packs vectors as little-endian float32", function()
    returns("12\t128\t63\t0", "local bytes = vs.pack_float32 { 1, 0, 0 } return #bytes, bytes:byte(3, 5)")
  end)

  it("makes an index once", function()
    returns("true\ttrue", [[
      local function ensure() return vs.ensure_index(connect(), TARGET, INDEX, PREFIX, 3) end
      return ensure(), ensure()]])
    for _, answer in pairs(workers.run_in_all "return vs.ensure_index(connect(), TARGET, INDEX, PREFIX, 3)") do
      assert.equal("true", answer)
    end
  end)

  it("finds the nearest document of a partition, in every worker", function()
    returns("true\tnil", 'return write("p1", "near", { 1, 0, 0 }, "near")')
    returns("true\tnil", 'return write("p1", "far", { 0, 1, 0 }, "far")')
    returns("true\tnil", 'return write("p2", "other", { 0.99, 0.01, 0 }, "other")')
    for _, answer in pairs(workers.run_in_all [[
      local hit = search("p1", { 0.99, 0.01, 0 })
      return table.concat({ hit.response, hit.created_at, hit.format, hit.distance < 0.01 and "close" }, " ")]]) do
      assert.equal("near 100 json close", answer)
    end
    returns("nil\tnil", 'local hit, err = search("p3", { 1, 0, 0 }) return hit, err')
  end)

  it("has the distances of Redis: 1 - the cosine", function()
    returns("true\tnil", 'return write("angles", "a", { 3, 4, 0 }, "a")')
    for vector, distance in pairs { ["3, 4, 0"] = 0, ["4, 3, 0"] = 0.04, ["0, 0, 7"] = 1, ["-3, -4, 0"] = 2 } do
      local found = tonumber(workers.run(("return search('angles', { %s }).distance"):format(vector)))
      assert.is_true(math.abs(found - distance) < 1e-6, vector)
    end
  end)

  it("replaces a document with the same key", function()
    returns("true\tnil", 'return write("replaced", "a", { 1, 0, 0 }, "old")')
    returns("true\tnil", 'return write("replaced", "a", { 0, 1, 0 }, "new")')
    returns("new\ttrue", "local hit = search('replaced', { 1, 0, 0 }) return hit.response, hit.distance > 0.9")
  end)

  it("forgets a document after its time", function()
    returns("x", 'write("short", "a", { 1, 0, 0 }, "x", 2) return search("short", { 1, 0, 0 }).response')
    support.wait_until(function()
      return workers.run "local hit = search('short', { 1, 0, 0 }) return hit" == "nil"
    end)
  end)

  it("keeps targets with the same index apart", function()
    returns("true\tnil", 'return write("p", "a", { 1, 0, 0 }, "first")')
    returns("true\tnil", 'return write("p", "a", { 1, 0, 0 }, "second", nil, "10.0.0.1#6379#0")')
    returns("first\tsecond", [[
      return search("p", { 1, 0, 0 }).response, search("p", { 1, 0, 0 }, "10.0.0.1#6379#0").response]])
  end)

  it("returns nil and a message for what Redis would refuse, so that ai-cache goes on without", function()
    assert.matches("^nil\tno index has a prefix of the key 'x'", workers.run "return vs.upsert(connect(), 'x', {}, 1)")
    assert.matches("^nil\tthere is no index 'none'",
      workers.run "return vs.knn_search(connect(), TARGET, 'none', 'p', { 1, 0, 0 }, 1)")
    assert.matches("^nil\t.*vector", workers.run 'return write("p", "a", { 0, 0, 0 }, "zeros")')
    returns("true\tnil", 'return write("p", "a", { 1, 0, 0 }, "x")')
    assert.matches("^nil\t.*vector", workers.run "return search('p', { 0, 0, 0 })")
    assert.matches("^nil\t.*2 numbers", workers.run "return search('p', { 1, 0 })")
  end)
end)

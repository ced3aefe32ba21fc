-- A full disk: writes answer "no_space" and lose nothing, and all goes on when there is space again.

local children = require "spec.support.children"
local support = require "spec.support.init"

local DIM = 64
local SCHEMA = {
  fields = { { name = "n", type = "int64" } },
  vectors = { { name = "v", type = "vector_fp32", dim = DIM } },
}

local function documents(first, last)
  local all = {}
  for id = first, last do
    local v = {}
    for j = 1, DIM do
      v[j] = (id * j) % 17 + 1
    end
    all[#all + 1] = { id = id, n = id, v = v }
  end
  return all
end

describe("a full disk", function()
  local mounted

  after_each(function()
    if mounted then
      children.succeeds("umount -l " .. mounted) -- lazily: after a failure the collection may be open
      mounted = nil
    end
    support.clean()
  end)

  for _, durability in ipairs { "full", "none" } do
    local once = durability == "none" and " #once" or ""
    it(("is reported as no_space, durability %s%s"):format(durability, once), function()
      local place = support.path()
      if not children.succeeds(("mkdir %s && mount -t tmpfs -o size=6m none %s"):format(place, place)) then
        pending("a file system cannot be mounted here")
        return
      end
      mounted = place
      local c = support.collection(SCHEMA, { path = place .. "/c", durability = durability })
      local count, code = 0, nil
      while not code do
        local inserted, _
        inserted, _, code = c:insert(documents(count + 1, count + 500))
        count = count + (inserted or 0)
      end
      assert.equal("no_space", code)
      assert.equal(count, #c)
      assert.is_true(c:flush())
      assert.is_true(c:check())
      assert.is_true(children.succeeds("mount -o remount,size=40m " .. place))
      assert.equal(500, c:insert(documents(count + 1, count + 500)))
      assert.is_true(c:optimize())
      assert.is_true(c:check())
      assert.is_true(c:backup(place .. "/b"))
      c:close()
      local again = support.collection(nil, { path = place .. "/c", verify = true })
      assert.equal(count + 500, #again)
      again:close()
    end)
  end
end)

-- The Markdown of the project: its links and anchors lead somewhere, every page is in the table of contents
-- (docs/README.md), and the list of limits is that of moonvec.h.

local lua_reference = require "docs.make.lua_reference"
local markdown = require "docs.make.markdown"
local types_reader = require "docs.make.types_reader"

local CONTENTS = "docs/README.md"
local TYPES = "lua/moonvec/types.lua"

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close() and true
end

-- The anchors of a file, by name.
local function anchors_of(path)
  local names = {}
  if path == TYPES then
    return types_reader.read(TYPES).anchors
  elseif path:find "%.md$" then
    for _, heading in ipairs(markdown.headings(markdown.read(path))) do
      names[heading.anchor] = true
    end
  end
  return names
end

describe("links", function()
  for _, page in ipairs(markdown.files()) do
    it("of " .. page .. " lead somewhere", function()
      local broken = {}
      for _, link in ipairs(markdown.links(markdown.read(page))) do
        local path = markdown.resolve(page, link.path)
        if not exists(path) or link.anchor and not anchors_of(path)[link.anchor] then
          broken[#broken + 1] = path .. (link.anchor and "#" .. link.anchor or "")
        end
      end
      assert.same({}, broken)
    end)
  end
end)

describe("the table of contents", function()
  it("has every page of the documentation", function()
    local listed, missing = { [CONTENTS] = true }, {}
    for _, link in ipairs(markdown.links(markdown.read(CONTENTS))) do
      listed[markdown.resolve(CONTENTS, link.path)] = true
    end
    for _, page in ipairs(markdown.files()) do
      if page:find "^docs/" and not listed[page] then
        missing[#missing + 1] = page
      end
    end
    assert.same({}, missing)
  end)
end)

describe("the reference of the Lua API", function()
  it("has all that types.lua has", function()
    local _, file_of_anchor = lua_reference.pages(TYPES)
    for anchor in pairs(types_reader.read(TYPES).anchors) do
      assert.is_string(file_of_anchor[anchor], anchor .. " is on no page of docs/make/lua_reference.lua")
    end
  end)
end)

describe("the calls at a glance", function()
  it("are all calls", function()
    local calls, missing = markdown.read "docs/calls.md", {}
    for anchor in pairs(types_reader.read(TYPES).anchors) do
      local owner, name = anchor:match "^(%l+)%-(.+)$"
      local prefix = ({ collection = "c:", moonvec = "moonvec." })[owner]
      if prefix and not calls:find(prefix .. name, 1, true) and not calls:find("`" .. name .. "`", 1, true) then
        missing[#missing + 1] = prefix .. name
      end
    end
    assert.same({}, missing)
  end)
end)

describe("the list of limits", function()
  -- The number that a text of docs/limits.md means: "64 MiB", "1,024 bytes", "1e15".
  local function number_of(text)
    local digits, unit = text:match "^([%d,.e]+)%s*(%a*)"
    local factor = ({ KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30 })[unit] or 1
    return tonumber((digits:gsub(",", ""))) * factor
  end

  it("is that of moonvec.h", function()
    local declared, listed = {}, {}
    for name, value in markdown.read("engine/moonvec.h"):gmatch "\n#define (MV_[%u_]+_MAX)%s+([^/\n]*)" do
      local number, shift = value:match "([%de]+)[uf]?%s*<*%s*(%d*)"
      declared[name] = tonumber(number) * 2 ^ (tonumber(shift) or 0)
    end
    for text, name in markdown.read("docs/limits.md"):gmatch "\n| ([^|]-) | [^|]* | `(MV_[%u_]+)` |" do
      listed[name] = number_of(text)
    end
    assert.same(declared, listed)
  end)
end)

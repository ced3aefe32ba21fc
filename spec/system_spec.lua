-- What moonvec/system.lua does for the command and the shell, with names that a shell could misread.

local support = require "spec.support.init"
local system = require "moonvec.system"
local text_files = require "spec.support.text_files"

describe("system", function()
  after_each(support.clean)

  it("reads a file, and says why it cannot", function()
    local bytes = "a\0b\r\n\255"
    local path = text_files.new(bytes)
    assert.equal(bytes, system.read_file(path))
    assert.equal("", system.read_file(text_files.new ""))
    assert.is_true(system.exists(path))
    assert.is_false(system.exists(path .. ".none"))
    assert.same({ nil, path .. ".none: No such file or directory" }, { system.read_file(path .. ".none") })
    local text, message = system.read_file "spec"
    assert.is_nil(text)
    assert.matches("^spec: ", message)
  end)

  it("quotes words, and tells how commands end", function()
    for _, word in ipairs { "", "a b", "it's", "$HOME `id` \\", "-n", "a\nb" } do
      assert.is_true(system.run(("test %s = %s"):format(system.quote("x" .. word), system.quote("x" .. word))))
    end
    assert.equal("it's $HOME", system.line_of("printf '%s\\n' " .. system.quote "it's $HOME"))
    assert.is_false(system.run "exit 3")
    assert.is_nil(system.line_of "true")
    assert.is_true(system.sleep(0))
  end)

  it("finds the absolute path of a folder, whatever its name is", function()
    local root = support.path()
    for _, name in ipairs { "plain", "it's", "a\nb", "a b\n", "-P" } do
      local path = root .. "/" .. name
      assert.is_true(system.run("mkdir -p " .. system.quote(path)))
      assert.equal(path, system.absolute(path .. "/../" .. name))
    end
    assert.is_true(system.run("ln -s plain " .. system.quote(root .. "/link")))
    assert.equal(root .. "/plain", system.absolute(root .. "/link"))
    assert.is_nil(system.absolute(root .. "/none"))
    assert.is_nil(system.absolute "-none")
    assert.equal(system.line_of "pwd -P", system.absolute ".")
  end)
end)

-- JSON as the sources, the command and the models read and write it.

require "moonvec"
local core = require "moonvec.core"
local json = require "moonvec.json"

describe("JSON", function()
  it("is written with members in order, on one line", function()
    assert.equal('{"a":[1,2.5,"x\\ny"],"b":{"c":true},"z":null}',
      json.encode { z = core.null, b = { c = true }, a = { 1, 2.5, "x\ny" } })
  end)

  it("has empty arrays and objects where they are marked", function()
    assert.equal('{"a":[],"o":{}}', json.encode { a = json.array(), o = json.object() })
    assert.equal("{}", json.encode {})
  end)

  it("escapes what a string must not contain, and keeps all other bytes", function()
    local text = "\0\1\31\127\"\\/ é\255"
    local encoded = json.encode(text)
    assert.equal('"\\u0000\\u0001\\u001f\\u007f\\"\\\\/ é\255"', encoded)
    assert.equal(text, json.decode(encoded))
  end)

  it("keeps every number that it has", function()
    for _, number in ipairs { 0.1, 1 / 3, 2 ^ 53, -2 ^ 52 - 1, 5e-324, 1.7976931348623157e308, 123456789.123 } do
      assert.equal(number, json.decode(json.encode(number)))
    end
    assert.equal("[null,null]", json.encode { 0 / 0, math.huge })
    assert.equal("[1793491200000000,-100000,0.5,1e+300]", json.encode { 1793491200000000, -1e5, 0.5, 1e300 })
  end)

  it("says what is wrong with a text", function()
    for _, text in ipairs { "", "{", '{"a":}', "[1,]", "nil", '"\\x"', "[NaN]", ("["):rep(5000), "{}\0", "\0" } do
      local value, message = json.decode(text)
      assert.is_nil(value)
      assert.truthy(#message > 0, text)
    end
    local _, message = json.decode '{"a":}'
    assert.equal("Expected value but found T_OBJ_END at character 6", message)
  end)

  it("does not write what has no form in JSON", function()
    assert.has_error(function() json.encode(print) end, "a function has no form in JSON")
    local circle = {}
    circle[1] = circle
    assert.has_error(function() json.encode(circle) end, "a value of more than 1000 levels is too deep for JSON")
  end)
end)

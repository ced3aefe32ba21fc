-- Documents as JSON, and back: every value of every type comes back as it was.

local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local utf8_text = require "moonvec.utf8_text"

local TYPES = {
  "string", "bool", "int32", "int64", "uint32", "uint64", "float", "double", "timestamp", "array_string", "array_bool",
  "array_int32", "array_int64", "array_uint32", "array_uint64", "array_float", "array_double", "array_timestamp",
}

local function schema_of_all()
  local fields = {}
  for i, name in ipairs(TYPES) do
    fields[i] = { name = name, type = name, nullable = true }
  end
  return {
    fields = fields,
    vectors = {
      { name = "fp32", type = "vector_fp32", dim = 3, metric = "l2" },
      { name = "fp16", type = "vector_fp16", dim = 3, metric = "l2" },
      { name = "int8", type = "vector_int8", dim = 3, metric = "l2" },
      { name = "bits", type = "vector_binary", dim = 16 },
      { name = "terms", type = "sparse_vector_fp32", nullable = true },
      { name = "several", type = "vector_fp32", dim = 2, multi = true, nullable = true },
    },
  }
end

local VALUES = {
  string = { "", "a", "é\n\"\\\t\1", "\255\254", "a\0b", "\237\160\128", "{\"base64\":\"\"}" },
  bool = { true, false },
  int32 = { 0, -2 ^ 31, 2 ^ 31 - 1 },
  int64 = { 0, "9223372036854775807", "-9223372036854775808", "9007199254740993", 2 ^ 53 - 1, 1 - 2 ^ 53 },
  uint32 = { 0, 2 ^ 32 - 1 },
  uint64 = { 0, "18446744073709551615", "9007199254740993", 2 ^ 53 - 1 },
  float = { 0, 0.1, -1.5e-45, 3.4028234e38, math.huge, -math.huge, 16777216, 1 / 3 },
  double = { 0, 0.1, 5e-324, 1.7976931348623157e308, math.huge, -math.huge, 1 / 3, 2 ^ 60 },
  timestamp = { 0, "-62135596800000000", "2026-11-30T11:00:00.123456Z" },
}

-- A value of a type, other ones from call to call.
local function value_of(random, name)
  local element = name:match "^array_(.*)"
  local values = VALUES[element or name]
  if not element then
    return values[random(#values)]
  end
  local list = {}
  for i = 1, random(4) - 1 do
    list[i] = values[random(#values)]
  end
  return list
end

local function random_document(random, n)
  local document = {
    id = n % 7 == 0 and ("\255%d"):format(n) or n % 5 == 0 and ("id\0/é%d"):format(n) or n,
    fp32 = { random() - 0.5, random() * 1e-20, -1e15 },
    fp16 = { random(), -random(), 3 },
    int8 = { random(127), -random(127), 0 },
    bits = {},
    terms = random(3) > 1 and { [0] = random(), [4294967295] = -random(), [random(100)] = 1.25 } or nil,
    several = random(3) > 1 and { { random(), 1 }, { 0, -random() } } or nil,
  }
  for i = 1, 16 do
    document.bits[i] = random(2) - 1
  end
  for _, name in ipairs(TYPES) do
    if random(4) > 1 then
      document[name] = value_of(random, name)
    end
  end
  return document
end

local function all_of(c, include_vector)
  local documents = {}
  for document in c:iterate { include_vector = include_vector } do
    documents[#documents + 1] = document
  end
  return documents
end

describe("a document as JSON", function()
  after_each(support.clean)

  for _, form in ipairs { "table", true } do
    it("comes back as it was, vectors given as " .. (form == true and "packed strings" or "tables"), function()
      local random = support.random(11)
      local c = support.collection(schema_of_all(), { path = ":memory:" })
      for n = 1, 200 do
        assert(c:insert(random_document(random, n)))
      end
      local copy = support.collection(schema_of_all(), { path = ":memory:" })
      for _, document in ipairs(all_of(c, form)) do
        local line = json.encode(document_json.to_json(document, c.schema))
        assert.is_nil(utf8_text.first_invalid(line))
        assert(copy:insert(assert(document_json.from_json(json.decode(line), copy.schema))))
      end
      assert.same(all_of(c, true), all_of(copy, true))
    end)
  end

  it("has the forms that are documented", function()
    local schema = moonvec.schema(schema_of_all())
    local function text(document)
      return json.encode(document_json.to_json(document, schema))
    end
    assert.equal('{"double":"-Infinity","float":0.1,"id":"a","string":{"base64":"/w=="}}',
      text { id = "a", string = "\255", float = moonvec.unpack(moonvec.pack { 0.1 })[1], double = -math.huge })
    assert.equal('{"array_string":[],"id":{"base64":"/wA="},"int64":null,"several":[],"terms":{}}',
      text { id = "\255\0", array_string = {}, int64 = moonvec.null, terms = {}, several = {} })
    assert.equal('{"bits":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1],"fp32":[1,2,3],"terms":{"17":0.5}}',
      text { bits = "\128\3", fp32 = moonvec.pack { 1, 2, 3 }, terms = moonvec.pack_sparse({ 17 }, { 0.5 }) })
    assert.equal('{"parts":[1],"score":0.25}', text { score = 0.25, parts = { 1 } })
  end)

  it("keeps -0.0", function()
    local schema = moonvec.schema { fields = { { name = "d", type = "double" } } }
    local line = json.encode(document_json.to_json({ d = -0.0 }, schema))
    assert.equal(-math.huge, 1 / document_json.from_json(json.decode(line), schema).d)
  end)

  local function message_for(line)
    local document, message = document_json.from_json(json.decode(line), moonvec.schema(schema_of_all()))
    assert.is_nil(document)
    return message
  end

  it("is refused where a value has the wrong form", function()
    local base64 = 'expected a string, or {"base64": "..."} with the bytes of one in Base64'
    for _, given in ipairs { "{}", "[]", '{"base64":"a"}', '{"base64":"=w=="}', '{"base64":"/w==","x":1}', "[1]" } do
      assert.equal("field 'string': " .. base64, message_for('{"string":' .. given .. "}"))
    end
    assert.equal("field 'array_string': element 2: " .. base64, message_for '{"array_string":["a",{}]}')
    assert.equal("field 'array_int32': element 2 is null", message_for '{"array_int32":[1,null]}')
    assert.equal("field 'int32': expected a value of type int32, got an array or an object", message_for '{"int32":{}}')
    assert.equal("field 'terms': a sparse vector is an object such as {\"17\": 0.4}, got the member 1 of an array",
      message_for '{"terms":[0.4]}')
    assert.equal("field 'terms': a sparse vector is an object such as {\"17\": 0.4}, got the member '-1'",
      message_for '{"terms":{"-1":0.4}}')
    assert.equal("field 'terms': the index 7 is given twice", message_for '{"terms":{"7":1,"07":1}}')
  end)

  it("keeps members that are no field, and makes null moonvec.null", function()
    local document = document_json.from_json(json.decode '{"a":null,"b":{"c":null},"d":"Infinity"}', moonvec.schema {})
    assert.same({ a = moonvec.null, b = { c = json.null() }, d = "Infinity" }, document)
    assert.equal(moonvec.null, document_json.from_json(json.decode '{"a":null}').a)
  end)
end)

describe("UTF-8", function()
  it("is told from other bytes", function()
    for _, text in ipairs { "", "abc", "é", "\224\160\128", "\237\159\191", "\238\128\128", "\240\144\128\128",
      "\244\143\191\191", "a\0b", "日本語 text" } do
      assert.is_nil(utf8_text.first_invalid(text))
    end
    for text, at in pairs { ["\128"] = 1, ["a\255"] = 2, ["\192\128"] = 1, ["\224\159\191"] = 1, ["\237\160\128"] = 1,
      ["\240\143\191\191"] = 1, ["\244\144\128\128"] = 1, ["\245\128\128\128"] = 1, ["é\195"] = 3, ["\226\130"] = 1,
      ["\240\159\152"] = 1, ["\195é"] = 1 } do
      assert.equal(at, utf8_text.first_invalid(text))
    end
  end)
end)

-- source.fvecs, bvecs, ivecs and npy: the numbers of every row, and files that lie.

local moonvec = require "moonvec"
local support = require "spec.support.init"
local new_file = require("spec.support.text_files").new

local function int32(number)
  number = number % 2 ^ 32
  return string.char(number % 256, math.floor(number / 256) % 256, math.floor(number / 65536) % 256,
    math.floor(number / 16777216))
end

local function read_all(source, failure)
  local list = {}
  while true do
    local document, message, code = source:read()
    if document == nil then
      source:close()
      if failure then
        assert.matches(failure, message)
        assert.equal("corrupt", code)
      else
        assert.is_nil(message)
      end
      return list
    end
    list[#list + 1] = document
  end
end

-- An array as numpy.save writes it.
local function npy(header, data, version)
  local length = (version or 1) == 1 and string.char(#header % 256, math.floor(#header / 256)) or int32(#header)
  return "\147NUMPY" .. string.char(version or 1, 0) .. length .. header .. data
end

local function head(descr, shape, order)
  return ("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n"):format(descr, order or "False", shape)
end

describe("files of vectors", function()
  after_each(support.clean)

  it("are read as they are", function()
    local row = moonvec.pack { 1.5, -2 }
    local source = moonvec.source.fvecs(new_file(int32(2) .. row .. int32(2) .. row))
    assert.same({ { id = "0", vector = row }, { id = "1", vector = row } }, read_all(source))
    source = moonvec.source.bvecs(new_file(int32(3) .. "\0\127\255"), { field = "v" })
    assert.same({ { id = "0", v = { 0, 127, 255 } } }, read_all(source))
    source = moonvec.source.ivecs(new_file(int32(2) .. int32(-1) .. int32(2 ^ 31 - 1)))
    assert.same({ { id = "0", vector = { -1, 2 ^ 31 - 1 } } }, read_all(source))
    local many = {}
    for i = 1, 3000 do
      many[i] = i % 256
    end
    local bytes = {}
    for i, number in ipairs(many) do
      bytes[i] = string.char(number)
    end
    assert.same(many, read_all(moonvec.source.bvecs(new_file(int32(3000) .. table.concat(bytes))))[1].vector)
    assert.same({}, read_all(moonvec.source.fvecs(new_file "")))
  end)

  it("fill a collection, vectors and arrays, and go on", function()
    local c = support.collection({ fields = { { name = "a", type = "array_float", nullable = true } },
      vectors = { { name = "vector", type = "vector_fp32", dim = 2, metric = "l2" } } }, { path = ":memory:" })
    local text = ""
    for i = 1, 50 do
      text = text .. int32(2) .. moonvec.pack { i, -i }
    end
    local path = new_file(text)
    assert.equal(50, c:ingest(moonvec.source.fvecs(path), { resume = "k", batch = 7 }).written)
    assert.same({ 50, -50 }, c:fetch("49", { include_vector = "table" }).vector)
    assert.equal(0, c:ingest(moonvec.source.fvecs(path), { resume = "k" }).read)
    assert.equal(1, c:ingest(moonvec.source.fvecs(new_file(int32(2) .. moonvec.pack { 0.5, 2 }), { field = "a" }), {
      map = function(document)
        document.id, document.vector = "array", { 0, 1 }
        return document
      end }).written)
    assert.same({ 0.5, 2 }, c:fetch("array").a)
  end)

  it("that are cut anywhere, or lie, are damaged", function()
    local text = int32(2) .. moonvec.pack { 1, 2 } .. int32(2) .. moonvec.pack { 3, 4 }
    for size = 1, #text - 1 do
      if size ~= 12 then
        local source, message, code = moonvec.source.fvecs(new_file(text:sub(1, size)))
        assert.is_nil(source, size)
        assert.matches(size < 4 and "is no file of type fvecs: its first row has 0 numbers, expected 1 to 65535$"
          or "is truncated, or no file of type fvecs: its rows of 2 numbers take 12 bytes each, it has %d+$", message)
        assert.equal("corrupt", code)
      end
    end
    for _, dim in ipairs { 0, -1, 65536, 2 ^ 31 - 1 } do
      local _, message = moonvec.source.bvecs(new_file(int32(dim) .. ("x"):rep(100)))
      assert.matches("is no file of type bvecs: its first row has %-?%d+ numbers, expected 1 to 65535$", message)
    end
    local rows = int32(2) .. moonvec.pack { 1, 2 } .. int32(3) .. moonvec.pack { 1, 2 }
    local source = moonvec.source.fvecs(new_file(rows))
    assert.equal(1, #read_all(source, "is damaged: row 2 has 3 numbers, the first has 2$"))
  end)

  it("of numpy are read in each type and version", function()
    for version = 1, 3 do
      local source = moonvec.source.npy(new_file(npy(head("<f4", "2, 2"), moonvec.pack { 1, 2, 3, 4 }, version)))
      assert.same({ { id = "0", vector = moonvec.pack { 1, 2 } }, { id = "1", vector = moonvec.pack { 3, 4 } } },
        read_all(source))
    end
    local function numbers(descr, dim, data)
      return read_all(assert(moonvec.source.npy(new_file(npy(head(descr, "1, " .. dim), data)))))[1].vector
    end
    assert.same({ 0, 127, -128, -1 }, numbers("|i1", 4, "\0\127\128\255"))
    assert.same({ 0, 255 }, numbers("|u1", 2, "\0\255"))
    assert.same({ -2, 7 }, numbers("<i4", 2, int32(-2) .. int32(7)))
    assert.same({ 1, -2, 65504, 2 ^ -24, 0, 1 / 3 - 1 / 3 % 2 ^ -12, math.huge }, -- 1 / 3 has 11 bits
      numbers("<f2", 7, "\0\60\0\192\255\123\1\0\0\0\85\53\0\124"))
    assert.same({ 1.5, -0.1, 5e-324, 1.7976931348623157e308 }, numbers("<f8", 4, "\0\0\0\0\0\0\248\63" ..
      "\154\153\153\153\153\153\185\191" .. "\1\0\0\0\0\0\0\0" .. "\255\255\255\255\255\255\239\127"))
    assert.is_true(numbers("<f2", 1, "\1\124")[1] ~= numbers("<f2", 1, "\1\124")[1]) -- NaN
    if string.pack then -- luacheck: ignore
      local random, all, bytes = support.random(2), {}, {}
      for i = 1, 2000 do
        all[i] = (random() - 0.5) * 2 ^ (random(600) - 300)
        bytes[i] = string.pack("<d", all[i]) -- luacheck: ignore
      end
      assert.same(all, numbers("<f8", 2000, table.concat(bytes)))
    end
  end)

  it("of numpy are refused if they lie, or are of another kind", function()
    local function message(text)
      local source, reason, code = moonvec.source.npy(new_file(text))
      assert.is_nil(source)
      assert.is_true(code == "invalid" or code == "corrupt")
      return (reason:gsub("^'.-' ", ""))
    end
    local data = moonvec.pack { 1, 2, 3, 4 }
    local good = npy(head("<f4", "2, 2"), data)
    for size = 0, #good - 1 do
      assert.is_string(message(good:sub(1, size)))
    end
    assert.equal("is no .npy file: it does not begin with \\x93NUMPY", message "PK\3\4 a zip file")
    assert.equal("has version 9 of the format, expected 1 to 3", message(npy(head("<f4", "2, 2"), data, 9)))
    assert.matches("^has numbers of type '>f4', expected '<f2'", message(npy(head(">f4", "2, 2"), data)))
    assert.matches("^has numbers of type '|O', expected", message(npy(head("|O", "2, 2"), data)))
    assert.matches("^is in Fortran order", message(npy(head("<f4", "2, 2", "True"), data)))
    for _, shape in ipairs { "", "4,", "2, 2, 1", "-2, 2", "2, 0", "1, 70000", "99999999999999999999, 2" } do
      assert.matches("^has the shape %(", message(npy(head("<f4", shape), data)))
    end
    assert.matches("its header tells of %d+ %(shape %(3, 2%)%)$", message(npy(head("<f4", "3, 2"), data)))
    assert.matches("its header tells of 80000000000%d%d ", message(npy(head("<f4", "1000000000000, 2"), data)))
    assert.matches("^is damaged: its header has 4294967295 bytes", message("\147NUMPY\2\0\255\255\255\255{}"))
  end)
end)

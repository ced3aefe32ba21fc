-- Static models of files of word vectors: formats, words of a text, weights, damaged files.

local files = require "spec.support.embed_files"
local moonvec = require "moonvec"
local plain = require "spec.support.embed_plain"
local support = require "spec.support"

local WORDS = { "the", "king", "Paris", "paris", "don't", "lion", "'s", "café", "don", "'t", "2026", "naïve", "straße" }
local DIM = 4

local function line_of(word, row, separator)
  local fields = { word }
  for i, number in ipairs(row) do fields[i + 1] = ("%.17g"):format(number) end
  return table.concat(fields, separator or " ")
end

local function text_of(words, rows, header, ending)
  local lines = {}
  for i, word in ipairs(words) do lines[i] = line_of(word, rows[i]) .. (ending or "") end
  if header then table.insert(lines, 1, ("%d %d"):format(#words, #rows[1])) end
  return table.concat(lines, "\n") .. "\n"
end

local function binary_of(words, rows, feed)
  local parts = { ("%d %d\n"):format(#words, #rows[1]) }
  for i, word in ipairs(words) do
    parts[#parts + 1] = word .. " " .. moonvec.pack(rows[i]) .. (feed or "")
  end
  return table.concat(parts)
end

local function open(bytes, options)
  local path = support.path()
  files.write(path, bytes)
  return moonvec.embed.static(path, options)
end

local function words_of(model, text)
  local found = {}
  for i, id in ipairs(assert(model.tokens(text))) do found[i] = WORDS[id + 1] end
  return table.concat(found, " ")
end

local function near(wanted, packed)
  for i, number in ipairs(moonvec.unpack(packed)) do
    assert.is_true(math.abs(number - wanted[i]) <= 1e-5, ("%g, not %g"):format(number, wanted[i]))
  end
end

describe("a file of word vectors", function()
  after_each(support.clean)

  it("is read in each format", function()
    local rows = files.rows(#WORDS, DIM, 4)
    local fingerprints = {}
    for i, bytes in ipairs {
      text_of(WORDS, rows), text_of(WORDS, rows, true), text_of(WORDS, rows, true, " "),
      text_of(WORDS, rows, false, "\r"),
      (text_of(WORDS, rows):gsub("\n$", "")), (text_of(WORDS, rows):gsub(" ", "\t")), binary_of(WORDS, rows),
      binary_of(WORDS, rows, "\n"),
    } do
      local model = assert(open(bytes))
      assert.equal(DIM, model.dim)
      for _, text in ipairs { "the king", "Paris lion", ("king the "):rep(50) } do
        near(plain.mean(rows, model.tokens(text), true), model.embed({ text })[1])
      end
      fingerprints[model.fingerprint] = i
    end
    local count = 0
    for _ in pairs(fingerprints) do count = count + 1 end
    assert.equal(8, count)
  end)

  it("has numbers in any form", function()
    local forms = { "1", "-1.5", "+.25", "5.", "1e2", "-2.5E-3", "0.000012345", "123456789012345678901234567890",
      "0.1000000000000000055511151231257827", "1e-40", "0", "-0", "3.4e38" }
    local model = assert(open("w " .. table.concat(forms, " ") .. "\n", { normalize = false }))
    for i, number in ipairs(moonvec.unpack(model.embed({ "w" })[1])) do
      local wanted = tonumber((forms[i]:gsub("^%+", "")))
      assert.is_true(math.abs(number - wanted) <= 1e-7 * math.abs(wanted) + 1e-45, forms[i])
    end
  end)

  it("may have words with spaces", function()
    local rows = files.rows(#WORDS, DIM, 4)
    local bytes = text_of(WORDS, rows) .. line_of(". . .", rows[1]) .. "\n" .. line_of("new york", rows[2]) .. "\n"
    assert.equal("king", words_of(assert(open(bytes)), "king . . ."))
  end)

  it("finds a word as it is, in lower case, and in parts", function()
    local model = assert(open(text_of(WORDS, files.rows(#WORDS, DIM))))
    for text, wanted in pairs {
      ["The KING, the king!"] = "the king the king", ["Paris PARIS pariS"] = "Paris paris paris",
      ["don't DON’T Don't"] = "don't don't don't", ["the lion's"] = "the lion 's", ["Lion’s"] = "lion 's",
      ["king't x't x'y"] = "king 't 't", ["CAFÉ NAÏVE"] = "café naïve", ["in 2026."] = "2026", [""] = "",
      ["STRASSE Straße"] = "straße", ["\255king\0the\255"] = "king the", ["'the' 'king'"] = "the king",
    } do
      assert.equal(wanted, words_of(model, text), text)
    end
  end)

  it("is weighed by the frequency of words", function()
    local words, rows = {}, files.rows(200, DIM, 6)
    for i = 1, 200 do words[i] = "w" .. i end
    local model = assert(open(text_of(words, rows), { weights = "sif" }))
    local sum, weights = 0, {}
    for i = 1, 200 do sum = sum + 1 / (i + 1) end
    for i = 1, 200 do weights[i] = 1e-4 / (1e-4 + 1 / (i + 1) / sum) end
    near(plain.mean(rows, { 0, 199, 99 }, true, weights), model.embed({ "w1 w200 W100" })[1])
    near(plain.mean(rows, { 0, 199, 99 }, true), assert(open(text_of(words, rows), { weights = "none" }))
      .embed({ "w1 w200 W100" })[1])
  end)

  it("is used up to a number of words", function()
    local bytes = text_of(WORDS, files.rows(#WORDS, DIM))
    assert.equal(512, #assert(open(bytes)).tokens(("king "):rep(1000)))
    assert.equal(1000, #assert(open(bytes, { max_tokens = 0 })).tokens(("king "):rep(1000)))
    assert.equal("the king", words_of(assert(open(bytes, { max_tokens = 2 })), "the x king the"))
    assert.equal("lion", words_of(assert(open(bytes, { max_tokens = 1 })), "lion's"))
  end)

  it("gives the first vector of a word that it has twice", function()
    local model = assert(open("a 1 0\nb 0 1\na 0 1\n"))
    near({ 1, 0 }, model.embed({ "a" })[1])
  end)
end)

describe("a damaged file of word vectors", function()
  after_each(support.clean)

  it("is refused with its line", function()
    for bytes, wanted in pairs {
      [""] = "the file is empty", ["\n"] = 'line 1 is neither "count dim" nor a word and its numbers',
      ["word\n"] = 'line 1 is neither "count dim" nor a word and its numbers',
      ["a b c\n"] = 'line 1 is neither "count dim" nor a word and its numbers',
      ["a 1 2\nb 1\n"] = "line 2 has 1 numbers behind its word, expected 2",
      ["a 1 2\n\nb 1 2\nc 1 x\n"] = "line 4: number 2 of 2 is x, expected a finite number",
      ["a 1 2\nb nan 2\n"] = "line 2: number 1 of 2 is nan, expected a finite number",
      ["a 1 2\nb inf 2\n"] = "line 2: number 1 of 2 is inf, expected a finite number",
      ["a 1 2\nb 1e39 2\n"] = "line 2: number 1 of 2 is 1e39, expected a finite number",
      ["a 1 2\nb 0x10 2\n"] = "line 2: number 1 of 2 is 0x10, expected a finite number",
      ["3 2\na 1 2\nb 1 2\n"] = "line 1 promises 3 words, the file has 2",
      ["1 2\na 1 2\nb 1 2\n"] = "line 1 promises 1 words, the file has 2",
      ["1 70000\na 1 2\n"] = "the words have 70000 numbers, at most 65535 are supported",
      ["99999999999 2\na \1\2\3\4\5\6\7\8"] =
        "the first line promises 99999999999 words with 2 numbers, the file has 24 bytes",
      ["1 2\n \1\2\3\4\5\6\7\8xx"] = "word 1 of 1 is empty",
      ["1 2\nabcdefghijklmnop"] = "word 1 of 1 has no end",
      ["1 2\nabcdef \1\2\3\4\5"] = "word 1 of 1 lacks numbers: the file is too short",
      ["1 2\na \1\2\3\4\5\6\7\8abc"] = "there are 3 bytes behind the last of 1 words",
    } do
      local model, message, code = open(bytes)
      assert.is_nil(model)
      assert.equal(wanted, (message:gsub("^'.-': ", "")))
      assert.is_true(code == "corrupt" or code == "limit")
    end
  end)

  it("is never half read, wherever it ends", function()
    local rows = files.rows(3, 2)
    for _, bytes in ipairs { text_of({ "a", "b", "c" }, rows, true), binary_of({ "a", "b", "c" }, rows) } do
      local path = support.path()
      for size = 0, #bytes - 1 do
        files.write(path, bytes:sub(1, size))
        local model, message = moonvec.embed.static(path)
        -- Without its last line feed, or with the last number cut, a text is as good as before.
        assert.is_true(not model or size > #bytes - 5, size)
        assert.is_true(model ~= nil or message:find(path, 1, true) ~= nil)
      end
    end
  end)

  it("is refused or read, whatever byte is changed", function()
    local rows, random = files.rows(3, 2), support.random(8)
    for _, bytes in ipairs { text_of({ "a", "b", "c" }, rows, true), text_of({ "a", "b", "c" }, rows),
      binary_of({ "a", "b", "c" }, rows) } do
      local path = support.path()
      for _ = 1, 300 do
        local at = random(#bytes)
        files.write(path, bytes:sub(1, at - 1), string.char(random(256) - 1), bytes:sub(at + 1))
        local model, message, code = moonvec.embed.static(path)
        if model then
          model.embed { "a b c" }
        else
          assert.is_string(message)
          assert.is_true(code == "corrupt" or code == "limit", code)
        end
      end
    end
  end)
end)

-- Splitting texts into passages: what holds for every text, and where passages end.

local moonvec = require "moonvec"
local support = require "spec.support.init"
local utf8_text = require "moonvec.utf8_text"

local WAYS = { "sentence", "paragraph", "heading", "code", "line" }

-- Of a text that is split, what must be true whatever it is.
local function check(text, options)
  local passages = moonvec.split(text, options)
  local covered = 0 -- the last byte that is in a passage
  for i, passage in ipairs(passages) do
    assert.equal(text:sub(passage.first, passage.last), passage.text)
    assert.is_true(#passage.text <= options.size and #passage.text > 0)
    assert.is_nil(text:sub(covered + 1, passage.first - 1):find "%S", "text between passages")
    assert.is_true(passage.last > covered)
    assert.is_true(passage.first >= covered + 1 - options.overlap)
    if i > 1 then
      assert.is_true(passage.first > passages[i - 1].first)
    end
    assert.is_nil(passage.text:find "%s$")
    covered = passage.last
  end
  assert.is_nil(text:sub(covered + 1):find "%S", "text behind the passages")
  return passages
end

local PIECES = {
  "word", "a", "Sentence end.", "What? ", "e.g. this", "\n", "\n\n", "\r\n", "\r\n\r\n", " ", "   ", "\t", "# Title",
    "## Sub",
  "=====", "-----", "```", "    indented", "日本語", "。", "é", "\240\159\152\128", "\255", "\128\128\128\128", "\226\130",
  ("x"):rep(40), "end", "function f()", "(", ")", "\0", "...", "1.", "~~~~",
}

local function random_text(random, count)
  local parts = {}
  for i = 1, count do
    parts[i] = PIECES[random(#PIECES)]
    if random(2) == 1 then
      parts[i] = parts[i] .. " "
    end
  end
  return table.concat(parts)
end

describe("split", function()
  it("covers every text with passages of at most the size, in each way", function()
    local random = support.random(5)
    for n = 1, 200 do
      local text = random_text(random, random(80) - 1)
      local size = 15 + random(100)
      check(text, { by = WAYS[n % 5 + 1], size = size, overlap = n % 3 == 0 and random(math.floor(size / 2)) or 0 })
    end
  end)

  it("never splits a character, nor a word that fits", function()
    local random = support.random(6)
    for n = 1, 100 do
      local words, text = {}, {}
      for i = 1, 60 do
        local word = random(3) == 1 and ("日本"):rep(random(3)) or ("é"):rep(random(8))
        words[word], text[i] = true, word
      end
      text = table.concat(text, random(2) == 1 and " " or "\n")
      for _, passage in ipairs(check(text, { by = WAYS[n % 5 + 1], size = 20 + random(30), overlap = n % 2 * 10 })) do
        for word in passage.text:gmatch "%S+" do
          assert.is_true(words[word], word)
        end
      end
    end
    for _, passage in ipairs(check(("日本語テキスト"):rep(500), { size = 100, overlap = 30 })) do
      assert.is_nil(utf8_text.first_invalid(passage.text))
    end
  end)

  it("takes time that is linear in the text, whatever it is", function()
    local size = _VERSION == "Lua 5.4" and 50000 or 20000
    local hostile = {
      "x", " ", "\n", ".", "\"", "a.\n", "(", "#", "# ", "= \n", "=\n", "-", "a\n\n", "\r\n", "\227", "\128", "a b ",
        "`", "[", "。",
    }
    for _, unit in ipairs(hostile) do
      local text = unit:rep(math.floor(size / #unit))
      for _, by in ipairs(WAYS) do
        local begin = os.clock()
        moonvec.split(text, { by = by, size = 1000, overlap = 500 })
        assert.is_true(os.clock() - begin < 1, ("%q by %s"):format(unit, by))
      end
    end
  end)

  local function texts(text, options)
    local list = {}
    for i, passage in ipairs(moonvec.split(text, options)) do
      list[i] = passage.text
    end
    return list
  end

  it("keeps sentences, paragraphs and lines whole where they fit", function()
    local text = "One two. Three four! Five?\n\nSix seven."
    assert.same({ "One two. Three four!", "Five?\n\nSix seven." }, texts(text, { size = 20, by = "sentence" }))
    assert.same({ "One two. Three four! Five?", "Six seven." }, texts(text, { size = 30 }))
    assert.same({ "One two. Three", "four! Five?", "Six seven." }, texts(text, { size = 17, by = "line" }))
    assert.same({ "abcd\n    efgh", "        ijkl" }, texts("abcd\n    efgh\n        ijkl\n", { size = 16,
      by = "line" }))
    assert.same({}, texts(" \n\t", {}))
    assert.same({}, texts("", {}))
  end)

  it("knows where sentences end", function()
    local function sentences(text)
      return texts(text, { size = 16, by = "sentence" })
    end
    assert.same({ "Dr. J. Smith is.", "Here he comes." }, sentences "Dr. J. Smith is. Here he comes.")
    assert.same({ "See e.g. this.", "(That is it.)", "\"Well.\" He went." },
      sentences "See e.g. this. (That is it.) \"Well.\" He went.")
    assert.same({ "日本。", "日本語だ。" }, sentences "日本。日本語だ。")
  end)

  it("keeps functions whole by blank lines before least indentation", function()
    local code = "local a\n\nlocal function f()\n  x()\n\n  y()\nend\n\nlocal function g()\n  z()\nend\n"
    assert.same({ "local a", "local function f()\n  x()\n\n  y()\nend", "local function g()\n  z()\nend" },
      texts(code, { size = 40, by = "code" }))
    assert.same({ "local function", "f()\n  x()", "  y()\nend" }, texts("local function f()\n  x()\n\n  y()\nend\n",
      { size = 16, by = "code" }))
  end)

  it("repeats words of the passage before", function()
    local passages = moonvec.split("one two three four five six seven eight", { size = 20, overlap = 8 })
    assert.same({ "one two three four", "four five six seven", "seven eight" },
      { passages[1].text, passages[2].text, passages[3].text })
  end)

  local function sections(text, title)
    local list = {}
    for i, passage in ipairs(moonvec.split(text, { by = "heading", title = title })) do
      list[i] = (passage.heading or "none") .. ": " .. passage.text:match "[^\n]*$"
    end
    return list
  end

  it("by heading knows Markdown", function()
    assert.same({ "none: intro", "One: text", "One > Two: more", "Three > Four: end" }, sections(
      "intro\n\n# One #\ntext\n## Two\n```\n# no heading\n```\nmore\n\nThree\n=====\n\nFour\n----\nend\n"))
    assert.same({ "Book: intro", "Book > One: x" }, sections("---\na: b\n---\nintro\n# One\nx", "Book"))
    assert.same({ "none: #no heading" }, sections "text\n#no heading")
    assert.same({ "Eins: CRLF" }, sections "# Eins\r\n\r\nCRLF\r\n")
  end)

  it("by heading knows reStructuredText", function()
    assert.same({ "Title > Part: one", "Title > Part > Sub: two", "Title > Other: three" }, sections(
      "=====\nTitle\n=====\n\nPart\n====\n\none\n\nSub\n---\n\ntwo\n\nOther\n=====\n\nthree\n"))
  end)

  it("tells after each passage how far it is", function()
    local ends = {}
    local passages = moonvec.split("one two three four five six", { size = 16, progress = function(last)
      ends[#ends + 1] = last
    end })
    assert.same({ 2, 13, 27 }, { #passages, ends[1], ends[2] })
    assert.equal(passages[2].last, ends[#ends])
  end)

  it("raises for wrong options", function()
    local function message(...)
      return support.message_of(moonvec.split, ...)
    end
    assert.matches("split: expected a text, got a nil", message(nil))
    assert.matches("split: unknown 'by' 'page'", message("a", { by = "page" }))
    assert.matches("split: 'size' must be a whole number from 16 to 1073741824, got 5", message("a", { size = 5 }))
    assert.matches("split: 'overlap' must be a whole number from 0 to 50, got 51", message("a", { size = 100,
      overlap = 51 }))
    assert.matches("split: 'title' must be a string, got a number", message("a", { title = 1 }))
    assert.matches("split: 'progress' must be a function, got a number", message("a", { progress = 1 }))
    assert.matches("split: unknown option 'chunk_size'", message("a", { chunk_size = 1 }))
  end)
end)

-- What the program moonvec prints for people: progress, text from documents, numbers.

local display_text = require "moonvec.terminal.display_text"
local progress_bar = require "moonvec.command.progress_bar"
local support = require "spec.support.init"
local terminal = require "moonvec.terminal"
local utf8_text = require "moonvec.utf8_text"

describe("progress", function()
  local real_time, real_is_terminal, now, written = os.time, terminal.is_terminal, 0, {}
  local stream = {
    write = function(_, ...)
      for _, text in ipairs { ... } do
        written[#written + 1] = text
      end
    end,
    flush = function() end,
  }

  local function with(is_terminal, work)
    now, written = 1000, {}
    os.time = function() -- luacheck: ignore 122
      return now
    end
    terminal.is_terminal = function()
      return is_terminal
    end
    local ok, message = pcall(work)
    os.time, terminal.is_terminal = real_time, real_is_terminal -- luacheck: ignore 122
    assert(ok, message)
    return table.concat(written)
  end

  it("is one line on a terminal, drawn once a second, that goes away", function()
    local text = with(true, function()
      local bar = progress_bar.new(stream, "reading")
      bar(0, 100, 0)
      now = now + 2
      bar(50, 100, 24000)
      bar(51, 100, 24500) -- in the same second
      now = now + 1
      bar(75, 100, 36000)
      bar()
      bar()
    end)
    local first = "\r\27[Kreading  [############............]  50 %  24,000 documents  12,000/s  2 s left"
    local second = "\r\27[Kreading  [##################......]  75 %  36,000 documents  12,000/s  1 s left"
    assert.equal(first .. second .. "\r\27[K", text)
  end)

  it("is a plain line each ten seconds elsewhere", function()
    local text = with(false, function()
      local bar = progress_bar.new(stream, "reading", "bytes")
      for i = 1, 25 do
        now = now + 1
        bar(i, 100, i * 1000)
      end
      bar()
    end)
    assert.equal("reading  10 %  10,000 bytes  1,000/s  1:30 left\n"
      .. "reading  20 %  20,000 bytes  1,000/s  1:20 left\n", text)
  end)

  it("does without a total", function()
    local text = with(true, function()
      local bar = progress_bar.new(stream, "reading")
      now = now + 4
      bar(7, nil, 7000)
    end)
    assert.equal("\r\27[Kreading  7,000 documents  1,750/s", text)
  end)
end)

describe("text that is printed", function()
  it("is valid UTF-8 in one line without control characters, and says what there was", function()
    assert.equal("a b c", display_text.visible "a\tb\r\n\nc")
    assert.equal("\\x1b[31m \\x00\\x7f", display_text.visible "\27[31m \0\127")
    local valid = "\195\164 \228\184\173 \240\159\166\137"
    assert.equal(valid, display_text.visible(valid))
    local invalid = "\194\155 \255 \237\160\128 \192\128"
    assert.equal("\\xc2\\x9b \\xff \\xed\\xa0\\x80 \\xc0\\x80", display_text.visible(invalid))
    local random = support.random(8)
    for _ = 1, 300 do
      local bytes = {}
      for i = 1, random(30) do
        bytes[i] = string.char(random(256) - 1)
      end
      local text = display_text.visible(table.concat(bytes))
      assert.is_nil(text:find "[%z\1-\31\127]")
      assert.is_nil(text:find "\194[\128-\159]")
      assert.is_nil(utf8_text.first_invalid(text))
    end
  end)

  it("has numbers that people read", function()
    for number, text in pairs { [0] = "0", [999] = "999", [1000] = "1,000", [-1234567] = "-1,234,567" } do
      assert.equal(text, terminal.number(number))
    end
    for bytes, text in pairs { [0] = "0 bytes", [999] = "999 bytes", [1000] = "1.0 KB", [45100] = "45.1 KB",
                               [156e6] = "156 MB", [999960] = "1.0 MB", [5e15] = "5000 TB" } do
      assert.equal(text, terminal.size(bytes))
    end
    for seconds, text in pairs { [0] = "0 s", [59.4] = "59 s", [59.6] = "1:00", [187] = "3:07", [3765] = "1:02:45" } do
      assert.equal(text, terminal.duration(seconds))
    end
  end)
end)

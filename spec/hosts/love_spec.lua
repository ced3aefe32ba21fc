-- The example game in the real LÖVE, on a display without a screen: it is played by a script, from a .love file as a
-- player gets it.

local command_line = require "spec.support.command_line"
local program = require "spec.support.program"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local quote, shell = program.quote, command_line.shell

local PACKED = "build/love/village"

-- Takes the place of main.lua: the game is played by SCRIPT, whose `result` is written as a Lua table.
local MAIN = [[
jit.off() -- machine code is counted as memory of Lua
require "game"
memories, meaning, village = require "memories", require "meaning", require "village"
result = {}
love.math.setRandomSeed(7)

function threads()
  local pipe = io.popen "ls /proc/$PPID/task | wc -l"
  local count = tonumber(pipe:read "*a")
  pipe:close()
  return count
end

function play(frames)
  for _ = 1, frames do
    love.update(1 / 60)
  end
end

function write_result()
  local file = assert(io.open(%q, "w"))
  file:write "return {\n"
  for name, value in pairs(result) do
    file:write(("[%%q] = %%s,\n"):format(name, type(value) == "string" and ("%%q"):format(value) or tostring(value)))
  end
  file:write "}\n"
  file:close()
end

local load = love.load
function love.load()
  load()
  local ok, message = xpcall(script, debug.traceback)
  if not ok then
    io.stderr:write(message, "\n")
    os.exit(1)
  end
end

function script() %s end
]]

-- Draws the game, and quits when the picture is there.
local SHOW = [[
  local draw = love.draw
  function love.draw()
    draw()
    love.graphics.captureScreenshot(function(image)
      local seen = {}
      result.colors, result.width, result.height = 0, image:getDimensions()
      for x = 0, result.width - 1, 2 do
        for y = 0, result.height - 1, 2 do
          local color = ("%.2f %.2f %.2f"):format(image:getPixel(x, y))
          result.colors, seen[color] = result.colors + (seen[color] and 0 or 1), true
        end
      end
      image:encode("png", "shot.png")
      write_result()
      love.event.quit()
    end)
  end
]]

local has_love = shell "command -v love && command -v Xvfb" ~= ""

local function love_it(name, run)
  it(name, has_love and run or function()
    pending "needs LÖVE and Xvfb: install the Debian packages love and xvfb"
  end)
end

local display, display_pid

local function start_display()
  local number = support.path()
  display_pid = shell(("Xvfb -displayfd 1 -screen 0 1024x768x24 -nolisten tcp >%s 2>/dev/null & echo $!"):format(
    number)):match "%d+"
  support.wait_until(function()
    display = text_files.read(number):match "%d+"
    return display
  end)
end

--- Plays a script in the packed game. `home`: where LÖVE has its save directories. Returns its `result`.
local function play(home, script)
  local folder, answer = support.path(), support.path ".lua"
  assert(select(2, shell(("cp -r %s %s && mv %s/main.lua %s/game.lua"):format(PACKED, folder, folder, folder))) == 0)
  text_files.write(folder .. "/main.lua", MAIN:format(answer, script))
  local love = support.path ".love"
  local output, exit_code, errors = shell(("cd %s && cmake -E tar cf %s --format=zip -- * && "
    .. "XDG_DATA_HOME=%s XDG_RUNTIME_DIR=%s DISPLAY=:%s SDL_AUDIODRIVER=dummy timeout 300 love %s"):format(
    quote(folder), love, home, home, display, love))
  assert(exit_code == 0, output .. errors)
  return assert(loadfile(answer))()
end

local function new_home()
  local home = support.path()
  shell("mkdir -p " .. home)
  return home
end

describe("a game in LÖVE", function()
  setup(function()
    if has_love then
      local output, exit_code, errors = shell "examples/love/pack.sh"
      assert(exit_code == 0, output .. errors)
      start_display()
    end
  end)

  teardown(function()
    if display_pid then
      shell("kill " .. display_pid)
    end
    support.clean()
  end)

  love_it("loads the library from the save directory, and replaces an old copy of it", function()
    local home = new_home()
    local copy = home .. "/love/moonvec-village/moonvec/core.so"
    shell(("mkdir -p %s && echo old >%s"):format(copy:match "^(.*)/", copy))
    local result = play(home, [[
      result.version, result.threads_before = require("moonvec")._VERSION, threads()
      play(60)
      result.threads_after = threads()
    ]] .. SHOW)
    assert.matches("^moonvec %d", result.version)
    assert.equal(result.threads_before, result.threads_after)
    assert.equal(text_files.read(PACKED .. "/library/core.so"), text_files.read(copy))
  end)

  love_it("lets characters follow and flee from what they remember, also in the next game", function()
    local home = new_home()
    local result = play(home, [[
      local ada, player = village.people[1], village.player
      for _, person in ipairs(village.people) do person.x, person.y = 900, 500 end
      village.wolf.x, village.wolf.y, village.wolf.hungry_at = 900, 20, math.huge
      local function meet(act)
        ada.x, ada.y, player.x, player.y = 200, 100, 230, 100
        act()
        for _ = 1, 60 do village.update(1 / 60, 0, 0) end
        return ada.mood
      end
      result.kind = meet(village.give)
      result.text = memories.told(ada.hits[2]).text
      for _ = 1, 3 do result.cruel = meet(village.hit) end
      result.distance = math.abs(ada.x - player.x) + math.abs(ada.y - player.y)
      result.count = memories.count()
    ]] .. SHOW)
    assert.is_true(result.kind > 0.1 and result.cruel < -0.1, ("%s, %s"):format(result.kind, result.cruel))
    assert.equal("you gave me bread in the woods", result.text)
    assert.is_true(result.distance > 60, result.distance)
    local again = play(home, [[
      result.count = memories.count()
      local hits = {}
      memories.recall("Ada", "you in the woods", hits)
      for _, hit in ipairs(hits) do
        result.worst = math.min(result.worst or 0, memories.told(hit).feeling)
      end
    ]] .. SHOW)
    assert.same({ result.count, -1 }, { again.count, again.worst })
  end)

  love_it("has 10,000 memories: little work in each frame, no garbage of queries, the right hits", function()
    local home = new_home()
    local result = play(home, [[
      local WORDS = { "bread", "wolf", "river", "song", "storm", "gold", "horse", "bridge", "king", "fire" }
      local random, all = love.math.random, {}
      local function some_text()
        return ("%s %s %s"):format(WORDS[random(10)], WORDS[random(10)], WORDS[random(10)])
      end
      for i = 1, 10500 do
        all[i] = { who = village.people[random(5)].name, text = some_text() }
        memories.remember(all[i].who, all[i].text, 0)
        memories.tidy()
      end

      -- Each frame: counted calls, and the bytes that a query leaves.
      local remember, recall, tidy = memories.remember, memories.recall, memories.tidy
      local written, asked, slices = 0, 0, 0
      result.garbage, result.written_most, result.asked_most, result.slices_most = 0, 0, 0, 0
      function memories.remember(who, text, feeling)
        written, all[#all + 1] = written + 1, { who = who, text = text }
        remember(who, text, feeling)
      end
      function memories.tidy() slices = slices + 1; tidy() end
      function memories.recall(who, text, hits)
        asked = asked + 1
        recall(who, text, hits) -- makes the vector of a new text, and the tables of new hits
        collectgarbage "stop"
        local before = collectgarbage "count"
        recall(who, text, hits)
        result.garbage = result.garbage + (collectgarbage "count" - before) * 1024
        collectgarbage "restart"
      end
      result.frames, result.asked = 300, 0
      for _ = 1, result.frames do
        written, asked, slices = 0, 0, 0
        play(1)
        result.written_most = math.max(result.written_most, written)
        result.asked_most, result.asked = math.max(result.asked_most, asked), result.asked + asked
        result.slices_most = math.max(result.slices_most, slices)
      end
      result.count = memories.count()

      -- The hits against all vectors.
      local moonvec, vectors, hits = require "moonvec", {}, {}
      local function vector(text)
        vectors[text] = vectors[text] or moonvec.unpack(meaning.of(text))
        return vectors[text]
      end
      local function cosine(a, b)
        local ab, aa, bb = 0, 0, 0
        for i = 1, #a do ab, aa, bb = ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i] end
        return ab / math.sqrt(aa * bb)
      end
      result.right, result.questions = 0, 20
      for _ = 1, result.questions do
        local who, text, best = village.people[random(5)].name, some_text(), -1
        recall(who, text, hits)
        local scores = {} -- many memories have the same text
        for i = #all - 9999, #all do
          local one = all[i].text
          if all[i].who == who and not scores[one] then
            scores[one] = cosine(vector(one), vector(text))
            best = math.max(best, scores[one])
          end
        end
        result.right = result.right + (math.abs(hits[1].score - best) < 1e-4 and 1 or 0)
      end
    ]] .. SHOW)
    assert.same({ count = 10000, garbage = 0 }, { count = result.count, garbage = result.garbage })
    assert.same({ 1, 1 }, { result.asked_most, result.slices_most })
    assert.is_true(result.written_most >= 1 and result.written_most <= 10, result.written_most)
    assert.is_true(result.asked > result.frames / 4, result.asked)
    assert.is_true(result.right >= 19, result.right)
  end)

  love_it("begins without memories if the saved ones are damaged, and keeps the file", function()
    local home = new_home()
    play(home, [[
      for i = 1, 50 do memories.remember("Ada", "saw the river " .. i, 0) end
    ]] .. SHOW)
    local folder = home .. "/love/moonvec-village"
    local half = text_files.read(folder .. "/memories.dump"):sub(1, 20000)
    text_files.write(folder .. "/memories.dump", half)
    local result = play(home, [[
      result.count = memories.count()
      memories.remember("Ada", "saw the sea", 0)
    ]] .. SHOW)
    assert.equal(0, result.count)
    assert.equal(half, text_files.read(folder .. "/memories.damaged"))
    assert.equal(1, play(home, "result.count = memories.count()" .. SHOW).count)
  end)

  love_it("draws a picture", function()
    local home = new_home()
    local result = play(home, "play(120)" .. SHOW)
    assert.same({ 960, 600 }, { result.width, result.height })
    assert.is_true(result.colors > 50, result.colors)
    assert.equal("\137PNG", text_files.read(home .. "/love/moonvec-village/shot.png"):sub(1, 4))
  end)
end)

--- A village in which things happen. Its people see them, remember them, and do what their memories tell them: whom
-- they remember well they follow, from what they remember as bad they run away. When they meet, they tell each other.

local memories = require "memories"

local M = { WIDTH = 960, HEIGHT = 540 }

local SIGHT, REACH, SPEED, HASTE = 170, 60, 70, 1.6
local NOTICE_SECONDS = 0.5 -- between two things that a person notices
local REST_SECONDS = 6 -- of the wolf, after it has bitten
local GIFT, BLOW, BITE = 1, -1, -1 -- how it feels

M.PLACES = {
  { name = "in the woods", x = 0, y = 0, color = { 0.20, 0.36, 0.24 } },
  { name = "by the river", x = 480, y = 0, color = { 0.22, 0.36, 0.48 } },
  { name = "at the market", x = 0, y = 270, color = { 0.46, 0.38, 0.24 } },
  { name = "in the ruins", x = 480, y = 270, color = { 0.34, 0.32, 0.36 } },
}

M.people = {}
for i, name in ipairs { "Ada", "Bo", "Cleo", "Dan", "Eve" } do
  M.people[i] = { name = name, thing = name, hits = {}, mood = 0, next_notice = i / 10 }
end
M.wolf = { name = "the wolf", thing = "the wolf", mood = 0, hungry_at = 0 }
M.player = { name = "you", thing = "you" }

local beings = { M.wolf, M.player }
for _, person in ipairs(M.people) do
  beings[#beings + 1] = person
end

local thinker, now = 1, 0

function M.start()
  for _, being in ipairs(beings) do
    being.x, being.y = love.math.random(M.WIDTH), love.math.random(M.HEIGHT)
    being.goal_x, being.goal_y = being.x, being.y
  end
end

local function distance(a, b)
  return math.sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2)
end

local function place_of(being)
  return M.PLACES[(being.x < 480 and 1 or 2) + (being.y < 270 and 0 or 2)]
end

--- The nearest being to this one that is nearer than `most`; nil if there is none.
local function nearest(being, list, most)
  local found
  for _, other in ipairs(list) do
    local far = distance(being, other)
    if other ~= being and far < most then
      found, most = other, far
    end
  end
  return found
end

-- Sentences about beings and places, made once.
local sentences = {}

local function sentence(format, thing, place)
  local by_thing = sentences[format] or {}
  local by_place = by_thing[thing] or {}
  sentences[format], by_thing[thing] = by_thing, by_place
  by_place[place] = by_place[place] or format:format(thing, place)
  return by_place[place]
end

-- ---------------------------------------------------------------- what happens

--- The person nearest to the player is given bread, or is hit. All who see it remember it.
local function do_to_nearest(to_me, to_other, feeling)
  local target = nearest(M.player, M.people, REACH)
  if not target then
    return
  end
  local place = place_of(target).name
  memories.remember(target.name, sentence(to_me, "you", place), feeling)
  for _, person in ipairs(M.people) do
    if person ~= target and distance(person, target) < SIGHT then
      memories.remember(person.name, sentence(to_other, target.name, place), feeling / 2)
    end
  end
end

function M.give()
  do_to_nearest("%s gave me bread %s", "you gave %s bread %s", GIFT)
end

function M.hit()
  do_to_nearest("%s hit me %s", "you hit %s %s", BLOW)
end

local function remember_new(person, text, feeling)
  if not memories.knows(person.name, text) then
    memories.remember(person.name, text, feeling)
  end
end

--- A person tells another one what it feels most about, of what it has just recalled.
local function tell(person, other)
  local best
  for _, hit in ipairs(person.hits) do
    local memory = memories.told(hit)
    if memory and math.abs(memory.feeling) > (best and math.abs(best.feeling) or 0.2) then
      best = memory
    end
  end
  if best and not best.text:find(other.name, 1, true) then
    local text = best.text:gsub(" me ", " " .. person.name .. " "):gsub("^heard that ", "")
    remember_new(other, "heard that " .. text, best.feeling / 2)
  end
end

local function bite(person, place)
  memories.remember(person.name, sentence("%s bit me %s", M.wolf.thing, place), BITE)
  M.wolf.hungry_at = now + REST_SECONDS
end

--- A person notices the being next to it.
local function notice(person)
  local other = nearest(person, beings, SIGHT)
  person.sees = other
  if not other then
    return
  end
  local place = place_of(person).name
  remember_new(person, sentence("saw %s %s", other.thing, place), 0)
  if other == M.wolf and now >= M.wolf.hungry_at and distance(person, other) < REACH / 2 then
    bite(person, place)
  elseif other.hits then
    tell(person, other)
  end
end

-- ---------------------------------------------------------------- what people do

--- A person recalls what is like what it sees. Its mood is how that felt: near memories count more.
local function think(person)
  if not person.sees then
    person.mood = 0
    return
  end
  memories.recall(person.name, sentence("%s %s", person.sees.thing, place_of(person).name), person.hits)
  local mood = 0
  for _, hit in ipairs(person.hits) do
    mood = mood + hit.score * memories.told(hit).feeling
  end
  person.mood = mood
end

local function set_goal(being, x, y)
  being.goal_x = math.max(20, math.min(M.WIDTH - 20, x))
  being.goal_y = math.max(20, math.min(M.HEIGHT - 20, y))
end

local function choose_goal(person)
  local other = person.mood ~= 0 and person.sees
  if other and person.mood < 0 then
    set_goal(person, 2 * person.x - other.x, 2 * person.y - other.y)
  elseif other and distance(person, other) > REACH / 2 then
    set_goal(person, other.x, other.y)
  elseif math.abs(person.x - person.goal_x) + math.abs(person.y - person.goal_y) < 4 then
    set_goal(person, love.math.random(M.WIDTH), love.math.random(M.HEIGHT))
  end
end

local function walk(being, seconds, speed)
  local x, y = being.goal_x - being.x, being.goal_y - being.y
  local far = math.max(1, math.sqrt(x * x + y * y))
  local step = math.min(far, speed * seconds)
  being.x, being.y = being.x + x / far * step, being.y + y / far * step
end

local function hunt()
  local prey = now >= M.wolf.hungry_at and nearest(M.wolf, M.people, SIGHT)
  if prey then
    set_goal(M.wolf, prey.x, prey.y)
  else
    choose_goal(M.wolf)
  end
end

--- A frame. `x`, `y`: where the player goes, from -1 to 1.
function M.update(seconds, x, y)
  now = now + seconds
  set_goal(M.player, M.player.x + x * 100, M.player.y + y * 100)
  walk(M.player, seconds, SPEED * HASTE * 1.5)
  hunt()
  walk(M.wolf, seconds, SPEED)
  for _, person in ipairs(M.people) do
    if now >= person.next_notice then
      person.next_notice = now + NOTICE_SECONDS
      notice(person)
    end
    choose_goal(person)
    walk(person, seconds, person.mood == 0 and SPEED or SPEED * HASTE)
  end
  think(M.people[thinker]) -- one in each frame
  thinker = thinker % #M.people + 1
  memories.tidy()
end

--- The person whose thoughts are shown: the one next to the player.
function M.listener()
  return nearest(M.player, M.people, math.huge)
end

return M

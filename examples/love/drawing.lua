--- Draws the village: all of it by lines, circles and texts.

local memories = require "memories"
local village = require "village"

local M = {}

local HELP = "arrows: walk     g: give bread     h: hit     r: all forget everything     escape: save and end"

local THOUGHTS_WIDTH = 310

local function draw_place(place)
  love.graphics.setColor(place.color)
  love.graphics.rectangle("fill", place.x, place.y, 480, 270)
  love.graphics.setColor(1, 1, 1, 0.35)
  love.graphics.print(place.name, place.x + 12, place.y + 10)
end

--- Red for a bad mood, green for a good one.
local function color_of(mood)
  local strength = math.min(1, math.abs(mood))
  return 0.85 - (mood > 0 and 0.55 * strength or 0), 0.8 - (mood < 0 and 0.55 * strength or 0), 0.75 - 0.45 * strength
end

local function draw_person(person)
  love.graphics.setColor(color_of(person.mood))
  love.graphics.circle("fill", person.x, person.y, 13)
  love.graphics.setColor(0, 0, 0)
  love.graphics.circle("fill", person.x - 4, person.y - 3, 2)
  love.graphics.circle("fill", person.x + 4, person.y - 3, 2)
  local bend = math.max(-1, math.min(1, person.mood)) * 4
  love.graphics.line(person.x - 5, person.y + 5 - bend / 2, person.x, person.y + 5 + bend / 2, person.x + 5,
    person.y + 5 - bend / 2)
  love.graphics.setColor(1, 1, 1)
  love.graphics.printf(person.name, person.x - 40, person.y + 16, 80, "center")
end

local function draw_wolf(wolf)
  love.graphics.setColor(0.15, 0.15, 0.18)
  love.graphics.polygon("fill", wolf.x - 16, wolf.y + 9, wolf.x, wolf.y - 15, wolf.x + 16, wolf.y + 9)
  love.graphics.setColor(0.9, 0.2, 0.15)
  love.graphics.circle("fill", wolf.x - 4, wolf.y, 2)
  love.graphics.circle("fill", wolf.x + 4, wolf.y, 2)
end

local function draw_player(player)
  love.graphics.setColor(0.95, 0.8, 0.25)
  love.graphics.circle("fill", player.x, player.y, 15)
  love.graphics.setColor(0, 0, 0)
  love.graphics.circle("line", player.x, player.y, 15)
  love.graphics.printf("you", player.x - 30, player.y - 7, 60, "center")
end

--- What the person next to the player recalls, the nearest memory first; equal ones once.
local function draw_thoughts(person)
  local x = math.max(8, math.min(person.x - THOUGHTS_WIDTH / 2, village.WIDTH - THOUGHTS_WIDTH - 8))
  local y = person.y > 140 and person.y - 120 or person.y + 44
  love.graphics.setColor(1, 1, 1, 0.9)
  love.graphics.rectangle("fill", x, y, THOUGHTS_WIDTH, 92, 8)
  love.graphics.setColor(0, 0, 0)
  love.graphics.print(person.name .. " recalls:", x + 10, y + 6)
  local lines, before = 0, nil
  for _, hit in ipairs(person.hits) do
    local memory = memories.told(hit) -- it may have faded since
    if memory and memory.text ~= before and lines < 4 then
      lines, before = lines + 1, memory.text
      love.graphics.print(("%.2f  %s"):format(hit.score, memory.text), x + 10, y + 7 + 16 * lines)
    end
  end
end

function M.draw()
  for _, place in ipairs(village.PLACES) do
    draw_place(place)
  end
  for _, person in ipairs(village.people) do
    draw_person(person)
  end
  draw_wolf(village.wolf)
  draw_player(village.player)
  draw_thoughts(village.listener())
  love.graphics.setColor(0.1, 0.1, 0.12)
  love.graphics.rectangle("fill", 0, village.HEIGHT, village.WIDTH, 60)
  love.graphics.setColor(0.9, 0.9, 0.9)
  love.graphics.print(HELP, 12, village.HEIGHT + 10)
  love.graphics.print(("%d memories of 384 numbers each"):format(memories.count()), 12, village.HEIGHT + 32)
end

return M

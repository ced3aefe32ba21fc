-- A village that remembers. Give bread or hit, and see who comes near you later, and who runs away.

local drawing = require "drawing"
local memories = require "memories"
local village = require "village"

local function direction(less, more)
  return (love.keyboard.isDown(more) and 1 or 0) - (love.keyboard.isDown(less) and 1 or 0)
end

local actions = {
  g = village.give,
  h = village.hit,
  r = memories.forget,
  escape = love.event.quit,
}

function love.load()
  memories.open()
  village.start()
end

function love.update(seconds)
  village.update(math.min(seconds, 0.1), direction("left", "right"), direction("up", "down"))
end

function love.draw()
  drawing.draw()
end

function love.keypressed(key)
  if actions[key] then
    actions[key]()
  end
end

function love.quit()
  memories.save()
end

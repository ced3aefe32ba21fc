function love.conf(t)
  t.identity = "moonvec-village" -- the name of the save directory
  t.version = "11.4"
  t.window.title = "A village that remembers"
  t.window.width, t.window.height = 960, 600
  t.modules.audio, t.modules.sound, t.modules.joystick, t.modules.physics = false, false, false, false
end

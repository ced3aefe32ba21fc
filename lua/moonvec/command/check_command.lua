--- `moonvec check`: whether all files of a collection are sound.

return {
  name = "check",
  summary = "verify every checksum and structure",
  usage = "DIR",
  details = { "Exit code 1 if something is damaged; the message names the file." },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    call:check(collection:check())
    local stats = call:check(collection:stats())
    for name, index in pairs(stats.indexes) do
      if index.warning then
        call:fail("the index of '%s' is damaged: %s ('moonvec optimize' builds it again)", name, index.warning)
      end
    end
    call:print "sound"
  end,
}

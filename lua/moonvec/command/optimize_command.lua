--- `moonvec optimize`: merges segments, drops deleted rows and builds indexes.

local terminal = require "moonvec.terminal"

return {
  name = "optimize",
  summary = "merge, drop deleted rows, build indexes",
  usage = "DIR",
  options = { { "threads", "N", "threads that build graphs (default: one for each core, at most 8)" } },
  run = function(call)
    local threads = call.options.threads and call:whole("threads", nil, 1, 64)
    local collection = call:open(call.args[1], { writable = true, models = false, maintenance = "manual" })
    local before = call:check(collection:stats()).disk_bytes
    call:optimize(collection, threads)
    local after = call:check(collection:stats()).disk_bytes
    call:note("%s before, %s now", terminal.size(before), terminal.size(after))
  end,
}

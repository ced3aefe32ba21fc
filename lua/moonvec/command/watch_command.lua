--- `moonvec watch`: prints what changes in a collection, until it is interrupted.

local json = require "moonvec.json"
local system = require "moonvec.system"
local terminal = require "moonvec.terminal"

local SECONDS = 1

-- The columns of the table: title, width, text of the stats.
local COLUMNS = {
  { "time", 8, function()
    return os.date "%H:%M:%S"
  end },
  { "documents", 12, function(stats)
    return terminal.number(stats.documents)
  end },
  { "commit", 10, function(stats)
    return terminal.number(stats.commit)
  end },
  { "segments", 8, function(stats)
    return terminal.number(stats.segments)
  end },
  { "fresh", 9, function(stats)
    return terminal.number(stats.fresh_rows)
  end },
  { "deleted", 9, function(stats)
    return terminal.number(stats.deleted_rows)
  end },
  { "not indexed", 11, function(stats)
    return terminal.number(stats.pending_rows)
  end },
  { "disk", 9, function(stats)
    return terminal.size(stats.disk_bytes)
  end },
}

--- What changes when the collection does. Others, such as memory, change all the time.
local function fingerprint(stats)
  return table.concat({ stats.commit, stats.documents, stats.segments, stats.fresh_rows, stats.deleted_rows,
    stats.pending_rows, stats.disk_bytes, stats.oldest_reader and stats.oldest_reader.pid or 0 }, " ")
end

local function print_row(call, text_of)
  local cells = {}
  for i, column in ipairs(COLUMNS) do
    cells[i] = ("%" .. column[2] .. "s"):format(text_of(column))
  end
  call:print(table.concat(cells, "  "))
end

return {
  name = "watch",
  summary = "print the state of a collection whenever it changes",
  usage = "DIR",
  options = {
    { "once", nil, "print it once" },
    { "every", "SECONDS", "how often to look (default 1)" },
    { "json", nil, "print JSON lines: all stats, with `time` in seconds since 1970" },
  },
  details = { "Ends when it is interrupted (Ctrl-C)." },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    local seconds = call:whole("every", SECONDS, 1, 86400)
    local before
    if not call.options.json then
      print_row(call, function(column)
        return column[1]
      end)
    end
    repeat
      local stats = call:check(collection:stats())
      local now = fingerprint(stats)
      if now ~= before and call.options.json then
        stats.time = os.time()
        stats.indexes = json.object(stats.indexes)
        call:print_json(stats)
      elseif now ~= before then
        print_row(call, function(column)
          return column[3](stats)
        end)
      end
      call.stdout:flush()
      before = now
    until call.options.once or not system.sleep(seconds)
  end,
}

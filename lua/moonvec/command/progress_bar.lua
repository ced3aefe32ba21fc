--- How far a command is, on stderr: one line that is drawn again on a terminal, else a plain line now and then.

local terminal = require "moonvec.terminal"

local M = {}

-- Seconds between two lines. The clock of plain Lua counts whole seconds, so a terminal is drawn once a second.
local TERMINAL_SECONDS, PLAIN_SECONDS = 1, 10
local BAR_WIDTH = 24

--- "import  42 %  126,000 of 300,000  41,200/s  4 s left", as far as it is known.
local function describe(state, done, total, now, with_bar)
  local seconds, words = now - state.began, { state.label }
  if total and total > 0 then
    local share = math.min(done / total, 1)
    if with_bar then
      local full = math.floor(share * BAR_WIDTH)
      words[#words + 1] = "[" .. ("#"):rep(full) .. ("."):rep(BAR_WIDTH - full) .. "]"
    end
    words[#words + 1] = ("%d %%"):format(math.floor(share * 100))
  end
  if state.count then
    words[#words + 1] = terminal.number(state.count) .. " " .. state.noun
    if seconds > 0 then
      words[#words + 1] = terminal.number(state.count / seconds) .. "/s"
    end
  end
  if total and done > 0 and done < total and seconds > 0 then
    words[#words + 1] = terminal.duration(seconds * (total - done) / done) .. " left"
  end
  return table.concat(words, "  ")
end

--- A function(done, total, count) that shows how far `label` is. `done` of `total` gives the share and the time that is
-- left; total is nil if it is not known. `count` is how many things (`noun`, "documents") are done. Without arguments
-- it removes the line from a terminal. `stream` is stderr.
function M.new(stream, label, noun)
  local state = { label = label, noun = noun or "documents", began = os.time(), shown = os.time() }
  local is_terminal = terminal.is_terminal(2)
  local every = is_terminal and TERMINAL_SECONDS or PLAIN_SECONDS
  return function(done, total, count)
    local now = os.time()
    if done == nil then
      if state.is_drawn then
        stream:write("\r\27[K")
        state.is_drawn = false
      end
    elseif now - state.shown >= every then
      state.shown, state.count = now, count
      local text = describe(state, done, total, now, is_terminal)
      stream:write(is_terminal and "\r\27[K" .. text or text .. "\n")
      state.is_drawn = is_terminal
      stream:flush()
    end
  end
end

return M

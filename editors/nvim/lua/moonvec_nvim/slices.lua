--- Tasks that run in slices of some milliseconds, on a timer of libuv, so that a person who types does not wait for
-- them. Tasks run one after the other. A task is a coroutine, which calls pause() after each step of its work.

local M = {}

-- How long a slice lasts, in milliseconds, and how long the editor has for itself between two of them.
M.SLICE_MS, M.PAUSE_MS = 5, 2

-- What has been done: for `status`, and for the specs.
M.counts = { slices = 0, steps = 0 }

local uv = vim.loop

local tasks = {}
local timer, slice_end

--- Called by a task after each step of its work: goes on in the next slice if this one has lasted long enough.
function M.pause()
  M.counts.steps = M.counts.steps + 1
  if uv.hrtime() >= slice_end then
    coroutine.yield()
  end
end

--- Called by a task: goes on after `ms` milliseconds.
function M.sleep(ms)
  coroutine.yield(ms)
end

local start

local function run_slice()
  local task = tasks[1]
  if not task then
    return -- they were cancelled
  end
  slice_end = uv.hrtime() + M.SLICE_MS * 1e6
  M.counts.slices = M.counts.slices + 1
  local ok, value = coroutine.resume(task.thread)
  if coroutine.status(task.thread) == "suspended" then
    return start(value)
  end
  table.remove(tasks, 1)
  if tasks[1] then
    start()
  end
  task.ended(ok, value)
end

function start(ms)
  timer = timer or uv.new_timer()
  timer:start(ms or M.PAUSE_MS, 0, vim.schedule_wrap(run_slice))
end

--- Adds a task: `work` is run after the tasks before it, then `ended(true)` is called, or `ended(false, error)`.
-- `is_short`: M.finish runs it to its end.
function M.add(work, ended, is_short)
  tasks[#tasks + 1] = { thread = coroutine.create(work), ended = ended, is_short = is_short }
  if #tasks == 1 then
    start()
  end
end

--- Whether a task is running or waiting.
function M.is_busy()
  return tasks[1] ~= nil
end

--- Runs the short tasks to their ends at once, within `ms` milliseconds, and drops the others.
function M.finish(ms)
  local left = tasks
  tasks, slice_end = {}, uv.hrtime() + ms * 1e6
  if timer then
    timer:stop()
    timer:close()
    timer = nil
  end
  for _, task in ipairs(left) do
    local ok, value
    while task.is_short and coroutine.status(task.thread) == "suspended" and uv.hrtime() < slice_end do
      ok, value = coroutine.resume(task.thread)
      if coroutine.status(task.thread) == "dead" then
        task.ended(ok, value)
      elseif value then
        uv.sleep(value)
      end
    end
  end
end

return M

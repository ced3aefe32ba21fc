-- The update of an indexed folder, as programs run it that do something else meanwhile: in small transactions, stopped
-- between two of them, or for one file.

local folder_passages = require "moonvec.command.folder_passages"
local folder_update = require "moonvec.command.folder_update"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local NOTES = { size = 64 }

local function write(folder, path, count, word)
  local lines = {}
  for i = 1, count do
    lines[i] = ("paragraph %d has the word %s, and some more of them"):format(i, word)
  end
  text_files.write(folder .. "/" .. path, table.concat(lines, "\n\n"))
  os.execute("touch -d '1 hour ago' '" .. folder .. "/" .. path .. "'")
end

--- A folder with these numbers of passages by path, and its collection.
local function folder_of(counts)
  local folder = support.path()
  os.execute("mkdir -p '" .. folder .. "/deep'")
  for path, count in pairs(counts) do
    write(folder, path, count, "first")
  end
  local schema = folder_passages.schema { index = "text" }
  return folder, support.collection(schema, { path = ":memory:", maintenance = "manual" })
end

local function count_of(c, word)
  return c:count("text MATCH ?", { word })
end

--- Runs an update until it has called `progress` `steps` times, and no further. Returns whether it was done before.
local function run_steps(c, folder, steps, options)
  options.progress = coroutine.yield
  local run = coroutine.create(folder_update.run)
  local ok, result = coroutine.resume(run, c, folder, NOTES, options)
  while ok and coroutine.status(run) == "suspended" and steps > 0 do
    steps = steps - 1
    ok, result = coroutine.resume(run)
  end
  assert(ok, result)
  return coroutine.status(run) == "dead"
end

describe("the update of an indexed folder", function()
  after_each(support.clean)

  it("writes no more passages in a transaction than it is told", function()
    local folder, c = folder_of { ["a.txt"] = 50, ["b.txt"] = 3, ["deep/c.txt"] = 4 }
    local largest, before = 0, 0
    local result = assert(folder_update.run(c, folder, NOTES, { batch = 8, progress = function()
      largest, before = math.max(largest, #c - before), #c
    end }))
    assert.same({ 3, 57 }, { result.files, result.passages })
    assert.same({ 57, 8 }, { #c, largest })
  end)

  it("that ends anywhere is completed by the next one", function()
    local steps, is_done = 0
    repeat
      local folder, c = folder_of { ["a.txt"] = 9, ["b.txt"] = 6 }
      assert(folder_update.run(c, folder, NOTES, {}))
      write(folder, "a.txt", 7, "second")
      write(folder, "b.txt", 8, "second")
      is_done = run_steps(c, folder, steps, { batch = 2 })
      write(folder, "b.txt", 5, "third")
      assert(folder_update.run(c, folder, NOTES, {}))
      assert.same({ 12, 0, 7, 5 }, { #c, count_of(c, "first"), count_of(c, "second"), count_of(c, "third") })
      local again = folder_update.run(c, folder, NOTES, {})
      assert.same({ 0, 0, 0 }, { again.files, again.passages, again.deleted })
      support.clean()
      steps = steps + 1
    until is_done
    assert.is_true(steps > 20)
  end)

  it("of one file leaves the others as they are", function()
    local folder, c = folder_of { ["a.txt"] = 3, ["deep/b.txt"] = 3 }
    assert(folder_update.run(c, folder, NOTES, {}))
    write(folder, "a.txt", 5, "second")
    write(folder, "deep/b.txt", 2, "second")
    local result = assert(folder_update.run(c, folder, NOTES, { only = "deep/b.txt" }))
    assert.same({ 1, 2, 1 }, { result.files, result.passages, result.deleted })
    assert.same({ 3, 2 }, { count_of(c, "first"), count_of(c, "second") })
    os.remove(folder .. "/deep/b.txt")
    result = assert(folder_update.run(c, folder, NOTES, { only = "deep/b.txt" }))
    assert.same({ 1, 2, 3 }, { result.removed, result.deleted, #c })
    result = assert(folder_update.run(c, folder, NOTES, { only = "never/there.txt" }))
    assert.same({ 0, 0, 3 }, { result.files, result.removed, #c })
  end)
end)

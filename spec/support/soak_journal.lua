-- The journal of one writer of the soak (spec/soak.lua): what must be in the collection after the writer was killed.
--
-- A journal is a text file that is read from its beginning:
--   key KEY N     the model: the document KEY was last written by operation N
--   mark N        the number that the last transaction stored with `meta`
--   at N          the last operation of the model
--   begin N       operation N is about to be done
--   done N        it is acknowledged; its effect is computed from N and the model
--   undone N      it is certain that it had no effect
-- After a kill at most the last operation is neither done nor undone. It must have happened completely or not at all.
-- The journal starts again with the newest model now and then, so that it stays short.

local documents = require "spec.support.soak_documents"

local M = {}

local Journal = {}
Journal.__index = Journal

local OPERATIONS_MAX = 2000 -- then the journal starts again

local function restart(journal)
  local path = journal.path .. ".new"
  local file = assert(io.open(path, "w"))
  for key, n in pairs(journal.model.versions) do
    file:write(("key %d %d\n"):format(key, n))
  end
  file:write(("mark %d\nat %d\n"):format(journal.model.mark, journal.number))
  assert(file:close())
  if journal.file then
    journal.file:close()
  end
  assert(os.rename(path, journal.path))
  journal.file, journal.operations = assert(io.open(journal.path, "a")), 0
end

local readers = {
  key = function(journal, key, n) journal.model.versions[key] = n end,
  mark = function(journal, n) journal.model.mark = n end,
  at = function(journal, n) journal.number = n end,
  begin = function(journal, n) journal.open = n end,
  undone = function(journal) journal.open = nil end,
  done = function(journal, n)
    journal.apply(journal.model, n)
    journal.number, journal.open = n, nil
  end,
}

--- Reads the journal of `owner`. `model`: what the collection contains before the first operation.
-- `apply(model, n)` does operation n to a model { versions = { [key] = n }, mark = n }.
function M.open(path, owner, model, apply)
  local journal = setmetatable({ path = path, owner = owner, model = model, apply = apply, number = 0 }, Journal)
  local file = io.open(path)
  if file then
    for line in file:lines() do
      local word, first, second = line:match("^(%a+) (%d+) ?(%d*)$")
      readers[word](journal, tonumber(first), tonumber(second))
    end
    file:close()
  end
  return journal
end

-- The first difference between the collection and the model, or nil.
local function difference(collection, journal)
  local owner, versions, seen = journal.owner, journal.model.versions, {}
  local own = { filter = ("owner = '%s'"):format(owner), include_vector = "table" }
  for document in collection:iterate(own) do
    local fault = documents.fault(document)
    if fault then
      return fault
    elseif seen[document.key] then
      return "there are two documents " .. document.id
    elseif versions[document.key] ~= document.n then
      return ("document %s was last written by operation %d, expected: %s"):format(
        document.id, document.n, tostring(versions[document.key]))
    end
    seen[document.key] = true
  end
  for key, n in pairs(versions) do
    if not seen[key] then
      return ("document %s of operation %d is lost"):format(documents.id(owner, key), n)
    end
  end
  local mark = tonumber(collection:meta(owner) or 0)
  if mark ~= journal.model.mark then
    return ("meta of %s is %d, not %d"):format(owner, mark, journal.model.mark)
  end
end

--- Compares the collection with the journal. Returns the difference, or nil, and then settles an operation that was
-- neither done nor undone.
function Journal:fault(collection)
  local before = difference(collection, self)
  if before and self.open then
    readers.done(self, self.open)
    local after = difference(collection, self)
    return after and ("after operation %d, which was not acknowledged: %s; without it: %s"):format(
      self.number, after, before)
  end
  self.open = nil
  return before
end

--- Checks the collection, and goes on with the journal.
function Journal:resume(collection)
  local fault = self:fault(collection)
  if fault then
    error(("%s: %s"):format(self.path, fault), 2)
  end
  restart(self)
end

local function write(journal, word, n)
  journal.file:write(("%s %d\n"):format(word, n))
  journal.file:flush()
end

--- Operation n follows.
function Journal:begin(n)
  if self.operations >= OPERATIONS_MAX then
    restart(self)
  end
  self.operations = self.operations + 1
  write(self, "begin", n)
end

--- Operation n is acknowledged.
function Journal:done(n)
  write(self, "done", n)
  readers.done(self, n)
end

--- Operation n had no effect.
function Journal:undone(n)
  write(self, "undone", n)
end

return M

--- Brings the collection of an indexed folder up to date: reads the files that are new or have changed, and writes the
-- passages that differ. A file that has the same time and size as before is not read. Passages whose text stays keep
-- their vectors.

local folder_passages = require "moonvec.command.folder_passages"

local M = {}

-- Passages that one transaction writes, about.
local BATCH = 1000

-- The ids of passages, which are made of the path and a number, have up to 1024 bytes.
local PATH_BYTES_MAX = 1012

local Update = {}
Update.__index = Update

--- What the collection knows of each file: { modified, size } by path.
local function known_files(collection)
  local known = {}
  for passage in collection:iterate {
    filter = "passage = 1", output_fields = { "path", "modified", "size" },
  } do
    known[passage.path] = { modified = tonumber(passage.modified), size = tonumber(passage.size) }
  end
  return known
end

local function is_same(old, attributes)
  return old and old.size == attributes.size and old.modified == attributes.modification * 1e6
end

--- The stored passages of a file, by id.
local function stored_passages(collection, path)
  local stored = {}
  for passage in collection:iterate {
    filter = "path = ?", args = { path }, output_fields = { "text", "heading" },
  } do
    stored[passage.id] = passage
  end
  return stored
end

--- Plans what is written for a file.
function Update:add_file(path, passages)
  local stored = self.known[path] and stored_passages(self.collection, path) or {}
  local written, deleted = 0, 0
  for _, passage in ipairs(passages) do
    local old = stored[passage.id]
    stored[passage.id] = nil
    if old and old.text == passage.text and old.heading == passage.heading then
      passage.text, passage.path = nil, nil -- so that the vector stays
      self.updates[#self.updates + 1] = passage
    else
      self.upserts[#self.upserts + 1] = passage
      written = written + 1
    end
  end
  for id in pairs(stored) do
    self.deletes[#self.deletes + 1] = id
    deleted = deleted + 1
  end
  local result = self.result
  result.files = result.files + (written + deleted > 0 and 1 or 0)
  result.passages, result.deleted = result.passages + written, result.deleted + deleted
  return #self.updates + #self.upserts + #self.deletes >= BATCH
end

local function write(tx, update)
  for _, call in ipairs { { "delete", update.deletes }, { "update", update.updates }, { "upsert", update.upserts } } do
    if #call[2] > 0 then
      local written, message, code = tx[call[1]](tx, call[2])
      if not written then
        error({ message = message, code = code }, 0)
      end
    end
  end
end

--- Writes what is planned, in one transaction. Returns true, or nil, message, code.
function Update:flush()
  if #self.updates + #self.upserts + #self.deletes == 0 then
    return true
  end
  local ok, done, message, code = pcall(self.collection.transaction, self.collection, write, self)
  if not ok and type(done) == "table" then
    return nil, done.message, done.code
  elseif not ok then
    error(done, 0)
  end
  self.updates, self.upserts, self.deletes = {}, {}, {}
  return done, message, code
end

--- Plans to delete the passages of a file.
function Update:remove_file(path)
  for id in pairs(stored_passages(self.collection, path)) do
    self.deletes[#self.deletes + 1] = id
    self.result.deleted = self.result.deleted + 1
  end
  self.result.removed = self.result.removed + 1
end

--- Reads the files. Returns true, or nil, message, code.
function Update:read_files(source, notes, bar)
  while true do
    local file, message, code = source:read()
    if file == nil then
      return not message or nil, message, code
    elseif file == false then
      table.insert(self.result.failures, message)
      self.found[source.path or ""] = true -- it is there, and keeps its passages
      self.is_incomplete = self.is_incomplete or source.unlisted ~= 0
    elseif #file.path > PATH_BYTES_MAX then
      table.insert(self.result.failures, ("'%s' is left out: its path has %d bytes, at most %d are possible"):format(
        file.path, #file.path, PATH_BYTES_MAX))
    else
      self.found[file.path] = true
      if self:add_file(file.path, folder_passages.of_file(file, notes)) then
        local done
        done, message, code = self:flush()
        if not done then
          return nil, message, code
        end
      end
      bar(self.result.passages)
    end
  end
end

--- Removes what is not there any more. If a folder could not be listed, all is kept: it is not an empty one.
function Update:remove_missing()
  for path in pairs(self.is_incomplete and {} or self.known) do
    if not self.found[path] then
      self:remove_file(path)
      if #self.deletes >= BATCH then
        local done, message, code = self:flush()
        if not done then
          return nil, message, code
        end
      end
    end
  end
  return self:flush()
end

--- Updates the collection of `folder`. bar(count) is called with the passages written so far. Returns { files,
-- passages, deleted, removed, failures, left_out }: how many files have changed, passages were written, passages were
-- deleted, files were deleted; the messages of files that could not be read; how many files are no texts (`binary`) or
-- too large (`large`). nil, message, code: it ended with a failure; batches before it stay, and the next run goes on.
-- `kept`: all files with their passages, if they were read already.
function M.run(collection, folder, notes, bar, kept)
  local update = setmetatable({
    collection = collection, known = known_files(collection), found = {}, updates = {}, upserts = {}, deletes = {},
    result = { files = 0, passages = 0, deleted = 0, removed = 0, failures = {} },
  }, Update)
  local source, message, code
  if kept then
    source = folder_passages.source_of(kept)
  else
    source, message, code = folder_passages.open(folder, notes, function(path, attributes)
      local is_known = is_same(update.known[path], attributes)
      update.found[path] = is_known or nil
      return not is_known
    end)
  end
  if not source then
    return nil, message, code
  end
  local done
  done, message, code = update:read_files(source, notes, bar)
  update.result.left_out = { binary = source.left_out.binary, large = source.left_out.large }
  source:close()
  if done then
    done, message, code = update:remove_missing()
  end
  if not done then
    return nil, message, code
  end
  return update.result
end

return M

--- Brings the collection of an indexed folder up to date: reads the files that are new or have changed, and writes the
-- passages that differ. A file that has the same time and size as before is not read. Passages whose text stays keep
-- their vectors.

local folder_passages = require "moonvec.command.folder_passages"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- Passages that one transaction writes.
local BATCH = 1000

-- Stands for the size of a file that is to be read again.
local UNKNOWN_SIZE = -1

-- The ids of passages, which are made of the path and a number, have up to 1024 bytes.
local PATH_BYTES_MAX = 1012

local Update = {}
Update.__index = Update

--- What the collection knows of each file, or of the one that is read: { modified, size } by path.
local function known_files(update)
  local known, only = {}, update.only
  for passage in update.collection:iterate {
    filter = only and "passage = 1 AND path = ?" or "passage = 1", args = only and { only } or nil,
    output_fields = { "path", "modified", "size" },
  } do
    known[passage.path] = { modified = tonumber(passage.modified), size = tonumber(passage.size) }
    update:step()
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

--- Tells the caller how far the update is.
function Update:step()
  self.progress(self.result.passages)
end

function Update:plan(method, what)
  self.changes[#self.changes + 1] = { method = method, what = what }
end

--- Plans to write a passage; `old`: what is stored. Returns whether its text is new.
function Update:plan_passage(passage, old)
  local is_same_text = old and old.text == passage.text and old.heading == passage.heading
  if is_same_text then
    passage.text, passage.path = nil, nil -- so that the vector stays
  end
  self:plan(is_same_text and "update" or "upsert", passage)
  return not is_same_text
end

--- Plans to delete those of the stored passages whose ids are not in `kept`. Returns how many.
function Update:plan_deletes(stored, kept)
  local count = 0
  for id in pairs(stored) do
    if not kept[id] then
      self:plan("delete", id)
      count = count + 1
    end
  end
  return count
end

--- Plans what is written for a file. The size in its first passage tells whether the file is read again. If these
-- changes are more than one transaction, that size is written last: so an update that ends between two transactions
-- leaves a file that is read again.
function Update:add_file(path, passages)
  local stored = self.is_first_run and {} or stored_passages(self.collection, path)
  local first, ids, written = passages[1], {}, 0
  local last_change = #self.changes + #passages > self.batch and { id = first.id, size = first.size } or nil
  if last_change then
    first.size = UNKNOWN_SIZE
  end
  for _, passage in ipairs(passages) do
    ids[passage.id] = true
    written = written + (self:plan_passage(passage, stored[passage.id]) and 1 or 0)
  end
  local deleted = self:plan_deletes(stored, ids)
  if last_change then
    self:plan("update", last_change)
  end
  local result = self.result
  result.files = result.files + (written + deleted > 0 and 1 or 0)
  result.passages, result.deleted = result.passages + written, result.deleted + deleted
end

--- The planned changes `first` to `last` as arrays of what is written, by method.
local function by_method(changes, first, last)
  local lists = { delete = {}, update = {}, upsert = {} }
  for i = first, last do
    table.insert(lists[changes[i].method], changes[i].what)
  end
  return lists
end

local function write(tx, lists)
  for method, list in pairs(lists) do
    if #list > 0 then
      local written, message, code = tx[method](tx, list)
      if not written then
        error({ message = message, code = code }, 0)
      end
    end
  end
end

--- Writes changes in one transaction. Returns true, or nil, message, code.
local function write_batch(collection, lists)
  local ok, done, message, code = pcall(collection.transaction, collection, write, lists)
  if not ok and type(done) == "table" then
    return nil, done.message, done.code
  elseif not ok then
    error(done, 0)
  end
  return done, message, code
end

--- Writes what is planned, in batches, until less than `least` changes are left. Returns true, or nil, message, code.
function Update:flush(least)
  local changes, written = self.changes, 0
  while #changes - written >= least do
    local last = math.min(written + self.batch, #changes)
    local done, message, code = write_batch(self.collection, by_method(changes, written + 1, last))
    if not done then
      return nil, message, code
    end
    written = last
    self:step()
  end
  self.changes = { unpack(changes, written + 1) } -- less than a batch
  return true
end

--- Plans to delete the passages of a file.
function Update:remove_file(path)
  local deleted = self:plan_deletes(stored_passages(self.collection, path), {})
  self.result.deleted = self.result.deleted + deleted
  self.result.removed = self.result.removed + 1
end

--- Plans what a file that was read needs, and writes whole batches. Returns true, or nil, message, code.
function Update:write_file(file, notes)
  if #file.path > PATH_BYTES_MAX then
    table.insert(self.result.failures, ("'%s' is left out: its path has %d bytes, at most %d are possible"):format(
      file.path, #file.path, PATH_BYTES_MAX))
    return true
  end
  self.found[file.path] = true
  self:add_file(file.path, folder_passages.of_file(file, notes, function()
    self:step()
  end))
  self:step()
  return self:flush(self.batch)
end

--- Reads the files. Returns true, or nil, message, code.
function Update:read_files(source, notes)
  while true do
    local file, message, code = source:read()
    local done = true
    if file == nil then
      return not message or nil, message, code
    elseif file == false then
      table.insert(self.result.failures, message)
      self.found[source.path or ""] = true -- it is there, and keeps its passages
      self.is_incomplete = self.is_incomplete or source.unlisted ~= 0
    else
      done, message, code = self:write_file(file, notes)
    end
    if not done then
      return nil, message, code
    end
  end
end

--- Removes what is not there any more. If a folder could not be listed, all is kept: it is not an empty one.
function Update:remove_missing()
  for path in pairs(self.is_incomplete and {} or self.known) do
    if not self.found[path] then
      self:remove_file(path)
      local done, message, code = self:flush(self.batch)
      if not done then
        return nil, message, code
      end
    end
  end
  return self:flush(1)
end

--- Opens the files that are new or have changed.
local function open_changed(update, folder, notes)
  return folder_passages.open(folder, notes, function(path, attributes)
    local is_known = is_same(update.known[path], attributes)
    update.found[path] = is_known or nil
    update:step()
    return not is_known
  end, update.only)
end

local function new_update(collection, options)
  return setmetatable({
    collection = collection, is_first_run = #collection == 0, found = {}, changes = {},
    progress = options.progress or function() end, batch = options.batch or BATCH, only = options.only,
    result = { files = 0, passages = 0, deleted = 0, removed = 0, failures = {} },
  }, Update)
end

--- Updates the collection of `folder`. Returns { files, passages, deleted, removed, failures, left_out }: how many
-- files have changed, passages were written, passages were deleted, files were deleted; the messages of files that
-- could not be read; how many files are no texts (`binary`) or too large (`large`). nil, message, code: it ended with a
-- failure; batches before it stay, and the next run goes on. Options:
--   progress(count): called with the passages written so far, after each file and each passage. It may yield;
--   batch: passages that one transaction writes (default 1000);
--   kept: all files with their passages, if they were read already;
--   only: the path of the one file in the folder that may have changed.
function M.run(collection, folder, notes, options)
  local update = new_update(collection, options)
  update.known = known_files(update)
  local source, message, code
  if options.kept then
    source = folder_passages.source_of(options.kept)
  else
    source, message, code = open_changed(update, folder, notes)
  end
  if not source then
    return nil, message, code
  end
  local done
  done, message, code = update:read_files(source, notes)
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

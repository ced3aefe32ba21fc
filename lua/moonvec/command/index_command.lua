--- `moonvec index`: a folder of texts or code becomes a collection that is searched by words and by meaning, and is
-- kept up to date.

local check = require "moonvec.check"
local core = require "moonvec.core"
local command_call = require "moonvec.command.command_call"
local display_text = require "moonvec.terminal.display_text"
local folder_passages = require "moonvec.command.folder_passages"
local folder_update = require "moonvec.command.folder_update"
local folder_watch = require "moonvec.command.folder_watch"
local index_notes = require "moonvec.command.index_notes"
local json = require "moonvec.json"
local model_choice = require "moonvec.command.model_choice"
local moonvec = require "moonvec"
local system = require "moonvec.system"
local terminal = require "moonvec.terminal"

-- Of a folder with up to this number of bytes, the passages stay in memory while a model is learnt from them; the files
-- of a larger one are read twice.
local KEPT_BYTES_MAX = 2 ^ 28

-- From this number of changed passages on, indexes are built before the command ends; fewer are left to maintenance.
local OPTIMIZE_MIN = 2000

-- The largest file that is read, by default of source.files.
local MAX_MIB = 16

-- Options that say how the folder is read. They are kept in the collection.
local SETTINGS = { "model", "by", "size", "include", "exclude", "hidden", "no-ignore" }

-- A file in the collection of a folder: git then leaves it out. Only in FOLDER/.moonvec.
local IGNORE_FILE = ".gitignore"

--- Removes the collection, and what the command has put beside its files: also a model that a killed run was writing,
-- under the name of the model and more.
local function remove(call, place)
  local lfs = check.library("index", "lfs", "LuaFileSystem", "lua-filesystem", "luafilesystem")
  call:check(moonvec.destroy(place))
  if not system.exists(place) then
    return
  end
  for name in lfs.dir(place) do
    if name == IGNORE_FILE or name:sub(1, #model_choice.FILE) == model_choice.FILE then
      os.remove(place .. "/" .. name)
    end
  end
  os.remove(place) -- the directory, unless somebody else has put something there
end

--- Makes the collection. `replaced`: the directory of an older one, which is removed once there is a model. Returns the
-- collection, and the files with their passages if they were read, and are not too many to keep.
local function create(call, folder, directory, notes, replaced)
  local survey = call:check(folder_passages.survey(folder, notes, call:progress "looking"))
  local bar, kept = call:progress "learning", survey.bytes <= KEPT_BYTES_MAX and {} or nil
  local model, place = model_choice.make(call, call.options.model or "learn",
    call:check(folder_passages.each_text(folder, notes, function(bytes)
      bar(bytes, survey.bytes)
    end, kept)), survey.index)
  local schema = folder_passages.schema(survey)
  if model then
    model_choice.add_field(schema, model, "text")
  end
  if replaced then
    remove(call, replaced)
  end
  local collection = model_choice.create_collection(call, directory, schema, model, place)
  if not call.options.into then
    local file = call:check(io.open(directory .. "/" .. IGNORE_FILE, "w"))
    file:write "*\n"
    file:close()
  end
  call:check(index_notes.write(collection, notes)) -- last: without notes, the next run begins again
  return collection, kept and #kept > 0 and kept or nil
end

--- Whether the collection at the place can be made again: `index` has made it, and it is to be rebuilt, or a run ended
-- before it wrote anything. Ends the call if another program has made it.
local function is_replaceable(call, place)
  local collection = call:check(command_call.opened(place, moonvec.open(place, { read_only = true })))
  local notes, count = index_notes.read(collection), #collection
  local is_passages = folder_passages.is_schema(collection.schema)
  collection:close()
  if not notes and not (is_passages and count == 0) then
    call:fail("'%s' is a collection that 'moonvec index' has not made", place)
  end
  return call.options.rebuild or not notes
end

local function check_settings(call, directory)
  for _, name in ipairs(SETTINGS) do
    if call.options[name] then
      call:usage("'%s' is there already, made with other options: --%s counts with --rebuild, which makes it again",
        directory, name)
    end
  end
end

--- Opens the collection of the folder, or makes it. Returns it, the notes, the files if they were read already, and
-- whether it is new.
local function open_target(call, folder)
  local directory = call.options.into or folder:gsub("/*$", "/") .. command_call.INSIDE
  if command_call.locate(folder) == folder then
    call:fail("'%s' is itself a collection, not a folder of texts: 'moonvec info %s' tells what is in it", folder,
      folder)
  end
  local place = command_call.locate(directory)
  if not place and system.exists(directory) then
    call:fail("'%s' exists already, and is no collection: remove it, then index again", directory)
  end
  if not place or is_replaceable(call, place) then
    local notes = index_notes.of_options(call)
    local collection, kept = create(call, folder, place or directory, notes, place)
    return collection, notes, kept, true
  end
  check_settings(call, directory)
  local collection = call:open(directory, { writable = true })
  if next(call.model_failures) then
    call:fail("%s (--rebuild makes the collection again)", select(2, next(call.model_failures)))
  end
  return collection, index_notes.read(collection)
end

local function counted(count, noun)
  return ("%s %s%s"):format(terminal.number(count), noun, count == 1 and "" or "s")
end

--- The files that were left out, as a text; nil if there are none.
local function describe_left_out(left_out, notes)
  local parts = {}
  if left_out.binary > 0 then
    parts[1] = ("%s binary"):format(terminal.number(left_out.binary))
  end
  if left_out.large > 0 then
    parts[#parts + 1] = ("%s larger than %d MiB"):format(terminal.number(left_out.large),
      notes.max_mib or MAX_MIB)
  end
  return parts[1] and table.concat(parts, ", ") .. " left out" or nil
end

local function describe(result)
  local parts = {}
  if result.files > 0 then
    parts[1] = ("%s of %s"):format(counted(result.passages, "passage"), counted(result.files, "file"))
  end
  if result.removed > 0 then
    parts[#parts + 1] = counted(result.removed, "file") .. " removed"
  end
  if result.deleted > 0 then
    parts[#parts + 1] = counted(result.deleted, "passage") .. " deleted"
  end
  return parts[1] and table.concat(parts, ", ") or "nothing has changed"
end

local function print_result(call, result, notes, seconds)
  if call.options.json then
    call:print_json { files = result.files, passages = result.passages, deleted = result.deleted,
      removed = result.removed, left_out = result.left_out, failures = json.array(result.failures) }
    call.stdout:flush()
    return
  end
  local left_out = describe_left_out(result.left_out, notes)
  call:note("%s in %.1f s%s", describe(result), seconds, left_out and " (" .. left_out .. ")" or "")
end

--- One update: reads, writes, builds indexes, and says what was done. `is_quiet`: nothing is said if nothing was done.
local function update(call, collection, folder, notes, began, kept, is_quiet)
  local bar = call:progress("indexing", "passages")
  local result = call:check(folder_update.run(collection, folder, notes, {
    kept = kept, batch = call.batch,
    progress = function(count)
      bar(count, nil, count)
    end,
  }))
  if result.passages + result.deleted >= OPTIMIZE_MIN then
    call:optimize(collection)
  end
  for _, message in ipairs(result.failures) do
    call:note("moonvec: %s", display_text.visible(message))
  end
  bar()
  if not is_quiet or result.files + result.removed > 0 then
    print_result(call, result, notes, core.seconds() - began)
  end
  return result
end

--- Ends the call: the folder has no text. The collection that was made is removed.
local function fail_without_texts(call, collection, folder, notes, result)
  local place, left_out = collection.path, describe_left_out(result.left_out, notes)
  call:check(collection:close())
  remove(call, place)
  call:fail("no text files in '%s'%s", folder, left_out and ": " .. left_out or "")
end

return {
  name = "index",
  summary = "make a folder of texts or code searchable, and keep it so",
  usage = "FOLDER",
  options = {
    { "into", "DIR", "where the collection is (default FOLDER/.moonvec)" },
    { "watch", nil, "go on: update when files change, until it is interrupted" },
    { "rebuild", nil, "make the collection again" },
    { "model", "MODEL", "for search by meaning: " .. model_choice.HELP },
    { "by", "WAY", "how files are split: " .. table.concat(index_notes.WAYS, ", ")
      .. " (default: by the kind of file)" },
    { "size", "BYTES", "the size of passages (default 1000); a short rest may make one larger by an eighth" },
    { "include", "GLOBS", "only these files, such as \"*.md,*.txt\"" },
    { "exclude", "GLOBS", "not these files" },
    { "hidden", nil, "also files and folders whose name begins with a dot" },
    { "no-ignore", nil, "also what .gitignore files leave out" },
    { "json", nil, "print the counts as JSON" },
  },
  details = {
    "  moonvec index notes && moonvec query notes how do I renew the certificate",
    "Text files are split into passages: Markdown and reStructuredText at headings, code at blank lines, other texts "
      .. "at paragraphs. They are searched by words (in folders of code by identifiers and their parts), also those of "
      .. "the names of files and of headings, and by meaning with a model that is learnt from the folder itself: "
      .. "nothing is downloaded. Binary files, those larger than 16 MiB, hidden ones, and what ignore files name are "
      .. "left out.",
    "A second run reads only files that are new or have another time or size, and removes passages of deleted files.",
  },
  run = function(call)
    local folder, began = call.args[1], core.seconds()
    local collection, notes, kept, is_new = open_target(call, folder)
    local result = update(call, collection, folder, notes, began, kept, is_new)
    if is_new and #collection == 0 and not call.options.watch then
      fail_without_texts(call, collection, folder, notes, result)
    end
    if not call.options.json and result.files > 0 then
      call:note("'moonvec query %s WORDS' searches %s", call.options.into or folder, counted(#collection, "passage"))
    end
    if call.options.watch then
      folder_watch(folder, function()
        update(call, collection, folder, notes, core.seconds(), nil, true)
      end)
    end
  end,
}

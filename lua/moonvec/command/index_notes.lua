--- What `moonvec index` keeps in the collection about itself: the folder, and how it was read. A small JSON object in
-- the meta string "moonvec.index".

local core = require "moonvec.core"
local json = require "moonvec.json"
local system = require "moonvec.system"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

local KEY = "moonvec.index"

-- How files can be split.
M.WAYS = { "sentence", "paragraph", "heading", "code", "line" }

--- How the folder is read, from the options of the call. A program that runs the command may set `max_mib`, the size of
-- the largest file.
function M.of_options(call)
  local options = call.options
  if options.by then
    core.word("index", "way to split", options.by, unpack(M.WAYS))
  end
  return {
    folder = options.into and (system.absolute(call.args[1]) or call.args[1]) or nil, by = options.by,
    size = call:whole("size", 1000, 16, 65536), include = call:list "include", exclude = call:list "exclude",
    hidden = options.hidden, no_ignore = options["no-ignore"], max_mib = call.max_mib,
  }
end

--- The notes of a collection, or nil if it is none of an indexed folder.
function M.read(collection)
  local text = collection:meta(KEY)
  local notes = text and json.decode(text)
  return type(notes) == "table" and notes or nil
end

--- Keeps the notes. Returns true, or nil, message, code.
function M.write(collection, notes)
  return collection:meta(KEY, json.encode(notes))
end

--- What the paths of hits begin with, so that they lead to the files: the folder as the person wrote it if the
-- collection is in it, else the folder that was indexed.
function M.prefix(notes, given)
  local folder = notes.folder or given
  if folder == "." or folder == "./" then
    return ""
  end
  return (folder:gsub("/*$", "/"))
end

return M

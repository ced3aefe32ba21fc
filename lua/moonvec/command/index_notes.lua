--- What `moonvec index` keeps in the collection about itself: the folder, and how it was read. A small JSON object in
-- the meta string "moonvec.index".

local json = require "moonvec.json"

local M = {}

local KEY = "moonvec.index"

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

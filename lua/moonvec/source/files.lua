--- source.files: the text files of a folder and of the folders in it, each a document.

local check = require "moonvec.check"
local core = require "moonvec.core"
local folder_walk = require "moonvec.source.folder_walk"
local globs = require "moonvec.source.globs"
local schema_fields = require "moonvec.schema_fields"
local utf8_text = require "moonvec.utf8_text"

local MAX_BYTES = 16 * 1048576

-- A file with a zero byte among this number of first ones is binary, as git has it.
local BINARY_BYTES = 8000

local MEMBERS = { "path", "size", "modified" }

local Source = {}
Source.__index = Source

--- Without a `map`, documents have only the members that the collection has fields for.
function Source:use_schema(schema, is_mapped)
  self.is_left_out = not is_mapped and schema_fields.missing(schema, MEMBERS) or {}
  for _, field in ipairs(schema.fields) do
    if field.name == "modified" and field.type == "timestamp" and not is_mapped then
      self.modified_unit = 1000000
    end
  end
end

--- The text of a file. false: it is left out. nil, message: it cannot be read.
local function read_text(source, full)
  local file, message = io.open(full, "rb")
  if not file then
    return nil, "cannot open " .. message
  end
  local text, why = file:read(source.max_bytes + 1)
  file:close()
  if not text and why then
    return nil, ("cannot read '%s': %s"):format(full, why)
  end
  text = text or ""
  if #text > source.max_bytes then
    source.left_out.large = source.left_out.large + 1
    return false
  elseif text:sub(1, BINARY_BYTES):find "%z" then
    source.left_out.binary = source.left_out.binary + 1
    return false
  end
  return (utf8_text.repair((text:gsub("^\239\187\191", "", 1))))
end

local function document_of(source, path, attributes, text)
  local is_left_out = source.is_left_out
  return {
    id = path,
    text = text,
    path = not is_left_out.path and path or nil,
    size = not is_left_out.size and attributes.size or nil,
    modified = not is_left_out.modified and attributes.modification * source.modified_unit or nil,
  }
end

--- The next document. Empty files are documents, too; binary and too large ones are left out, and counted in
-- `left_out`. Behind a failure, `path` is that of the file that cannot be read, and `unlisted` the number of folders
-- that could not be listed.
function Source:read()
  while true do
    local path, attributes = self.walk:next()
    if path == nil then
      return nil
    end
    self.row = self.row + 1
    if not path then
      self.unlisted = self.unlisted + 1
      return false, attributes -- the message
    end
    self.path = path
    local text, message
    if self.wanted and not self.wanted(path, attributes) then
      text = nil
    elseif attributes.size > self.max_bytes then
      self.left_out.large = self.left_out.large + 1
    else
      text, message = read_text(self, self.walk.root .. "/" .. path)
    end
    if message then
      return false, message
    elseif text then
      self.done = self.done + #text
      return document_of(self, path, attributes, text)
    end
  end
end

function Source:position()
  return ("%.0f %s"):format(self.row, self.path)
end

--- Goes on behind the file that was read last. Files that have come into the folder before it are not read.
function Source:seek(position)
  local row, path = position:match "^(%d+) (.*)$"
  if not row then
    return nil, ("'%s' has no such position: '%s'"):format(self.name, core.quote(position)), "invalid"
  end
  self.row, self.path = tonumber(row), path
  if path ~= "" then
    local done, message = self.walk:go_behind(path)
    if not done then
      return nil, message, "io"
    end
  end
  return true
end

--- Bytes of text. How many there will be is not known.
function Source:progress()
  return self.done
end

function Source:close()
  self.walk.folders = {}
end

--- A list of globs, from one or a table of them.
local function check_globs(name, given)
  if given == nil then
    return nil
  end
  local list = {}
  for i, text in ipairs(type(given) == "table" and given or { given }) do
    if type(text) ~= "string" or text == "" then
      check.misuse("source.files: '%s' must be a glob or an array of globs, element %d is %s", name, i,
        text == "" and "empty" or "a " .. type(text))
    elseif ("/" .. text .. "/"):find("/../", 1, true) then
      check.misuse("source.files: '%s' must be for paths in the folder, got '%s'", name, core.quote(text))
    end
    list[i] = globs.read(text)
  end
  return list
end

--- Opens a source of the files in `folder`. The options and the documents are described in types.lua.
return function(folder, options)
  local call = "source.files"
  local include, exclude, ignore_files, max_bytes, hidden, follow, wanted, only =
    core.options(call, options, "include", "exclude", "ignore_files", "max_bytes", "hidden", "follow", "wanted", "only")
  if type(folder) ~= "string" or folder == "" or folder:find "%z" then
    check.misuse("%s: expected the path of a folder, got %s", call, type(folder) == "string" and "'" ..
      core.quote(folder) .. "'" or "a " .. type(folder))
  end
  local settings = {
    include = check_globs("include", include),
    exclude = check_globs("exclude", exclude) or {},
    uses_ignore_files = check.flag(call, "ignore_files", ignore_files, true),
    hidden = check.flag(call, "hidden", hidden, false),
    follow = check.flag(call, "follow", follow, false),
    only = check.text(call, "only", only),
  }
  max_bytes = check.whole(call, "max_bytes", max_bytes, MAX_BYTES, 1, 2 ^ 31)
  local lfs = check.library(call, "lfs", "LuaFileSystem", "lua-filesystem", "luafilesystem")
  local root = folder:match "^(.*[^/])/*$" or "/"
  local mode = lfs.attributes(root, "mode")
  if mode ~= "directory" then
    return nil, ("'%s' is no folder"):format(folder), mode and "io" or "not_found"
  end
  local walk, message = folder_walk.open(lfs, root, settings)
  if not walk then
    return nil, message, "io"
  end
  return setmetatable({
    walk = walk, name = folder, unit = "file", row = 0, path = "", done = 0, unlisted = 0, max_bytes = max_bytes,
    left_out = walk.left_out, is_left_out = {}, modified_unit = 1,
    wanted = check.callable(call, "wanted", wanted),
  }, Source)
end

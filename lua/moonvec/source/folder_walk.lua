--- The files of a folder and of the folders in it, in the order of their names, byte by byte. Only the names in the
-- folders that lead to the current file are in memory.

local globs = require "moonvec.source.globs"

local M = {}

-- Never read, whatever the options are: the data of git, and of `moonvec index`.
local NEVER = { [".git"] = true, [".moonvec"] = true }

local IGNORE_FILES = { ".gitignore", ".ignore" } -- the later one counts more

-- Of a file with patterns, no more is read.
local PATTERNS_BYTES_MAX = 1048576

local Walk = {}
Walk.__index = Walk

--- The patterns of the ignore files in a folder.
local function read_patterns(walk, full)
  local list = {}
  for _, name in ipairs(walk.uses_ignore_files and IGNORE_FILES or {}) do
    local path = full .. "/" .. name
    local file = walk.lfs.symlinkattributes(path, "mode") == "file" and io.open(path, "rb")
    if file then
      for _, glob in ipairs(globs.read_file(file:read(PATTERNS_BYTES_MAX) or "")) do
        list[#list + 1] = glob
      end
      file:close()
    end
  end
  return list
end

--- The names in a folder; nil, message.
local function list_names(lfs, full)
  local names = {}
  local ok, message = pcall(function()
    for name in lfs.dir(full) do
      if name ~= "." and name ~= ".." then
        names[#names + 1] = name
      end
    end
  end)
  if not ok then
    return nil, (tostring(message):gsub("^.*: ", ""))
  end
  table.sort(names)
  return names
end

--- Of the folder at `path`, the one name that leads to the file `only`. "." and ".." lead to none: they are no names.
local function name_towards(path, only)
  local name = only:sub(path == "" and 1 or #path + 2):match "^[^/]*"
  return name ~= "." and name ~= ".." and name ~= "" and name or nil
end

--- Enters a folder. `path`: relative to the root, "" for the root itself. Returns true, or false, message.
function Walk:enter(path)
  local full = path == "" and self.root or self.root .. "/" .. path
  local names, message
  if self.only then
    names = { name_towards(path, self.only) }
  else
    names, message = list_names(self.lfs, full)
  end
  if not names then
    return false, ("cannot list the folder '%s': %s"):format(full, message)
  end
  local depth = #self.folders + 1
  self.folders[depth] = { path = path, names = names, next = 1, patterns = read_patterns(self, full) }
  return true
end

--- Is this path left out by an ignore file? Those of the innermost folder count most.
local function is_ignored(walk, path, is_folder)
  for depth = #walk.folders, 1, -1 do
    local folder = walk.folders[depth]
    local from_there = folder.path == "" and path or path:sub(#folder.path + 2)
    local decision = globs.decide(folder.patterns, from_there, is_folder)
    if decision ~= nil then
      return decision
    end
  end
  return false
end

local function is_wanted(walk, path, name, is_folder)
  if NEVER[name] or name:sub(1, 1) == "." and not walk.hidden or globs.decide(walk.exclude, path, is_folder) then
    return false
  elseif not is_folder and walk.include and not globs.decide(walk.include, path, false) then
    return false
  end
  return not is_ignored(walk, path, is_folder)
end

--- The attributes of what is at `full`, of the target of a link if links are followed. nil: it is a link that is not
-- followed, or a folder that was visited already, as in a circle of links.
local function attributes_of(walk, full)
  local attributes = walk.lfs.symlinkattributes(full)
  if attributes and attributes.mode == "link" then
    attributes = walk.follow and walk.lfs.attributes(full)
    if not attributes then
      walk.left_out.link = walk.left_out.link + 1
      return nil
    end
  end
  if attributes and attributes.mode == "directory" and walk.follow then
    local key = ("%s:%s"):format(tostring(attributes.dev), tostring(attributes.ino))
    if walk.visited[key] then
      walk.left_out.link = walk.left_out.link + 1
      return nil
    end
    walk.visited[key] = true
  end
  return attributes
end

--- One name of the innermost folder. Returns the path and the attributes of a file; false, message for a folder that
-- cannot be read; nothing for what is left out.
function Walk:visit(path, name)
  local full = self.root .. "/" .. path
  local attributes = attributes_of(self, full)
  if not attributes then
    return nil
  elseif attributes.mode == "directory" then
    if is_wanted(self, path, name, true) then
      local entered, message = self:enter(path)
      if not entered then
        return false, message
      end
    end
  elseif is_wanted(self, path, name, false) then
    if attributes.mode == "file" then
      return path, attributes
    end
    self.left_out.special = self.left_out.special + 1 -- a pipe, a socket or a device is never opened
  end
  return nil
end

--- The next file: its path relative to the root, and its attributes. false, message: a folder that cannot be read. nil:
-- the end.
function Walk:next()
  while #self.folders > 0 do
    local folder = self.folders[#self.folders]
    local name = folder.names[folder.next]
    folder.next = folder.next + 1
    if not name then
      self.folders[#self.folders] = nil
    else
      local path, more = self:visit(folder.path == "" and name or folder.path .. "/" .. name, name)
      if path ~= nil then
        return path, more
      end
    end
  end
  return nil
end

--- Goes to what comes behind the file at `path`, which need not exist any more. Returns true; nil, message.
function Walk:go_behind(path)
  local names, depth = {}, 0
  for name in path:gmatch "[^/]+" do
    names[#names + 1] = name
  end
  while true do
    depth = depth + 1
    local folder, wanted = self.folders[depth], names[depth]
    while folder.names[folder.next] and folder.names[folder.next] < wanted do
      folder.next = folder.next + 1
    end
    if folder.names[folder.next] ~= wanted then
      return true
    end
    folder.next = folder.next + 1
    if depth == #names then
      return true
    end
    local _, message = self:visit(folder.path == "" and wanted or folder.path .. "/" .. wanted, wanted)
    if message and type(message) == "string" then
      return nil, message
    elseif #self.folders == depth then
      return true -- it is no folder any more
    end
  end
end

--- Opens a walk through the folder `root`. `options`: include, exclude (lists of globs), uses_ignore_files, hidden,
-- follow, and only: the path of the one file that is read. Returns a walk; nil, message.
function M.open(lfs, root, options)
  local walk = setmetatable({
    lfs = lfs, root = root, folders = {}, visited = {}, left_out = { link = 0, special = 0, binary = 0, large = 0 },
    include = options.include, exclude = options.exclude, uses_ignore_files = options.uses_ignore_files,
    hidden = options.hidden, follow = options.follow, only = options.only,
  }, Walk)
  local attributes = lfs.attributes(root)
  if attributes and options.follow then
    walk.visited[("%s:%s"):format(tostring(attributes.dev), tostring(attributes.ino))] = true
  end
  local entered, message = walk:enter ""
  if not entered then
    return nil, message
  end
  return walk
end

return M

--- Patterns of paths, as .gitignore has them (gitignore(5)): `*` matches any bytes of a name, `?` and `[a-z]` one, `**`
-- any number of folders. A pattern without a slash, other than at its end, is for names in any folder, else for paths
-- from the folder that it is given for. A slash at the end: folders only. "!" at the beginning takes back what an
-- earlier pattern said.

local M = {}

--- The members of "[a-c_]" from `at`, where its "[" is, and the position behind it; nil if it is not closed.
local function read_class(text, at)
  local set, from = { is_negated = false }, at + 1
  if text:find("^[!^]", from) then
    set.is_negated, from = true, from + 1
  end
  local first = from
  while from <= #text do
    local character = text:sub(from, from)
    if character == "]" and from > first then
      return set, from + 1
    elseif character == "\\" then
      from = from + 1
    end
    local low, high = text:byte(from), text:match("^%-([^%]])", from + 1)
    if not low then
      return nil
    end
    set[#set + 1] = { low, high and high:byte() or low }
    from = from + (high and 3 or 1)
  end
  return nil
end

--- A name of a pattern as a list of parts: bytes, "*", "?" and classes.
local function read_parts(text)
  local parts, at, is_plain = {}, 1, true
  while at <= #text do
    local character = text:sub(at, at)
    local class, behind
    if character == "[" then
      class, behind = read_class(text, at)
    end
    if class then
      parts[#parts + 1], at, is_plain = class, behind, false
    elseif character == "*" or character == "?" then
      if not (character == "*" and parts[#parts] == "*") then
        parts[#parts + 1] = character
      end
      at, is_plain = at + 1, false
    else
      if character == "\\" and at < #text then
        at = at + 1
      end
      parts[#parts + 1], at = text:byte(at), at + 1
    end
  end
  return parts, is_plain
end

--- A name of a pattern, with a short way for the two most frequent kinds: a plain name, and "*.txt".
local function read_name(text)
  local parts, is_plain = read_parts(text)
  local name = { parts = parts }
  if is_plain then
    name.plain = text:gsub("\\(.)", "%1")
  elseif text:find "^%*[^*?%[\\]+$" then
    name.suffix = text:sub(2)
  end
  return name
end

local function is_in(class, byte)
  for _, range in ipairs(class) do
    if byte >= range[1] and byte <= range[2] then
      return not class.is_negated
    end
  end
  return class.is_negated
end

--- The position behind what the part matches at `at`, or nil.
local function match_part(part, text, at)
  local byte = text:byte(at)
  if not byte then
    return nil
  end
  local is_match = part == "?" or part == byte or type(part) == "table" and is_in(part, byte)
  return is_match and at + 1 or nil
end

--- Does a list with wildcards match all of another list? `is_any(i)`: the i-th element matches any number of others;
-- `step(i, at)`: the position behind what the i-th one matches at `at`, or nil. A wildcard that was passed takes one
-- more each time that the rest does not match; only the last one needs to, so the time is at most the product of the
-- lengths.
local function matches(count, last, is_any, step)
  local i, at, retry_i, retry_at = 1, 1, nil, nil
  while at <= last or i <= count do
    local behind = i <= count and not is_any(i) and step(i, at)
    if i <= count and is_any(i) then
      retry_i, retry_at, i = i, at, i + 1
    elseif behind then
      i, at = i + 1, behind
    elseif retry_i and retry_at <= last then
      retry_at = retry_at + 1
      i, at = retry_i + 1, retry_at
    else
      return false
    end
  end
  return true
end

local function matches_name(name, text)
  if name.plain then
    return name.plain == text
  elseif name.suffix then
    return #text >= #name.suffix and text:sub(-#name.suffix) == name.suffix
  end
  local parts = name.parts
  return matches(#parts, #text, function(i)
    return parts[i] == "*"
  end, function(i, at)
    return match_part(parts[i], text, at)
  end)
end

local function names_of(path)
  local names = {}
  for name in path:gmatch "[^/]+" do
    names[#names + 1] = name
  end
  return names
end

--- Reads a pattern.
function M.read(text)
  local glob = { is_negated = text:sub(1, 1) == "!" }
  text = glob.is_negated and text:sub(2) or text
  glob.is_for_folders = text:sub(-1) == "/"
  text = text:gsub("/+$", "")
  glob.is_path = text:find("/", 1, true) ~= nil
  glob.names = {}
  for _, name in ipairs(names_of(text)) do
    glob.names[#glob.names + 1] = name == "**" and "**" or read_name(name)
  end
  if glob.is_path and glob.names[#glob.names] == "**" then
    glob.names[#glob.names + 1] = read_name "*" -- all that is in a folder, not the folder
  end
  return glob
end

--- Does the pattern match this path, relative to the folder of the pattern?
function M.matches(glob, path, is_folder)
  local names = glob.names
  if #names == 0 or glob.is_for_folders and not is_folder then
    return false
  elseif not glob.is_path then
    return names[1] == "**" or matches_name(names[1], path:match "[^/]*$")
  end
  local given = names_of(path)
  return matches(#names, #given, function(i)
    return names[i] == "**"
  end, function(i, at)
    return given[at] and matches_name(names[i], given[at]) and at + 1 or nil
  end)
end

--- The patterns in the text of a .gitignore, in its order.
function M.read_file(text)
  local list = {}
  for line in text:gmatch "[^\r\n]+" do
    local kept = line:match "^.*[^ ]" or ""
    line = kept:sub(-1) == "\\" and kept ~= line and kept .. " " or kept -- "\\ ": a space that counts
    if line ~= "" and line:sub(1, 1) ~= "#" then
      list[#list + 1] = M.read(line)
    end
  end
  return list
end

--- What the last pattern that matches says: true (it matches), false (it takes back), nil (none matches).
function M.decide(list, path, is_folder)
  for i = #list, 1, -1 do
    if M.matches(list[i], path, is_folder) then
      return not list[i].is_negated
    end
  end
  return nil
end

return M

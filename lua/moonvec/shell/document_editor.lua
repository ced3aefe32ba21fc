--- .edit: opens a document as JSON in the person's editor, and writes back the fields that were changed.

local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local pretty = require "moonvec.terminal.pretty"
local system = require "moonvec.system"

local function write(path, text)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, "cannot write a temporary file: " .. message, "io"
  end
  file:write(text)
  file:close()
  return true
end

--- Lets the person edit the text. Returns the new text, or nil, message, code. The text stays at `path`.
local function edit(path)
  local editor = os.getenv "VISUAL" or os.getenv "EDITOR" or "vi"
  if not system.run(editor .. " " .. system.quote(path)) then
    return nil, ("the editor '%s' failed: nothing was changed"):format(core.quote(editor))
  end
  local text, message = system.read_file(path)
  if not text then
    return nil, "cannot read the edited text: " .. message, "io"
  end
  return text
end

--- What differs: the changes for an update, nil if nothing does. A field that was removed becomes NULL.
local function changes_between(before, after, schema)
  local changes, count = { id = before.id }, 0
  for name, value in pairs(after) do
    if name ~= "id" and (before[name] == nil or json.encode(before[name]) ~= json.encode(value)) then
      changes[name], count = value, count + 1
    end
  end
  for name in pairs(before) do
    if after[name] == nil then
      changes[name], count = json.null(), count + 1
    end
  end
  if count == 0 then
    return nil
  end
  return document_json.from_json(changes, schema)
end

--- Reads the edited text and writes the changes.
local function put_back(session, before, text)
  local after, message = json.decode(text)
  if type(after) ~= "table" then
    return nil, "the text is not JSON: " .. (message or "expected an object")
  elseif after.id ~= before.id then
    return nil, ("the id of a document cannot be changed: it is '%s'"):format(core.quote(before.id))
  end
  local changes
  changes, message = changes_between(before, after, session.c.schema)
  if message then
    return nil, message
  elseif not changes then
    session:print "nothing was changed"
    return true
  end
  local written, why, code = session.c:update(changes)
  if written then
    session:print "1 document was changed"
  end
  return written, why, code
end

--- The command: `id` is that of the document, or nil for the one that is the last result.
return function(session, id)
  id = id or type(session.env._) == "table" and type(session.env._.id) == "string" and session.env._.id
  if not session.writable then
    return nil, "the collection is open read-only: --write allows .edit"
  elseif not id then
    return nil, "give the id of a document, or show one with .get first"
  end
  local document, message, code = session.c:fetch(id)
  if not document then
    return nil, message, code
  end
  local path, before = os.tmpname(), document_json.to_json(document, session.c.schema)
  local done, text
  done, message, code = write(path, pretty.json(before) .. "\n")
  if done then
    text, message, code = edit(path)
  end
  if text then
    local ok, result, why, failure = pcall(put_back, session, before, text)
    done, message, code = ok and result, ok and why or result, failure
    if not done then
      return nil, ("%s (the text is kept in %s)"):format(tostring(message):gsub("^[^\n:]+:%d+: ", ""), path), code
    end
  end
  os.remove(path)
  if not text then
    return nil, message, code
  end
  return done
end

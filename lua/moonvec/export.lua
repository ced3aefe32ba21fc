--- c:export: the documents of one commit as JSON lines, which source.jsonl reads.

local check = require "moonvec.check"
local core = require "moonvec.core"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local schema_fields = require "moonvec.schema_fields"

local misuse = check.misuse

local function has_vector(schema, names)
  for _, name in ipairs(names) do
    if schema_fields.find_vector(schema, name) then
      return true
    end
  end
  return false
end

--- The options of iterate, from those of export.
local function read_options(collection, options)
  local filter, args, fields, vectors = core.options("export", options, "filter", "args", "fields", "vectors")
  local wants_vectors = check.flag("export", "vectors", vectors, true)
  if fields ~= nil and type(fields) ~= "table" then
    misuse("export: 'fields' must be an array of names, got a %s", type(fields))
  end
  if fields then
    wants_vectors = has_vector(collection.schema, fields)
  end
  return { filter = filter, args = args, output_fields = fields, include_vector = wants_vectors and "table" or false }
end

--- The fields whose NULL is written: without the member, ingest would give the document the default.
local function null_fields(schema, names)
  local wanted, list = {}, {}
  for _, name in ipairs(names or {}) do
    wanted[name] = true
  end
  for _, field in ipairs(schema.fields) do
    if field.nullable and field.default ~= nil and (not names or wanted[field.name]) then
      list[#list + 1] = field.name
    end
  end
  return list
end

--- Begins to read: wrong options raise before any file is opened. Returns a table for put_all; nil, message, code.
local function begin(collection, options)
  local iterate_options = read_options(collection, options)
  local next_document, message, code = core.export_documents(collection, iterate_options)
  if not next_document then
    return nil, message, code
  end
  local schema = collection.schema
  return { next = next_document, schema = schema, nulls = null_fields(schema, iterate_options.output_fields) }
end

--- Calls put(line) for each document. Returns their number; nil, message, code.
local function put_all(reading, put)
  local count = 0
  local document, message, code = reading.next()
  while document do
    for _, name in ipairs(reading.nulls) do
      if document[name] == nil then
        document[name] = core.null
      end
    end
    local is_put
    is_put, message, code = put(json.encode(document_json.to_json(document, reading.schema)) .. "\n")
    if not is_put then
      return nil, message, code
    end
    count = count + 1
    document, message, code = reading.next()
  end
  if message then
    return nil, message, code
  end
  return count
end

-- ---------------------------------------------------------------- where to

local IS_NO_SPACE = { [28] = true, [122] = true } -- ENOSPC, EDQUOT

local function io_failure(path, message, number)
  local reason = message:gsub("^.*: ", "") -- without the path, which may be that of the other file
  return nil, ("cannot write '%s': %s"):format(path, reason), IS_NO_SPACE[number] and "no_space" or "io"
end

--- Writes to an open file, which is closed unless it is stdout.
local function put_in_file(reading, file, path)
  local count, message, code = put_all(reading, function(line)
    local written, why, number = file:write(line)
    if not written then
      return io_failure(path, why, number)
    end
    return true
  end)
  local closed, why, number = (file == io.stdout and file.flush or file.close)(file)
  if count and not closed then
    return io_failure(path, why, number)
  end
  return count, message, code
end

--- True if there is something at `path` that is no regular file: a device, a pipe or a link, which must not be
-- replaced.
local function is_special(path)
  local found, lfs = pcall(require, "lfs")
  local mode = found and lfs.symlinkattributes(path, "mode")
  return mode and mode ~= "file"
end

--- Writes another file, which then takes the place of `path`: whoever opens `path` finds all of the export, or what was
-- there before.
local function put_at_path(reading, path)
  if path == "-" then
    return put_in_file(reading, io.stdout, "stdout")
  elseif is_special(path) then
    local file, message, number = io.open(path, "wb")
    if not file then
      return io_failure(path, message, number)
    end
    return put_in_file(reading, file, path)
  end
  local unique = ("%s.%d%s.new"):format(path, os.time(), tostring({}):gsub("%W", ""))
  local file, message, number = io.open(unique, "wb")
  if not file then
    return io_failure(path, message, number)
  end
  local ok, count, code
  ok, count, message, code = pcall(put_in_file, reading, file, path)
  if not ok then -- Ctrl-C, or memory is short
    file:close()
    os.remove(unique)
    error(count, 0)
  elseif count then
    local renamed, why, rename_number = os.rename(unique, path)
    if renamed then
      return count
    end
    count, message, code = io_failure(path, why, rename_number)
  end
  os.remove(unique)
  return count, message, code
end

--- Writes all documents, or those that match, as lines of JSON. `target`: a path, "-" for stdout, or a function that is
-- called with each line, its "\n" included. Returns how many there are; nil, message, code.
return function(collection, target, options)
  local is_path = type(target) == "string"
  if not is_path and type(target) ~= "function" or is_path and (target == "" or target:find "%z") then
    misuse("export: expected a path or a function(line), got %s", is_path and "'" .. core.quote(target) .. "'" or
      "a " .. type(target))
  end
  local reading, message, code = begin(collection, options)
  if not reading then
    return nil, message, code
  elseif is_path then
    return put_at_path(reading, target)
  end
  return put_all(reading, function(line)
    target(line)
    return true
  end)
end

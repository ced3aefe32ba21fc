--- The resources of an MCP server: the schema and the numbers of a collection, and each document by its id.

local document_json = require "moonvec.document_json"
local json = require "moonvec.json"

local M = {}

local SCHEMA, STATS, DOCUMENT = "moonvec://collection/schema", "moonvec://collection/stats", "moonvec://document/"
local JSON = "application/json"

function M.list()
  return json.array {
    { uri = SCHEMA, name = "schema", mimeType = JSON, description = "the fields, their types and indexes" },
    { uri = STATS, name = "stats", mimeType = JSON, description = "numbers about the collection" },
  }
end

function M.templates()
  return json.array {
    { uriTemplate = DOCUMENT .. "{id}", name = "document", mimeType = JSON,
      description = "a document by its id, without vectors" },
  }
end

--- What a URI writes as %41. nil: a percent sign is followed by something else.
local function unescape(text)
  local rest = text:gsub("%%%x%x", "")
  if rest:find("%", 1, true) then
    return nil
  end
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

local function contents_of(uri, value)
  return json.array { { uri = uri, mimeType = JSON, text = json.encode(value) } }
end

local function read_document(context, uri)
  local id = unescape(uri:sub(#DOCUMENT + 1))
  if not id or id == "" then
    return nil, "there is no such resource", "not_found"
  end
  -- Looked up in an array, because an id that is too long raises; then there is no such document.
  local ok, found, message, code = pcall(context.collection.fetch, context.collection, { id })
  if ok and not found then
    return nil, message, code
  elseif not ok or not found[id] then
    return nil, "there is no document with this id", "not_found"
  end
  return contents_of(uri, document_json.to_json(found[id], context.collection.schema))
end

--- The contents of a resource, or nil, message, code: "not_found" if there is none with this URI.
function M.read(context, uri)
  if uri == SCHEMA then
    return contents_of(uri, document_json.schema_to_json(context.collection.schema))
  elseif uri == STATS then
    local stats, message, code = context.collection:stats()
    if not stats then
      return nil, message, code
    end
    return contents_of(uri, stats)
  elseif uri:sub(1, #DOCUMENT) == DOCUMENT then
    return read_document(context, uri)
  end
  return nil, "there is no such resource", "not_found"
end

return M

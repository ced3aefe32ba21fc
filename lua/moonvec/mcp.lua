--- A server of the Model Context Protocol over lines (its stdio transport): language models search a collection.
--
-- Each line is a message of JSON-RPC 2.0. Two generations of the protocol are spoken at once. The older one (2024-11-05
-- to 2025-11-25) begins with the request `initialize`, which settles the version for all that follows. In the newer one
-- (2026-07-28) each request names its version in params._meta, and nothing is remembered between requests.
-- https://modelcontextprotocol.io/specification

local core = require "moonvec.load_core" -- first: the others require moonvec.core

local check = require "moonvec.check"
local json = require "moonvec.json"
local tool_calls = require "moonvec.mcp.tool_calls"
local resources = require "moonvec.mcp.resources"
local tool_schemas = require "moonvec.mcp.tool_schemas"
local utf8_text = require "moonvec.utf8_text"

local misuse = check.misuse

local M = {}

local CALL = "mcp.serve"

-- Bytes of a request, and of the text of a tool's result. Larger ones are refused with a message.
local LINE_MAX, RESULT_MAX = 4 * 1024 * 1024, 8 * 1024 * 1024

-- The versions that `initialize` can settle on, newest last, and the one that requests name.
local HANDSHAKE_VERSIONS = { "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25" }
local STATELESS_VERSION = "2026-07-28"

-- What came with which version.
local BATCHES, ANNOTATIONS, STRUCTURED = "2025-03-26", "2025-03-26", "2025-06-18"

local META = "io.modelcontextprotocol/"

-- Error codes of JSON-RPC and of the protocol.
local PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD = -32700, -32600, -32601
local INVALID_PARAMS, INTERNAL_ERROR = -32602, -32603
local RESOURCE_NOT_FOUND, UNSUPPORTED_VERSION = -32002, -32022

-- How long a client may keep a list, in milliseconds: the schema of a collection seldom changes.
local LIST_TTL_MS = 60000

-- What a handler returns for a request that is not answered now.
local LATER = {}

--- A failure that the client is told: a handler returns nil and this.
local function failure(code, message, data)
  return nil, { code = code, message = message, data = data }
end

-- ---------------------------------------------------------------- methods

--- The collection, as the tools and resources need it. nil, failure: it cannot be opened now; the next request tries
-- again.
local function context_of(server)
  if not server.context then
    local collection, message = server.open()
    if not collection then
      return failure(INTERNAL_ERROR, "the collection cannot be opened: " .. tostring(message))
    end
    server.context = { collection = collection, model_failures = server.model_failures }
  end
  return server.context
end

local function instructions_of(server)
  local context = context_of(server)
  local schema = context and context.collection.schema
  local name = schema and schema.name and (" '%s'"):format(schema.name) or ""
  return ("A moonvec collection%s of documents. The tool `search` finds documents by text, by vector and by filters, "
    .. "`get` reads documents by id, `stats` tells sizes.%s%s"):format(name,
    server.may_write and " `insert` writes documents." or "",
    schema and "\nFields:\n" .. tool_schemas.describe_fields(schema) or "")
end

local function initialize(server, params)
  local asked = params.protocolVersion
  if type(asked) ~= "string" then
    return failure(INVALID_PARAMS, "initialize: 'protocolVersion' must be a string")
  end
  server.version = HANDSHAKE_VERSIONS[#HANDSHAKE_VERSIONS]
  for _, version in ipairs(HANDSHAKE_VERSIONS) do
    server.version = version == asked and version or server.version
  end
  return {
    protocolVersion = server.version, serverInfo = server.info, instructions = instructions_of(server),
    capabilities = { tools = json.object(), resources = json.object() },
  }
end

local function discover(server)
  return {
    supportedVersions = json.array { STATELESS_VERSION }, instructions = instructions_of(server),
    capabilities = { tools = json.object(), resources = json.object() },
  }
end

--- A tool without what this version does not have, because clients may refuse it.
local function tool_for(version, tool)
  if version < STRUCTURED then
    tool.title, tool.outputSchema = nil, nil
  end
  if version < ANNOTATIONS then
    tool.annotations = nil
  end
  return tool
end

local function list_tools(server, _, version)
  local context, problem = context_of(server)
  if not context then
    return nil, problem
  end
  local tools = json.array()
  for i, name in ipairs(tool_calls.names(server.may_write)) do
    tools[i] = tool_for(version, tool_calls.definition(name, context))
  end
  return { tools = tools }
end

local function text_result(text, is_error)
  return { content = json.array { { type = "text", text = text } }, isError = is_error }
end

--- Calls a tool. What goes wrong there is a result that the language model reads, so that it can try something else.
local function call_tool(server, params, version)
  local name, arguments = params.name, params.arguments
  local is_known = false
  for _, one in ipairs(tool_calls.names(server.may_write)) do
    is_known = is_known or one == name
  end
  if not is_known then
    return failure(INVALID_PARAMS, ("there is no tool '%s'"):format(core.quote(tostring(name))))
  elseif arguments ~= nil and (type(arguments) ~= "table" or arguments[1] ~= nil) then
    return failure(INVALID_PARAMS, "'arguments' must be an object")
  end
  local context, problem = context_of(server)
  if not context then
    return nil, problem
  end
  local given = {}
  for key, value in pairs(arguments or {}) do
    given[key] = value ~= json.null() and value or nil
  end
  local done, result, message = pcall(tool_calls[name], context, given)
  if not done then
    return text_result(check.without_call((tostring(result):gsub("^[^:\n]*:%d+: ", "", 1))), true)
  elseif not result then
    return text_result(tostring(message), true)
  end
  local text = json.encode(result)
  if #text > RESULT_MAX then
    return text_result(("the result has %d bytes, at most %d are allowed: ask for less"):format(#text, RESULT_MAX),
      true)
  end
  local answer = text_result(text, false)
  answer.structuredContent = version >= STRUCTURED and result or nil
  return answer
end

local function list_resources()
  return { resources = resources.list() }
end

local function list_templates()
  return { resourceTemplates = resources.templates() }
end

local function read_resource(server, params, version)
  if type(params.uri) ~= "string" then
    return failure(INVALID_PARAMS, "'uri' must be a string")
  end
  local context, problem = context_of(server)
  if not context then
    return nil, problem
  end
  local contents, message, code = resources.read(context, params.uri)
  if contents then
    return { contents = contents }
  elseif code ~= "not_found" then
    return failure(INTERNAL_ERROR, message)
  end
  return failure(version == STATELESS_VERSION and INVALID_PARAMS or RESOURCE_NOT_FOUND, message,
    { uri = params.uri })
end

--- Nothing changes that a client could subscribe to. So the subscription is acknowledged, and stays empty.
local function listen(server, _, _, id)
  server.write {
    jsonrpc = "2.0", method = "notifications/subscriptions/acknowledged",
    params = { _meta = { [META .. "subscriptionId"] = id }, notifications = json.object() },
  }
  return LATER
end

local function ping()
  return json.object()
end

local COMMON = {
  ["tools/list"] = list_tools, ["tools/call"] = call_tool, ["resources/list"] = list_resources,
  ["resources/templates/list"] = list_templates, ["resources/read"] = read_resource,
}
local HANDSHAKE_ONLY = { initialize = initialize, ping = ping }
local STATELESS_ONLY = { ["server/discover"] = discover, ["subscriptions/listen"] = listen }

-- The lists have one page each.
local LISTS = { ["tools/list"] = true, ["resources/list"] = true, ["resources/templates/list"] = true }

-- How long each result may be kept, in milliseconds.
local TTL_MS = {
  ["server/discover"] = LIST_TTL_MS, ["tools/list"] = LIST_TTL_MS, ["resources/list"] = LIST_TTL_MS,
  ["resources/templates/list"] = LIST_TTL_MS, ["resources/read"] = 0,
}

-- ---------------------------------------------------------------- requests

--- The version of a request: that of its _meta, or that of the handshake. nil, failure: it has none, or one that is not
-- spoken.
local function version_of(server, method, params)
  local meta = type(params._meta) == "table" and params._meta or {}
  local asked = meta[META .. "protocolVersion"]
  if asked == nil and (server.version or HANDSHAKE_ONLY[method]) then
    return server.version or HANDSHAKE_VERSIONS[1]
  elseif type(asked) ~= "string" then
    return failure(INVALID_PARAMS, ("params._meta must have '%sprotocolVersion', or the first request must be "
      .. "'initialize'"):format(META))
  elseif asked ~= STATELESS_VERSION then
    return failure(UNSUPPORTED_VERSION, "unsupported protocol version",
      { supported = json.array { STATELESS_VERSION }, requested = asked })
  elseif type(meta[META .. "clientCapabilities"]) ~= "table" then
    return failure(INVALID_PARAMS, ("params._meta must have '%sclientCapabilities', an object"):format(META))
  end
  return asked
end

--- The result of a request, LATER, or nil and a failure.
local function result_of(server, method, params, id)
  local version, problem = version_of(server, method, params)
  if not version then
    return nil, problem
  end
  local is_stateless = version == STATELESS_VERSION
  local handler = COMMON[method] or (is_stateless and STATELESS_ONLY or HANDSHAKE_ONLY)[method]
  if not handler then
    return failure(UNKNOWN_METHOD, ("there is no method '%s'"):format(core.quote(method)))
  elseif LISTS[method] and params.cursor ~= nil and params.cursor ~= json.null() then
    return failure(INVALID_PARAMS, "there is no such cursor: lists have one page")
  end
  local result
  result, problem = handler(server, params, version, id)
  if result and result ~= LATER and is_stateless then
    result.resultType, result._meta = "complete", { [META .. "serverInfo"] = server.info }
    result.ttlMs, result.cacheScope = TTL_MS[method], TTL_MS[method] and "private" or nil
  end
  return result, problem
end

local function error_response(id, problem)
  return { jsonrpc = "2.0", id = id == nil and json.null() or id, error = problem }
end

local function is_id(id)
  return type(id) == "string" or type(id) == "number" and id % 1 == 0
end

--- Checks that a message is a request. Returns true, false if it needs no answer, or nil and a failure.
local function check_request(message)
  if type(message) ~= "table" or message[1] ~= nil then
    return failure(INVALID_REQUEST, "a message must be an object")
  elseif message.jsonrpc ~= "2.0" then
    return failure(INVALID_REQUEST, "'jsonrpc' must be \"2.0\"")
  elseif message.method == nil and (message.result ~= nil or message.error ~= nil) then
    return false -- a response, though the server has asked nothing
  elseif type(message.method) ~= "string" then
    return failure(INVALID_REQUEST, "'method' must be a string")
  elseif message.id == nil then
    return false -- a notification. None needs anything to be done: requests are answered one after the other
  elseif not is_id(message.id) then
    return failure(INVALID_REQUEST, "'id' must be a string or a whole number")
  elseif message.params ~= nil and (type(message.params) ~= "table" or message.params[1] ~= nil) then
    return failure(INVALID_PARAMS, "'params' must be an object")
  end
  return true
end

--- The response to a message, or nil if it needs none.
local function respond(server, message, in_batch)
  local is_request, problem = check_request(message)
  if is_request == false then
    return nil
  end
  local id = type(message) == "table" and is_id(message.id) and message.id or nil
  local result
  if is_request and in_batch and message.method == "initialize" then
    result, problem = failure(INVALID_REQUEST, "'initialize' must not be in a batch")
  elseif is_request then
    local done
    done, result, problem = pcall(result_of, server, message.method, message.params or {}, id)
    if not done then
      server.log(("internal error in '%s': %s"):format(core.quote(message.method), tostring(result)))
      result, problem = failure(INTERNAL_ERROR, "internal error")
    end
  end
  if result == LATER then
    return nil
  end
  return result and { jsonrpc = "2.0", id = id, result = result } or error_response(id, problem)
end

--- The responses to a batch, in one array, or nil if none of its messages needs one.
local function respond_to_batch(server, messages)
  if server.version ~= BATCHES then
    return error_response(nil, { code = INVALID_REQUEST, message = "batches belong to protocol version " .. BATCHES })
  elseif #messages == 0 then
    return error_response(nil, { code = INVALID_REQUEST, message = "the batch is empty" })
  end
  local responses = json.array()
  for _, message in ipairs(messages) do
    responses[#responses + 1] = respond(server, message, true)
  end
  return #responses > 0 and responses or nil
end

--- The response to a line, or nil if it needs none. `line` is false if the line was too long to be read.
local function respond_to_line(server, line)
  local function refuse(message)
    return error_response(nil, { code = PARSE_ERROR, message = message })
  end
  if not line or #line > LINE_MAX then
    return refuse(("a message must not have more than %d bytes"):format(LINE_MAX))
  elseif not line:find "%S" then
    return nil
  end
  local invalid = utf8_text.first_invalid(line)
  if invalid then
    return refuse(("byte %d of the message is not valid UTF-8"):format(invalid))
  end
  local message, problem = json.decode(line)
  if problem then
    return refuse("the message is not valid JSON: " .. problem)
  elseif line:find "^%s*%[" then
    return respond_to_batch(server, message)
  end
  return respond(server, message, false)
end

-- ---------------------------------------------------------------- streams

--- Reads a line from a stream, byte by byte, because read("*l") has no limit. Returns false for a line that is longer
-- than that, which is skipped, and nil at the end.
local function read_line_of(stream)
  return function()
    local bytes, size = {}, 0
    while true do
      local byte = stream:read(1)
      if byte == "\n" or byte == nil and size > 0 then
        return size <= LINE_MAX and table.concat(bytes)
      elseif byte == nil then
        return nil
      end
      size = size + 1
      bytes[size <= LINE_MAX and size or 1] = byte
    end
  end
end

local function write_line_to(stream)
  return function(line)
    return stream:write(line, "\n") and stream:flush()
  end
end

--- The text of a response. Messages may have bytes of data that are no UTF-8: such bytes become "?".
local function encode(response)
  local text = json.encode(response)
  local at = utf8_text.first_invalid(text)
  while at do
    text = text:sub(1, at - 1) .. "?" .. text:sub(at + 1)
    at = utf8_text.first_invalid(text)
  end
  return text
end

local function new_server(source, options)
  local read_line, write, log, write_tools, name, version, model_failures =
    core.options("mcp.serve", options, "read_line", "write", "log", "write_tools", "name", "version", "model_failures")
  if model_failures ~= nil and type(model_failures) ~= "table" then
    misuse("mcp.serve: 'model_failures' must be a table of messages, got a %s", type(model_failures))
  elseif type(source) ~= "userdata" and type(source) ~= "function" then
    misuse("mcp.serve: expected a collection or a function that opens one, got a %s", type(source))
  end
  write = check.callable(CALL, "write", write, write_line_to(io.stdout))
  local server = {
    may_write = check.flag(CALL, "write_tools", write_tools, false),
    model_failures = model_failures or {},
    read_line = check.callable(CALL, "read_line", read_line, read_line_of(io.stdin)),
    log = check.callable(CALL, "log", log, function(line)
      io.stderr:write("moonvec: ", line, "\n")
    end),
    open = type(source) == "function" and source or function()
      return source
    end,
    info = {
      name = check.text(CALL, "name", name, "moonvec"),
      version = check.text(CALL, "version", version, core.version:match "%S+$"),
    },
    can_write = true,
  }
  function server.write(response)
    server.can_write = server.can_write and write(encode(response)) ~= nil
  end
  return server
end

--- Serves a collection until the input ends: returns true, or nil, message, code if the answers cannot be written.
-- `source`: a collection, or a function that opens it (collection, or nil, message), called when it is first needed and
-- again after a failure. mcp.serve in types.lua describes the options.
function M.serve(source, options)
  local server = new_server(source, options)
  while server.can_write do
    local line = server.read_line()
    if line == nil then
      return true
    end
    local response = respond_to_line(server, line)
    if response then
      server.write(response)
    end
  end
  return nil, "the answer cannot be written", "io"
end

return M

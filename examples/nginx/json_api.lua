-- Requests and answers in JSON. A body that is wrong is answered with status 400 and what is wrong with it.

local cjson = require "cjson.safe"

local ngx = ngx

local M = {}

-- Of the codes of moonvec. Others are 500, also "not_found": no request names a document, thus a file is missing.
local STATUS = { busy = 503, exists = 409, limit = 413 }

--- Ends the request with a value, or with a string that is JSON already.
function M.send(status, value)
  ngx.status = status
  ngx.say(type(value) == "string" and value or cjson.encode(value))
  return ngx.exit(status)
end

-- What JSON calls the types of Lua. Objects are of no use in this service, so a table is an array.
local JSON_NAMES = {
  boolean = "a boolean", ["nil"] = "nothing", null = "null", number = "a number", string = "a string",
  table = "an array",
}

function M.refuse(message)
  return M.send(400, { error = message })
end

local function check_member(body, name, types)
  local given = body[name] == cjson.null and "null" or type(body[name])
  if not (" " .. types .. " "):find(" " .. given .. " ", 1, true) then
    M.refuse(("'%s' must be %s, got %s"):format(name, JSON_NAMES[types:match("%a+")], JSON_NAMES[given]))
  end
end

--- The body as a table. `members`: the type of each member that it may have; " nil" behind it: it may be left out.
function M.read(members)
  ngx.req.read_body()
  local body, message = cjson.decode(ngx.req.get_body_data() or "")
  if type(body) ~= "table" then
    return M.refuse("the body must be a JSON object" .. (message and ": " .. message or ""))
  end
  for name in pairs(body) do
    if not members[name] then
      return M.refuse(("there is no member '%s'"):format(tostring(name)))
    end
  end
  for name, types in pairs(members) do
    check_member(body, name, types)
  end
  return body
end

--- Answers with what work(...) returns. Where moonvec raises, an argument is wrong: 400. Where it returns nil, message,
-- code, the code says which status it is.
function M.answer(work, ...)
  local ok, result, message, code = pcall(work, ...)
  if not ok then
    return M.refuse((tostring(result):gsub("^[^ ]*:%d+: ", "")))
  elseif result == nil and message then
    return M.send(STATUS[code] or 500, { error = message, code = code })
  end
  return M.send(200, result)
end

return M

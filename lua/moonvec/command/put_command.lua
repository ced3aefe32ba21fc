--- `moonvec put`: documents given as JSON are written.

local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local model_places = require "moonvec.command.model_places"
local moonvec = require "moonvec"

local unpack = table.unpack or unpack -- luacheck: ignore

local BATCH = 1000

--- Ends the call if the document has no id: the methods of a collection take a table without one for an array.
local function with_id(call, document, what)
  if document.id == nil then
    call:fail("%s: the document has no 'id'", what)
  end
  return document
end

--- The document of a text. Ends the call if it is none.
local function read_document(call, text, schema, what)
  local members, message = json.decode(text)
  if members and (type(members) ~= "table" or members[1] ~= nil) then
    members, message = nil, "expected a JSON object"
  end
  local document = members
  if members then
    document, message = document_json.from_json(members, schema)
  end
  if not document then
    call:fail("%s: %s", what, message)
  end
  return with_id(call, document, what)
end

--- An iterator over the documents of the command line, or of the lines of stdin, with what names each in messages.
local function documents_of(call, schema)
  local words, i = { unpack(call.args, 2) }, 0
  if #words > 0 and not (#words == 1 and words[1] == "-") then
    return function()
      i = i + 1
      local what = ("document %d"):format(i)
      return words[i] and read_document(call, words[i], schema, what), what
    end
  end
  local source = call:check(moonvec.source.jsonl "-")
  source:use_schema(schema, false)
  return function()
    local document, message = source:read()
    local what = ("line %.0f"):format(source.row)
    if document == false then
      call:fail("%s: %s", what, message)
    end
    return call:check(document, message) and with_id(call, document, what), what
  end
end

--- Writes one document, or several. Returns how many; nil and a message, also where the method raises because a
-- document is wrong. Ctrl-C goes on to the caller.
local function attempt(tx, method, documents)
  local ok, written, message = pcall(tx[method], tx, documents)
  if ok then
    return written, message
  elseif type(written) ~= "string" or written:find "interrupted!$" then
    error(written, 0)
  end
  return nil, (written:gsub("^.-" .. method .. ": ", "", 1))
end

local function write(call, tx, method, batch, whats)
  if #batch == 0 then
    return 0
  end
  local written, message = attempt(tx, method, batch)
  if written then
    return written
  end
  -- Which one is wrong? One after the other is written in the same transaction, which is undone.
  for i, document in ipairs(batch) do
    local one, why = attempt(tx, method, document)
    if not one then
      call:fail("%s: %s", whats[i], why)
    end
  end
  call:fail("%s", message)
end

return {
  name = "put",
  summary = "write documents given as JSON",
  usage = "DIR [JSON|- ...]",
  options = {
    { "new", nil, "documents that exist are an error (without it they are replaced)" },
    { "update", nil, "change the given fields of documents that exist" },
    model_places.OPTION,
  },
  details = {
    "  moonvec put books '{\"id\": \"dune\", \"title\": \"Dune\", \"year\": 1965}'",
    "Without JSON, or with `-`, lines of stdin are read. All documents are written, or none. Prints how many. Vectors "
      .. "that a model makes are made.",
  },
  run = function(call)
    if call.options.new and call.options.update then
      call:usage("give one of --new and --update")
    end
    local method = call.options.new and "insert" or call.options.update and "update" or "upsert"
    local collection = call:open(call.args[1], { writable = true })
    local next_document = documents_of(call, collection.schema)
    local count = call:check(collection:transaction(function(tx)
      local written, batch, whats = 0, {}, {}
      repeat
        local document, what = next_document()
        batch[#batch + 1], whats[#whats + 1] = document, document and what or nil
        if #batch == BATCH or not document then
          written = written + write(call, tx, method, batch, whats)
          batch, whats = {}, {}
        end
      until not document
      return written
    end))
    call:print(("%.0f"):format(count))
  end,
}

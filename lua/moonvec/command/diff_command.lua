--- `moonvec diff`: which documents two collections do not share, by id.
--
-- Both are read in batches, so memory does not grow with them: the documents of one, then those with the same ids of
-- the other one.

local display_text = require "moonvec.terminal.display_text"
local document_json = require "moonvec.document_json"
local json = require "moonvec.json"
local schema_fields = require "moonvec.schema_fields"
local tables = require "moonvec.tables"

local BATCH = 256

--- The names of the fields that both have, and of those that only one has.
local function shared_fields(a, b)
  local shared, single = {}, {}
  for _, name in ipairs(schema_fields.names(a.schema)) do
    table.insert(schema_fields.find(b.schema, name) and shared or single, name)
  end
  for name in pairs(schema_fields.missing(a.schema, schema_fields.names(b.schema))) do
    single[#single + 1] = name
  end
  return shared, single
end

local function changed_fields(a, b, names)
  local changed = {}
  for _, name in ipairs(names) do
    if not tables.is_same(a[name], b[name]) then
      changed[#changed + 1] = name
    end
  end
  return changed
end

--- Calls visit(document, other) for each document of `a`: `other` is the one of `b` with the same id, or nil.
local function pair_up(call, a, b, names, visit)
  local options = { output_fields = names, include_vector = #names > 0 or nil }
  local batch, ids = {}, {}
  local function flush()
    local others = #ids > 0 and call:check(b:fetch(ids, options)) or {}
    for _, document in ipairs(batch) do
      visit(document, others[document.id])
    end
    batch, ids = {}, {}
  end
  for document in a:iterate(options) do
    batch[#batch + 1], ids[#ids + 1] = document, document.id
    if #batch == BATCH then
      flush()
    end
  end
  flush()
end

return {
  name = "diff",
  summary = "compare two collections, document by document",
  usage = "A B",
  options = { { "json", nil, "print JSON lines" } },
  details = { "Prints `- ID` for a document that only A has, `+ ID` for one that only B has, and `~ ID: FIELDS` for "
    .. "one that differs in these fields. Exit code 1 if there is a difference." },
  run = function(call)
    local a, b = call:open(call.args[1], { models = false }), call:open(call.args[2], { models = false })
    local names, single = shared_fields(a, b)
    local differences = 0
    local function report(mark, change, id, fields)
      differences = differences + 1
      if call.options.json then
        local line = document_json.to_json({ id = id }, a.schema)
        line.change, line.fields = change, fields and json.array(fields)
        call:print_json(line)
      else
        call:print(mark .. " " .. display_text.visible(id) .. (fields and ": " .. table.concat(fields, ", ") or ""))
      end
    end
    if #single > 0 then
      call:note("not compared, because only one of them has it: %s", table.concat(single, ", "))
      differences = 1
    end
    pair_up(call, a, b, names, function(document, other)
      local changed = other and changed_fields(document, other, names)
      if not other then
        report("-", "removed", document.id)
      elseif #changed > 0 then
        report("~", "changed", document.id, changed)
      end
    end)
    pair_up(call, b, a, {}, function(document, other)
      if not other then
        report("+", "added", document.id)
      end
    end)
    if differences > 0 then
      call:fail()
    end
  end,
}

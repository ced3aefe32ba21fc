--- `moonvec get`: documents by id, as JSON.

local document_json = require "moonvec.document_json"

local unpack = table.unpack or unpack -- luacheck: ignore

return {
  name = "get",
  summary = "print documents by id, as JSON lines",
  usage = "DIR ID...",
  options = {
    { "fields", "A,B", "only these fields, also vector fields (default: all scalar fields)" },
    { "vectors", nil, "with all vectors" },
  },
  details = { "Exit code 1 if one of the documents does not exist; the others are printed." },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    local ids = { unpack(call.args, 2) }
    local fields = call:list "fields"
    local found = call:check(collection:fetch(ids, {
      output_fields = fields, include_vector = (fields or call.options.vectors) and "table" or nil,
    }))
    local missing = {}
    for _, id in ipairs(ids) do
      if found[id] then
        call:print_json(document_json.to_json(found[id], collection.schema))
      else
        missing[#missing + 1] = "'" .. id .. "'"
      end
    end
    if #missing > 0 then
      call:fail("there is no document with the id %s", table.concat(missing, ", "))
    end
  end,
}

--- `moonvec schema`: the schema of a collection.

local document_json = require "moonvec.document_json"
local pretty = require "moonvec.terminal.pretty"

return {
  name = "schema",
  summary = "print the schema of a collection",
  usage = "DIR",
  options = {
    { "json", nil, "as JSON in one line (without an option: JSON that is indented)" },
    { "lua", nil, "as a Lua file that returns it" },
  },
  details = { "`moonvec create --schema` reads each of these." },
  run = function(call)
    local schema = call:open(call.args[1], { models = false }).schema
    if call.options.json then
      call:print_json(document_json.schema_to_json(schema))
    elseif call.options.lua then
      call:print("return " .. pretty.lua(schema))
    else
      call:print(pretty.json(document_json.schema_to_json(schema)))
    end
  end,
}

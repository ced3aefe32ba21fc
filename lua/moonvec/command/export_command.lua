--- `moonvec export`: all documents, or those that match, as JSON lines.

local model_places = require "moonvec.command.model_places"
local terminal = require "moonvec.terminal"

return {
  name = "export",
  summary = "write documents as JSON lines, which import reads back",
  usage = "DIR [FILE|-]",
  options = {
    { "filter", "FILTER", "only documents that match" },
    { "fields", "A,B", "only these fields" },
    { "no-vectors", nil, "without vectors" },
  },
  details = { "All fields are written, vectors as arrays of numbers; the schema, the indexes and the models are not. "
    .. "`moonvec import NEW FILE --like DIR` makes a collection of the same kind, `moonvec backup` a copy of all.",
    "The documents are those of one commit, whatever is written meanwhile. A file takes its place when it is "
    .. "complete." },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    local path = call.args[2] or "-"
    local names = model_places.names(collection.schema)
    local options = { filter = call.options.filter, fields = call:list "fields" }
    if call.options["no-vectors"] then
      options.vectors = false
    end
    if path == "-" then
      call:check(collection:export(function(line)
        call:write(line)
      end, options))
    else
      call:note("%s documents", terminal.number(call:check(collection:export(path, options))))
    end
    if #names > 0 then
      call:note("without the model %s: 'moonvec import NEW FILE --like %s' keeps search by meaning",
        table.concat(names, ", "), call.args[1])
    end
  end,
}

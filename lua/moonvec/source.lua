--- moonvec.source: where documents for ingest come from. Each function opens a source; its file in moonvec/source/ is
-- loaded when it is first called.
--
-- A source is a table with these methods and fields; programs can make their own:
--
--   source:read()              the next document (a table); false, message: a row that is wrong, reading can go on;
--                              nil: the end; nil, message, code: the source has failed
--   source.row, source.unit    the number of the row that was read last, and what it counts: "line", "row", "file"
--   source.name                for messages: the path
--   source:position()          where to go on after that row, a string; nil: this source cannot
--   source:seek(position)      true; nil, message, code
--   source:progress()          what was read, and of how much (nil: not known), in bytes or rows
--   source:close()
--   source:use_schema(schema, is_mapped)   optional: ingest gives it the schema of the collection, and says whether a
--                                          `map` makes the documents. Then read converts values to the types of fields

local M = {}

--- A function that calls the function that the module returns, or its function `name`.
local function opener(module, name)
  return function(...)
    local implementation = require("moonvec.source." .. module)
    return (name and implementation[name] or implementation)(...)
  end
end

M.bvecs = opener("vecs", "bvecs")
M.csv = opener("csv", "csv")
M.files = opener "files"
M.fvecs = opener("vecs", "fvecs")
M.ivecs = opener("vecs", "ivecs")
M.jsonl = opener "jsonl"
M.lines = opener "lines"
M.npy = opener "npy"
M.sqlite = opener "sqlite"
M.tsv = opener("csv", "tsv")

return M

-- Graph format 5: patience of outer queries. README.md.

local v3 = require "spec.data.v3_patience.write"

local M = { schema = {} }

for name, value in pairs(v3.schema) do M.schema[name] = value end
M.schema.name = "v5_graph"
M.documents, M.write, M.bits, M.ROWS = v3.documents, v3.write, v3.bits, v3.ROWS

return M

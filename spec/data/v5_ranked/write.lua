-- Ranked lists of format 3: a text index with positions, and one without. README.md.

local contents = require "spec.data.contents"
local v4_text = require "spec.data.v4_text.write"

local M = { schema = { name = "v5_ranked", fields = {}, vectors = v4_text.schema.vectors }, write = v4_text.write }

for i, field in ipairs(contents.fields) do
  local copy = {}
  for name, value in pairs(field) do copy[name] = value end
  if field.name == "text" then copy.index = { type = "text", language = "english" } end
  if field.name == "tags" then copy.index = { type = "text", positions = false } end
  M.schema.fields[i] = copy
end

return M

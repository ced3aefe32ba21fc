-- Schema format 5: text indexes without positions, and a list of stop words. README.md.

local contents = require "spec.data.contents"
local v4_text = require "spec.data.v4_text.write"

local M = { schema = { name = "v5_text", fields = {}, vectors = v4_text.schema.vectors }, write = v4_text.write }

for i, field in ipairs(contents.fields) do
  local copy = {}
  for name, value in pairs(field) do copy[name] = value end
  if field.name == "text" then
    copy.index = { type = "text", positions = false, stop_words = { "zero", "and" } }
  end
  if field.name == "tags" then copy.index = { type = "text", positions = false } end
  M.schema.fields[i] = copy
end

return M

--- Members that a source gives by itself, as the size of a file: a collection need not have a field for each.

local M = {}

--- Those of `names` that the schema has no field for, as a set.
function M.missing(schema, names)
  local missing = {}
  for _, name in ipairs(names) do
    missing[name] = true
  end
  for _, list in ipairs { schema.fields, schema.vectors } do
    for _, field in ipairs(list) do
      missing[field.name] = nil
    end
  end
  return missing
end

return M

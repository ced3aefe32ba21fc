--- The fields of a schema, scalar and vector fields alike.

local core = require "moonvec.core"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- The names that a message about an unknown one compares it with, beside "id": core.word takes 64.
local NAMES_MAX = 63

--- All fields, scalar fields first, in the order of the schema.
function M.all(schema)
  local fields = {}
  for _, list in ipairs { schema.fields, schema.vectors } do
    for _, field in ipairs(list) do
      fields[#fields + 1] = field
    end
  end
  return fields
end

--- The names of all fields, in the same order.
function M.names(schema)
  local names = M.all(schema)
  for i, field in ipairs(names) do
    names[i] = field.name
  end
  return names
end

local function find_in(fields, name)
  for _, field in ipairs(fields) do
    if field.name == name then
      return field
    end
  end
  return nil
end

--- The field of this name, or nil.
function M.find(schema, name)
  return find_in(schema.fields, name) or find_in(schema.vectors, name)
end

--- The vector field of this name, or nil.
function M.find_vector(schema, name)
  return find_in(schema.vectors, name)
end

--- The field of this name; "id" is one of type string. An unknown name raises, and the nearest is named.
function M.get(call, schema, name)
  local field = M.find(schema, name)
  if field then
    return field
  end
  local names = M.names(schema)
  core.word(call, "field", name, "id", unpack(names, 1, math.min(#names, NAMES_MAX)))
  return { name = "id", type = "string" }
end

--- Whether a scalar field has an index of type "text".
function M.has_text_index(field)
  return type(field.index) == "table" and field.index.type == "text"
end

--- Those of `names` that the schema has no field for, as a set.
function M.missing(schema, names)
  local missing = {}
  for _, name in ipairs(names) do
    missing[name] = not M.find(schema, name) or nil
  end
  return missing
end

return M

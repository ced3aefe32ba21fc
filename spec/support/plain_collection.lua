-- A collection in plain Lua tables: a spec does the same calls on it as on a collection, then reads the documents that
-- the collection must contain.

local M = {}

local Plain = {}
Plain.__index = Plain

function M.new(schema)
  local plain = setmetatable({ by_id = {}, defaults = {} }, Plain)
  for _, field in ipairs(schema.fields) do
    plain.defaults[field.name] = field.default
  end
  return plain
end

function Plain:insert(documents)
  for _, document in ipairs(documents) do
    local copy = {}
    for name, default in pairs(self.defaults) do
      copy[name] = default
    end
    for name, value in pairs(document) do
      copy[name] = value
    end
    self.by_id[document.id] = copy
  end
  return true
end

function Plain:update(documents)
  for _, changes in ipairs(documents) do
    for name, value in pairs(changes) do
      self.by_id[changes.id][name] = value
    end
  end
  return true
end

function Plain:delete(ids)
  for _, id in ipairs(ids) do
    self.by_id[id] = nil
  end
  return true
end

function Plain:add_column(field, value_of)
  for _, document in pairs(self.by_id) do
    document[field.name] = value_of(document)
  end
  return true
end

function Plain:drop_column(name)
  self.defaults[name] = nil
  for _, document in pairs(self.by_id) do
    document[name] = nil
  end
  return true
end

function Plain:alter_column(name, changes)
  for _, document in pairs(self.by_id) do
    document[name], document[changes.rename] = nil, document[name]
  end
  return true
end

function Plain:alter(options)
  self.expires = options.expires
  return true
end

-- Calls that change no document.
function Plain.optimize()
  return true
end
Plain.create_index = Plain.optimize

--- The documents for which `matches` is true (default: all), by id. `expires` is a timestamp.
function Plain:documents(matches)
  local documents, now = {}, os.time() * 1e6
  for _, document in pairs(self.by_id) do
    local gone_at = self.expires and document[self.expires]
    if not (gone_at and gone_at <= now) and (not matches or matches(document)) then
      documents[#documents + 1] = document
    end
  end
  table.sort(documents, function(a, b)
    return a.id < b.id
  end)
  return documents
end

return M

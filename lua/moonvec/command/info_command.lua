--- `moonvec info`: what is in a collection, and how it is.

local document_json = require "moonvec.document_json"
local schema_fields = require "moonvec.schema_fields"
local terminal = require "moonvec.terminal"

--- What a field of the schema is, in a few words: "vector_fp32 of 384, cosine".
local function describe(field)
  local words = field.type
  if field.dim then
    words = ("%s of %d, %s"):format(words, field.dim, field.metric)
  end
  if field.embed then
    words = ("%s, embeds '%s' by the model '%s'"):format(words, field.embed.from, field.embed.model)
  end
  return words .. (field.nullable and ", nullable" or "")
end

--- How much of a field is indexed: "hnsw: 98 % of 63,681 rows, 12 MB, int8".
local function describe_index(index)
  if index.completeness == 0 then
    return ("%s: not built, all %s rows are looked at"):format(index.type, terminal.number(index.rows))
  end
  local share = index.completeness == 1 and "100" or ("%.1f"):format(math.floor(index.completeness * 1000) / 10)
  local words = ("%s: %s %% of %s rows"):format(index.type, share, terminal.number(index.rows))
  if index.bytes and index.bytes > 0 then
    words = words .. ", " .. terminal.size(index.bytes)
  end
  if index.quantize then
    words = words .. ", " .. index.quantize
  end
  return words .. (index.warning and ", damaged: " .. index.warning or "")
end

local function print_fields(call, collection, stats)
  local width, rows = 0, {}
  for i, field in ipairs(schema_fields.all(collection.schema)) do
    local index = stats.indexes[field.name]
    rows[i] = { field.name, describe(field), index and describe_index(index) or "" }
    width = math.max(width, #field.name)
  end
  for _, row in ipairs(rows) do
    call:print((("  %-" .. width .. "s  %-32s %s"):format(row[1], row[2], row[3]):gsub("%s+$", "")))
  end
end

local PENDING = {
  working = "this process builds its index", elsewhere = "another process builds their index",
  due = "their index is about to be built", few = "too few to be worth an index",
  failed = "building the index failed", manual = "'moonvec optimize' builds their index",
  read_only = "a process that writes builds their index, or 'moonvec optimize'",
}

local function print_people(call, collection, stats)
  local function line(name, format, ...)
    call:print(("%-12s "):format(name) .. format:format(...))
  end
  line("collection", "%s", collection.path)
  line("documents", "%s", terminal.number(stats.documents))
  line("disk", "%s, of which catalog %s (%s free)", terminal.size(stats.disk_bytes), terminal.size(stats.catalog_bytes),
    terminal.size(stats.catalog_free_bytes))
  line("segments", "%d, %s deleted rows, %s fresh rows", stats.segments, terminal.number(stats.deleted_rows),
    terminal.number(stats.fresh_rows))
  line("commit", "%s, %s", terminal.number(stats.commit), stats.durable and "synced" or "not synced")
  if stats.pending_rows > 0 then
    line("not indexed", "%s rows: %s", terminal.number(stats.pending_rows), PENDING[stats.pending] or "they wait")
  end
  if stats.oldest_reader then
    line("old reader", "process %d, %s commits behind, holds %s", stats.oldest_reader.pid,
      terminal.number(stats.oldest_reader.commits),
      terminal.size(stats.oldest_reader.catalog_bytes + stats.oldest_reader.file_bytes))
  end
  call:print("fields")
  print_fields(call, collection, stats)
end

return {
  name = "info",
  summary = "documents, size, fields and indexes of a collection",
  usage = "DIR",
  options = { { "json", nil, "print all numbers as one JSON value" } },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    local stats = call:check(collection:stats())
    if call.options.json then
      stats.path, stats.schema = collection.path, document_json.schema_to_json(collection.schema)
      call:print_json(stats)
    else
      print_people(call, collection, stats)
    end
  end,
}

--- `moonvec import`: documents of a file into a collection, which is made if it is not there.

local command_call = require "moonvec.command.command_call"
local core = require "moonvec.core"
local display_text = require "moonvec.terminal.display_text"
local document_json = require "moonvec.document_json"
local guess_schema = require "moonvec.command.guess_schema"
local import_source = require "moonvec.command.import_source"
local json = require "moonvec.json"
local model_choice = require "moonvec.command.model_choice"
local model_places = require "moonvec.command.model_places"
local moonvec = require "moonvec"
local pretty = require "moonvec.terminal.pretty"
local schema_fields = require "moonvec.schema_fields"
local schema_words = require "moonvec.command.schema_words"
local terminal = require "moonvec.terminal"

-- Rows that a schema is guessed from.
local SAMPLE_ROWS = 5000

-- Formats whose rows have a packed `vector`.
local PACKED = { fvecs = true, bvecs = true, ivecs = true, npy = true }

-- Errors of rows that are printed.
local ERRORS_SHOWN = 10

--- The path of a file with what `input` has, which may be a pipe: it is read twice, once to guess the schema.
local function spool(call, input)
  local path = os.tmpname()
  call.spooled = path
  local file = call:check(io.open(path, "wb"))
  while true do
    local block, message = input:read(2 ^ 20)
    if not block then
      call:check(not message or nil, message)
      break
    end
    call:check(file:write(block))
  end
  call:check(file:close())
  return path
end

--- The path of a file that can be read more than once: `path`, or a copy if that is stdin or another pipe. What a pipe
-- has can be read once, and a named one must not even be opened twice.
local function repeatable(call, path)
  if path == "-" then
    return spool(call, call.stdin)
  end
  local input = io.open(path, "rb") -- if it cannot be opened, the source says so
  local copy = input and not input:seek() and spool(call, input)
  if input then
    input:close()
  end
  return copy or path
end

--- The schema of a collection that fits the file, and the name of the member that is the id.
local function guess(call, format, path)
  local source = call:check(import_source.open(call, format, path))
  local seen, first_error = guess_schema.new(format == "csv" or format == "tsv"), nil
  seen:order(source.names or {})
  for _ = 1, SAMPLE_ROWS do
    local row, message, code = source:read()
    if row == nil then
      call:check(not message or nil, message, code)
      break
    elseif row == false then
      first_error = first_error or ("%s %.0f: %s"):format(source.unit, source.row, display_text.visible(message))
    else
      if type(row.vector) == "string" and PACKED[format] then
        row.vector = moonvec.unpack(row.vector)
      end
      seen:see(row)
    end
  end
  if source.close then
    source:close()
  end
  if seen.rows == 0 then
    call:fail("'%s' has no row from which a schema could be guessed%s", call.args[2] == "-" and "stdin" or call.args[2],
      first_error and " (" .. first_error .. ")" or "")
  end
  for name, field in pairs(source.renamed or {}) do
    call:note("column '%s' is the field %s", display_text.visible(name), field)
  end
  local id = call.options.id or seen:id()
  return seen:schema(import_source.id_of(source, id)), id
end

local function load_map(call)
  local path = call.options.map
  if not path then
    return nil
  end
  local chunk, message = loadfile(path)
  local ok, map = pcall(call:check(chunk or nil, message))
  if not ok or type(map) ~= "function" then
    call:fail("%s", not ok and tostring(map)
      or path .. ": it must return a function(document, row) -> document, nil, or an array of documents")
  end
  return function(document, row)
    local is_mapped, result = pcall(map, document, row)
    if is_mapped then
      return result
    elseif tostring(result):find "interrupted!$" then
      error(result, 0)
    end
    call:fail("row %.0f: %s", row, tostring(result)) -- the fault is in the person's function
  end
end

--- The texts of a field of the file, for a model to learn from.
local function texts_of(call, format, path, name)
  local source = call:check(import_source.open(call, format, path))
  local bar = call:progress("learning", "texts")
  local count = 0
  return function()
    while true do
      local row = source:read()
      if row == nil then
        if source.close then
          source:close()
        end
        return nil
      elseif row and type(row[name]) == "string" then
        count = count + 1
        local done, total
        if source.progress then
          done, total = source:progress()
        end
        bar(done or count, total, count)
        return row[name]
      end
    end
  end
end

--- Makes the collection, with a vector field for the field that --embed names.
local function create(call, format, path, schema)
  local directory, from = call.args[1], call.options.embed
  local model, place
  if from then
    local field = model_choice.text_field(call, schema, from)
    field.nullable, field.default = nil, "" -- a document without a text has the vector of an empty one
    field.index = schema_fields.has_text_index(field) and field.index or { type = "text" }
    local _, given = call:models_given()
    model, place = model_choice.make(call, given or "learn", texts_of(call, format, path, from), field.index)
    schema = model and model_choice.add_field(schema, model, from) or schema
  end
  call:note("new collection: %s", schema_words.describe(schema))
  return model_choice.create_collection(call, directory, schema, model, place)
end

--- Makes a collection with the schema and the models of another one.
local function create_like(call)
  local other = call:open(call.options.like)
  local name, failure = next(call.model_failures)
  if name then
    call:fail("--like: %s", failure)
  elseif call.options["dry-run"] then
    call:print(pretty.json(other.schema))
    return nil
  end
  local models, given = call.models, call:models_given()
  local collection = call:keep(call:check(moonvec.create_and_open(call.args[1], other.schema, { models = models })))
  call:check(model_choice.keep_all(collection, call.args[1], models or {}, given, model_places.places(other)))
  call:note("new collection like %s: %s", call.options.like, schema_words.describe(other.schema))
  return collection
end

--- The collection: the one at DIR, or a new one. Returns it, the name of the member that is the id, and whether it is
-- new.
local function open_target(call, format, path)
  local directory = call.args[1]
  local _, model = call:models_given()
  if model and not call.options.embed then
    call:usage("--model needs --embed, the field that is searched by meaning")
  elseif command_call.locate(directory) then
    if call.options.embed then
      call:usage("'%s' is there already: --embed counts when the collection is made", directory)
    elseif call.options.like then
      call:usage("'%s' is there already: --like counts when the collection is made", directory)
    elseif call.options["dry-run"] then
      call:usage("'%s' is there already: --dry-run prints the schema of a new collection", directory)
    end
    return call:open(directory, { writable = true }), call.options.id, false
  elseif call.options.like then
    if call.options.embed then
      call:usage("give one of --like and --embed")
    elseif call.options["dry-run"] then
      call:usage("--dry-run prints a schema that is guessed; with --like it is that of '%s'", call.options.like)
    end
    return create_like(call), call.options.id, true
  elseif call.options.map then
    call:fail("there is no collection at '%s': with --map, make it first ('moonvec help create')", directory)
  end
  local schema, id = guess(call, format, path)
  if call.options["dry-run"] then
    call:print(pretty.json(document_json.schema_to_json(schema)))
    return nil
  end
  local collection = create(call, format, path, schema)
  if not id then
    call:note("ids are the numbers of the rows (--id NAME names a column or member with better ones)")
  elseif id ~= "id" then
    call:note("the id is '%s'", id)
  end
  return collection, id, true
end

local function print_errors(call, source, errors, skipped)
  for i, one in ipairs(errors) do
    if i > ERRORS_SHOWN then
      break
    end
    call:note("%s %.0f: %s", source.unit, one.row, display_text.visible(one.message))
  end
  if skipped > math.min(#errors, ERRORS_SHOWN) then
    call:note("... and %s more", terminal.number(skipped - math.min(#errors, ERRORS_SHOWN)))
  end
end

--- Reads the source into the collection. Returns the result of ingest; nil, message, code, result.
local function ingest(call, collection, source, path)
  local bar = call:progress "reading"
  local options = call.options
  return collection:ingest(source, {
    map = load_map(call), mode = options.upsert and "upsert" or "insert",
    on_error = options["skip-errors"] and "skip" or "stop",
    resume = options.resume and ("moonvec.import " .. path):sub(1, 255) or nil,
    progress = function(state)
      bar(state.done or state.read, state.total, state.written)
    end,
  })
end

local function run(call)
  local path = call.args[2]
  local format = import_source.format(call, path)
  if not command_call.locate(call.args[1]) or path == "-" and (format == "json" or format == "npy") then
    path = repeatable(call, path)
  end
  local collection, id, is_new = open_target(call, format, path)
  if not collection then
    return
  end
  local source = call:check(import_source.open(call, format, path))
  if not call.options.map then
    source = import_source.fit(source, collection, {
      id = import_source.id_of(source, id), format = format, leaves_out = call.options["ignore-unknown"],
    })
  end
  local began = core.seconds()
  local result, message, code, partial = ingest(call, collection, source, call.args[2])
  local counts = result or partial or { read = 0, written = 0, skipped = 0, errors = {} }
  local is_undone = not result and is_new and counts.written == 0
  if is_undone then
    for _, file in ipairs(model_places.files(collection)) do
      os.remove(call.args[1] .. "/" .. file)
    end
    collection:destroy() -- so that the next attempt guesses again
  elseif result and not call.options["no-optimize"] then
    call:optimize(collection)
  end
  print_errors(call, source, counts.errors, counts.skipped)
  if call.options.json then
    call:print_json { read = counts.read, written = counts.written, skipped = counts.skipped,
      errors = json.array(counts.errors) }
  elseif result or counts.written > 0 then
    call:note("%s documents in %.1f s%s", terminal.number(counts.written), core.seconds() - began,
      counts.skipped > 0 and ", " .. terminal.number(counts.skipped) .. " rows skipped" or "")
  end
  if not result then
    if code == "exists" then
      message = ("%s: %s (--upsert replaces it, --skip-errors leaves the later one out)"):format(message,
        is_new and "an earlier row has the same id" or "it is in the collection, or in an earlier row")
    end
    call:fail("%s%s", message, counts.written > 0 and " (what was read before is written)"
      or is_undone and " (no collection was made)" or "")
  end
end

return {
  name = "import",
  summary = "read a file into a collection, which is made if it is not there",
  usage = "DIR FILE|-",
  options = {
    { "format", "FORMAT", table.concat(import_source.FORMATS, ", ") .. " (default: by the name of the file)" },
    { "id", "NAME", "the member or column that is the id (default: id; rows without one get their number)" },
    { "embed", "FIELD", "search this field by meaning, too, with a model (see --model)" },
    { "model", "MODEL", model_choice.HELP .. "; or, if the collection is there, NAME=PLACE: see 'moonvec help put'",
      many = true },
    { "like", "OTHER", "make the collection with the schema and the models of the collection OTHER" },
    { "map", "FILE.lua", "a file that returns a function(document, row) -> document, nil, or several documents" },
    { "delimiter", "BYTE", "what is between the cells of a csv file, or `tab` (default: , ; tab or |, by the header)" },
    { "query", "SQL", "what to read from a sqlite file, a SELECT or the name of a table" },
    { "upsert", nil, "replace documents that exist (without it they are errors)" },
    { "skip-errors", nil, "go on at rows that are wrong, and count them" },
    { "ignore-unknown", nil, "leave out what the collection has no field for" },
    { "resume", nil, "go on where an earlier import of this file with --resume ended" },
    { "no-optimize", nil, "leave indexing to maintenance, or to `moonvec optimize`" },
    { "dry-run", nil, "only print the schema that would be chosen" },
    { "json", nil, "print the counts as JSON" },
  },
  details = {
    "  moonvec import books books.csv",
    "Without a collection at DIR, its schema is guessed from the first " .. SAMPLE_ROWS .. " rows, and printed: texts "
      .. "become searchable by words, arrays of numbers of one length become vectors. `moonvec create` makes one as "
      .. "you want it. A file of `moonvec export` has no schema and no models: --like takes those of the collection it "
      .. "was written from, and search by meaning stays.",
    "A wrong row ends the import with its number and the reason; batches before it stay. With `-`, stdin is read.",
  },
  run = function(call)
    local ok, failure = pcall(run, call)
    if call.spooled then
      os.remove(call.spooled)
    end
    if not ok then
      error(failure, 0)
    end
  end,
}

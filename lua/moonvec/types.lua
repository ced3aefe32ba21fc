---@meta
--- What moonvec offers, for editors and people. Nothing here is run.

---@class moonvec
---@field _VERSION string "moonvec 0.1.0"
---@field null lightuserdata NULL: clears a nullable field in an update, stands for NULL in `args`
---@field simd string the instruction set in use: "scalar", "sse2", "avx2", "avx512" or "neon"
---@field filter moonvec.filters
local moonvec = {}

---@alias moonvec.code "not_found"|"exists"|"read_only"|"corrupt"|"schema_mismatch"|"version"|"no_space"|"io"|"no_memory"|"busy"|"limit"
---@alias moonvec.type "string"|"bool"|"int32"|"int64"|"uint32"|"uint64"|"float"|"double"|"timestamp"|"array_string"|"array_bool"|"array_int32"|"array_int64"|"array_uint32"|"array_uint64"|"array_float"|"array_double"|"array_timestamp"
---@alias moonvec.vector_type "vector_fp32"|"vector_fp16"|"vector_int8"|"vector_binary" bits: see moonvec.numbers
---@alias moonvec.id string|integer 1 to 1,024 bytes; an integer stands for its decimal string (in a filter `id` is tested as the string)
---@alias moonvec.numbers number[]|string|moonvec.vector a table, packed little-endian float32, or a reusable vector; vector_int8 takes whole numbers, -128 to 127. A vector_binary is a table or reusable vector of zeros and ones, or a packed string of dim / 8 bytes: bit i (from 0) is in byte i / 8, the most significant bit of a byte first, as numpy.packbits has it

-- Filter text; keywords in any case, names as they are, NOT binds tightest, then AND, then OR:
--   filter := filter OR filter | filter AND filter | NOT filter | ( filter ) | test
--   test   := name (= | != | <> | < | <= | > | >=) value | name [NOT] BETWEEN value AND value | name [NOT] IN list
--           | name [NOT] LIKE value [ESCAPE value] | name IS [NOT] NULL | name [NOT] CONTAIN_ANY list
--           | name [NOT] CONTAIN_ALL list | array_length(name) (= | ... | >=) value | true | false
--   value  := -12 | 1.5 | 'text, with '' for a quote' | true | false | ?
--   list   := ( value, ... ) | ( ) | ?
-- Values are taken as the field's type has them: whole numbers for whole-number fields, within their range; of a 64-bit one
-- also decimal strings; float fields compare with the value as a float has it; timestamps compare with microseconds and with
-- RFC 3339 text: `at >= '2026-11-01'`. Strings compare byte by byte, LIKE minds case.
-- A test of NULL is unknown, and so is its NOT; only true passes. IN () is false even for NULL; of what is not NULL
-- CONTAIN_ANY () is false and CONTAIN_ALL () true. Arrays are tested by CONTAIN and array_length only. `id` is tested like
-- a string field that is never NULL.
---@alias moonvec.filter_source string|moonvec.filter


--- Opens a collection; creates it when nothing is there and a schema is given. ":memory:" is in memory.
---@param path string
---@param options? moonvec.open_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function moonvec.open(path, options) end

--- Creates a collection; "exists" when anything is there.
---@param path string
---@param schema moonvec.schema
---@param options? moonvec.open_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function moonvec.create_and_open(path, schema, options) end

--- Removes a collection that nobody has open.
---@param path string
---@return true? done, string? message, moonvec.code? code
function moonvec.destroy(path) end

--- Checks a schema and completes it; raises on the first mistake.
---@param schema moonvec.schema
---@return moonvec.schema
function moonvec.schema(schema) end

--- Reads a vector once, to be used many times. A packed string is float32 here, whatever field it is for.
---@param vector moonvec.numbers
---@return moonvec.vector
function moonvec.vector(vector) end

--- A vector as packed little-endian float32.
---@param vector moonvec.numbers
---@return string
function moonvec.pack(vector) end

--- A vector as a table.
---@param vector moonvec.numbers
---@return number[]
function moonvec.unpack(vector) end

---@class moonvec.open_options
---@field schema? moonvec.schema must agree with the one that is there, indexes too, as it is after live changes; not in create_and_open
---@field read_only? boolean never writes (default false)
---@field durability? "full"|"none" survives a power cut (default), or only the death of the process
---@field verify? boolean verify everything before anything is trusted (default false)
---@field maintenance? "auto"|"manual" whether fresh rows are sealed, segments merged and indexes built without optimize (default "auto")

---@class moonvec.schema
---@field name? string
---@field fields? moonvec.field[]
---@field vectors? moonvec.vector_field[]

---@class moonvec.field
---@field name string
---@field type moonvec.type
---@field nullable? boolean (default false)
---@field default? any taken when a document lacks the field
---@field index? "invert"|moonvec.field_index values are looked up where segments have been indexed; results are the same (default: none)

---@class moonvec.field_index
---@field type "invert" for each value the rows that have it

---@class moonvec.vector_field
---@field name string
---@field type moonvec.vector_type
---@field dim integer 1 to 65,535; of vector_binary a number of bits, a multiple of 8
---@field metric? "l2"|"ip"|"cosine"|"l1"|"hamming" (default "cosine"); a vector_binary has "hamming", which is its default, and no other type has that
---@field index? "hnsw"|"flat"|moonvec.index (default "hnsw")

---@class moonvec.index
---@field type "hnsw"|"flat" a graph, searched approximately; or none: every row is looked at
---@field m? integer of hnsw, as all that follow. Links of a row, 4 to 64 (default 16)
---@field ef_construction? integer candidates while building, 8 to 2,000 (default 200)
---@field quantize? "auto"|"none"|"fp16"|"int8"|"int4" what distances are measured with on the way; scores are exact with any. "auto" (default): what was measured to be good enough. Under metric "l1" not "int8" and "int4", under "hamming" only "auto" and "none"
---@field seed? integer|string of what is drawn by lot, 1 or more (default 1)

---@class moonvec.vector
---@operator len: integer
---@field [integer] number
local vector = {}

--- As packed little-endian float32.
---@return string
function vector:pack() end

--- As a table.
---@return number[]
function vector:table() end

--- Whole numbers of 64 bits that a Lua number cannot hold (from 2^53 on where numbers are doubles: Lua 5.1 to 5.2, LuaJIT; uint64 from
--- 2^63 on elsewhere) are given and come back as decimal strings. NaN is refused, and what a float cannot hold.
---
--- A timestamp is a whole number of 64 bits, the microseconds since 1970-01-01T00:00:00Z, and comes back as one. It may also be
--- given as text: a date ("2026-11-01": midnight UTC), or a time as in RFC 3339 with its offset from UTC ("2026-11-01T12:30:00Z",
--- "2026-11-01 12:30:00.25+02:00"; T and Z in either case), in years 0001 to 9999. A time without an offset is refused, and a
--- fraction finer than a microsecond. Second 60 is taken at 23:59:60 UTC on the last day of a month, and counts as the next
--- second. A decimal string has at least 15 digits, so that '2026' or '20261101' is not taken for microseconds.
---@class moonvec.document fields and vectors by name; no field is named id, score or distance
---@field id string
---@field [string] any

---@class moonvec.hit: moonvec.document
---@field score number higher is better, whatever the metric; after `rerank` what that returned. 0 without a vector
---@field distance number lower is better: 1 - cosine, the squared distance (l2), minus the inner product, the sum of absolute differences (l1), or the number of different bits (hamming). 0 without a vector

---@class moonvec.collection
---@operator len: integer
---@field path string as given to open
---@field schema moonvec.schema completed; as it is now, whoever changed it
local collection = {}

--- Inserts a document or an array of them, all or nothing; "exists" when an id is there.
---@param documents moonvec.document|moonvec.document[]
---@return integer? inserted, string? message, moonvec.code? code
function collection:insert(documents) end

--- Inserts, or replaces whole documents.
---@param documents moonvec.document|moonvec.document[]
---@return integer? written, string? message, moonvec.code? code
function collection:upsert(documents) end

--- Changes only the fields named; "not_found" when an id is missing.
---@param documents moonvec.document|moonvec.document[]
---@return integer? updated, string? message, moonvec.code? code
function collection:update(documents) end

--- Deletes by id; missing ids are no error.
---@param ids moonvec.id|moonvec.id[]
---@return integer? deleted, string? message, moonvec.code? code
function collection:delete(ids) end

--- Deletes what passes the filter.
---@param filter moonvec.filter_source
---@param args? any[]
---@return integer? deleted, string? message, moonvec.code? code
function collection:delete_by_filter(filter, args) end

--- A document by id, or a table id -> document of those that are there.
---@param ids moonvec.id|moonvec.id[]
---@param options? moonvec.fetch_options
---@return moonvec.document|table<string, moonvec.document>|nil found, string? message, moonvec.code? code
function collection:fetch(ids, options) end

---@class moonvec.fetch_options
---@field output_fields? string[] names of scalar and vector fields (default: all scalar ones)
---@field include_vector? boolean|"table" all vectors, as packed strings (float32, of vector_binary bits) or as tables (numbers, of vector_binary zeros and ones) (default false)

--- `for document in collection:iterate() do`: one snapshot, oldest first. A failure on the way raises.
---@param options? moonvec.iterate_options
---@return fun(): moonvec.document? next, nil, nil, userdata closer
function collection:iterate(options) end

---@class moonvec.iterate_options
---@field filter? moonvec.filter_source
---@field args? any[]
---@field output_fields? string[]
---@field include_vector? boolean|"table"

--- How many documents there are, or pass the filter.
---@param filter? moonvec.filter_source
---@param args? any[]
---@return integer? count, string? message, moonvec.code? code
function collection:count(filter, args) end

--- Searches; best first. With `vectors`, an array of results; with `explain`, how they were found, and the hits in it.
---@param options moonvec.query_options
---@return moonvec.hit[]|moonvec.hit[][]|moonvec.plan|nil hits, string? message, moonvec.code? code
function collection:query(options) end

---@class moonvec.query_options
---@field field? string the vector field to search; may be left out when there is one
---@field vector? moonvec.numbers what to search for
---@field id? moonvec.id ... or the stored document whose vector to search for; it is no hit itself
---@field vectors? moonvec.numbers[] ... or several at once
---@field topk? integer (default 10), together with `offset` at most 1,000,000
---@field offset? integer hits to skip (default 0)
---@field filter? moonvec.filter_source
---@field args? any[] values for the `?` of the filter
---@field where? fun(hit: moonvec.hit): boolean asked about the hits of the rest, best first, until `topk` pass, those that `offset` skips among them: slower than a filter. It gets what `output_fields` and `include_vector` ask for. With `vectors` each has its own hits that pass. A re-ranker sees what passed. In a transaction it must not write: the next step of the search raises then
---@field min_score? number of the search, before `rerank`
---@field max_distance? number
---@field params? moonvec.query_params how the index is searched
---@field output_fields? string[] (default: all scalar fields)
---@field include_vector? boolean|"table" (default false)
---@field order_by? string without a vector: "year DESC, title", up to 8 scalar fields, no arrays. NULL comes before all else (with DESC behind), equals in the order they were written; without `order_by` all do
---@field into? table an earlier result, to be used again
---@field rerank? fun(hit: moonvec.hit, query: moonvec.query_options): number the new score; may yield
---@field candidates? integer hits a re-ranker sees (default (4 × topk) + offset)
---@field explain? boolean return the plan, with the hits in it (default false); not with `where`. Of several `vectors` the sums of all

---@class moonvec.query_params
---@field exact? boolean look at the vector of every row that passes (default false; a flat index always does)
---@field plan? "auto"|"exact"|"codes"|"graph"|"bridges" the strategy for segments that have a graph, instead of `exact` (default "auto": the cheapest by estimate); other segments, and flat fields, are searched exactly. See moonvec.plan_step
---@field ef? integer of hnsw: candidates, 1 to 1,000,000; more is slower and finds more (default: what each graph was measured to need)
---@field refine? boolean of hnsw: let exact scores, not those from codes, choose the hits among the candidates (default true)

---@class moonvec.plan what `explain` returns: sums over all steps, and
---@field hits moonvec.hit[]|moonvec.hit[][] the answer
---@field steps moonvec.plan_step[] one for each segment, oldest first, then one for the fresh rows
---@field rows integer rows that are not deleted
---@field matches integer rows that match the filter (without a vector: of those looked at)
---@field exact_distances integer distances computed from vectors
---@field code_distances integer distances computed from codes
---@field bridged integer rows whose links were followed without computing their distance
---@field filter_ms number time to find the matching rows
---@field search_ms number time to find the nearest of them

---@class moonvec.plan_step counts and times as above, and
---@field of "segment"|"fresh rows"
---@field plan "exact"|"codes"|"graph"|"bridges"|"nothing" the strategy that led to the hits. "exact": every matching row is measured by its vector; "codes": every matching row by its code, and the nearest by their vectors; "graph": a walk through the graph that keeps the matching rows; "bridges": a walk over matching rows, and over other rows only to reach them; "nothing": no row matches
---@field abandoned? "graph"|"bridges" the strategy tried before, which found too little or cost too much

--- `for hit in collection:cursor{...} do`: the hits of a query for one vector (or for none), best first, for as long as the loop
--- goes on, all of the commit when it begins (a hit that a graph missed at first comes late). A failure raises. In a transaction a write ends it: it raises when the
--- hits found so far are used up (the first search finds 32).
---@param options moonvec.cursor_options
---@return fun(): moonvec.hit? next, nil, nil, table closer
function collection:cursor(options) end

---@class moonvec.cursor_options as of a query
---@field field? string
---@field vector? moonvec.numbers
---@field id? moonvec.id
---@field filter? moonvec.filter_source
---@field args? any[]
---@field where? fun(hit: moonvec.hit): boolean
---@field min_score? number
---@field max_distance? number
---@field params? moonvec.query_params
---@field output_fields? string[]
---@field include_vector? boolean|"table"
---@field order_by? string

--- Runs work(...) as one transaction; an error inside undoes all and goes on to the caller. One inside another is "busy".
---@param work fun(...): ...
---@param ... any
---@return any ... what `work` returns (true when nothing), or nil, message, code
function collection:transaction(work, ...) end

--- Merges, drops deleted rows, builds graphs. With `budget_ms` one slice of it: "more" or "done".
--- The first slice packs what was written since the last time in one go (0.4 ms for 1,000 rows of 64 dims).
---@param options? moonvec.optimize_options
---@return true|"more"|"done"|moonvec.job|nil done, string? message, moonvec.code? code
function collection:optimize(options) end

---@class moonvec.optimize_options
---@field progress? fun(done: integer, total: integer, stage: string)
---@field budget_ms? number
---@field threads? integer that build graphs, 1 to 64 (default: one for each core, at most 8). Of the first slice, with `budget_ms`
---@field background? boolean a thread of its own does it: returns a job at once (default false)

---@class moonvec.job optimize in the background; goes on when nobody has it, ends when its collection is closed
local job = {}

--- Waits for the end: true when it is over, well or cancelled; false when the time is up.
---@param seconds? number 0: only look (default: for ever)
---@return boolean? done, string? message, moonvec.code? code
function job:wait(seconds) end

---@return integer done, integer total, "seal"|"merge"|"index"|"done"|"cancelled" stage
function job:progress() end

--- Ends it soon. What it finished stays.
function job:cancel() end

--- Gives a vector field another index, or a scalar field one, and builds it from the data there is; the one before is searched
--- until it stands.
---@param name string
---@param index "hnsw"|"flat"|moonvec.index|"invert"|moonvec.field_index
---@param options? moonvec.index_options
---@return true|moonvec.job|nil done, string? message, moonvec.code? code
function collection:create_index(name, index, options) end

---@class moonvec.index_options
---@field progress? fun(done: integer, total: integer, stage: string)
---@field threads? integer that build graphs, 1 to 64 (default: one for each core, at most 8)
---@field background? boolean a thread of its own does it: returns a job at once (default false). The schema has changed by then

--- A vector field is searched exactly from then on, a scalar one read row by row.
---@param name string
---@return true? done, string? message, moonvec.code? code
function collection:drop_index(name) end

--- Adds a scalar or vector field. Documents get what value_of(document) returns, else the default, else NULL; an error
--- undoes all and goes on to the caller. Other writers wait meanwhile, readers see the new field when it is finished.
--- Its index is built before this returns. Where there are documents, a field that is neither nullable nor has a default needs
--- the function, which then must not return nil: that raises. A vector field needs it, too.
---@param field moonvec.field|moonvec.vector_field
---@param value_of? fun(document: moonvec.document): any may read the collection, not write to it; nil: the default, or NULL
---@param options? moonvec.column_options
---@return true? done, string? message, moonvec.code? code
function collection:add_column(field, value_of, options) end

---@class moonvec.column_options
---@field output_fields? string[] what the documents given to `value_of` carry (default: all scalar fields)
---@field include_vector? boolean|"table" (default false)
---@field progress? fun(done: integer, total: integer, stage: string) of building an index
---@field threads? integer that build an index

--- Drops a scalar or vector field, with its index. The space of a scalar field comes back when its segments are merged.
---@param name string
---@return true? done, string? message, moonvec.code? code
function collection:drop_column(name) end

---@param name string
---@param changes moonvec.column_changes
---@return true? done, string? message, moonvec.code? code
function collection:alter_column(name, changes) end

---@class moonvec.column_changes
---@field rename? string the new name
---@field nullable? true of a scalar field: it may be NULL from now on

---@return moonvec.stats? stats, string? message, moonvec.code? code
function collection:stats() end

---@class moonvec.stats
---@field documents integer
---@field segments integer
---@field fresh_rows integer not yet in a segment
---@field deleted_rows integer in segments, not yet dropped
---@field disk_bytes integer of its files; 0 of a collection in memory
---@field memory_bytes integer allocated by moonvec in this process, without mapped files and without what collections in memory hold
---@field commit integer number of the last commit
---@field durable boolean false: some commits would not survive a power cut
---@field simd string
---@field indexes table<string, moonvec.index_stats> by field: vectors, and scalar fields with an index
---@field background boolean this process is optimizing in the background
---@field background_error? string what stopped maintenance last

---@class moonvec.index_stats
---@field type "hnsw"|"flat"|"invert"
---@field rows integer not deleted
---@field completeness number 0 to 1: share of the rows that is found through the index (1 when flat); the others are looked at: fresh rows, and segments too small for an index (below 1,024 rows)
---@field indexed_rows? integer rows found through the index; of hnsw and invert, as the next three
---@field bytes? integer of the index's files
---@field warning? string a damaged file, whose rows are looked at instead; optimize builds it anew
---@field lists? integer of invert: segments that have the index
---@field graphs? integer of hnsw, likewise, as all that follow
---@field quantize? "none"|"fp16"|"int8"|"int4" of the largest graph, as the next two; not there before there is one
---@field code_error? number error of a distance from codes, relative to the mean distance of a row to its neighbours
---@field ef? integer candidates of a query that sets none

--- Verifies every checksum and structure.
---@return true? sound, string? message, moonvec.code? code
function collection:check() end

--- Writes a consistent and compact copy to `path`, while others write.
---@param path string
---@return true? done, string? message, moonvec.code? code
function collection:backup(path) end

--- Makes everything acknowledged survive a power cut.
---@return true? done, string? message, moonvec.code? code
function collection:flush() end

--- Closes; once is enough, more is fine.
---@return true? done, string? message, moonvec.code? code
function collection:close() end

--- Closes and removes. "busy" when it is open elsewhere: then it is only closed.
---@return true? done, string? message, moonvec.code? code
function collection:destroy() end

---@class moonvec.filter
---@field text string with `?` for the values
---@field args any[]

---@class moonvec.filters
local filters = {}

--- name = value
---@param name string
---@param value any
---@return moonvec.filter
function filters.eq(name, value) end

--- name != value
---@param name string
---@param value any
---@return moonvec.filter
function filters.ne(name, value) end

--- name < value
---@param name string
---@param value any
---@return moonvec.filter
function filters.lt(name, value) end

--- name <= value
---@param name string
---@param value any
---@return moonvec.filter
function filters.le(name, value) end

--- name > value
---@param name string
---@param value any
---@return moonvec.filter
function filters.gt(name, value) end

--- name >= value
---@param name string
---@param value any
---@return moonvec.filter
function filters.ge(name, value) end

--- low <= name <= high
---@param name string
---@param low any
---@param high any
---@return moonvec.filter
function filters.between(name, low, high) end

---@param name string
---@return moonvec.filter
function filters.is_null(name) end

---@param name string
---@return moonvec.filter
function filters.not_null(name) end

--- `%` any characters, `_` one character (UTF-8)
---@param name string
---@param pattern string
---@param escape? string one character that makes the next one ordinary
---@return moonvec.filter
function filters.like(name, pattern, escape) end

---@param name string
---@param list any[]
---@return moonvec.filter
function filters.one_of(name, list) end

---@param name string
---@param list any[]
---@return moonvec.filter
function filters.contain_any(name, list) end

---@param name string
---@param list any[]
---@return moonvec.filter
function filters.contain_all(name, list) end

---@param name string
---@param operator "="|"!="|"<>"|"<"|"<="|">"|">="
---@param length integer
---@return moonvec.filter
function filters.array_length(name, operator, length) end

--- True when all are. Takes filters, or one table of them.
---@param ... moonvec.filter|moonvec.filter[]
---@return moonvec.filter
function filters.all(...) end

--- True when one is. Takes filters, or one table of them.
---@param ... moonvec.filter|moonvec.filter[]
---@return moonvec.filter
function filters.any(...) end

---@param filter moonvec.filter
---@return moonvec.filter
function filters.no(filter) end

return moonvec

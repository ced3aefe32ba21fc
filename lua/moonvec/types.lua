---@meta
--- The reference of the Lua API: every function, method, option and result. LuaCATS annotations, for people and for
--- editors; this file is never executed.
---
--- Errors. Runtime failures return `nil, message, code`; programming errors raise. A programming error is a wrong
--- argument, an unknown option or field, a value that its field does not accept, or a call on a closed collection.
---
--- A message names the nearest valid name, also for words of other vector databases: `limit` is `topk` here. To read
--- such a word as a method or function, `collection.search` or `moonvec.connect`, raises; any other unknown key is nil,
--- so that a program can ask whether a method exists. Messages show at most 40 bytes of an id or of an unknown name.

---@class moonvec
---@field _VERSION string "moonvec 0.1.0"
---@field null lightuserdata the value NULL: it clears a nullable field in an update, and means NULL in `args`
---@field simd string the instruction set that distances are computed with: "scalar", "sse2", "avx2", "avx512" or "neon"
---@field embed moonvec.embedders functions that make models, which turn texts into vectors
---@field filter moonvec.filters functions that build filters as data
---@field fuse moonvec.fusers functions that make fusers, for multi_query
---@field rerank moonvec.rerankers functions that make re-rankers, for query and multi_query
---@field source moonvec.sources functions that open sources of documents, for ingest
---@field text moonvec.texts functions that build full-text queries as data, for `match` and MATCH
local moonvec = {}

---@alias moonvec.code
---| "not_found" # there is no such document or collection
---| "exists" # there is such a document or collection already
---| "read_only" # the collection or its file system cannot be written
---| "corrupt" # a file is damaged
---| "schema_mismatch" # the given schema is not the schema of the collection
---| "version" # the collection was written by a newer moonvec
---| "no_space" # the disk or the quota is full
---| "io" # the operating system reported another failure. If the message says that it is not known whether the changes were committed, close the collection everywhere in the process and open it again
---| "no_memory" # there is not enough memory
---| "busy" # another transaction, process or job is in the way
---| "limit" # a documented limit is exceeded
---| "invalid" # what a source gave is wrong: a row, a header, a position. The message says where
---@alias moonvec.type "string"|"bool"|"int32"|"int64"|"uint32"|"uint64"|"float"|"double"|"timestamp"|"array_string"|"array_bool"|"array_int32"|"array_int64"|"array_uint32"|"array_uint64"|"array_float"|"array_double"|"array_timestamp"
---@alias moonvec.vector_type "vector_fp32"|"vector_fp16"|"vector_int8"|"vector_binary"|"sparse_vector_fp32" vector_binary: bits, see moonvec.numbers; sparse_vector_fp32: see moonvec.sparse
---@alias moonvec.id string|integer a string of 1 to 1,024 bytes. An integer is converted to its decimal string. In a filter it can be compared by =, <> and IN (`id = 7`); order and patterns of ids are those of strings. The tests `id = ?` and `id IN ?` look ids up, others compare those of all documents
---@alias moonvec.numbers number[]|string|moonvec.vector a table of numbers, a string of packed little-endian float32, or a reusable vector. A vector_int8 field accepts whole numbers from -128 to 127. A vector_binary field accepts a table or reusable vector of zeros and ones, or a packed string of dim / 8 bytes: bit i (from 0) is in byte i / 8, the most significant bit of a byte first, as in numpy.packbits

---@alias moonvec.sparse table<integer, number>|string a sparse vector, of a field of type sparse_vector_fp32: a table of numbers by index, { [17] = 0.4, [29] = 1.2 }, or a packed string (moonvec.pack_sparse). An index is a whole number from 0 to 2^32 - 1; a number is from -1e15 to 1e15, and zeros are not kept. At most 65,536 entries, none is allowed. Documents are returned with the table

-- The grammar of a filter text. Keywords are case-insensitive, field names are case-sensitive. NOT binds tightest, then
-- AND, then OR:
--   filter := filter OR filter | filter AND filter | NOT filter | ( filter ) | test
--   test   := name [nocase] (= | != | <> | < | <= | > | >=) value [nocase] | name [nocase] [NOT] BETWEEN value AND value
--           | name [nocase] [NOT] IN list | name [nocase] [NOT] STARTS WITH value [nocase]
--           | name [NOT] LIKE value [ESCAPE value] | name [NOT] ILIKE value [ESCAPE value] | name IS [NOT] NULL
--           | name [NOT] MATCH value | name [NOT] CONTAIN_ANY list | name [NOT] CONTAIN_ALL list | array_length(name) (= | ... | >=) value
--           | true | false
--   nocase := COLLATE NOCASE
--   value  := -12 | 1.5 | 'text, with '' for a quote' | true | false | ?
--   list   := ( value, ... ) | ( ) | ?
--
-- Values: a value must fit the type of its field. An integer field accepts whole numbers within its range, and a 64-bit
-- field also decimal strings. A float field compares with the value rounded to a float. A timestamp field compares with
-- microseconds and with RFC 3339 text: `at >= '2026-11-01'`.
--
-- Strings compare byte by byte, and LIKE is case-sensitive. STARTS WITH takes its value as it is: `%` and `_` stand for
-- themselves. ILIKE is LIKE without case, and COLLATE NOCASE compares without case: `name = 'dune' COLLATE NOCASE`. Both
-- sides are folded by Unicode's simple case folding, character by character, in any script, and then compare byte by
-- byte. Accents stay ('É' is 'é', not 'e'), and no character becomes several ('ß' is 'ẞ', not 'ss'). Bytes that are not
-- valid UTF-8 are equal only to themselves. A field's inverted index tests each of its values once, if they are few; it
-- answers STARTS WITH and LIKE 'abc%' by one range.
--
-- MATCH is true where a text has what a person typed: all words, "phrases", no -excluded ones, this OR that, beg*. The
-- field is a string or an array of strings with a text index: `body MATCH ?`. No text is wrong; one without words matches
-- nothing. The argument can also be a query built by moonvec.text.
--
-- NULL: a test of NULL is unknown, and so is its NOT. A document matches only if the filter is true. IN () is false even
-- for NULL. For an array that is not NULL, CONTAIN_ANY () is false and CONTAIN_ALL () is true.
--
-- Arrays can be tested only by CONTAIN_ANY, CONTAIN_ALL, array_length, IS NULL and, with a text index, MATCH. `id` behaves like a string field that
-- is never NULL. Fields of sparse and of several vectors can be tested only by IS NULL.
---@alias moonvec.filter_source string|moonvec.filter a text, or a filter built by moonvec.filter

--- Opens a collection. If nothing exists at `path`, creates it with `options.schema`; without a schema the result is
--- "not_found". The path ":memory:" creates a collection in memory. The result is "version" if a newer moonvec wrote the
--- collection, and "corrupt" if it is damaged or was written with durability "none" before a power cut.
---@param path string
---@param options? moonvec.open_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function moonvec.open(path, options) end

--- Creates a collection. The result is "exists" if anything exists at `path`.
---@param path string
---@param schema moonvec.schema
---@param options? moonvec.open_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function moonvec.create_and_open(path, schema, options) end

--- Makes a collection in memory of a dump (see dump), with its indexes. Everything in it is verified first, so a dump may come
--- from anywhere. The result is "corrupt" if it is no dump or damaged, and "version" if a newer moonvec wrote it.
---@param dump string
---@param options? moonvec.load_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function moonvec.load(dump, options) end

---@class moonvec.load_options
---@field schema? moonvec.schema must equal the schema of the collection; else the result is "schema_mismatch"
---@field models? table<string, moonvec.model> as in open_options
---@field maintenance? "auto"|"manual" as in open_options
---@field maintenance_threads? integer as in open_options
---@field busy_ms? integer as in open_options

--- Removes the files of a collection, and its directory unless there are other files in it: those that its catalog does not
--- name and whose content is not moonvec's. The result is "busy" if the collection is open anywhere, in this or another process,
--- and "corrupt" if there is none, or one too damaged to be recognized; then nothing is removed. A collection that is refused
--- because the machine went down before a flush loses all files with names of segments and indexes, whatever is in them. If the
--- process dies meanwhile, another call removes the rest.
---@param path string
---@return true? done, string? message, moonvec.code? code
function moonvec.destroy(path) end

--- Checks a schema and returns it with all defaults filled in. Raises on the first mistake.
---@param schema moonvec.schema
---@return moonvec.schema
function moonvec.schema(schema) end

--- Converts a vector once, so that it can be used in many calls without being read again. A packed string is read as
--- float32, also for fields of another type.
---@param vector moonvec.numbers
---@return moonvec.vector
function moonvec.vector(vector) end

--- Returns the vector as a string of packed little-endian float32.
---@param vector moonvec.numbers
---@return string
function moonvec.pack(vector) end

--- Returns the vector as a table.
---@param vector moonvec.numbers
---@return number[]
function moonvec.unpack(vector) end

--- Returns a sparse vector as a packed string, which is written and searched faster than a table: of n entries n indexes
--- (uint32), then n numbers (float32), all little-endian.
---@param indices integer[]|moonvec.sparse its indexes, in any order; without `numbers` a sparse vector
---@param numbers? number[] as many numbers
---@return string
function moonvec.pack_sparse(indices, numbers) end

--- Returns a sparse vector as a table.
---@param sparse moonvec.sparse
---@return table<integer, number>
function moonvec.unpack_sparse(sparse) end

--- Cuts a text into passages, each of which an embedding model or a text index takes as one. All of the text is in them but
--- white space between them. Sentences, paragraphs and so on stay whole where they fit; words are split only if they are
--- larger than `size`, characters never. The time is linear in the text.
---@param text string
---@param options? moonvec.split_options
---@return moonvec.passage[]
function moonvec.split(text, options) end

---@class moonvec.split_options
---@field size? integer the most bytes of a passage, 16 to 2^30 (default 1000). In English about 4 bytes are a token of a model, in Chinese or Japanese 3 bytes a character
---@field overlap? integer a passage begins with up to this number of bytes of the one before, from a word on, at most half of `size`: so that what stands at a border is found in both (default 0)
---@field by? "paragraph"|"sentence"|"heading"|"code"|"line" what stays whole: "paragraph" (default): text up to a blank line. "sentence": passages are filled with sentences. "heading": each section of Markdown or reStructuredText begins a passage. "code": functions and the like, which begin with least indentation behind a blank line; then parts between blank lines, then lines. "line": lines
---@field title? string the title of the whole, which `heading` of each passage begins with
---@field progress? fun(last: integer) called after each passage with its last byte. It may yield, so that a program that does something else meanwhile does not wait for a long text

---@class moonvec.passage
---@field text string text:sub(first, last) of the text
---@field first integer its first byte
---@field last integer its last byte
---@field heading? string with "heading" or `title`: the headings that the passage is under, "Install > From source"

---@class moonvec.open_options
---@field schema? moonvec.schema must equal the schema of an existing collection, including indexes and later changes; else the result is "schema_mismatch". Not an option of create_and_open
---@field read_only? boolean never write a file; writes return "read_only" (default false)
---@field durability? "full"|"none" what an acknowledged write survives: a power cut ("full", default), or only the death of the process ("none"). After a power cut with "none", the collection is "corrupt" unless flush or close came after the last write
---@field verify? boolean verify every checksum and structure before the collection is opened (default false)
---@field prefault? boolean map the indexes into memory before the collection is opened, as far as their files are in the page cache, so that the first queries take no longer than the others: 11 to 18 ms for a graph over a million vectors of 128 dims, whose first query then takes about 0.5 ms instead of 3 to 6. Reads nothing from the disk. Does nothing in memory, on other systems than Linux, and where this process may not write to the files (default false)
---@field busy_ms? integer how long a write waits for other writers, of this or another process, in milliseconds; then the result is "busy". `optimize` waits as long for another process that optimizes. 0: not at all, as event loops want it (default 60000; at most 86400000)
---@field maintenance? "auto"|"manual" "auto" (default): seal fresh rows, merge segments and build indexes in the background, also what other processes have left undone. "manual": only in optimize; writes seal fresh rows when they take 16 MiB
---@field slowdown_rows? integer with maintenance "auto": once more rows than this lack an index, writes wait: 1 ms for each written row at twice the number, less with fewer rows, 2 ms at most; one write waits for 5 s at most. So indexes keep up, and searches stay fast. Writes wait only while searches by vector or text look at such rows, of any process whose handle is not read_only; a search counts for two seconds. A load without searches is not slowed down. `stats().pending_rows` and `slowed_ms` tell how far. The value is that of the handle that writes. 0: never (default 32768; at most 4294967295)
---@field maintenance_threads? integer number of threads that build graphs in the background, 1 to 64 (default: 1 for up to 2 cores, else half of the cores, at most 4). If the collection is open several times in the process, the value given last counts
---@field models? table<string, moonvec.model> by name, the models of vector fields with `embed`. A model with another fingerprint, or other vectors, than the schema says gives "schema_mismatch"; one that the schema does not name raises. To create a collection, each model or its fingerprint must be given. A collection that is opened without a model works, but a call that needs the model raises. Models belong to the handle, and to its transactions
---@field from? string only with the path ":memory:": the directory of a collection, which is copied into memory with its indexes; the directory is only read. Not an option of create_and_open

---@class moonvec.schema
---@field name? string at most 64 bytes
---@field fields? moonvec.field[] scalar and array fields, at most 1,024
---@field vectors? moonvec.vector_field[] vector fields, at most 256; sparse ones, and those with `multi`, count as `fields`
---@field expires? string|false a scalar field that says when a document expires (NULL: never): int32, int64, uint32, uint64 or double, in seconds since 1970 as os.time() counts them; or a timestamp, which is in microseconds: os.time() * 1000000, since os.time() alone would be in 1970. From that second on no call finds the document, and its id is free. The clock is read in whole seconds, once for each call and once for a transaction; an iterator or a cursor goes on with what it has begun. The space comes back by itself: each write removes some documents that have expired, maintenance and optimize remove all. Backups and dumps may contain such documents, and do not show them either. If the clock is set back, those that are not removed yet are there again
---@field max_documents? integer|false a write that leaves more removes others in the same commit: expired ones first, then as `evict` says. Of one batch with more documents only as many stay
---@field max_bytes? integer|false the same for bytes: ids, values and vectors as they are stored in a row, with its header (stats().bytes). Indexes and rows that are removed but not yet dropped do not count. A document that has more alone is refused with "limit", and so is a new column with which each of them would have more
---@field evict? "oldest"|"least_recent"|false what a limit removes. "oldest" (default): the documents that were written longest ago. "least_recent": those that were neither written, nor fetched, nor a hit of a query for longest, approximately: of 16 documents chosen at random, the one used longest ago. Reads of all processes count, except those that may not write to the directory; `iterate`, `count` and `facet` do not count. Beyond a million documents it becomes less exact, as several share a time

---@class moonvec.field
---@field name string at most 64 bytes; id, score and distance are reserved
---@field type moonvec.type
---@field nullable? boolean whether the field may be NULL (default false)
---@field default? any the value of a document that is inserted without this field
---@field index? "invert"|"text"|moonvec.field_index "invert" makes filters on this field faster in segments that have the index; results stay the same. "text": the field, a string or an array of strings, can be searched by text (default: none)

---@class moonvec.field_index
---@field type "invert"|"text" "invert": for each value, the rows that have it. "text": for each word, the rows that have it, ranked by BM25. The elements of an array of strings are its words, unchanged
---@field tokenizer? "unicode"|"code"|"ngram"|"whitespace" only text: what the words of a text are. "unicode" (default): words by Unicode Standard Annex 29, and overlapping pairs of characters in scripts without spaces. "code": identifiers, and their parts (parseHTML: parsehtml, parse, html). "ngram": all characters, three at a time, to find any part of a text. "whitespace": what stands between white space, unchanged. All others ignore case, accents and compatibility forms
---@field language? "none"|"arabic"|"armenian"|"basque"|"catalan"|"danish"|"dutch"|"english"|"finnish"|"french"|"german"|"greek"|"hindi"|"hungarian"|"indonesian"|"irish"|"italian"|"lithuanian"|"nepali"|"norwegian"|"porter"|"portuguese"|"romanian"|"russian"|"serbian"|"spanish"|"swedish"|"tamil"|"turkish"|"yiddish" only text, with "unicode" and "code": words are reduced to their stems by Snowball (default "none")
---@field stop_words? boolean|string[] only text: leave out the most frequent words of the language, such as "the" (default false). For danish, dutch, english, finnish, french, german, italian, norwegian, portuguese, russian, spanish and swedish. Or leave out these words, with any tokenizer that has words: at most 1,024 of at most 64 bytes. They are compared as the tokenizer compares words, but with their accents, and before stems are made. The schema has them in order, each once
---@field k1? number only text: of BM25, how fast further occurrences of a word count less, 0.001 to 100 (default 1.2)
---@field b? number only text: of BM25, how much long texts count less, 0.001 to 1 (default 0.75)
---@field positions? boolean only text: store where in a text its words are (default true). Without positions the index is smaller, and the hits are the same: phrases, and words that are several terms, are found by reading the texts that have all their words

---@class moonvec.vector_field
---@field name string at most 64 bytes; id, score and distance are reserved
---@field type moonvec.vector_type
---@field dim? integer numbers in each vector, 1 to 65,535; for vector_binary bits, a multiple of 8. Required, but with `embed` where the model is given, whose dim it then is; not allowed for a sparse vector
---@field metric? "l2"|"ip"|"cosine"|"l1"|"hamming" squared Euclidean distance, inner product, cosine similarity (default), sum of absolute differences, or number of different bits. A vector_binary has "hamming" only, and no other type has it. A sparse vector has "ip" only
---@field index? "hnsw"|"flat"|"sparse"|moonvec.index (default "hnsw"; of a sparse vector "sparse": for each index, the rows that have it)
---@field nullable? boolean only a sparse vector, and with `multi`: whether it may be NULL (default false)
---@field multi? boolean only vector_fp32 with metric "ip", which is then the default: documents have a list of vectors, as late interaction models such as ColBERT make them. It is given as an array of vectors of any form, or as a packed string of all, and returned as an array (`include_vector`) (default false)
---@field embed? moonvec.embed_options not of a sparse vector, nor with `multi`: a model makes the vectors, of the texts of another field

--- What makes the vectors of a field:
---
---     { name = "embedding", type = "vector_fp32", embed = { from = "body", model = "words" } }
---
--- insert and upsert make the vector of a document that has none, of its text or the default of the text; update and
--- update_by_filter make it again when they change the text. A vector that is given stays. Where the text is NULL the vector
--- must be given. An empty text is a text. All texts of one call are given to the model at once, before anything is written
--- and no other writer waits, but for a function given to update_by_filter, and in a transaction. The documents that were
--- given are not changed. If the model fails, or has no vector for one of the texts, nothing is written, and the result is nil,
--- a message that names the document, and the code of the model, else "io". On plain Lua 5.1, which cannot yield across pcall,
--- a model must not yield in a transaction, in update_by_filter and in add_column.
---
--- query, cursor, multi_query and group_by_query with `text` and such a `field` embed the question, and search for that vector;
--- without `field` they search for the words where there is a text index, else the only field with `embed`.
---@class moonvec.embed_options
---@field from string a field of type string. It cannot be dropped before this one, and can be renamed
---@field model string the name of the model, 1 to 64 bytes
---@field fingerprint? string of the model, 1 to 64 bytes (default: that of the model that is given). In a schema that is compared with that of a collection, one without it is like any

--- The range of numbers. With "l2", "ip" and "l1", the numbers of documents and of queries are from -1e15 to 1e15, so that
--- every distance is finite. With "cosine", the length of a document's vector is 2.9e-39 to 8.5e37, and the vector of a query
--- is any finite one but the zero vector. Others raise. A distance between 0 and 1.2e-38 may be given as 0.

---@class moonvec.index
---@field type "hnsw"|"flat"|"sparse" "hnsw": a graph, searched approximately. "flat": no index, every matching row is compared
---@field m? integer only hnsw: links of each row, 4 to 64 (default 16)
---@field ef_construction? integer only hnsw: candidates of each search while the graph is built, 8 to 2,000 (default 200)
---@field quantize? "auto"|"none"|"fp16"|"int8"|"int4" only hnsw: the codes that a walk through the graph computes distances from; scores are exact with any. "auto" (default): the first of int4, int8, fp16 and none that was measured to be accurate enough. Metric "l1" excludes "int8" and "int4"; "hamming" allows only "auto" and "none"
---@field seed? integer|string only hnsw: seed of the random numbers, 1 to 2^64 - 1 (default 1). A decimal string if a Lua number cannot represent it

---@class moonvec.vector
---@operator len: integer the number of its numbers
---@field [integer] number
local vector = {}

--- Returns the vector as a string of packed little-endian float32.
---@return string
function vector:pack() end

--- Returns the vector as a table.
---@return number[]
function vector:table() end

--- 64-bit integers: a value that a Lua number cannot represent is written and read as a decimal string. On Lua 5.1, 5.2 and
--- LuaJIT, where numbers are doubles, these are the values of 2^53 and above; on Lua 5.3 and later, uint64 values of 2^63 and
--- above. NaN raises, and so does a finite number outside of the range of a float field.
---
--- Timestamps: a timestamp is a 64-bit integer, the microseconds since 1970-01-01T00:00:00Z, and is read as such. It may be
--- written as text, too: a date ("2026-11-01", midnight UTC), or an RFC 3339 time with an offset from UTC
--- ("2026-11-01T12:30:00Z", "2026-11-01 12:30:00.25+02:00"; T and Z in upper or lower case). The year is 0001 to 9999. A time
--- without an offset raises, and so does a fraction finer than a microsecond. Second 60 is accepted only as 23:59:60 UTC on the
--- last day of a month, and means the next second. A decimal string of microseconds needs at least 15 digits, so that '2026' or
--- '20261101' is not mistaken for microseconds.
---@class moonvec.document scalar fields and vectors by name
---@field id string
---@field [string] any

---@class moonvec.hit: moonvec.document
---@field score number higher is better, with every metric. What `rerank` made of it if that is given; 0 in a query without a vector
---@field distance number lower is better: 1 - cosine similarity (cosine), the squared Euclidean distance (l2), minus the inner product (ip), the sum of absolute differences (l1), or the number of different bits (hamming). 0 in a query without a vector
---@field highlights? table<string, string[]> with `highlight`: snippets of each field, in the order of the text

---@class moonvec.collection
---@operator len: integer the number of documents; raises on a failure
---@field path string as passed to open
---@field schema moonvec.schema the current schema with all defaults filled in, including changes by other processes
local collection = {}

--- Inserts a document or an array of documents: all or none. The result is "exists" if an id exists, or is given twice.
---@param documents moonvec.document|moonvec.document[]
---@return integer? inserted, string? message, moonvec.code? code
function collection:insert(documents) end

--- Inserts documents, or replaces existing documents completely: all or none. Returns how many were given. If an id is given
--- twice, the last one wins, and both count.
---@param documents moonvec.document|moonvec.document[]
---@return integer? written, string? message, moonvec.code? code
function collection:upsert(documents) end

--- Changes the given fields of existing documents: all or none. The result is "not_found" if an id does not exist. Returns how
--- many were given. If an id is given twice, both changes are made, in order, and both count.
---@param documents moonvec.document|moonvec.document[]
---@return integer? updated, string? message, moonvec.code? code
function collection:update(documents) end

--- Writes the documents of a source, and closes it. Each batch is one transaction. A wrong row (a line that is no JSON, a
--- document that the schema does not accept, an id that exists) is named by its number and the reason. It ends the run with nil,
--- its message ("line 17: ..."), "invalid" or "exists", and the result so far; the batches before it stay, its own is not
--- written. With `on_error = "skip"` it is left out and counted. Any other failure ends the run in the same way. In place of a
--- source, the failure to open one may be given, and is returned: `c:ingest(moonvec.source.jsonl(path))`.
---@param source moonvec.source|fun(): moonvec.document|false|nil, string?, moonvec.code? a source, or a function that returns the next document, or what the method `read` of a source does
---@param options? moonvec.ingest_options
---@return moonvec.ingest_result? result, string? message, moonvec.code? code, moonvec.ingest_result? so_far
function collection:ingest(source, options) end

---@class moonvec.ingest_options
---@field map? fun(document: table, row: integer): moonvec.document|moonvec.document[]|nil makes of what was read a document, several, or none. It may use the collection, but not keep a transaction open
---@field batch? integer rows, and about as many documents, of a transaction, 1 to 1,000,000 (default 10,000; 1,000 if a model makes vectors of texts). A batch also ends when its documents take 8 MiB
---@field mode? "insert"|"upsert" (default "insert")
---@field on_error? "stop"|"skip" what a wrong row does (default "stop")
---@field progress? fun(state: moonvec.ingest_progress) called after each batch
---@field resume? string a key of collection:meta, in which each batch leaves the position in the source. The next run with the same key goes on from there: also after the process was killed, every document is written once. A run that was finished reads nothing again but what was appended. A file that was replaced since is refused ("invalid"). Only with a source that has positions: not with a pipe, SQLite or a function

---@class moonvec.ingest_progress
---@field read integer rows read by this run
---@field written integer documents written by this run
---@field skipped integer wrong rows and documents
---@field done? number how much of the source was read, in bytes; of SQLite in rows
---@field total? number of how much, if that is known
---@field seconds number since the begin, in whole seconds

---@class moonvec.ingest_result
---@field read integer rows read
---@field written integer documents written
---@field skipped integer wrong rows and documents that were left out
---@field errors { row: integer, message: string }[] the first 100 of these

--- Writes documents as JSON lines, which source.jsonl reads: ingest into a collection with the same schema gives equal documents.
--- All are of one commit, in the order of their last write. A file is replaced only when all is written. JSON has vectors as
--- arrays of numbers, sparse ones as {"17": 0.4}; 64-bit integers beyond 2^53 as strings; bytes that are not UTF-8 as
--- {"base64": "..."}; infinity as "Infinity"; NULL as null, or by leaving it out where the field has no default.
---@param target string|fun(line: string) a path, "-" for stdout, or a function that is called with each line, its "\n" included
---@param options? moonvec.export_options
---@return integer? count, string? message, moonvec.code? code
function collection:export(target, options) end

---@class moonvec.export_options
---@field filter? moonvec.filter_source only documents that match (default: all)
---@field args? any[] values for the `?` of a filter text
---@field fields? string[] only these scalar and vector fields, and the id (default: all)
---@field vectors? boolean without `fields`: write vectors, too (default true)

--- Deletes documents by id. Ids that do not exist are ignored. Returns how many documents were deleted.
---@param ids moonvec.id|moonvec.id[]
---@return integer? deleted, string? message, moonvec.code? code
function collection:delete(ids) end

--- Deletes all documents that match the filter.
---@param filter moonvec.filter_source
---@param args? any[] values for the `?` of a filter text
---@return integer? deleted, string? message, moonvec.code? code
function collection:delete_by_filter(filter, args) end

--- Changes fields of all documents that match the filter: all or none. `changes` is a table of fields,
--- or a function that is called once for each document and returns such a table, or nil to leave the document alone. The
--- documents are those that match when the call begins, whatever is changed meanwhile; none is updated twice. Vectors can
--- be changed, ids cannot. An error in the function undoes everything and is raised again. The function must not write to
--- the collection, and other writers wait until it is done. In a transaction, a failure after the first 256 documents undoes
--- the whole transaction.
---@param filter moonvec.filter_source "true" for all documents
---@param args? any[] values for the `?` of a filter text
---@param changes table<string, any>|fun(document: moonvec.document): table<string, any>?
---@param options? moonvec.fetch_options which fields the argument of the function has
---@return integer? updated, string? message, moonvec.code? code
function collection:update_by_filter(filter, args, changes, options) end

--- Reads documents by id. For one id, returns the document; the result is "not_found" if it does not exist. For an array of
--- ids, returns a table id -> document of those that exist.
---@param ids moonvec.id|moonvec.id[]
---@param options? moonvec.fetch_options
---@return moonvec.document|table<string, moonvec.document>|nil found, string? message, moonvec.code? code
function collection:fetch(ids, options) end

---@class moonvec.fetch_options
---@field output_fields? string[] names of the scalar and vector fields to return (default: all scalar fields)
---@field include_vector? boolean|"table" return vectors, as packed strings (true: float32, for vector_binary bits) or as tables ("table": numbers, for vector_binary zeros and ones): those named in `output_fields`, or all if it names none (default false). Sparse vectors are always tables

--- `for document in collection:iterate() do`: all documents of one commit, in the order of their last write. Every failure
--- raises, at the beginning, too, because a `for` loop cannot take nil, message, code.
---@param options? moonvec.iterate_options
---@return fun(): moonvec.document? next, nil, nil, userdata closer
function collection:iterate(options) end

---@class moonvec.iterate_options
---@field filter? moonvec.filter_source only documents that match (default: all)
---@field args? any[] values for the `?` of a filter text
---@field output_fields? string[] as in fetch_options
---@field include_vector? boolean|"table" as in fetch_options

--- Counts the documents that match the filter; without a filter, all.
---@param filter? moonvec.filter_source
---@param args? any[] values for the `?` of a filter text
---@return integer? count, string? message, moonvec.code? code
function collection:count(filter, args) end

--- Searches, and returns the hits, best first. With `vectors`, returns one array of hits for each vector. With `explain`, returns
--- the plan, which contains the hits. The result is "not_found" if the document `id` does not exist.
---@param options moonvec.query_options
---@return moonvec.hit[]|moonvec.hit[][]|moonvec.plan|nil hits, string? message, moonvec.code? code
function collection:query(options) end

---@class moonvec.query_options
---@field field? string the vector field to search (default: the only one of the schema, sparse ones included)
---@field text? string search by text, in a string field with an index of type "text" (`field`; default: the only one): what a person typed. With a vector field that has `embed`, search for the vector that its model makes of the text, with all options of a search for a vector; `rerank` gets both. By words: Words, "phrases", -excluded, +required, this OR that, beg* (words that begin so; with a `language`, it is reduced to its stem first). No text is wrong, but a text that only excludes raises. A document matches if it has one of the words; where there are phrases or required words, it must have these, and the other words only add to the score. Hits are ranked by BM25 with the statistics of the whole collection: their scores do not depend on how its rows lie in segments. Together with `vector`, `vectors_of_one` or `id` it is a search by both, fused by rrf as in multi_query, which also says what `offset` and `explain` do: `field` then names either of the fields, and the other one is the only one of its kind. Cannot be combined with `vectors`, `order_by`, `after`, `max_distance` or, without a vector, `params`
---@field match? moonvec.match search by text for a query built by moonvec.text, in place of `text`: with the same fields, scores and combinations. One in which an `all` only excludes raises
---@field highlight? boolean|moonvec.highlight_options only with `text` or `match`: hits have `highlights`, a table with an array of snippets for each field, in which the words that were searched for are marked (default false)
---@field vector? moonvec.numbers|moonvec.sparse the vector to search for. Hits for a sparse vector are the documents that share an index with it; their score is the inner product, and the search is exact (of more than 4,096 entries by comparing all documents). At most one of `vector`, `vectors`, `vectors_of_one` and `id` can be given; without any, the query selects by filter and `order_by`
---@field id? moonvec.id search for the vector of this document, which is excluded from the hits
---@field vectors? moonvec.numbers[]|moonvec.sparse[] several vectors to search for, at most 65,536
---@field vectors_of_one? moonvec.numbers[]|string several vectors that are one question, 1 to 1,024, for a field with `multi`: an array of vectors, or a packed string of all. The score of a document is the sum, over these vectors, of the largest inner product with one of its own (MaxSim, as in ColBERT). Documents without vectors are no hits. With `id` instead, at most the first 1,024 vectors of that document are the question. Cannot be combined with `after`
---@field threads? integer number of threads that share `vectors` or `vectors_of_one`, 1 to 64 (default 1). They are started for the query and end with it. The hits do not depend on it. Pages of a graph (`offset`) are searched for by one thread
---@field topk? integer maximum number of hits for each vector, 1 or more (default 10); `topk` + `offset` is at most 1,000,000
---@field offset? integer number of best hits to skip (default 0). Pages with the same `topk` and different `offset` share no hit, and leave none out between them, as long as the collection does not change. A hit that the graph missed at first may be on a later page than its score says; a page itself is sorted. With another `topk` the order of all hits may differ. A deep page costs more than a search for `topk` + `offset` hits, so use collection:cursor to read on. With `rerank`, pages share no hit only if `candidates` is the same
---@field after? moonvec.hit|moonvec.id only hits that rank behind this document: with a vector those farther away, in `order_by` those that come later, ties by the order of writing. So a page goes on where another one ended, also after writes: hits that were shown do not come again unless they were changed. A hit of a graph that was missed before `after` stays out. The result is "not_found" if the document does not exist any more. Cannot be combined with `offset`, `vectors` or `rerank`
---@field filter? moonvec.filter_source only documents that match (default: all)
---@field args? any[] values for the `?` of a filter text
---@field where? fun(hit: moonvec.hit): boolean a predicate in Lua, slower than a filter. It is called for the hits that the other options allow, best first, until `topk` + `offset` hits (with `rerank`: `candidates` hits) match. The hit has the fields that `output_fields` and `include_vector` name. With `vectors`, this is done for each vector. `rerank` gets only matching hits. In a transaction the function must not write through `tx`, else the next step of the search raises
---@field min_score? number exclude hits with a lower score, before `rerank` (default: none)
---@field max_distance? number exclude hits with a larger distance (default: none)
---@field params? moonvec.query_params how the index is searched; of a sparse vector only `exact` and `recall`, and it is exact with any; with `vectors_of_one` `plan` is "graph" or "exact"
---@field output_fields? string[] as in fetch_options
---@field include_vector? boolean|"table" as in fetch_options
---@field order_by? string only without a vector: 1 to 8 scalar fields, no arrays, such as "year DESC, title". NULL is lowest: first in ascending order, last with DESC. Equal documents are in the order of their last write (default: all documents are)
---@field into? table an earlier result: its tables are emptied and used for the new result, which avoids garbage
---@field rerank? moonvec.scorer|moonvec.reranker a function that returns a new score for each candidate, by which the hits are sorted; or a table that orders all candidates at once, such as moonvec.rerank makes. Both may yield
---@field candidates? integer number of hits passed to `rerank`, `topk` + `offset` or more, at most 1,000,000 (default: 4 × topk + offset)
---@field explain? boolean return the plan, which contains the hits (default false). Cannot be combined with `where`. For several `vectors` the plan has the sums over all

---@class moonvec.highlight_options
---@field fields? string[] string fields with a text index, at most 16 (default: the field that is searched)
---@field open? string before a marked word (default "<b>")
---@field close? string behind it (default "</b>")
---@field size? integer of a snippet, about, in bytes of the text (default 160). Snippets are cut between words, and are valid UTF-8
---@field count? integer maximum number of snippets of a field, 1 to 32 (default 1)
---@field html? boolean write the characters < > & " ' of the text as HTML does (default false)

---@alias moonvec.scorer fun(hit: moonvec.hit, query: moonvec.query_options|moonvec.multi_query_options): number

---@class moonvec.reranker a table with a method `rerank`: a function is asked about one hit at a time, a re-ranker about all of them. Programs can make their own
---@field output_fields? string[] scalar and vector fields that it reads. The hits that it is given have them also if the query does not ask for them
---@field rerank fun(self: moonvec.reranker, hits: moonvec.hit[], query: moonvec.query_options|moonvec.multi_query_options, collection: moonvec.collection): moonvec.hit[] is given all candidates, best first, in an array of its own; returns hits in a new order, all or some. It sets their `score`

---@class moonvec.query_params
---@field exact? boolean compute the distance to every matching row from its vector (default false; a flat index always does)
---@field plan? "auto"|"exact"|"codes"|"graph"|"bridges" the strategy for segments that have a graph, see moonvec.plan_step (default "auto": the strategy with the lowest estimated cost). All rows that have no graph yet, and all rows of flat fields, are compared; of those without a graph about 3 in 100,000 of the nearest may be overlooked, unless the search is to be exact. Cannot be combined with `exact`
---@field recall? number only hnsw: the share of the nearest rows that is to be found, on average of many queries of the same kind: more than 0, at most 1, which searches exactly unless `plan` names another strategy (default 0.95). A walk through a graph goes on until it has seen enough for this query, whatever it looks like. Cannot be combined with `ef`
---@field ef? integer only hnsw: instead of `recall`, the candidates of the search, 1 to 1,000,000; more is slower and finds more of the nearest rows
---@field refine? boolean only hnsw: choose the hits among the candidates by exact distances (true, default) or by distances from codes (false). Scores are exact with both

---@class moonvec.plan the result of `explain`. Counts and times are sums over all steps
---@field hits moonvec.hit[]|moonvec.hit[][] what the query returns without `explain`
---@field steps moonvec.plan_step[] one step for each segment, oldest first, then one for the fresh rows
---@field rows integer rows that are not deleted
---@field matches integer rows that match the filter (without a vector: only of the rows that were tested)
---@field exact_distances integer distances computed from vectors
---@field code_distances integer distances computed from codes
---@field followed integer candidates of graphs whose links were followed
---@field bridged integer rows whose links were followed without computing their distance
---@field blocks_read integer by text and by sparse vector: blocks of 128 rows of the lists that were read
---@field blocks_skipped integer by text and by sparse vector: blocks that were skipped, because their rows cannot be among the best
---@field filter_ms number time to find the matching rows, in milliseconds
---@field search_ms number time to find the nearest of them, in milliseconds

---@class moonvec.plan_step the search of one segment, or of the fresh rows. It has the counts and times of moonvec.plan, too
---@field of "segment"|"fresh rows"
---@field plan "exact"|"codes"|"graph"|"bridges"|"nothing" the strategy that found the hits. "exact": compute the distance to every matching row from its vector. "codes": compute the distance to every matching row from its code, then to the nearest from their vectors. "graph": walk through the graph and keep the matching rows. "bridges": walk over matching rows, and over other rows only to reach matching ones. "nothing": no row matches
---@field expected_recall? number the share of the nearest rows that was to be found: `recall` of the query, or 1 without an index. nil where an index was searched with `ef`, where a graph chose the rows for `vectors_of_one`, and where no row matches
---@field abandoned? "graph"|"bridges" the strategy that was tried first and found too few rows or cost too much

--- Searches several times, and fuses the hits into one list, best first:
---
---     c:multi_query { topk = 5, queries = {
---       { field = "title", vector = v },
---       { field = "body", vector = v, weight = 2, filter = "year > 1900" },
---     } }
---
--- All searches read one commit. `rerank` gets the fused hits. The result is "not_found" if the document `id` of a search does
--- not exist.
---@param options moonvec.multi_query_options
---@return moonvec.fused_hit[]|moonvec.fused_plan|nil hits, string? message, moonvec.code? code
function collection:multi_query(options) end

---@class moonvec.multi_query_options
---@field queries moonvec.search[] the searches
---@field topk? integer maximum number of hits, 1 or more (default 10); `topk` + `offset` is at most 1,000,000
---@field offset? integer number of best fused hits to skip (default 0). Pages share no hit, and leave none out between them, if the searches find the same hits for each: up to `topk` + `offset` of 50 by default, else set `topk` of the searches to what the last page needs. With `rerank`, `candidates` must be the same, too
---@field filter? moonvec.filter_source only documents that match, in all searches (default: all)
---@field args? any[] values for the `?` of a filter text
---@field fuse? "rrf"|"weighted"|"dbsf"|moonvec.fuser how the hits become one list: one of moonvec.fuse, by name or made with options, or a function (default "rrf")
---@field rerank? moonvec.scorer|moonvec.reranker as in query_options
---@field candidates? integer number of fused hits passed to `rerank`, `topk` + `offset` or more (default: 4 × topk + offset)
---@field explain? boolean return the plan, which contains the hits (default false)
---@field output_fields? string[] as in fetch_options
---@field include_vector? boolean|"table" as in fetch_options

---@class moonvec.search one of the searches of multi_query: for a vector, for that of a document, or by text
---@field field? string as in query_options
---@field vector? moonvec.numbers|moonvec.sparse exactly one of `vector`, `vectors_of_one`, `id`, `text` and `match` is given
---@field vectors_of_one? moonvec.numbers[]|string as in query_options
---@field text? string search by what a person typed, as in query_options
---@field match? moonvec.match search for a full-text query, as in query_options
---@field id? moonvec.id search for the vector of this document, which is excluded from the hits of this search
---@field topk? integer hits to fuse (default: 50, or `topk` + `offset` of the whole if that is more, with `rerank` its `candidates`: a document that is good in several searches is often in none among the first few)
---@field filter? moonvec.filter_source only documents that match it, and the filter of the whole
---@field args? any[] values for the `?` of a filter text
---@field params? moonvec.query_params how the index is searched
---@field min_score? number exclude hits with a lower score
---@field max_distance? number exclude hits with a larger distance
---@field weight? number what its hits count, 0 or more (default 1)

---@class moonvec.fused_hit: moonvec.document
---@field score number the fused score; with `rerank` the one that it gave
---@field parts table<integer, { rank: integer, score: number }> parts[i]: the rank and the score in search `i`; nil if it did not find the document

---@class moonvec.fused_plan the result of `explain` for several searches
---@field hits moonvec.fused_hit[] what the query returns without `explain`
---@field queries moonvec.plan[] the plan of each search, without its hits
---@field filter_ms number the sum of `filter_ms` of all searches
---@field search_ms number the sum of `search_ms` of all searches

---@alias moonvec.fuser fun(lists: moonvec.hit[][], count: integer): moonvec.hit[] `count` is how many fused hits are wanted; more may be returned. Each list has the hits of a search, best first, and its `weight`. Returns hits of the lists in their new order, each document once, with new scores. It may yield

--- The best hits of each of the best groups: of the documents with the same value of `group_by`. As many groups are found as
--- there are, up to `group_count`, however many documents the first ones have. A document without a value (NULL) is in no
--- group. All of it is of one commit. The result is "not_found" if the document `id` does not exist.
---@param options moonvec.group_by_options
---@return moonvec.group[]? groups, string? message, moonvec.code? code
function collection:group_by_query(options) end

---@class moonvec.group_by_options those that are not described here are as in moonvec.query_options
---@field group_by string a scalar field, no array
---@field group_count? integer maximum number of groups (default 10)
---@field topk_per_group? integer maximum number of hits of each (default 1); `group_count` × `topk_per_group` is at most 1,000,000
---@field field? string
---@field vector? moonvec.numbers|moonvec.sparse
---@field vectors_of_one? moonvec.numbers[]|string
---@field id? moonvec.id
---@field text? string
---@field match? moonvec.match
---@field filter? moonvec.filter_source
---@field args? any[]
---@field min_score? number
---@field max_distance? number
---@field params? moonvec.query_params
---@field output_fields? string[]
---@field include_vector? boolean|"table"
---@field order_by? string

---@class moonvec.group
---@field group any the value
---@field hits moonvec.hit[] best first. The groups are in the order of their first hits

--- Counts the values of a scalar field in the documents that match: for each value the documents that have it; of an array
--- field, its elements. The most frequent come first, equally frequent ones in ascending order. NULL is not counted. The counts
--- are exact. The result is "limit" if there are more than 1,048,576 different values, or more than 64 MiB of different strings.
---@param field string
---@param options? moonvec.facet_options
---@return moonvec.facet[]? facets, string? message, moonvec.code? code
function collection:facet(field, options) end

---@class moonvec.facet_options
---@field filter? moonvec.filter_source only documents that match (default: all)
---@field args? any[] values for the `?` of a filter text
---@field topk? integer maximum number of values, 1 to 1,000,000 (default 20)

---@class moonvec.facet
---@field value any
---@field count integer

--- Measures the recall and the latency of searches in a vector field, against exact search of the same commit. The questions
--- are stored documents, chosen at random, or given vectors. Returns a row for each setting, exact search last, and a sentence
--- of advice that says what to set, and why. There are rows for settings only with an index of type "hnsw"; without a vector to
--- search for there is no row at all. All questions are searched for twice with each setting, the second time on the clock, and
--- once exactly: so the call takes a little longer than `samples` exact searches. It reads the id of each document once to choose
--- from all; a failure then raises, as in iterate.
---@param options? moonvec.measure_options
---@return moonvec.measure_row[]? rows, string advice, moonvec.code? code
function collection:measure(options) end

---@class moonvec.measure_options
---@field field? string the vector field (default: the only one)
---@field samples? integer number of documents that are searched for, 1 to 100,000: each document of the collection is as likely as any other, whether it matches `filter` or not. A document is no hit of its own search (default 100)
---@field queries? moonvec.numbers[]|moonvec.sparse[]|moonvec.numbers[][] vectors to search for in place of documents; of a field with `multi` each is a list of vectors
---@field topk? integer number of hits, 1 to 10,000 (default 10)
---@field filter? moonvec.filter_source only documents that match are hits (default: all)
---@field args? any[] values for the `?` of a filter text
---@field recalls? number[] settings to measure, see `recall` of moonvec.query_params (default { 0.9, 0.95, 0.99 })
---@field efs? number[] more settings to measure, see `ef` of moonvec.query_params (default: none)
---@field seed? integer chooses the documents, the same ones on every Lua as long as the collection does not change, 1 to 2^31 - 2 (default 1)
---@field progress? fun(done: integer, total: integer) called after each search

---@class moonvec.measure_row
---@field setting string "recall 0.95", "ef 64" or "exact"
---@field params moonvec.query_params the same, for queries
---@field recall? number the share of the `topk` nearest documents that is found, the mean over the questions; a hit counts that is as near as the last of these. nil if no document matches the filter
---@field margin? number half of the width of the 95 % confidence interval of `recall`: 1.96 standard errors of the mean, and at least 3 / (number of hits), which is what a sample without any miss tells. More `samples` make it smaller
---@field p50_us number half of the searches take at most this time, in microseconds, by the clock on the wall, without the fields of documents
---@field p99_us number 99 % of the searches take at most this time
---@field distances number distances that a search computes, from vectors and from codes, on average
---@field by_index number the share of the searches that used the index, 0 to 1

--- `for hit in collection:cursor{...} do`: the hits of a query for one vector, or without a vector, best first, until the loop
--- ends. All hits are of one commit, the newest when the loop begins. A hit that the graph missed at first comes later, out of
--- order. A failure raises. In a transaction, a write ends the cursor: it raises after the hits that it has already found (32
--- in the first search).
---@param options moonvec.cursor_options
---@return fun(): moonvec.hit? next, nil, nil, table closer
function collection:cursor(options) end

---@class moonvec.cursor_options options of moonvec.query_options with the same meaning
---@field field? string
---@field vector? moonvec.numbers|moonvec.sparse
---@field vectors_of_one? moonvec.numbers[]|string
---@field id? moonvec.id
---@field text? string
---@field match? moonvec.match
---@field filter? moonvec.filter_source
---@field args? any[]
---@field where? fun(hit: moonvec.hit): boolean
---@field min_score? number
---@field max_distance? number
---@field params? moonvec.query_params
---@field output_fields? string[]
---@field include_vector? boolean|"table"
---@field order_by? string

--- Calls work(tx, ...) as one transaction. What is read and written through `tx` belongs to it. An error in `work` undoes
--- all its writes and is raised again; what it returns, also nil or false, undoes nothing. It may yield, except on plain Lua
--- 5.1. A transaction inside another one raises. Everything else stays outside: until the end, reads through the collection see the last
--- commit, its writes on the same thread return "busy", and those of other threads and processes wait (`busy_ms`).
--- A transaction whose coroutine is closed (Lua 5.4) is undone at once. One whose coroutine is dropped is undone when Lua
--- collects it as garbage. Writes of the same thread return "busy" until then; the first, second, fourth, ... of them in a row
--- collect garbage.
---@param work fun(tx: moonvec.transaction, ...): ...
---@param ... any
---@return any ... the results of `work` (true if it returns nothing), or nil, message, code
function collection:transaction(work, ...) end

---@class moonvec.transaction: moonvec.collection a collection as seen in a transaction. Calls that concern the whole collection raise: optimize, flush, check, backup, dump, destroy, and changes of the schema. `close` undoes the transaction

--- Reads or sets a small string of the program, kept in the collection beside the documents: a position in a log, the name of
--- a model. In a transaction it is committed with the documents. Without `value`, returns the string, or nil if there is none.
---@param key string 1 to 255 bytes
---@param value? string|lightuserdata at most 4,096 bytes; moonvec.null removes the key
---@return string|true|nil value, string? message, moonvec.code? code
function collection:meta(key, value) end

--- Seals fresh rows, merges segments, drops deleted rows and builds indexes. Returns true at the end. With `budget_ms`, does one
--- slice of that work and returns "more" or "done"; with `background`, returns a job at once.
--- Slices are for a program that writes between them, such as a game with a slice in each frame. Few rows are not worth a
--- segment, a merge or a graph, which would be made again for the next few: so slices seal when a sixteenth of the documents is
--- fresh (at least 1,024, at most 4,096 rows), and merge segments of similar sizes, or into a larger one that takes no longer to
--- copy than the new rows take to be inserted in its graph. The rest is done once the program has stopped
--- writing: when slices without a write since, which do nothing, have had as much time together as the work takes. Then the
--- result is "done", and everything is merged and indexed. While the program writes, nearly every slice returns "more", also
--- one that found nothing to do (stage "wait"): the result matters after the last write.
--- Maintenance of this and of other processes gives way. Unfinished slices of the same handle are taken over. If another handle
--- or a background job of this process has not finished, the result is "busy" at once; if one of another process has not, after
--- `busy_ms`, counted from the first slice. Until then a slice waits and returns "more".
---@param options? moonvec.optimize_options
---@return true|"more"|"done"|moonvec.job|nil done, string? message, moonvec.code? code
function collection:optimize(options) end

---@class moonvec.optimize_options
---@field progress? fun(done: integer, total: integer, stage: string) called about every 50 ms, with `budget_ms` after the slice. `done` and `total` are bytes to write; graphs count as bytes that take as long. `stage`: "wait" while another process optimizes or a slice has nothing to do, "seal", "merge", "index" or "done". Cannot be combined with `background`
---@field budget_ms? number about how long to work, in milliseconds, more than 0 (default: until the end). Cannot be combined with `background`
---@field threads? integer number of threads that build graphs, 1 to 64 (default: one for each core, at most 8; with `budget_ms` 1: that of the program). With `budget_ms`, the value of the first slice is used
---@field background? boolean do the work in a thread of the engine, and return a job at once (default false)

---@class moonvec.job a background job. It continues if the program drops this object, and ends when its collection is closed
local job = {}

--- Waits for the end of the job. Returns true if it has succeeded or was cancelled, false if `seconds` have passed, and nil,
--- message, code if it has failed.
---@param seconds? number 0 or more; 0: do not wait (default: no limit)
---@return boolean? done, string? message, moonvec.code? code
function job:wait(seconds) end

--- How far the job is; see `progress` of moonvec.optimize_options.
---@return integer done, integer total, "wait"|"seal"|"merge"|"index"|"done"|"cancelled" stage
function job:progress() end

--- Asks the job to end within milliseconds. The work that it has finished stays.
function job:cancel() end

--- Changes the index of a vector or scalar field, and builds the new index from the existing documents. Until it is built,
--- queries use the old index. Returns true at the end, or a job at once with `background`.
---@param name string
---@param index "hnsw"|"flat"|moonvec.index|"invert"|"text"|moonvec.field_index
---@param options? moonvec.index_options
---@return true|moonvec.job|nil done, string? message, moonvec.code? code
function collection:create_index(name, index, options) end

---@class moonvec.index_options
---@field progress? fun(done: integer, total: integer, stage: string) as in optimize_options
---@field threads? integer as in optimize_options
---@field background? boolean build the index in a thread of the engine, and return a job at once (default false). That thread changes the schema first, after waiting for other processes; job:wait tells if it failed

--- Drops the index of a field. Afterwards, queries search a vector field exactly, and filters read a scalar field row by row.
---@param name string
---@return true? done, string? message, moonvec.code? code
function collection:drop_index(name) end

--- Adds a scalar or vector field. The value of each document is the result of value_of(document); if that is nil, the default;
--- without a default, NULL. If `value_of` raises, nothing is changed and the error is raised again. Meanwhile other writers wait.
--- Readers see the new field when all values are set. The index of the field is built before this returns, unless another
--- process optimizes for longer than `busy_ms`: then maintenance or the next optimize builds it. If there are
--- documents, a vector field, and a field that is neither nullable nor has a default, need `value_of`. It must not return nil
--- for such a field: that raises. Without `value_of`, the vectors of a field with `embed` are made by its model, of 256 texts at
--- a time; the result of a failure is that of the model.
---@param field moonvec.field|moonvec.vector_field
---@param value_of? fun(document: moonvec.document): any may read the collection but not write to it (default: all documents get the default, or NULL)
---@param options? moonvec.column_options
---@return true? done, string? message, moonvec.code? code
function collection:add_column(field, value_of, options) end

---@class moonvec.column_options
---@field output_fields? string[] which fields the documents passed to `value_of` have, as in fetch_options
---@field include_vector? boolean|"table" as in fetch_options
---@field progress? fun(done: integer, total: integer, stage: string) of building the index, as in optimize_options
---@field threads? integer for building the index, as in optimize_options
---@field models? table<string, moonvec.model> the model of a field with `embed`, as in open_options, if the collection was opened without it. The collection keeps it

--- Drops a scalar or vector field and its index. The disk space of a scalar field is freed when its segments are merged.
---@param name string
---@return true? done, string? message, moonvec.code? code
function collection:drop_column(name) end

--- Renames a field, or makes a scalar field nullable.
---@param name string
---@param changes moonvec.column_changes
---@return true? done, string? message, moonvec.code? code
function collection:alter_column(name, changes) end

--- Changes what the collection forgets by itself: `expires`, `max_documents`, `max_bytes` and `evict`, as in the schema. What is
--- not given stays, false takes an option away. Documents that have expired are removed before, and those beyond the new limits
--- after the change, in the same commit. Programs that give a schema to `open` must give these values from then on; `open` without
--- a schema takes what there is.
---@param options { expires?: string|false, max_documents?: integer|false, max_bytes?: integer|false, evict?: "oldest"|"least_recent"|false }
---@return true? done, string? message, moonvec.code? code
function collection:alter(options) end

---@class moonvec.column_changes
---@field rename? string the new name
---@field nullable? true only scalar fields: the field may be NULL from now on. It cannot be changed back

--- Numbers about the collection.
---@return moonvec.stats? stats, string? message, moonvec.code? code
function collection:stats() end

---@class moonvec.stats
---@field documents integer those that have expired do not count
---@field segments integer
---@field fresh_rows integer rows that are not yet in a segment
---@field deleted_rows integer deleted rows that are still in segments
---@field disk_bytes integer size of the files; 0 for a collection in memory
---@field catalog_bytes integer space of the catalog, which has all that changes; of a collection in memory, too
---@field catalog_free_bytes integer of these, what the last commit does not use. Later commits use it again, once no reader needs it (`oldest_reader`), and optimize gives most of it back to the file system
---@field oldest_reader? moonvec.oldest_reader the reader that sees the oldest commit (nil: all see the last one)
---@field memory_bytes integer bytes allocated by moonvec in this process, without mapped files and without the contents of collections in memory
---@field commit integer number of the newest commit
---@field durable boolean false if some commits would not survive a power cut, or if a sync failed since
---@field bytes integer what max_bytes of the schema limits; 0 without that limit
---@field expired integer documents of the collection that were removed because they had expired
---@field evicted integer documents of the collection that were removed because of a limit
---@field hits integer with `expires` or a limit: ids fetched, and queries, that found a document, in this process since it opened the collection. Each vector of a query, and each query of multi_query, is one
---@field misses integer the same that found none
---@field simd string same as moonvec.simd
---@field indexes table<string, moonvec.index_stats> by field name: all vector fields, and the scalar fields that have an index
---@field background boolean whether this process is optimizing in the background
---@field background_error? string message of the failure that last stopped background maintenance
---@field pending_rows integer rows that wait for an index: fresh rows, and segments of 1,024 rows or more that lack one. Without optimize it does not become 0: see "few"
---@field slowed_ms integer how long writes of this process have waited for indexes (`slowdown_rows`), since it opened the collection
---@field pending? "working"|"elsewhere"|"due"|"few"|"failed"|"manual"|"read_only" why rows wait (nil: none do). "working": this process is building indexes. "elsewhere": another process was, when this one last tried. "due": this process is about to begin. "few": they are fresh rows, which stay fresh until they are a sixteenth of the documents (at least 1,024, at most 4,096 rows). "failed": see `background_error`; it is tried again. "manual": only optimize builds indexes. "read_only": this handle does not write

--- An open cursor, iterator or result, or a call that has not returned, in any process. What it may still read is kept until
--- it is closed or its process ends: so a process that was stopped lets the collection grow.
---@class moonvec.oldest_reader
---@field pid integer of its process
---@field commits integer commits since the one that it sees
---@field catalog_bytes integer space in the catalog that is kept for it, and for readers of later commits
---@field file_bytes integer size of the replaced files that are kept

---@class moonvec.index_stats
---@field type "hnsw"|"flat"|"invert"|"text"|"sparse"
---@field rows integer rows that are not deleted, including fresh rows
---@field completeness number 0 to 1: the share of `rows` that queries find through the index (1 if flat). Queries scan the other rows: fresh rows, and segments that are too small for an index (below 1,024 rows; with "text" and "sparse" below 256)
---@field indexed_rows? integer not flat: rows that queries find through the index
---@field bytes? integer not flat: size of the files of the index
---@field warning? string not flat: message about a damaged index file. Queries scan its rows instead, and optimize builds it again
---@field lists? integer only invert, text and sparse: number of segments that have the index
---@field tokens? integer only text: occurrences of words in the largest of them
---@field terms? integer only text and sparse: different words, or indexes, in the largest of them; indexes of negative numbers count apart
---@field entries? integer only sparse: entries of all vectors in the largest of them
---@field graphs? integer only hnsw: number of segments that have a graph
---@field quantize? "none"|"fp16"|"int8"|"int4" only hnsw with a graph: the codes of the largest graph
---@field code_error? number only hnsw with a graph: root mean square error of a distance computed from codes in the largest graph, relative to the mean distance of a row to its neighbours
---@field ef? integer only hnsw with a graph: candidates that a query for 10 hits usually follows in the largest graph

--- Verifies every checksum and structure of the current commit. The result is "corrupt", with file and position, if one is
--- damaged.
---@return true? sound, string? message, moonvec.code? code
function collection:check() end

--- Writes a consistent and compact copy to `path`. The result is "exists" if anything exists there, unless `replace` is given.
--- Other processes and threads can write meanwhile. If all commits are synced (`stats().durable`), files that never change are
--- shared with the original where the file system can do that (hard links), which is quick and takes no space, but damage to such a file is damage to both; see `copy`. Raises
--- if `path` is the directory of the collection, or in it.
---@param path string
---@param options? moonvec.backup_options
---@return true? done, string? message, moonvec.code? code
function collection:backup(path, options) end

---@class moonvec.backup_options
---@field copy? boolean copy all files, share none with the original (default false)
---@field replace? boolean replace the collection at `path`, if there is one (default false). Others see the old or the new one at each moment, also if the process dies. The result is "busy" if that collection is open anywhere; "exists" if there is no collection, or one with other files in its directory; "io" if the file system cannot exchange two directories. Then nothing is changed

--- Returns the newest commit, with its indexes, as one string, from which moonvec.load makes a collection in memory. Other
--- processes and threads can write meanwhile. Needs memory of twice the size of the string.
---@return string? dump, string? message, moonvec.code? code
function collection:dump() end

--- Makes all acknowledged writes survive a power cut, also with durability "none". If the disk fails, the result is nil,
--- a message and "io", and nothing counts as durable. Call it again then: it writes all bytes again and verifies the
--- collection. "corrupt" says that the system has lost some; the message names the file.
---@return true? done, string? message, moonvec.code? code
function collection:flush() end

--- Closes the collection. An open transaction is undone, which the message says. Does nothing if the collection is closed
--- already. With maintenance "auto", a process that has written finishes at most one small group of segments when it closes
--- the collection for the last time: at most 4,096 rows to index and 64 MiB to copy, which takes some tenths of a second at 64 dims and about 1 s at
--- 768. Other background work stops at once, and the next process that reads or writes goes on. To index a large import, call
--- optimize before close.
---@return true? done, string? message, moonvec.code? code
function collection:close() end

--- Closes the collection and removes its files. If it is open elsewhere, it is only closed and the result is "busy".
---@return true? done, string? message, moonvec.code? code
function collection:destroy() end

---@class moonvec.filter a filter built as data
---@field text string the filter text, with `?` for the values
---@field args any[] the values

---@class moonvec.filters
local filters = {}

--- name = value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.eq(name, value, collation) end

--- name != value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.ne(name, value, collation) end

--- name < value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.lt(name, value, collation) end

--- name <= value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.le(name, value, collation) end

--- name > value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.gt(name, value, collation) end

--- name >= value
---@param name string
---@param value any
---@param collation? "nocase"
---@return moonvec.filter
function filters.ge(name, value, collation) end

--- low <= name <= high
---@param name string
---@param low any
---@param high any
---@param collation? "nocase"
---@return moonvec.filter
function filters.between(name, low, high, collation) end

--- name IS NULL
---@param name string
---@return moonvec.filter
function filters.is_null(name) end

--- name IS NOT NULL
---@param name string
---@return moonvec.filter
function filters.not_null(name) end

--- name LIKE pattern: `%` matches any number of characters, `_` matches one character (UTF-8).
--- Case-sensitive.
---@param name string
---@param pattern string
---@param escape? string one letter, digit or punctuation character: after it, `%`, `_` and itself stand for themselves
---@return moonvec.filter
function filters.like(name, pattern, escape) end

--- name ILIKE pattern: like `like`, but ignores case. The character `escape` itself is case-sensitive.
---@param name string
---@param pattern string
---@param escape? string one letter, digit or punctuation character: after it, `%`, `_` and itself stand for themselves
---@return moonvec.filter
function filters.ilike(name, pattern, escape) end

--- name STARTS WITH prefix: no byte of the prefix has a special meaning.
---@param name string
---@param prefix string
---@param collation? "nocase"
---@return moonvec.filter
function filters.starts_with(name, prefix, collation) end

--- name MATCH what
---@param name string a field with a text index
---@param what string|moonvec.match what a person typed, or a query built by moonvec.text
---@return moonvec.filter
function filters.match(name, what) end

--- name IN list
---@param name string
---@param list any[]
---@param collation? "nocase"
---@return moonvec.filter
function filters.one_of(name, list, collation) end

--- True if the array contains at least one of the values.
---@param name string
---@param list any[]
---@return moonvec.filter
function filters.contain_any(name, list) end

--- True if the array contains all of the values.
---@param name string
---@param list any[]
---@return moonvec.filter
function filters.contain_all(name, list) end

--- array_length(name) operator length
---@param name string
---@param operator "="|"!="|"<>"|"<"|"<="|">"|">="
---@param length integer
---@return moonvec.filter
function filters.array_length(name, operator, length) end

--- True if all filters are true; without filters, true. Takes filters, or one array of filters.
---@param ... moonvec.filter|moonvec.filter[]
---@return moonvec.filter
function filters.all(...) end

--- True if at least one filter is true; without filters, false. Takes filters, or one array of filters.
---@param ... moonvec.filter|moonvec.filter[]
---@return moonvec.filter
function filters.any(...) end

--- True if the filter is false. A test of NULL stays unknown.
---@param filter moonvec.filter
---@return moonvec.filter
function filters.no(filter) end

---@class moonvec.match a full-text query built as data. It is not changed, and can be a part of several others
---@field text string the query as a text, for people
---@field nodes table[] the query as the engine has it: mv_match_node in moonvec.h

--- Each function builds a full-text query, for `match` of query and multi_query and for MATCH in filters:
---
---     local t = moonvec.text
---     c:query { match = t.all { "disk", t.any { t.prefix "auto", t.fuzzy "drive" }, t.no "tape" } }
---
--- As a member, a string stands for a word. Words are read by the tokenizer of the field that is searched. A word that it
--- makes nothing of (a stop word, punctuation) is left out, and so is a group that is left without members; a query that
--- is left without words matches nothing. Hits are scored by all words but those in `no`; groups and phrases only decide
--- which documents match. A query has at most 1,024 words and groups, and 32 groups in groups.
---@class moonvec.texts
local texts = {}

--- A word. What the tokenizer makes several words of ("disk-drive") is found where they follow each other.
---@param text string
---@return moonvec.match
function texts.word(text) end

--- Words that begin so; with a `language`, the beginning is reduced to its stem first.
---@param text string
---@return moonvec.match
function texts.prefix(text) end

--- Similar words: `fuzzy { "word", edits = 2 }`. An edit inserts, leaves out or replaces a character, or exchanges two that
--- follow each other. Not with the tokenizer "ngram".
---@param options string|{ [1]: string, edits?: 1|2 } the word; `edits`: at most this number (default 1)
---@return moonvec.match
function texts.fuzzy(options) end

--- Words in this order: `phrase { "hard disk", slop = 2 }`.
---@param options string|{ [1]: string, slop?: integer } the words; `slop`: the most other words between them in all, 0 to 65,536 (default 0)
---@return moonvec.match
function texts.phrase(options) end

--- What a person typed, as one query: read as `text` is in a search, and as MATCH reads it in a filter.
---@param text string
---@return moonvec.match
function texts.typed(text) end

--- Matches where every member does.
---@param members (string|moonvec.match)[] at least one
---@return moonvec.match
function texts.all(members) end

--- Matches where at least one member does.
---@param members (string|moonvec.match)[] at least one
---@return moonvec.match
function texts.any(members) end

--- A member of `all` that excludes: no document matches that matches `query`. In a search, the `all` also needs a member
--- that is to be found.
---@param query string|moonvec.match
---@return moonvec.match
function texts.no(query) end

--- A member of `all` whose members only add to the score.
---@param members (string|moonvec.match)[] at least one
---@return moonvec.match
function texts.maybe(members) end

--- The query, with what its words add to the score multiplied: `boost { query, by = 2.5 }`. Boosts of groups in groups
--- are multiplied.
---@param options { [1]: string|moonvec.match, by: number } `by`: 0.000001 to 1,000,000
---@return moonvec.match
function texts.boost(options) end

---@class moonvec.fusers each function makes a fuser. `weights` has a number for each list, and takes the place of the `weight` of the searches
local fusers = {}

--- Reciprocal rank fusion: a document gets weight / (k + rank) of each list that has it. Only ranks count.
---@param options? { k?: number, weights?: number[] } `k`: 0 or more (default 60); less makes the first ranks count more
---@return moonvec.fuser
function fusers.rrf(options) end

--- The weighted sum of scores, which are normalized in each list: "minmax" (default) brings them to 0 to 1, "zscore" to a mean of
--- 0 and a deviation of 1, "none" leaves them. A list that does not have a document counts with its lowest hit ("minmax": 0).
--- A higher score is better with every metric, that of "l2", "l1" and "hamming" is the negative distance.
---@param options? { weights?: number[], normalize?: "minmax"|"zscore"|"none" }
---@return moonvec.fuser
function fusers.weighted(options) end

--- Distribution-based score fusion: the sum of scores, which are normalized in each list so that three standard deviations below
--- its mean are 0, and three above it are 1. If all scores of a list are equal, they are 0.5.
---@param options? { weights?: number[] }
---@return moonvec.fuser
function fusers.dbsf(options) end

---@class moonvec.embedders each function makes a model
local embedders = {}

--- Static token embeddings: the vector of a text is the mean of the vectors of its tokens. Reads
---
--- - a folder in the format of Model2Vec: `model.safetensors` with the tensors `embeddings` (F64, F32, F16, BF16 or I8) and
---   perhaps `weights` and `mapping`, `tokenizer.json` and `config.json`; or one of sentence-transformers:
---   `config_sentence_transformers.json`, the other two beside it or in `0_StaticEmbedding`, the tensor `embedding.weight`;
--- - a file of word vectors: the text format of fastText (`.vec`, with a first line "count dim") and of GloVe (without it),
---   or the binary format of word2vec. The words of a text are those of Unicode Standard Annex 29. Each is looked up as it
---   is, then in lower case, then what stands before its apostrophe and what begins with it; others are left out.
---
--- Of tokenizer.json are supported: the models WordPiece, WordLevel, Unigram (with unk_id) and BPE (without dropout); the
--- normalizers BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Prepend, Precompiled, Nmt, Sequence,
--- and Replace of a string or of `\s+`, `\s{2,}`, ` +`, ` {2,}`; the pre-tokenizers BertPreTokenizer, Whitespace,
--- WhitespaceSplit, Punctuation (Isolated, Contiguous), Digits, Metaspace, ByteLevel and Sequence; added tokens; truncation
--- from the right. Another part is refused by its name. No special tokens are added.
---
--- The matrix is mapped, so that all processes share it; the text format is read into memory. A text without a known token
--- fails: it has no vector. The result is "not_found" without the file, "corrupt" if it is damaged, "version" if it needs
--- what this build or version lacks. The fingerprint covers the tokenizer, the options, and samples of the matrix.
---@param path string
---@param options? moonvec.static_options
---@return moonvec.model? model, string? message, moonvec.code? code
function embedders.static(path, options) end

---@class moonvec.static_options
---@field name? string the model's name (default: the last part of `path`)
---@field normalize? boolean scale vectors to length 1 (default: as `config.json` says, for word vectors true)
---@field weights? "none"|"sif" only for word vectors: "sif" weighs a word by 1e-4 / (1e-4 + p). Its frequency p follows from its place in the file, the most frequent word first, by Zipf's law (default "none")
---@field max_tokens? integer tokens of a text that are used, from its beginning; 0: all (default 512). Of a text that Model2Vec's tokenizers read, first max_tokens times the median length of a token, in characters, are kept

--- Learns a model from texts of the program itself, in any language: nothing is downloaded. Words that stand beside the same
--- words get similar vectors, and so do words that are spelt alike; the vector of a text is the sum of those of its different
--- words, where rare ones weigh more. It needs some thousands of texts to learn from. Texts that a question is not about
--- may be among them: to learn from titles, sections and tags, too, helps even if only bodies are embedded.
---
---     local words = moonvec.embed.learn(texts, { language = "english", stop_words = true })
---     words:save("notes.model")
---
--- The same texts in the same order give the same model on every Lua, and on machines whose C library computes logarithms
--- alike. Needs 4 bytes for each different word of each text, and 1.3 kB for each word that is learnt, at 256 dims; the
--- model itself 270 bytes a word. Every text has a vector, an empty one, too. `embed` does not yield. The result is "version"
--- if this build lacks a library that the tokenizer or the language needs.
---@param corpus string[]|fun(): string? the texts: an array, or a function that returns the next text and nil at the end
---@param options? moonvec.learn_options
---@return moonvec.learnt_model? model, string? message, moonvec.code? code
function embedders.learn(corpus, options) end

--- Loads a model that was saved. The file is mapped, so that processes share it, and verified. It may be replaced or removed
--- while it is open, but must not be written to. The result is "not_found", "corrupt" if it is no model or damaged, or
--- "version" if a newer moonvec wrote it.
---@param path string
---@return moonvec.learnt_model? model, string? message, moonvec.code? code
function embedders.load(path) end

---@class moonvec.learn_options
---@field name? string the model's name (default "learn"; of a model that is loaded the name of the file without its last extension)
---@field dim? integer numbers of a vector, 8 to 4,096 (default 256)
---@field tokenizer? "unicode"|"code"|"ngram"|"whitespace" what the words of a text are, as in field_index (default "unicode")
---@field language? string reduce words to their stems, as in field_index (default: not)
---@field stop_words? boolean leave out the most frequent words of the language (default false)
---@field min_count? integer learn words that are in at least this number of texts, 1 to 1,000,000 (default 2). Others have vectors that follow from their letters alone
---@field max_terms? integer of more words, the most frequent ones are learnt, 1 to 10,000,000 (default 100,000)
---@field seed? integer of the random numbers, 0 to 2^53 (default 1)

---@class moonvec.learnt_model: moonvec.model
---@field terms integer words that it has learnt
---@field texts integer texts that it has learnt from
local learnt_model = {}

--- Saves the model. It is written to another file first, synced and renamed, so that a model that is there is replaced as a
--- whole.
---@param path string
---@return true? done, string? message, moonvec.code? code
function learnt_model:save(path) end

--- A model behind a server of the OpenAI-compatible protocol, as OpenAI, Azure, Ollama, llama.cpp, vLLM and others speak it:
--- POST of `{ model, input, encoding_format }`. Needs LuaSocket, and LuaSec for https. In nginx it uses cosockets, so that a
--- worker serves others meanwhile: nginx then wants a `resolver` for names of hosts, and `lua_ssl_trusted_certificate` for https.
---
--- Texts are sent in batches. A batch that the server refuses (400, 413, 422) is halved until the text that it does not take
--- is alone: that text fails, the others get their vectors. Connections that fail and the answers 408, 429 and 5xx are tried
--- again, after the time that the server asks for (Retry-After, rate limits), or else after 0.5 s, 1 s, 2 s, ... up to 20 s, a
--- random half of it less. A server that asks for more than 60 s is not waited for. Every answer is checked: one vector of `dim`
--- finite numbers for each text. Redirects are not followed. Messages have the URL without its query, what the server says, and
--- never the key. A text that is not valid UTF-8 fails without being sent. An open connection is kept for 30 s: after a fork,
--- make a model of its own in the child. Without `dim` the server is asked at once; the result is "io" if it does not answer.
---@param options moonvec.http_options
---@return moonvec.model? model, string? message, moonvec.code? code
function embedders.http(options) end

---@class moonvec.http_options
---@field url string of the endpoint, such as "https://api.openai.com/v1/embeddings" or "http://127.0.0.1:11434/v1/embeddings"
---@field model string what the server calls the model
---@field key? string sent as "Authorization: Bearer KEY". It is stored nowhere: not in the schema, not in the fingerprint
---@field key_env? string the environment variable that has the key (in nginx it must be named by `env`), instead of `key`
---@field dim? integer numbers of each vector, 1 to 65,535 (default: the server is asked)
---@field shorten? boolean ask the server for vectors of `dim` numbers ("dimensions"), which not all servers and models can do (default false)
---@field batch? integer maximum number of texts of a request, 1 to 2,048 (default 128)
---@field timeout? number seconds for each attempt, from the connection to the last byte of the answer (default 60)
---@field retries? integer further attempts after one that failed, 0 to 100 (default 4)
---@field name? string the model's name in schemas (default: `model`)
---@field headers? table<string, string> further headers, which may replace others
---@field fields? table<string, any> further fields of each request, such as `user`; they are part of the fingerprint
---@field verify? boolean verify the certificate of an https server, and that it is for this host (default true)
---@field ca_file? string file with the certificates to trust (default: SSL_CERT_FILE, or that of the system). Not in nginx
---@field sleep? fun(seconds: number) how to wait between attempts (default: ngx.sleep in nginx, else the program blocks)

---@class moonvec.model
---@field name string
---@field dim integer numbers of a vector
---@field fingerprint string changes when the vectors that the model makes change
---@field tokens? fun(text: string): integer[] of a static model: the ids of the tokens of a text that it uses, from 0
---@field embed fun(texts: string[]): (moonvec.numbers|false)[]?, table<integer, string>|string|nil, moonvec.code? a vector for each text, or false where a text failed, and the messages of those that failed, by position. May yield. If nothing could be done: nil, message, code

---@class moonvec.source where documents come from. Programs can make their own
---@field row integer the number of the row that was read last, from 1: of a file of lines that of the line at which it begins
---@field unit string what is counted, for messages: "line", "row", "file"
---@field name string for messages: the path
---@field read fun(self): table|false|nil, string?, moonvec.code? the next document; false and a message: a wrong row, reading can go on; nil: the end; nil, message, code: a failure
---@field position? fun(self): string? where to go on behind that row; nil: this source cannot
---@field seek? fun(self, position: string): true?, string?, moonvec.code? goes on there
---@field progress? fun(self): number?, number? how much was read, and of how much, in bytes or rows
---@field close? fun(self) ingest calls it at the end
---@field use_schema? fun(self, schema: moonvec.schema, is_mapped: boolean) ingest calls it at the beginning: the types that values are converted to, and whether a `map` makes documents
---@field write_rows? fun(self, collection: moonvec.collection, mode: "insert"|"upsert", count: integer): integer?, string?, moonvec.code? writes the next documents, at most `count`, and returns how many; nil alone: none, and `ingest` reads them one by one; nil, message, code: a failure. Not asked for with a `map`, or if a model makes vectors of texts
---@field left_out? table<string, integer> of source.files: how many links, special files (pipes, devices), binary and large files were left out
---@field unlisted? integer of source.files: how many folders could not be listed

--- Each function opens a source for ingest, and returns nil, message, code if it cannot be opened. Files are read in blocks: only a row and
--- 64 KiB, of JSON lines 4 MiB, are in memory. The path "-" is stdin. Texts are UTF-8; a byte order mark is left out, and UTF-16 is refused.
---@class moonvec.sources
local sources = {}

--- JSON lines: an object in each line. Blank lines are left out. Values are as `export` writes them.
---@param path string
---@param options? { max_bytes?: integer } `max_bytes`: the longest line (default 16 MiB); a longer one is a wrong row
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.jsonl(path, options) end

--- Lines of text: documents { id = "17", line = 17, text = ... }; the id is the number of the line. Blank lines are left out.
--- `line` is left out if the collection has no field for it.
---@param path string
---@param options? { field?: string, max_bytes?: integer } `field`: the name of the member with the text (default "text"); `max_bytes`: the longest line (default 16 MiB)
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.lines(path, options) end

--- Comma-separated values (RFC 4180). Cells in quotes may have line ends in them. Cells are converted to the types of the fields of
--- the collection: bool from true, false, yes, no, t, f, y, n, on, off, 1 and 0; arrays and vectors from JSON, [1, 2] and
--- {"17": 0.4}. An empty cell without quotes is NULL if the field is nullable, else it is left out, which means the default;
--- of a string without a default it is "". A row with too many or too few cells is wrong.
---@param path string
---@param options? moonvec.csv_options
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.csv(path, options) end

---@class moonvec.csv_options
---@field header? boolean|string[] true: the first row has the names of the columns (default). An array: these are the names, and the first row is data. false: documents are arrays of cells, for a `map`
---@field delimiter? string one byte (default "," of csv, a tab of tsv). "auto": of comma, semicolon, tab and "|" the one that is most often in the header
---@field max_bytes? integer the longest line, and cell in quotes (default 16 MiB)

--- The same with tabs.
---@param path string
---@param options? moonvec.csv_options
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.tsv(path, options) end

--- The text files of a folder and of the folders in it, sorted by name: documents { id = path, path = path, text =, size =, modified = },
--- the path from the folder on, the time in seconds since 1970 (in microseconds for a field of type timestamp). Members that the
--- collection has no field for are left out, but for `text`. Binary files (with a zero byte among the first 8,000) are left out.
--- Bytes that are no UTF-8 are read as Windows-1252. Pipes and devices are never opened. A file that cannot be read is a wrong row.
--- `.git` and `.moonvec` are never read. Needs LuaFileSystem, but not in Neovim.
---@param folder string
---@param options? moonvec.files_options
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.files(folder, options) end

---@class moonvec.files_options
---@field include? string|string[] globs: only files that match one (default: all). As in .gitignore: "*.lua" is for names in any folder, "src/*.lua" for paths, "src/**" for all that is below
---@field exclude? string|string[] globs of files and folders that are left out
---@field ignore_files? boolean leave out what the files .gitignore and .ignore in the folders name (default true)
---@field max_bytes? integer larger files are left out (default 16 MiB)
---@field wanted? fun(path: string, attributes: table): boolean says whether a file is read, when the other options allow it. `path`: relative to the folder. `attributes`: those of LuaFileSystem, as `size` in bytes and `modification` in seconds since 1970
---@field only? string the path of a file, relative to the folder: only this one is read, if the other options allow it. Other folders are not listed
---@field hidden? boolean read names that begin with a dot (default false)
---@field follow? boolean follow symbolic links, also out of the folder; each folder is read once (default false)

--- Vectors of float32 as benchmarks have them: each row the number of its numbers, an int32, and the numbers. The documents are
--- { id = "0", vector = ... }, counted from 0.
---@param path string
---@param options? { field?: string } `field`: the name of the vector (default "vector")
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.fvecs(path, options) end

--- The same with uint8.
---@param path string
---@param options? { field?: string }
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.bvecs(path, options) end

--- The same with int32.
---@param path string
---@param options? { field?: string }
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.ivecs(path, options) end

--- The rows of an array that numpy.save wrote: two dimensions, in C order, of float16, float32, float64, int8, uint8 or int32.
---@param path string
---@param options? { field?: string } as in fvecs
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.npy(path, options) end

--- The rows of a query to an SQLite database, by the names of the columns. The database is not changed. Values are converted as
--- those of csv; numbers stay numbers, and a blob as long as a packed vector is one. Needs LuaSQL.
---@param path string
---@param query string
---@param args? any[] values for the `?` in the query
---@return moonvec.source? source, string? message, moonvec.code? code
function sources.sqlite(path, query, args) end

---@class moonvec.rerankers each function makes a re-ranker
local rerankers = {}

--- Maximal marginal relevance: chooses hits one by one, each time that with the highest
--- lambda × score - (1 - lambda) × (similarity to the nearest hit that was chosen), which becomes its score. The similarity of two
--- documents is the score of one when the vector of the other is searched for.
---@param options moonvec.mmr_options
---@return moonvec.reranker
function rerankers.mmr(options) end

---@class moonvec.mmr_options
---@field field string the vector field that says how similar documents are
---@field lambda? number 0 (differ as much as possible) to 1 (only the score counts) (default 0.5)
---@field count? integer how many hits to choose; the others are left out (default: `topk` + `offset` of the query)
---@field normalize? "none"|"minmax" "minmax" brings the scores, and the similarities, to 0 to 1 first, so that they can be compared: for scores that are not those of `field`, as those of multi_query. It compares all pairs of candidates (default "none")

--- Scores that fade with the distance of a number from `origin`: at `offset` + `scale` from it, `decay` of the score is left. A
--- negative score is divided by that share, so that it is lower, too. Where the field is NULL, the score stays.
---@param options moonvec.decay_options
---@return moonvec.reranker
function rerankers.decay(options) end

---@class moonvec.decay_options
---@field field string a scalar field with numbers, or timestamps in microseconds
---@field origin number where nothing is lost
---@field scale number more than 0
---@field decay? number between 0 and 1 (default 0.5)
---@field shape? "exp"|"gauss"|"linear" (default "exp")
---@field offset? number up to this distance nothing is lost (default 0)

--- One after the other: each gets the hits that the one before returned.
---@param ... moonvec.scorer|moonvec.reranker
---@return moonvec.reranker
function rerankers.chain(...) end

--- Reciprocal rank fusion of the orders that several re-rankers give the candidates. `function(hit) return hit.score end` stands for
--- the order of the search.
---@param list (moonvec.scorer|moonvec.reranker)[]
---@param options? { k?: number, weights?: number[] } as in fuse.rrf
---@return moonvec.reranker
function rerankers.rrf(list, options) end

--- The weighted sum of the normalized scores that several re-rankers give the candidates.
---@param list (moonvec.scorer|moonvec.reranker)[]
---@param options? { weights?: number[], normalize?: "minmax"|"zscore"|"none" } as in fuse.weighted
---@return moonvec.reranker
function rerankers.weighted(list, options) end

--- `require "moonvec.mcp"`: serves a collection to language models, by the Model Context Protocol.
---@class moonvec.mcp
local mcp = {}

--- Reads requests, one a line, and writes answers, until the input ends. All published versions of the protocol are spoken:
--- 2024-11-05, 2025-03-26 (with batches), 2025-06-18 and 2025-11-25, which begin with a handshake, and 2026-07-28, in which
--- each request names its version. Tools: `search` (by text, by vector, by both, or by a filter and an order), `get`, `stats`
--- and, with `write_tools`, `insert`. What their arguments can be is made of the schema of the collection, at each request for
--- the list. A text is searched for in all fields with a text index and in those that a model embeds, fused into one list;
--- hits by words weigh twice as much if the model was learnt from the collection.
--- Documents are written as `export` writes them. Resources: the schema, the stats, and each document by its id. What is wrong
--- with arguments is told in the result of the tool, so that a language model can try again; what is wrong with a request is an
--- error of JSON-RPC. Nothing that is read ends the server. A request has at most 4 MiB, the text of a result at most 8 MiB.
---@param source moonvec.collection|fun(): moonvec.collection?, string? a collection, or a function that opens it, called when it is first needed and again after a failure
---@param options? moonvec.mcp_options
---@return true? done, string? message, moonvec.code? code "io" if the answers cannot be written
function mcp.serve(source, options) end

---@class moonvec.mcp_options
---@field write_tools? boolean offer `insert` (default false)
---@field name? string what the server calls itself (default "moonvec")
---@field version? string its version (default: that of moonvec)
---@field model_failures? table<string, string> messages of the models that could not be loaded, by name: their fields are not searched for a text
---@field read_line? fun(): string|false|nil the next line, false for one that is too long, nil at the end (default: from stdin)
---@field write? fun(line: string): any writes a line; nil if that fails (default: to stdout)
---@field log? fun(line: string) is told what should not happen (default: to stderr)

--- `require "resty.moonvec"`, in nginx with its Lua module (OpenResty): collections in its workers. docs/hosts/openresty.md
--- describes where to open them, and what waits and what blocks.
---@class resty.moonvec
---@field _VERSION string "moonvec 0.1.0"
local resty_moonvec = {}

--- The handle of a collection: of all calls in a worker with this path the first one opens it. Later calls may leave the
--- options out; others than those of the first call raise.
---@param path string
---@param options? resty.moonvec.options
---@return resty.moonvec.handle? handle, string? message, moonvec.code? code
function resty_moonvec.open(path, options) end

---@class resty.moonvec.options: moonvec.open_options but `busy_ms`. The default of `maintenance` in init_worker_by_lua is a timer that builds indexes in slices
---@field timeout? number how long a write waits for other writers, in seconds, while the worker serves other requests; then the result is "busy". It does not wait in phases in which nginx does not let code wait (default 5)
---@field budget_ms? number how long a slice takes, about, in milliseconds, 0.1 to 1000 (default 1)
---@field interval_ms? number the pause between two slices, in milliseconds, 1 to 60000 (default 5)

---@class resty.moonvec.handle: moonvec.collection all methods of a collection. `close` and `destroy` also end the timer; the next `open` opens the collection again
---@field collection moonvec.collection the collection itself, whose writes do not wait

--- `require "resty.moonvec.cache"`: a cache whose keys are compared by meaning.
---@class resty.moonvec.cache
local resty_cache = {}

--- Opens the cache at a path, which all workers share. May be called in each request: all caches with the same path are one, and
--- calls with another `dim`, `model`, limit or option of `open` raise. The model must be the same object each time. A cache that
--- has other limits from an earlier run gets those that are given. One with another `dim` is refused. Its writes are not synced: after a
--- power cut it begins empty. So does a cache that is damaged: it is removed or, if moonvec.destroy does not recognize it,
--- renamed to PATH.damaged, unless there is such a directory already.
---@param options resty.moonvec.cache_options
---@return resty.moonvec.cache? cache, string? message, moonvec.code? code
function resty_cache.new(options) end

---@class resty.moonvec.cache_options
---@field path string
---@field dim? integer how many numbers a question has, 1 to 65,535: questions are vectors
---@field model? moonvec.model in place of `dim`: makes vectors of questions, which are texts
---@field ttl? number|false seconds for which an answer is found at least, and less than one second more at most (false: for ever; default 3600)
---@field min_score? number the cosine similarity from which on two questions mean the same, -1 to 1 (default 0.95)
---@field partition? string whose answers these are, for calls that do not say so (default "")
---@field max_documents? integer as in moonvec.schema (default: no limit)
---@field max_bytes? integer as in moonvec.schema (default: no limit)
---@field evict? "oldest"|"least_recent" what a limit removes (default "least_recent")
---@field dict? string the name of a lua_shared_dict that counts hits and misses of all workers (default: each worker counts its own)
---@field durability? "full"|"none" as in moonvec.open_options (default "none")
---@field timeout? number as in resty.moonvec.options
---@field budget_ms? number as in resty.moonvec.options
---@field interval_ms? number as in resty.moonvec.options
---@field maintenance? "auto"|"manual" as in resty.moonvec.options

--- The answer to the most similar question; nil without a message if none is similar enough.
---@param question moonvec.numbers|string
---@param options? { partition?: string, min_score?: number }
---@return { id: string, value: string, score: number, age: number }? hit, string? message, moonvec.code? code
function resty_cache:get(question, options) end

--- Stores an answer, in place of an earlier one to the same question. Returns the id of the entry.
---@param question moonvec.numbers|string
---@param value string
---@param options? { partition?: string, ttl?: number|false }
---@return string? id, string? message, moonvec.code? code
function resty_cache:set(question, value, options) end

--- Deletes the answer to exactly this question. Returns how many there were.
---@param question moonvec.numbers|string
---@param options? { partition?: string }
---@return integer? deleted, string? message, moonvec.code? code
function resty_cache:delete(question, options) end

--- Deletes all answers of a partition. Returns how many there were.
---@param partition string
---@return integer? deleted, string? message, moonvec.code? code
function resty_cache:purge(partition) end

--- Deletes all answers. Returns how many there were.
---@return integer? deleted, string? message, moonvec.code? code
function resty_cache:clear() end

---@return resty.moonvec.cache_stats? stats, string? message, moonvec.code? code
function resty_cache:stats() end

---@class resty.moonvec.cache_stats
---@field entries integer
---@field hits integer lookups that found an answer: of all workers with `dict`, else of this one
---@field misses integer
---@field expired integer
---@field evicted integer
---@field pending_rows integer as in moonvec.stats
---@field memory_bytes integer as in moonvec.stats
---@field disk_bytes integer as in moonvec.stats

--- `require "resty.moonvec.apisix"`: the vector store of the plugin ai-cache of Apache APISIX.
---@class resty.moonvec.apisix
local resty_apisix = {}

--- A driver with the functions pack_float32, ensure_index, upsert and knn_search that ai-cache calls. Each index is a
--- collection in the folder `path`, which must exist.
---@param options resty.moonvec.apisix_options
---@return table driver
function resty_apisix.new(options) end

---@class resty.moonvec.apisix_options those of resty.moonvec.cache_options with the same names; limits are those of each index
---@field path string
---@field max_documents? integer
---@field max_bytes? integer
---@field evict? "oldest"|"least_recent"
---@field durability? "full"|"none"
---@field timeout? number
---@field budget_ms? number
---@field interval_ms? number
---@field maintenance? "auto"|"manual"

--- `require "moonvec.tarantool"`: in Tarantool, a fiber makes a collection follow a space. Each change of the space has a
--- number that grows. The fiber takes the changes in the order of these numbers, once they are in the write-ahead log, at
--- most 500 with the position in one transaction. So the collection has all of them after any end of the process. It works
--- on each instance, also on replicas: each has its own collection. The space is in memory (memtx).
---
--- A change without a new number is not seen, nor is a row that is deleted without a tombstone or a row in a log: number all
--- changes by number_changes. On replicas the numbers must come in order: only one instance takes writes at a time, and its
--- transactions commit in the order of their numbers, as those of memtx do unless memtx_use_mvcc_engine is set.
---@class moonvec.tarantool
local tarantool = {}

--- Opens a collection as the copy of a space: like moonvec.open, with other defaults: `busy_ms = 0`, `slowdown_rows = 0` and
--- `maintenance = "manual"`, so that no call stops all fibers to wait; and `durability = "none"`. A collection that is
--- "corrupt", as it may be after a power cut, is removed and created again, if `schema` is given: the space has all. One that
--- moonvec.destroy does not recognize is renamed to PATH.damaged, unless there is such a directory already.
---@param path string relative paths begin at the work_dir of box.cfg: before box.cfg this raises
---@param options? moonvec.open_options
---@return moonvec.collection? collection, string? message, moonvec.code? code
function tarantool.open(path, options) end

--- Gives each change of `space` the next number of `sequence`, by triggers. Call it once, on each instance, right after
--- box.cfg; only the instance that takes a write numbers it. It raises if the numbers of the space are ahead of the sequence.
--- Rows that were there before have no number until they are written again, and are not followed.
---@param space table a space with a unique TREE index on the field `seq` alone
---@param sequence table a sequence of box.schema.sequence
---@param options? moonvec.tarantool_numbers_options
---@return moonvec.tarantool_numbers
function tarantool.number_changes(space, sequence, options) end

---@class moonvec.tarantool_numbers_options
---@field seq? string the field of the number (default "seq"). A row that is written without its last fields gets it as it gets `deleted`
---@field deleted? string a boolean field. A delete of a row then sets it to true, and leaves the row as a tombstone. `insert`, `replace` and `update` take a tombstone for no row; `upsert` of one raises
---@field deletes? table in place of `deleted`: a space { seq: unsigned, id } with the primary key `seq`. Each delete of a row adds a row to it
---@field purged? table a sequence for `purge`, another one than `sequence`

---@class moonvec.tarantool_numbers
local numbers = {}

--- Removes the tombstones, or the rows of the log, of the deletes up to the number `up_to`, in transactions of at most 500
--- rows. The sequence `purged` is set to that number, so that a follower which has not come so far rebuilds its collection.
---@param up_to integer
function numbers:purge(up_to) end

--- Starts a fiber that makes the collection `target` follow `space`. Call it right after box.cfg, before the instance takes writes: a row
--- that is not in the log yet at that moment is taken as if it were. The collection has nothing but the documents of this
--- space. The id of a document is the primary key of its row: one field of type string, unsigned or integer. A collection
--- can be followed by one follower; a space by several.
---
--- The collection is rebuilt if its position is one of another instance or space, is ahead of the space, or is behind what
--- was purged, and if the space was truncated. Documents are then replaced one after the other; those without a row are
--- deleted at the end.
---@param space table a space with a unique TREE index on the field `seq` alone
---@param target moonvec.collection
---@param options? moonvec.tarantool_follow_options
---@return moonvec.tarantool_follower? follower, string? message, moonvec.code? code
function tarantool.follow(space, target, options) end

--- The first four are taken from number_changes, if that was called for the space before: then another value raises.
---@class moonvec.tarantool_follow_options
---@field seq? string the field with the number of a change (default "seq")
---@field deleted? string a boolean field that is true in tombstones: their documents are deleted
---@field deletes? table the log of deletes, as in tarantool_numbers_options
---@field purged? table the sequence `purged`, as in tarantool_numbers_options
---@field document? fun(row: table): moonvec.document? makes the document of a row, or returns nil for a row that is not to be found. It may yield. Its `id` is set afterwards (default: the fields of the space that have the names of fields of the collection)
---@field on_error? "retry"|"skip" what a row does that `document` or the schema refuses. "retry" (default): nothing behind it is taken until it is right. "skip": its document is deleted, and it is counted
---@field budget_ms? number how long other fibers may have to wait, in milliseconds, 0.1 to 1,000 (default 2). Pieces of work are made to take a quarter of it, by the time that the last one took. A document whose own work takes longer, or a machine that is busy, may exceed it
---@field optimize? boolean work on the indexes in slices of the same time (default true). false: for a collection that is opened with `maintenance = "auto"`: threads build the indexes, and some writes take several milliseconds

---@class moonvec.tarantool_follower
local tarantool_follower = {}

--- Waits until the change of number `seq` is in the collection, and no rebuild is under way, or due because the space was
--- truncated. Returns false if `seconds` have passed, or the follower was stopped.
---@param seq? integer (default: the last one of the space)
---@param seconds? number (default: no limit)
---@return boolean
function tarantool_follower:wait(seq, seconds) end

--- The last number of the space minus the position of the collection.
---@return integer
function tarantool_follower:lag() end

--- Ends the fiber, and waits for its end. The collection stays open.
---@return true
function tarantool_follower:stop() end

---@return moonvec.tarantool_follower_stats
function tarantool_follower:stats() end

--- Counts are since the follower was started.
---@class moonvec.tarantool_follower_stats
---@field seq integer the position: all changes up to this number are in the collection
---@field lag integer as lag() returns it
---@field state? "rebuilding"|"current" nil before the first piece of a new collection
---@field running boolean
---@field failing boolean whether the last piece of work failed. It is tried again, after 10 ms to 1 s
---@field message? string of the last failure
---@field code? moonvec.code
---@field errors integer failures
---@field busy integer pieces that were tried again because another writer was in the way
---@field written integer documents
---@field deleted integer ids that were deleted, whether they had a document or not
---@field unseen integer rows that were deleted without a tombstone or a log, whose documents stay; the first is logged
---@field skipped integer rows that were left out, with on_error "skip"
---@field commits integer
---@field rebuilds integer
---@field late integer rows that were committed with a number behind the position. They are taken, but would not be if the process ended before that
---@field piece_rows integer at most this number of rows is in the next piece
---@field longest_ms number the longest time that a piece of work has taken, by the clock: what other programs of the machine took meanwhile is in it

return moonvec

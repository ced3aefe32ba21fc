/* moonvec.h - the public C API of moonvec, a vector database that lives inside a program.
 *
 * A collection is a directory (or ":memory:"). It holds documents: an id, scalar fields and
 * vectors, as its schema says. Any number of processes and threads may have it open; one writes at
 * a time. Readers never wait, and each call that reads sees one commit as a whole.
 *
 * Errors. Every function that can fail returns an `mv_err`: MV_OK (0) or a negative code, and then
 * fills `error` (which may be NULL) with the same code and a text. A failed call changes nothing.
 * MV_MISUSE is a mistake in the calling program; all other codes are runtime failures.
 *
 * Ownership. Strings and arrays given to a function belong to the caller; a function copies what it
 * keeps. An object that a function creates is released by the function of that type (_free or
 * _close), which accepts NULL. "Lent" means: owned by the object, and valid as long as said.
 *
 * Threads. A collection handle may be used by many threads at once. The handle of a transaction is
 * used by the thread that began it. A batch, result, iterator or job is used by one thread at a
 * time. After fork() the child may use a collection handle: its next call opens the files
 * again. Other objects from before the fork answer MV_BUSY in the child and can only be freed. */
#ifndef MOONVEC_H
#define MOONVEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MV_API __declspec(dllexport)
#elif defined(__GNUC__)
#define MV_API __attribute__((visibility("default")))
#else
#define MV_API
#endif

#define MV_VERSION "0.1.0"

/* ---------------------------------------------------------------- errors */

/* Code, frozen number, name (what Lua sees as the third result). */
#define MV_ERRORS(X)                                                                               \
    X(MV_MISUSE, -1, "misuse")                                                                     \
    X(MV_NOT_FOUND, -2, "not_found")                                                               \
    X(MV_EXISTS, -3, "exists")                                                                     \
    X(MV_READ_ONLY, -4, "read_only")                                                               \
    X(MV_CORRUPT, -5, "corrupt")                                                                   \
    X(MV_SCHEMA_MISMATCH, -6, "schema_mismatch")                                                   \
    X(MV_WRONG_VERSION, -7, "version")                                                             \
    X(MV_NO_SPACE, -8, "no_space")                                                                 \
    X(MV_IO, -9, "io")                                                                             \
    X(MV_NO_MEMORY, -10, "no_memory")                                                              \
    X(MV_BUSY, -11, "busy")                                                                        \
    X(MV_LIMIT, -12, "limit")

typedef enum mv_err {
    MV_OK = 0,
#define MV_ERROR_ENUM(name, number, text) name = number,
    MV_ERRORS(MV_ERROR_ENUM)
#undef MV_ERROR_ENUM
} mv_err;

#define MV_ERROR_TEXT_SIZE 512

typedef struct mv_error {
    mv_err code;
    char text[MV_ERROR_TEXT_SIZE]; /* lower case, names the thing, both numbers, no full stop */
} mv_error;

/* The short name of a code: "not_found", "corrupt", ...; "ok" for MV_OK. */
MV_API const char *mv_err_name(mv_err err);

/* Make bytes from outside (ids, names) printable for a message. Writes the first 40 bytes, each
 * that is not printable ASCII as \xNN, then "..." if there are more. Returns `out`, which ends with
 * a zero byte. Ids and names are quoted this way in the texts of mv_error. */
#define MV_QUOTE_SIZE 164
MV_API const char *mv_quote(const void *bytes, size_t size, char out[MV_QUOTE_SIZE]);

/* ---------------------------------------------------------------- memory */

/* Gets, resizes and frees blocks. `block` NULL: a new block. `size` 0: free the block, return NULL.
 * Else the block is resized and perhaps moved, with its contents. `old_size` is the size that was
 * last asked for. `alignment` is that of what is returned: a power of 2 up to 64. NULL: no memory;
 * the old block stays as it is. Called by many threads at once, unless the program has but one
 * thread and opens collections with mv_open_options.manual_maintenance. */
typedef void *(*mv_allocate)(void *ctx, void *block, size_t old_size, size_t size,
                             size_t alignment);

/* From now on all memory of the engine comes from `allocate`; before, from malloc. Called before
 * any other function, and once: blocks are freed by the allocator that is set then. `ctx` is passed
 * to it. LMDB, which keeps the catalog, allocates by malloc. */
MV_API void mv_set_allocator(mv_allocate allocate, void *ctx);

/* ---------------------------------------------------------------- types and limits */

typedef enum mv_type {
    MV_STRING = 1,
    MV_BOOL = 2,
    MV_INT32 = 3,
    MV_INT64 = 4,
    MV_UINT32 = 5,
    MV_UINT64 = 6,
    MV_FLOAT = 7,
    MV_DOUBLE = 8,
    MV_TIMESTAMP = 9,    /* int64 microseconds since 1970-01-01T00:00:00Z */
    MV_SPARSE_FP32 = 10, /* a sparse vector: a type of scalar fields, searched by
                          * mv_query.is_sparse */
    MV_MULTI_FP32 = 11,  /* a list of vectors of mv_field_options.dim numbers: a type of scalar
                          * fields, searched by mv_query.is_multi */
    MV_ARRAY = 32,       /* flag: MV_ARRAY | MV_STRING is array_string */
    MV_VECTOR = 64,      /* flag of all vector types */
    MV_VECTOR_FP32 = 65,
    MV_VECTOR_FP16 = 66,
    MV_VECTOR_INT8 = 67,
    MV_VECTOR_BINARY = 68, /* bits */
} mv_type;

typedef enum mv_metric {
    MV_L2 = 1,      /* distance = squared Euclidean distance, score = -distance */
    MV_IP = 2,      /* score = inner product, distance = -score */
    MV_COSINE = 3,  /* score = cosine similarity, distance = 1 - score */
    MV_L1 = 4,      /* distance = sum of absolute differences, score = -distance */
    MV_HAMMING = 5, /* distance = number of different bits, score = -distance. MV_VECTOR_BINARY has
                     * no other metric, and no other type has this one */
} mv_metric;

/* Numbers of vectors are finite, and every distance fits in a float. Under MV_COSINE the length of
 * a stored vector is 2.9e-39 to 8.5e37, that of a query anything but 0. Under the other metrics the
 * numbers of both are from -MV_VECTOR_NUMBER_MAX to MV_VECTOR_NUMBER_MAX. Others are MV_MISUSE.
 * Collections of older versions may have longer vectors, which are still found: a distance above
 * FLT_MAX is infinite, one below -FLT_MAX is -FLT_MAX. A distance nearer to 0 than FLT_MIN may
 * be 0. */

/* The name of a metric ("l2", "ip", ...). NULL: there is no such metric. Metrics are numbered from
 * 1 without gaps, so that counting up to the first NULL lists them. */
MV_API const char *mv_metric_name(mv_metric metric);
/* The metric of that name. False: there is none; *metric is unchanged. */
MV_API bool mv_metric_from_name(const char *name, size_t size, mv_metric *metric);
/* The default metric of a vector type: MV_HAMMING for MV_VECTOR_BINARY, MV_COSINE for the others.
 * 0: `type` is no vector type. */
MV_API mv_metric mv_metric_default(mv_type type);

/* Bytes of a vector as it is given to functions and returned by them. 0: `type` is no vector type.
 * A vector of any element type is given and returned as `dim` floats in the machine's byte order,
 * except that of MV_VECTOR_BINARY. That is dim / 8 bytes: bit i is in byte i / 8, the most
 * significant bit of a byte first, as in numpy.packbits and PostgreSQL's type `bit`. */
MV_API size_t mv_vector_size(mv_type type, size_t dim);

typedef enum mv_index_type {
    MV_INDEX_NONE = 0,   /* scalar fields: no index */
    MV_INDEX_FLAT = 1,   /* vectors: exact search */
    MV_INDEX_HNSW = 2,   /* vectors: a graph; approximate search, exact scores */
    MV_INDEX_INVERT = 3, /* scalar fields: inverted lists, for each value the rows that have it */
    MV_INDEX_TEXT = 4,   /* strings and arrays of strings: full text, ranked by BM25 */
    MV_INDEX_SPARSE = 5, /* sparse vectors: for each index the rows that have it */
} mv_index_type;

/* The codes from which a walk through a graph computes distances. Hits are always scored from the
 * vectors themselves. A metric may exclude some: MV_L1 has no int8 and int4, MV_HAMMING only AUTO
 * and NONE. Codes that would not be smaller than the elements are not made; mv_index_stats tells
 * which are in use. The numbers are part of the format. */
typedef enum mv_quantize {
    MV_QUANTIZE_AUTO =
        0, /* the first of int4, int8, fp16, none that was measured to be accurate enough */
    MV_QUANTIZE_NONE = 1, /* the vectors as they are stored */
    MV_QUANTIZE_FP16 = 2, /* two bytes a number */
    MV_QUANTIZE_INT8 = 3, /* one byte a number, scaled for each vector */
    MV_QUANTIZE_INT4 = 4, /* half a byte a number in searches; the graph is built with int8 */
} mv_quantize;

/* How the graph of a vector field is built (hierarchical navigable small world graphs: Malkov,
 * Yashunin, arXiv 1603.09320). A 0 stands for the default. */
typedef struct mv_hnsw_options {
    uint32_t m;               /* links of a row; at the bottom level 2 m: 4 to 64, default 16 */
    uint32_t ef_construction; /* candidates of each search while building: 8 to 2000, default 200 */
    mv_quantize quantize;
    uint64_t seed; /* of the random numbers; default 1 */
} mv_hnsw_options;

/* How a text is split into terms. Text is UTF-8. All but MV_TOKENIZER_WHITESPACE ignore case,
 * accents and compatibility forms. The numbers are part of the format. */
typedef enum mv_tokenizer {
    MV_TOKENIZER_UNICODE = 0, /* words by Unicode Standard Annex 29; text of scripts without spaces
                               * by overlapping pairs of characters */
    MV_TOKENIZER_CODE = 1,    /* identifiers, and their parts: parseHTML gives parsehtml, parse and
                               * html */
    MV_TOKENIZER_NGRAM = 2,   /* all characters, three at a time: finds any part of a text */
    MV_TOKENIZER_WHITESPACE = 3, /* what stands between white space, unchanged */
} mv_tokenizer;

/* How the text of a field is read and ranked. A 0 stands for the default. The elements of an
 * array of strings are its terms, unchanged, and only k1 and b are used. */
typedef struct mv_text_options {
    mv_tokenizer tokenizer;
    uint32_t language;      /* of stemming: its position in `words` of the option's mv_member_info,
                             * where 0 is "none" */
    const char *stop_words; /* words that are left out, separated by spaces: up to MV_STOP_WORDS_MAX
                             * of up to MV_STOP_WORD_SIZE_MAX bytes, compared as the tokenizer
                             * compares words, but with their accents. MV_STOP_WORDS_OF_LANGUAGE:
                             * the list of the language. NULL: none. Copied; from mv_schema_field
                             * lent as long as the schema */
    double k1; /* of BM25: how fast further occurrences of a word count less; 0.001 to 100,
                * default 1.2 */
    double b;  /* of BM25: how much long texts count less; 0.001 to 1, default 0.75 */
    uint32_t without_positions; /* 1: the index does not store at which positions words are. It is
                                 * smaller, has the same hits, and finds phrases by reading the
                                 * texts that have all their words; default 0 */
} mv_text_options;

#define MV_STOP_WORDS_OF_LANGUAGE " "

/* Names as they stand in schemas. NULL: there is no such type. Numbers of types are below 128;
 * numbers of indexes and quantizers count from 0 without gaps. */
MV_API const char *mv_type_name(mv_type type); /* "string", "array_int32", ... */
MV_API const char *
mv_index_name(mv_index_type index); /* "none", "flat", "hnsw", "invert", "text", "sparse" */
MV_API const char *mv_quantize_name(mv_quantize quantize); /* "auto", "none", "fp16", ... */
/* The number with that name, of `size` bytes. False: there is none; the number is unchanged. */
MV_API bool mv_type_from_name(const char *name, size_t size, mv_type *type);
MV_API bool mv_index_from_name(const char *name, size_t size, mv_index_type *index);
MV_API bool mv_quantize_from_name(const char *name, size_t size, mv_quantize *quantize);

#define MV_HNSW_M_MIN                   4u
#define MV_HNSW_M_MAX                   64u
#define MV_HNSW_M_DEFAULT               16u
#define MV_HNSW_EF_CONSTRUCTION_MIN     8u
#define MV_HNSW_EF_CONSTRUCTION_MAX     2000u
#define MV_HNSW_EF_CONSTRUCTION_DEFAULT 200u
#define MV_HNSW_SEED_DEFAULT            1u

/* An index with its options. `type` says which member of `as` is used. A 0 stands for the default.
 * A type without options needs all of `as` to be 0. */
typedef struct mv_index_options {
    mv_index_type type;
    union {
        uint64_t reserved[8]; /* first, so that {0} clears the union; the size for later types */
        mv_hnsw_options hnsw; /* for MV_INDEX_HNSW */
        mv_text_options text; /* for MV_INDEX_TEXT */
    } as;
} mv_index_options;

#define MV_NAME_SIZE_MAX      64u    /* bytes of the name of a field, collection or model */
#define MV_STOP_WORDS_MAX     1024u  /* of one text index */
#define MV_STOP_WORD_SIZE_MAX 64u    /* bytes of one of them */
#define MV_ID_SIZE_MAX        1024u  /* bytes of a document id */
#define MV_DIM_MAX            65535u /* numbers, or bits, of a vector */
#define MV_VECTOR_NUMBER_MAX  1e15f  /* magnitude of a number of a vector; not under MV_COSINE */
#define MV_SPARSE_MAX         65536u /* entries of a sparse vector */
#define MV_MULTI_MAX          1024u  /* vectors of a query by several vectors together */
#define MV_FIELDS_MAX         1024u  /* scalar fields of a schema */
#define MV_VECTORS_MAX        256u   /* vector fields of a schema */
#define MV_ROW_SIZE_MAX       (64u << 20) /* bytes of one document, vectors included */
#define MV_TOPK_MAX           1000000u    /* topk + offset */
#define MV_THREADS_MAX        64u         /* threads of one job, or of one query */
#define MV_RECALL_DEFAULT     0.95        /* of a query that sets neither recall nor ef */
#define MV_EF_MAX             1000000u    /* candidates of one search of a graph */
#define MV_QUERY_VECTORS_MAX  65536u      /* vectors of one query call */
#define MV_FILTER_SIZE_MAX    (1u << 20)  /* bytes of a filter text */
#define MV_FILTER_DEPTH_MAX   200u        /* nesting of parentheses and NOT in a filter */
#define MV_FILTER_TESTS_MAX   4096u       /* tests in one filter */
#define MV_FILTER_LIST_MAX    (1u << 20)  /* values of one IN or CONTAIN list */
#define MV_ORDER_BY_MAX       8u          /* keys of one order_by */
#define MV_FACET_VALUES_MAX   (1u << 20)  /* different values that mv_facets_create counts */
#define MV_FACET_BYTES_MAX    (64u << 20) /* bytes of these values, if they are strings */
/* Nodes of a full-text query. A text that was typed counts as the nodes that it is read as. */
#define MV_MATCH_NODES_MAX 1024u
#define MV_MATCH_DEPTH_MAX 32u    /* groups in groups of a full-text query */
#define MV_MATCH_SIZE_MAX  65536u /* bytes of a word, of a phrase, of what is typed */
#define MV_MATCH_EDITS_MAX 2u     /* of a similar word */
#define MV_MATCH_SLOP_MAX  65536u /* of a phrase */
#define MV_MATCH_BOOST_MAX 1e6    /* factor of a score, also of several multiplied */

/* A full-text query as data: a tree as an array of nodes. The first node is the whole query. Behind
 * a group stand its `members`, each with all that is in it:
 *
 *   {.kind = MV_MATCH_ALL, .members = 2},
 *       {.kind = MV_MATCH_WORD, .text = "disk", .size = 4},
 *       {.kind = MV_MATCH_ANY, .members = 2, .boost = 2.5},
 *           {.kind = MV_MATCH_PREFIX, .text = "auto", .size = 4},
 *           {.kind = MV_MATCH_PHRASE, .text = "tape drive", .size = 10, .slop = 1},
 *
 * The tokenizer of the searched field reads the texts. A text that it makes no word of (a stop
 * word, punctuation) is left out, and so is a group that is left without members. A query that is
 * left without words matches nothing. */
typedef enum mv_match_kind {
    MV_MATCH_WORD = 1, /* `text` is in the document; what is several words, in this order */
    MV_MATCH_PREFIX,   /* a word that begins with `text` */
    MV_MATCH_FUZZY,    /* a word that differs from `text` by at most `edits` characters inserted,
                        * left out, replaced or exchanged with the next one */
    MV_MATCH_PHRASE,   /* the words of `text` in this order, with at most `slop` others between them
                        * in all */
    MV_MATCH_TYPED,    /* `text` as a person typed it: mv_query.text; in a filter, MATCH */
    MV_MATCH_ALL,      /* every member matches */
    MV_MATCH_ANY,      /* a member matches */
    MV_MATCH_NO,       /* no member matches. A member of MV_MATCH_ALL only */
    MV_MATCH_MAYBE,    /* its members only add to the score. A member of MV_MATCH_ALL only */
} mv_match_kind;

typedef struct mv_match_node {
    mv_match_kind kind;
    uint32_t members; /* of a group, at least one */
    uint32_t edits;   /* FUZZY: 1 to MV_MATCH_EDITS_MAX; 0: 1 */
    uint32_t slop;    /* PHRASE */
    double boost;     /* factor of what the node, with all that is in it, adds to the score; 0: 1 */
    const char *text; /* UTF-8 of `size` bytes; of groups unused */
    size_t size;
} mv_match_node;

typedef struct mv_match {
    const mv_match_node *nodes; /* NULL: no query */
    uint32_t count;
} mv_match;

/* A value given to a function or returned by one. `kind` says which member of `as` has it. A value
 * that is given is converted to the type of its field, which must be able to hold it exactly; a
 * `float` field rounds to its precision. A 64-bit integer field also accepts a decimal string.
 *
 * A timestamp is returned as MV_KIND_INT. It is given as that, or as a string: a date, or a time of
 * RFC 3339 with its offset from UTC: "2026-11-01" (midnight UTC), "2026-11-01T12:30:00Z",
 * "2026-11-01 12:30:00.25+02:00" (T and Z in either case). Years are 0001 to 9999. Digits of a
 * fraction after the sixth must be 0. Second 60 is accepted at 23:59:60 UTC on the last day of a
 * month, and means the second after it. A decimal string of at least 15 digits is microseconds. */
typedef enum mv_kind {
    MV_KIND_NULL = 0,
    MV_KIND_BOOL,   /* as.boolean */
    MV_KIND_INT,    /* as.i */
    MV_KIND_UINT,   /* as.u; returned only for values above INT64_MAX */
    MV_KIND_REAL,   /* as.real */
    MV_KIND_STRING, /* as.string: any bytes */
    MV_KIND_LIST,   /* as.list: no NULLs and no lists inside */
    MV_KIND_SPARSE, /* as.sparse */
    MV_KIND_MULTI,  /* as.multi */
    MV_KIND_MATCH,  /* as.match; only an argument of a filter, for MATCH */
} mv_kind;

/* A sparse vector: `count` numbers, each with its index; all other numbers are 0. The indexes are
 * different. They may be given in any order, and numbers may be 0: such entries are not stored.
 * They are returned ascending. */
typedef struct mv_sparse {
    const uint32_t *indices;
    const float *numbers;
    size_t count;
} mv_sparse;

/* Several vectors, one after the other: `count` numbers, a multiple of the field's dim. */
typedef struct mv_multi {
    const float *numbers;
    size_t count;
} mv_multi;

typedef struct mv_value {
    mv_kind kind;
    union {
        bool boolean;
        int64_t i;
        uint64_t u;
        double real;
        struct {
            const char *data;
            size_t size;
        } string;
        struct {
            const struct mv_value *items;
            size_t count;
        } list;
        mv_sparse sparse;
        mv_multi multi;
        mv_match match;
    } as;
} mv_value;

/* ---------------------------------------------------------------- schema */

typedef struct mv_schema mv_schema;

typedef struct mv_field_options {
    const char *name;
    mv_type type; /* any without MV_VECTOR */
    bool nullable;
    const mv_value *default_value; /* for documents without the field; NULL: none */
    mv_index_options index; /* MV_INDEX_NONE; MV_INDEX_INVERT or MV_INDEX_SPARSE, with the same
                             * results as without; MV_INDEX_TEXT, which a search by text needs. Of
                             * MV_MULTI_FP32 the types of vector fields, with the metric MV_IP */
    uint32_t dim;           /* of MV_MULTI_FP32: numbers of each vector, 1 to MV_DIM_MAX; else 0 */
} mv_field_options;

/* Which texts the vectors of a field are made of, and by which model. The engine keeps it in the
 * schema, so that vectors of two models are never mixed; the program makes the vectors. */
typedef struct mv_embed {
    const char *from;        /* a field of type MV_STRING that was added before; NULL: the program
                              * says nothing about where the vectors come from */
    const char *model;       /* its name, of 1 to MV_NAME_SIZE_MAX bytes */
    const char *fingerprint; /* of 1 to MV_NAME_SIZE_MAX bytes; it changes whenever the vectors of
                              * the model do. NULL or "": not known, which only a schema to compare
                              * with may have */
} mv_embed;

typedef struct mv_vector_options {
    const char *name;
    mv_type type; /* MV_VECTOR_... */
    uint32_t dim; /* 1 to MV_DIM_MAX; for MV_VECTOR_BINARY bits, a multiple of 8 */
    mv_metric metric;
    mv_index_options index; /* MV_INDEX_NONE: the default, which is MV_INDEX_HNSW */
    mv_embed embed;
} mv_vector_options;

/* What is removed when a collection has more than it may have. */
typedef enum mv_evict {
    MV_EVICT_OLDEST = 0,       /* what was written longest ago */
    MV_EVICT_LEAST_RECENT = 1, /* what was neither read nor written for longest, approximately: of
                                * 16 documents chosen at random, the one used longest ago */
} mv_evict;

/* What a collection forgets by itself. All zero: nothing.
 *
 * A document expires at the second that its field `expires` has, by the clock of the machine; NULL:
 * never. The clock is read once for each call that reads or writes, and once for a transaction.
 * From that second on no call finds the document, and its id is free; it needs no write for that.
 * Its row is removed later: by writes, some rows each, and by maintenance and mv_optimize, all.
 *
 * A write that leaves more than the limits allow removes documents in the same commit, expired ones
 * first. So one batch of more than max_documents leaves max_documents, some or all of its own. */
typedef struct mv_retention {
    const char *expires;    /* a scalar field: of MV_INT32, MV_INT64, MV_UINT32, MV_UINT64 or
                             * MV_DOUBLE, which have seconds since 1970-01-01T00:00:00Z, or of
                             * MV_TIMESTAMP; NULL: documents do not expire */
    uint64_t max_documents; /* 0: no limit */
    uint64_t max_bytes;     /* of ids, values and vectors: the rows as they are encoded, without
                             * indexes and removed rows; 0: no limit. A document that has more alone
                             * is refused with MV_LIMIT */
    mv_evict evict;         /* MV_EVICT_OLDEST unless there is a limit */
} mv_retention;

/* A schema is created empty, filled, and given to mv_open, which copies it. Fields keep the order
 * in which they were added. Functions name them by position: scalar fields 0, 1, ..., and vector
 * fields 0, 1, ... counted apart. `name` may be NULL for an unnamed collection. MV_WRONG_VERSION:
 * this build lacks a library that the options of a text index need; the text names it. */
MV_API mv_err mv_schema_create(const char *name, mv_schema **schema, mv_error *error);
MV_API mv_err mv_schema_add_field(mv_schema *schema, const mv_field_options *options,
                                  mv_error *error);
MV_API mv_err mv_schema_add_vector(mv_schema *schema, const mv_vector_options *options,
                                   mv_error *error);
/* After the field `expires` was added. MV_MISUSE: there is no such field, or its type cannot say
 * when a document expires. */
MV_API mv_err mv_schema_set_retention(mv_schema *schema, const mv_retention *retention,
                                      mv_error *error);
MV_API void mv_schema_free(mv_schema *schema);

MV_API const char *mv_schema_name(const mv_schema *schema); /* "" when unnamed */
MV_API uint32_t mv_schema_field_count(const mv_schema *schema);
MV_API uint32_t mv_schema_vector_count(const mv_schema *schema);
/* Describe field `position`, with defaults filled in. What `options` points to is lent by the
 * schema. False: no such field. */
MV_API bool mv_schema_field(const mv_schema *schema, uint32_t position, mv_field_options *options);
MV_API bool mv_schema_vector(const mv_schema *schema, uint32_t position,
                             mv_vector_options *options);
/* `retention->expires` is lent by the schema. */
MV_API void mv_schema_retention(const mv_schema *schema, mv_retention *retention);
/* Find a field by name. False: no such field. */
MV_API bool mv_schema_find_field(const mv_schema *schema, const char *name, size_t size,
                                 uint32_t *position);
MV_API bool mv_schema_find_vector(const mv_schema *schema, const char *name, size_t size,
                                  uint32_t *position);

/* ---------------------------------------------------------------- index types described */

/* A description of each index type: its name, the fields that may have it, its options, its stats.
 * With it a binding can read options and return stats of every type without code for any of them.
 * Descriptions are constant. */

typedef enum mv_member_kind {
    MV_MEMBER_U32 = 1,        /* uint32_t */
    MV_MEMBER_U64 = 2,        /* uint64_t */
    MV_MEMBER_WORD = 3,       /* an enum whose values count from 0 and have names */
    MV_MEMBER_REAL = 4,       /* double, of options 0 or more; `min`, `max` and `default_value` have
                               * the bits of doubles */
    MV_MEMBER_QUANTIZE = 5,   /* an mv_quantize, named as MV_MEMBER_WORD; the field's metric may
                               * exclude some values */
    MV_MEMBER_STOP_WORDS = 6, /* const char *: mv_text_options.stop_words */
} mv_member_kind;

/* One option of a type, a member of mv_index_options, or one of its stats, a member of
 * mv_index_stats. `min`, `max` and `default_value` are of options; an option that is 0 stands for
 * its default. */
typedef struct mv_member_info {
    const char *name;
    mv_member_kind kind;
    size_t offset;            /* in mv_index_options or mv_index_stats */
    const char *const *words; /* of enums: the names of 0, 1, ..., and NULL at the end */
    uint64_t min;             /* of numbers */
    uint64_t max;
    uint64_t default_value;
} mv_member_info;

typedef struct mv_index_info {
    mv_index_type type;
    const char *name;   /* "hnsw" */
    const char *plural; /* what indexes of segments are called in stats: "graphs" */
    bool has_files;     /* false: there is nothing to build, all rows are searched (flat) */
    bool of_vectors;    /* true: vector fields may have it; false: scalar fields may */
    uint32_t options_count;
    uint32_t stats_count;
    const mv_member_info *options;
    const mv_member_info *stats;
} mv_index_info;

/* Index type `position`, counted from 0. NULL: there are no more. MV_INDEX_NONE is not listed. */
MV_API const mv_index_info *mv_index_info_at(uint32_t position);

/* ---------------------------------------------------------------- opening */

typedef struct mv_collection mv_collection;

typedef enum mv_durability {
    MV_DURABILITY_FULL = 0, /* an acknowledged write survives a power cut */
    MV_DURABILITY_NONE = 1, /* survives the death of the process; after a power cut before the next
                             * mv_flush or mv_close the collection is refused as MV_CORRUPT */
} mv_durability;

#define MV_BUSY_MS      60000      /* default of mv_open_options.busy_ms: a minute */
#define MV_BUSY_AT_ONCE UINT32_MAX /* as busy_ms: do not wait */

#define MV_SLOWDOWN_ROWS  32768u     /* default of mv_open_options.slowdown_rows */
#define MV_SLOWDOWN_NEVER UINT64_MAX /* as slowdown_rows: writes are never slowed down */

typedef struct mv_open_options {
    const mv_schema *schema; /* to create the collection, or to compare with the existing one */
    bool must_create;        /* MV_EXISTS: the path exists */
    bool read_only; /* never write; works on a read-only file system. If the lock file cannot be
                     * written, reads answer MV_BUSY while another process has it open */
    bool verify;    /* verify every page and checksum first, as mv_check does */
    bool manual_maintenance; /* only jobs (mv_optimize_begin) merge segments and build indexes, and
                              * fresh rows are sealed by jobs and when they take 16 MiB. Else
                              * commits seal, and a commit that leaves much to do wakes a thread
                              * that optimizes, as does the first read of such a commit of
                              * another process. The thread ends when the last handle is closed:
                              * mv_close */
    mv_durability durability;
    const char *from; /* with ":memory:": a directory with a collection, which is copied into memory
                       * with its indexes, and only read. NULL: none */
    uint32_t busy_ms; /* how long a write waits for other writers, threads and processes, before it
                       * answers MV_BUSY, in milliseconds. 0: MV_BUSY_MS; MV_BUSY_AT_ONCE: it does
                       * not wait. A job waits as long for a job of another process, but for
                       * writers as long as it is allowed to work */
    /* With automatic maintenance: once more rows than this lack an index, writes wait, if searches
     * look at such rows: 1 ms for each written row at twice the number, 2 ms at most, and 5 s for a
     * write. So maintenance keeps up, and searches stay fast. A search counts for two seconds, of
     * any process that has the collection open for writing. 0: MV_SLOWDOWN_ROWS */
    uint64_t slowdown_rows;
    uint32_t maintenance_threads; /* that build graphs in maintenance, 1 to MV_THREADS_MAX. 0: by
                                   * the number of cores: 1 for up to 2 cores, else half of them, at
                                   * most 4. If handles of a process differ, that of the one which
                                   * was opened last is used */
    bool prefault; /* map the indexes before opening ends, as far as they are in the page cache, so
                    * that the first queries are not slower than the others: 11 to 18 ms for a graph
                    * over a million vectors of 128 dims. Nothing is read from the disk. Does
                    * nothing in memory, and where this process may not write to the files */
} mv_open_options;

/* Open the collection at `path`, or create it. ":memory:" creates one that exists until it is
 * closed. An empty directory counts as not existing, except for must_create. `options` may be NULL.
 * MV_NOT_FOUND: there is no collection, and no schema was given. MV_SCHEMA_MISMATCH: the given
 * schema differs from that of the collection. MV_WRONG_VERSION: a newer moonvec wrote it.
 * MV_CORRUPT: it is damaged, or was written without syncing before a power cut. */
MV_API mv_err mv_open(const char *path, const mv_open_options *options, mv_collection **collection,
                      mv_error *error);

/* Open the collection of a dump (mv_dump_open) in memory, with its indexes. `bytes` are not needed
 * afterwards. Of `options`, which may be NULL, `schema` is compared, and `manual_maintenance` and
 * `busy_ms` are used; `read_only` and `from` are MV_MISUSE. Everything is verified first, as
 * mv_check does: a dump may come from anywhere. MV_CORRUPT: it is no dump, or damaged.
 * MV_WRONG_VERSION: a newer moonvec wrote it. */
MV_API mv_err mv_load(const void *bytes, size_t size, const mv_open_options *options,
                      mv_collection **collection, mv_error *error);

/* Close the handle. A transaction that was begun on it is undone, and its handle is freed; no
 * thread may be using them. Commits with durability none are synced first; if that fails, the error
 * is returned, and the handle is closed all the same. NULL is fine.
 *
 * If it is the last of the process, maintenance ends. If commits of this process gave it work, it
 * first finishes one group of segments, provided that at most 4,096 rows of it are inserted in an
 * index, at most 64 MiB are copied, and no other writer is in the way. All else is left to the next
 * process. */
MV_API mv_err mv_close(mv_collection *collection, mv_error *error);

/* Sync all commits so far, so that they survive a power cut.
 * After MV_IO nothing counts as durable: the next call writes all bytes again, syncs them and
 * verifies the collection. MV_CORRUPT: the system has lost some; the text names the file. */
MV_API mv_err mv_flush(mv_collection *collection, mv_error *error);

/* Remove the collection at `path`. Files that are not of the collection stay: those that its
 * catalog does not name and whose content is not moonvec's. If the collection is refused, since the
 * machine went down before unsynced commits were flushed, files with the names of segments and
 * indexes are removed whatever is in them. If the process dies meanwhile, another call removes the
 * rest. MV_BUSY: a process has it open. MV_NOT_FOUND: the path does not exist.
 * MV_CORRUPT: the directory is no collection, or its catalog is too damaged to tell; nothing is
 * changed. */
MV_API mv_err mv_destroy(const char *path, mv_error *error);

/* The path as given to mv_open, lent until mv_close. */
MV_API const char *mv_path(const mv_collection *collection);
/* The schema of the last commit. Lent until mv_close, and never
 * changed: after any process has changed the schema of the collection, another pointer is returned.
 * As long as the pointer is the same, positions of fields mean the same fields. If the commit
 * cannot be read, the schema of the last commit that could be read is returned. */
MV_API const mv_schema *mv_get_schema(mv_collection *collection);

/* ---------------------------------------------------------------- writing */

typedef struct mv_batch mv_batch; /* documents to be written; can be cleared and reused */

typedef enum mv_write_mode {
    MV_INSERT = 1, /* MV_EXISTS: a document has the id already */
    MV_UPSERT = 2, /* insert, or replace the whole document */
    MV_UPDATE = 3, /* change only the fields that are set; MV_NOT_FOUND: no document has the id */
} mv_write_mode;

MV_API mv_err mv_batch_create(mv_collection *collection, mv_batch **batch, mv_error *error);
MV_API void mv_batch_free(mv_batch *batch);
MV_API void mv_batch_clear(mv_batch *batch);
MV_API uint32_t mv_batch_count(const mv_batch *batch); /* documents added */
/* The schema of the collection when the batch was created, lent until the batch is freed. Fields
 * are set by their positions in it. */
MV_API const mv_schema *mv_batch_schema(const mv_batch *batch);
/* Begin a document. The set functions that follow set its fields, each at most once. If one of
 * these calls fails, the batch is as it was before the document began. MV_MISUSE: the text names
 * the id. */
MV_API mv_err mv_batch_add(mv_batch *batch, const char *id, size_t id_size, mv_error *error);
MV_API mv_err mv_batch_set(mv_batch *batch, uint32_t field, const mv_value *value, mv_error *error);
/* `vector` has mv_vector_size bytes, and need not be aligned. MV_MISUSE: NaN or infinity, a zero
 * vector under cosine, a number that vector_int8 (whole, -128 to 127) or vector_fp16 (up to 65,504)
 * cannot hold. */
MV_API mv_err mv_batch_set_vector(mv_batch *batch, uint32_t vector_field, const void *vector,
                                  size_t dim, mv_error *error);

/* Write all documents of the batch: all or none. Like all writes, through the handle of a
 * collection this is one commit; through the handle of a transaction it is a part of that one.
 * *written is mv_batch_count. The batch keeps its documents; clear it before it is reused. If an id
 * stands twice in the batch, an insert fails with MV_EXISTS and names both; upserts and updates are
 * applied in order, and each counts. MV_SCHEMA_MISMATCH: fields were added or dropped since the
 * batch was created; create a new one.
 */
MV_API mv_err mv_write(mv_collection *collection, mv_write_mode mode, mv_batch *batch,
                       uint64_t *written, mv_error *error);

typedef struct mv_id {
    const char *data;
    size_t size;
} mv_id;

/* Delete documents by id. *deleted is how many existed. An id without a document is no error. */
MV_API mv_err mv_delete(mv_collection *collection, const mv_id *ids, size_t ids_count,
                        uint64_t *deleted, mv_error *error);

/* The text of a filter, and the values of its `?` in order. The README's part "Filters" has the
 * language, and query/filter.h its grammar. */
typedef struct mv_filter {
    const char *text;
    size_t size;
    const mv_value *args;
    uint32_t args_count;
} mv_filter;

MV_API mv_err mv_delete_by_filter(mv_collection *collection, const mv_filter *filter,
                                  uint64_t *deleted, mv_error *error);

/* Begin a transaction. *transaction is a handle through which calls belong to it: its reads see its
 * writes, all others see the last commit until mv_commit. It takes mv_write, mv_delete,
 * mv_delete_by_filter, mv_set_meta and everything that reads, until it is ended by mv_commit or
 * mv_abort, which free it; mv_close of either handle undoes it, too. Meanwhile writes of this
 * thread through other handles answer MV_BUSY, those of other threads and processes wait (busy_ms).
 * When the thread that began it ends without having ended it, the next writer undoes it. MV_BUSY:
 * other writers took too long, or this thread has a transaction open on the collection. */
MV_API mv_err mv_begin(mv_collection *collection, mv_collection **transaction, mv_error *error);
/* Ends the transaction, also after a failure, except with MV_BUSY: it belongs to another thread, or
 * to the parent process. MV_IO with the text "it is not known whether the changes were committed":
 * the last write of the commit failed. All calls of this process then fail with MV_IO until the
 * collection is closed and opened again. The next writer takes the commit back; after a power cut
 * before that it may be there, as a whole. The same holds for all calls that write. */
MV_API mv_err mv_commit(mv_collection *transaction, mv_error *error);
/* Undo the transaction. NULL is fine. Another thread may call it when the thread that began the
 * transaction has ended. */
MV_API void mv_abort(mv_collection *transaction);
/* True when the calling thread has a transaction open on the collection, through whatever handle.
 */
MV_API bool mv_in_transaction(const mv_collection *collection);

/* Small strings of the program's own, kept with the collection: a position in a log, the name of a
 * model. They are no documents. */
#define MV_META_KEY_SIZE_MAX   255  /* bytes, at least 1 */
#define MV_META_VALUE_SIZE_MAX 4096 /* bytes */

/* Set the string of a key. `value` NULL removes it. */
MV_API mv_err mv_set_meta(mv_collection *collection, const char *key, size_t key_size,
                          const char *value, size_t value_size, mv_error *error);
/* Copy the string of a key to out[MV_META_VALUE_SIZE_MAX]. *found is false when there is none. */
MV_API mv_err mv_get_meta(mv_collection *collection, const char *key, size_t key_size, char *out,
                          size_t *size, bool *found, mv_error *error);

/* ---------------------------------------------------------------- reading */

typedef struct mv_result mv_result; /* documents that were found; can be reused. Keeps one commit
                                     * readable until it is cleared, filled again or freed */

typedef struct mv_hit {
    uint64_t docid;  /* grows with every write, never reused; breaks ties */
    double score;    /* higher is better; 0 in results without a vector */
    double distance; /* lower is better; 0 in results without a vector */
    uint32_t input;  /* mv_fetch: position of the id asked for; mv_query: position of the vector */
    uint32_t source; /* private: where the row is */
    uint64_t row;    /* private */
} mv_hit;

MV_API mv_err mv_result_create(mv_collection *collection, mv_result **result, mv_error *error);
MV_API void mv_result_free(mv_result *result);
MV_API void mv_result_clear(mv_result *result);
/* Empty the result, and let it keep the present commit, for queries `within` it. */
MV_API mv_err mv_result_pin(mv_result *result, mv_collection *collection, mv_error *error);
/* The schema of the commit that the result is of. Fields are read by their positions in it. Lent as
 * by mv_get_schema. NULL: the result is empty. */
MV_API const mv_schema *mv_result_schema(const mv_result *result);
/* The hits: those of the first query vector first, best first. Lent until the result changes. */
MV_API const mv_hit *mv_result_hits(const mv_result *result, size_t *count);
/* The id and a field of hit `position`. Strings and lists are lent until the result changes. */
MV_API mv_err mv_result_id(mv_result *result, size_t position, mv_id *id, mv_error *error);
MV_API mv_err mv_result_value(mv_result *result, size_t position, uint32_t field, mv_value *value,
                              mv_error *error);

#define MV_SNIPPETS_MAX 32u /* of a text */

/* How snippets of a text are made. */
typedef struct mv_highlight {
    uint32_t field;           /* position of a string field with a text index */
    const char *open, *close; /* around words that were found; NULL: "<b>" and "</b>" */
    uint32_t size;            /* of a snippet, in bytes of the text, about; 0: 160 */
    uint32_t count;           /* snippets, at most: up to MV_SNIPPETS_MAX; 0: 1 */
    bool escape_html;         /* write < > & " ' of the text as HTML does */
} mv_highlight;

/* A piece of a text, valid UTF-8, cut between words. */
typedef struct mv_snippet {
    const char *text;
    size_t size;
} mv_snippet;

/* The best snippets of the text of hit `position`, in the order of the text, with the words marked
 * that were searched for; none if the field is NULL or has none of the words. Phrases are marked
 * where they are whole. The first MiB of a text is read. Lent until the next call, and until the
 * result changes. MV_MISUSE: the result is not that of a search by text. */
MV_API mv_err mv_result_highlight(mv_result *result, size_t position, const mv_highlight *how,
                                  const mv_snippet **snippets, uint32_t *count, mv_error *error);
/* Copy the vector to `out`: mv_vector_size bytes. */
MV_API mv_err mv_result_vector(mv_result *result, size_t position, uint32_t vector_field, void *out,
                               size_t dim, mv_error *error);

/* How to find the nearest of the rows that match the filter. All but EXACT need a graph and may
 * miss some of the nearest rows. Of rows without a graph, which are compared one by one, about 3 in
 * 100,000 may be missed unless EXACT or a recall of 1 is asked for. With any strategy as many hits
 * come back as rows match, up to topk. */
typedef enum mv_strategy {
    MV_STRATEGY_AUTO = 0, /* the one that should be cheapest */
    MV_STRATEGY_EXACT,    /* compute the distance to the vector of every matching row */
    MV_STRATEGY_CODES, /* ... to the code of every matching row, then to the vectors of the nearest
                        */
    MV_STRATEGY_GRAPH, /* walk through the graph, and keep the rows that match */
    MV_STRATEGY_BRIDGES, /* walk over matching rows, and over other rows only to reach these */
} mv_strategy;

typedef struct mv_query {
    uint32_t vector_field;  /* position of the vector field */
    const void *vectors;    /* vectors_count × mv_vector_size bytes, aligned to 4 bytes unless they
                             * are bits. NULL: search by `id`, or without a vector */
    uint32_t vectors_count; /* 1 to MV_QUERY_VECTORS_MAX; with is_multi to MV_MULTI_MAX */
    uint32_t dim;           /* of the vectors; must be that of the field */
    mv_id id; /* search by the vector of this document, which is no hit. data NULL: none */
    /* Search by what a person typed, in a string field with a text index: words, "phrases",
     * -excluded, +required, this OR that, begin*. No text is wrong. A document matches if it has a
     * word; phrases and required words are demanded. Hits have the score of BM25, higher is better.
     * NULL: none. */
    const char *text;
    size_t text_size;        /* bytes */
    mv_match match;          /* search by a full-text query as data instead of `text` */
    uint32_t text_field;     /* position of the scalar field that is searched by text */
    bool is_sparse;          /* search field `sparse_field`, of type MV_SPARSE_FP32, by the vectors
                              * `sparse`, or by that of the document `id`. Hits share an index
                              * with it. Their score is the inner product. The search is exact */
    uint32_t sparse_field;   /* position of the scalar field */
    const mv_sparse *sparse; /* NULL: by `id` */
    uint32_t sparse_count;   /* 1 to MV_QUERY_VECTORS_MAX */
    bool is_multi;           /* search field `multi_field`, of type MV_MULTI_FP32, by all `vectors`
                              * together, or by those of the document `id`, of which at most the
                              * first MV_MULTI_MAX are used. The score of a document is
                              * the sum, over the vectors of the query, of the largest inner
                              * product with one of its vectors (MaxSim: Khattab, Zaharia: ColBERT,
                              * arXiv 2004.12832). Documents without vectors are no hits */
    uint32_t multi_field;    /* position of the scalar field */
    uint32_t topk;           /* hits per vector, 1 or more */
    uint32_t offset; /* hits skipped before them. Pages of one commit with the same topk share no
                      * hit and leave none out */
    mv_id after;     /* only hits that rank behind this document, which need not match: with a
                      * vector those farther away, in `order_by` those that come later; ties are
                      * broken by docid. Not with an offset, several vectors or text. data NULL:
                      * none */
    const mv_filter *filter;    /* NULL: all documents */
    const double *min_score;    /* NULL: none */
    const double *max_distance; /* NULL: none */
    const char *order_by;       /* without a vector: "year DESC, title"; NULL: by insertion */
    double recall; /* the share of the nearest documents that is to be found, on average of many
                    * queries of the same kind: more than 0, and at most 1, which searches exactly
                    * under AUTO. A search by graph goes on until it has seen enough for this query.
                    * 0: MV_RECALL_DEFAULT */
    uint32_t ef;   /* instead of `recall`: candidates of a search by graph; more are slower and find
                    * more. About half of the searches end with fewer, and none keeps more than 1.5
                    * ef. 0: as many as `recall` needs */
    mv_strategy strategy; /* AUTO: the one that should be cheapest. Rows without a graph are
                           * always compared one by one. CODES and BRIDGES need a dense vector,
                           * GRAPH that or is_multi */
    bool no_refine;       /* choose the hits by codes alone; they are still scored exactly */
    bool explain;         /* record the plan for mv_result_plan */
    uint32_t threads; /* that share the vectors, with the caller's: 1 to MV_THREADS_MAX; 0: 1. By
                       * sparse vector and by text one thread searches. The hits do not depend on
                       * it. Fewer where no more can be started. Pages of a graph (offset) are
                       * searched for by the caller's alone */
    bool more;        /* continue the search that filled `result`: same commit, all other members
                       * unchanged; hits already returned are skipped */
    const mv_result *within; /* search the commit of this result, which must not be cleared, filled
                              * or freed before the result that is filled here. Not with `more`.
                              * NULL: the present commit */
    const mv_schema *schema; /* vector_field is a position in this one, from mv_get_schema. NULL: in
                              * the one that the collection has when it is searched */
} mv_query;

/* Search by vector, by several together, by sparse vector, by text or by id, or select by filter if
 * none is given. The whole call sees one commit. Of equally good documents the older one comes
 * first. MV_NOT_FOUND: no document has the id `id` or `after`. MV_SCHEMA_MISMATCH: the collection
 * no longer has the schema of the query. MV_MISUSE: members that exclude each other, a field of
 * another type, a wrong full-text query. MV_LIMIT: a full-text query is too large. */
MV_API mv_err mv_search(mv_collection *collection, const mv_query *query, mv_result *result,
                        mv_error *error);

/* What a search computed. */
typedef struct mv_search_counts {
    uint64_t exact_distances; /* distances computed from vectors */
    uint64_t code_distances;  /* distances computed from codes */
    uint64_t followed;        /* candidates of a graph whose links were followed */
    uint64_t bridged;         /* rows whose links were followed without computing their distance */
    uint64_t blocks_read;     /* by text and by sparse vector: blocks of 128 rows of the lists */
    uint64_t blocks_skipped;  /* the same that were not read, because of their bounds */
} mv_search_counts;

/* What a search did with one segment, or with the fresh rows. */
typedef struct mv_plan_step {
    bool is_fresh;     /* the rows not yet in a segment */
    uint64_t rows;     /* not deleted */
    uint64_t matching; /* rows that match the filter, among those looked at */
    mv_strategy first; /* the strategy tried first; AUTO: nothing was to be searched */
    mv_strategy last;  /* the strategy that led to the hits, if the first one was abandoned */
    mv_search_counts counts;
    double expected_recall; /* the share of the nearest documents that was to be found; 1 without
                             * an index. 0: unknown, because an index was searched with ef, or by
                             * several vectors together */
    double filter_seconds;  /* to find the matching rows */
    double search_seconds;
} mv_plan_step;

/* The plan of a search with `explain`: a step for each segment, oldest first, then one for the
 * fresh rows. For several vectors, counts and times are sums, and the strategies are those of the
 * last vector. Lent until the result changes; NULL: the search was made without `explain`. */
MV_API const mv_plan_step *mv_result_plan(const mv_result *result, size_t *count);

/* Fetch documents by id: a hit for each that exists, in the order of `ids`. mv_hit.input is the
 * position of its id. */
MV_API mv_err mv_fetch(mv_collection *collection, const mv_id *ids, size_t ids_count,
                       mv_result *result, mv_error *error);

/* The number of documents that match `filter` (NULL: all). */
MV_API mv_err mv_count(mv_collection *collection, const mv_filter *filter, uint64_t *count,
                       mv_error *error);

typedef struct mv_facets mv_facets; /* values of a field, and how often each occurs */

typedef struct mv_facet {
    mv_value value;
    uint64_t count;
} mv_facet;

/* Count the values of the scalar field named `field` in the documents that match `filter` (NULL:
 * all): for each value the documents that have it; of an array field, its elements. NULLs are not
 * counted. The `topk` most frequent values are kept, most frequent first, equally frequent ones in
 * ascending order. MV_LIMIT: the documents have more than MV_FACET_VALUES_MAX different values, or
 * more than MV_FACET_BYTES_MAX bytes of different strings. Memory: up to 130 bytes for each
 * different value, and the strings. */
MV_API mv_err mv_facets_create(mv_collection *collection, const char *field, size_t field_size,
                               const mv_filter *filter, uint32_t topk, mv_facets **facets,
                               mv_error *error);
/* Lent until the facets are freed. */
MV_API const mv_facet *mv_facets_values(const mv_facets *facets, size_t *count);
MV_API void mv_facets_free(mv_facets *facets);

typedef struct mv_iterator mv_iterator;

/* Iterate over all documents that match `filter` (NULL: all), oldest first, as of the present
 * commit. Until the iterator is closed, space that later commits free is not reused. */
MV_API mv_err mv_iterator_open(mv_collection *collection, const mv_filter *filter,
                               mv_iterator **iterator, mv_error *error);
/* The next document becomes the only hit of `result`. *found is false at the end. The result uses
 * memory of the iterator: clear it before the iterator is closed. */
MV_API mv_err mv_iterator_next(mv_iterator *iterator, mv_result *result, bool *found,
                               mv_error *error);
/* The schema of the commit that is read, lent as by mv_get_schema. */
MV_API const mv_schema *mv_iterator_schema(const mv_iterator *iterator);
MV_API void mv_iterator_close(mv_iterator *iterator);

/* ---------------------------------------------------------------- maintenance */

/* A job that optimizes: it seals fresh rows, merges segments, drops deleted rows, builds indexes.
 * The work is committed group by group. A job that is freed or cancelled early leaves the
 * collection with the groups that were committed. Maintenance of this and of other processes stops
 * for a job. MV_BUSY: another job of this process optimizes the collection, at once; or one of
 * another process still did after `busy_ms`. In that case the begin succeeds unless `busy_ms` is
 * MV_BUSY_AT_ONCE, and a later step, or mv_job_wait, answers MV_BUSY.
 *
 * Memory: one graph is built at a time. Each row takes its code (int8: dim + 8 to 11 bytes, fp16: 2
 * dim, none: 0), 10 m bytes of links, 36 bytes, and a fifth of a byte for each thread. Beside that
 * it takes less than 2 MB + 1 MB for each thread at m = 16. A million rows of 768 dims: 976 MB. */
typedef struct mv_job mv_job;
typedef struct mv_progress {
    uint64_t done; /* of `total`: bytes to write. Building an index counts as the bytes that are
                    * written in the same time */
    uint64_t total;
    /* "wait": another process optimizes, or nothing is due yet (gradual). Then "seal", "merge",
     * "index", "done"; of a background job also "cancelled". */
    const char *stage;
} mv_progress;

/* Another index for a field; `index` as in mv_vector_options or mv_field_options. */
typedef struct mv_index_change {
    const char *name; /* of the field */
    mv_index_options index;
} mv_index_change;

typedef struct mv_optimize_options {
    uint32_t threads;  /* 1 to MV_THREADS_MAX; 0: one for each core, at most 8; if gradual, only the
                        * caller's */
    bool only_indexes; /* seal, and build missing indexes, but merge nothing */
    const mv_index_change *index_change; /* make this change first, in its own commit; then as
                                          * only_indexes. Graphs with the old options are searched
                                          * until new ones are built. NULL: none */
    /* For a program that writes between the steps, such as a game with a step in each frame. What
     * is done for few rows at once would be done again for the next few. So rows are sealed and
     * merged when there are enough of them. The rest waits until the program stops writing: for as
     * many steps as the work takes. A step that waits does nothing, and *more is true. */
    bool gradual;
} mv_optimize_options;

/* Begin a job that its owner runs in slices. `options` may be NULL. */
MV_API mv_err mv_optimize_begin(mv_collection *collection, const mv_optimize_options *options,
                                mv_job **job, mv_error *error);
/* Work for about `budget_ms` milliseconds, at least 0.25; 0: one small step. *more is false at the
 * end. `progress` may be NULL. While a job of another process has the collection, a step waits and
 * does no work. MV_BUSY: that took longer than `busy_ms`, or this thread has a transaction open. A
 * failed step may be repeated: the job then begins its group of segments again. */
MV_API mv_err mv_optimize_step(mv_job *job, double budget_ms, bool *more, mv_progress *progress,
                               mv_error *error);

/* Begin a job that a thread of the engine runs. It may continue after the handle is closed. */
MV_API mv_err mv_optimize_start(mv_collection *collection, const mv_optimize_options *options,
                                mv_job **job, mv_error *error);
/* Wait for the end of a background job, at most `seconds` (negative: without limit; 0: do not
 * wait). *done tells whether it has ended. Then its failure is returned, or MV_OK if it succeeded
 * or was cancelled. MV_BUSY: the job may need the transaction that this thread has open to end. */
MV_API mv_err mv_job_wait(mv_job *job, double seconds, bool *done, mv_error *error);

/* For jobs of both kinds. A cancelled job ends within milliseconds and removes unfinished files. */
MV_API void mv_job_progress(mv_job *job, mv_progress *progress);
MV_API void mv_job_cancel(mv_job *job);
MV_API void mv_job_free(mv_job *job); /* cancels the job, and waits for its thread */

/* Why rows wait for an index. */
typedef enum mv_pending {
    MV_PENDING_NONE,      /* none wait */
    MV_PENDING_WORKING,   /* this process is building indexes */
    MV_PENDING_ELSEWHERE, /* another process was doing so when this one last tried */
    MV_PENDING_DUE,       /* maintenance of this process has yet to begin */
    MV_PENDING_FEW,       /* fresh rows, which are still too few to be sealed */
    MV_PENDING_FAILED,    /* maintenance failed (mv_stats.maintenance_error) and will try again */
    MV_PENDING_MANUAL,    /* the handle has manual maintenance: only a job builds indexes */
    MV_PENDING_READ_ONLY  /* the handle is read_only */
} mv_pending;

/* The reader (a result, iterator or call, in any process) that sees the oldest commit, and what is
 * kept only for readers of that commit and of later ones. */
typedef struct mv_oldest_reader {
    uint64_t pid;           /* of its process; 0: no reader sees an older commit than the last */
    uint64_t commits;       /* made since the one that it sees */
    uint64_t catalog_bytes; /* space in the catalog that later commits have freed */
    uint64_t file_bytes;    /* files that later commits have replaced */
} mv_oldest_reader;

typedef struct mv_stats {
    uint64_t documents; /* that have not expired */
    uint64_t segments;
    uint64_t fresh_rows;   /* not yet in a segment */
    uint64_t deleted_rows; /* in segments, not yet dropped */
    uint64_t disk_bytes;   /* files of this commit, as allocated by the file system */
    uint64_t memory_bytes; /* allocated by moonvec in this process, mapped files not counted */
    uint64_t commit;       /* number of the last commit (LSN) */
    bool durable;          /* false: there are commits that were not synced */
    bool is_maintained;    /* maintenance or a background job is at work in this process */
    char maintenance_error[MV_ERROR_TEXT_SIZE]; /* the last failure of maintenance; "" if none */
    uint64_t pending_rows;  /* rows that wait for an index, fresh rows included. Small segments that
                             * get none do not wait */
    mv_pending pending;     /* why */
    uint64_t slowed_ms;     /* how long writes of this process waited for maintenance
                             * (mv_open_options.slowdown_rows) */
    uint64_t catalog_bytes; /* of disk_bytes, or of memory: the catalog */
    uint64_t catalog_free_bytes;    /* of these: not in use by the last commit. Later commits use
                                     * them again, and a job gives them back to the file system */
    mv_oldest_reader oldest_reader; /* that holds back the most */
    /* Of a collection with a retention; else 0. */
    uint64_t bytes;   /* what mv_retention.max_bytes limits; 0 without that limit */
    uint64_t expired; /* documents removed because they had expired, since the collection was made;
                       * those that have expired and are not removed yet do not count */
    uint64_t evicted; /* documents removed because of a limit, likewise */
    uint64_t hits;    /* ids fetched and queries (each vector of a query is one) that found a
                       * document, by this process since it opened the collection */
    uint64_t misses;  /* those that found none */
} mv_stats;

MV_API mv_err mv_get_stats(mv_collection *collection, mv_stats *stats, mv_error *error);

/* Stats of the largest graph of a field. */
typedef struct mv_hnsw_stats {
    mv_quantize quantize; /* the codes in use */
    double code_error;    /* root mean square error of a distance computed from codes, relative to
                           * the mean distance of a row to its neighbours */
    uint32_t ef;          /* candidates that a search for 10 hits usually follows */
} mv_hnsw_stats;

/* Stats of the largest full-text index of a field. Deleted rows are included. */
typedef struct mv_text_stats {
    uint64_t tokens; /* occurrences of all terms */
    uint32_t terms;  /* different ones */
} mv_text_stats;

/* Stats of the largest index of a field of sparse vectors. Deleted rows are included. */
typedef struct mv_sparse_stats {
    uint64_t entries; /* of all vectors */
    uint32_t terms;   /* different indexes, those of negative numbers counted apart */
} mv_sparse_stats;

/* The index of one field. */
typedef struct mv_index_stats {
    const mv_schema *schema; /* of the commit that was read, lent as by mv_get_schema */
    mv_index_type type;      /* says which member of `as` is used */
    uint64_t rows;           /* not removed, fresh ones included */
    uint64_t
        indexed_rows; /* of these, rows that are in the index; the others are compared one by one */
    uint64_t segments;                /* that have the index; small segments need none */
    uint64_t bytes;                   /* of all files of the index */
    char warning[MV_ERROR_TEXT_SIZE]; /* names a damaged file, whose rows are compared one by
                                       * one; "" if there is none */
    union {                           /* all zero if `segments` is 0 */
        mv_hnsw_stats hnsw;           /* of MV_INDEX_HNSW */
        mv_text_stats text;           /* of MV_INDEX_TEXT */
        mv_sparse_stats sparse;       /* of MV_INDEX_SPARSE */
        uint64_t reserved[8];         /* the size for later types */
    } as;
} mv_index_stats;

MV_API mv_err mv_get_index_stats(mv_collection *collection, uint32_t vector_field,
                                 mv_index_stats *stats, mv_error *error);
/* The same for scalar field `field`. */
MV_API mv_err mv_get_field_index_stats(mv_collection *collection, uint32_t field,
                                       mv_index_stats *stats, mv_error *error);

/* Verify every page, checksum and structure of the last commit. MV_CORRUPT: the text names the file
 * and what is wrong in it. */
MV_API mv_err mv_check(mv_collection *collection, mv_error *error);

typedef struct mv_backup_options {
    /* Copy all files. Else, if all commits are synced, files that never change are shared with the
     * original where the file system can do that (hard links): quick, and without more space on the
     * disk, but damage to such a file is damage to both. */
    bool copy;
    /* Replace the collection at `path`, if there is one. Others see the old or the new one at each
     * moment, also if the process dies. MV_BUSY: it is open. MV_EXISTS: it is no collection, or has
     * other files in its directory, which is then unchanged. MV_IO: the file system cannot exchange
     * two directories (renameat2). */
    bool replace;
} mv_backup_options;

/* Copy the last commit to `path`, which must not exist (MV_EXISTS) unless options say so. The copy
 * is synced. Others may write meanwhile; in memory other writers and the copy of the catalog wait
 * for each other. `options` may be NULL. MV_MISUSE: `path` is the directory of the collection, or
 * in it.
 */
MV_API mv_err mv_backup(mv_collection *collection, const char *path,
                        const mv_backup_options *options, mv_error *error);

/* A dump: the last commit, with its indexes, as one block of bytes. mv_load makes a collection of
 * it; the format is in storage/dump_format.h. Others may write meanwhile, as with mv_backup. */
typedef struct mv_dump mv_dump;
/* *size: bytes of the whole dump. Takes memory for a copy of the catalog. */
MV_API mv_err mv_dump_open(mv_collection *collection, mv_dump **dump, uint64_t *size,
                           mv_error *error);
/* Copy the next bytes, at most `size`, to `out`. *got is 0 at the end. */
MV_API mv_err mv_dump_read(mv_dump *dump, void *out, size_t size, size_t *got, mv_error *error);
/* Before the collection is closed. NULL is fine. */
MV_API void mv_dump_close(mv_dump *dump);

/* ---------------------------------------------------------------- changing the schema */

/* Each change is one commit. Every handle, in any process, has the new schema from its next call on
 * (mv_get_schema). Results and iterators keep the schema of their commit. Other writers wait during
 * a change, readers do not. MV_MISUSE: a transaction is open, or there is no such field. To change
 * an index: mv_optimize_options.index_change. */

/* Drop a scalar or vector field. Files of the field alone are removed when no reader needs them. A
 * column in a file with others is removed when its segment is merged. */
MV_API mv_err mv_drop_column(mv_collection *collection, const char *name, mv_error *error);

typedef struct mv_column_change {
    const char *new_name; /* NULL: keep the name */
    bool nullable;        /* make a scalar field nullable; false: no change */
} mv_column_change;

MV_API mv_err mv_alter_column(mv_collection *collection, const char *name,
                              const mv_column_change *change, mv_error *error);
/* Drop the index of a field. A vector field is then searched exactly. */
MV_API mv_err mv_drop_index(mv_collection *collection, const char *name, mv_error *error);
/* Change what the collection forgets by itself. What has expired is removed before, and what is
 * beyond the new limits after the change, in the same commit. */
MV_API mv_err mv_set_retention(mv_collection *collection, const mv_retention *retention,
                               mv_error *error);

/* Adding a field: iterate over all documents, set the value of each, then commit. It has the write
 * transaction, so only the thread that began it may use it. Free it before the collection is
 * closed.
 */
typedef struct mv_column mv_column;

/* Begin to add a scalar field (then `vector` is NULL) or a vector field (then `field` is). */
MV_API mv_err mv_column_begin(mv_collection *collection, const mv_field_options *field,
                              const mv_vector_options *vector, mv_column **column, mv_error *error);
/* The schema of the documents, without the new field; lent as by mv_get_schema. */
MV_API const mv_schema *mv_column_schema(const mv_column *column);
/* The next document, without the new field, becomes the only hit of `result`. *found is false at
 * the end. Clear the result before the column is freed, as with mv_iterator_next. */
MV_API mv_err mv_column_next(mv_column *column, mv_result *result, bool *found, mv_error *error);
/* Set the value of the current document, at most once, as mv_batch_set and mv_batch_set_vector do.
 * A document whose value is not set gets the default value of the field, or NULL. */
MV_API mv_err mv_column_set(mv_column *column, const mv_value *value, mv_error *error);
MV_API mv_err mv_column_set_vector(mv_column *column, const void *vector, size_t dim,
                                   mv_error *error);
/* Commit the new field. MV_MISUSE: a document has no value, and the field has no default value and
 * is not nullable. An index of the field is built by the next job or by maintenance. */
MV_API mv_err mv_column_commit(mv_column *column, mv_error *error);
/* Undoes the change if it was not committed. NULL is fine. After a failure only this call is left.
 */
MV_API void mv_column_free(mv_column *column);

/* ---------------------------------------------------------------- learnt embeddings */

/* Models that are learnt from the texts of the program itself: what a term means follows from the
 * terms beside it. engine/embed/learner.c says how. The same texts in the same order give the same
 * model, but for the precision of `log` in the C library. A learner or model is used by one thread
 * at a time. */
typedef struct mv_learner mv_learner;
typedef struct mv_learnt mv_learnt;

typedef struct mv_learn_options {
    uint32_t dim;           /* numbers of a vector, 8 to 4096; 0: 256 */
    mv_tokenizer tokenizer; /* what the terms of a text are */
    const char *language;   /* of stemming, "english" for example; NULL or "": none */
    bool stop_words;        /* leave out the stop words of the language */
    uint32_t min_count;     /* learn terms that are in at least this number of texts; 0: 2 */
    uint32_t terms_max;     /* of more, the most frequent ones are learnt; 0: 100,000 */
    uint64_t seed;          /* of the random numbers */
} mv_learn_options;

/* MV_MISUSE: there is no such option. MV_WRONG_VERSION: this build lacks a library that it needs.
 */
MV_API mv_err mv_learner_create(const mv_learn_options *options, mv_learner **learner,
                                mv_error *error);
/* Read a text of at most UINT32_MAX bytes, which is not needed afterwards. */
MV_API mv_err mv_learner_add(mv_learner *learner, const char *text, size_t size, mv_error *error);
/* Make the model. The learner can only be freed afterwards. */
MV_API mv_err mv_learner_finish(mv_learner *learner, mv_learnt **model, mv_error *error);
MV_API void mv_learner_free(mv_learner *learner); /* NULL is fine */

/* Save the model; a file that is there is replaced at once. Load it again: MV_CORRUPT: it is no
 * model, or damaged. MV_WRONG_VERSION: a newer moonvec wrote it. The file is mapped: it may be
 * replaced or removed meanwhile, and must not be written to. */
MV_API mv_err mv_learnt_save(const mv_learnt *model, const char *path, mv_error *error);
MV_API mv_err mv_learnt_load(const char *path, mv_learnt **model, mv_error *error);
MV_API void mv_learnt_free(mv_learnt *model); /* NULL is fine */

typedef struct mv_learnt_info {
    uint32_t dim;
    uint32_t terms;    /* that it has learnt */
    uint64_t texts;    /* that it has learnt from */
    uint64_t checksum; /* of all that is in it */
} mv_learnt_info;

MV_API void mv_learnt_describe(const mv_learnt *model, mv_learnt_info *info);
/* The vector of a text, of `dim` numbers and length 1. Every text has one. */
MV_API mv_err mv_learnt_embed(mv_learnt *model, const char *text, size_t size, float *vector,
                              mv_error *error);

/* ---------------------------------------------------------------- static token embeddings */

/* Static token embeddings: the vector of a text is the mean of the vectors of its tokens. The
 * matrix of these vectors is in a file, which is mapped. The format and the rules are those of
 * Model2Vec and of the tokenizers of its models (lua/moonvec/embed reads their JSON). */
typedef struct mv_embedder mv_embedder;

typedef struct mv_text {
    const char *data; /* UTF-8; a byte that is not becomes U+FFFD */
    size_t size;
} mv_text;

typedef enum mv_tensor_type {
    MV_TENSOR_F64 = 1,
    MV_TENSOR_F32 = 2,
    MV_TENSOR_F16 = 3,
    MV_TENSOR_BF16 = 4,
    MV_TENSOR_I8 = 5,
    MV_TENSOR_I32 = 6, /* this and the next: only of a mapping */
    MV_TENSOR_I64 = 7,
} mv_tensor_type;

/* Numbers in a file, little-endian, row by row. */
typedef struct mv_tensor {
    mv_tensor_type type; /* 0: there is no such tensor */
    uint64_t offset;     /* bytes from the beginning of the file */
    uint64_t rows;
    uint64_t columns; /* 1: a list of numbers */
} mv_tensor;

/* A step of normalization. Texts go through all steps in their order. */
typedef enum mv_normalizer_kind {
    MV_NORMALIZE_BERT = 1,      /* `cleans`, `splits_chinese`, `strips_accents`, `lowers` */
    MV_NORMALIZE_LOWER,         /* lower case */
    MV_NORMALIZE_NFD,           /* normal forms */
    MV_NORMALIZE_NFC,           /* */
    MV_NORMALIZE_NFKD,          /* */
    MV_NORMALIZE_NFKC,          /* */
    MV_NORMALIZE_STRIP_ACCENTS, /* remove marks */
    MV_NORMALIZE_STRIP,         /* remove white space at the ends that `left`, `right` name */
    MV_NORMALIZE_REPLACE,       /* `pattern` by `content` */
    MV_NORMALIZE_SPACES,        /* runs of `spaces_min` or more white space characters (with
                                 * `only_blank` U+0020) by `content` */
    MV_NORMALIZE_PREPEND,       /* put `content` before a text that is not empty */
    MV_NORMALIZE_CHARSMAP,      /* `pattern`: a precompiled map of SentencePiece */
    MV_NORMALIZE_NMT,           /* control characters and spaces, as SentencePiece's rule "nmt" */
} mv_normalizer_kind;

typedef struct mv_normalizer {
    mv_normalizer_kind kind;
    bool cleans, splits_chinese, strips_accents, lowers;
    bool left, right, only_blank;
    uint32_t spaces_min;
    mv_text pattern, content;
} mv_normalizer;

/* A step of splitting a text into pieces, each of which is tokenized by itself. */
typedef enum mv_splitter_kind {
    MV_SPLIT_BERT = 1,    /* at white space, and before and after each punctuation character */
    MV_SPLIT_WHITESPACE,  /* at white space */
    MV_SPLIT_WORDS,       /* \w+|[^\w\s]+ */
    MV_SPLIT_PUNCTUATION, /* runs of punctuation; with `isolates`, each character alone */
    MV_SPLIT_DIGITS,      /* the same for numbers */
    MV_SPLIT_METASPACE,   /* replace U+0020 by `replacement`, put one before the text as `prepends`
                           * says, and with `isolates` split before each */
    MV_SPLIT_BYTES, /* GPT-2: with `prepends`, begin with U+0020; with `isolates`, split by its
                     * regular expression; then a character for each byte */
} mv_splitter_kind;

typedef enum mv_prepend { MV_PREPEND_NEVER = 0, MV_PREPEND_FIRST, MV_PREPEND_ALWAYS } mv_prepend;

typedef struct mv_splitter {
    mv_splitter_kind kind;
    bool isolates;
    mv_prepend prepends; /* FIRST: only before the beginning of the whole text */
    mv_text replacement;
} mv_splitter;

/* A token that is recognized before pieces are made. */
typedef struct mv_added_token {
    mv_text text;
    uint32_t id;
    bool is_word;                 /* only where no letter or digit stands beside it */
    bool takes_left, takes_right; /* the white space beside it belongs to it */
    bool is_normalized;           /* looked for in normalized text, after being normalized itself */
} mv_added_token;

typedef enum mv_token_model {
    MV_WORD_PIECE = 1, /* the longest token, again and again; `prefix` before all but the first */
    MV_UNIGRAM = 2,    /* the tokens whose `scores` have the greatest sum */
    MV_BPE = 3,        /* characters, merged by `merges` */
    MV_WORD_LEVEL = 4, /* a piece is a token */
} mv_token_model;

/* Two neighbours that become one token. */
typedef struct mv_merge {
    uint32_t left, right, merged;
} mv_merge;

#define MV_TOKEN_NONE UINT32_MAX

typedef struct mv_embedder_options {
    const char *path;                       /* file with the tensors */
    mv_tensor embeddings, weights, mapping; /* rows; a factor for each token id; its row */
    bool normalizes;                        /* scale vectors to length 1 */
    uint32_t max_tokens;                    /* of a text; 0: all */
    mv_text identity;                       /* bytes that belong into the fingerprint */

    mv_token_model model;
    const mv_text *tokens; /* by token id; data NULL: there is none of this id */
    uint32_t tokens_count;
    const double *scores;   /* of MV_UNIGRAM, by token id */
    const mv_merge *merges; /* of MV_BPE, the first to be merged first */
    uint32_t merges_count;
    uint32_t unknown_id;     /* for what is no token; MV_TOKEN_NONE: it is left out */
    bool drops_unknown;      /* leave unknown_id out of the mean */
    mv_text prefix, suffix;  /* of MV_WORD_PIECE and MV_BPE: of pieces of a word that are not the
                              * first, of the last; both may be empty */
    uint32_t piece_size_max; /* of MV_WORD_PIECE: longer pieces, in characters, are unknown */
    bool has_byte_tokens;    /* of MV_UNIGRAM and MV_BPE: "<0x41>" for a byte of what is unknown */
    bool fuses_unknown;      /* of MV_BPE: a run of unknown characters is one token */
    bool takes_whole;        /* of MV_BPE: a piece that is a token is not split */
    uint32_t truncates_at;   /* tokens of a text, the unknown ones included; 0: all */
    const mv_normalizer *normalizers;
    uint32_t normalizers_count;
    const mv_splitter *splitters;
    uint32_t splitters_count;
    const mv_added_token *added;
    uint32_t added_count;
} mv_embedder_options;

/* Open a model. MV_CORRUPT: the tensors do not fit the file or each other, or a token has no row.
 * MV_LIMIT: more than MV_DIM_MAX columns. MV_WRONG_VERSION: this build lacks libutf8proc. */
MV_API mv_err mv_embedder_open(const mv_embedder_options *options, mv_embedder **embedder,
                               mv_error *error);

typedef struct mv_words_options {
    bool normalizes;
    bool weighs; /* a word by SIF: a / (a + p), a = 1e-4. Its probability p follows from its place
                  * in the file by Zipf's law: 1 / (place + 1), from 1, divided by their sum */
    uint32_t max_tokens; /* of a text; 0: all */
} mv_words_options;

/* Open a file of word vectors: the text format of fastText and word2vec ("count dim", then lines of
 * a word and its numbers), the same without the first line (GloVe), or the binary format of
 * word2vec. Of a word that occurs twice the first vector counts. MV_CORRUPT names the line or word.
 *
 * The words of a text are segments by Unicode Standard Annex 29 with a letter or a number. Each is
 * looked up as it is, then in lower case, then in two parts, before and from its apostrophe. */
MV_API mv_err mv_embedder_open_words(const char *path, const mv_words_options *options,
                                     mv_embedder **embedder, mv_error *error);

MV_API uint32_t mv_embedder_dim(const mv_embedder *embedder);
/* A hash of all that determines the vectors. Of a mapped matrix it covers the size and 4,096 evenly
 * spread samples of 256 bytes, so that opening does not read all of the file. */
MV_API uint64_t mv_embedder_fingerprint(const mv_embedder *embedder);
/* The vectors of `count` texts, `dim` floats each. tokens_counts[i]: how many tokens were used; if
 * 0, the vector is zero. Any number of threads may call it at once. MV_CORRUPT: a number of the
 * matrix is NaN or infinite. */
MV_API mv_err mv_embedder_embed(const mv_embedder *embedder, const mv_text *texts, size_t count,
                                float *vectors, uint32_t *tokens_counts, mv_error *error);
/* The ids of the tokens of a text that are used; writes at most `capacity`, counts all. */
MV_API mv_err mv_embedder_tokens(const mv_embedder *embedder, mv_text text, uint32_t *ids,
                                 size_t capacity, size_t *count, mv_error *error);
MV_API void mv_embedder_free(mv_embedder *embedder); /* NULL is fine */

/* ---------------------------------------------------------------- other */

/* The instruction set in use: "scalar", "sse2", "avx2", "avx512", "neon". */
MV_API const char *mv_simd_name(void);

/* Seconds of a clock that only goes forward, from an arbitrary beginning: for measuring. */
MV_API double mv_seconds(void);

/* XXH3 of bytes, the same on every machine. It tells texts from each other, not from those of an
 * attacker. */
MV_API uint64_t mv_hash(const void *bytes, size_t size);

/* The name among `names` that `given` was most likely meant to be, for messages. NULL: none is
 * near. NULL entries are skipped. */
MV_API const char *mv_nearest_name(const char *given, size_t size, const char *const *names,
                                   size_t names_count);

#ifdef __cplusplus
}
#endif
#endif

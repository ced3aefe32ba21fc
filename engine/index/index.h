/* The interface of index types: to open, check, build and search an index of any type.
 *
 * An index is over the rows of one field of a segment. It is a set of arrays (parts) that is built
 * once, kept in a file with a section for each part, and used in place. It is derived from the
 * rows: an index that is lost or damaged is built again.
 *
 * A type is two constants: a table of functions (hnsw_index, in hnsw_index.c) and a table of facts
 * (hnsw_kind, see base/index_kind.h). The functions are called once for each index, step of
 * building, or query of a segment, and never for each row. A new type needs
 *
 *   moonvec.h           its number in mv_index_type; if it has options or stats, a struct of each
 *                       as one more member of the union `as`
 *   base/index_kind.h   its name in INDEX_KINDS
 *
 * and files of its own: base/<name>_kind.c, index/<name>_index.c and what these use. */
#ifndef MV_INDEX_H
#define MV_INDEX_H

#include "base/bits.h"
#include "base/index_kind.h"
#include "base/mem.h"
#include "index/topk.h"
#include "vector/codes.h"

#define INDEX_PARTS_MAX 32u        /* of one index */
#define INDEX_ROW_GONE  UINT32_MAX /* in index_request.base_rows: a deleted row */

/* ---------------------------------------------------------------- rows and parts */

/* A scalar column to be indexed, lent. `type` may be an array's; cells as tables have them. */
typedef struct index_column {
    mv_type type;
    uint32_t rows;
    const uint64_t *nulls; /* bit set = NULL; NULL pointer: none are */
    const uint8_t *values; /* fixed types: rows × width */
    const uint64_t *ends;  /* others: where each cell ends in `bytes` */
    const uint8_t *bytes;
    uint64_t bytes_size;
    /* How array cells are read: the number of elements, or UINT32_MAX: damaged; an element of an
     * array of strings, false: damaged. */
    uint32_t (*array_count)(mv_type type, const uint8_t *cell, size_t size);
    bool (*array_string)(const uint8_t *cell, size_t size, uint32_t at, const char **data,
                         uint32_t *data_size);
} index_column;

/* The rows of a segment that an index is over. */
typedef struct index_source {
    codes_vectors vectors; /* of a vector field */
    index_column column;   /* of a scalar field */
} index_source;

/* One array of an index. It is kept as a section whose kind is index_kind.sections_first + `kind`
 * and whose column is `level`. The numbers are part of the format. */
typedef struct index_part {
    uint32_t kind;
    uint32_t level; /* tells parts of one kind apart; else 0 */
    const void *bytes;
    uint64_t size;
} index_part;

/* ---------------------------------------------------------------- searching by vector */

/* Memory of one searching thread, grown once and reused. Starts as zeros. */
typedef struct index_scratch {
    uint8_t *block;
    size_t size;
    const struct index_type *user; /* the type of the last search */
    uint64_t layout; /* a number by which a type knows what its last search left in the block; 0
                      * when the last search was of another type */
} index_scratch;

void index_scratch_free(index_scratch *scratch);

typedef struct index_query {
    const void *vector;          /* as it is given (element.h), floats aligned */
    const distance_query *exact; /* the same, prepared for the vectors' type */
    uint32_t ef;                 /* candidates; 0: the index knows how many */
    bool no_refine;
    mv_strategy strategy; /* AUTO: the one that should be cheapest; never EXACT */
    const uint64_t *pass; /* bit set: the row may be a hit; NULL: all may */
    const uint32_t *list; /* or the rows that may be hits, in any order; then each is looked at */
    uint32_t matching;    /* number of rows that may be hits */
    uint32_t source;      /* for hits */
    const uint64_t *docids;
} index_query;

/* What a search did. */
typedef struct index_account {
    mv_strategy first; /* the strategy tried first; it is abandoned where it finds too little or
                        * costs too much, */
    mv_strategy last;  /* for this one, which led to the hits */
    uint32_t found;    /* matching rows met */
    mv_search_counts counts;
} index_account;

/* ---------------------------------------------------------------- types */

/* Each type has a struct of its own for these two, and casts. */
typedef struct index_opened index_opened;
typedef struct index_builder index_builder;
struct invert_lists;

/* What is to be built. All is lent until the builder is freed. */
typedef struct index_request {
    const index_source *source;
    const mv_index_options *options; /* complete */
    const index_opened *base;  /* NULL, or an index to start from, for which can_extend is true:
                                * its rows that are not deleted are among those of the source */
    const uint32_t *base_rows; /* for each of its rows the new row, ascending, or INDEX_ROW_GONE */
    uint32_t threads; /* 1 to MV_THREADS_MAX: how many work in a step, the caller's included */
} index_request;

typedef struct index_type {
    const index_kind *kind;
    uint32_t rows_min; /* segments of fewer rows get no index: they are searched as fast without */

    /* Make an index of its parts; they and the source are lent until it is closed. Sizes are
     * checked, so that a search stays within the arrays. MV_CORRUPT. */
    mv_err (*open)(const index_part *parts, uint32_t parts_count, const index_source *source,
                   index_opened **out, mv_error *error);
    void (*close)(index_opened *opened);
    /* Look at everything. MV_CORRUPT. */
    mv_err (*check)(const index_opened *opened, mv_error *error);
    /* Fill the type's member of stats->as. Only what `open` checked can be relied on. NULL: the
     * type has no such member. */
    void (*describe)(const index_opened *opened, mv_index_stats *stats);

    /* Can this index be the base of one with these options? NULL: never. */
    bool (*can_extend)(const index_opened *base, const mv_index_options *options);
    mv_err (*build_begin)(const index_request *request, index_builder **out, mv_error *error);
    /* Work until `until` (os_seconds), at least a little. *more is false when the index stands. */
    mv_err (*build_step)(index_builder *b, double until, bool *more, mv_error *error);
    void (*build_progress)(const index_builder *b, uint64_t *done, uint64_t *total);
    /* The parts of what stands, lent by the builder; returns how many. */
    uint32_t (*build_parts)(const index_builder *b, index_part parts[INDEX_PARTS_MAX]);
    void (*build_free)(index_builder *b);
    /* How long building takes for each row: as long as writing this many bytes. `dim` is 0 for
     * scalar fields. */
    uint64_t (*build_cost)(uint32_t dim);

    /* Vector fields. A search for more than `hits_max` hits does not use the index. */
    uint32_t hits_max;
    /* Does a search for `k` hits look at each row that may be a hit, if there are query->matching
     * of them? Then query->list may be given instead of query->pass. */
    bool (*looks_at_all)(const index_opened *opened, const index_query *query, uint32_t k);
    /* Push the rows found nearest to `hits`, scored exactly: hits->capacity of them, or as
     * many as pass. Allocates only to grow `scratch`. MV_NO_MEMORY; MV_CORRUPT: `hits` is
     * unchanged. */
    mv_err (*search)(const index_opened *opened, const index_query *query, topk *hits,
                     index_scratch *scratch, index_account *account, mv_error *error);

    /* Scalar fields: the inverted lists in which filters look values up (query/filter.h). NULL:
     * filters do not use the index. */
    const struct invert_lists *(*lists)(const index_opened *opened);
} index_type;

#define INDEX_DECLARE(name) extern const index_type name##_index;
INDEX_KINDS(INDEX_DECLARE)
#undef INDEX_DECLARE

/* NULL: no index type with files has this number. */
const index_type *index_find(mv_index_type type);
const index_type *index_of_file(uint32_t file_kind);

/* Add a type and its kind until the process ends. For tests; no other thread may use the engine
 * meanwhile. MV_MISUSE: another type has the same name, ending or number. */
mv_err index_add(const index_type *type, mv_error *error);

/* Call type->search, after clearing scratch->layout where another type used the scratch last. */
mv_err index_search(const index_type *type, const index_opened *opened, const index_query *query,
                    topk *hits, index_scratch *scratch, index_account *account, mv_error *error);

#endif

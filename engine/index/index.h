/* Index types: what opens, builds, checks and searches indexes without knowing of which type they
 * are.
 *
 * An index is over the rows of one field of a segment. It is a set of arrays (parts), built once,
 * kept in a file of its own with a section for each part, and used in place. What it holds is
 * derived from the rows: an index that is lost or damaged is built again.
 *
 * A type is a constant of functions (`hnsw_index` in hnsw_index.c) beside its constant of facts
 * (base/index_kind.h). The functions are called once for an index, a step of building or a query of
 * a segment, never once for a row. A new type needs
 *
 *   moonvec.h             its number in mv_index_type and, if it has options or stats of its own,
 *                         their structs, each one more member of the union `as`
 *   base/index_kind.h     its name in INDEX_KINDS
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
#define INDEX_ROW_GONE  UINT32_MAX /* of a base: a row that was deleted */

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

/* The rows of a segment that an index is over: of a vector field or of a scalar field. */
typedef struct index_source {
    codes_vectors vectors;
    index_column column;
} index_source;

/* One array of an index. In a file: a section of kind sections_first + kind, whose column is
 * `level`. The numbers are part of the format. */
typedef struct index_part {
    uint32_t kind;
    uint32_t level; /* 0 where a kind has only one part */
    const void *bytes;
    uint64_t size;
} index_part;

/* ---------------------------------------------------------------- searching by vector */

/* Memory of one searching thread, grown once and reused. Starts as zeros. */
typedef struct index_scratch {
    uint8_t *block;
    size_t size;
    const struct index_type *user; /* of the search before; when it is another type's, */
    uint64_t layout;               /* this is 0: nothing is known of the bytes */
} index_scratch;

void index_scratch_free(index_scratch *scratch);

typedef struct index_query {
    const void *vector;          /* as it is given (element.h), floats aligned */
    const distance_query *exact; /* the same, prepared for the vectors' type */
    uint32_t ef;                 /* candidates; 0: the index knows how many */
    bool no_refine;
    mv_strategy strategy; /* AUTO: the one that should be cheapest; never EXACT */
    const uint64_t *pass; /* bit set: the row may be a hit; NULL: all may */
    const uint32_t *list; /* or one by one, in any order: then all are looked at */
    uint32_t matching;    /* how many may */
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

typedef struct index_opened index_opened;   /* of each type another struct */
typedef struct index_builder index_builder; /* likewise */
struct invert_lists;

/* What is to be built. All is lent until the builder is freed. */
typedef struct index_request {
    const index_source *source;
    const mv_index_options *options; /* complete */
    const index_opened *base;  /* one that can_extend: its rows go into the new segment; or NULL */
    const uint32_t *base_rows; /* for each of its rows the new row, ascending, or INDEX_ROW_GONE */
    uint32_t threads; /* 1 to MV_THREADS_MAX: how many work in a step, the caller's included */
} index_request;

typedef struct index_type {
    const index_kind *kind;
    uint32_t rows_min; /* a segment of fewer rows is searched as fast without */

    /* Make an index of its parts; they and the source are lent until it is closed. Sizes are
     * checked, so that a search stays within the arrays. MV_CORRUPT. */
    mv_err (*open)(const index_part *parts, uint32_t parts_count, const index_source *source,
                   index_opened **out, mv_error *error);
    void (*close)(index_opened *opened);
    /* Look at everything. MV_CORRUPT. */
    mv_err (*check)(const index_opened *opened, mv_error *error);
    /* Fill the type's member of stats->as, from what may be damaged. NULL: it has none. */
    void (*describe)(const index_opened *opened, mv_index_stats *stats);

    /* Can the index of a segment be the base of one with these options? NULL: none can. */
    bool (*can_extend)(const index_opened *base, const mv_index_options *options);
    mv_err (*build_begin)(const index_request *request, index_builder **out, mv_error *error);
    /* Work until `until` (os_seconds), at least a little. *more is false when the index stands. */
    mv_err (*build_step)(index_builder *b, double until, bool *more, mv_error *error);
    void (*build_progress)(const index_builder *b, uint64_t *done, uint64_t *total);
    /* The parts of what stands, lent by the builder; returns how many. */
    uint32_t (*build_parts)(const index_builder *b, index_part parts[INDEX_PARTS_MAX]);
    void (*build_free)(index_builder *b);
    /* To build takes as long as to write so many bytes for each row. `dim` is 0 for scalars. */
    uint64_t (*build_cost)(uint32_t dim);

    /* Of vector fields. `hits_max`: a search for more is faster without. Does a search for `k` hits
     * look at all rows that may be hits, if they are query->matching? Then they may be listed. */
    uint32_t hits_max;
    bool (*looks_at_all)(const index_opened *opened, const index_query *query, uint32_t k);
    /* Push the rows found nearest to `hits`, scored exactly: as many as hits->capacity, if so many
     * pass. Allocates only to grow `scratch`. MV_NO_MEMORY; MV_CORRUPT: `hits` is unchanged. */
    mv_err (*search)(const index_opened *opened, const index_query *query, topk *hits,
                     index_scratch *scratch, index_account *account, mv_error *error);

    /* Of scalar fields: the inverted lists that filters look values up in (query/filter.h). NULL:
     * filters do without. */
    const struct invert_lists *(*lists)(const index_opened *opened);
} index_type;

#define INDEX_DECLARE(name) extern const index_type name##_index;
INDEX_KINDS(INDEX_DECLARE)
#undef INDEX_DECLARE

/* NULL: such an index has no files (MV_INDEX_NONE, MV_INDEX_FLAT), or there is no such type. */
const index_type *index_find(mv_index_type type);
const index_type *index_of_file(uint32_t file_kind);

/* Add a type and its kind, which stay until the process ends, while no other thread is in the
 * engine. For tests. MV_MISUSE: a number or name of it is in use. */
mv_err index_add(const index_type *type, mv_error *error);

/* Search, and keep types apart that share a scratch. */
mv_err index_search(const index_type *type, const index_opened *opened, const index_query *query,
                    topk *hits, index_scratch *scratch, index_account *account, mv_error *error);

#endif

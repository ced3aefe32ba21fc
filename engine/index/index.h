/* The interface of index types: functions to open, check, build and search an index of any type.
 *
 * An index is over the rows of one field of a segment (I14). It is a set of arrays (parts) that is
 * built once, stored in a file with a section for each part, and used in place. It is derived from
 * the rows: an index that is lost or damaged is built again.
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

#define INDEX_PARTS_MAX   32u        /* of one index */
#define INDEX_ROW_DELETED UINT32_MAX /* in index_request.base_rows: the row was deleted */

/* ---------------------------------------------------------------- rows and parts */

/* A scalar column to be indexed, lent. `type` may be an array type. Cells are as in a table
 * (storage/table.h). */
typedef struct index_column {
    mv_type type;
    uint32_t rows;
    const uint64_t *nulls; /* bit set = NULL; NULL pointer: none are */
    const uint8_t *values; /* fixed types: rows × width */
    const uint64_t *ends;  /* other types: where each cell ends in `bytes` */
    const uint8_t *bytes;
    uint64_t bytes_size;
    /* How array cells are read. The number of elements; UINT32_MAX: the cell is damaged. An element
     * of an array of strings; false: the cell is damaged. */
    uint32_t (*array_count)(mv_type type, const uint8_t *cell, size_t size);
    bool (*array_string)(const uint8_t *cell, size_t size, uint32_t at, const char **data,
                         uint32_t *data_size);
} index_column;

/* The bytes of a cell of a type without width. False: the column is damaged. */
static inline bool index_column_cell(const index_column *column, uint32_t row,
                                     const uint8_t **bytes, size_t *size)
{
    uint64_t begin = row ? column->ends[row - 1] : 0, end = column->ends[row];
    if (begin > end || end > column->bytes_size) return false;
    *bytes = column->bytes + begin;
    *size = (size_t)(end - begin);
    return true;
}

/* The rows of a segment that an index is over. */
typedef struct index_source {
    codes_vectors vectors; /* of a vector field, or all vectors of a field of several */
    index_column column;   /* of a scalar field */
} index_source;

/* One array of an index. It is stored as a section of kind index_kind.sections_first + `kind` and
 * column `level`. The numbers are part of the file format. */
typedef struct index_part {
    uint32_t kind;
    uint32_t level; /* distinguishes parts of the same kind; otherwise 0 */
    const void *bytes;
    uint64_t size;
} index_part;

/* ---------------------------------------------------------------- searching by vector */

/* The memory of one searching thread. It grows as needed and is reused. Begins as zeros. */
typedef struct index_scratch {
    uint8_t *block;
    size_t size;
    const struct index_type *user; /* the type of the last search */
    uint64_t layout;               /* the type's number for how its last search laid out the block;
                                    * 0: the last search was of another type */
} index_scratch;

void index_scratch_free(index_scratch *scratch);

typedef struct index_query {
    const void *vectors; /* `count` of vector_size bytes each, as a program gives them (element.h),
                          * floats aligned */
    size_t vector_size;
    uint32_t count;              /* of vectors, 1 or more: a search is made for each */
    const distance_query *exact; /* the same, prepared for the vectors' type */
    double recall;               /* to be found; 0: MV_RECALL_DEFAULT. Without `ef` */
    uint32_t ef;                 /* candidates; 0: as many as `recall` needs */
    bool no_refine;              /* score only as many candidates as there are hits */
    mv_strategy strategy;        /* AUTO: the one that should be cheapest; never EXACT */
    const uint64_t *matches;     /* bit set: the row may be a hit; NULL: all may */
    const uint32_t *list;   /* instead of `matches`: the rows that may be hits, in any order. Then
                             * the codes of all of them are scanned */
    uint32_t matching;      /* number of rows that may be hits */
    uint32_t source;        /* topk_entry.source of the hits */
    const uint64_t *docids; /* of all rows; NULL: a hit's docid is its row */
} index_query;

/* What a search did, for explain: `first`, `last` and `found` for the last of its vectors. */
typedef struct index_report {
    bool *searched; /* of the caller, all false: set for each vector whose hits were pushed. NULL:
                     * it does not ask */
    mv_strategy first; /* the strategy tried first. It is abandoned if it finds too little or would
                        * cost too much */
    mv_strategy last;  /* the strategy that found the hits */
    uint32_t found;    /* candidates of that strategy */
    bool is_damaged;   /* the search worked, but `error` has damage that it met on the way */
    mv_search_counts counts;
} index_report;

static inline void index_add_counts(mv_search_counts *sum, const mv_search_counts *more)
{
    sum->exact_distances += more->exact_distances;
    sum->code_distances += more->code_distances;
    sum->followed += more->followed;
    sum->bridged += more->bridged;
    sum->blocks_read += more->blocks_read;
    sum->blocks_skipped += more->blocks_skipped;
}

/* ---------------------------------------------------------------- types */

/* An open index, and one being built. Each type has its own structs for these, and casts. */
typedef struct index_opened index_opened;
typedef struct index_builder index_builder;
struct invert_lists;
struct ranked_lists;

/* An index to start from, for which can_extend is true. The rows of its segment that are not
 * deleted are the rows [first, end) of the source. */
typedef struct index_base {
    const index_opened *opened;
    const uint32_t *rows; /* for each of its rows the new row, ascending, or INDEX_ROW_DELETED */
    uint32_t first, end;
} index_base;

/* What to build. Everything is lent until the builder is freed. */
typedef struct index_request {
    const index_source *source;
    const mv_index_options *options; /* complete */
    const index_base *bases;         /* by ascending rows; at most one, unless merges_all */
    uint32_t bases_count;
    uint32_t threads; /* 1 to MV_THREADS_MAX: how many work in a step, with the caller's */
} index_request;

typedef struct index_type {
    const index_kind *kind;
    uint32_t rows_min; /* a segment of fewer rows gets no index: it is searched as fast without */

    /* Open an index from its parts. The parts and the source are lent until it is closed. Checks
     * sizes, so that a search stays within the arrays. MV_CORRUPT. */
    mv_err (*open)(const index_part *parts, uint32_t parts_count, const index_source *source,
                   index_opened **out, mv_error *error);
    void (*close)(index_opened *opened);
    /* Check everything. MV_CORRUPT. */
    mv_err (*check)(const index_opened *opened, mv_error *error);
    /* Is this index, which has been checked, the same as one that was built again over its rows?
     * MV_CORRUPT: it is not. NULL: indexes over the same rows may differ. */
    mv_err (*compare)(const index_opened *opened, const index_opened *built, mv_error *error);
    /* Fill the type's member of stats->as. Only what `open` checks can be relied on. NULL: the type
     * has no such member. */
    void (*describe)(const index_opened *opened, mv_index_stats *stats);

    /* True when this index can be the base of one with these options. NULL: never. */
    bool (*can_extend)(const index_opened *base, const mv_index_options *options);
    bool merges_all; /* building starts from all indexes that can be a base. False: from one, that
                      * of a segment with at least half of the rows */
    mv_err (*build_begin)(const index_request *request, index_builder **out, mv_error *error);
    /* Work until `until` (os_seconds), but at least one piece. *more is false when the index is
     * complete. */
    mv_err (*build_step)(index_builder *b, double until, bool *more, mv_error *error);
    void (*build_progress)(const index_builder *b, uint64_t *done, uint64_t *total);
    /* The parts of the complete index, lent by the builder. Returns their number. */
    uint32_t (*build_parts)(const index_builder *b, index_part parts[INDEX_PARTS_MAX]);
    void (*build_free)(index_builder *b);
    /* The time of building for each row, as the number of bytes that are written in that time.
     * `dim` is 0 for scalar fields. */
    uint64_t (*build_cost)(uint32_t dim);

    /* Vector fields: a search for more than `hits_max` hits does not use the index. */
    uint32_t hits_max;
    /* True when a search for `k` hits would scan all matching rows, if there are query->matching of
     * them. Then query->list may be given instead of query->matches. */
    bool (*scans_all)(const index_opened *opened, const index_query *query, uint32_t k);
    /* Push the nearest rows that were found for vector i to hits[i], scored exactly: as many as its
     * capacity, which is the same for all, or all matching rows if they are fewer. Hits do not
     * depend on what other vectors the query has. Allocates only to grow `scratch`. MV_NO_MEMORY.
     * MV_CORRUPT: hits[i] is unchanged unless searched[i]. */
    mv_err (*search)(const index_opened *opened, const index_query *query, topk *hits,
                     index_scratch *scratch, index_report *report, mv_error *error);

    /* Scalar fields: the inverted lists that filters use (query/filter.h). NULL: filters do not use
     * the index. */
    const struct invert_lists *(*lists)(const index_opened *opened);
    /* Scalar fields: the ranked lists of a search by text (read/search_text.h), or by sparse vector
     * (read/search_sparse.h). NULL: the field cannot be searched so. */
    const struct ranked_lists *(*ranked)(const index_opened *opened);
} index_type;

#define INDEX_DECLARE(name) extern const index_type name##_index;
INDEX_KINDS(INDEX_DECLARE)
#undef INDEX_DECLARE

/* The type with this number, or whose files are of this kind. NULL: there is none, or the type has
 * no files. */
const index_type *index_find(mv_index_type type);
const index_type *index_of_file(uint32_t file_kind);

/* Add a type and its kind until the process ends. For tests; no other thread may use the engine
 * meanwhile. MV_MISUSE: another type has the same name, file ending or number. */
mv_err index_add(const index_type *type, mv_error *error);

/* Build the index again in memory, and compare it with this one, which has been checked. Does
 * nothing for types that cannot be compared. MV_CORRUPT: it is not the index of its rows. */
mv_err index_compare(const index_type *type, const index_opened *opened, const index_source *source,
                     const mv_index_options *options, mv_error *error);

/* Call type->search, with scratch->layout 0 if another type used the scratch last. */
mv_err index_search(const index_type *type, const index_opened *opened, const index_query *query,
                    topk *hits, index_scratch *scratch, index_report *report, mv_error *error);

#endif

/* The fresh rows of a commit, as small tables in the memory of the process.
 *
 * A row of the table `fresh` never changes, until it is deleted or sealed, and new rows have
 * greater docids (I5). So a process gathers each fresh row once: it keeps the fresh rows of the
 * newest commit that it has searched, and for the next commit gathers what was added. A chunk never
 * changes, and is shared by the commits that have its rows.
 *
 * Only columns that a search has asked for are gathered. Of vectors, codes are (flat_codes.h),
 * where the metric can use them: the vectors stay in the catalog. Searches by text make ranked
 * lists of a chunk (waiting_lists.h). */
#ifndef MV_FRESH_ROWS_H
#define MV_FRESH_ROWS_H

#include "index/flat_codes.h"
#include "open/snapshot.h"
#include "open/waiting_lists.h"

#define FRESH_CHUNK_ROWS 512u /* at most; a multiple of 64 */
#define FRESH_NO_VECTOR  UINT32_MAX

/* What to gather. */
typedef struct fresh_wants {
    bool id;
    const bool *fields;    /* one per scalar field, lent; NULL: none */
    uint32_t vector_field; /* or FRESH_NO_VECTOR */
} fresh_wants;

/* The vectors of one field: codes, or where there can be none, copies in `table`. */
typedef struct fresh_codes {
    bool is_used;
    flat_codes codes;
} fresh_codes;

/* At most FRESH_CHUNK_ROWS rows, in the order of docids. */
typedef struct fresh_chunk {
    uint32_t refs;        /* guarded by the engine's mutex */
    table table;          /* `live` is not set */
    fresh_codes *codes;   /* one per vector field */
    waiting_lists *lists; /* one per scalar field: of gathered columns, made by searches; NULL: no
                           * lists are wanted, or a write transaction has the rows */
    uint32_t lists_count;
    mem_arena arena; /* all of the above, but for the memory of lists */
} fresh_chunk;

/* A chunk in a commit, where some of its rows may be deleted. */
typedef struct fresh_part {
    fresh_chunk *chunk; /* a reference */
    uint32_t live_rows;
    uint64_t live[FRESH_CHUNK_ROWS / 64]; /* bit set: the row is not deleted */
} fresh_part;

typedef struct fresh_rows {
    uint32_t refs; /* guarded by the engine's mutex */
    size_t size;   /* bytes */
    const mv_schema *schema;
    uint64_t number;     /* of the commit, as view.number */
    uint64_t next_docid; /* above those of all rows */
    uint64_t rows;       /* that are not deleted */
    bool *wanted;        /* of each scalar field, of each vector field, of the id: it is gathered;
                          * behind `parts` */
    uint32_t parts_count;
    fresh_part parts[];
} fresh_rows;

/* The fresh rows of a snapshot, with a reference for the caller, who releases it before the
 * snapshot is closed. MV_CORRUPT, MV_NO_MEMORY. */
mv_err fresh_rows_acquire(const snapshot *s, const fresh_wants *wants, fresh_rows **out,
                          mv_error *error);
void fresh_rows_release(engine *e, fresh_rows *f);
/* The same for a caller that has the engine's mutex. NULL is fine. */
void fresh_rows_release_locked(fresh_rows *f);

/* The encoded fresh row of a docid, in the catalog's pages; NULL: there is none. MV_CORRUPT. */
mv_err fresh_rows_find(catalog_txn *txn, const mv_schema *schema, uint64_t docid,
                       const uint8_t **encoded, mv_error *error);

/* Find the rows of a part that the snapshot shows: neither deleted nor expired. `field`, which is
 * gathered, says when they expire (snapshot_expired_field). */
void fresh_rows_see(const snapshot *s, const fresh_part *part, uint32_t field,
                    uint64_t seen[FRESH_CHUNK_ROWS / 64]);

/* The part as a table. */
static inline table fresh_rows_table(const fresh_part *part)
{
    table t = part->chunk->table;
    t.live = part->live_rows < t.rows ? part->live : NULL;
    return t;
}

#endif

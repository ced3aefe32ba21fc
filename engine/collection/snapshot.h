/* Snapshots: one commit, as queries see it.
 *
 * A view is a commit decoded: its schema, and its segments as tables with their live rows. It is
 * immutable, shared by all who read the same commit in this process, and kept for the next reader;
 * what did not change since the commit before is shared between views too. A snapshot is a view
 * with the transaction that pins the fresh rows. */
#ifndef MV_SNAPSHOT_H
#define MV_SNAPSHOT_H

#include "collection/index_open.h"

/* Which rows of a segment are not deleted, shared by views. */
typedef struct view_live {
    uint32_t refs;        /* guarded by the engine's mutex */
    uint64_t last_change; /* commit of the last deletion */
    uint64_t deleted;
    size_t words;
    uint64_t bits[];
} view_live;

typedef struct view_segment {
    engine_segment *shared;
    view_live *live;        /* NULL: no row is deleted */
    table table;            /* the segment's, with its live rows */
    engine_index **indexes; /* one per slot; NULL: there is none. In the view's memory */
} view_segment;

typedef struct view {
    uint32_t refs;   /* guarded by the engine's mutex */
    size_t size;     /* bytes */
    uint64_t number; /* of the LMDB commit; 0 for the view of a write transaction */
    engine_state state;
    const mv_schema *schema; /* lent by the engine */
    uint32_t segments_count;
    view_segment segments[];
} view;

typedef struct snapshot {
    engine *e; /* NULL: closed */
    catalog_txn *txn;
    view *v;
    bool is_of_writer; /* sees a write transaction, which it does not own */
} snapshot;

/* See the last commit. */
mv_err snapshot_open(engine *e, snapshot *s, mv_error *error);
void snapshot_close(snapshot *s); /* closed already is fine */

/* Decode what `txn` sees. `number` 0: do not keep it for others. */
mv_err view_open(engine *e, catalog_txn *txn, uint64_t number, view **out, mv_error *error);
void view_keep(engine *e, view *v);
void view_close(engine *e, view *v); /* NULL is fine */
/* The segment that holds a docid. False: none does. */
bool view_find(const view *v, uint64_t docid, uint32_t *segment_at, uint32_t *row);
static inline uint64_t view_deleted_rows(const view_segment *s)
{
    return s->live ? s->live->deleted : 0;
}
static inline uint64_t view_live_rows(const view_segment *s)
{
    return s->table.rows - view_deleted_rows(s);
}
/* True when the row is there and not deleted. */
static inline bool view_is_live(const view_segment *s, uint32_t row)
{
    return !s->live || bits_get(s->live->bits, row);
}

/* Let the engine know a segment in memory, which has no file to be found by: what `record` says,
 * in files opened at `paths`, NULL for those that the engine has open already. */
mv_err view_adopt_segment(engine *e, const mv_schema *schema, const segment_record *record,
                          const char *const *paths, mv_error *error);
/* The same for an index in memory, over a segment that the engine knows; opened at `path`. */
mv_err view_adopt_index(engine *e, const mv_schema *schema, const index_record *record,
                        const char *path, mv_error *error);
/* The transaction that wrote this segment is being undone. Views of its own may still name it;
 * whoever opens a segment of this number from now on gets another one. */
void view_undo_segment(engine *e, uint64_t number);
/* The same for a transaction that brought all segments under `schema`. */
void view_undo_schema(engine *e, const mv_schema *schema);
/* Forget segments and indexes in memory that `v` does not name. */
void view_drop_others(engine *e, const view *v);

/* ---- deletions in the catalog: one value for each 65,536 rows of a segment */

typedef struct deleted_head {
    uint64_t last_change; /* commit */
    uint64_t count;       /* bits set */
} deleted_head;

static inline uint64_t deleted_key(uint64_t segment_number, uint32_t row)
{
    return segment_number << 16 | row / SEGMENT_CHUNK_ROWS;
}
/* Words of the bitmap of the chunk that `row` is in. */
static inline size_t deleted_words(uint32_t rows, uint32_t row)
{
    uint32_t first = row / SEGMENT_CHUNK_ROWS * SEGMENT_CHUNK_ROWS;
    return bits_words(rows - first < SEGMENT_CHUNK_ROWS ? rows - first : SEGMENT_CHUNK_ROWS);
}

#endif

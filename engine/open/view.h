/* Views: one commit, as queries see it.
 *
 * A view is a commit decoded: its schema, and its segments as tables with their live rows. It is
 * immutable, shared by all who read the same commit in this process, and kept for the next reader;
 * what did not change since the commit before is shared between views too. */
#ifndef MV_VIEW_H
#define MV_VIEW_H

#include "open/deletions.h"
#include "open/shared_index.h"

typedef struct view_segment {
    shared_segment *shared;
    live_rows *live;        /* NULL: no row is deleted */
    table table;            /* the segment's, with its live rows */
    shared_index **indexes; /* one per slot; NULL: there is none. In the view's memory */
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

/* Forget segments and indexes in memory that `v` does not name. */
void view_drop_others(engine *e, const view *v);

#endif

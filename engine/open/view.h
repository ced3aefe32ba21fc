/* Views: one commit, as queries see it.
 *
 * A view is a decoded commit: its schema, its segments as tables with their live rows, and their
 * indexes. A view never changes, and has a reference to every segment and index that it names (I3).
 * All readers of a commit in this process share one view, and the engine keeps the newest for the
 * next reader. Views of different commits share the segments, indexes and live rows that did not
 * change in between.
 *
 * If documents expire, a view is also of a time. It is right until the next document expires. Then
 * another view of the same commit is derived from it, at most one a second, which shares all but
 * the rows that are seen.
 *
 * The segments are in ascending order of docids, and their ranges of docids are disjoint (I4). */
#ifndef MV_VIEW_H
#define MV_VIEW_H

#include "open/expiry.h"
#include "open/shared_index.h"
#include "open/waiting_codes.h"
#include "open/waiting_lists.h"

typedef struct view_segment {
    shared_segment *shared; /* a reference */
    live_rows *live;        /* a reference; NULL: no row is deleted */
    live_rows *seen;        /* a reference: those of them that have not expired; NULL: all */
    int64_t until;          /* the second at which the next row expires */
    table table;            /* the segment's; `live` are the rows that are seen */
    shared_index *
        *indexes; /* a reference per slot, NULL where there is none; in the view's memory */
    waiting_codes **codes; /* a reference per vector field, NULL unless its graph is missing;
                            * likewise */
    waiting_lists **lists; /* a reference per scalar field, NULL unless its full-text index is
                            * missing; likewise */
} view_segment;

typedef struct view {
    uint32_t refs;           /* guarded by the engine's mutex */
    size_t size;             /* bytes */
    uint64_t number;         /* of the LMDB commit; 0 for the view of a write transaction */
    int64_t now;             /* the second that it is of; 0 if documents do not expire */
    int64_t until;           /* the second at which the next row of a segment expires */
    uint64_t expired;        /* rows of segments that have expired, and are not deleted */
    engine_state state;      /* of the commit */
    const mv_schema *schema; /* lent by the engine until it is closed */
    uint32_t segments_count;
    view_segment segments[];
} view;

/* Get the view of what `txn` sees, with a reference for the caller. `number`: of the commit, whose
 * view is shared with other readers; 0: of a write transaction, whose view is the caller's alone.
 * *now: the second that decides what has expired; if it is 0 and documents expire, it is read from
 * the clock. On failure *out is as it was. The caller does not have the engine's mutex, in all of
 * these. */
mv_err view_open(engine *e, catalog_txn *txn, uint64_t number, int64_t *now, view **out,
                 mv_error *error);
void view_retain(engine *e, view *v);
void view_release(engine *e, view *v); /* NULL is fine */
/* Find the row of a docid: its segment's position in the view, and the row. False: no segment has
 * the docid; *segment_at is then the first segment that ends after it. */
bool view_find(const view *v, uint64_t docid, uint32_t *segment_at, uint32_t *row);
/* Deleted rows, and rows that are not deleted: expired ones are among the latter. */
static inline uint64_t view_deleted_rows(const view_segment *s)
{
    return s->live ? s->live->deleted : 0;
}
static inline uint64_t view_live_rows(const view_segment *s)
{
    return s->table.rows - view_deleted_rows(s);
}
/* Rows that have expired and are not deleted. */
static inline uint64_t view_expired_rows(const view_segment *s)
{
    return s->seen ? s->seen->deleted - view_deleted_rows(s) : 0;
}
/* Rows that readers see. */
static inline uint64_t view_seen_rows(const view_segment *s)
{
    return view_live_rows(s) - view_expired_rows(s);
}
/* `row` is below the segment's number of rows, in both. */
static inline bool view_is_live(const view_segment *s, uint32_t row)
{
    return !s->live || bits_get(s->live->bits, row);
}
static inline bool view_is_seen(const view_segment *s, uint32_t row)
{
    return !s->table.live || bits_get(s->table.live, row);
}

/* Count the bytes of all rows that are not deleted, encoded as fresh rows are. Reads every segment.
 */
mv_err view_count_bytes(const view *v, uint64_t *bytes, mv_error *error);

/* Close the indexes and segments that neither `v` (may be NULL) nor another view names. */
void view_close_unused(engine *e, const view *v);
/* The same, in memory, and their memory is freed in steps until `until` (os_seconds). False: some
 * is left. No reader can name them any more. */
bool view_discard_unused(engine *e, const view *v, double until);

#endif

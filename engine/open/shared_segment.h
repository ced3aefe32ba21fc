/* Segments of an open collection. Each is opened once per schema, and shared by views. */
#ifndef MV_SHARED_SEGMENT_H
#define MV_SHARED_SEGMENT_H

#include "open/engine.h"

struct expiry;

/* An open segment as a schema sees it, shared by views. */
typedef struct shared_segment {
    struct shared_segment *next; /* in the engine; guarded by its mutex */
    segment *s;
    const mv_schema *schema; /* that `s` was opened with; lent by the engine */
    uint32_t refs;           /* views that name it, indexes over it; guarded by the mutex */
    struct expiry *expiry;   /* NULL until asked for (expiry.c); guarded by the mutex */
    bool is_undone;          /* its transaction was undone: its number is used again */
} shared_segment;

/* The open segment of this number under this schema, or NULL. The caller has the mutex. */
shared_segment *shared_segment_find_locked(engine *e, const mv_schema *schema, uint64_t number);
/* The same, opened if it is not open yet. The caller has the mutex, and increments `refs` before it
 * releases the mutex. */
mv_err shared_segment_get_locked(engine *e, const mv_schema *schema, const segment_record *record,
                                 shared_segment **out, mv_error *error);
/* Register a segment of a collection in memory, whose files have no names by which to find them
 * later. It is opened as `record` says, at `paths`: one per file, NULL for a file that the engine
 * has open under another schema. */
mv_err shared_segment_register(engine *e, const mv_schema *schema, const segment_record *record,
                               const char *const *paths, mv_error *error);
/* The transaction that wrote this segment is being undone. Its own views may still name the
 * segment. From now on a segment of this number is opened again: it will be another one. */
void shared_segment_undo(engine *e, uint64_t number);
/* The same for all segments that were opened under `schema`, by a transaction that changed to it.
 */
void shared_segment_undo_schema(engine *e, const mv_schema *schema);

#endif

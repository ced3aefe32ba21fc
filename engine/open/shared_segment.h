/* Segments of an open collection, each opened once under a schema and shared by views. */
#ifndef MV_SHARED_SEGMENT_H
#define MV_SHARED_SEGMENT_H

#include "open/engine.h"

/* An open segment as a schema sees it, shared by views. */
typedef struct shared_segment {
    struct shared_segment *next;
    segment *s;
    const mv_schema *schema;
    uint32_t refs;  /* views that name it, indexes over it; guarded by the mutex */
    bool is_undone; /* of a transaction that was undone: its names are used again */
} shared_segment;

/* The open segment of this number under this schema, or NULL. The caller has the mutex. */
shared_segment *shared_segment_find_locked(engine *e, const mv_schema *schema, uint64_t number);
/* The same, opened if it is not open yet. The caller has the mutex, and counts a reference if it
 * keeps it. */
mv_err shared_segment_get_locked(engine *e, const mv_schema *schema, const segment_record *record,
                                 shared_segment **out, mv_error *error);
/* Let the engine know a segment in memory, which has no file to be found by: what `record` says,
 * in files opened at `paths`, NULL for those that the engine has open already. */
mv_err shared_segment_adopt(engine *e, const mv_schema *schema, const segment_record *record,
                            const char *const *paths, mv_error *error);
/* The transaction that wrote this segment is being undone. Views of its own may still name it;
 * whoever opens a segment of this number from now on gets another one. */
void shared_segment_undo(engine *e, uint64_t number);
/* The same for a transaction that brought all segments under `schema`. */
void shared_segment_undo_schema(engine *e, const mv_schema *schema);

#endif

/* Snapshots: a view with the transaction that pins the fresh rows. A snapshot shows one commit. */
#ifndef MV_SNAPSHOT_H
#define MV_SNAPSHOT_H

#include "open/view.h"

typedef struct snapshot {
    engine *e;         /* NULL: closed */
    catalog_txn *txn;  /* read from it by one thread at a time */
    view *v;           /* a reference of the snapshot */
    int64_t now;       /* the second that decides what has expired: see view_open */
    bool is_of_writer; /* `txn` is a write transaction, which the writer ends */
} snapshot;

/* The second up to which fresh rows have expired; INT64_MIN: none has. */
static inline int64_t snapshot_fresh_expired(const snapshot *s)
{
    return s->now >= s->v->state.fresh_expires ? s->now : INT64_MIN;
}

/* Have fresh rows expired? Then *position is the field that says when they do. */
static inline bool snapshot_expired_field(const snapshot *s, uint32_t *position)
{
    return snapshot_fresh_expired(s) > INT64_MIN && schema_retention_field(s->v->schema, position);
}

/* Open a snapshot of the last commit. On failure it is closed. MV_BUSY: see engine_begin_read. */
mv_err snapshot_open(engine *e, snapshot *s, mv_error *error);
/* A closed snapshot (all zero) is fine. */
void snapshot_close(snapshot *s);

#endif

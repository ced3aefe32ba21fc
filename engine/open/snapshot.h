/* Snapshots: a view with the transaction that pins the fresh rows. A snapshot shows one commit. */
#ifndef MV_SNAPSHOT_H
#define MV_SNAPSHOT_H

#include "open/view.h"

typedef struct snapshot {
    engine *e;         /* NULL: closed */
    catalog_txn *txn;  /* read from it by one thread at a time */
    view *v;           /* a reference of the snapshot */
    int64_t now;       /* what has expired: see view_open */
    bool is_of_writer; /* `txn` is a write transaction, which the writer ends */
} snapshot;

/* Fresh rows that expire at this second or before are not there; INT64_MIN: all are. */
static inline int64_t snapshot_fresh_expired(const snapshot *s)
{
    return s->now >= s->v->state.fresh_expires ? s->now : INT64_MIN;
}

/* May fresh rows have expired? Then *position is the field that says it. */
static inline bool snapshot_expired_field(const snapshot *s, uint32_t *position)
{
    return snapshot_fresh_expired(s) > INT64_MIN && schema_retention_field(s->v->schema, position);
}

/* Open a snapshot of the last commit. On failure it is closed. MV_BUSY: see engine_begin_read. */
mv_err snapshot_open(engine *e, snapshot *s, mv_error *error);
/* A closed snapshot (all zero) is fine. */
void snapshot_close(snapshot *s);

#endif

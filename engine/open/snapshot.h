/* Snapshots: a view with the transaction that pins the fresh rows. A snapshot shows one commit. */
#ifndef MV_SNAPSHOT_H
#define MV_SNAPSHOT_H

#include "open/view.h"

typedef struct snapshot {
    engine *e;         /* NULL: closed */
    catalog_txn *txn;  /* read from it by one thread at a time */
    view *v;           /* a reference of the snapshot */
    bool is_of_writer; /* `txn` is a write transaction, which the writer ends */
} snapshot;

/* Open a snapshot of the last commit. On failure it is closed. MV_BUSY: see engine_begin_read. */
mv_err snapshot_open(engine *e, snapshot *s, mv_error *error);
/* A closed snapshot (all zero) is fine. */
void snapshot_close(snapshot *s);

#endif

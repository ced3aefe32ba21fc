/* Snapshots: a view with the transaction that pins the fresh rows. A snapshot shows one commit. */
#ifndef MV_SNAPSHOT_H
#define MV_SNAPSHOT_H

#include "open/view.h"

typedef struct snapshot {
    engine *e; /* NULL: closed */
    catalog_txn *txn;
    view *v;
    bool is_of_writer; /* sees a write transaction, which it does not own */
} snapshot;

/* See the last commit. */
mv_err snapshot_open(engine *e, snapshot *s, mv_error *error);
void snapshot_close(snapshot *s); /* closed already is fine */

#endif

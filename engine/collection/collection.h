/* Collection handles, as given out by mv_open. */
#ifndef MV_COLLECTION_H
#define MV_COLLECTION_H

#include "collection/writer.h"

struct mv_collection {
    engine *e;
    char *path; /* as given */
    bool read_only;
    bool verify;
    bool manual_maintenance;
    mv_durability durability;
    atomic_bool owes_sync; /* it wrote without syncing since its last flush */
    writer *transaction;   /* ask collection_transaction */
};

#define MEMORY_PATH ":memory:"

/* The engine to use now: in a forked child the files are opened anew. MV_BUSY: a collection in
 * memory does not follow into a child. */
mv_err collection_engine(mv_collection *c, engine **e, mv_error *error);

/* The transaction that the calling thread has open on this handle, or NULL. Calls of other threads
 * go on beside it. */
writer *collection_transaction(const mv_collection *c);

/* Run one write: in the open transaction, or in one of its own that is committed at the end.
 * `write` is told whether it must check before it changes anything, so that a failure leaves no
 * trace. */
typedef mv_err (*collection_write_fn)(writer *w, bool check_first, void *ctx, mv_error *error);
mv_err collection_write(mv_collection *c, collection_write_fn write, void *ctx, mv_error *error);

/* Begin and commit a transaction that belongs to a call, not to the handle. MV_READ_ONLY. */
mv_err collection_begin_write(mv_collection *c, writer **w, mv_error *error);
mv_err collection_commit(mv_collection *c, writer *w, mv_error *error);

/* What a read sees: the open transaction, or the last commit. */
mv_err collection_snapshot(mv_collection *c, snapshot *s, mv_error *error);

#endif

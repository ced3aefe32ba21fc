/* Collection handles, as given out by mv_open. */
#ifndef MV_HANDLE_H
#define MV_HANDLE_H

#include "transaction/writer.h"

struct mv_collection {
    engine *e;
    char *path; /* as given */
    bool read_only;
    bool verify;
    bool manual_maintenance;
    mv_durability durability;
    atomic_bool owes_sync; /* it wrote without syncing since its last flush */
    writer *transaction;   /* ask handle_transaction */
};

#define MEMORY_PATH ":memory:"

/* Was the process forked since the handle was made or last used? */
static inline bool handle_is_forked(const mv_collection *c)
{
    return !engine_is_of_this_process(c->e);
}

/* The engine to use now: in a forked child the files are opened anew. MV_BUSY: a collection in
 * memory does not follow into a child. */
mv_err handle_engine(mv_collection *c, engine **e, mv_error *error);

/* The schema of the open transaction, or of the last commit; lent until the handle is closed. */
const mv_schema *handle_schema(mv_collection *c);

/* The transaction that the calling thread has open on this handle, or NULL. Calls of other threads
 * go on beside it. */
writer *handle_transaction(const mv_collection *c);

/* Run one write: in the open transaction, or in one of its own that is committed at the end.
 * `write` is told whether it must check before it changes anything, so that a failure leaves no
 * trace. */
typedef mv_err (*handle_write_fn)(writer *w, bool check_first, void *ctx, mv_error *error);
mv_err handle_write(mv_collection *c, handle_write_fn write, void *ctx, mv_error *error);

/* Begin and commit a transaction that belongs to a call, not to the handle. MV_READ_ONLY. */
mv_err handle_begin_write(mv_collection *c, writer **w, mv_error *error);
mv_err handle_commit(mv_collection *c, writer *w, mv_error *error);

/* What a read sees: the open transaction, or the last commit. */
mv_err handle_snapshot(mv_collection *c, snapshot *s, mv_error *error);

#endif

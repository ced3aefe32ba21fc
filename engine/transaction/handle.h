/* Collection handles, which mv_open creates. */
#ifndef MV_HANDLE_H
#define MV_HANDLE_H

#include "transaction/writer.h"

struct mv_collection {
    engine *e;  /* a reference */
    char *path; /* as given to mv_open */
    bool read_only;
    bool verify;             /* also when a forked child opens the collection again */
    bool manual_maintenance; /* commits neither seal nor wake maintenance */
    mv_durability durability;
    atomic_bool owes_sync; /* it has committed without syncing since its last flush */
    writer *transaction;   /* read it by handle_transaction only */
};

#define MEMORY_PATH ":memory:"

/* True in a forked child, until the first call that opens the collection there. */
static inline bool handle_is_forked(const mv_collection *c)
{
    return !engine_is_of_this_process(c->e);
}

/* The engine to use now, lent until the handle is closed. A forked child opens the collection again
 * here. MV_BUSY: a collection in memory does not exist in the child. */
mv_err handle_engine(mv_collection *c, engine **e, mv_error *error);

/* The schema of the open transaction, or of the last commit; lent until the handle is closed. */
const mv_schema *handle_schema(mv_collection *c);

/* The transaction that the calling thread has open on this handle, or NULL. Calls of other threads
 * do not belong to it. */
writer *handle_transaction(const mv_collection *c);

/* Run one write: in the open transaction, or in one of its own that is committed at the end.
 * `check_first`: the transaction goes on after a failure, so that `write` must check everything
 * before it changes anything. */
typedef mv_err (*handle_write_fn)(writer *w, bool check_first, void *ctx, mv_error *error);
mv_err handle_write(mv_collection *c, handle_write_fn write, void *ctx, mv_error *error);

/* Begin a transaction that belongs to a call, not to the handle. MV_READ_ONLY. MV_BUSY: this thread
 * has a transaction open. */
mv_err handle_begin_write(mv_collection *c, writer **w, mv_error *error);
/* Ends the transaction in any case, as writer_commit does. */
mv_err handle_commit(mv_collection *c, writer *w, mv_error *error);

/* Open a snapshot of what a read sees: the open transaction, or the last commit. */
mv_err handle_snapshot(mv_collection *c, snapshot *s, mv_error *error);

#endif

/* Handles: of collections, which mv_open creates, and of transactions, which mv_begin creates. */
#ifndef MV_HANDLE_H
#define MV_HANDLE_H

#include "transaction/writer.h"

struct mv_collection {
    engine *e;  /* a reference */
    char *path; /* as given to mv_open */
    bool read_only;
    bool verify;             /* also when a forked child opens the collection again */
    bool prefault;           /* the indexes, when it is opened */
    bool manual_maintenance; /* commits neither seal nor wake maintenance */
    mv_durability durability;
    uint32_t maintenance_threads; /* 0: by the number of cores */
    double busy_seconds;          /* how long a write waits for other writers */
    uint64_t slowdown_rows;       /* more rows without an index slow writes down */
    atomic_bool owes_sync;        /* it has committed without syncing since its last flush */
    mv_collection *begun; /* list of the handles of transactions begun on it that are not freed.
                           * Only one is open, but a thread may have ended and left its handle.
                           * Guarded by the process lock */
    /* Of the handle of a transaction. `path` and the options are those of `of`. */
    mv_collection *of;   /* the collection's handle; NULL: this is one */
    mv_collection *next; /* in the list of `of` */
    writer *w;
    uint64_t thread; /* that began it */
};

#define MEMORY_PATH ":memory:"

/* True in a forked child, until the first call that opens the collection there. */
static inline bool handle_is_forked(const mv_collection *c)
{
    return !engine_is_of_this_process(c->e);
}

/* The engine to use now, lent until the handle is closed. A forked child opens the collection again
 * here. MV_BUSY: a collection in memory does not exist in the child, a transaction is the parent's,
 * or another thread's. */
mv_err handle_engine(mv_collection *c, engine **e, mv_error *error);

/* The schema of the open transaction, or of the last commit; lent until the handle is closed. */
const mv_schema *handle_schema(mv_collection *c);

/* MV_MISUSE: `c` is the handle of a transaction, and the call concerns the whole collection. */
mv_err handle_check_collection(const mv_collection *c, mv_error *error);

/* Run one write: in the transaction of the handle, or in one of its own that is committed at the
 * end. `check_first`: the transaction goes on after a failure, so that `write` must check
 * everything before it changes anything. */
typedef mv_err (*handle_write_fn)(writer *w, bool check_first, void *ctx, mv_error *error);
mv_err handle_write(mv_collection *c, handle_write_fn write, void *ctx, mv_error *error);

/* Begin a transaction. MV_READ_ONLY. MV_BUSY: other writers took too long, or this thread has a
 * transaction open on the collection. */
mv_err handle_begin_write(mv_collection *c, writer **w, mv_error *error);
/* Ends the transaction in any case, as writer_commit does. */
mv_err handle_commit(mv_collection *c, writer *w, mv_error *error);

/* Open a snapshot of what a read sees: the transaction of the handle, or the last commit. */
mv_err handle_snapshot(mv_collection *c, snapshot *s, mv_error *error);

#endif

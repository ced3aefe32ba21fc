/* The public transactions. A transaction is a handle of its own: calls through it belong to it. */
#include "transaction/handle.h"

mv_err mv_begin(mv_collection *c, mv_collection **out, mv_error *error)
{
    *out = NULL;
    if (c->of)
        return error_set(error, MV_MISUSE, "a transaction cannot be begun inside another one");
    mv_collection *transaction = mem_alloc_zero(sizeof *transaction);
    if (!transaction) return error_memory(error, sizeof *transaction, "a transaction");
    mv_err err = handle_begin_write(c, &transaction->w, error);
    if (err) {
        mem_free(transaction, sizeof *transaction);
        return err;
    }
    transaction->e = transaction->w->e; /* the reference is that of `c` */
    transaction->path = c->path;
    transaction->durability = c->durability;
    transaction->of = c;
    transaction->thread = os_thread_id();
    os_process_lock();
    transaction->next = c->begun;
    c->begun = transaction;
    os_process_unlock();
    *out = transaction;
    return MV_OK;
}

/* Free the handle, and return the writer to be ended. */
static writer *free_handle(mv_collection *transaction)
{
    writer *w = transaction->w;
    os_process_lock();
    mv_collection **link = &transaction->of->begun;
    while (*link != transaction) link = &(*link)->next;
    *link = transaction->next;
    os_process_unlock();
    mem_free(transaction, sizeof *transaction);
    return w;
}

mv_err mv_commit(mv_collection *transaction, mv_error *error)
{
    engine *e = NULL;
    mv_collection *c = transaction->of;
    if (!c) return error_set(error, MV_MISUSE, "there is no transaction to commit");
    MV_TRY(handle_engine(transaction, &e, error)); /* else it is another thread's or process's */
    return handle_commit(c, free_handle(transaction), error);
}

void mv_abort(mv_collection *transaction)
{
    if (transaction && transaction->of) writer_abort(free_handle(transaction));
}

bool mv_in_transaction(const mv_collection *c)
{
    return !handle_is_forked(c) && engine_is_writing(c->e);
}

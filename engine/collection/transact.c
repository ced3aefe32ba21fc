/* The public calls that begin, commit and undo the transaction of a handle. */
#include "transaction/handle.h"

mv_err mv_begin(mv_collection *c, mv_error *error)
{
    if (!c->read_only && handle_transaction(c))
        return error_set(error, MV_BUSY, "this collection already has a transaction open");
    return handle_begin_write(c, &c->transaction, error);
}

mv_err mv_commit(mv_collection *c, mv_error *error)
{
    writer *w = handle_transaction(c);
    if (!w) return error_set(error, MV_MISUSE, "there is no transaction to commit");
    c->transaction = NULL;
    return handle_commit(c, w, error);
}

void mv_abort(mv_collection *c)
{
    writer *w = handle_transaction(c);
    if (!w) return;
    c->transaction = NULL; /* first: another thread may begin one as soon as this one has ended */
    writer_abort(w);
}

bool mv_in_transaction(const mv_collection *c)
{
    return handle_transaction(c) != NULL;
}

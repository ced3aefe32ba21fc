/* Opening and closing snapshots. */
#include "open/snapshot.h"

mv_err snapshot_open(engine *e, snapshot *s, mv_error *error)
{
    *s = (snapshot){0};
    catalog_txn *txn = NULL;
    MV_TRY(engine_begin_read(e, &txn, error));
    mv_err err = view_open(e, txn, catalog_commit_number(txn), &s->now, &s->v, error);
    if (err) {
        catalog_end(txn);
        engine_end_read(e);
        return err;
    }
    s->e = e;
    s->txn = txn;
    return MV_OK;
}

void snapshot_close(snapshot *s)
{
    if (!s->e) return;
    mv_assert(s->v && s->txn);
    mv_assert(engine_is_of_this_process(s->e)); /* I1 */
    view_release(s->e, s->v);
    if (!s->is_of_writer) {
        catalog_end(s->txn);
        engine_end_read(s->e);
    }
    *s = (snapshot){0};
}

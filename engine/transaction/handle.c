/* Handles: their engine, their transaction, and what their reads see. */
#include "transaction/handle.h"

#include "open/known_schema.h"
#include "open/registry.h"

mv_err handle_engine(mv_collection *c, engine **e, mv_error *error)
{
    if (handle_is_forked(c)) {
        if (c->e->in_memory)
            return error_set(error, MV_BUSY,
                             "a collection in memory exists only in the process that created it, "
                             "and this process was forked from that one");
        mv_open_options options = {.read_only = c->read_only, .verify = c->verify};
        engine *opened = NULL;
        MV_TRY(registry_open(c->path, &options, c->e->hooks, &opened, error));
        registry_release(c->e);
        c->e = opened;
        c->transaction = NULL; /* the parent's, as are the commits that are not synced */
        c->owes_sync = false;
    }
    mv_assert(engine_is_of_this_process(c->e)); /* I1 */
    *e = c->e;
    return MV_OK;
}

const mv_schema *handle_schema(mv_collection *c)
{
    engine *e = NULL;
    const mv_schema *schema = NULL;
    const writer *w = handle_transaction(c);
    if (w) return w->v->schema;
    if (!handle_engine(c, &e, NULL) && !known_schema_read(e, &schema, NULL)) return schema;
    return atomic_load(&c->e->last_schema);
}

/* Only the thread that writes may read `transaction`: that thread changes it without a lock. */
writer *handle_transaction(const mv_collection *c)
{
    if (handle_is_forked(c) || atomic_load(&c->e->writing_thread) != os_thread_id()) return NULL;
    return c->transaction;
}

mv_err handle_begin_write(mv_collection *c, writer **w, mv_error *error)
{
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    if (c->read_only) return error_set(error, MV_READ_ONLY, "'%s' was opened read_only", c->path);
    return writer_begin(e, c->durability == MV_DURABILITY_FULL, !c->manual_maintenance, w, error);
}

mv_err handle_commit(mv_collection *c, writer *w, mv_error *error)
{
    mv_assert(w != c->transaction); /* the caller has cleared it: another thread may write next */
    if (c->durability != MV_DURABILITY_FULL) c->owes_sync = true;
    return writer_commit(w, error);
}

mv_err handle_write(mv_collection *c, handle_write_fn write, void *ctx, mv_error *error)
{
    engine *e = NULL;
    writer *w = NULL;
    MV_TRY(handle_engine(c, &e, error));
    if ((w = handle_transaction(c))) {
        MV_TRY(writer_check(w, error));
        return write(w, true, ctx, error);
    }
    MV_TRY(handle_begin_write(c, &w, error));
    mv_err err = write(w, false, ctx, error);
    if (!err) return handle_commit(c, w, error);
    writer_abort(w);
    return err;
}

mv_err handle_snapshot(mv_collection *c, snapshot *s, mv_error *error)
{
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    writer *w = handle_transaction(c);
    if (!w) return snapshot_open(e, s, error);
    MV_TRY(writer_check(w, error));
    MV_TRY(writer_settle(w, error));
    view_retain(e, w->v);
    *s = (snapshot){e, w->txn, w->v, true};
    return MV_OK;
}

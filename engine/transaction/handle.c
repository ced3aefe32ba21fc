/* Handles: their engine, their transaction, and what their reads see. */
#include "transaction/handle.h"

#include "open/known_schema.h"
#include "open/registry.h"

static mv_err check_transaction(const mv_collection *c, mv_error *error)
{
    if (handle_is_forked(c)) return error_set_forked(error, "the transaction");
    if (c->thread != os_thread_id())
        return error_set(error, MV_BUSY, "the transaction belongs to the thread that began it");
    return MV_OK;
}

mv_err handle_engine(mv_collection *c, engine **e, mv_error *error)
{
    if (c->of) {
        MV_TRY(check_transaction(c, error));
    } else if (handle_is_forked(c)) {
        if (c->e->in_memory)
            return error_set(error, MV_BUSY,
                             "a collection in memory exists only in the process that created it, "
                             "and this process was forked from that one");
        mv_open_options options = {.read_only = c->read_only, .verify = c->verify};
        engine *opened = NULL;
        MV_TRY(registry_open(c->path, &options, c->e->hooks, &opened, error));
        atomic_store(&opened->maintenance_threads, c->maintenance_threads);
        registry_release(c->e);
        c->e = opened;
        c->owes_sync = false; /* the commits that are not synced are the parent's */
    }
    mv_assert(engine_is_of_this_process(c->e)); /* I1 */
    *e = c->e;
    return MV_OK;
}

const mv_schema *handle_schema(mv_collection *c)
{
    engine *e = NULL;
    const mv_schema *schema = NULL;
    if (c->of) return c->w->v->schema;
    if (!handle_engine(c, &e, NULL) && !known_schema_read(e, &schema, NULL)) return schema;
    return atomic_load(&c->e->last_schema);
}

mv_err handle_check_collection(const mv_collection *c, mv_error *error)
{
    if (!c->of) return MV_OK;
    return error_set(error, MV_MISUSE, "not in a transaction: this concerns the whole collection");
}

mv_err handle_begin_write(mv_collection *c, writer **w, mv_error *error)
{
    engine *e = NULL;
    MV_TRY(handle_engine(c, &e, error));
    if (c->read_only) return error_set(error, MV_READ_ONLY, "'%s' was opened read_only", c->path);
    return writer_begin(e, c->durability == MV_DURABILITY_FULL, !c->manual_maintenance,
                        c->busy_seconds, w, error);
}

mv_err handle_commit(mv_collection *c, writer *w, mv_error *error)
{
    engine *e = w->e;
    uint64_t rows = w->state.next_docid - w->first_docid;
    if (c->durability != MV_DURABILITY_FULL) c->owes_sync = true;
    MV_TRY(writer_commit(w, error));
    if (!c->manual_maintenance) e->hooks->slow_down(e, rows, c->slowdown_rows);
    return MV_OK;
}

mv_err handle_write(mv_collection *c, handle_write_fn write, void *ctx, mv_error *error)
{
    engine *e = NULL;
    writer *w = NULL;
    MV_TRY(handle_engine(c, &e, error));
    if (c->of) {
        MV_TRY(writer_check(c->w, error));
        return write(c->w, true, ctx, error);
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
    if (!c->of) {
        MV_TRY(snapshot_open(e, s, error));
        if (!c->read_only && !c->manual_maintenance)
            e->hooks->on_read(e, s->v, c->durability == MV_DURABILITY_FULL);
        return MV_OK;
    }
    writer *w = c->w;
    MV_TRY(writer_check(w, error));
    MV_TRY(writer_settle(w, error));
    view_retain(e, w->v);
    *s = (snapshot){e, w->txn, w->v, w->now, true};
    return MV_OK;
}

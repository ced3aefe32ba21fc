/* The public writes: batches, deletions by id and by filter. */
#include <string.h>

#include "read/scan.h"
#include "transaction/handle.h"
#include "transaction/put.h"

typedef struct batch_write {
    mv_write_mode mode;
    const mv_batch *batch;
    uint64_t written;
} batch_write;

static mv_err write_batch(writer *w, bool check_first, void *ctx, mv_error *error)
{
    batch_write *p = ctx;
    return put_batch(w, p->mode, p->batch, check_first, &p->written, error);
}

mv_err mv_write(mv_collection *c, mv_write_mode mode, mv_batch *batch, uint64_t *written,
                mv_error *error)
{
    batch_write p = {.mode = mode, .batch = batch};
    *written = 0;
    if (mode < MV_INSERT || mode > MV_UPDATE)
        return error_set(error, MV_MISUSE, "there is no write mode %d", (int)mode);
    if (!batch->count) return MV_OK;
    mv_err err = handle_write(c, write_batch, &p, error);
    if (!err) *written = p.written;
    return err;
}

typedef struct deletion {
    const mv_id *ids; /* to delete by id */
    size_t ids_count;
    const mv_filter *filter; /* to delete by filter */
    uint64_t deleted;        /* documents so far */
} deletion;

static mv_err delete_by_filter(writer *w, bool check_first, void *ctx, mv_error *error)
{
    deletion *d = ctx;
    mem_buffer docids = {0};
    mem_arena arena = {0};
    row_parts parts;
    (void)check_first;
    mv_err err = writer_settle(w, error);
    if (err) goto done;
    mv_assert(!w->v_lags); /* I10 */
    snapshot s = {w->e, w->txn, w->v, w->now, true};
    if ((err = scan_docids(&s, d->filter, &docids, error))) goto done;
    if ((err = row_create(w->v->schema, &arena, &parts, error))) goto done;
    const uint64_t *list = (const uint64_t *)(const void *)docids.data;
    size_t count = docids.size / sizeof *list;
    for (size_t i = 0; i < count && !err; i++) {
        uint8_t id[MV_ID_SIZE_MAX]; /* a copy: the row is removed before its id */
        bool found;
        if ((err = writer_read(w, list[i], &parts, error))) break;
        memcpy(id, parts.id, parts.id_size);
        err = writer_delete_id(w, id, parts.id_size, &found, error);
        d->deleted++;
    }
    if (err && count) w->is_failed = true; /* I11 */
done:
    mem_buffer_free(&docids);
    mem_arena_free(&arena);
    return err;
}

mv_err mv_delete_by_filter(mv_collection *c, const mv_filter *source, uint64_t *deleted,
                           mv_error *error)
{
    deletion d = {.filter = source};
    *deleted = 0;
    mv_err err = handle_write(c, delete_by_filter, &d, error);
    if (!err) *deleted = d.deleted;
    return err;
}

static mv_err delete_ids(writer *w, bool check_first, void *ctx, mv_error *error)
{
    deletion *d = ctx;
    (void)check_first;
    for (size_t i = 0; i < d->ids_count; i++) {
        bool found;
        mv_err err = writer_delete_id(w, d->ids[i].data, d->ids[i].size, &found, error);
        if (err && d->deleted) w->is_failed = true; /* I11 */
        if (err) return err;
        d->deleted += found;
    }
    return MV_OK;
}

mv_err mv_delete(mv_collection *c, const mv_id *ids, size_t ids_count, uint64_t *deleted,
                 mv_error *error)
{
    deletion d = {.ids = ids, .ids_count = ids_count};
    *deleted = 0;
    mv_err err = handle_write(c, delete_ids, &d, error);
    if (!err) *deleted = d.deleted;
    return err;
}

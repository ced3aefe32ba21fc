/* Writing the documents of a batch: one by one into the fresh table, or a large batch directly into
 * a segment. */
#include "transaction/put.h"

#include <string.h>

#include "transaction/put_check.h"
#include "transaction/retention.h"
#include "transaction/seal.h"

/* An insert of row i found its id at `old_docid`. `first`: the docid of row 0. */
static mv_err fail_exists(const mv_batch *batch, uint32_t i, uint64_t old_docid, uint64_t first,
                          mv_error *error)
{
    if (old_docid < first) return writer_exists(&batch->rows[i], error);
    return put_check_twice(batch, (uint32_t)(old_docid - first), i, error);
}

/* ---------------------------------------------------------------- one by one */

/* Write row i, after the rows before it: each got one docid. */
static mv_err put_fresh(writer *w, mv_write_mode mode, const mv_batch *batch, uint32_t i,
                        mv_error *error)
{
    const row_parts *r = &batch->rows[i];
    uint64_t old_docid, docid = w->state.next_docid, first = docid - i;
    bool found, is_there;
    MV_TRY(writer_find(w, r->id, r->id_size, &old_docid, &found, &is_there, error));
    is_there |= found && old_docid >= first; /* what the batch has written itself */
    if (is_there && mode == MV_INSERT) return fail_exists(batch, i, old_docid, first, error);
    if (!is_there && mode == MV_UPDATE) return writer_missing(r, error);
    MV_TRY(writer_encode(w, r, mode == MV_UPDATE ? &old_docid : NULL, error));
    if (found) MV_TRY(writer_delete_row(w, old_docid, is_there, error));
    uint8_t *bytes = NULL;
    MV_TRY(catalog_id_put(w->txn, r->id, r->id_size, docid, error));
    MV_TRY(catalog_append_start(w->txn, CATALOG_FRESH, docid, w->encoded.size, &bytes, error));
    memcpy(bytes, w->encoded.data, w->encoded.size);
    catalog_append_finish(docid, bytes, w->encoded.size);
    w->state.next_docid++;
    w->state.documents++;
    w->state.fresh_rows++;
    w->state.fresh_bytes += w->encoded.size;
    if (w->v->schema->retention.max_bytes) w->state.bytes += w->encoded.size;
    int64_t expires = row_expires(w->v->schema, w->encoded.data);
    if (expires < w->state.fresh_expires) w->state.fresh_expires = expires;
    w->v_lags = true;
    w->changes++;
    return seal_is_due_for_writer(w) ? seal_rows(w, NULL, 0, 0, error) : MV_OK;
}

/* ---------------------------------------------------------------- many documents at once */

static bool is_bulk(const mv_batch *batch, mv_write_mode mode)
{
    uint64_t vectors_size = 0;
    for (uint32_t v = 0; v < batch->schema->vectors_count; v++)
        vectors_size += batch->schema->vectors[v].size;
    return mode != MV_UPDATE &&
           (batch->count >= SEAL_ROWS_MAX || batch->count * vectors_size >= SEAL_BYTES_MAX);
}

/* A batch that becomes a segment. */
typedef struct bulk {
    const mv_batch *batch;
    mv_write_mode mode;
    uint64_t first; /* row i of the batch gets docid first + i */
    row_parts *rows;
    mem_arena arena;
} bulk;

/* Take the place of the row that has the id of row i. Of the batch itself that row is left out: its
 * id is set to NULL. */
static mv_err replace_row(writer *w, bulk *b, uint32_t i, uint64_t old_docid, bool is_there,
                          mv_error *error)
{
    uint64_t size;
    if (old_docid < b->first) return writer_delete_row(w, old_docid, is_there, error);
    row_parts *replaced = &b->rows[old_docid - b->first];
    MV_TRY(writer_counted_size(w, replaced, &size, error));
    mv_assert(replaced < &b->rows[i]);
    replaced->id = NULL;
    w->state.documents--;
    w->state.bytes -= size;
    return MV_OK;
}

static mv_err put_bulk_row(writer *w, bulk *b, uint32_t i, mv_error *error)
{
    const mv_schema *schema = w->v->schema;
    const row_parts *given = &b->batch->rows[i];
    row_parts *r = &b->rows[i];
    uint64_t old_docid, size;
    bool found, is_there;
    MV_TRY(row_create(schema, &b->arena, r, error));
    row_overlay(schema, given, r);
    r->id = given->id;
    r->id_size = given->id_size;
    MV_TRY(row_complete(schema, r, &b->arena, error));
    MV_TRY(writer_counted_size(w, r, &size, error));
    MV_TRY(writer_find(w, r->id, r->id_size, &old_docid, &found, &is_there, error));
    if (found && old_docid >= b->first + i) /* I5 */
        return error_set(error, MV_CORRUPT, "%s: docid %llu of an id was never assigned",
                         CATALOG_FILE, (unsigned long long)old_docid);
    if (is_there && b->mode == MV_INSERT)
        return fail_exists(b->batch, i, old_docid, b->first, error);
    if (found) MV_TRY(replace_row(w, b, i, old_docid, is_there, error));
    MV_TRY(catalog_id_put(w->txn, given->id, given->id_size, b->first + i, error));
    w->state.documents++;
    w->state.bytes += size;
    return MV_OK;
}

/* Write the batch directly into a segment, so that its vectors are written once. */
static mv_err put_bulk(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error)
{
    mv_assert(mode != MV_UPDATE);
    mv_err err = MV_OK;
    bulk b = {.batch = batch, .mode = mode, .first = w->state.next_docid};
    b.rows = mem_arena_alloc(&b.arena, batch->count * sizeof *b.rows);
    if (!b.rows) err = error_memory(error, batch->count * sizeof *b.rows, "a batch");
    for (uint32_t i = 0; i < batch->count && !err; i++) err = put_bulk_row(w, &b, i, error);
    if (!err) {
        w->state.next_docid += batch->count;
        w->changes++;
        err = seal_rows(w, b.rows, batch->count, b.first, error);
    }
    mem_arena_free(&b.arena);
    return err;
}

static mv_err check_batch_schema(const writer *w, const mv_batch *batch, mv_error *error)
{
    if (schema_compare_has_same_rows(batch->schema, w->v->schema)) return MV_OK;
    return error_set(error, MV_SCHEMA_MISMATCH,
                     "the schema has changed since the batch was created: create another batch");
}

mv_err put_batch(writer *w, mv_write_mode mode, const mv_batch *batch, bool check_first,
                 uint64_t *written, mv_error *error)
{
    *written = 0;
    mv_assert(!w->is_failed); /* I11 */
    MV_TRY(check_batch_schema(w, batch, error));
    if (check_first) MV_TRY(put_check(w, mode, batch, error));
    uint64_t first = w->state.next_docid;
    w->is_failed = true; /* until all documents are written (I11) */
    if (is_bulk(batch, mode))
        MV_TRY(put_bulk(w, mode, batch, error));
    else
        for (uint32_t i = 0; i < batch->count; i++) MV_TRY(put_fresh(w, mode, batch, i, error));
    MV_TRY(retention_apply(w, first, error));
    w->is_failed = false;
    *written = batch->count;
    return MV_OK;
}

/* Writing the documents of a batch: one by one into the fresh table, or a large batch directly into
 * a segment. */
#include "transaction/put.h"

#include <string.h>

#include "transaction/put_check.h"
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
    uint64_t old_docid, docid = w->state.next_docid;
    bool found;
    MV_TRY(catalog_id_get(w->txn, r->id, r->id_size, &old_docid, &found, error));
    if (found && mode == MV_INSERT) return fail_exists(batch, i, old_docid, docid - i, error);
    if (!found && mode == MV_UPDATE) return writer_missing(r, error);
    MV_TRY(writer_encode(w, r, mode == MV_UPDATE ? &old_docid : NULL, error));
    if (found) MV_TRY(writer_delete_row(w, old_docid, error));
    uint8_t *bytes = NULL;
    MV_TRY(catalog_id_put(w->txn, r->id, r->id_size, docid, error));
    MV_TRY(catalog_append_start(w->txn, CATALOG_FRESH, docid, w->encoded.size, &bytes, error));
    memcpy(bytes, w->encoded.data, w->encoded.size);
    catalog_append_finish(docid, bytes, w->encoded.size);
    w->state.next_docid++;
    w->state.documents++;
    w->state.fresh_rows++;
    w->state.fresh_bytes += w->encoded.size;
    w->v_lags = true;
    w->changes++;
    return seal_is_due_in(w) ? seal_rows(w, NULL, 0, 0, error) : MV_OK;
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

/* Write the batch directly into a segment, so that its vectors are written once. A row that a later
 * row of the batch replaces is left out: its id is set to NULL. */
static mv_err put_bulk(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error)
{
    mv_assert(mode != MV_UPDATE);
    const mv_schema *schema = w->v->schema;
    uint64_t first = w->state.next_docid; /* row i of the batch gets docid first + i */
    mem_arena arena = {0};
    mv_err err;
    row_parts *rows = mem_arena_alloc(&arena, batch->count * sizeof *rows);
    if (!rows) {
        err = error_memory(error, batch->count * sizeof *rows, "a batch");
        goto done;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        const row_parts *given = &batch->rows[i];
        uint64_t old_docid;
        bool found;
        if ((err = row_create(schema, &arena, &rows[i], error))) goto done;
        row_overlay(schema, given, &rows[i]);
        rows[i].id = given->id;
        rows[i].id_size = given->id_size;
        if ((err = row_complete(schema, &rows[i], &arena, error))) goto done;
        if ((err = catalog_id_get(w->txn, given->id, given->id_size, &old_docid, &found, error)))
            goto done;
        if (found && old_docid >= first + i) { /* I5 */
            err = error_set(error, MV_CORRUPT, "%s: docid %llu of an id was never assigned",
                            CATALOG_FILE, (unsigned long long)old_docid);
            goto done;
        }
        if (found && mode == MV_INSERT) {
            err = fail_exists(batch, i, old_docid, first, error);
            goto done;
        }
        if (found && old_docid >= first) {
            rows[old_docid - first].id = NULL;
            w->state.documents--;
        } else if (found && (err = writer_delete_row(w, old_docid, error)))
            goto done;
        if ((err = catalog_id_put(w->txn, given->id, given->id_size, first + i, error))) goto done;
        w->state.documents++;
    }
    w->state.next_docid += batch->count;
    w->changes++;
    err = seal_rows(w, rows, batch->count, first, error);
done:
    mem_arena_free(&arena);
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
    w->is_failed = true; /* until all documents are written (I11) */
    if (is_bulk(batch, mode))
        MV_TRY(put_bulk(w, mode, batch, error));
    else
        for (uint32_t i = 0; i < batch->count; i++) MV_TRY(put_fresh(w, mode, batch, i, error));
    w->is_failed = false;
    *written = batch->count;
    return MV_OK;
}

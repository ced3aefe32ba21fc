/* Sealing: fresh rows, and those of a large batch, become a segment within the write transaction.
 *
 * Readers go on. Other writers wait, a few milliseconds per 4,096 rows. Fresh rows are read in
 * place in the catalog's pages: these do not move, because the catalog is not changed before all
 * files of the segment are finished. */
#include "transaction/seal.h"

#include <inttypes.h>
#include <string.h>

#include "transaction/writer_files.h"

static uint64_t sealing_docid(void *ctx, uint32_t row)
{
    return ((const sealing *)ctx)->docids[row];
}

static mv_err sealing_id(void *ctx, uint32_t row, const uint8_t **id, uint32_t *size,
                         mv_error *error)
{
    const sealing *s = ctx;
    (void)error;
    if (row < s->encoded_count) {
        row_id(s->encoded[row], id, size);
        return MV_OK;
    }
    const row_parts *parts = s->parts[row - s->encoded_count];
    *id = parts->id;
    *size = parts->id_size;
    return MV_OK;
}

static mv_err sealing_cell(void *ctx, uint32_t row, uint32_t field, cell *out, mv_error *error)
{
    const sealing *s = ctx;
    (void)error;
    if (row < s->encoded_count)
        row_cell(s->schema, s->encoded[row], field, out);
    else
        *out = s->parts[row - s->encoded_count]->cells[field];
    return MV_OK;
}

static mv_err sealing_vector(void *ctx, uint32_t row, uint32_t field, const uint8_t **elements,
                             float *inverse_norm, mv_error *error)
{
    const sealing *s = ctx;
    (void)error;
    if (row < s->encoded_count) {
        *elements = row_vector(s->schema, s->encoded[row], field);
        *inverse_norm = row_inverse_norm(s->schema, s->encoded[row], field);
    } else {
        *elements = s->parts[row - s->encoded_count]->vectors[field];
        *inverse_norm = s->parts[row - s->encoded_count]->inverse_norms[field];
    }
    return MV_OK;
}

segment_source seal_source(sealing *s, uint32_t count)
{
    return (segment_source){s, count, sealing_docid, sealing_id, sealing_cell, sealing_vector};
}

static mv_err damaged_fresh_row(uint64_t docid, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: fresh row %" PRIu64 " is damaged", CATALOG_FILE,
                     docid);
}

mv_err seal_check_row(const mv_schema *schema, uint64_t docid, const catalog_value *value,
                      mv_error *error)
{
    if (!catalog_is_intact(docid, value)) return damaged_fresh_row(docid, error);
    return row_check(schema, value->bytes, value->size, error);
}

static mv_err gather_fresh(writer *w, sealing *s, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    mv_err err = catalog_cursor_open(w->txn, CATALOG_FRESH, &cursor, error);
    if (err) return err;
    for (;;) {
        uint64_t docid;
        catalog_value value;
        bool found;
        if ((err = catalog_cursor_next_u64(cursor, &docid, &value, &found, error)) || !found) break;
        err = s->encoded_count == w->state.fresh_rows
                  ? damaged_fresh_row(docid, error)
                  : seal_check_row(s->schema, docid, &value, error);
        if (err) break;
        s->encoded[s->encoded_count] = value.bytes;
        s->docids[s->encoded_count++] = docid;
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err write_segment(writer *w, const segment_source *source, segment_writer **out,
                            mv_error *error)
{
    bool more = true;
    MV_TRY(segment_writer_create(engine_directory(w->e), w->state.next_segment, w->v->schema,
                                 source, !w->is_unsynced, out, error));
    w->state.next_segment++;
    while (more) {
        mv_err err = segment_writer_step(*out, &more, error);
        if (!err) continue;
        segment_writer_undo(*out);
        segment_writer_free(*out);
        *out = NULL;
        return err;
    }
    return MV_OK;
}

bool seal_is_due(const engine_state *state)
{
    uint64_t rows = state->documents / SEAL_ROWS_ONE_IN;
    if (rows < SEAL_ROWS_MIN) rows = SEAL_ROWS_MIN;
    if (rows > SEAL_ROWS_MAX) rows = SEAL_ROWS_MAX;
    return state->fresh_rows >= rows || state->fresh_bytes >= SEAL_BYTES_MAX;
}

bool seal_is_due_for_writer(const writer *w)
{
    return w->seals ? seal_is_due(&w->state) : w->state.fresh_bytes >= SEAL_BYTES_MANUAL;
}

mv_err seal_rows(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                 mv_error *error)
{
    uint64_t most = w->state.fresh_rows + rows_count;
    sealing s = {.schema = w->v->schema};
    mv_assert(!rows_count || first_docid + rows_count <= w->state.next_docid); /* I5 */
    segment_writer *written = NULL;
    mem_arena arena = {0};
    mv_err err = MV_OK;
    if (!most) return MV_OK;
    if (most > SEGMENT_ROWS_MAX)
        return error_set(error, MV_LIMIT,
                         "%" PRIu64 " rows for one segment, at most %u are allowed", most,
                         SEGMENT_ROWS_MAX);
    s.encoded = mem_arena_alloc(&arena, mem_array_size(w->state.fresh_rows, sizeof *s.encoded));
    s.docids = mem_arena_alloc(&arena, mem_array_size(most, sizeof *s.docids));
    s.parts = mem_arena_alloc(&arena, mem_array_size(rows_count, sizeof *s.parts));
    if (!s.encoded || !s.docids || !s.parts) {
        err = error_memory(error, mem_array_size(most, sizeof *s.docids), "a segment");
        goto done;
    }
    if ((err = gather_fresh(w, &s, error))) goto done;
    uint32_t count = s.encoded_count;
    for (uint32_t i = 0; i < rows_count; i++) {
        if (!rows[i].id) continue;
        s.parts[count - s.encoded_count] = &rows[i];
        s.docids[count++] = first_docid + i;
    }
    mv_assert(count <= most);
    if (count) {
        segment_source source = seal_source(&s, count);
        if ((err = write_segment(w, &source, &written, error))) goto done;
        if ((err = writer_files_add_segment(w, written, error))) goto done;
    }
    if ((err = catalog_clear(w->txn, CATALOG_FRESH, error))) goto done;
    w->state.fresh_rows = 0;
    w->state.fresh_bytes = 0;
    w->state.fresh_expires = SCHEMA_NEVER;
    err = writer_settle(w, error);
done:
    mem_arena_free(&arena);
    return err;
}

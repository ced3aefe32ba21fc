/* Sealing: fresh rows, and those of a large batch, become a segment within the write transaction.
 *
 * Readers are not disturbed; other writers wait, a few milliseconds per 4,096 rows. Fresh rows are
 * read where they lie in the catalog's pages, which stay in place since nothing is changed until
 * all files stand. */
#include "transaction/seal.h"

#include <string.h>

#include "transaction/writer_files.h"

/* The rows to seal, by docid: encoded ones from the fresh table, then those of a batch. */
typedef struct sealing {
    const mv_schema *schema;
    const uint8_t **encoded;
    uint64_t *docids; /* of all */
    const row_parts **parts;
    uint32_t encoded_count;
} sealing;

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

/* Gather the fresh rows, each verified: damage must not get a fresh checksum. */
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
        if (s->encoded_count == w->state.fresh_rows ||
            !catalog_is_intact(&docid, sizeof docid, &value)) {
            err = error_set(error, MV_CORRUPT, "%s: fresh row %llu is damaged", CATALOG_FILE,
                            (unsigned long long)docid);
            break;
        }
        if ((err = row_check(s->schema, value.bytes, value.size, error))) break;
        s->encoded[s->encoded_count] = value.bytes;
        s->docids[s->encoded_count++] = docid;
    }
    catalog_cursor_close(cursor);
    return err;
}

static mv_err write_all(writer *w, const segment_source *source, segment_writer **out,
                        mv_error *error)
{
    bool more = true;
    MV_TRY(segment_writer_create(engine_directory(w->e), w->state.next_segment, w->v->schema,
                                 source, w->sync, out, error));
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

bool seal_is_due(const writer *w)
{
    uint64_t rows = w->state.documents / 16;
    if (rows < SEAL_ROWS_MIN) rows = SEAL_ROWS_MIN;
    if (rows > SEAL_ROWS_MAX) rows = SEAL_ROWS_MAX;
    return w->state.fresh_rows >= rows || w->state.fresh_bytes >= SEAL_BYTES_MAX;
}

mv_err seal_rows(writer *w, const row_parts *rows, uint32_t rows_count, uint64_t first_docid,
                 mv_error *error)
{
    size_t most = (size_t)w->state.fresh_rows + rows_count;
    sealing s = {.schema = w->v->schema};
    segment_writer *written = NULL;
    mem_arena arena = {0};
    mv_err err = MV_OK;
    if (!most) return MV_OK;
    if (most > SEGMENT_ROWS_MAX)
        return error_set(error, MV_LIMIT, "%zu rows at once are more than a segment holds (%u)",
                         most, SEGMENT_ROWS_MAX);
    s.encoded = mem_arena_alloc(&arena, (size_t)w->state.fresh_rows * sizeof *s.encoded);
    s.docids = mem_arena_alloc(&arena, most * sizeof *s.docids);
    s.parts = mem_arena_alloc(&arena, rows_count * sizeof *s.parts);
    if (!s.encoded || !s.docids || !s.parts) {
        err = error_memory(error, most * sizeof *s.docids, "a segment");
        goto done;
    }
    if ((err = gather_fresh(w, &s, error))) goto done;
    uint32_t count = s.encoded_count;
    for (uint32_t i = 0; i < rows_count; i++) {
        if (!rows[i].id) continue;
        s.parts[count - s.encoded_count] = &rows[i];
        s.docids[count++] = first_docid + i;
    }
    if (count) {
        segment_source source = {&s,         count,        sealing_docid,
                                 sealing_id, sealing_cell, sealing_vector};
        if ((err = write_all(w, &source, &written, error))) goto done;
        if ((err = writer_files_add_segment(w, written, error))) goto done;
    }
    if ((err = catalog_clear(w->txn, CATALOG_FRESH, error))) goto done;
    w->state.fresh_rows = 0;
    w->state.fresh_bytes = 0;
    err = writer_settle(w, error);
done:
    mem_arena_free(&arena);
    return err;
}

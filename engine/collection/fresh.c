/* Gathering fresh rows. Nothing is decoded that was not asked for, and vectors are scored where
 * they lie. */
#include "collection/fresh.h"

#include <string.h>

static void *array(fresh_reader *r, size_t count, size_t size, mv_err *err, mv_error *error)
{
    void *block = mem_arena_alloc(&r->arena, count * size);
    if (!block)
        *err = error_memory(error, count * size, "fresh rows");
    else
        memset(block, 0, count * size);
    return block;
}

static mv_err make_buffers(fresh_reader *r, mv_error *error)
{
    uint32_t count = r->schema->fields_count + 1;
    if (r->buffers_count >= count) return MV_OK;
    mem_buffer *bytes =
        mem_realloc(r->bytes, r->buffers_count * sizeof *bytes, count * sizeof *bytes);
    if (!bytes) return error_memory(error, count * sizeof *bytes, "fresh rows");
    memset(bytes + r->buffers_count, 0, (count - r->buffers_count) * sizeof *bytes);
    r->bytes = bytes;
    r->buffers_count = count;
    return MV_OK;
}

static mv_err make_columns(fresh_reader *r, mv_error *error)
{
    mv_err err = MV_OK;
    for (uint32_t f = 0; r->wants.fields && f < r->schema->fields_count && !err; f++) {
        if (!r->wants.fields[f]) continue;
        mv_type type = r->schema->fields[f].type;
        table_column *column = &r->columns[f];
        column->nulls = array(r, bits_words(FRESH_CHUNK_ROWS), sizeof(uint64_t), &err, error);
        if (cell_is_variable(type))
            column->ends = array(r, FRESH_CHUNK_ROWS, sizeof(uint64_t), &err, error);
        else
            column->values = array(r, FRESH_CHUNK_ROWS, cell_width(type), &err, error);
    }
    if (r->wants.id && !err)
        r->table.ids.ends = array(r, FRESH_CHUNK_ROWS, sizeof(uint64_t), &err, error);
    return err;
}

mv_err fresh_open(fresh_reader *r, const snapshot *s, const fresh_wants *wants, mv_error *error)
{
    mv_err err = MV_OK;
    r->schema = s->e->schema;
    r->wants = *wants;
    mem_arena_clear(&r->arena);
    r->table = (table){0};
    MV_TRY(make_buffers(r, error));
    r->rows = array(r, FRESH_CHUNK_ROWS, sizeof *r->rows, &err, error);
    r->docids = array(r, FRESH_CHUNK_ROWS, sizeof *r->docids, &err, error);
    r->vectors = array(r, FRESH_CHUNK_ROWS, sizeof *r->vectors, &err, error);
    r->inverse_norms = array(r, FRESH_CHUNK_ROWS, sizeof *r->inverse_norms, &err, error);
    r->columns = array(r, r->schema->fields_count, sizeof *r->columns, &err, error);
    r->all_vectors = array(r, r->schema->vectors_count, sizeof *r->all_vectors, &err, error);
    if (err) return err;
    MV_TRY(make_columns(r, error));
    r->table.docids = r->docids;
    r->table.columns = r->columns;
    r->table.vectors = r->all_vectors;
    if (wants->vector_field != FRESH_NO_VECTOR) {
        table_vectors *vectors = &r->all_vectors[wants->vector_field];
        vectors->list = r->vectors;
        if (r->schema->vectors[wants->vector_field].metric == MV_COSINE)
            vectors->inverse_norms = r->inverse_norms;
    }
    return catalog_cursor_open(s->txn, CATALOG_FRESH, &r->cursor, error);
}

static mv_err take_rows(fresh_reader *r, mv_error *error)
{
    uint32_t count = 0;
    for (bool found = true; count < FRESH_CHUNK_ROWS;) {
        catalog_value value;
        MV_TRY(catalog_cursor_next_u64(r->cursor, &r->docids[count], &value, &found, error));
        if (!found) break;
        MV_TRY(row_check(r->schema, value.bytes, value.size, error));
        r->rows[count++] = value.bytes;
    }
    r->table.rows = count;
    return MV_OK;
}

/* One variable cell more; the ends array is ours, const only for readers. */
static mv_err append_cell(mem_buffer *bytes, const uint64_t *ends, uint32_t row,
                          const uint8_t *cell_bytes, uint32_t size, mv_error *error)
{
    if (!mem_buffer_append(bytes, cell_bytes, size)) return error_memory(error, size, "fresh rows");
    uint64_t end = bytes->size;
    memcpy((char *)(uintptr_t)(ends + row), &end, sizeof end);
    return MV_OK;
}

static mv_err gather_column(fresh_reader *r, uint32_t field, mv_error *error)
{
    table_column *column = &r->columns[field];
    mv_type type = r->schema->fields[field].type;
    bool variable = cell_is_variable(type);
    size_t width = variable ? 0 : cell_width(type);
    mem_buffer *bytes = &r->bytes[field];
    uint64_t nulls[FRESH_CHUNK_ROWS / 64] = {0};
    uint8_t *values = (uint8_t *)(uintptr_t)column->values; /* ours, const only for readers */
    bytes->size = 0;
    for (uint32_t row = 0; row < r->table.rows; row++) {
        cell c;
        row_cell(r->schema, r->rows[row], field, &c);
        bool is_null = c.state == CELL_NULL;
        if (is_null) bits_set(nulls, row);
        if (variable)
            MV_TRY(append_cell(bytes, column->ends, row, c.bytes, is_null ? 0 : c.size, error));
        else if (is_null)
            memset(values + row * width, 0, width);
        else
            memcpy(values + row * width, c.bytes, width);
    }
    memcpy((char *)(uintptr_t)column->nulls, nulls, sizeof nulls);
    if (!mem_buffer_reserve(bytes, 1))
        return error_memory(error, 1, "fresh rows"); /* never a NULL pointer */
    column->bytes = bytes->data;
    column->bytes_size = bytes->size;
    return MV_OK;
}

static mv_err gather_ids(fresh_reader *r, mv_error *error)
{
    mem_buffer *bytes = &r->bytes[r->schema->fields_count];
    bytes->size = 0;
    for (uint32_t row = 0; row < r->table.rows; row++) {
        const uint8_t *id;
        uint32_t size;
        row_id(r->rows[row], &id, &size);
        MV_TRY(append_cell(bytes, r->table.ids.ends, row, id, size, error));
    }
    r->table.ids.bytes = bytes->data;
    r->table.ids.bytes_size = bytes->size;
    return MV_OK;
}

mv_err fresh_next(fresh_reader *r, mv_error *error)
{
    MV_TRY(take_rows(r, error));
    for (uint32_t f = 0; r->wants.fields && f < r->schema->fields_count; f++)
        if (r->wants.fields[f]) MV_TRY(gather_column(r, f, error));
    if (r->wants.id) MV_TRY(gather_ids(r, error));
    if (r->wants.vector_field == FRESH_NO_VECTOR) return MV_OK;
    for (uint32_t row = 0; row < r->table.rows; row++) {
        r->vectors[row] = row_vector(r->schema, r->rows[row], r->wants.vector_field);
        r->inverse_norms[row] = row_inverse_norm(r->schema, r->rows[row], r->wants.vector_field);
    }
    return MV_OK;
}

void fresh_close(fresh_reader *r)
{
    catalog_cursor_close(r->cursor);
    r->cursor = NULL;
}

void fresh_free(fresh_reader *r)
{
    fresh_close(r);
    for (uint32_t i = 0; i < r->buffers_count; i++) mem_buffer_free(&r->bytes[i]);
    mem_free(r->bytes, r->buffers_count * sizeof *r->bytes);
    mem_arena_free(&r->arena);
    *r = (fresh_reader){0};
}

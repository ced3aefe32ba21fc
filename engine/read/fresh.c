/* Gathering fresh rows. Only wanted columns are decoded. Vectors are not copied: distances are
 * computed from the catalog's pages. */
#include "read/fresh.h"

#include <string.h>

/* An array of zeros in the arena. NULL: *err and `error` are set. */
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

/* Allocate the arrays of a column of `type`, and let `shown` point to them. */
static mv_err make_column(fresh_reader *r, mv_type type, fresh_column *gathered,
                          table_column *shown, mv_error *error)
{
    mv_err err = MV_OK;
    gathered->nulls = array(r, bits_words(FRESH_CHUNK_ROWS), sizeof(uint64_t), &err, error);
    if (cell_is_variable(type))
        gathered->ends = array(r, FRESH_CHUNK_ROWS, sizeof(uint64_t), &err, error);
    else
        gathered->values = array(r, FRESH_CHUNK_ROWS, cell_width(type), &err, error);
    *shown = (table_column){
        .nulls = gathered->nulls, .values = gathered->values, .ends = gathered->ends};
    return err;
}

static mv_err make_columns(fresh_reader *r, mv_error *error)
{
    uint32_t fields = r->schema->fields_count;
    for (uint32_t f = 0; r->wants.fields && f < fields; f++) {
        if (!r->wants.fields[f]) continue;
        mv_type type = r->schema->fields[f].type;
        MV_TRY(make_column(r, type, &r->gathered[f], &r->columns[f], error));
    }
    if (!r->wants.id) return MV_OK;
    return make_column(r, MV_STRING, &r->gathered[fields], &r->table.ids, error);
}

mv_err fresh_open(fresh_reader *r, const snapshot *s, const fresh_wants *wants, mv_error *error)
{
    mv_err err = MV_OK;
    mv_assert(!r->cursor);
    mv_assert(wants->vector_field == FRESH_NO_VECTOR ||
              wants->vector_field < s->v->schema->vectors_count);
    r->schema = s->v->schema;
    r->wants = *wants;
    mem_arena_clear(&r->arena);
    r->table = (table){0};
    MV_TRY(make_buffers(r, error));
    r->rows = array(r, FRESH_CHUNK_ROWS, sizeof *r->rows, &err, error);
    r->docids = array(r, FRESH_CHUNK_ROWS, sizeof *r->docids, &err, error);
    r->vectors = array(r, FRESH_CHUNK_ROWS, sizeof *r->vectors, &err, error);
    r->inverse_norms = array(r, FRESH_CHUNK_ROWS, sizeof *r->inverse_norms, &err, error);
    r->gathered = array(r, r->schema->fields_count + 1, sizeof *r->gathered, &err, error);
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
        if (metric_has_norms(r->schema->vectors[wants->vector_field].metric))
            vectors->inverse_norms = r->inverse_norms;
    }
    return catalog_cursor_open(s->txn, CATALOG_FRESH, &r->cursor, error);
}

static mv_err read_fresh_rows(fresh_reader *r, mv_error *error)
{
    mv_assert(r->cursor);
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

static mv_err append_cell(mem_buffer *bytes, uint64_t *end, const uint8_t *cell_bytes,
                          uint32_t size, mv_error *error)
{
    if (!mem_buffer_append(bytes, cell_bytes, size)) return error_memory(error, size, "fresh rows");
    *end = bytes->size;
    return MV_OK;
}

/* Let `shown` point to the gathered bytes. The pointer is never NULL, also when there are no bytes.
 */
static mv_err show_bytes(mem_buffer *bytes, table_column *shown, mv_error *error)
{
    if (!mem_buffer_reserve(bytes, 1)) return error_memory(error, 1, "fresh rows");
    shown->bytes = bytes->data;
    shown->bytes_size = bytes->size;
    return MV_OK;
}

static mv_err gather_column(fresh_reader *r, uint32_t field, mv_error *error)
{
    const fresh_column *out = &r->gathered[field];
    mv_type type = r->schema->fields[field].type;
    size_t width = cell_width(type);
    mem_buffer *bytes = &r->bytes[field];
    bytes->size = 0;
    memset(out->nulls, 0, FRESH_CHUNK_ROWS / 8);
    for (uint32_t row = 0; row < r->table.rows; row++) {
        cell c;
        row_cell(r->schema, r->rows[row], field, &c);
        bool is_null = c.state == CELL_NULL;
        if (is_null) bits_set(out->nulls, row);
        if (cell_is_variable(type))
            MV_TRY(append_cell(bytes, &out->ends[row], c.bytes, is_null ? 0 : c.size, error));
        else if (is_null)
            memset(out->values + row * width, 0, width);
        else
            memcpy(out->values + row * width, c.bytes, width);
    }
    return show_bytes(bytes, &r->columns[field], error);
}

static mv_err gather_ids(fresh_reader *r, mv_error *error)
{
    uint32_t at = r->schema->fields_count;
    r->bytes[at].size = 0;
    for (uint32_t row = 0; row < r->table.rows; row++) {
        const uint8_t *id;
        uint32_t size;
        row_id(r->rows[row], &id, &size);
        MV_TRY(append_cell(&r->bytes[at], &r->gathered[at].ends[row], id, size, error));
    }
    return show_bytes(&r->bytes[at], &r->table.ids, error);
}

mv_err fresh_next(fresh_reader *r, mv_error *error)
{
    MV_TRY(read_fresh_rows(r, error));
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

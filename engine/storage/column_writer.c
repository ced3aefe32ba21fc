/* One long section (values, bytes or vectors) is written row by row. The short ones that belong to
 * it (ends, zones, norms, NULLs) are gathered in memory meanwhile, and written after it. */
#include "storage/column_writer.h"

#include <string.h>

struct column_writer {
    const schema_field *field;
    const schema_vector *vector;
    uint32_t rows;
    uint32_t row; /* next */
    section_writer *file;
    uint64_t *nulls; /* deleted rows are NULL here, even if the field is not nullable */
    bool has_nulls;
    uint64_t end;         /* of the variable cells so far */
    mem_buffer beside;    /* the ends of the cells, or inverse norms, or zones */
    table_zone zone;      /* the current one */
    uint32_t skipped;     /* deleted rows for which no vector is written yet */
    uint8_t *last_vector; /* the one written last; zeros before the first */
    float last_norm;
};

static size_t nulls_size(const column_writer *w)
{
    return bits_words(w->rows) * sizeof *w->nulls;
}

static section_kind long_section(const column_writer *w)
{
    if (w->vector) return SECTION_VECTORS;
    return cell_is_variable(w->field->type) ? SECTION_BYTES : SECTION_VALUES;
}

static uint32_t uid_of(const column_writer *w)
{
    return w->vector ? w->vector->uid : w->field->uid;
}

mv_err column_writer_create(const char *directory, uint64_t number, uint32_t rows,
                            const schema_field *field, const schema_vector *vector,
                            column_writer **out, mv_error *error)
{
    column_writer *w = mem_alloc_zero(sizeof *w);
    if (!w) return error_memory(error, sizeof *w, "a column");
    *w = (column_writer){.field = field, .vector = vector, .rows = rows, .zone = TABLE_ZONE_EMPTY};
    section_file_record record = {.kind = vector ? SECTION_FILE_VECTORS : SECTION_FILE_COLUMN,
                                  .column = uid_of(w)};
    char name[SEGMENT_FILE_NAME_SIZE];
    mv_err err = MV_OK;
    mv_assert((field == NULL) != (vector == NULL));
    w->nulls = mem_alloc_zero(nulls_size(w));
    if (vector) w->last_vector = mem_alloc_zero(vector->size);
    if (!w->nulls || (vector && !w->last_vector)) {
        err = error_memory(error, nulls_size(w), "a column");
        goto done;
    }
    segment_file_name(number, &record, name);
    err = section_writer_create(directory, name, (section_file_kind)record.kind, record.column,
                                number, rows, &w->file, error);
    if (!err) err = section_writer_begin(w->file, long_section(w), record.column, error);
    if (err) goto done;
    *out = w;
    w = NULL;
done:
    column_writer_free(w);
    return err;
}

static mv_err gather_value(column_writer *w, const void *bytes, size_t size, mv_error *error)
{
    if (mem_buffer_append(&w->beside, bytes, size)) return MV_OK;
    return error_memory(error, w->beside.size + size, "a column");
}

static mv_err end_zone(column_writer *w, mv_error *error)
{
    table_zone zone = w->zone;
    w->zone = TABLE_ZONE_EMPTY;
    return gather_value(w, &zone, sizeof zone, error);
}

mv_err column_writer_add(column_writer *w, const cell *c, mv_error *error)
{
    static const uint8_t zeros[8] = {0};
    const bool is_null = c->state == CELL_NULL;
    mv_assert(w->field != NULL);
    mv_assert(w->row < w->rows);
    mv_assert(c->state != CELL_UNSET);
    uint32_t row = w->row++;
    if (is_null) bits_set(w->nulls, row);
    w->has_nulls |= is_null;
    if (!cell_is_variable(w->field->type)) {
        table_zone_add(&w->zone, w->field->type, is_null ? NULL : c->bytes);
        if (table_zone_ends(row, w->rows)) MV_TRY(end_zone(w, error));
        return section_writer_add(w->file, is_null ? zeros : c->bytes, cell_width(w->field->type),
                                  error);
    }
    if (!is_null) {
        w->end += c->size;
        MV_TRY(section_writer_add(w->file, c->bytes, c->size, error));
    }
    return gather_value(w, &w->end, sizeof w->end, error);
}

/* ---------------------------------------------------------------- vectors */

static mv_err write_vector(column_writer *w, const uint8_t *elements, float inverse_norm,
                           uint32_t turned, mv_error *error)
{
    size_t size = w->vector->size, first = turned * element_size(w->vector->type);
    w->row++;
    MV_TRY(section_writer_add(w->file, elements + first, size - first, error));
    if (first) MV_TRY(section_writer_add(w->file, elements, first, error));
    return metric_has_norms(w->vector->metric)
               ? gather_value(w, &inverse_norm, sizeof inverse_norm, error)
               : MV_OK;
}

/* A deleted row gets the elements of a live row, rotated by another count each time. So it has the
 * same norm, and there are never many equal vectors, among which the walks of a graph would get
 * stuck. */
static mv_err write_skipped(column_writer *w, const uint8_t *elements, float inverse_norm,
                            mv_error *error)
{
    uint32_t count = (uint32_t)element_count(w->vector->type, w->vector->dim);
    for (; w->skipped; w->skipped--)
        MV_TRY(write_vector(w, elements, inverse_norm, w->row % count, error));
    return MV_OK;
}

mv_err column_writer_add_vector(column_writer *w, const uint8_t *elements, float inverse_norm,
                                mv_error *error)
{
    mv_assert(w->vector != NULL);
    mv_assert(w->row + w->skipped < w->rows);
    MV_TRY(write_skipped(w, elements, inverse_norm, error));
    memcpy(w->last_vector, elements, w->vector->size);
    w->last_norm = inverse_norm;
    return write_vector(w, elements, inverse_norm, 0, error);
}

mv_err column_writer_skip(column_writer *w, mv_error *error)
{
    if (!w->vector) return column_writer_add(w, &(cell){.state = CELL_NULL}, error);
    w->skipped++;
    return MV_OK;
}

/* ---------------------------------------------------------------- the end */

static mv_err write_beside(column_writer *w, section_kind kind, const void *bytes, size_t size,
                           mv_error *error)
{
    MV_TRY(section_writer_begin(w->file, kind, uid_of(w), error));
    return section_writer_add(w->file, bytes, size, error);
}

mv_err column_writer_finish(column_writer *w, bool sync, section_file_record *record,
                            section_writer **file, mv_error *error)
{
    mv_assert(w->row + w->skipped == w->rows);
    if (w->vector) {
        MV_TRY(write_skipped(w, w->last_vector, w->last_norm, error));
        if (metric_has_norms(w->vector->metric))
            MV_TRY(write_beside(w, SECTION_INVERSE_NORMS, w->beside.data, w->beside.size, error));
    } else {
        section_kind kind = cell_is_variable(w->field->type) ? SECTION_ENDS : SECTION_ZONES;
        MV_TRY(write_beside(w, kind, w->beside.data, w->beside.size, error));
        if (w->has_nulls) MV_TRY(write_beside(w, SECTION_NULLS, w->nulls, nulls_size(w), error));
    }
    MV_TRY(section_writer_finish(w->file, sync, record, error));
    *file = w->file;
    w->file = NULL;
    return MV_OK;
}

void column_writer_free(column_writer *w)
{
    if (!w) return;
    section_writer_free(w->file);
    mem_free(w->nulls, nulls_size(w));
    if (w->vector) mem_free(w->last_vector, w->vector->size);
    mem_buffer_free(&w->beside);
    mem_free(w, sizeof *w);
}

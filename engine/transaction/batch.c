/* Filling batches. Each value is converted to a cell, or to elements of a vector, when it is set. A
 * mistake is then reported while the caller still knows where the value came from, and writing the
 * batch only copies bytes. */
#include "transaction/batch.h"

#include <float.h>
#include <math.h>

#include "transaction/handle.h"
#include "vector/element.h"

mv_err mv_batch_create(mv_collection *collection, mv_batch **batch, mv_error *error)
{
    *batch = NULL;
    mv_batch *created = mem_alloc_zero(sizeof *created);
    if (!created) return error_memory(error, sizeof *created, "a batch");
    mv_err err = schema_format_copy(handle_schema(collection), &created->schema, error);
    if (err) {
        mem_free(created, sizeof *created);
        return err;
    }
    created->fork_generation = os_fork_generation();
    *batch = created;
    return MV_OK;
}

void mv_batch_free(mv_batch *batch)
{
    if (!batch) return;
    mv_schema_free(batch->schema);
    mem_arena_free(&batch->arena);
    mem_buffer_free(&batch->scratch);
    mem_free(batch->rows, batch->capacity * sizeof *batch->rows);
    mem_free(batch, sizeof *batch);
}

void mv_batch_clear(mv_batch *batch)
{
    mem_arena_clear(&batch->arena);
    batch->count = 0;
    batch->is_begun = false;
}

uint32_t mv_batch_count(const mv_batch *batch)
{
    return batch->count;
}

const mv_schema *mv_batch_schema(const mv_batch *batch)
{
    return batch->schema;
}

/* ---------------------------------------------------------------- documents */

static mv_err reserve_row(mv_batch *batch, mv_error *error)
{
    if (batch->count > UINT32_MAX / 2)
        return error_set(error, MV_LIMIT, "a batch holds at most %u documents", batch->count);
    row_parts *rows = mem_grow(batch->rows, &batch->capacity, batch->count, sizeof *rows);
    if (!rows) return error_memory(error, ((size_t)batch->count + 1) * sizeof *rows, "a batch");
    batch->rows = rows;
    return MV_OK;
}

mv_err mv_batch_add(mv_batch *batch, const char *id, size_t id_size, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    batch->is_begun = false;
    if (os_is_forked(batch->fork_generation)) return error_set_forked(error, "the batch");
    if (id_size < 1) return error_set(error, MV_MISUSE, "the id of a document is empty");
    if (id_size > MV_ID_SIZE_MAX)
        return error_set(error, MV_MISUSE,
                         "document '%s': the id has %zu bytes, at most %u are allowed",
                         error_quote(id, id_size, quoted), id_size, MV_ID_SIZE_MAX);
    MV_TRY(reserve_row(batch, error));
    row_parts *r = &batch->rows[batch->count];
    MV_TRY(row_create(batch->schema, &batch->arena, r, error));
    r->id = mem_arena_copy(&batch->arena, id, id_size);
    r->id_size = (uint32_t)id_size;
    if (!r->id) return error_memory(error, id_size, "a document");
    batch->count++;
    batch->is_begun = true;
    return MV_OK;
}

static mv_err check_begun(const mv_batch *batch, mv_error *error)
{
    if (os_is_forked(batch->fork_generation)) return error_set_forked(error, "the batch");
    if (!batch->is_begun)
        return error_set(error, MV_MISUSE, "the batch has no document to set: add one first");
    mv_assert(batch->count > 0);
    return MV_OK;
}

/* Remove the document whose setting failed with `err`, and name it in the message. Its bytes stay
 * in the arena until the batch is cleared. */
static mv_err drop_row(mv_batch *batch, mv_err err, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    mv_assert(batch->is_begun && batch->count > 0);
    const row_parts *r = &batch->rows[--batch->count];
    batch->is_begun = false;
    return error_prefix(error, err, "document '%s': ", error_quote(r->id, r->id_size, quoted));
}

/* ---------------------------------------------------------------- scalar fields */

static mv_err set_cell(mv_batch *batch, row_parts *r, uint32_t at, const mv_value *value,
                       mv_error *error)
{
    if (at >= batch->schema->fields_count)
        return error_set(error, MV_MISUSE, "there is no scalar field %u, the schema has %u", at,
                         batch->schema->fields_count);
    const schema_field *field = &batch->schema->fields[at];
    cell *to = &r->cells[at];
    if (to->state != CELL_UNSET)
        return error_set(error, MV_MISUSE, "field '%s' is set twice", field->name);
    if (value->kind == MV_KIND_NULL) {
        if (!field->nullable)
            return error_set(error, MV_MISUSE, "field '%s' is not nullable", field->name);
        to->state = CELL_NULL;
        return MV_OK;
    }
    batch->scratch.size = 0;
    MV_TRY(cell_from_value(field->type, value, field->name, &batch->scratch, error));
    if (!schema_field_fits(field, batch->scratch.size))
        return error_set(error, MV_MISUSE,
                         "field '%s' wants vectors of %u numbers, got %zu numbers", field->name,
                         field->dim, batch->scratch.size / sizeof(float));
    const uint8_t *bytes = mem_arena_copy(&batch->arena, batch->scratch.data, batch->scratch.size);
    if (!bytes) return error_memory(error, batch->scratch.size, "a value");
    *to = (cell){.bytes = bytes, .size = (uint32_t)batch->scratch.size, .state = CELL_VALUE};
    return MV_OK;
}

mv_err mv_batch_set(mv_batch *batch, uint32_t field, const mv_value *value, mv_error *error)
{
    MV_TRY(check_begun(batch, error));
    mv_err err = set_cell(batch, &batch->rows[batch->count - 1], field, value, error);
    return err ? drop_row(batch, err, error) : MV_OK;
}

/* ---------------------------------------------------------------- vector fields */

/* A metric with norms multiplies every distance by the inverse length of the vector, a float. It
 * must be a normal number: that of a vector longer than 8.5e37 or shorter than 2.9e-39 is not. */
static mv_err compute_inverse_norm(const schema_vector *field, const void *elements, float *norm,
                                   mv_error *error)
{
    *norm = 0;
    if (!metric_has_norms(field->metric)) return MV_OK;
    *norm = element_inverse_norm(field->type, elements, field->dim);
    if (*norm == 0)
        return error_set(error, MV_MISUSE,
                         "field '%s' has metric %s: the zero vector has no direction", field->name,
                         mv_metric_name(field->metric));
    if (!isnormal(*norm) || *norm == FLT_MAX) /* FLT_MAX: it was clamped */
        return error_set(error, MV_MISUSE,
                         "field '%s' has metric %s: the length of the vector is not between "
                         "2.9e-39 and 8.5e37",
                         field->name, mv_metric_name(field->metric));
    return MV_OK;
}

static mv_err set_elements(mv_batch *batch, row_parts *r, uint32_t at, const void *vector,
                           size_t dim, mv_error *error)
{
    if (at >= batch->schema->vectors_count)
        return error_set(error, MV_MISUSE, "there is no vector field %u, the schema has %u", at,
                         batch->schema->vectors_count);
    const schema_vector *field = &batch->schema->vectors[at];
    if (r->vectors[at]) return error_set(error, MV_MISUSE, "field '%s' is set twice", field->name);
    if (dim != field->dim)
        return error_set(error, MV_MISUSE, "vector has %zu numbers, field '%s' wants %u", dim,
                         field->name, field->dim);
    void *elements = mem_arena_alloc(&batch->arena, field->size);
    if (!elements) return error_memory(error, field->size, "a vector");
    mv_err err = element_from_given(field->type, vector, dim, elements, error);
    if (!err) err = metric_check_numbers(field->metric, field->type, vector, dim, error);
    if (err) return error_prefix(error, err, "field '%s': ", field->name);
    MV_TRY(compute_inverse_norm(field, elements, &r->inverse_norms[at], error));
    r->vectors[at] = elements;
    return MV_OK;
}

mv_err mv_batch_set_vector(mv_batch *batch, uint32_t vector_field, const void *vector, size_t dim,
                           mv_error *error)
{
    MV_TRY(check_begun(batch, error));
    mv_err err =
        set_elements(batch, &batch->rows[batch->count - 1], vector_field, vector, dim, error);
    return err ? drop_row(batch, err, error) : MV_OK;
}

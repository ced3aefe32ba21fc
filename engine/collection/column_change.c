/* Adding a field, in one write transaction. The caller gets one document after the other, segment
 * by segment, and sets the value of each. For each segment a file with the values of its rows is
 * written. The engine does not call back. */
#include "open/registry.h"
#include "read/result.h"
#include "storage/column_writer.h"
#include "transaction/handle.h"
#include "transaction/retention.h"
#include "transaction/schema_write.h"
#include "transaction/seal.h"
#include "transaction/writer_files.h"

struct mv_column {
    mv_collection *c;
    engine *e; /* a reference */
    uint64_t fork_generation;
    writer *w;              /* NULL: committed */
    mv_schema *schema;      /* with the new field */
    const mv_schema *shown; /* without it; lent by the engine */
    mv_batch *batch;        /* its schema has the new field only: it converts the values */
    mem_arena defaults;     /* of the current document */
    snapshot s;             /* of the transaction, before the change */
    column_writer *writing; /* the file of the current segment; NULL: not begun */
    uint32_t segment_at;    /* position of the current segment */
    uint32_t row;           /* of the current document, or the next row to be looked at */
    bool has_document;      /* the batch has the current document */
    bool is_failed;         /* it can only be freed */
};

/* ---------------------------------------------------------------- beginning */

static mv_err add_field(mv_schema *schema, const mv_field_options *field,
                        const mv_vector_options *vector, mv_error *error)
{
    return field ? mv_schema_add_field(schema, field, error)
                 : mv_schema_add_vector(schema, vector, error);
}

/* A batch whose schema has this field only. */
static mv_err create_batch(const mv_field_options *field, const mv_vector_options *vector,
                           mv_batch **out, mv_error *error)
{
    mv_batch *batch = mem_alloc_zero(sizeof *batch);
    if (!batch) return error_memory(error, sizeof *batch, "a batch");
    batch->fork_generation = os_fork_generation();
    mv_err err = mv_schema_create(NULL, &batch->schema, error);
    mv_vector_options alone; /* without the field that its vectors are made of */
    if (vector) {
        alone = *vector;
        alone.embed = (mv_embed){NULL, NULL, NULL};
        vector = &alone;
    }
    if (!err) err = add_field(batch->schema, field, vector, error);
    if (err)
        mv_batch_free(batch);
    else
        *out = batch;
    return err;
}

static mv_err begin_column(mv_column *column, const mv_field_options *field,
                           const mv_vector_options *vector, mv_error *error)
{
    MV_TRY(create_batch(field, vector, &column->batch, error));
    MV_TRY(handle_begin_write(column->c, &column->w, error));
    writer *w = column->w;
    column->e = w->e;
    registry_retain(column->e);
    MV_TRY(schema_format_copy(w->v->schema, &column->schema, error));
    MV_TRY(add_field(column->schema, field, vector, error));
    MV_TRY(schema_embed_check(column->schema, error));
    MV_TRY(seal_rows(w, NULL, 0, 0, error));
    MV_TRY(schema_write_begin(w, column->schema, error));
    view_retain(w->e, w->v);
    column->shown = w->v->schema;
    column->s = (snapshot){w->e, w->txn, w->v, w->now, true};
    return MV_OK;
}

mv_err mv_column_begin(mv_collection *c, const mv_field_options *field,
                       const mv_vector_options *vector, mv_column **out, mv_error *error)
{
    *out = NULL;
    MV_TRY(handle_check_collection(c, error));
    mv_column *column = mem_alloc_zero(sizeof *column);
    if (!column) return error_memory(error, sizeof *column, "a column");
    column->c = c;
    column->fork_generation = os_fork_generation();
    mv_err err = begin_column(column, field, vector, error);
    if (err)
        mv_column_free(column);
    else
        *out = column;
    return err;
}

const mv_schema *mv_column_schema(const mv_column *column)
{
    return column->shown;
}

/* ---------------------------------------------------------------- going through the documents */

static const view_segment *current_segment(const mv_column *column)
{
    return &column->s.v->segments[column->segment_at];
}

static mv_err begin_column_file(mv_column *column, mv_error *error)
{
    const segment *s = current_segment(column)->shared->s;
    const mv_schema *schema = column->schema;
    const bool is_vector = column->batch->schema->vectors_count;
    return column_writer_create(engine_directory(column->e), s->number, s->table.rows,
                                is_vector ? NULL : &schema->fields[schema->fields_count - 1],
                                is_vector ? &schema->vectors[schema->vectors_count - 1] : NULL,
                                &column->writing, error);
}

static mv_err end_file(mv_column *column, mv_error *error)
{
    section_file_record record;
    section_writer *file = NULL;
    MV_TRY(column_writer_finish(column->writing, !column->w->is_unsynced, &record, &file, error));
    column_writer_free(column->writing);
    column->writing = NULL;
    return writer_files_add_column(column->w, current_segment(column)->shared->s->number, &record,
                                   file, error);
}

/* Begin the current document in the batch. */
static mv_err begin_document(mv_column *column, mv_error *error)
{
    const uint8_t *id;
    uint64_t size;
    if (!table_cell(&current_segment(column)->table.ids, column->row, &id, &size))
        return error_set(error, MV_CORRUPT, "segment %llu: the id of row %u is damaged",
                         (unsigned long long)current_segment(column)->shared->s->number,
                         column->row);
    mv_batch_clear(column->batch);
    MV_TRY(mv_batch_add(column->batch, (const char *)id, (size_t)size, error));
    column->has_document = true;
    return MV_OK;
}

/* The current document has no value, and the field no default. */
static mv_err missing_new_value(const mv_column *column, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    const row_parts *r = &column->batch->rows[0];
    const mv_schema *schema = column->batch->schema;
    const bool is_vector = schema->vectors_count;
    return error_set(error, MV_MISUSE,
                     is_vector ? "document '%s' has no vector for the new field '%s'"
                               : "document '%s' has no value for the new field '%s', which has no "
                                 "default and is not nullable",
                     error_quote(r->id, r->id_size, quoted),
                     is_vector ? schema->vectors[0].name : schema->fields[0].name);
}

/* Write the value of the current document. */
static mv_err end_document(mv_column *column, mv_error *error)
{
    if (!column->has_document) return MV_OK;
    mv_batch *batch = column->batch;
    row_parts *r = &batch->rows[0];
    size_t size;
    mem_arena_clear(&column->defaults);
    mv_err err = row_complete(batch->schema, r, &column->defaults, error);
    if (err) return err == MV_MISUSE ? missing_new_value(column, error) : err;
    MV_TRY(row_encoded_size(batch->schema, r, &size, error)); /* MV_LIMIT */
    if (batch->schema->vectors_count)
        MV_TRY(
            column_writer_add_vector(column->writing, r->vectors[0], r->inverse_norms[0], error));
    else
        MV_TRY(column_writer_add(column->writing, &r->cells[0], error));
    column->has_document = false;
    column->row++;
    return MV_OK;
}

/* Write the current document, and go to the next row that is not deleted. */
static mv_err next_document(mv_column *column, bool *found, mv_error *error)
{
    MV_TRY(end_document(column, error));
    for (; column->segment_at < column->s.v->segments_count; column->segment_at++) {
        const view_segment *s = current_segment(column);
        mv_assert(column->row <= s->table.rows);
        if (!column->writing) MV_TRY(begin_column_file(column, error));
        for (; column->row < s->table.rows; column->row++) {
            *found = view_is_seen(s, column->row);
            if (*found) return begin_document(column, error);
            MV_TRY(column_writer_skip(column->writing, error));
        }
        MV_TRY(end_file(column, error));
        column->row = 0;
    }
    *found = false;
    return MV_OK;
}

static mv_err check(const mv_column *column, mv_error *error)
{
    if (os_is_forked(column->fork_generation)) return error_set_forked(error, "the column");
    if (column->is_failed || !column->w)
        return error_set(error, MV_MISUSE,
                         "the column was committed or has failed, it can only be freed");
    if (column->w->thread != os_thread_id())
        return error_set(error, MV_BUSY, "the column belongs to the thread that began it");
    return MV_OK;
}

mv_err mv_column_next(mv_column *column, mv_result *result, bool *found, mv_error *error)
{
    *found = false;
    MV_TRY(check(column, error));
    mv_err err = next_document(column, found, error);
    if (!err) err = result_begin_lent(result, column->e, &column->s, error);
    if (!err && *found) {
        const table *t = &current_segment(column)->table;
        mv_hit hit = {
            .docid = t->docids[column->row], .source = column->segment_at, .row = column->row};
        err = result_add(result, hit, error);
    }
    column->is_failed = err != MV_OK;
    return err;
}

static mv_err check_document(const mv_column *column, mv_error *error)
{
    MV_TRY(check(column, error));
    if (column->has_document) return MV_OK;
    return error_set(error, MV_MISUSE,
                     "the column has no current document: go to the next one first");
}

mv_err mv_column_set(mv_column *column, const mv_value *value, mv_error *error)
{
    MV_TRY(check_document(column, error));
    mv_err err = mv_batch_set(column->batch, 0, value, error);
    column->is_failed = err != MV_OK;
    return err;
}

mv_err mv_column_set_vector(mv_column *column, const void *vector, size_t dim, mv_error *error)
{
    MV_TRY(check_document(column, error));
    mv_err err = mv_batch_set_vector(column->batch, 0, vector, dim, error);
    column->is_failed = err != MV_OK;
    return err;
}

/* ---------------------------------------------------------------- the end */

/* The limits of a collection evict the oldest documents. If none would be left, each has more bytes
 * with the column than all may have: then the column is refused, as such a document is. */
static mv_err apply_limits(writer *w, mv_error *error)
{
    uint64_t documents = w->state.documents, evicted = w->state.evicted;
    MV_TRY(retention_apply_schema(w, error));
    if (!documents || w->state.documents || w->state.evicted == evicted) return MV_OK;
    return error_set(error, MV_LIMIT,
                     "with the new column no document has less than max_bytes of the collection, "
                     "which is %llu",
                     (unsigned long long)w->v->schema->retention.max_bytes);
}

/* Documents that the caller has not visited get the default, or NULL. */
mv_err mv_column_commit(mv_column *column, mv_error *error)
{
    MV_TRY(check(column, error));
    mv_err err = MV_OK;
    for (bool found = true; found && !err;) err = next_document(column, &found, error);
    if (!err) err = writer_settle(column->w, error);
    if (!err) err = apply_limits(column->w, error);
    column->is_failed = true; /* either way it can only be freed */
    if (err) return err;
    writer *w = column->w;
    mv_assert(!column->writing && !column->has_document);
    snapshot_close(&column->s);
    column->w = NULL;
    return handle_commit(column->c, w, error);
}

void mv_column_free(mv_column *column)
{
    if (!column) return;
    if (!os_is_forked(column->fork_generation)) {
        column_writer_free(column->writing);
        snapshot_close(&column->s);
        writer_abort(column->w);
    }
    mv_batch_free(column->batch);
    mv_schema_free(column->schema);
    mem_arena_free(&column->defaults);
    registry_release(column->e);
    mem_free(column, sizeof *column);
}

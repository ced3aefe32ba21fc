/* Changing the schema within a write transaction.
 *
 * Renaming a field and changing its options touch no segment: on disk a field has the name of its
 * uid. The bytes of a fresh row depend on the number and types of the fields. Where a field is
 * added or dropped, the caller therefore seals the fresh rows first (seal_rows). A dropped column
 * takes its own file along, if it has one; a column within the file of the rows is skipped until
 * its segment is merged. */
#include "transaction/schema_write.h"

#include "open/known_schema.h"
#include "transaction/writer_files.h"

mv_err schema_write_begin(writer *w, const mv_schema *schema, mv_error *error)
{
    const mv_schema *next = NULL;
    mv_assert(!w->next_schema); /* one change per transaction */
    MV_TRY(known_schema_save(w->txn, schema, error));
    os_mutex_lock(w->e->mutex);
    mv_err err = known_schema_find_locked(w->e, w->txn, &next, error);
    os_mutex_unlock(w->e->mutex);
    if (next != w->v->schema) w->next_schema = next;
    if (w->state.format < engine_format_needed(schema))
        w->state.format = engine_format_needed(schema);
    w->changes++;
    w->v_lags = true;
    return err;
}

static uint64_t segment_number(const writer *w, uint32_t at)
{
    return w->v->segments[at].shared->s->number;
}

/* The type of the index of a field, or NULL. */
static const index_type *index_type_of(const mv_schema *schema, uint32_t uid)
{
    for (uint32_t slot = 0; slot < index_slot_count(schema); slot++)
        if (index_slot_uid(schema, slot) == uid) return index_slot_type(schema, slot);
    return NULL;
}

/* Files of another type than the schema wants would be named by no view. */
static mv_err change_index(writer *w, mv_schema *schema, const mv_index_change *change,
                           mv_error *error)
{
    uint32_t uid = 0;
    MV_TRY(schema_change_index(schema, change, w->state.next_segment, &uid, error));
    if (schema_compare_has_same_files(schema, w->v->schema)) return MV_OK;
    if (index_type_of(schema, uid) != index_type_of(w->v->schema, uid))
        for (uint32_t i = 0; i < w->v->segments_count; i++)
            MV_TRY(writer_files_drop_indexes(w, segment_number(w, i), uid, error));
    MV_TRY(schema_write_begin(w, schema, error));
    return writer_settle(w, error);
}

mv_err schema_write_index(writer *w, const mv_index_change *change, mv_error *error)
{
    mv_schema *schema = NULL;
    MV_TRY(schema_format_copy(w->v->schema, &schema, error));
    mv_err err = change_index(w, schema, change, error);
    mv_schema_free(schema);
    return err;
}

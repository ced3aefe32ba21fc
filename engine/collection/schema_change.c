/* Changing the schema: one write transaction, in which every segment is brought to the new schema.
 *
 * Renaming and other options touch no segment: fields are named on disk by their uids. Encoded
 * fresh rows depend on the number and types of the fields, so that these are sealed first where a
 * field comes or goes. A column that goes takes its own file along, if it has one; what stands in
 * the file of the rows is passed over until the segment is merged. */
#include <inttypes.h>
#include <string.h>

#include "collection/collection.h"
#include "open/known_schema.h"

/* ---------------------------------------------------------------- within a transaction */

mv_err writer_begin_schema(writer *w, const mv_schema *schema, mv_error *error)
{
    const mv_schema *next = NULL;
    MV_TRY(known_schema_save(w->txn, schema, error));
    os_mutex_lock(w->e->mutex);
    mv_err err = known_schema_find_locked(w->e, w->txn, &next, error);
    os_mutex_unlock(w->e->mutex);
    if (next != w->v->schema) w->next_schema = next;
    w->state.format = ENGINE_FORMAT;
    w->changes++;
    w->v_lags = true;
    return err;
}

static mv_err load_record(writer *w, uint64_t number, mem_arena *arena, segment_record *record,
                          mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get_u64(w->txn, CATALOG_SEGMENTS, number, &value, &found, error));
    if (!found)
        return error_set(error, MV_CORRUPT, "%s: segment %" PRIu64 " is gone", CATALOG_FILE,
                         number);
    return segment_record_load(number, value.bytes, value.size, arena, record, error);
}

static mv_err save_record(writer *w, const segment_record *record, mv_error *error)
{
    mem_buffer bytes = {0};
    mv_err err = segment_record_save(record, &bytes, error);
    if (!err)
        err = catalog_put_u64(w->txn, CATALOG_SEGMENTS, record->number, bytes.data, bytes.size,
                              error);
    mem_buffer_free(&bytes);
    return err;
}

/* The record with one more file, the last, which is opened at `path` in memory. */
static mv_err add_file(writer *w, segment_record *record, const section_file_record *file,
                       const char *path, mem_arena *arena, mv_error *error)
{
    uint32_t count = record->files_count;
    section_file_record *files = mem_arena_alloc(arena, (count + 1) * sizeof *files);
    const char **paths = mem_arena_alloc(arena, (count + 1) * sizeof *paths);
    if (!files || !paths) return error_memory(error, count * sizeof *files, "a segment record");
    for (uint32_t i = 0; i < count; i++) {
        files[i] = record->files[i];
        paths[i] = NULL;
    }
    files[count] = *file;
    paths[count] = path;
    record->files = files;
    record->files_count++;
    MV_TRY(save_record(w, record, error));
    return w->e->in_memory ? shared_segment_adopt(w->e, w->next_schema, record, paths, error)
                           : MV_OK;
}

mv_err writer_enter_column(writer *w, uint64_t segment_number, const section_file_record *file,
                           section_writer *written, mv_error *error)
{
    segment_record record;
    mem_arena arena = {0};
    MV_TRY(writer_keep_file(w, written, error));
    mv_err err = load_record(w, segment_number, &arena, &record, error);
    if (!err) err = add_file(w, &record, file, section_writer_path(written), &arena, error);
    mem_arena_free(&arena);
    return err;
}

/* Take the files of a field out of a segment. */
static mv_err drop_files(writer *w, uint64_t number, uint32_t uid, mv_error *error)
{
    segment_record record;
    mem_arena arena = {0};
    mv_err err = load_record(w, number, &arena, &record, error);
    uint32_t kept = 0;
    for (uint32_t i = 0; !err && i < record.files_count; i++) {
        section_file_record file = record.files[i];
        if (file.kind == SECTION_FILE_ROWS || file.column != uid)
            record.files[kept++] = file;
        else
            err = writer_add_garbage(w, number, &file, error);
    }
    if (!err && kept < record.files_count) {
        record.files_count = kept;
        err = save_record(w, &record, error);
    }
    if (!err) err = writer_drop_indexes(w, number, uid, error);
    mem_arena_free(&arena);
    return err;
}

static uint64_t segment_number(const writer *w, uint32_t at)
{
    return w->v->segments[at].shared->s->number;
}

static bool is_indexed(const mv_schema *schema, uint32_t uid)
{
    for (uint32_t slot = 0; slot < index_slot_count(schema); slot++)
        if (index_slot_uid(schema, slot) == uid)
            return index_slot_kind(schema, slot) != SECTION_FILE_NONE;
    return false;
}

static mv_err change_index(writer *w, mv_schema *schema, const mv_index_change *change,
                           mv_error *error)
{
    uint32_t uid = 0;
    MV_TRY(schema_change_index(schema, change, w->state.next_segment, &uid, error));
    if (schema_has_same_files(schema, w->v->schema)) return MV_OK;
    for (uint32_t i = 0; i < w->v->segments_count && !is_indexed(schema, uid); i++)
        MV_TRY(writer_drop_indexes(w, segment_number(w, i), uid, error));
    MV_TRY(writer_begin_schema(w, schema, error));
    return writer_settle(w, error);
}

mv_err writer_change_index(writer *w, const mv_index_change *change, mv_error *error)
{
    mv_schema *schema = NULL;
    MV_TRY(schema_copy(w->v->schema, &schema, error));
    mv_err err = change_index(w, schema, change, error);
    mv_schema_free(schema);
    return err;
}

/* ---------------------------------------------------------------- the public changes */

typedef struct change {
    const char *name;
    const mv_column_change *column;
    mv_schema *schema; /* the copy that is changed */
} change;

static mv_err run(mv_collection *c, collection_write_fn write, change *made, mv_error *error)
{
    if (collection_transaction(c))
        return error_set(error, MV_MISUSE,
                         "a transaction is open: the schema is changed outside of one");
    mv_err err = collection_write(c, write, made, error);
    mv_schema_free(made->schema);
    return err;
}

static mv_err drop_column(writer *w, bool check_first, void *ctx, mv_error *error)
{
    change *made = ctx;
    uint32_t uid = 0;
    (void)check_first;
    MV_TRY(schema_copy(w->v->schema, &made->schema, error));
    MV_TRY(schema_drop_field(made->schema, made->name, &uid, error));
    MV_TRY(writer_seal(w, NULL, 0, 0, error));
    MV_TRY(writer_begin_schema(w, made->schema, error));
    for (uint32_t i = 0; i < w->v->segments_count; i++)
        MV_TRY(drop_files(w, segment_number(w, i), uid, error));
    return writer_settle(w, error);
}

mv_err mv_drop_column(mv_collection *c, const char *name, mv_error *error)
{
    return run(c, drop_column, &(change){.name = name}, error);
}

static mv_err alter_column(writer *w, bool check_first, void *ctx, mv_error *error)
{
    change *made = ctx;
    (void)check_first;
    MV_TRY(schema_copy(w->v->schema, &made->schema, error));
    if (made->column->nullable) MV_TRY(schema_widen_field(made->schema, made->name, error));
    if (made->column->new_name)
        MV_TRY(schema_rename_field(made->schema, made->name, made->column->new_name, error));
    MV_TRY(writer_begin_schema(w, made->schema, error));
    return writer_settle(w, error);
}

mv_err mv_alter_column(mv_collection *c, const char *name, const mv_column_change *column,
                       mv_error *error)
{
    return run(c, alter_column, &(change){.name = name, .column = column}, error);
}

static mv_err drop_index(writer *w, bool check_first, void *ctx, mv_error *error)
{
    const change *made = ctx;
    uint32_t at;
    (void)check_first;
    bool is_scalar = mv_schema_find_field(w->v->schema, made->name, strlen(made->name), &at);
    mv_index_change none = {.name = made->name, .index = is_scalar ? MV_INDEX_NONE : MV_INDEX_FLAT};
    return writer_change_index(w, &none, error);
}

mv_err mv_drop_index(mv_collection *c, const char *name, mv_error *error)
{
    return run(c, drop_index, &(change){.name = name}, error);
}

/* The files that a transaction enters in the catalog, and those that it removes from it.
 *
 * The writer owns the files that are entered, and removes them if the transaction is undone. Files
 * that are removed from the catalog become garbage. */
#include "transaction/writer_files.h"

#include <inttypes.h>
#include <string.h>

#include "transaction/garbage.h"

/* ---------------------------------------------------------------- records of segments */

static mv_err load_record(writer *w, uint64_t number, mem_arena *arena, segment_record *record,
                          mv_error *error)
{
    catalog_value value;
    bool found;
    MV_TRY(catalog_get_u64(w->txn, CATALOG_SEGMENTS, number, &value, &found, error));
    if (!found)
        return error_set(error, MV_CORRUPT, "%s: segment %" PRIu64 " is missing", CATALOG_FILE,
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

/* ---------------------------------------------------------------- entering */

static mv_err push_sealed(writer *w, segment_writer *written, mv_error *error)
{
    segment_writer **sealed =
        mem_grow(w->sealed, &w->sealed_capacity, w->sealed_count, sizeof(segment_writer *));
    if (!sealed) return error_memory(error, sizeof(segment_writer *), "a segment");
    w->sealed = sealed;
    w->sealed[w->sealed_count++] = written;
    return MV_OK;
}

mv_err writer_files_add_segment(writer *w, segment_writer *written, mv_error *error)
{
    const segment_record *record = segment_writer_record(written);
    mv_err err = push_sealed(w, written, error);
    if (err) {
        segment_writer_undo(written);
        segment_writer_free(written);
        return err;
    }
    mv_assert(record->number < w->state.next_segment); /* I7 */
    err = save_record(w, record, error);
    if (!err && w->e->in_memory) {
        err = shared_segment_register(w->e, w->v->schema, record, segment_writer_paths(written),
                                      error);
    }
    w->changes++;
    w->v_lags = true;
    return err;
}

static mv_err push_file(writer *w, section_writer *written, mv_error *error)
{
    section_writer **files =
        mem_grow(w->files, &w->files_capacity, w->files_count, sizeof(section_writer *));
    if (!files) return error_memory(error, sizeof(section_writer *), "a file");
    w->files = files;
    w->files[w->files_count++] = written;
    return MV_OK;
}

mv_err writer_files_own(writer *w, section_writer *written, mv_error *error)
{
    mv_err err = push_file(w, written, error);
    if (!err) return MV_OK;
    section_writer_undo(written);
    section_writer_free(written);
    return err;
}

mv_err writer_files_add_index(writer *w, const index_record *record, section_writer *written,
                              mv_error *error)
{
    uint8_t bytes[INDEX_RECORD_SIZE];
    MV_TRY(writer_files_own(w, written, error));
    MV_TRY(writer_files_drop_indexes(w, record->segment, record->file.column, error));
    index_record_save(record, bytes);
    MV_TRY(catalog_put_u64(w->txn, CATALOG_INDEXES, record->number, bytes, sizeof bytes, error));
    if (w->e->in_memory)
        MV_TRY(shared_index_adopt(w->e, w->v->schema, record, section_writer_path(written), error));
    w->changes++;
    w->v_lags = true;
    return MV_OK;
}

/* Add a file, the last, to the record of a segment. In memory it is opened at `path`. */
static mv_err add_file(writer *w, segment_record *record, const section_file_record *file,
                       const char *path, mem_arena *arena, mv_error *error)
{
    uint32_t count = record->files_count;
    mv_assert(w->next_schema); /* which has the field of the file */
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
    return w->e->in_memory ? shared_segment_register(w->e, w->next_schema, record, paths, error)
                           : MV_OK;
}

mv_err writer_files_add_column(writer *w, uint64_t segment_number, const section_file_record *file,
                               section_writer *written, mv_error *error)
{
    segment_record record;
    mem_arena arena = {0};
    MV_TRY(writer_files_own(w, written, error));
    mv_err err = load_record(w, segment_number, &arena, &record, error);
    if (!err) err = add_file(w, &record, file, section_writer_path(written), &arena, error);
    mem_arena_free(&arena);
    return err;
}

/* ---------------------------------------------------------------- removing */

/* Find the first record, from number `from` on, of an index over this segment and field. */
static mv_err find_index(const writer *w, uint64_t segment_number, uint32_t uid, uint64_t from,
                         index_record *record, bool *found, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(w->txn, CATALOG_INDEXES, &cursor, error));
    catalog_cursor_seek_u64(cursor, from);
    mv_err err;
    for (;;) {
        uint64_t number;
        catalog_value value;
        if ((err = catalog_cursor_next_u64(cursor, &number, &value, found, error)) || !*found)
            break;
        if (!catalog_is_intact(number, &value))
            err = error_set(error, MV_CORRUPT, "%s: the record of index %" PRIu64 " is damaged",
                            CATALOG_FILE, number);
        else
            err = index_record_load(number, value.bytes, value.size, record, error);
        if (err || (record->segment == segment_number && (!uid || record->file.column == uid)))
            break;
    }
    catalog_cursor_close(cursor);
    return err;
}

mv_err writer_files_drop_indexes(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error)
{
    uint64_t from = 0;
    for (;;) {
        index_record record;
        bool found;
        MV_TRY(find_index(w, segment_number, uid, from, &record, &found, error));
        if (!found) return MV_OK;
        MV_TRY(garbage_add(w, record.number, &record.file, error));
        MV_TRY(catalog_remove_u64(w->txn, CATALOG_INDEXES, record.number, &found, error));
        w->changes++;
        w->v_lags = true;
        from = record.number + 1;
    }
}

mv_err writer_files_drop_segment(writer *w, uint64_t number, mv_error *error)
{
    segment_record record;
    bool found;
    mem_arena arena = {0};
    mv_err err = load_record(w, number, &arena, &record, error);
    if (err) goto done;
    for (uint32_t file = 0; file < record.files_count; file++)
        if ((err = garbage_add(w, number, &record.files[file], error))) goto done;
    for (uint64_t row = 0; row < record.rows; row += SEGMENT_CHUNK_ROWS)
        if ((err = catalog_remove_u64(w->txn, CATALOG_DELETED, deletions_key(number, (uint32_t)row),
                                      &found, error)))
            goto done;
    if ((err = writer_files_drop_indexes(w, number, 0, error))) goto done;
    err = catalog_remove_u64(w->txn, CATALOG_SEGMENTS, number, &found, error);
    w->changes++;
    w->v_lags = true;
done:
    mem_arena_free(&arena);
    return err;
}

mv_err writer_files_drop_column(writer *w, uint64_t number, uint32_t uid, mv_error *error)
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
            err = garbage_add(w, number, &file, error);
    }
    if (!err && kept < record.files_count) {
        record.files_count = kept;
        err = save_record(w, &record, error);
    }
    if (!err) err = writer_files_drop_indexes(w, number, uid, error);
    mem_arena_free(&arena);
    return err;
}

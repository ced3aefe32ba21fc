/* The mark of unsynced commits.
 *
 * With durability none LMDB's pages reach the disk in any order, so that after a power cut the file
 * may have any content. A small synced file beside the catalog says that this is the case. It has
 * the boot id of the machine: if the machine was started again since, nothing in the collection is
 * trusted. The mark is a file of its own, and not a value in the catalog, because it must be
 * readable when the catalog cannot be trusted. */
#include "open/durability.h"

#include <string.h>

#include "storage/index_record.h"

static bool mark_path(const char *directory, char out[OS_PATH_SIZE])
{
    return os_join(out, directory, UNSYNCED_FILE, NULL) == MV_OK;
}

bool durability_is_unsynced(const char *directory)
{
    char path[OS_PATH_SIZE];
    return mark_path(directory, path) && os_look(path) == OS_FILE;
}

bool durability_is_unfinished_mark(const char *name)
{
    static const char begin[] = UNSYNCED_FILE ".", end[] = ".new";
    size_t size = strlen(name);
    return size >= sizeof begin + sizeof end - 2 && memcmp(name, begin, sizeof begin - 1) == 0 &&
           strcmp(name + size - (sizeof end - 1), end) == 0;
}

mv_err durability_check(const char *directory, mv_error *error)
{
    char path[OS_PATH_SIZE], marked[64] = {0}, now[64] = {0};
    size_t size;
    if (!durability_is_unsynced(directory)) return MV_OK;
    MV_TRY(os_join(path, directory, UNSYNCED_FILE, error));
    mv_err err = os_read_small(path, marked, sizeof marked - 1, &size, error);
    if (err == MV_NOT_FOUND) return MV_OK; /* another process has just synced */
    if (err) return err;
    MV_TRY(os_boot_id(now, error));
    if (strcmp(marked, now) == 0) return MV_OK;
    return error_set(error, MV_CORRUPT,
                     "'%s' was written without syncing and the machine went down before a flush: "
                     "its content cannot be trusted",
                     directory);
}

mv_err durability_mark(const char *directory, mv_error *error)
{
    char now[64] = {0};
    MV_TRY(os_boot_id(now, error));
    return os_write_small(directory, UNSYNCED_FILE, now, strlen(now), error);
}

mv_err durability_sync_file(const char *directory, const char *name, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_file file;
    uint64_t size;
    MV_TRY(os_join(path, directory, name, error));
    MV_TRY(os_open_read(path, &file, &size, error));
    mv_err err = os_sync(file, path, error);
    os_close(file);
    return err;
}

static mv_err sync_segments(engine *e, catalog_txn *txn, mv_error *error)
{
    mv_err err;
    mem_arena arena = {0};
    catalog_cursor *cursor = NULL;
    if ((err = catalog_cursor_open(txn, CATALOG_SEGMENTS, &cursor, error))) goto done;
    for (;;) {
        uint64_t number;
        catalog_value value;
        bool found;
        segment_record record;
        if ((err = catalog_cursor_next_u64(cursor, &number, &value, &found, error)) || !found)
            goto done;
        mem_arena_clear(&arena);
        if ((err = segment_record_load(number, value.bytes, value.size, &arena, &record, error)))
            goto done;
        for (uint32_t file = 0; file < record.files_count; file++) {
            char name[SEGMENT_FILE_NAME_SIZE];
            segment_file_name(number, &record.files[file], name);
            if ((err = durability_sync_file(e->path, name, error))) goto done;
        }
    }
done:
    catalog_cursor_close(cursor);
    mem_arena_free(&arena);
    return err;
}

/* A missing index file loses no data: it is passed over, and optimize builds the index again. */
static mv_err sync_indexes(engine *e, catalog_txn *txn, mv_error *error)
{
    catalog_cursor *cursor = NULL;
    MV_TRY(catalog_cursor_open(txn, CATALOG_INDEXES, &cursor, error));
    mv_err err;
    for (;;) {
        uint64_t number;
        catalog_value value;
        bool found;
        index_record record;
        char name[SEGMENT_FILE_NAME_SIZE];
        if ((err = catalog_cursor_next_u64(cursor, &number, &value, &found, error)) || !found)
            break;
        if ((err = index_record_load(number, value.bytes, value.size, &record, error))) break;
        segment_file_name(number, &record.file, name);
        err = durability_sync_file(e->path, name, error);
        if (err == MV_NOT_FOUND) err = MV_OK;
        if (err) break;
    }
    catalog_cursor_close(cursor);
    return err;
}

/* The mark goes last: after a power cut in between, the collection is still refused. */
mv_err durability_sync(engine *e, catalog_txn *txn, mv_error *error)
{
    char path[OS_PATH_SIZE];
    mv_assert(!e->in_memory);
    mv_assert(!e->read_only);
    MV_TRY(sync_segments(e, txn, error));
    MV_TRY(sync_indexes(e, txn, error));
    MV_TRY(os_sync_directory(e->path, error));
    MV_TRY(catalog_sync(e->catalog, error));
    MV_TRY(os_join(path, e->path, UNSYNCED_FILE, error));
    MV_TRY(os_remove(path, error));
    return os_sync_directory(e->path, error);
}

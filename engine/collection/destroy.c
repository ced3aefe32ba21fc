/* Removing a collection that no process has open. */
#include <string.h>

#include "open/durability.h"
#include "transaction/handle.h"

static bool is_ours(const char *name)
{
    uint64_t number;
    section_file_record file;
    return segment_parse_file_name(name, &number, &file) || !strcmp(name, CATALOG_FILE) ||
           !strcmp(name, CATALOG_LOCK_FILE) || !strcmp(name, CATALOG_WRITERS_FILE) ||
           !strcmp(name, UNSYNCED_FILE) || durability_is_unfinished_mark(name);
}

static mv_err remove_ours(void *ctx, const char *name, mv_error *error)
{
    return is_ours(name) && strcmp(name, CATALOG_FILE) != 0 ? os_remove_in(ctx, name, error)
                                                            : MV_OK;
}

/* The catalog is removed first, and synced: without it there is no collection, even if a
 * later step fails. */
static mv_err remove_all(char *real_path, mv_error *error)
{
    MV_TRY(os_remove_in(real_path, CATALOG_FILE, error));
    MV_TRY(os_sync_directory(real_path, error));
    MV_TRY(os_each_entry(real_path, remove_ours, real_path, error));
    if (!os_remove_directory(real_path, NULL)) return os_sync_parent(real_path, error);
    return os_sync_directory(real_path, error); /* it has other files, which stay */
}

static mv_err note_ours(void *ctx, const char *name, mv_error *error)
{
    (void)error;
    if (is_ours(name)) *(bool *)ctx = true;
    return MV_OK;
}

/* Remove the files of a collection whose catalog is missing: destroying it was interrupted. */
static mv_err destroy_rest(const char *path, char *real_path, mv_error *error)
{
    bool has_ours = false;
    if (os_look(real_path) == OS_DIRECTORY)
        MV_TRY(os_each_entry(real_path, note_ours, &has_ours, error));
    if (has_ours) return remove_all(real_path, error);
    return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", path,
                     CATALOG_FILE);
}

mv_err mv_destroy(const char *path, mv_error *error)
{
    char real_path[OS_PATH_SIZE], catalog_path[OS_PATH_SIZE];
    os_file file;
    uint64_t size;
    bool got = false;
    if (os_look(path) == OS_NOTHING)
        return error_set(error, MV_NOT_FOUND, "there is no collection '%s'", path);
    MV_TRY(os_real_path(path, real_path, error));
    MV_TRY(os_join(catalog_path, real_path, CATALOG_FILE, error));
    if (os_look(catalog_path) == OS_NOTHING) return destroy_rest(path, real_path, error);
    MV_TRY(os_open_read(catalog_path, &file, &size, error));
    mv_err err = os_try_lock(file, &got, catalog_path,
                             error); /* every engine has it shared (engine.presence) */
    if (!err && !got)
        err = error_set(error, MV_BUSY, "'%s' is open in this or another process", path);
    if (!err) err = remove_all(real_path, error);
    os_close(file);
    return err;
}

/* Removing a collection that nobody has open. */
#include <string.h>

#include "collection/collection.h"

static bool is_ours(const char *name)
{
    uint64_t number;
    return segment_parse_file_name(name, &number) || !strcmp(name, CATALOG_FILE) ||
           !strcmp(name, CATALOG_LOCK_FILE) || !strcmp(name, UNSYNCED_FILE) ||
           durability_is_unfinished_mark(name);
}

static mv_err remove_ours(void *ctx, const char *name, mv_error *error)
{
    return is_ours(name) && strcmp(name, CATALOG_FILE) != 0 ? os_remove_in(ctx, name, error)
                                                            : MV_OK;
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
    if (os_look(catalog_path) != OS_FILE)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", path,
                         CATALOG_FILE);
    MV_TRY(os_open_read(catalog_path, &file, &size, error));
    mv_err err = os_try_lock(file, &got, catalog_path, error); /* every engine holds it shared */
    if (!err && !got) err = error_set(error, MV_BUSY, "'%s' is open", path);
    if (err) goto done;
    /* The catalog goes first: without it there is no collection, whatever happens next. */
    if ((err = os_remove(catalog_path, error))) goto done;
    if ((err = os_each_entry(real_path, remove_ours, real_path, error))) goto done;
    (void)os_remove_directory(real_path, NULL); /* stays when there are files that are not ours */
done:
    os_close(file);
    return err;
}

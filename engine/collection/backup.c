/* Backups: a compact copy of the catalog, and links to (or copies of) the files that it names. A
 * backup is made in a directory beside its path, which is renamed when it is complete. */
#include <string.h>

#include "transaction/handle.h"

/* In memory there is no file to link: write the mapped bytes to one. */
static mv_err write_file(const char *path, const section_file *from, mv_error *error)
{
    uint64_t size;
    const void *bytes = section_file_bytes(from, &size);
    os_file file = OS_FILE_NONE;
    MV_TRY(os_create(path, &file, error));
    mv_err err = os_write_at(file, bytes, size, 0, path, error);
    if (!err) err = os_sync(file, path, error);
    os_close(file);
    return err;
}

static mv_err copy_or_link(const engine *e, const char *to, const char *name,
                           const section_file *mapped, mv_error *error)
{
    char from_path[OS_PATH_SIZE], to_path[OS_PATH_SIZE];
    os_file file;
    uint64_t size;
    MV_TRY(os_join(to_path, to, name, error));
    if (e->in_memory) return write_file(to_path, mapped, error);
    MV_TRY(os_join(from_path, e->path, name, error));
    MV_TRY(os_link_or_copy(from_path, to_path, error));
    MV_TRY(os_open_read(to_path, &file, &size, error));
    mv_err err = os_sync(file, to_path, error); /* the original may not have been synced */
    os_close(file);
    return err;
}

/* A missing index file is missing in the copy as well, where optimize builds the index again. */
static mv_err copy_index(const engine *e, const char *to, const shared_index *x, mv_error *error)
{
    char name[SEGMENT_FILE_NAME_SIZE], path[OS_PATH_SIZE];
    shared_index_file_name(x, name);
    if (e->in_memory && !x->file) return MV_OK;
    if (!e->in_memory) {
        MV_TRY(os_join(path, e->path, name, error));
        if (os_look(path) != OS_FILE) return MV_OK;
    }
    return copy_or_link(e, to, name, x->file, error);
}

/* Link the files that the copied catalog names. They exist: the caller's snapshot, of an older
 * commit, keeps them from being unlinked (I8). */
static mv_err copy_segments(engine *e, const char *to, mv_error *error)
{
    char path[OS_PATH_SIZE];
    catalog *copy = NULL;
    catalog_txn *txn = NULL;
    view *v = NULL;
    MV_TRY(os_join(path, to, CATALOG_FILE, error));
    mv_err err = catalog_open(path, &(catalog_options){.read_only = true}, &copy, error);
    if (err) return err;
    if ((err = catalog_begin_read(copy, &txn, error))) goto done;
    if ((err = view_open(e, txn, 0, &v, error))) goto done;
    for (uint32_t i = 0; i < v->segments_count && !err; i++) {
        const segment *s = v->segments[i].shared->s;
        for (uint32_t file = 0; file < s->files_count && !err; file++) {
            err = copy_or_link(e, to, section_file_name(s->files[file]), s->files[file], error);
        }
        for (uint32_t slot = 0; slot < index_slot_count(v->schema) && !err; slot++)
            if (v->segments[i].indexes[slot])
                err = copy_index(e, to, v->segments[i].indexes[slot], error);
    }
done:
    view_release(e, v);
    catalog_end(txn);
    catalog_close(copy);
    return err;
}

static mv_err fill_backup(engine *e, const char *to, mv_error *error)
{
    char path[OS_PATH_SIZE];
    snapshot pin;
    MV_TRY(os_join(path, to, CATALOG_FILE, error));
    MV_TRY(snapshot_open(e, &pin, error));
    mv_err err = catalog_copy(e->catalog, path, error);
    if (!err) err = copy_segments(e, to, error);
    snapshot_close(&pin);
    return err ? err : os_sync_directory(to, error);
}

static mv_err remove_entry(void *ctx, const char *name, mv_error *error)
{
    return os_remove_in(ctx, name, error);
}

mv_err mv_backup(mv_collection *c, const char *path, mv_error *error)
{
    engine *e = NULL;
    char building[OS_PATH_SIZE];
    MV_TRY(handle_engine(c, &e, error));
    MV_TRY(handle_check_collection(c, "backup", error));
    if (strcmp(path, MEMORY_PATH) == 0)
        return error_set(error, MV_MISUSE,
                         "a backup is written to a directory, not to " MEMORY_PATH);
    if (os_look(path) != OS_NOTHING)
        return error_set(error, MV_EXISTS, "'%s' exists already", path);
    MV_TRY(os_make_directory_beside(path, building, error));
    mv_err err = fill_backup(e, building, error);
    if (!err) err = os_rename_directory(building, path, error);
    if (!err) return os_sync_parent(path, error);
    (void)os_each_entry(building, remove_entry, building, NULL);
    (void)os_remove_directory(building, NULL);
    return err;
}

/* Backups: a compact copy of the catalog, and links to (or copies of) the files that it names. A
 * backup is made in a directory beside its path (open/building.h). */
#include <string.h>

#include "open/building.h"
#include "open/durability.h"
#include "open/image.h"
#include "open/own_files.h"
#include "transaction/handle.h"

typedef struct backup {
    engine *e;
    const char *to; /* directory to fill */
    bool copy;      /* even where links are possible */
    double busy_seconds;
} backup;

/* In memory there is no file to link: write the mapped bytes to one. */
static mv_err write_file(const char *path, const image_file *from, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    MV_TRY(os_create(path, &file, error));
    mv_err err = os_write_at(file, from->bytes, (size_t)from->size, 0, path, error);
    if (!err) err = os_sync(file, path, error);
    os_close(file);
    return err;
}

/* Files that are on disk are linked. Others are copied: syncing a link would sync the original, and
 * a failure would be hidden from the next flush of the collection. */
static mv_err copy_or_link(const backup *b, const image_file *from, bool durable, mv_error *error)
{
    char from_path[OS_PATH_SIZE], to_path[OS_PATH_SIZE];
    os_kind kind = OS_FILE;
    MV_TRY(os_join(to_path, b->to, from->name, error));
    if (b->e->in_memory) return from->bytes ? write_file(to_path, from, error) : MV_OK;
    MV_TRY(os_join(from_path, b->e->path, from->name, error));
    /* Without an index file the copy has none either, and optimize builds the index again. */
    if (!from->bytes) MV_TRY(os_look(from_path, &kind, error));
    if (kind != OS_FILE) return MV_OK;
    return b->copy || !durable ? os_copy(from_path, to_path, error)
                               : os_link_or_copy(from_path, to_path, error);
}

static mv_err fill_backup(const backup *b, mv_error *error)
{
    char path[OS_PATH_SIZE];
    image im;
    uint32_t count;
    bool durable = true;
    MV_TRY(os_join(path, b->to, CATALOG_FILE, error));
    MV_TRY(image_open(b->e, b->busy_seconds, path, &im, error));
    const image_file *files = image_files(&im, &count);
    mv_err err = MV_OK;
    /* Asked after the copy: a commit that is not synced is marked before it is made. */
    if (!b->e->in_memory) err = durability_is_durable(b->e->path, &durable, error);
    for (uint32_t i = 0; !err && i < count; i++) err = copy_or_link(b, &files[i], durable, error);
    image_close(&im);
    return err ? err : os_sync_directory(b->to, error);
}

/* ---------------------------------------------------------------- where it goes */

/* Is the real path `path` that of `directory`, or below it? */
static bool path_is_within(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* The collection itself, and what is in its directory, is no place for a backup of it. */
static mv_err check_place(const engine *e, const char *path, mv_error *error)
{
    char parent[OS_PATH_SIZE], real_path[OS_PATH_SIZE];
    MV_TRY(os_parent(path, parent, error));
    MV_TRY(os_real_path(parent, real_path, error));
    os_kind kind;
    MV_TRY(os_look(path, &kind, error));
    bool is_inside = !e->in_memory && path_is_within(real_path, e->path);
    if (!is_inside && !e->in_memory && kind != OS_NOTHING) {
        MV_TRY(os_real_path(path, real_path, error));
        is_inside = path_is_within(real_path, e->path);
    }
    if (!is_inside) return MV_OK;
    return error_set(error, MV_MISUSE,
                     "a backup of '%s' cannot be made in the collection's own directory: '%s'",
                     e->path, path);
}

/* Claim the collection at `path`, a real path, to put another one in its place. */
static mv_err claim_old(const char *path, os_file *claim, mv_error *error)
{
    char other[OS_PATH_SIZE];
    mv_error why;
    mv_err err = own_files_claim(path, claim, &why);
    if (err == MV_CORRUPT) return error_set(error, MV_EXISTS, "%s", why.text);
    if (err) return error_set(error, err, "%s", why.text);
    err = own_files_find_other(path, other, error);
    if (!err && other[0])
        err = error_set(error, MV_EXISTS, "'%s' has a file that is not of the collection: '%s'",
                        path, other);
    if (err) os_close(*claim);
    return err;
}

static mv_err make(backup *b, const char *path, building *made, mv_error *error)
{
    MV_TRY(building_begin(path, made, error));
    b->to = made->path;
    mv_err err = fill_backup(b, error);
    if (err) building_undo(made);
    return err;
}

static mv_err make_new(backup *b, const char *path, mv_error *error)
{
    building made;
    MV_TRY(make(b, path, &made, error));
    return building_finish(&made, path, error);
}

static mv_err replace_old(backup *b, const char *path, mv_error *error)
{
    char real_path[OS_PATH_SIZE];
    os_file claim = OS_FILE_NONE;
    building made;
    MV_TRY(os_real_path(path, real_path, error));
    MV_TRY(claim_old(real_path, &claim, error));
    mv_err err = make(b, real_path, &made, error);
    if (!err) err = building_replace(&made, real_path, error);
    os_close(claim);
    return err;
}

mv_err mv_backup(mv_collection *c, const char *path, const mv_backup_options *options,
                 mv_error *error)
{
    static const mv_backup_options defaults = {0};
    if (!options) options = &defaults;
    backup b = {.copy = options->copy, .busy_seconds = c->busy_seconds};
    MV_TRY(handle_engine(c, &b.e, error));
    MV_TRY(handle_check_collection(c, error));
    if (!*path) return error_set(error, MV_MISUSE, "the path is empty");
    if (strcmp(path, MEMORY_PATH) == 0)
        return error_set(error, MV_MISUSE,
                         "a backup is written to a directory, not to " MEMORY_PATH);
    MV_TRY(check_place(b.e, path, error));
    os_kind kind;
    MV_TRY(os_look(path, &kind, error));
    if (kind == OS_NOTHING) return make_new(&b, path, error);
    if (options->replace) return replace_old(&b, path, error);
    return error_set(error, MV_EXISTS, "'%s' exists already", path);
}

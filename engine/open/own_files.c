/* Recognizing, claiming and removing the files of a collection.
 *
 * A directory is a collection if its catalog is an LMDB file with the tables of a catalog. Removing
 * one takes these steps, each synced before the next:
 *
 *   1. The catalog gets the name `destroyed.mdb`: from here on there is no collection.
 *   2. All other files of the collection are removed but the mark of unsynced commits.
 *   3. That mark is removed.
 *   4. `destroyed.mdb` is removed, then the directory.
 *
 * A claim is an exclusive lock on the file of the catalog, on which every engine has a shared one.
 * While the file is locked and in the directory, nobody can put another directory at the path:
 * renaming replaces only empty directories, and exchanging needs the claim. */
#include "open/own_files.h"

#include <stdio.h>
#include <string.h>

#include "open/durability.h"
#include "open/last_use.h"
#include "storage/index_record.h"

static mv_err identify_catalog(const char *path, bool *is_ours, mv_error *error)
{
    catalog_identity identity;
    MV_TRY(catalog_identify(path, &identity, error));
    *is_ours = identity == CATALOG_OURS || identity == CATALOG_UNFINISHED;
    return MV_OK;
}

/* May a process have left this file when it died, before the file was synced and got its name?
 * After a power cut it may contain anything, so that nothing but the name tells. */
static bool is_unfinished(const char *name)
{
    return durability_is_unfinished_mark(name) || segment_is_unfinished_name(name);
}

static mv_err identify_by_content(const char *name, const char *path, bool *is_ours,
                                  mv_error *error)
{
    uint64_t number;
    section_file_record file;
    if (segment_parse_file_name(name, &number, &file))
        return section_file_identify(path, is_ours, error);
    if (!strcmp(name, CATALOG_FILE) || !strcmp(name, DESTROYED_FILE))
        return identify_catalog(path, is_ours, error);
    /* Whatever is in them: processes that open the collection write over them. */
    *is_ours = !strcmp(name, CATALOG_WRITERS_FILE) || !strcmp(name, CATALOG_LOCK_FILE) ||
               !strcmp(name, LAST_USE_FILE);
    if (!strcmp(name, UNSYNCED_FILE) || !strcmp(name, IN_DOUBT_FILE))
        return durability_identify_mark(path, name, is_ours, error);
    return MV_OK;
}

mv_err own_files_identify(const char *directory, const char *name, bool *is_ours, mv_error *error)
{
    char path[OS_PATH_SIZE];
    os_kind kind;
    *is_ours = is_unfinished(name);
    if (*is_ours) return MV_OK;
    MV_TRY(os_join(path, directory, name, error));
    MV_TRY(os_look(path, &kind, error));
    if (kind != OS_FILE) return MV_OK;
    mv_err err = identify_by_content(name, path, is_ours, error);
    return err == MV_NOT_FOUND ? MV_OK : err; /* removed meanwhile */
}

/* ---------------------------------------------------------------- claiming */

/* Open the file of the catalog, under either name. MV_NOT_FOUND: it has none. */
static mv_err open_catalog_file(const char *directory, char path[OS_PATH_SIZE], os_file *file,
                                mv_error *error)
{
    static const char *const names[] = {CATALOG_FILE, DESTROYED_FILE};
    mv_err err = MV_NOT_FOUND;
    for (int i = 0; i < 2 && err == MV_NOT_FOUND; i++) {
        uint64_t size;
        MV_TRY(os_join(path, directory, names[i], error));
        err = os_open_read(path, file, &size, error);
    }
    return err;
}

static mv_err lock_catalog_file(os_file file, const char *directory, const char *path,
                                mv_error *error)
{
    bool got;
    MV_TRY(os_try_lock(file, &got, path, error));
    return got ? MV_OK
               : error_set(error, MV_BUSY, "'%s' is open in this or another process", directory);
}

static mv_err check_identity(const char *directory, const char *path, mv_error *error)
{
    catalog_identity identity;
    MV_TRY(catalog_identify(path, &identity, error));
    if (identity == CATALOG_OURS) return MV_OK;
    if (identity == CATALOG_OTHER_WIDTH)
        return error_set(
            error, MV_WRONG_VERSION,
            "'%s': '%s' was written by a program of another width (32 or 64 bits), which "
            "this one cannot read (nothing was changed)",
            directory, path);
    return error_set(
        error, MV_CORRUPT,
        "'%s' is not a collection, or is too damaged to be recognized as one: '%s' lacks "
        "the tables of a catalog (nothing was changed; if the directory is not "
        "needed, delete it yourself)",
        directory, path);
}

/* *claim is OS_FILE_NONE if the file was replaced meanwhile. */
static mv_err try_claim(const char *directory, os_file *claim, mv_error *error)
{
    char path[OS_PATH_SIZE];
    mv_err err = open_catalog_file(directory, path, claim, error);
    if (err == MV_NOT_FOUND)
        return error_set(error, MV_CORRUPT, "'%s' is not a collection: it has no %s", directory,
                         CATALOG_FILE);
    if (err) return err;
    err = lock_catalog_file(*claim, directory, path, error); /* first: a damaged one may be open */
    if (!err) err = check_identity(directory, path, error);
    if (err == MV_NOT_FOUND) err = MV_OK;
    if (!err && os_is_file_at(*claim, path)) return MV_OK;
    os_close(*claim);
    *claim = OS_FILE_NONE;
    return err;
}

mv_err own_files_claim(const char *directory, os_file *claim, mv_error *error)
{
    *claim = OS_FILE_NONE;
    while (*claim == OS_FILE_NONE) MV_TRY(try_claim(directory, claim, error));
    return MV_OK;
}

/* ---------------------------------------------------------------- removing */

typedef struct listing {
    const char *directory;
    char *other; /* [OS_PATH_SIZE]: the name of a file that is not of a collection, or "" */
} listing;

static mv_err note_other(void *ctx, const char *name, mv_error *error)
{
    const listing *l = ctx;
    bool is_ours;
    MV_TRY(own_files_identify(l->directory, name, &is_ours, error));
    if (!is_ours) (void)snprintf(l->other, OS_PATH_SIZE, "%s", name);
    return MV_OK;
}

mv_err own_files_find_other(const char *directory, char other[OS_PATH_SIZE], mv_error *error)
{
    listing l = {directory, other};
    other[0] = '\0';
    return os_each_entry(directory, note_other, &l, error);
}

/* Step 1. */
static mv_err unname_catalog(const char *directory, mv_error *error)
{
    char from[OS_PATH_SIZE], to[OS_PATH_SIZE];
    MV_TRY(os_join(from, directory, CATALOG_FILE, error));
    MV_TRY(os_join(to, directory, DESTROYED_FILE, error));
    os_kind kind;
    bool is_ours;
    MV_TRY(os_look(from, &kind, error));
    if (kind == OS_NOTHING) return MV_OK; /* done before */
    MV_TRY(own_files_identify(directory, DESTROYED_FILE, &is_ours, error));
    MV_TRY(os_look(to, &kind, error));
    if (kind != OS_NOTHING && !is_ours)
        return error_set(error, MV_EXISTS, "'%s' is in the way: it is not of the collection", to);
    MV_TRY(os_rename(from, to, error));
    return os_sync_directory(directory, error);
}

typedef struct removal {
    const char *directory;
    bool is_lost;     /* written without syncing before the machine last went down */
    bool has_names;   /* `names` was read */
    mem_buffer names; /* of files that the catalog names, each in SEGMENT_FILE_NAME_SIZE bytes */
} removal;

static mv_err add_name(removal *r, uint64_t number, const section_file_record *file,
                       mv_error *error)
{
    char name[SEGMENT_FILE_NAME_SIZE] = {0};
    segment_file_name(number, file, name);
    return mem_buffer_append(&r->names, name, sizeof name)
               ? MV_OK
               : error_memory(error, sizeof name, "the name of a file");
}

static mv_err add_names_of_segment(void *ctx, uint64_t number, const catalog_value *value,
                                   mv_error *error)
{
    segment_record record;
    mem_arena arena = {0};
    if (!catalog_is_intact(number, value)) return MV_OK;
    mv_err err = segment_record_load(number, value->bytes, value->size, &arena, &record, error);
    for (uint32_t i = 0; !err && i < record.files_count; i++)
        err = add_name(ctx, number, &record.files[i], error);
    mem_arena_free(&arena);
    return err;
}

static mv_err add_name_of_index(void *ctx, uint64_t number, const catalog_value *value,
                                mv_error *error)
{
    index_record record;
    if (!catalog_is_intact(number, value)) return MV_OK;
    MV_TRY(index_record_load(number, value->bytes, value->size, &record, error));
    return add_name(ctx, number, &record.file, error);
}

static mv_err add_names(removal *r, catalog *c, mv_error *error)
{
    catalog_txn *txn = NULL;
    MV_TRY(catalog_begin_read(c, &txn, error));
    mv_err err = catalog_each_u64(txn, CATALOG_SEGMENTS, add_names_of_segment, r, error);
    if (!err) err = catalog_each_u64(txn, CATALOG_INDEXES, add_name_of_index, r, error);
    catalog_end(txn);
    return err;
}

/* Take down which files the catalog names, as far as it is sound: they are of the collection, even
 * if their content was damaged. */
static mv_err read_names(removal *r, mv_error *error)
{
    char path[OS_PATH_SIZE];
    catalog *c = NULL;
    const catalog_options options = {.read_only = true, .verify = true};
    MV_TRY(os_join(path, r->directory, DESTROYED_FILE, error));
    mv_err err = catalog_open(path, &options, &c, error);
    if (!err) err = add_names(r, c, error);
    catalog_close(c);
    return err == MV_CORRUPT || err == MV_WRONG_VERSION ? MV_OK : err;
}

/* Is this a file of the claimed collection, by its name alone? Any file with the name of one of a
 * segment or index is, if the collection is lost. Otherwise the catalog must name it. It is read
 * for the first such file. */
static mv_err identify_by_name(removal *r, const char *name, bool *is_ours, mv_error *error)
{
    uint64_t number;
    section_file_record file;
    os_kind kind;
    if (!segment_parse_file_name(name, &number, &file)) return MV_OK;
    MV_TRY(os_look_in(r->directory, name, &kind, error));
    if (kind != OS_FILE) return MV_OK;
    *is_ours = r->is_lost;
    if (r->is_lost) return MV_OK;
    if (!r->has_names) MV_TRY(read_names(r, error));
    r->has_names = true;
    for (size_t at = 0; at < r->names.size && !*is_ours; at += SEGMENT_FILE_NAME_SIZE)
        *is_ours = strcmp((const char *)r->names.data + at, name) == 0;
    return MV_OK;
}

static mv_err remove_own(void *ctx, const char *name, mv_error *error)
{
    removal *r = ctx;
    bool is_ours;
    if (!strcmp(name, DESTROYED_FILE) || !strcmp(name, UNSYNCED_FILE)) return MV_OK;
    MV_TRY(own_files_identify(r->directory, name, &is_ours, error));
    if (!is_ours) MV_TRY(identify_by_name(r, name, &is_ours, error));
    return is_ours ? os_remove_in(r->directory, name, error) : MV_OK;
}

mv_err own_files_remove(const char *directory, mv_error *error)
{
    removal r = {.directory = directory};
    bool has_mark;
    MV_TRY(unname_catalog(directory, error));
    MV_TRY(own_files_identify(directory, UNSYNCED_FILE, &has_mark, error));
    mv_err err = has_mark ? durability_check(directory, error) : MV_OK;
    r.is_lost = err == MV_CORRUPT;
    if (!err || r.is_lost) err = os_each_entry(directory, remove_own, &r, error);
    if (!err && has_mark) err = os_sync_directory(directory, error);
    if (!err && has_mark) err = os_remove_in(directory, UNSYNCED_FILE, error);
    mem_buffer_free(&r.names);
    if (err) return err;
    MV_TRY(os_sync_directory(directory, error));
    MV_TRY(os_remove_in(directory, DESTROYED_FILE, error));
    if (!os_remove_directory(directory, NULL)) return os_sync_parent(directory, error);
    return os_sync_directory(directory, error); /* it has other files, which stay */
}

static mv_err remove_any(void *ctx, const char *name, mv_error *error)
{
    const char *const *directory = ctx;
    (void)error;
    (void)os_remove_in(*directory, name, NULL);
    return MV_OK;
}

void own_files_discard(const char *directory)
{
    (void)os_each_entry(directory, remove_any, &directory, NULL);
    (void)os_remove_directory(directory, NULL);
}

void own_files_sweep(const char *directory)
{
    char path[OS_PATH_SIZE], other[OS_PATH_SIZE];
    os_file claim = OS_FILE_NONE;
    if (own_files_find_other(directory, other, NULL) || other[0]) return;
    mv_err err = open_catalog_file(directory, path, &claim, NULL);
    if (!err) err = lock_catalog_file(claim, directory, path, NULL);
    if (!err || err == MV_NOT_FOUND) own_files_discard(directory);
    os_close(claim);
}

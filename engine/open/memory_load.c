/* Loading a collection into memory: the catalog becomes a file without a name, as in every
 * collection in memory, and so does each file of a segment or an index. */
#include "open/memory_load.h"

#include <inttypes.h>
#include <string.h>

#include "open/known_schema.h"
#include "open/registry.h"
#include "storage/index_record.h"

typedef struct loading {
    engine *e;
    const mv_schema *schema;
    const image *files;
    catalog_txn *txn;
} loading;

/* ---------------------------------------------------------------- files */

/* Write the file of that name to memory. *found is false if there is none. */
static mv_err make_file(const loading *l, const char *name, os_file *file, bool *found,
                        mv_error *error)
{
    uint32_t count, at = 0;
    const image_file *files = image_files(l->files, &count);
    while (at < count && strcmp(files[at].name, name) != 0) at++;
    *found = at < count && files[at].bytes;
    if (!*found) return MV_OK;
    MV_TRY(os_create_in_memory(name, file, error));
    return os_write_at(*file, files[at].bytes, (size_t)files[at].size, 0, name, error);
}

/* The files of one segment while it is opened. */
typedef struct segment_files {
    os_file *files; /* OS_FILE_NONE: not made yet */
    const char **paths;
    char (*path_texts)[64];
} segment_files;

static mv_err make_segment_files(const loading *l, const segment_record *record,
                                 segment_files *made, mem_arena *arena, mv_error *error)
{
    size_t count = record->files_count;
    made->files = mem_arena_alloc(arena, count * sizeof *made->files);
    made->paths = mem_arena_alloc(arena, count * sizeof *made->paths);
    made->path_texts = mem_arena_alloc(arena, count * sizeof *made->path_texts);
    if (made->files)
        for (size_t i = 0; i < count; i++) made->files[i] = OS_FILE_NONE;
    if (!made->files || !made->paths || !made->path_texts)
        return error_memory(error, count * sizeof *made->path_texts, "the files of a segment");
    for (uint32_t i = 0; i < record->files_count; i++) {
        char name[SEGMENT_FILE_NAME_SIZE];
        bool found;
        segment_file_name(record->number, &record->files[i], name);
        MV_TRY(make_file(l, name, &made->files[i], &found, error));
        if (!found) return error_set(error, MV_CORRUPT, "%s: the file is missing", name);
        os_path_of_file(made->files[i], made->path_texts[i]);
        made->paths[i] = made->path_texts[i];
    }
    return MV_OK;
}

static mv_err check_record(uint64_t number, const catalog_value *value, mv_error *error)
{
    if (catalog_is_intact(number, value)) return MV_OK;
    return error_set(error, MV_CORRUPT, "%s: the record of file %" PRIu64 " is damaged",
                     CATALOG_FILE, number);
}

static mv_err register_segment(void *ctx, uint64_t number, const catalog_value *value,
                               mv_error *error)
{
    loading *l = ctx;
    segment_record record;
    segment_files made = {0};
    mem_arena arena = {0};
    MV_TRY(check_record(number, value, error));
    mv_err err = segment_record_load(number, value->bytes, value->size, &arena, &record, error);
    if (!err) err = make_segment_files(l, &record, &made, &arena, error);
    if (!err) err = shared_segment_register(l->e, l->schema, &record, made.paths, error);
    for (uint32_t i = 0; made.files && i < record.files_count; i++) os_close(made.files[i]);
    mem_arena_free(&arena);
    return err;
}

static mv_err register_index(void *ctx, uint64_t number, const catalog_value *value,
                             mv_error *error)
{
    loading *l = ctx;
    index_record record;
    char name[SEGMENT_FILE_NAME_SIZE], path[64];
    os_file file = OS_FILE_NONE;
    bool found;
    MV_TRY(check_record(number, value, error));
    MV_TRY(index_record_load(number, value->bytes, value->size, &record, error));
    segment_file_name(number, &record.file, name);
    mv_err err = make_file(l, name, &file, &found, error);
    if (!err && found) {
        os_path_of_file(file, path);
        err = shared_index_adopt(l->e, l->schema, &record, path, error);
    }
    os_close(file);
    return err;
}

static mv_err load_files(engine *e, const image *files, mv_error *error)
{
    loading l = {.e = e, .files = files};
    MV_TRY(known_schema_read(e, &l.schema, error));
    MV_TRY(engine_begin_read(e, &l.txn, error));
    mv_err err = catalog_each_u64(l.txn, CATALOG_SEGMENTS, register_segment, &l, error);
    if (!err) err = catalog_each_u64(l.txn, CATALOG_INDEXES, register_index, &l, error);
    catalog_end(l.txn);
    engine_end_read(e);
    return err;
}

/* ---------------------------------------------------------------- the catalog */

/* LMDB opens files by name only: the catalog loses its name as soon as it is open. */
static mv_err load_catalog(engine *e, memory_source *source, void *ctx, bool verify, image *files,
                           mv_error *error)
{
    char path[OS_PATH_SIZE];
    MV_TRY(os_make_temporary_directory(e->path, error));
    mv_err err = os_join(path, e->path, CATALOG_FILE, error);
    if (!err) err = source(ctx, path, files, error);
    if (!err) err = engine_open_catalog(e, false, verify, error);
    (void)os_remove_in(e->path, CATALOG_FILE, NULL);
    (void)os_remove_in(e->path, CATALOG_LOCK_FILE, NULL);
    (void)os_remove_directory(e->path, NULL);
    e->path[0] = '\0';
    return err;
}

mv_err memory_load(memory_source *source, void *ctx, bool verify, const engine_hooks *hooks,
                   engine **out, mv_error *error)
{
    engine *e = NULL;
    image files = {0};
    MV_TRY(engine_create(hooks, &e, error));
    e->in_memory = true;
    mv_err err = load_catalog(e, source, ctx, verify, &files, error);
    if (!err) err = load_files(e, &files, error);
    image_close(&files);
    if (!err)
        *out = e;
    else
        registry_release(e);
    return err;
}

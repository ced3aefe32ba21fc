/* Dumps (storage/dump_format.h), and collections in memory that are made from dumps or from
 * directories. */
#include "collection/dump.h"

#include <string.h>

#include "base/hash.h"
#include "open/memory_load.h"
#include "open/registry.h"
#include "storage/dump_format.h"
#include "transaction/handle.h"

struct mv_dump {
    engine *e; /* a reference */
    uint64_t fork_generation;
    image im;            /* the files after the catalog */
    const void *catalog; /* mapped */
    uint64_t catalog_size;
    mem_buffer entries; /* dump_file each: the catalog, then the files of `im` */
    mem_buffer head;
    uint64_t size; /* of the dump */
    uint64_t at;   /* bytes read so far */
    uint32_t next; /* the file that ends after `at`, or follows it */
};

/* ---------------------------------------------------------------- writing */

static mv_err map_catalog(mv_dump *d, const char *path, mv_error *error)
{
    os_file file;
    MV_TRY(os_open_read(path, &file, &d->catalog_size, error));
    mv_err err = os_map(file, d->catalog_size, &d->catalog, path, error);
    os_close(file);
    return err;
}

/* The copy of the catalog is a file without a name. */
static mv_err open_image(mv_dump *d, double seconds, mv_error *error)
{
    char directory[OS_PATH_SIZE], path[OS_PATH_SIZE];
    MV_TRY(os_make_temporary_directory(directory, error));
    mv_err err = os_join(path, directory, CATALOG_FILE, error);
    if (!err) err = image_open(d->e, seconds, path, &d->im, error);
    if (!err) err = map_catalog(d, path, error);
    (void)os_remove_in(directory, CATALOG_FILE, NULL);
    (void)os_remove_directory(directory, NULL);
    return err;
}

static mv_err add_entry(mv_dump *d, const char *name, const void *bytes, uint64_t size,
                        mv_error *error)
{
    dump_file entry = {.size = size, .checksum = hash_bytes(bytes, (size_t)size, 0)};
    mv_assert(strlen(name) < sizeof entry.name);
    memcpy(entry.name, name, strlen(name));
    return mem_buffer_append(&d->entries, &entry, sizeof entry)
               ? MV_OK
               : error_memory(error, sizeof entry, "a dump");
}

static uint32_t entries_count(const mv_dump *d)
{
    return (uint32_t)(d->entries.size / sizeof(dump_file));
}

static dump_file *entry_at(const mv_dump *d, uint32_t at)
{
    return (dump_file *)(void *)d->entries.data + at;
}

/* An index that could not be opened is left out: optimize builds it again. */
static mv_err write_head(mv_dump *d, mv_error *error)
{
    uint32_t count;
    const image_file *files = image_files(&d->im, &count);
    MV_TRY(add_entry(d, CATALOG_FILE, d->catalog, d->catalog_size, error));
    for (uint32_t i = 0; i < count; i++)
        if (files[i].bytes)
            MV_TRY(add_entry(d, files[i].name, files[i].bytes, files[i].size, error));
    if (entries_count(d) > DUMP_FILES_MAX)
        return error_set(error, MV_LIMIT, "a dump has at most %u files, this collection has %u",
                         DUMP_FILES_MAX, entries_count(d));
    size_t head_size = dump_format_head_size(entries_count(d));
    if (!mem_buffer_reserve(&d->head, head_size)) return error_memory(error, head_size, "a dump");
    d->head.size = head_size;
    d->size = dump_format_write(entry_at(d, 0), entries_count(d), d->head.data);
    return MV_OK;
}

mv_err mv_dump_open(mv_collection *c, mv_dump **dump, uint64_t *size, mv_error *error)
{
    engine *e = NULL;
    *dump = NULL;
    MV_TRY(handle_engine(c, &e, error));
    MV_TRY(handle_check_collection(c, error));
    mv_dump *d = mem_alloc_zero(sizeof *d);
    if (!d) return error_memory(error, sizeof *d, "a dump");
    registry_retain(e);
    d->e = e;
    d->fork_generation = os_fork_generation();
    mv_err err = open_image(d, c->busy_seconds, error);
    if (!err) err = write_head(d, error);
    if (err) {
        mv_dump_close(d);
        return err;
    }
    *dump = d;
    *size = d->size;
    return MV_OK;
}

/* The bytes of file `at`. */
static const uint8_t *bytes_of(const mv_dump *d, uint32_t at)
{
    uint32_t count;
    const image_file *files = image_files(&d->im, &count);
    if (!at) return d->catalog;
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(files[i].name, entry_at(d, at)->name)) return files[i].bytes;
    return NULL;
}

/* Copy what comes next, at most `size` bytes, up to the next end of a part. */
static size_t copy_part(mv_dump *d, uint8_t *out, size_t size)
{
    const dump_file *file = d->next < entries_count(d) ? entry_at(d, d->next) : NULL;
    const uint8_t *from = NULL; /* zeros between two files */
    uint64_t end = file ? file->offset : d->size;
    if (d->at < d->head.size) {
        from = d->head.data + d->at;
        end = d->head.size;
    } else if (file && d->at >= file->offset) {
        from = bytes_of(d, d->next) + (d->at - file->offset);
        end = file->offset + file->size;
    }
    size_t count = end - d->at < size ? (size_t)(end - d->at) : size;
    if (from)
        memcpy(out, from, count);
    else
        memset(out, 0, count);
    d->at += count;
    if (file && d->at == file->offset + file->size) d->next++;
    return count;
}

mv_err mv_dump_read(mv_dump *d, void *out, size_t size, size_t *got, mv_error *error)
{
    *got = 0;
    if (os_is_forked(d->fork_generation)) return error_set_forked(error, "the dump");
    while (*got < size && d->at < d->size) *got += copy_part(d, (uint8_t *)out + *got, size - *got);
    return MV_OK;
}

void mv_dump_close(mv_dump *d)
{
    if (!d) return;
    if (!os_is_forked(d->fork_generation))
        image_close(&d->im);
    else
        mem_buffer_free(&d->im.files); /* the rest is the parent's */
    os_unmap(d->catalog, d->catalog_size);
    mem_buffer_free(&d->entries);
    mem_buffer_free(&d->head);
    registry_release(d->e);
    mem_free(d, sizeof *d);
}

/* ---------------------------------------------------------------- loading */

typedef struct dumped {
    const uint8_t *bytes;
    uint32_t files_count;
} dumped;

/* A memory_source. */
static mv_err unpack(void *ctx, const char *catalog_path, image *files, mv_error *error)
{
    const dumped *d = ctx;
    dump_file first = dump_format_file(d->bytes, 0);
    os_file file;
    if (strcmp(first.name, CATALOG_FILE) != 0)
        return error_set(error, MV_CORRUPT, "the dump begins with '%s', expected %s", first.name,
                         CATALOG_FILE);
    for (uint32_t i = 1; i < d->files_count; i++) {
        dump_file next = dump_format_file(d->bytes, i);
        MV_TRY(image_add(files, next.name, d->bytes + next.offset, next.size, error));
    }
    MV_TRY(os_create(catalog_path, &file, error));
    mv_err err =
        os_write_at(file, d->bytes + first.offset, (size_t)first.size, 0, catalog_path, error);
    os_close(file);
    return err;
}

mv_err dump_load(const void *bytes, size_t size, const engine_hooks *hooks, engine **e,
                 mv_error *error)
{
    dumped d = {.bytes = bytes};
    MV_TRY(dump_format_verify(bytes, size, &d.files_count, error));
    return memory_load(unpack, &d, true, hooks, e, error);
}

/* A memory_source. */
static mv_err copy_engine(void *ctx, const char *catalog_path, image *files, mv_error *error)
{
    return image_open(ctx, 0, catalog_path, files, error);
}

mv_err dump_load_directory(const char *path, bool verify, const engine_hooks *hooks, engine **e,
                           mv_error *error)
{
    engine *from = NULL;
    const mv_open_options options = {.read_only = true, .verify = verify};
    os_kind kind;
    MV_TRY(os_look(path, &kind, error));
    if (kind == OS_NOTHING)
        return error_set(error, MV_NOT_FOUND, "there is no collection '%s'", path);
    MV_TRY(registry_open(path, &options, hooks, &from, error));
    mv_err err = memory_load(copy_engine, from, verify, hooks, e, error);
    registry_release(from);
    return err;
}

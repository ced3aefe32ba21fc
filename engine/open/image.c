/* Images of commits: the catalog is copied by LMDB, then the copy is read to find what it names. */
#include "open/image.h"

#include <string.h>

mv_err image_add(image *im, const char *name, const void *bytes, uint64_t size, mv_error *error)
{
    image_file file = {.bytes = bytes, .size = size};
    mv_assert(strlen(name) < sizeof file.name);
    memcpy(file.name, name, strlen(name));
    return mem_buffer_append(&im->files, &file, sizeof file)
               ? MV_OK
               : error_memory(error, sizeof file, "the name of a file");
}

const image_file *image_files(const image *im, uint32_t *count)
{
    *count = (uint32_t)(im->files.size / sizeof(image_file));
    return (const image_file *)(const void *)im->files.data;
}

static mv_err add_section_file(image *im, const char *name, const section_file *file,
                               mv_error *error)
{
    uint64_t size = 0;
    const void *bytes = file ? section_file_bytes(file, &size) : NULL;
    return image_add(im, name, bytes, size, error);
}

static mv_err add_files_of_segment(image *im, const view_segment *of, mv_error *error)
{
    const segment *s = of->shared->s;
    for (uint32_t file = 0; file < s->files_count; file++)
        MV_TRY(add_section_file(im, section_file_name(s->files[file]), s->files[file], error));
    for (uint32_t slot = 0; slot < index_slot_count(im->v->schema); slot++) {
        char name[SEGMENT_FILE_NAME_SIZE];
        const shared_index *x = of->indexes[slot];
        if (!x) continue;
        shared_index_file_name(x, name);
        MV_TRY(add_section_file(im, name, x->file, error));
    }
    return MV_OK;
}

/* Decode the copied commit. The files that it names exist: `pin`, of an older commit, keeps them
 * from being unlinked (I8). */
static mv_err read_copy(engine *e, const char *catalog_path, image *im, mv_error *error)
{
    catalog *copy = NULL;
    catalog_txn *txn = NULL;
    int64_t now = 0;
    mv_err err = catalog_open(catalog_path, &(catalog_options){.read_only = true}, &copy, error);
    if (!err) err = catalog_begin_read(copy, &txn, error);
    if (!err) err = view_open(e, txn, 0, &now, &im->v, error);
    catalog_end(txn);
    catalog_close(copy);
    for (uint32_t i = 0; !err && i < im->v->segments_count; i++)
        err = add_files_of_segment(im, &im->v->segments[i], error);
    return err;
}

static mv_err copy_and_read(engine *e, const char *catalog_path, image *im, mv_error *error)
{
    MV_TRY(snapshot_open(e, &im->pin, error));
    MV_TRY(catalog_copy(e->catalog, catalog_path, error));
    return read_copy(e, catalog_path, im, error);
}

/* In memory a file is gone with the last view of it. So nobody may commit until the copy has one.
 */
static mv_err copy_in_memory(engine *e, double seconds, const char *catalog_path, image *im,
                             mv_error *error)
{
    catalog_txn *txn = NULL;
    if (engine_is_writing(e)) return copy_and_read(e, catalog_path, im, error);
    MV_TRY(engine_begin_write(e, false, seconds, &txn, error));
    mv_err err = copy_and_read(e, catalog_path, im, error);
    catalog_end(txn);
    engine_end_write(e);
    return err;
}

mv_err image_open(engine *e, double seconds, const char *catalog_path, image *out, mv_error *error)
{
    *out = (image){0};
    mv_err err = e->in_memory ? copy_in_memory(e, seconds, catalog_path, out, error)
                              : copy_and_read(e, catalog_path, out, error);
    if (err) image_close(out);
    return err;
}

void image_close(image *im)
{
    if (im->v) view_release(im->pin.e, im->v);
    snapshot_close(&im->pin);
    mem_buffer_free(&im->files);
    *im = (image){0};
}

/* Checking lists: they are built again from the column, and must be the same. */
#include <string.h>

#include "base/os.h"
#include "index/invert.h"

static mv_err compare_parts(const invert_lists *l, const invert_builder *b, mv_error *error)
{
    index_part wanted[INVERT_PARTS_MAX];
    uint32_t count = invert_build_parts(b, wanted);
    if (count != l->parts_count)
        return error_set(error, MV_CORRUPT, "the inverted index has %u sections, %u expected",
                         l->parts_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const index_part *part = &l->parts[i];
        if (part->kind != wanted[i].kind || part->size != wanted[i].size ||
            (part->size && memcmp(part->bytes, wanted[i].bytes, (size_t)part->size) != 0))
            return error_set(
                error, MV_CORRUPT,
                "section %d of the inverted index does not match the values of the column",
                (int)wanted[i].kind);
    }
    return MV_OK;
}

mv_err invert_check(const invert_lists *l, const index_column *column, mv_error *error)
{
    invert_builder *b = NULL;
    bool more = true;
    MV_TRY(invert_build_begin(column, &b, error));
    mv_err err = MV_OK;
    while (!err && more) err = invert_build_step(b, os_seconds() + 1, &more, error);
    if (!err) err = compare_parts(l, b, error);
    invert_build_free(b);
    return err;
}

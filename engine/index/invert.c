/* Opening inverted lists over their parts: checks the head and all sizes. */
#include "index/invert.h"

#include <inttypes.h>
#include <string.h>

#include "base/type.h"
#include "index/invert_pack.h"

/* The bytes of a part. Fails unless it has exactly `size` of them. */
static mv_err need_lists_part(const invert_lists *l, invert_part_kind kind, uint64_t size,
                              const void **bytes, mv_error *error)
{
    static const uint64_t nothing[1] = {0};
    for (uint32_t i = 0; i < l->parts_count; i++) {
        if (l->parts[i].kind != kind || l->parts[i].size != size) continue;
        *bytes = size ? l->parts[i].bytes : nothing;
        return MV_OK;
    }
    return error_set(error, MV_CORRUPT,
                     "section %d of the inverted index is missing, or is not %" PRIu64
                     " bytes long",
                     (int)kind, size);
}

static uint64_t part_size(const invert_lists *l, invert_part_kind kind)
{
    for (uint32_t i = 0; i < l->parts_count; i++)
        if (l->parts[i].kind == kind) return l->parts[i].size;
    return 0;
}

/* Open a packed sequence of `count` numbers: its blocks, and the part of its bits. */
static mv_err open_packed(const invert_lists *l, invert_part_kind kind, invert_part_kind bits_kind,
                          uint32_t count, invert_packed *out, mv_error *error)
{
    const void *blocks = NULL, *bits = NULL;
    mv_assert(bits_kind == kind + 1);
    out->count = count;
    out->bits_size = part_size(l, bits_kind);
    MV_TRY(
        need_lists_part(l, kind, invert_pack_blocks(count) * sizeof(invert_block), &blocks, error));
    MV_TRY(need_lists_part(l, bits_kind, out->bits_size, &bits, error));
    out->blocks = blocks;
    out->bits = bits;
    return MV_OK;
}

static mv_err check_lists_head(const invert_head *head, const index_column *column, mv_error *error)
{
    if (head->format > INVERT_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "the inverted index has format %u, this moonvec reads up to %u",
                         head->format, INVERT_FORMAT);
    if (head->rows != column->rows || head->type != (uint32_t)column->type)
        return error_set(error, MV_CORRUPT,
                         "the inverted index has %u rows of type %u, the column has %u of type %u",
                         head->rows, head->type, column->rows, (unsigned)column->type);
    bool is_array = head->type & MV_ARRAY;
    bool fits = head->format && head->values <= head->entries && head->entries < UINT32_MAX &&
                (is_array || head->entries <= head->rows) &&
                head->marks <= (is_array ? head->values : INVERT_MARKS_MAX) &&
                (head->has_rows == 1 || (head->has_rows == 0 && !is_array));
    return fits ? MV_OK : error_set(error, MV_CORRUPT, "the head of the inverted index is damaged");
}

mv_err invert_open(const index_part *parts, uint32_t parts_count, const index_column *column,
                   invert_lists *l, mv_error *error)
{
    const void *bytes = NULL;
    *l = (invert_lists){.type = type_element(column->type),
                        .is_array = column->type & MV_ARRAY,
                        .nulls = column->nulls,
                        .parts_count = parts_count};
    if (parts_count > INVERT_PARTS_MAX)
        return error_set(error, MV_CORRUPT, "the inverted index has %u sections", parts_count);
    memcpy(l->parts, parts, parts_count * sizeof *parts);
    MV_TRY(need_lists_part(l, INVERT_PART_HEAD, sizeof *l->head, &bytes, error));
    l->head = bytes;
    MV_TRY(check_lists_head(l->head, column, error));
    const invert_head *head = l->head;
    MV_TRY(open_packed(l, INVERT_PART_VALUES, INVERT_PART_VALUES_BITS, head->values, &l->values,
                       error));
    MV_TRY(open_packed(l, INVERT_PART_STARTS, INVERT_PART_STARTS_BITS, head->values + 1, &l->starts,
                       error));
    if (type_is_text(l->type)) {
        l->text_size = part_size(l, INVERT_PART_TEXT);
        MV_TRY(need_lists_part(l, INVERT_PART_TEXT, l->text_size, &bytes, error));
        l->text = bytes;
    }
    if (head->has_rows)
        MV_TRY(open_packed(l, INVERT_PART_ROWS, INVERT_PART_ROWS_BITS, head->entries, &l->rows,
                           error));
    MV_TRY(need_lists_part(l, INVERT_PART_MARKS, (uint64_t)head->marks * sizeof *l->marks, &bytes,
                           error));
    l->marks = bytes;
    MV_TRY(need_lists_part(l, INVERT_PART_BITMAPS,
                           (uint64_t)head->marks * bits_words(head->rows) * sizeof(uint64_t),
                           &bytes, error));
    l->bitmaps = bytes;
    return MV_OK;
}

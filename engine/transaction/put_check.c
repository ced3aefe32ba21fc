/* Checking a batch before its first document is written. A batch that fails within a longer
 * transaction must change nothing, and to check it first is simpler than to undo the documents that
 * were written. */
#include "transaction/put_check.h"

#include <string.h>

#include "base/hash.h"

mv_err put_check_twice(const mv_batch *batch, uint32_t first, uint32_t again, mv_error *error)
{
    char id[ERROR_QUOTE_SIZE];
    const row_parts *r = &batch->rows[again];
    return error_set(error, MV_EXISTS, "documents %u and %u of the batch have the same id '%s'",
                     first + 1, again + 1, error_quote(r->id, r->id_size, id));
}

/* MV_EXISTS when the batch has an id twice. A hash table with open addressing: its entries are row
 * numbers + 1, and 0 is a free slot. At most half of the slots are used. */
static mv_err find_duplicate_id(const mv_batch *batch, mv_error *error)
{
    mv_err err = MV_OK;
    size_t slots = 16;
    while (slots < (size_t)batch->count * 2) slots *= 2;
    uint32_t *taken = mem_alloc_zero(slots * sizeof *taken);
    if (!taken) return error_memory(error, slots * sizeof *taken, "a batch");
    mv_assert(slots > batch->count); /* every probe ends at a free slot */
    for (uint32_t i = 0; i < batch->count && !err; i++) {
        const row_parts *r = &batch->rows[i];
        size_t at = (size_t)hash_bytes(r->id, r->id_size, 0) & (slots - 1);
        for (; taken[at]; at = (at + 1) & (slots - 1)) {
            const row_parts *other = &batch->rows[taken[at] - 1];
            if (other->id_size == r->id_size && memcmp(other->id, r->id, r->id_size) == 0)
                err = put_check_twice(batch, taken[at] - 1, i, error);
        }
        taken[at] = i + 1;
    }
    mem_free(taken, slots * sizeof *taken);
    return err;
}

mv_err put_check(writer *w, mv_write_mode mode, const mv_batch *batch, mv_error *error)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const row_parts *r = &batch->rows[i];
        uint64_t docid;
        bool found, is_there;
        MV_TRY(writer_find(w, r->id, r->id_size, &docid, &found, &is_there, error));
        if (is_there && mode == MV_INSERT) return writer_exists(r, error);
        if (!is_there && mode == MV_UPDATE) return writer_missing(r, error);
        MV_TRY(writer_encode(w, r, mode == MV_UPDATE ? &docid : NULL, error));
    }
    return mode == MV_INSERT ? find_duplicate_id(batch, error) : MV_OK;
}

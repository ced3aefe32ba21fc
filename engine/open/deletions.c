/* Deletions in the catalog, and the live rows that they leave. */
#include "open/deletions.h"

#include <string.h>

#include "base/error.h"

static size_t live_size(const live_rows *live)
{
    return sizeof *live + live->words * sizeof(uint64_t);
}

void deletions_release_live(live_rows *live)
{
    if (!live) return;
    mv_assert(live->refs > 0);
    if (--live->refs == 0) mem_free(live, live_size(live));
}

static mv_err damaged_deletions(const segment *s, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: the deletions of segment %llu are damaged",
                     CATALOG_FILE, (unsigned long long)s->number);
}

/* Add a chunk to `head_sum` and, if `live` is given, clear the bits of its deleted rows there. */
static mv_err read_chunk(const segment *s, uint64_t key, const catalog_value *value,
                         deletions_head *head_sum, live_rows *live, mv_error *error)
{
    uint64_t first_row = (key & 0xffff) * SEGMENT_CHUNK_ROWS;
    deletions_head head;
    if (first_row >= s->table.rows) return damaged_deletions(s, error);
    size_t words = deletions_words(s->table.rows, (uint32_t)first_row);
    if (value->size != sizeof head + words * sizeof(uint64_t)) return damaged_deletions(s, error);
    memcpy(&head, value->bytes, sizeof head);
    if (head.last_change > head_sum->last_change) head_sum->last_change = head.last_change;
    head_sum->count += head.count;
    if (!live) return MV_OK;
    if (!catalog_is_intact(key, value)) return damaged_deletions(s, error);
    const uint8_t *bits = value->bytes + sizeof head;
    for (size_t i = 0; i < words; i++) {
        uint64_t word;
        memcpy(&word, bits + i * sizeof word, sizeof word);
        live->bits[first_row / 64 + i] &= ~word;
    }
    return MV_OK;
}

/* Read all chunks of the segment. */
static mv_err read_chunks(catalog_cursor *cursor, const segment *s, deletions_head *head_sum,
                          live_rows *live, mv_error *error)
{
    *head_sum = (deletions_head){0};
    catalog_cursor_seek_u64(cursor, deletions_key(s->number, 0));
    for (;;) {
        uint64_t key;
        catalog_value value;
        bool found;
        MV_TRY(catalog_cursor_next_u64(cursor, &key, &value, &found, error));
        if (!found || key >> 16 != s->number) return MV_OK;
        MV_TRY(read_chunk(s, key, &value, head_sum, live, error));
    }
}

mv_err deletions_acquire_live(catalog_cursor *cursor, const segment *s, live_rows *known,
                              live_rows **out, mv_error *error)
{
    deletions_head sum;
    *out = NULL;
    MV_TRY(read_chunks(cursor, s, &sum, NULL, error));
    if (!sum.count) return MV_OK;
    if (known && known->last_change == sum.last_change && known->deleted == sum.count) {
        mv_assert(known->refs > 0);
        mv_assert(known->words == bits_words(s->table.rows));
        known->refs++;
        *out = known;
        return MV_OK;
    }
    size_t words = bits_words(s->table.rows);
    live_rows *live = mem_alloc(sizeof *live + words * sizeof(uint64_t));
    if (!live) return error_memory(error, words * sizeof(uint64_t), "the live rows of a segment");
    *live = (live_rows){
        .refs = 1, .words = words, .last_change = sum.last_change, .deleted = sum.count};
    bits_fill(live->bits, s->table.rows);
    mv_err err = read_chunks(cursor, s, &sum, live, error);
    if (!err && s->table.rows - bits_count(live->bits, s->table.rows) != sum.count) /* I9 */
        err = damaged_deletions(s, error);
    if (err)
        deletions_release_live(live);
    else
        *out = live;
    return err;
}

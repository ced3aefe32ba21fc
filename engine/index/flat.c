/* The exact scan, block by block. Where at least three rows in four of a block match, all of them
 * are scored and the others skipped afterwards. That is faster than scoring the matching rows
 * alone, because memory is read as one stream, which the processor prefetches. */
#include "index/flat.h"

#include "base/bits.h"

static void push_row(const flat_rows *rows, uint32_t row, float distance, topk *hits)
{
    topk_push(hits, (topk_entry){.distance = distance,
                                 .source = rows->source,
                                 .row = row,
                                 .docid = rows->docids[row]});
}

static void push_block(const flat_rows *rows, uint32_t begin, uint32_t count,
                       const float *distances, const uint64_t *matching, topk *hits)
{
    for (uint32_t i = 0; i < count; i++) {
        if (MV_LIKELY(!topk_may_take(hits, distances[i]))) continue;
        if (matching && !bits_get(matching, i)) continue;
        push_row(rows, begin + i, distances[i], hits);
    }
}

static void score_all(const distance_query *query, const flat_rows *rows, uint32_t begin,
                      uint32_t count, float *distances)
{
    const float *norms = rows->inverse_norms ? rows->inverse_norms + begin : NULL;
    distance_to_rows(query, rows->base + (size_t)begin * rows->stride, rows->stride, norms, count,
                     distances);
}

/* Score the `count` rows begin + picked[i]. */
static void search_picked(const distance_query *query, const flat_rows *rows, uint32_t begin,
                          const uint32_t *picked, uint32_t count, topk *hits)
{
    const void *list[FLAT_BLOCK_ROWS];
    float norms[FLAT_BLOCK_ROWS], distances[FLAT_BLOCK_ROWS];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = begin + picked[i];
        list[i] = rows->base + (size_t)row * rows->stride;
        if (rows->inverse_norms) norms[i] = rows->inverse_norms[row];
    }
    distance_to_list(query, list, rows->inverse_norms ? norms : NULL, count, distances);
    for (uint32_t i = 0; i < count; i++) {
        if (MV_LIKELY(!topk_may_take(hits, distances[i]))) continue;
        push_row(rows, begin + picked[i], distances[i], hits);
    }
}

/* The positions of the set bits, ascending; returns how many there are. */
static uint32_t pick(const uint64_t *matching, uint32_t count, uint32_t *picked)
{
    uint32_t found = 0;
    for (uint32_t word = 0; word < bits_words(count); word++)
        for (uint64_t bits = matching[word]; bits; bits &= bits - 1)
            picked[found++] = word * 64 + MV_LOWEST_BIT(bits);
    mv_assert(found <= count); /* no bit beyond `count` is set */
    return found;
}

void flat_search(const distance_query *query, const flat_rows *rows, uint32_t begin, uint32_t count,
                 const uint64_t *matching, topk *hits)
{
    static_assert(FLAT_BLOCK_ROWS % 64 == 0, "a block begins at a word of `matching`");
    mv_assert(rows->base);
    float distances[FLAT_BLOCK_ROWS];
    uint32_t picked[FLAT_BLOCK_ROWS];
    for (uint32_t done = 0; done < count; done += FLAT_BLOCK_ROWS) {
        uint32_t block = count - done < FLAT_BLOCK_ROWS ? count - done : FLAT_BLOCK_ROWS;
        const uint64_t *bits = matching ? matching + done / 64 : NULL;
        size_t wanted = bits ? bits_count(bits, block) : block;
        if (wanted * 4 >= (size_t)block * 3) {
            score_all(query, rows, begin + done, block, distances);
            push_block(rows, begin + done, block, distances, bits, hits);
        } else if (wanted) {
            uint32_t found = pick(bits, block, picked);
            search_picked(query, rows, begin + done, picked, found, hits);
        }
    }
}

/* The exact scan. Where at least three rows in four pass, scoring the block in one stream and
 * skipping the others afterwards beats picking rows: memory is read in whole lines and ahead of
 * time. */
#include "index/flat.h"

#include "base/bits.h"

static void push_row(const flat_rows *rows, uint32_t row, float distance, topk *hits)
{
    uint64_t hit_row = rows->encoded ? (uint64_t)(uintptr_t)rows->encoded[row] : row;
    topk_push(hits, (topk_entry){.distance = distance,
                                 .source = rows->source,
                                 .row = hit_row,
                                 .docid = rows->docids[row]});
}

static void push_block(const flat_rows *rows, uint32_t begin, uint32_t count,
                       const float *distances, const uint64_t *pass, topk *hits)
{
    for (uint32_t i = 0; i < count; i++) {
        if (MV_LIKELY(!topk_may_take(hits, distances[i]))) continue;
        if (pass && !bits_get(pass, i)) continue;
        push_row(rows, begin + i, distances[i], hits);
    }
}

static void score_all(const distance_query *query, const flat_rows *rows, uint32_t begin,
                      uint32_t count, float *distances)
{
    const float *norms = rows->inverse_norms ? rows->inverse_norms + begin : NULL;
    if (rows->base)
        distance_to_rows(query, rows->base + (size_t)begin * rows->stride, rows->stride, norms,
                         count, distances);
    else
        distance_to_list(query, rows->list + begin, norms, count, distances);
}

/* Score the rows that pass, gathered. */
static void search_picked(const distance_query *query, const flat_rows *rows, uint32_t begin,
                          const uint32_t *picked, uint32_t count, topk *hits)
{
    const void *list[FLAT_BLOCK_ROWS];
    float norms[FLAT_BLOCK_ROWS], distances[FLAT_BLOCK_ROWS];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = begin + picked[i];
        list[i] = rows->base ? rows->base + (size_t)row * rows->stride : rows->list[row];
        if (rows->inverse_norms) norms[i] = rows->inverse_norms[row];
    }
    distance_to_list(query, list, rows->inverse_norms ? norms : NULL, count, distances);
    for (uint32_t i = 0; i < count; i++) {
        if (MV_LIKELY(!topk_may_take(hits, distances[i]))) continue;
        push_row(rows, begin + picked[i], distances[i], hits);
    }
}

static uint32_t pick(const uint64_t *pass, uint32_t count, uint32_t *picked)
{
    uint32_t found = 0;
    for (uint32_t word = 0; word < bits_words(count); word++)
        for (uint64_t bits = pass[word]; bits; bits &= bits - 1)
            picked[found++] = word * 64 + MV_LOWEST_BIT(bits);
    return found;
}

void flat_search(const distance_query *query, const flat_rows *rows, uint32_t begin, uint32_t count,
                 const uint64_t *pass, topk *hits)
{
    float distances[FLAT_BLOCK_ROWS];
    uint32_t picked[FLAT_BLOCK_ROWS];
    for (uint32_t done = 0; done < count; done += FLAT_BLOCK_ROWS) {
        uint32_t part = count - done < FLAT_BLOCK_ROWS ? count - done : FLAT_BLOCK_ROWS;
        const uint64_t *part_pass = pass ? pass + done / 64 : NULL;
        size_t matching = part_pass ? bits_count(part_pass, part) : part;
        if (matching * 4 >= (size_t)part * 3) {
            score_all(query, rows, begin + done, part, distances);
            push_block(rows, begin + done, part, distances, part_pass, hits);
        } else if (matching) {
            uint32_t found = pick(part_pass, part, picked);
            search_picked(query, rows, begin + done, picked, found, hits);
        }
    }
}

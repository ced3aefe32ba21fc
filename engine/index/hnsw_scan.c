/* The strategy `codes`: a scan of the codes of all matching rows.
 *
 * Rows that may be among the nearest are gathered unsorted. When the memory is full, the nearest
 * are selected and the others dropped (quickselect). So a row costs one comparison, on which no
 * branch depends. Inserting each row into the sorted pool of a walk took half of the time of the
 * scan. */
#include "index/hnsw_walk.h"

#define SCAN_ROWS      64u /* rows whose distances are computed by one call */
#define INSERTION_MAX  8u  /* up to this many entries are sorted by insertion */
#define SORTED_ENTRIES 48u /* entries that one call of hnsw_scan_sort sorts */

/* Entries that are gathered before the nearest `capacity` are selected. A selection takes time in
 * proportion to this number, and drops 3/4 of them. The same number of entries is scratch. */
static uint32_t gathered_max(uint32_t capacity)
{
    return 4 * capacity + SCAN_ROWS;
}

uint32_t hnsw_scan_entries(uint32_t capacity)
{
    return 2 * gathered_max(capacity);
}

uint32_t hnsw_scan_capacity_max(uint32_t entries)
{
    return entries / 8 > SCAN_ROWS / 4 ? entries / 8 - SCAN_ROWS / 4 : 0;
}

/* ---------------------------------------------------------------- order */

/* Move the entries nearer than `pivot` to the front; with `or_equal`, those that are not farther.
 * Returns their number. No branch depends on a distance, and no entry is read that was just
 * written. */
static inline uint32_t divide(walk_entry *restrict entries, uint32_t count, float pivot,
                              bool or_equal, walk_entry *restrict aside)
{
    uint32_t front = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t whole;
        float distance = entries[i].distance;
        memcpy(&whole, &entries[i], 8);
        memcpy(&entries[front], &whole, 8);
        memcpy(&aside[i - front], &whole, 8);
        front += or_equal ? distance <= pivot : distance < pivot;
    }
    memcpy(entries + front, aside, (count - front) * sizeof *entries);
    return front;
}

static float middle_of(const walk_entry *entries, uint32_t count)
{
    float a = entries[0].distance, b = entries[count / 2].distance, c = entries[count - 1].distance,
          low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static void sort_by_insertion(walk_entry *entries, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        walk_entry entry = entries[i];
        uint32_t at = i;
        for (; at && entry.distance < entries[at - 1].distance; at--) entries[at] = entries[at - 1];
        entries[at] = entry;
    }
}

/* Put the entries that belong at positions [first, end) of the sorted array there, sorted. Entries
 * before them are not farther, entries after them not nearer, both in any order. Where both sides
 * of a pivot are wanted, the smaller one is sorted by a call: at most log2(count) calls are nested.
 */
static void sort_range(walk_entry *entries, uint32_t count, uint32_t first, uint32_t end,
                       walk_entry *aside)
{
    mv_assert(end <= count);
    while (count > INSERTION_MAX && first < end) {
        float pivot = middle_of(entries, count);
        uint32_t front = divide(entries, count, pivot, false, aside), front_end = front;
        if (!front) { /* the pivot is the nearest: it and its equals are in order */
            front = divide(entries, count, pivot, true, aside);
            front_end = 0;
        }
        if (front_end > end) front_end = end;
        uint32_t back_first = first > front ? first - front : 0,
                 back_end = end > front ? end - front : 0;
        bool wants_front = first<front_end, wants_back = back_end> 0;
        if (wants_front && (!wants_back || front > count - front)) {
            if (wants_back) sort_range(entries + front, count - front, back_first, back_end, aside);
            count = front, end = front_end;
        } else {
            if (wants_front) sort_range(entries, front, first, front_end, aside);
            entries += front, count -= front;
            first = back_first, end = back_end;
        }
    }
    if (first < end) sort_by_insertion(entries, count);
}

/* ---------------------------------------------------------------- rows */

typedef struct gathering {
    walk *w;
    const codes_query *query;
    float limit; /* the farthest of the nearest entries selected so far; farther rows are dropped */
    float beyond;             /* rows that are not farther than this are dropped, too */
    uint32_t rows[SCAN_ROWS]; /* to be measured */
    uint32_t count;           /* of rows */
} gathering;

static walk_entry *aside_of(const walk_pool *pool)
{
    return pool->entries + gathered_max(pool->capacity);
}

/* Drop all but the nearest pool->capacity entries. */
static void drop_farthest(gathering *g)
{
    walk_pool *pool = &g->w->pool;
    if (pool->count <= pool->capacity) return;
    sort_range(pool->entries, pool->count, pool->capacity - 1, pool->capacity, aside_of(pool));
    pool->count = pool->capacity;
    g->limit = pool->entries[pool->count - 1].distance;
}

static void gather_candidates(gathering *g)
{
    walk_pool *pool = &g->w->pool;
    walk_entry *entries = pool->entries;
    float distances[SCAN_ROWS], limit = g->limit, beyond = g->beyond;
    uint32_t count = pool->count;
    mv_assert(count + g->count <= gathered_max(pool->capacity));
    codes_to_rows(g->query, g->rows, g->count, distances);
    for (uint32_t i = 0; i < g->count; i++) {
        entries[count] = (walk_entry){distances[i], g->rows[i]};
        count += (distances[i] <= limit) & (distances[i] > beyond);
    }
    g->w->distances_count += g->count;
    g->count = 0;
    pool->count = count;
    if (count + SCAN_ROWS > gathered_max(pool->capacity)) drop_farthest(g);
}

static inline void add(gathering *g, uint32_t row)
{
    g->rows[g->count++] = row;
    if (g->count == SCAN_ROWS) gather_candidates(g);
}

static void add_bits(gathering *g, const uint64_t *bits, size_t words)
{
    for (size_t at = 0; at < words; at++) {
        while (at + 4 <= words && !(bits[at] | bits[at + 1] | bits[at + 2] | bits[at + 3])) at += 4;
        if (at == words) return;
        for (uint64_t word = bits[at]; word; word &= word - 1)
            add(g, (uint32_t)at * 64 + MV_LOWEST_BIT(word));
    }
}

void hnsw_scan_codes(walk *w, const index_query *request, const codes_query *query, float beyond)
{
    gathering g = {.w = w, .query = query, .limit = INFINITY, .beyond = beyond};
    mv_assert(w->pool.capacity > 0);
    w->pool.count = 0;
    if (request->matches)
        add_bits(&g, request->matches, bits_words(query->column->vectors->rows));
    else
        for (uint32_t i = 0; i < request->matching; i++)
            add(&g, request->list ? request->list[i] : i);
    gather_candidates(&g);
}

uint32_t hnsw_scan_sort(walk_pool *pool, uint32_t sorted)
{
    mv_assert(sorted <= pool->count);
    uint32_t left = pool->count - sorted, more = left < SORTED_ENTRIES ? left : SORTED_ENTRIES;
    sort_range(pool->entries + sorted, left, 0, more, aside_of(pool));
    return sorted + more;
}

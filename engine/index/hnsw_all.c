/* A look at all rows that pass a filter, by their codes.
 *
 * What may be among the nearest is gathered unsorted, and selected from whenever the room is full:
 * a row costs one comparison, on which no branch depends. Inserting each into the sorted pool of a
 * walk took half of the time. */
#include "index/hnsw_walk.h"

#define AT_A_TIME        64u /* rows */
#define FEW              8u  /* entries sorted by insertion */
#define SORTED_AT_A_TIME 48u

/* Room for entries from which so many are selected; as many are put aside at a time. */
static uint32_t gathered_room(uint32_t capacity)
{
    return 4 * capacity + AT_A_TIME;
}

uint32_t hnsw_all_capacity(uint32_t capacity)
{
    return 2 * gathered_room(capacity);
}

/* ---------------------------------------------------------------- order */

/* Move what is nearer than `pivot` to the front, or with `or_equal` what is not farther. Returns
 * how many there are. No branch depends on a distance, and nothing is read that was just written.
 */
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

static void sort_few(walk_entry *entries, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        walk_entry entry = entries[i];
        uint32_t at = i;
        for (; at && entry.distance < entries[at - 1].distance; at--) entries[at] = entries[at - 1];
        entries[at] = entry;
    }
}

/* Sort as far as places [first, end) need it: what is before them is no farther, what is behind no
 * nearer. */
static void sort_places(walk_entry *entries, uint32_t count, uint32_t first, uint32_t end,
                  walk_entry *aside)
{
    while (count > FEW && first < end) {
        float pivot = middle_of(entries, count);
        uint32_t done = divide(entries, count, pivot, false, aside);
        if (!done) /* the pivot is the nearest: done with it and its equals */
            done = divide(entries, count, pivot, true, aside);
        else if (first < done)
            sort_places(entries, done, first, end < done ? end : done, aside);
        if (end <= done) return;
        entries += done;
        count -= done;
        first = first > done ? first - done : 0;
        end -= done;
    }
    if (first < end) sort_few(entries, count);
}

/* ---------------------------------------------------------------- rows */

typedef struct gathering {
    walk *w;
    const codes_query *query;
    float limit; /* of as many as are wanted the farthest */
    uint32_t rows[AT_A_TIME];
    uint32_t count; /* of rows */
} gathering;

static walk_entry *aside_of(const walk_pool *pool)
{
    return pool->entries + gathered_room(pool->capacity);
}

/* Keep no more entries than are wanted. */
static void keep_nearest(gathering *g)
{
    walk_pool *pool = &g->w->pool;
    if (pool->count <= pool->capacity) return;
    sort_places(pool->entries, pool->count, pool->capacity - 1, pool->capacity, aside_of(pool));
    pool->count = pool->capacity;
    g->limit = pool->entries[pool->count - 1].distance;
}

static void gather_candidates(gathering *g)
{
    walk_pool *pool = &g->w->pool;
    walk_entry *entries = pool->entries;
    float distances[AT_A_TIME], limit = g->limit;
    uint32_t count = pool->count;
    codes_to_rows(g->query, g->rows, g->count, distances);
    for (uint32_t i = 0; i < g->count; i++) {
        entries[count] = (walk_entry){distances[i], g->rows[i]};
        count += distances[i] <= limit;
    }
    g->w->scored += g->count;
    g->count = 0;
    pool->count = count;
    if (count + AT_A_TIME > gathered_room(pool->capacity)) keep_nearest(g);
}

static inline void add(gathering *g, uint32_t row)
{
    g->rows[g->count++] = row;
    if (g->count == AT_A_TIME) gather_candidates(g);
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

void hnsw_all_search(walk *w, const index_query *asked, const codes_query *query)
{
    gathering g = {.w = w, .query = query, .limit = INFINITY};
    w->pool.count = 0;
    if (asked->pass)
        add_bits(&g, asked->pass, bits_words(query->column->vectors->rows));
    else
        for (uint32_t i = 0; i < asked->matching; i++) add(&g, asked->list ? asked->list[i] : i);
    gather_candidates(&g);
}

uint32_t hnsw_all_sort(walk_pool *pool, uint32_t sorted)
{
    uint32_t left = pool->count - sorted, more = left < SORTED_AT_A_TIME ? left : SORTED_AT_A_TIME;
    sort_places(pool->entries + sorted, left, 0, more, aside_of(pool));
    return sorted + more;
}

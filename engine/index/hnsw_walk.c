/* The pool is a sorted array: for the few hundred candidates of a search, inserting by moving what
 * is behind is faster than a heap, and the next candidate is found by going on from where one was.
 *
 * The links of two candidates are followed at a time: twice as many cache misses are then waited
 * for together, which is worth more than the few distances too many (4 to 12 % more queries on 100
 * to 784 dims; three at a time give nothing more). */
#include "index/hnsw_walk.h"

#include <math.h>
#include <string.h>

#define BLOCK 16u /* of the pool, behind which so many entries are infinitely far */

const uint32_t walk_ef_steps[HNSW_EF_STEPS] = {16,  24,  32,  48,  64,  96,  128,
                                               192, 256, 384, 512, 768, 1024};

float walk_reach(const float reach[HNSW_EF_STEPS], uint64_t ef)
{
    uint32_t step = 0;
    if (ef <= HNSW_MEASURED_HITS) return 0;
    while (step < HNSW_EF_STEPS && walk_ef_steps[step] < ef) step++;
    if (step == HNSW_EF_STEPS) return INFINITY;
    float from = (float)(step ? walk_ef_steps[step - 1] : HNSW_MEASURED_HITS),
          to = (float)walk_ef_steps[step], low = step ? reach[step - 1] : 0,
          part = logf((float)ef / from) / logf(to / from);
    return low + part * (reach[step] - low);
}

static uint32_t seen_room(uint32_t positions, uint32_t degree)
{
    return positions / 64 + 4096 + WALK_WIDTH * degree;
}

size_t walk_size(uint32_t positions, uint32_t degree, uint32_t capacity)
{
    return mem_whole_lines(bits_words(positions) * sizeof(uint64_t)) +
           mem_whole_lines(((size_t)capacity + BLOCK) * sizeof(walk_entry)) +
           mem_whole_lines(seen_room(positions, degree) * sizeof(uint32_t)) +
           mem_whole_lines(WALK_WIDTH * degree * sizeof(uint32_t)) +
           mem_whole_lines(WALK_WIDTH * degree * sizeof(float));
}

void walk_place(walk *w, void *memory, uint32_t positions, uint32_t degree, uint32_t capacity)
{
    uint8_t *at = memory;
    w->visited = (uint64_t *)(void *)at;
    at += mem_whole_lines(bits_words(positions) * sizeof(uint64_t));
    w->seen_capacity = seen_room(positions, degree);
    w->seen = (uint32_t *)(void *)at;
    at += mem_whole_lines(w->seen_capacity * sizeof *w->seen);
    w->rows = (uint32_t *)(void *)at;
    at += mem_whole_lines(WALK_WIDTH * degree * sizeof *w->rows);
    w->distances = (float *)(void *)at;
    at += mem_whole_lines(WALK_WIDTH * degree * sizeof *w->distances);
    w->pool = (walk_entry *)(void *)at;
    w->count = 0;
    w->capacity = capacity;
    w->stop = (walk_stop){0};
}

/* Insert where the order wants it, if it is near enough; returns the position, or the capacity. The
 * position is counted out, by the last of each block and then in one block: no branch depends on a
 * distance. A binary search is mispredicted every other step (it took 7 to 20 % of a search). */
static inline uint32_t insert(walk *w, float distance, uint32_t at)
{
    walk_entry *pool = w->pool;
    uint32_t count = w->count, blocks = 0, place = 0;
    if (count == w->capacity) {
        if (!(distance < pool[count - 1].distance)) return w->capacity;
        count--;
    }
    for (uint32_t i = BLOCK - 1; i < count; i += BLOCK) blocks += pool[i].distance <= distance;
    const walk_entry *block = pool + (size_t)blocks * BLOCK;
    for (uint32_t i = 0; i < BLOCK; i++) place += block[i].distance <= distance;
    place += blocks * BLOCK;
    if (place > count) place = count; /* infinitely far, as is what lies behind the pool */
    memmove(&pool[place + 1], &pool[place], (count - place) * sizeof *pool);
    pool[place] = (walk_entry){distance, at};
    w->count = count + 1;
    return place;
}

static void clear_pool(walk *w)
{
    for (uint32_t i = 0; i < w->capacity + BLOCK; i++) w->pool[i].distance = INFINITY;
    w->count = 0;
}

static inline void prefetch_links(const walk_level *level, uint32_t at)
{
    const uint32_t *links = level->links + (size_t)at * level->degree;
    for (uint32_t i = 0; i < level->degree; i += 16) MV_PREFETCH(links + i);
}

/* Those of `at`'s links that were not seen yet, into `fresh`; -1: one is out of range. */
static inline int unseen_links(const walk *w, const walk_level *level, uint32_t at, uint32_t *fresh)
{
    const uint32_t *links = level->links + (size_t)at * level->degree;
    uint32_t found = 0;
    for (uint32_t i = 0; i < level->degree; i++) {
        uint32_t link = links[i];
        if (MV_UNLIKELY(link >= level->count)) {
            if (link == HNSW_NONE) break;
            return -1;
        }
        uint64_t bit = (uint64_t)1 << (link % 64), *word = &w->visited[link / 64];
        fresh[found] = link;
        found += !(*word & bit);
        *word |= bit;
    }
    return (int)found;
}

static void forget(walk *w, const walk_level *level, uint32_t seen, bool overflow)
{
    if (overflow) {
        memset(w->visited, 0, bits_words(level->count) * sizeof *w->visited);
        return;
    }
    for (uint32_t i = 0; i < seen; i++) w->visited[w->seen[i] / 64] = 0;
}

/* How far candidates may be. NaN, by which nothing is too far, where infinities meet. */
static inline float limit_of(const walk *w)
{
    const walk_stop *stop = &w->stop;
    if (!stop->rank || w->count < stop->rank || w->count < stop->least) return INFINITY;
    float distance = w->pool[stop->rank - 1].distance, least = w->pool[stop->least - 1].distance,
          limit = distance + stop->reach * fabsf(distance) + stop->slack;
    return limit < least ? least : limit;
}

bool walk_level_from(walk *w, const codes_query *query, const walk_level *level, uint32_t entry)
{
    uint32_t seen = 1, now = 0;
    bool overflow = false, in_range = true;
    uint32_t row = level->rows ? level->rows[entry] : entry,
             rows_end = query->column->vectors->rows;
    if (row >= rows_end) return false;
    codes_to_rows(query, &row, 1, w->distances);
    clear_pool(w);
    (void)insert(w, w->distances[0], entry);
    w->seen[0] = entry;
    bits_set(w->visited, entry);
    while (now < w->count && in_range) {
        if (seen + WALK_WIDTH * level->degree > w->seen_capacity) {
            overflow = true;
            seen = 0;
        }
        float limit = limit_of(w);
        if (w->pool[now].distance > limit) break;
        uint32_t *fresh = w->seen + seen, taken = 0;
        uint32_t found = 0;
        for (uint32_t i = now; i < w->count && taken < WALK_WIDTH; i++) {
            uint32_t at = w->pool[i].at;
            if (at & WALK_DONE) continue;
            w->pool[i].at |= WALK_DONE;
            int more = unseen_links(w, level, at, fresh + found);
            if (more < 0)
                in_range = false;
            else
                found += (uint32_t)more;
            taken++;
        }
        seen += found;
        const uint32_t *rows = fresh;
        if (level->rows) {
            for (uint32_t i = 0; i < found; i++) {
                w->rows[i] = level->rows[fresh[i]];
                in_range &= w->rows[i] < rows_end;
            }
            if (!in_range) {
                overflow = true;
                break;
            }
            rows = w->rows;
        }
        codes_to_rows(query, rows, found, w->distances);
        uint32_t nearest = w->capacity;
        for (uint32_t i = now, ahead = 0; i < w->count && ahead < WALK_WIDTH; i++) {
            if (w->pool[i].at & WALK_DONE) continue;
            prefetch_links(level, w->pool[i].at);
            ahead++;
        }
        for (uint32_t i = 0; i < found; i++) {
            if (w->distances[i] > limit) continue;
            uint32_t place = insert(w, w->distances[i], fresh[i]);
            if (place < nearest) nearest = place;
            if (place < now + WALK_WIDTH) prefetch_links(level, fresh[i]);
        }
        if (nearest <= now)
            now = nearest;
        else
            while (now < w->count && w->pool[now].at & WALK_DONE) now++;
    }
    forget(w, level, seen, overflow || !in_range);
    return in_range;
}

bool walk_down(walk *w, const codes_query *query, const walk_level *levels, uint32_t top,
               uint32_t bottom, uint32_t *at)
{
    uint32_t capacity = w->capacity;
    walk_stop stop = w->stop;
    bool in_range = true;
    *at = 0;
    w->capacity = 1;
    w->stop = (walk_stop){0};
    for (uint32_t level = top; level > bottom && in_range; level--) {
        in_range = walk_level_from(w, query, &levels[level], *at);
        if (in_range) *at = w->pool[0].at & ~WALK_DONE;
    }
    w->capacity = capacity;
    w->stop = stop;
    return in_range;
}

void walk_spread_from(walk_spread *s, const walk_level *level, uint32_t at)
{
    memset(s->marks, 0, bits_words(level->count) * sizeof *s->marks);
    bits_set(s->marks, at);
    s->queue[0] = at;
    s->next = 0;
    s->count = 1;
}

void walk_spread_on(walk_spread *s, const walk_level *level, uint32_t most)
{
    for (; s->next < s->count && most; s->next++, most--) {
        const uint32_t *links = level->links + (size_t)s->queue[s->next] * level->degree;
        for (uint32_t i = 0; i < level->degree && links[i] != HNSW_NONE; i++) {
            if (bits_get(s->marks, links[i])) continue;
            bits_set(s->marks, links[i]);
            s->queue[s->count++] = links[i];
        }
    }
}

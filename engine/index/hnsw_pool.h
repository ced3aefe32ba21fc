/* The candidates of a walk: a sorted array. For the few hundred of a search, inserting by moving
 * what is behind is faster than a heap, and the next candidate is found by going on from where one
 * was. */
#ifndef MV_HNSW_POOL_H
#define MV_HNSW_POOL_H

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define POOL_BLOCK 16u /* behind a pool so many entries are infinitely far */

typedef struct walk_entry {
    float distance;
    uint32_t at; /* position in the level */
} walk_entry;

typedef struct walk_pool {
    walk_entry *entries; /* ascending by distance; room for the capacity and a block */
    uint32_t count;
    uint32_t capacity;
} walk_pool;

static inline size_t pool_size(uint32_t capacity)
{
    return mem_whole_lines(((size_t)capacity + POOL_BLOCK) * sizeof(walk_entry));
}

static inline void pool_clear(walk_pool *pool)
{
    for (uint32_t i = 0; i < pool->capacity + POOL_BLOCK; i++) pool->entries[i].distance = INFINITY;
    pool->count = 0;
}

/* Change the capacity, for which there is room. */
static inline void pool_limit(walk_pool *pool, uint32_t capacity)
{
    for (; pool->count > capacity; pool->count--)
        pool->entries[pool->count - 1].distance = INFINITY;
    pool->capacity = capacity;
}

/* Insert where the order wants it, if it is near enough; returns the position, or the capacity. The
 * position is counted out, by the last of each block and then in one block: no branch depends on a
 * distance. A binary search is mispredicted every other step (it took 7 to 20 % of a search). */
static inline uint32_t pool_insert(walk_pool *pool, float distance, uint32_t at)
{
    walk_entry *entries = pool->entries;
    uint32_t count = pool->count, blocks = 0, place = 0;
    if (count == pool->capacity) {
        if (!(distance < entries[count - 1].distance)) return pool->capacity;
        count--;
    }
    for (uint32_t i = POOL_BLOCK - 1; i < count; i += POOL_BLOCK)
        blocks += entries[i].distance <= distance;
    const walk_entry *block = entries + (size_t)blocks * POOL_BLOCK;
    for (uint32_t i = 0; i < POOL_BLOCK; i++) place += block[i].distance <= distance;
    place += blocks * POOL_BLOCK;
    if (place > count) place = count; /* infinitely far, as is what lies behind the pool */
    memmove(&entries[place + 1], &entries[place], (count - place) * sizeof *entries);
    entries[place] = (walk_entry){distance, at};
    pool->count = count + 1;
    return place;
}

#endif

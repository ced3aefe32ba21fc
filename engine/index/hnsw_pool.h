/* The candidates of a walk: an array sorted by distance (I16). For the few hundred candidates of a
 * search, inserting by moving the entries behind is faster than a heap, and the next candidate is
 * the next entry. */
#ifndef MV_HNSW_POOL_H
#define MV_HNSW_POOL_H

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define POOL_BLOCK 16u /* entries behind a pool, all infinitely far */

typedef struct walk_entry {
    float distance;
    uint32_t at; /* position in the level */
} walk_entry;

typedef struct walk_pool {
    walk_entry *entries; /* ascending by distance; `capacity` and a block of them */
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

/* Keep the entries, at most as many as the capacity. For a capacity that was changed since. */
static inline void pool_keep(walk_pool *pool)
{
    if (pool->count > pool->capacity) pool->count = pool->capacity;
    for (uint32_t i = pool->count; i < pool->capacity + POOL_BLOCK; i++)
        pool->entries[i].distance = INFINITY;
}

/* Increase the capacity, to at most the number of entries that were allocated. */
static inline void pool_grow(walk_pool *pool, uint32_t capacity)
{
    mv_assert(capacity >= pool->capacity);
    for (uint32_t i = pool->capacity + POOL_BLOCK; i < capacity + POOL_BLOCK; i++)
        pool->entries[i].distance = INFINITY;
    pool->capacity = capacity;
}

/* Insert an entry if it is near enough. Returns its position, or the capacity if it is too far. The
 * position is found by counting nearer entries, first the last one of each block, then within one
 * block, so that no branch depends on a distance. The branches of a binary search are mispredicted
 * at every other step; it took 7 to 20 % of a search. */
static inline uint32_t pool_insert(walk_pool *pool, float distance, uint32_t at)
{
    walk_entry *entries = pool->entries;
    uint32_t count = pool->count, blocks = 0, position = 0;
    mv_assert(pool->capacity > 0);
    mv_assert(count <= pool->capacity);
    if (count == pool->capacity) {
        if (!(distance < entries[count - 1].distance)) return pool->capacity;
        count--;
    }
    for (uint32_t i = POOL_BLOCK - 1; i < count; i += POOL_BLOCK)
        blocks += entries[i].distance <= distance;
    const walk_entry *block = entries + (size_t)blocks * POOL_BLOCK;
    for (uint32_t i = 0; i < POOL_BLOCK; i++) position += block[i].distance <= distance;
    position += blocks * POOL_BLOCK;
    if (position > count) position = count; /* as far as the entries behind the pool: infinitely */
    memmove(&entries[position + 1], &entries[position], (count - position) * sizeof *entries);
    entries[position] = (walk_entry){distance, at};
    pool->count = count + 1;
    return position;
}

#endif

/* A binary heap in an array, used to find the first k entries in some order: the entry on top is
 * the last in order, which is the next to be dropped (I16). The caller owns the array and counts
 * its entries.
 *
 * Size and comparison are constants where these functions are used, so that the compiler makes one
 * copy for each type of entry, as fast as loops written for it (gcc and clang, within 2 %). */
#ifndef MV_HEAP_H
#define MV_HEAP_H

#include <string.h>

#include "base/config.h"

/* Does entry `a` come after entry `b`? `ctx` is what the caller compares by. */
typedef bool heap_is_after(const void *ctx, const void *a, const void *b);

/* Position `at` of the heap of `count` entries is free: fill it, or a position below it, with
 * `entry`, which lies outside of the array. */
static inline void heap_sift_down(void *entries, uint32_t count, uint32_t at, const void *entry,
                                  size_t size, heap_is_after *is_after, const void *ctx)
{
    char *array = entries;
    mv_assert(at < count);
    for (;;) {
        size_t child = 2 * (size_t)at + 1;
        if (child >= count) break;
        if (child + 1 < count && is_after(ctx, array + (child + 1) * size, array + child * size))
            child++;
        if (!is_after(ctx, array + child * size, entry)) break;
        memcpy(array + at * size, array + child * size, size);
        at = (uint32_t)child;
    }
    memcpy(array + at * size, entry, size);
}

/* Position `at`, the last of the heap, is free: fill it, or a position above it. */
static inline void heap_sift_up(void *entries, uint32_t at, const void *entry, size_t size,
                                heap_is_after *is_after, const void *ctx)
{
    char *array = entries;
    while (at) {
        uint32_t parent = (at - 1) / 2;
        if (!is_after(ctx, entry, array + parent * size)) break;
        memcpy(array + at * size, array + parent * size, size);
        at = parent;
    }
    memcpy(array + at * size, entry, size);
}

#endif

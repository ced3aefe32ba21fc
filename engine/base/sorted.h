/* Binary search in sorted arrays of items whose first member is a 64-bit key. */
#ifndef MV_SORTED_H
#define MV_SORTED_H

#include <string.h>

#include "base/config.h"

/* The index of the first item whose key is not below `key`; `count` when every key is below it.
 * The keys ascend. Inlined with a constant `item_size`, this is the loop one would write by hand.
 */
static inline uint32_t sorted_lower_bound(const void *items, size_t item_size, uint32_t count,
                                          uint64_t key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t found;
        memcpy(&found, (const uint8_t *)items + middle * item_size, sizeof found);
        if (found < key)
            low = middle + 1;
        else
            high = middle;
    }
    mv_assert(low <= count);
    return low;
}

#endif

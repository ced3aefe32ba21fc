/* Bitmaps over rows: bit r of word r/64. The last word's bits beyond the count are zero. */
#ifndef MV_BITS_H
#define MV_BITS_H

#include "base/config.h"

static inline size_t bits_words(size_t count)
{
    return (count + 63) / 64;
}
static inline bool bits_get(const uint64_t *bits, size_t at)
{
    return (bits[at / 64] >> (at % 64)) & 1;
}
static inline void bits_set(uint64_t *bits, size_t at)
{
    bits[at / 64] |= (uint64_t)1 << (at % 64);
}
static inline void bits_unset(uint64_t *bits, size_t at)
{
    bits[at / 64] &= ~((uint64_t)1 << (at % 64));
}
/* All ones for `count` bits. */
static inline void bits_fill(uint64_t *bits, size_t count)
{
    for (size_t i = 0; i < count / 64; i++) bits[i] = UINT64_MAX;
    if (count % 64) bits[count / 64] = ((uint64_t)1 << (count % 64)) - 1;
}
static inline size_t bits_count(const uint64_t *bits, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < bits_words(count); i++) total += MV_POPCOUNT(bits[i]);
    return total;
}

#endif

/* Bitmaps over rows: row r is bit r % 64 of word r / 64. In the last word, the bits beyond the
 * count are zero. Indexes are not checked: the caller keeps them below the count. */
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
/* Set the first `count` bits; zeros fill the last word. */
static inline void bits_fill(uint64_t *bits, size_t count)
{
    for (size_t i = 0; i < count / 64; i++) bits[i] = UINT64_MAX;
    if (count % 64) bits[count / 64] = ((uint64_t)1 << (count % 64)) - 1;
}
/* The number of bits set. POPCNT is not used, since the baseline of x86-64 lacks it. Each byte of
 * `sum` counts the bits of that byte in up to 31 words: 31 × 8 = 248 is the most that fits in a
 * byte.
 */
static inline size_t bits_count(const uint64_t *bits, size_t count)
{
    const uint64_t ones = UINT64_MAX / 3, twos = UINT64_MAX / 5, fours = UINT64_MAX / 17,
                   bytes = UINT64_MAX / 257, pairs = UINT64_MAX / 65535;
    size_t total = 0, words = bits_words(count);
    for (size_t begin = 0; begin < words; begin += 31) {
        uint64_t sum = 0;
        size_t end = words - begin < 31 ? words : begin + 31;
        for (size_t i = begin; i < end; i++) {
            uint64_t word = bits[i] - ((bits[i] >> 1) & ones);
            word = (word & twos) + ((word >> 2) & twos);
            sum += (word + (word >> 4)) & fours;
        }
        sum = (sum & bytes) + ((sum >> 8) & bytes);
        total += (size_t)(sum * pairs >> 48);
    }
    mv_assert(total <= words * 64);
    return total;
}

#endif

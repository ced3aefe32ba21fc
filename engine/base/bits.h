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
/* Counted without the instruction for it, which the oldest processors lack, but two or more words
 * at a time: in each byte its bits, in a sum of up to 31 words, which no byte exceeds. */
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
        total += sum * pairs >> 48;
    }
    return total;
}

#endif

/* Small readers of ranked lists, shared by its files. */
#ifndef MV_RANKED_READ_H
#define MV_RANKED_READ_H

#include <math.h>
#include <string.h>

#include "index/ranked.h"

/* A varint of at most 32 bits: 7 bits a byte, lowest first; the highest bit is set in all but the
 * last byte. False: it goes beyond `end`, or beyond 32 bits. */
static inline bool ranked_read_varint(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    const uint8_t *p = *at;
    uint64_t number = 0;
    for (uint32_t shift = 0; shift < 35; shift += 7) {
        if (p >= end) return false;
        number |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80)) {
            *at = p;
            *out = (uint32_t)number;
            return number <= UINT32_MAX;
        }
    }
    return false;
}

/* The number of `width` bits, at most 32, that begins at bit `at`. Eight bytes are read. */
static inline uint32_t ranked_read_bits(const uint8_t *bytes, uint64_t at, uint32_t width)
{
    uint64_t word;
    memcpy(&word, bytes + at / 8, sizeof word);
    return (uint32_t)(word >> at % 8 & (((uint64_t)1 << width) - 1));
}

/* Bits of a frequency in a tail; three bits say which. */
static const uint8_t ranked_tail_widths[8] = {0, 1, 2, 3, 4, 8, 16, 32};

/* How many low bits of `count` rows, whose numbers are at most `span`, stand apart from the others
 * (Elias, Fano). */
static inline uint32_t ranked_low_bits(uint32_t span, uint32_t count)
{
    return span > count ? 31 - (uint32_t)__builtin_clz(span / count) : 0;
}

static inline bool ranked_is_ascending(const uint32_t *rows, uint32_t count, uint32_t limit)
{
    bool ok = rows[count - 1] < limit;
    for (uint32_t i = 1; i < count; i++) ok &= rows[i] > rows[i - 1];
    return ok;
}

/* Bytes of a varint. `out` has space for 5. */
static inline uint32_t ranked_write_varint(uint32_t number, uint8_t *out)
{
    uint32_t size = 0;
    for (; number >= 0x80; number >>= 7) out[size++] = (uint8_t)(number | 0x80);
    out[size++] = (uint8_t)number;
    return size;
}

/* c + d × length. The order of operations here and in ranked_fraction is part of what scores are:
 * every reader of a row computes the same float. */
static inline float ranked_norm(float c, float d, uint32_t length)
{
    return c + d * (float)length;
}

/* f / (f + norm) */
static inline float ranked_fraction(uint32_t freq, float norm)
{
    float f = (float)freq;
    return f / (f + norm);
}

/* The same in lists of weights. */
static inline float ranked_weight_fraction(uint32_t freq)
{
    return freq < 255 ? (float)freq * (1.0f / 255) : 1;
}

/* The bound of a block whose largest fraction is `most`. */
static inline uint8_t ranked_stored_bound(float most)
{
    float bound = ceilf(most * 255 * 1.00001f);
    return (uint8_t)(bound < 255 ? bound : 255);
}

#endif

/* Pseudorandom bits. splitmix64: Steele, Lea, Flood, Fast splittable pseudorandom number
 * generators, 2014. */
#ifndef MV_SPLITMIX_H
#define MV_SPLITMIX_H

#include "base/config.h"

/* Bits that depend on `n` alone. */
static inline uint64_t splitmix_hash(uint64_t n)
{
    uint64_t z = n + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The next bits of a generator. Any state can be the first. */
static inline uint64_t splitmix_draw(uint64_t *state)
{
    uint64_t bits = splitmix_hash(*state);
    *state += 0x9e3779b97f4a7c15u;
    return bits;
}

#endif

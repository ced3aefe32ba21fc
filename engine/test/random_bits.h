/* Numbers by lot, the same in every run. */
#ifndef MV_RANDOM_BITS_H
#define MV_RANDOM_BITS_H

#include <stdint.h>

static inline uint32_t random_bits(void) /* xorshift64: Marsaglia, Xorshift RNGs, 2003 */
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 32);
}

#endif

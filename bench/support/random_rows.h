/* Random numbers for the generated data of the bench. Each row has its own stream, so that it
 * depends only on the seed and its number. */
#ifndef BENCH_RANDOM_ROWS_H
#define BENCH_RANDOM_ROWS_H

#include <stdint.h>

/* splitmix64: every state gives a stream that looks independent. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t random_stream(uint64_t seed, uint64_t number)
{
    uint64_t state = seed * 0xd1342543de82ef95u + number;
    return random_next(&state);
}

/* A whole number close to normal with standard deviation 4: the number of ones in 64 bits. */
static inline int random_bits_normal(uint64_t *state)
{
    return __builtin_popcountll(random_next(state)) - 32;
}

/* From 0 (excluded) to 1. */
static inline float random_uniform(uint64_t *state)
{
    return ((float)(random_next(state) >> 41) + 0.5f) / 8388608;
}

/* Close to normal with standard deviation 1, with the steps of random_bits_normal smoothed. */
static inline float random_normal(uint64_t *state)
{
    int whole = random_bits_normal(state);
    return ((float)whole + random_uniform(state) - 0.5f) / 4.0104f;
}

#endif

/* 128 numbers of 32 bits in as few bits as the largest needs, decoded four at a time (SIMD-BP128:
 * Lemire, Boytsov: Decoding billions of integers per second through vectorization, arXiv
 * 1209.2137). Number i is in lane i % 4; the numbers of a lane follow each other, from the lowest
 * bit on, in every fourth word of 32 bits. */
#ifndef MV_RANKED_PACK_H
#define MV_RANKED_PACK_H

#include <simde/x86/sse2.h>

#include "base/config.h"

#define RANKED_PACK_COUNT 128u

/* Words of 128 numbers of `bits` bits. */
static inline uint32_t ranked_pack_words(uint32_t bits)
{
    return RANKED_PACK_COUNT * bits / 32;
}

static inline uint32_t ranked_pack_width(const uint32_t *numbers, uint32_t count)
{
    uint32_t all = 0, bits = 0;
    for (uint32_t i = 0; i < count; i++) all |= numbers[i];
    while (bits < 32 && all >> bits) bits++;
    return bits;
}

/* Write ranked_pack_words(bits) words. */
static inline void ranked_pack_write(const uint32_t *numbers, uint32_t bits, uint32_t *out)
{
    for (uint32_t i = 0; i < ranked_pack_words(bits); i++) out[i] = 0;
    for (uint32_t i = 0; i < RANKED_PACK_COUNT && bits; i++) {
        uint32_t bit = i / 4 * bits, lane = i % 4, shift = bit % 32;
        out[bit / 32 * 4 + lane] |= numbers[i] << shift;
        if (shift + bits > 32) out[(bit / 32 + 1) * 4 + lane] |= numbers[i] >> (32 - shift);
    }
}

/* Read the numbers of `bits` bits, 0 to 32, from `in`, which need not be aligned. */
static inline void ranked_pack_read(const uint8_t *in, uint32_t bits, uint32_t *out)
{
    const simde__m128i *words = (const simde__m128i *)(const void *)in;
    simde__m128i mask =
                     simde_mm_set1_epi32((int)(bits < 32 ? ((uint32_t)1 << bits) - 1 : UINT32_MAX)),
                 word = bits ? simde_mm_loadu_si128(words) : simde_mm_setzero_si128();
    uint32_t shift = 0;
    for (uint32_t i = 0; i < RANKED_PACK_COUNT / 4; i++) {
        simde__m128i numbers = simde_mm_srl_epi32(word, simde_mm_cvtsi32_si128((int)shift));
        shift += bits;
        if (shift >= 32) {
            shift -= 32;
            if (i + 1 < RANKED_PACK_COUNT / 4) {
                word = simde_mm_loadu_si128(++words);
                simde__m128i rest =
                    simde_mm_sll_epi32(word, simde_mm_cvtsi32_si128((int)(bits - shift)));
                if (shift) numbers = simde_mm_or_si128(numbers, rest);
            } else {
                mv_assert(!shift);
            }
        }
        simde_mm_storeu_si128((simde__m128i *)(void *)(out + 4 * i),
                              simde_mm_and_si128(numbers, mask));
    }
}

/* Rows from their differences less one: out[i] = base + 1 + the sum of (numbers[j] + 1) up to i,
 * less one. `base` is the row before, UINT32_MAX if there is none. */
static inline void ranked_pack_sum(uint32_t base, uint32_t *numbers)
{
    simde__m128i before = simde_mm_set1_epi32((int)base), ones = simde_mm_set1_epi32(1);
    for (uint32_t i = 0; i < RANKED_PACK_COUNT; i += 4) {
        simde__m128i *at = (simde__m128i *)(void *)(numbers + i);
        simde__m128i x = simde_mm_add_epi32(simde_mm_loadu_si128(at), ones);
        x = simde_mm_add_epi32(x, simde_mm_slli_si128(x, 4));
        x = simde_mm_add_epi32(x, simde_mm_slli_si128(x, 8));
        simde_mm_storeu_si128(at, simde_mm_add_epi32(x, before));
        /* one addition from step to step, not two */
        before = simde_mm_add_epi32(before, simde_mm_shuffle_epi32(x, 0xff));
    }
}

#endif

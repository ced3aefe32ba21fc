/* Vectors of 256 bits for kernel_body.h: AVX2 with FMA and F16C. */
#include <simde/x86/avx2.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#define KERNEL_WIDTH 32

typedef simde__m256 floats;
typedef simde__m256i ints;
typedef simde__m128i half;

KERNEL_INLINE ints whole_load(const uint8_t *at)
{
    return simde_mm256_loadu_si256((const simde__m256i *)(const void *)at);
}
KERNEL_INLINE half half_load(const uint8_t *at)
{
    return simde_mm_loadu_si128((const simde__m128i *)(const void *)at);
}
KERNEL_INLINE ints whole_and(ints a, ints b)
{
    return simde_mm256_and_si256(a, b);
}
KERNEL_INLINE half half_and(half a, half b)
{
    return simde_mm_and_si128(a, b);
}

KERNEL_INLINE floats floats_zero(void)
{
    return simde_mm256_setzero_ps();
}
KERNEL_INLINE floats floats_of_bits(ints bits)
{
    return simde_mm256_castsi256_ps(bits);
}
KERNEL_INLINE ints floats_bits(floats values)
{
    return simde_mm256_castps_si256(values);
}
KERNEL_INLINE floats floats_of_half(half bits)
{
    return simde_mm256_cvtph_ps(bits);
}
KERNEL_INLINE floats floats_add(floats a, floats b)
{
    return simde_mm256_add_ps(a, b);
}
KERNEL_INLINE floats floats_subtract(floats a, floats b)
{
    return simde_mm256_sub_ps(a, b);
}
KERNEL_INLINE floats floats_multiply_add(floats a, floats b, floats sum)
{
    return simde_mm256_fmadd_ps(a, b, sum);
}
KERNEL_INLINE float floats_total(floats sum)
{
    simde__m128 fours =
        simde_mm_add_ps(simde_mm256_castps256_ps128(sum), simde_mm256_extractf128_ps(sum, 1));
    simde__m128 pairs = simde_mm_add_ps(fours, simde_mm_movehl_ps(fours, fours));
    return simde_mm_cvtss_f32(simde_mm_add_ss(pairs, simde_mm_shuffle_ps(pairs, pairs, 1)));
}

KERNEL_INLINE ints ints_zero(void)
{
    return simde_mm256_setzero_si256();
}
KERNEL_INLINE ints ints_add(ints a, ints b)
{
    return simde_mm256_add_epi32(a, b);
}
KERNEL_INLINE int32_t ints_total(ints sum)
{
    half fours =
        simde_mm_add_epi32(simde_mm256_castsi256_si128(sum), simde_mm256_extracti128_si256(sum, 1));
    half pairs = simde_mm_add_epi32(fours, simde_mm_shuffle_epi32(fours, 0x4e));
    return simde_mm_cvtsi128_si32(simde_mm_add_epi32(pairs, simde_mm_shuffle_epi32(pairs, 0xb1)));
}
/* The total of each. */
KERNEL_INLINE void ints_totals(ints a, ints b, ints c, ints d, int32_t totals[4])
{
    ints ab = ints_add(simde_mm256_unpacklo_epi32(a, b), simde_mm256_unpackhi_epi32(a, b)),
         cd = ints_add(simde_mm256_unpacklo_epi32(c, d), simde_mm256_unpackhi_epi32(c, d)),
         all = ints_add(simde_mm256_unpacklo_epi64(ab, cd), simde_mm256_unpackhi_epi64(ab, cd));
    simde_mm_storeu_si128(totals, simde_mm_add_epi32(simde_mm256_castsi256_si128(all),
                                                     simde_mm256_extracti128_si256(all, 1)));
}
KERNEL_INLINE ints shorts_of_half(half bytes)
{
    return simde_mm256_cvtepi8_epi16(bytes);
}
KERNEL_INLINE ints shorts_subtract(ints a, ints b)
{
    return simde_mm256_sub_epi16(a, b);
}
KERNEL_INLINE ints shorts_multiply_add(ints a, ints b, ints sum)
{
    return simde_mm256_add_epi32(sum, simde_mm256_madd_epi16(a, b));
}
/* Products of a half and a byte are at most 15 × 127, four of them fit in 16 bits. */
KERNEL_INLINE ints int4_multiply_add(ints halves, ints low, ints high, ints sum)
{
    const ints mask = simde_mm256_set1_epi8(15);
    ints lower = simde_mm256_and_si256(halves, mask),
         upper = simde_mm256_and_si256(simde_mm256_srli_epi16(halves, 4), mask),
         pairs = simde_mm256_add_epi16(simde_mm256_maddubs_epi16(lower, low),
                                       simde_mm256_maddubs_epi16(upper, high));
    return simde_mm256_add_epi32(sum, simde_mm256_madd_epi16(pairs, simde_mm256_set1_epi16(1)));
}

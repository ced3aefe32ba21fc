/* Vectors of 128 bits for kernel_body.h, by SIMDe's SSE names: SSE2 on x86, NEON on ARM. */
#include <simde/x86/fma.h>
#include <simde/x86/sse2.h>
#include <string.h>

#define KERNEL_WIDTH 16

typedef simde__m128 floats;
typedef simde__m128i ints;
typedef simde__m128i half; /* in the low 8 bytes */

KERNEL_INLINE ints whole_load(const uint8_t *at)
{
    return simde_mm_loadu_si128((const simde__m128i *)(const void *)at);
}
KERNEL_INLINE half half_load(const uint8_t *at)
{
    return simde_mm_loadl_epi64((const simde__m128i *)(const void *)at);
}
KERNEL_INLINE ints whole_and(ints a, ints b)
{
    return simde_mm_and_si128(a, b);
}
KERNEL_INLINE half half_and(half a, half b)
{
    return simde_mm_and_si128(a, b);
}

KERNEL_INLINE floats floats_of_bits(ints bits)
{
    return simde_mm_castsi128_ps(bits);
}
KERNEL_INLINE ints floats_bits(floats values)
{
    return simde_mm_castps_si128(values);
}
#if defined(SIMDE_ARM_NEON_A64V8_NATIVE)
KERNEL_INLINE floats floats_of_half(half bits)
{
    float16x4_t narrow = vreinterpret_f16_s32(vget_low_s32(simde__m128i_to_neon_i32(bits)));
    return simde__m128_from_neon_f32(vcvt_f32_f16(narrow));
}
#else
/* SSE2 has no conversion from fp16. The bits are moved to a float's place and 127 - 15 added to the
 * exponent. Subnormals get one more, which adds 2^-14, and that is subtracted: no float is ever
 * subnormal here, since those take over a hundred cycles and some programs have the CPU treat them
 * as zero.
 */
KERNEL_INLINE floats floats_of_half(half bits)
{
    ints wide = simde_mm_unpacklo_epi16(bits, simde_mm_setzero_si128());
    ints sign = simde_mm_and_si128(wide, simde_mm_set1_epi32(0x8000));
    ints magnitude = simde_mm_slli_epi32(simde_mm_xor_si128(wide, sign), 13);
    ints subnormal = simde_mm_cmplt_epi32(magnitude, simde_mm_set1_epi32(1 << 23));
    ints normal = simde_mm_add_epi32(magnitude, simde_mm_set1_epi32((127 - 15) << 23));
    ints raised = simde_mm_sub_epi32(normal, simde_mm_slli_epi32(subnormal, 23));
    ints surplus = simde_mm_and_si128(subnormal, simde_mm_set1_epi32((127 - 14) << 23));
    floats value = simde_mm_sub_ps(simde_mm_castsi128_ps(raised), simde_mm_castsi128_ps(surplus));
    return simde_mm_or_ps(value, simde_mm_castsi128_ps(simde_mm_slli_epi32(sign, 16)));
}
#endif
KERNEL_INLINE floats floats_add(floats a, floats b)
{
    return simde_mm_add_ps(a, b);
}
KERNEL_INLINE floats floats_subtract(floats a, floats b)
{
    return simde_mm_sub_ps(a, b);
}
KERNEL_INLINE floats floats_multiply_add(floats a, floats b, floats sum)
{
    return simde_mm_fmadd_ps(a, b, sum);
}
KERNEL_INLINE float floats_total(floats sum)
{
    floats pairs = simde_mm_add_ps(sum, simde_mm_movehl_ps(sum, sum));
    return simde_mm_cvtss_f32(simde_mm_add_ss(pairs, simde_mm_shuffle_ps(pairs, pairs, 1)));
}

KERNEL_INLINE ints ints_zero(void)
{
    return simde_mm_setzero_si128();
}
KERNEL_INLINE ints ints_add(ints a, ints b)
{
    return simde_mm_add_epi32(a, b);
}
KERNEL_INLINE int32_t ints_total(ints sum)
{
    ints pairs = simde_mm_add_epi32(sum, simde_mm_shuffle_epi32(sum, 0x4e));
    return simde_mm_cvtsi128_si32(simde_mm_add_epi32(pairs, simde_mm_shuffle_epi32(pairs, 0xb1)));
}
/* The total of each. */
KERNEL_INLINE void ints_totals(ints a, ints b, ints c, ints d, int32_t totals[4])
{
    ints ab = ints_add(simde_mm_unpacklo_epi32(a, b), simde_mm_unpackhi_epi32(a, b)),
         cd = ints_add(simde_mm_unpacklo_epi32(c, d), simde_mm_unpackhi_epi32(c, d));
    simde_mm_storeu_si128(
        totals, ints_add(simde_mm_unpacklo_epi64(ab, cd), simde_mm_unpackhi_epi64(ab, cd)));
}
KERNEL_INLINE ints shorts_of_half(half bytes)
{
    return simde_mm_srai_epi16(simde_mm_unpacklo_epi8(bytes, bytes), 8);
}
KERNEL_INLINE ints shorts_subtract(ints a, ints b)
{
    return simde_mm_sub_epi16(a, b);
}
KERNEL_INLINE ints shorts_multiply_add(ints a, ints b, ints sum)
{
    return simde_mm_add_epi32(sum, simde_mm_madd_epi16(a, b));
}
/* Without products of bytes: even and odd ones apart, as 16 bits. What is done to the query is done
 * once for all rows of a block. */
KERNEL_INLINE ints even_bytes(ints bytes)
{
    return simde_mm_srai_epi16(simde_mm_slli_epi16(bytes, 8), 8);
}
KERNEL_INLINE ints odd_bytes(ints bytes)
{
    return simde_mm_srai_epi16(bytes, 8);
}
KERNEL_INLINE ints int4_multiply_add(ints codes, ints low, ints high, ints sum)
{
    const ints mask = simde_mm_set1_epi16(15);
    ints products = simde_mm_madd_epi16(simde_mm_and_si128(codes, mask), even_bytes(low));
    sum = simde_mm_add_epi32(sum, products);
    codes = simde_mm_srli_epi16(codes, 4);
    products = simde_mm_madd_epi16(simde_mm_and_si128(codes, mask), even_bytes(high));
    sum = simde_mm_add_epi32(sum, products);
    codes = simde_mm_srli_epi16(codes, 4);
    products = simde_mm_madd_epi16(simde_mm_and_si128(codes, mask), odd_bytes(low));
    sum = simde_mm_add_epi32(sum, products);
    products = simde_mm_madd_epi16(simde_mm_srli_epi16(codes, 4), odd_bytes(high));
    return simde_mm_add_epi32(sum, products);
}
/* Add the bytes whose bits are set. */
KERNEL_INLINE ints bits_add(const uint8_t *bits, ints bytes, ints sum)
{
    const ints places = simde_mm_set1_epi64x((int64_t)0x8040201008040201);
    int16_t set;
    memcpy(&set, bits, sizeof set);
    ints both = simde_mm_set1_epi16(set), at = simde_mm_unpacklo_epi8(both, both);
    at = simde_mm_shufflehi_epi16(simde_mm_shufflelo_epi16(at, 0x00), 0x55);
    ints kept =
             simde_mm_and_si128(simde_mm_cmpeq_epi8(simde_mm_and_si128(at, places), places), bytes),
         pairs = simde_mm_add_epi16(even_bytes(kept), odd_bytes(kept));
    return simde_mm_add_epi32(sum, simde_mm_madd_epi16(pairs, simde_mm_set1_epi16(1)));
}

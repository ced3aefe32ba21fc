/* Vectors of 256 bits for kernel_body.h: AVX2 with FMA and F16C.
 *
 * The names are the compiler's, as in kernel_512.h. SIMDe's functions are native only where AVX2 is
 * on when SIMDe is included, which it is not in the one-file form of the library. */
#include <immintrin.h>
#include <string.h>

#define KERNEL_WIDTH 32

typedef __m256 floats;
typedef __m256i ints;
typedef __m128i half;

KERNEL_INLINE ints whole_load(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}
KERNEL_INLINE half half_load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}
KERNEL_INLINE ints whole_and(ints a, ints b)
{
    return _mm256_and_si256(a, b);
}
KERNEL_INLINE half half_and(half a, half b)
{
    return _mm_and_si128(a, b);
}

KERNEL_INLINE floats floats_of_bits(ints bits)
{
    return _mm256_castsi256_ps(bits);
}
KERNEL_INLINE ints floats_bits(floats values)
{
    return _mm256_castps_si256(values);
}
KERNEL_INLINE floats floats_of_half(half bits)
{
    return _mm256_cvtph_ps(bits);
}
KERNEL_INLINE floats floats_add(floats a, floats b)
{
    return _mm256_add_ps(a, b);
}
KERNEL_INLINE floats floats_subtract(floats a, floats b)
{
    return _mm256_sub_ps(a, b);
}
KERNEL_INLINE floats floats_multiply_add(floats a, floats b, floats sum)
{
    return _mm256_fmadd_ps(a, b, sum);
}
KERNEL_INLINE float floats_total(floats sum)
{
    __m128 fours = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    __m128 pairs = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
}

KERNEL_INLINE ints ints_zero(void)
{
    return _mm256_setzero_si256();
}
KERNEL_INLINE ints ints_add(ints a, ints b)
{
    return _mm256_add_epi32(a, b);
}
KERNEL_INLINE int32_t ints_total(ints sum)
{
    half fours = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half pairs = _mm_add_epi32(fours, _mm_shuffle_epi32(fours, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 0xb1)));
}
/* The total of each. */
KERNEL_INLINE void ints_totals(ints a, ints b, ints c, ints d, int32_t totals[4])
{
    ints ab = ints_add(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)),
         cd = ints_add(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d)),
         all = ints_add(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
    _mm_storeu_si128((__m128i *)(void *)totals,
                     _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}
KERNEL_INLINE ints shorts_of_half(half bytes)
{
    return _mm256_cvtepi8_epi16(bytes);
}
KERNEL_INLINE ints shorts_subtract(ints a, ints b)
{
    return _mm256_sub_epi16(a, b);
}
KERNEL_INLINE ints shorts_multiply_add(ints a, ints b, ints sum)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
/* Products of a half and a byte are at most 15 × 127, four of them fit in 16 bits. */
KERNEL_INLINE ints int4_multiply_add(ints codes, ints low, ints high, ints sum)
{
    const ints mask = _mm256_set1_epi8(15);
    ints lower = _mm256_and_si256(codes, mask),
         upper = _mm256_and_si256(_mm256_srli_epi16(codes, 4), mask),
         pairs =
             _mm256_add_epi16(_mm256_maddubs_epi16(lower, low), _mm256_maddubs_epi16(upper, high));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
/* Add the bytes whose bits are set. */
KERNEL_INLINE ints bits_add(const uint8_t *bits, ints bytes, ints sum)
{
    const ints spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
                                           0x0303030303030303),
               places = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    int32_t set;
    memcpy(&set, bits, sizeof set);
    ints at = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(set), spread), places),
         kept = _mm256_and_si256(_mm256_cmpeq_epi8(at, places), bytes),
         pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), kept);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Vectors of 512 bits for kernel_body.h: AVX-512 with VNNI.
 *
 * The compiler's own names, since SIMDe has neither masked loads nor conversions of this width, and
 * nothing here runs on another machine anyway. */
#include <immintrin.h>
#include <string.h>

#define KERNEL_WIDTH 64
#define KERNEL_MASKED_LOADS
#define KERNEL_BYTE_PRODUCTS

typedef __m512 floats;
typedef __m512i ints;
typedef __m256i half;

KERNEL_INLINE ints whole_load(const uint8_t *at)
{
    return _mm512_loadu_si512(at);
}
KERNEL_INLINE half half_load(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}
/* A masked load does not touch what is masked out, even on a page that is not there. */
KERNEL_INLINE ints whole_load_part(const uint8_t *at, size_t size, bool steps_back)
{
    (void)steps_back;
    return _mm512_maskz_loadu_epi8(~(uint64_t)0 >> (64 - size), at);
}
KERNEL_INLINE half half_load_part(const uint8_t *at, size_t size, bool steps_back)
{
    (void)steps_back;
    return _mm256_maskz_loadu_epi8(~(uint32_t)0 >> (32 - size), at);
}

KERNEL_INLINE floats floats_of_bits(ints bits)
{
    return _mm512_castsi512_ps(bits);
}
KERNEL_INLINE ints floats_bits(floats values)
{
    return _mm512_castps_si512(values);
}
KERNEL_INLINE floats floats_of_half(half bits)
{
    return _mm512_cvtph_ps(bits);
}
KERNEL_INLINE floats floats_add(floats a, floats b)
{
    return _mm512_add_ps(a, b);
}
KERNEL_INLINE floats floats_subtract(floats a, floats b)
{
    return _mm512_sub_ps(a, b);
}
KERNEL_INLINE floats floats_multiply_add(floats a, floats b, floats sum)
{
    return _mm512_fmadd_ps(a, b, sum);
}
KERNEL_INLINE float floats_total(floats sum)
{
    return _mm512_reduce_add_ps(sum);
}

KERNEL_INLINE ints ints_zero(void)
{
    return _mm512_setzero_si512();
}
KERNEL_INLINE ints ints_add(ints a, ints b)
{
    return _mm512_add_epi32(a, b);
}
KERNEL_INLINE int32_t ints_total(ints sum)
{
    /* By hand: gcc's reduction ends in a signed addition, which must not wrap. */
    half eights = _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
    __m128i fours =
        _mm_add_epi32(_mm256_castsi256_si128(eights), _mm256_extracti128_si256(eights, 1));
    __m128i pairs = _mm_add_epi32(fours, _mm_shuffle_epi32(fours, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 0xb1)));
}
/* The total of each. */
KERNEL_INLINE void ints_totals(ints a, ints b, ints c, ints d, int32_t totals[4])
{
    ints ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)),
         cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d)),
         all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    half eights = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    _mm_storeu_si128((__m128i *)(void *)totals, _mm_add_epi32(_mm256_castsi256_si128(eights),
                                                              _mm256_extracti128_si256(eights, 1)));
}
KERNEL_INLINE ints shorts_of_half(half bytes)
{
    return _mm512_cvtepi8_epi16(bytes);
}
KERNEL_INLINE ints shorts_subtract(ints a, ints b)
{
    return _mm512_sub_epi16(a, b);
}
KERNEL_INLINE ints shorts_multiply_add(ints a, ints b, ints sum)
{
    return _mm512_dpwssd_epi32(sum, a, b);
}
/* VNNI multiplies unsigned by signed bytes: flipping its top bit adds 128 to a signed one. */
KERNEL_INLINE ints bytes_plus_128(ints bytes)
{
    return _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80));
}
KERNEL_INLINE ints bytes_multiply_add(ints plus_128, ints bytes, ints sum)
{
    return _mm512_dpbusd_epi32(sum, plus_128, bytes);
}
KERNEL_INLINE ints int4_multiply_add(ints codes, ints low, ints high, ints sum)
{
    const ints mask = _mm512_set1_epi8(15);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(codes, mask), low);
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(codes, 4), mask), high);
}
/* Add the bytes whose bits are set. */
KERNEL_INLINE ints bits_add(const uint8_t *bits, ints bytes, ints sum)
{
    uint64_t set;
    memcpy(&set, bits, sizeof set);
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), _mm512_maskz_mov_epi8(set, bytes));
}

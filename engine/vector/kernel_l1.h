/* The step of the l1 kernels, for vectors of each width of kernel_body.h.
 *
 * Bytes are measured as they are: with its top bit flipped a signed byte becomes unsigned and keeps
 * its order, so differences stay what they are, and the sums of eight absolute differences are one
 * instruction (psadbw). */
#if KERNEL_WIDTH == 16

KERNEL_INLINE floats l1_absolute(floats values)
{
    return simde_mm_andnot_ps(simde_mm_set1_ps(-0.0f), values);
}
KERNEL_INLINE ints l1_add_bytes(ints a, ints b, ints sum)
{
    const ints top = simde_mm_set1_epi8(INT8_MIN);
    return ints_add(sum, simde_mm_sad_epu8(simde_mm_xor_si128(a, top), simde_mm_xor_si128(b, top)));
}

#elif KERNEL_WIDTH == 32

KERNEL_INLINE floats l1_absolute(floats values)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), values);
}
KERNEL_INLINE ints l1_add_bytes(ints a, ints b, ints sum)
{
    const ints top = _mm256_set1_epi8(INT8_MIN);
    return ints_add(sum, _mm256_sad_epu8(_mm256_xor_si256(a, top), _mm256_xor_si256(b, top)));
}

#else

KERNEL_INLINE floats l1_absolute(floats values)
{
    return _mm512_abs_ps(values);
}
KERNEL_INLINE ints l1_add_bytes(ints a, ints b, ints sum)
{
    const ints top = _mm512_set1_epi8(INT8_MIN);
    return ints_add(sum, _mm512_sad_epu8(_mm512_xor_si512(a, top), _mm512_xor_si512(b, top)));
}

#endif

/* sum + |a - b|, of floats or, with `of_bytes`, of signed bytes. */
KERNEL_INLINE ints l1_add(ints a, ints b, ints sum, bool of_bytes)
{
    if (of_bytes) return l1_add_bytes(a, b, sum);
    floats difference = floats_subtract(floats_of_bits(a), floats_of_bits(b));
    return floats_bits(floats_add(floats_of_bits(sum), l1_absolute(difference)));
}

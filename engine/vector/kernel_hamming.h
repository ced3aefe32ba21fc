/* The step of the hamming kernels, for vectors of each width of kernel_body.h.
 *
 * The bits of each byte are counted by looking both halves up in a table of 16 (Mula, Kurz, Lemire:
 * Faster population counts using AVX2 instructions, arXiv 1611.07612), by an instruction on ARM,
 * and with SSE2, which has no such look-up, by adding neighbouring bits, pairs and halves. Then the
 * bytes are summed. */
#if KERNEL_WIDTH == 16 && defined(SIMDE_ARM_NEON_A64V8_NATIVE)

KERNEL_INLINE ints hamming_count(ints bits)
{
    uint8x16_t counts = vcntq_u8(simde__m128i_to_neon_u8(bits));
    return simde__m128i_from_neon_u32(vpaddlq_u16(vpaddlq_u8(counts)));
}
KERNEL_INLINE ints hamming_different(ints a, ints b)
{
    return simde_mm_xor_si128(a, b);
}

#elif KERNEL_WIDTH == 16

KERNEL_INLINE ints hamming_count(ints bits)
{
    const ints ones = simde_mm_set1_epi8(0x55), twos = simde_mm_set1_epi8(0x33),
               fours = simde_mm_set1_epi8(0x0f);
    bits = simde_mm_sub_epi8(bits, simde_mm_and_si128(simde_mm_srli_epi16(bits, 1), ones));
    bits = simde_mm_add_epi8(simde_mm_and_si128(bits, twos),
                             simde_mm_and_si128(simde_mm_srli_epi16(bits, 2), twos));
    bits = simde_mm_and_si128(simde_mm_add_epi8(bits, simde_mm_srli_epi16(bits, 4)), fours);
    return simde_mm_sad_epu8(bits, ints_zero());
}
KERNEL_INLINE ints hamming_different(ints a, ints b)
{
    return simde_mm_xor_si128(a, b);
}

#elif KERNEL_WIDTH == 32

KERNEL_INLINE ints hamming_count(ints bits)
{
    const ints fours = _mm256_set1_epi8(0x0f),
               table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                        1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    ints low = _mm256_and_si256(bits, fours),
         high = _mm256_and_si256(_mm256_srli_epi16(bits, 4), fours),
         counts =
             _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
    return _mm256_sad_epu8(counts, ints_zero());
}
KERNEL_INLINE ints hamming_different(ints a, ints b)
{
    return _mm256_xor_si256(a, b);
}

#else

KERNEL_INLINE ints hamming_count(ints bits)
{
    const ints fours = _mm512_set1_epi8(0x0f), table = _mm512_broadcast_i32x4(_mm_setr_epi8(
                                                   0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    ints low = _mm512_and_si512(bits, fours),
         high = _mm512_and_si512(_mm512_srli_epi16(bits, 4), fours),
         counts =
             _mm512_add_epi8(_mm512_shuffle_epi8(table, low), _mm512_shuffle_epi8(table, high));
    return _mm512_sad_epu8(counts, ints_zero());
}
KERNEL_INLINE ints hamming_different(ints a, ints b)
{
    return _mm512_xor_si512(a, b);
}

#endif

/* sum + the number of bits in which a and b differ. */
KERNEL_INLINE ints hamming_add(ints a, ints b, ints sum)
{
    return ints_add(sum, hamming_count(hamming_different(a, b)));
}

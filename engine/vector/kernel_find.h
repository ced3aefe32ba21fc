/* Finding a text, for vectors of each width of kernel_body.h.
 *
 * A position is compared with three bytes of the text at once, the first, the middle and the last,
 * without a branch. The other bytes are compared, three at a time, only where a position is left
 * among FIND_WORDS × 64. Asked for each 64, that question was mostly predicted wrongly where a
 * fifth of the titles of `./run bench filter` match, and the search took twice as long. */
enum { FIND_WORDS = 4 };

#if KERNEL_WIDTH == 16

KERNEL_INLINE ints find_byte(uint8_t byte)
{
    return simde_mm_set1_epi8((int8_t)byte);
}
/* For each byte of a vector: are those at x, y and z equal to a, b and c? */
KERNEL_INLINE uint64_t find_equal(const uint8_t *x, const uint8_t *y, const uint8_t *z, ints a,
                                  ints b, ints c)
{
    ints equal = whole_and(
        simde_mm_cmpeq_epi8(whole_load(x), a),
        whole_and(simde_mm_cmpeq_epi8(whole_load(y), b), simde_mm_cmpeq_epi8(whole_load(z), c)));
    return (uint32_t)simde_mm_movemask_epi8(equal);
}

#elif KERNEL_WIDTH == 32

KERNEL_INLINE ints find_byte(uint8_t byte)
{
    return _mm256_set1_epi8((char)byte);
}
KERNEL_INLINE uint64_t find_equal(const uint8_t *x, const uint8_t *y, const uint8_t *z, ints a,
                                  ints b, ints c)
{
    ints equal = whole_and(
        _mm256_cmpeq_epi8(whole_load(x), a),
        whole_and(_mm256_cmpeq_epi8(whole_load(y), b), _mm256_cmpeq_epi8(whole_load(z), c)));
    return (uint32_t)_mm256_movemask_epi8(equal);
}

#else

KERNEL_INLINE ints find_byte(uint8_t byte)
{
    return _mm512_set1_epi8((char)byte);
}
KERNEL_INLINE uint64_t find_equal(const uint8_t *x, const uint8_t *y, const uint8_t *z, ints a,
                                  ints b, ints c)
{
    return _mm512_cmpeq_epi8_mask(whole_load(x), a) & _mm512_cmpeq_epi8_mask(whole_load(y), b) &
           _mm512_cmpeq_epi8_mask(whole_load(z), c);
}

#endif

/* For 64 positions: are the bytes a, b and c at the distances k, l and m? */
KERNEL_INLINE uint64_t find_three(const uint8_t *bytes, size_t k, size_t l, size_t m, ints a,
                                  ints b, ints c)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < 64; i += KERNEL_WIDTH)
        found |= find_equal(bytes + i + k, bytes + i + l, bytes + i + m, a, b, c) << i;
    return found;
}

static bool kernel_find(const uint8_t *bytes, size_t words, const uint8_t *text, size_t size,
                        uint64_t *hits)
{
    const size_t middle = size / 2, last = size - 1;
    const ints a = find_byte(text[0]), b = find_byte(text[middle]), c = find_byte(text[last]);
    uint64_t any = 0;
    for (size_t begin = 0, end; begin < words; begin = end) {
        uint64_t some = 0;
        end = words - begin < FIND_WORDS ? words : begin + FIND_WORDS;
        for (size_t word = begin; word < end; word++)
            some |= hits[word] = find_three(bytes + word * 64, 0, middle, last, a, b, c);
        for (size_t k = 1; some && size > 3 && k < last; k += 3) {
            size_t l = k + 1 < last ? k + 1 : k, m = k + 2 < last ? k + 2 : k;
            const ints d = find_byte(text[k]), e = find_byte(text[l]), f = find_byte(text[m]);
            some = 0;
            for (size_t word = begin; word < end; word++)
                some |= hits[word] &= find_three(bytes + word * 64, k, l, m, d, e, f);
        }
        any |= some;
    }
    return any;
}

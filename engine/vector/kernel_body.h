/* The kernels, from the vectors of kernel_128.h, kernel_256.h or kernel_512.h. Each file that
 * includes this is compiled with flags of its own, so everything in here is static: a function that
 * the linker could share between files might bring instructions to where they cannot run.
 *
 * A block is 1 or ROWS rows measured together: they share the loads of the query, and their sums do
 * not wait for each other. Within a row there are CHAINS sums for the same reason; the order of
 * additions is the same in blocks of both sizes, so that equal rows have equal distances.
 *
 * Tried with AVX-512, 768 dims in L2: against one row at a time with four sums, four rows with two
 * sums take 18 % less time for fp32 and 32 % for int8; two rows with four sums gain nothing for
 * fp32. */
#include <string.h>

#include "vector/kernel_find.h"
#include "vector/kernel_hamming.h"
#include "vector/kernel_l1.h"

enum { ROWS = 4, CHAINS = 2 };

/* What a vector register holds: elements as they are, or widened on loading. */
typedef enum kernel_kind {
    FP32,
    FP16, /* rows only, widened to float; the query is FP32 */
    INT8, /* widened to 16 bits */
    BYTES /* 8-bit elements as they are: for KERNEL_BYTE_PRODUCTS, l1 and hamming */
} kernel_kind;

KERNEL_INLINE size_t element_bytes(kernel_kind kind)
{
    return kind == FP32 ? 4 : kind == FP16 ? 2 : 1;
}
/* Elements in a vector. */
KERNEL_INLINE size_t lanes(kernel_kind kind)
{
    return kind == BYTES ? KERNEL_WIDTH : kind == INT8 ? KERNEL_WIDTH / 2 : KERNEL_WIDTH / 4;
}

/* ---------------------------------------------------------------- loads */

#ifndef KERNEL_MASKED_LOADS
/* Load at[0..size), less than a SIMD register, and zeros. `steps_back`: the row has a register's
 * worth of bytes before `at`. The load then begins before `at`, and a mask clears what belongs to
 * the step before. The elements lie at other places than in a full load, but at the same places in
 * query and row. */
KERNEL_INLINE const uint8_t *mask_last(size_t size)
{
    static const uint8_t mask[2 * KERNEL_WIDTH] = {
#define ONES_8 255, 255, 255, 255, 255, 255, 255, 255
        [KERNEL_WIDTH] = ONES_8,
        ONES_8,
#if KERNEL_WIDTH > 16
        ONES_8,
        ONES_8,
#endif
    };
    return mask + size;
}
KERNEL_INLINE ints whole_load_part(const uint8_t *at, size_t size, bool steps_back)
{
    if (steps_back)
        return whole_and(whole_load(at + size - KERNEL_WIDTH), whole_load(mask_last(size)));
    uint8_t copy[KERNEL_WIDTH] = {0};
    memcpy(copy, at, size);
    return whole_load(copy);
}
KERNEL_INLINE half half_load_part(const uint8_t *at, size_t size, bool steps_back)
{
    enum { WIDTH = KERNEL_WIDTH / 2 };
    if (steps_back)
        return half_and(half_load(at + size - WIDTH), half_load(mask_last(WIDTH + size)));
    uint8_t copy[WIDTH] = {0};
    memcpy(copy, at, size);
    return half_load(copy);
}
#endif

/* The vector of elements from `at` on: a whole one when `count` is 0, else `count` elements. */
KERNEL_INLINE ints load(const uint8_t *vector, size_t at, size_t count, kernel_kind kind)
{
    const uint8_t *from = vector + at * element_bytes(kind);
    size_t size = count * element_bytes(kind);
    if (kind == FP32 || kind == BYTES)
        return count ? whole_load_part(from, size, at > 0) : whole_load(from);
    half narrow = count ? half_load_part(from, size, at > 0) : half_load(from);
    return kind == FP16 ? floats_bits(floats_of_half(narrow)) : shorts_of_half(narrow);
}

/* ---------------------------------------------------------------- sums */

/* sum + query · row, or what else the family says, lane by lane. Integer sums may wrap on their
 * way: for MV_DIM_MAX elements an inner product is below 2^31 and a squared distance below 2^32. */
KERNEL_INLINE ints add_step(ints query, ints row, ints sum, kernel_kind kind, metric_family family)
{
    const bool l2 = family == METRIC_L2;
    if (family == METRIC_L1) return l1_add(query, row, sum, kind == BYTES);
    if (family == METRIC_HAMMING) return hamming_add(query, row, sum);
#ifdef KERNEL_BYTE_PRODUCTS
    if (kind == BYTES) return bytes_multiply_add(bytes_plus_128(row), query, sum);
#endif
    if (kind == INT8) {
        if (!l2) return shorts_multiply_add(query, row, sum);
        ints difference = shorts_subtract(query, row);
        return shorts_multiply_add(difference, difference, sum);
    }
    floats a = floats_of_bits(query), b = floats_of_bits(row), c = floats_of_bits(sum);
    if (!l2) return floats_bits(floats_multiply_add(a, b, c));
    floats difference = floats_subtract(a, b);
    return floats_bits(floats_multiply_add(difference, difference, c));
}

/* One sum for each row and chain. An inner product of BYTES sums (row + 128) · query; what that is
 * too much, 128 · query, is the same sum for one more row of zeros. */
typedef struct block_sums {
    ints of[ROWS + 1][CHAINS];
} block_sums;

/* Add the vector of elements from `at` on (`count` as for load) of all rows to a chain's sums.
 * Written out, like everything that touches the sums: for loops over them compilers tend to keep
 * them in memory, at 15 % more time with gcc and 100 % with clang. */
KERNEL_INLINE void block_step(block_sums *sums, int chain, const uint8_t *query,
                              const uint8_t *const *rows, int rows_count, size_t at, size_t count,
                              kernel_kind kind, metric_family family)
{
    ints q = load(query, at, count, kind == FP16 ? FP32 : kind);
    ints *sum = &sums->of[0][chain];
    *sum = add_step(q, load(rows[0], at, count, kind), *sum, kind, family);
    if (rows_count == ROWS) {
        sum = &sums->of[1][chain];
        *sum = add_step(q, load(rows[1], at, count, kind), *sum, kind, family);
        sum = &sums->of[2][chain];
        *sum = add_step(q, load(rows[2], at, count, kind), *sum, kind, family);
        sum = &sums->of[3][chain];
        *sum = add_step(q, load(rows[3], at, count, kind), *sum, kind, family);
    }
    if (kind == BYTES && family == METRIC_DOT) {
        sum = &sums->of[ROWS][chain];
        *sum = add_step(q, ints_zero(), *sum, kind, family);
    }
}

KERNEL_INLINE float row_total(const block_sums *sums, int row, kernel_kind kind,
                              metric_family family)
{
    const ints *of = sums->of[row];
    if (kind == FP32 || kind == FP16)
        return floats_total(floats_add(floats_of_bits(of[0]), floats_of_bits(of[1])));
    uint32_t total = (uint32_t)ints_total(ints_add(of[0], of[1]));
    if (family != METRIC_DOT) return (float)total;
    const ints *zeros = sums->of[ROWS];
    if (kind == BYTES) total -= (uint32_t)ints_total(ints_add(zeros[0], zeros[1]));
    return (float)(int32_t)total;
}

/* ---------------------------------------------------------------- blocks */

/* Measure a block of 1 or ROWS rows. The memory from `ahead` on (NULL: none) is prefetched at the
 * pace at which the rows are read; that it may not be there does no harm. Interleaved like this it
 * never cost anything and won 50 % for fp16 and int8 streams; in a burst before each block it
 * slowed fp32 down. Lists gain nothing: four rows at once keep enough loads on their way. */
KERNEL_INLINE void measure(const uint8_t *query, const uint8_t *const *rows, int rows_count,
                           const uint8_t *ahead, size_t dim, float *out, kernel_kind kind,
                           metric_family family)
{
    const ints zero = ints_zero();
    block_sums sums = {{{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}}};
    const size_t step = lanes(kind), turn = CHAINS * step;
    const size_t turn_lines = ROWS * turn * element_bytes(kind) / 64;
    size_t at = 0;
    for (; at + turn <= dim; at += turn) {
        if (ahead) {
            for (size_t line = 0; line < turn_lines; line++) MV_PREFETCH(ahead + line * 64);
            ahead += turn_lines * 64;
        }
        block_step(&sums, 0, query, rows, rows_count, at, 0, kind, family);
        block_step(&sums, 1, query, rows, rows_count, at + step, 0, kind, family);
    }
    if (at + step <= dim) {
        block_step(&sums, 0, query, rows, rows_count, at, 0, kind, family);
        at += step;
    }
    if (at < dim) block_step(&sums, 1, query, rows, rows_count, at, dim - at, kind, family);
    out[0] = row_total(&sums, 0, kind, family);
    if (rows_count == ROWS) {
        out[1] = row_total(&sums, 1, kind, family);
        out[2] = row_total(&sums, 2, kind, family);
        out[3] = row_total(&sums, 3, kind, family);
    }
}

typedef void (*measure_fn)(const uint8_t *query, const uint8_t *const *rows, const uint8_t *ahead,
                           size_t dim, float *out);

KERNEL_INLINE void measure_rows(measure_fn block, measure_fn one, const uint8_t *query,
                                const uint8_t *rows, size_t stride, size_t count, size_t dim,
                                float *out)
{
    enum { AHEAD = 8192 }; /* bytes; 4096 does less for fp16 and for AVX-512 */
    size_t i = 0;
    for (; i + ROWS <= count; i += ROWS) {
        const uint8_t *first = rows + i * stride;
        const uint8_t *const some[ROWS] = {first, first + stride, first + 2 * stride,
                                           first + 3 * stride};
        block(query, some, first + AHEAD, dim, out + i);
    }
    for (; i < count; i++) {
        const uint8_t *row = rows + i * stride;
        one(query, &row, NULL, dim, out + i);
    }
}

KERNEL_INLINE void measure_list(measure_fn block, measure_fn one, const uint8_t *query,
                                const void *const *rows, size_t count, size_t dim, float *out)
{
    size_t i = 0;
    for (; i + ROWS <= count; i += ROWS) {
        const uint8_t *const some[ROWS] = {rows[i], rows[i + 1], rows[i + 2], rows[i + 3]};
        block(query, some, NULL, dim, out + i);
    }
    for (; i < count; i++) {
        const uint8_t *row = rows[i];
        one(query, &row, NULL, dim, out + i);
    }
}

/* ---------------------------------------------------------------- a kernel for each type */

#define KERNEL(name, kind, family)                                                                 \
    static void name##_block(const uint8_t *query, const uint8_t *const *rows,                     \
                             const uint8_t *ahead, size_t dim, float *out)                         \
    {                                                                                              \
        measure(query, rows, ROWS, ahead, dim, out, kind, family);                                 \
    }                                                                                              \
    static void name##_one(const uint8_t *query, const uint8_t *const *rows, const uint8_t *ahead, \
                           size_t dim, float *out)                                                 \
    {                                                                                              \
        measure(query, rows, 1, ahead, dim, out, kind, family);                                    \
    }                                                                                              \
    static void name##_rows(const void *query, const uint8_t *rows, size_t stride, size_t count,   \
                            size_t dim, float *out)                                                \
    {                                                                                              \
        measure_rows(name##_block, name##_one, query, rows, stride, count, dim, out);              \
    }                                                                                              \
    static void name##_list(const void *query, const void *const *rows, size_t count, size_t dim,  \
                            float *out)                                                            \
    {                                                                                              \
        measure_list(name##_block, name##_one, query, rows, count, dim, out);                      \
    }

KERNEL(dot_fp32, FP32, METRIC_DOT)
KERNEL(dot_fp16, FP16, METRIC_DOT)
#ifdef KERNEL_BYTE_PRODUCTS
KERNEL(dot_int8, BYTES, METRIC_DOT)
#else
KERNEL(dot_int8, INT8, METRIC_DOT)
#endif
KERNEL(l2_fp32, FP32, METRIC_L2)
KERNEL(l2_fp16, FP16, METRIC_L2)
KERNEL(l2_int8, INT8, METRIC_L2)
KERNEL(l1_fp32, FP32, METRIC_L1)
KERNEL(l1_fp16, FP16, METRIC_L1)
KERNEL(l1_int8, BYTES, METRIC_L1)
KERNEL(hamming_binary, BYTES, METRIC_HAMMING)

/* ---------------------------------------------------------------- codes of a graph */

/* Four rows, each one sum: their products do not wait for each other, and there are too few steps
 * in a row for more. What is `ahead` (may be NULL) is prefetched, a line of each row at a step. */
KERNEL_INLINE void measure_codes(const uint8_t *query, int32_t total, const uint8_t *const *rows,
                                 const uint8_t *const *ahead, size_t size, float *out, bool is_int4)
{
#ifdef KERNEL_BYTE_PRODUCTS
    const kernel_kind kind = BYTES;
#else
    const kernel_kind kind = INT8;
    total = is_int4 ? total : 0;
#endif
    const size_t step = is_int4 ? KERNEL_WIDTH : lanes(kind);
    ints sum0 = ints_zero(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t line = 0; line < size; line += 64) {
        if (ahead) {
            MV_PREFETCH(ahead[0] + line);
            MV_PREFETCH(ahead[1] + line);
            MV_PREFETCH(ahead[2] + line);
            MV_PREFETCH(ahead[3] + line);
        }
        for (size_t at = line; at < line + 64; at += step) {
            if (is_int4) {
                ints low = whole_load(query + at), high = whole_load(query + size + at);
                sum0 = int4_multiply_add(whole_load(rows[0] + at), low, high, sum0);
                sum1 = int4_multiply_add(whole_load(rows[1] + at), low, high, sum1);
                sum2 = int4_multiply_add(whole_load(rows[2] + at), low, high, sum2);
                sum3 = int4_multiply_add(whole_load(rows[3] + at), low, high, sum3);
            } else {
                ints part = load(query, at, 0, kind);
                sum0 = add_step(part, load(rows[0], at, 0, kind), sum0, kind, METRIC_DOT);
                sum1 = add_step(part, load(rows[1], at, 0, kind), sum1, kind, METRIC_DOT);
                sum2 = add_step(part, load(rows[2], at, 0, kind), sum2, kind, METRIC_DOT);
                sum3 = add_step(part, load(rows[3], at, 0, kind), sum3, kind, METRIC_DOT);
            }
        }
    }
    /* BYTES sums (row + 128) · query: 128 × total is too much. For int4 codes c the sum is
     * c · query; wanted is twice the sum, less 15 × total. */
    uint32_t times = is_int4 ? 2 : 1, excess = (is_int4 ? 15u : 128u) * (uint32_t)total;
    int32_t totals[ROWS];
    ints_totals(sum0, sum1, sum2, sum3, totals);
    for (size_t r = 0; r < ROWS; r++)
        out[r] = (float)(int32_t)(times * (uint32_t)totals[r] - excess);
}

KERNEL_INLINE void measure_code_rows(const int8_t *query, int32_t total, const uint8_t *base,
                                     size_t stride, const uint32_t *rows, size_t count, size_t size,
                                     float *out, bool is_int4)
{
    size_t i = 0;
    for (; size <= DISTANCE_WHOLE_CODES && i + ROWS <= count; i += ROWS) {
        const uint8_t *some[ROWS];
        for (size_t r = 0; r < ROWS; r++) some[r] = base + rows[i + r] * stride;
        measure_codes((const uint8_t *)query, total, some, NULL, size, out + i, is_int4);
    }
    for (; i < count; i += ROWS) {
        /* Beyond the last row, the last one again. */
        size_t left = count - i - 1, more = left < ROWS ? 0 : left - (ROWS - 1);
        const uint8_t *some[ROWS], *ahead[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            some[r] = base + rows[i + (r < left ? r : left)] * stride;
            ahead[r] = more ? base + rows[i + ROWS + (r < more ? r : more - 1)] * stride : some[r];
        }
        float four[ROWS];
        measure_codes((const uint8_t *)query, total, some, more ? ahead : NULL, size, four,
                      is_int4);
        for (size_t r = 0; r <= left && r < ROWS; r++) out[i + r] = four[r];
    }
}

static void kernel_dot_codes(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                             const uint32_t *rows, size_t count, size_t size, float *out)
{
    measure_code_rows(query, total, base, stride, rows, count, size, out, false);
}

static void kernel_dot_int4(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                            const uint32_t *rows, size_t count, size_t size, float *out)
{
    measure_code_rows(query, total, base, stride, rows, count, size, out, true);
}

/* ---------------------------------------------------------------- codes of bits */

KERNEL_INLINE void measure_bits(const uint8_t *query, int32_t total, const uint8_t *const *rows,
                                size_t size, float *out)
{
    ints sum0 = ints_zero(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t at = 0; at < size; at += KERNEL_WIDTH / 8) {
        ints part = whole_load(query + 8 * at);
        sum0 = bits_add(rows[0] + at, part, sum0);
        sum1 = bits_add(rows[1] + at, part, sum1);
        sum2 = bits_add(rows[2] + at, part, sum2);
        sum3 = bits_add(rows[3] + at, part, sum3);
    }
    int32_t totals[ROWS];
    ints_totals(sum0, sum1, sum2, sum3, totals);
    for (size_t r = 0; r < ROWS; r++) out[r] = (float)(2 * totals[r] - total);
}

static void kernel_dot_bits(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                            const uint32_t *rows, size_t count, size_t size, float *out)
{
    for (size_t i = 0; i < count; i += ROWS) {
        /* Beyond the last row, the last one again. */
        size_t left = count - i - 1;
        const uint8_t *some[ROWS];
        float four[ROWS];
        for (size_t r = 0; r < ROWS; r++) some[r] = base + rows[i + (r < left ? r : left)] * stride;
        measure_bits((const uint8_t *)query, total, some, size, four);
        for (size_t r = 0; r <= left && r < ROWS; r++) out[i + r] = four[r];
    }
}

/* `rows` and `list` of a table. */
#define KERNELS(kind)                                                                              \
    {                                                                                              \
        [METRIC_DOT] = {dot_fp32_##kind, dot_fp16_##kind, dot_int8_##kind},                        \
        [METRIC_L2] = {l2_fp32_##kind, l2_fp16_##kind, l2_int8_##kind},                            \
        [METRIC_L1] = {l1_fp32_##kind, l1_fp16_##kind, l1_int8_##kind},                            \
        [METRIC_HAMMING] = {NULL, NULL, NULL, hamming_binary_##kind},                              \
    }
#define KERNEL_TABLE(instruction_set)                                                              \
    {                                                                                              \
        .name = instruction_set, .rows = KERNELS(rows), .list = KERNELS(list),                     \
        .dot_codes = kernel_dot_codes, .dot_int4 = kernel_dot_int4, .dot_bits = kernel_dot_bits,   \
        .find = kernel_find,                                                                       \
    }

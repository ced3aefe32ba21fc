/* The plain C reference: one row after the other, floating point summed in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vector/half.h"
#include "vector/kernel.h"

static float load_float(const uint8_t *vector, size_t at)
{
    float value;
    memcpy(&value, vector + at * sizeof value, sizeof value);
    return value;
}

static float half_at(const uint8_t *vector, size_t at)
{
    uint16_t half;
    memcpy(&half, vector + at * sizeof half, sizeof half);
    return half_to_float(half);
}

static float dot_fp32(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (double)load_float(query, i) * load_float(row, i);
    return (float)sum;
}

static float l2_fp32(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) {
        double difference = (double)load_float(query, i) - load_float(row, i);
        sum += difference * difference;
    }
    return (float)sum;
}

static float dot_fp16(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (double)load_float(query, i) * half_at(row, i);
    return (float)sum;
}

static float l2_fp16(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) {
        double difference = (double)load_float(query, i) - half_at(row, i);
        sum += difference * difference;
    }
    return (float)sum;
}

static float dot_int8(const uint8_t *query, const uint8_t *row, size_t dim)
{
    int64_t sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (int8_t)query[i] * (int8_t)row[i];
    return (float)sum;
}

static float l2_int8(const uint8_t *query, const uint8_t *row, size_t dim)
{
    int64_t sum = 0;
    for (size_t i = 0; i < dim; i++) {
        int difference = (int8_t)query[i] - (int8_t)row[i];
        sum += difference * difference;
    }
    return (float)sum;
}

static float l1_fp32(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += fabs((double)load_float(query, i) - load_float(row, i));
    return (float)sum;
}

static float l1_fp16(const uint8_t *query, const uint8_t *row, size_t dim)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += fabs((double)load_float(query, i) - half_at(row, i));
    return (float)sum;
}

static float l1_int8(const uint8_t *query, const uint8_t *row, size_t dim)
{
    int64_t sum = 0;
    for (size_t i = 0; i < dim; i++) sum += abs((int8_t)query[i] - (int8_t)row[i]);
    return (float)sum;
}

/* `dim` counts bytes. */
static float hamming_binary(const uint8_t *query, const uint8_t *row, size_t dim)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < dim; i++)
        for (unsigned bits = query[i] ^ row[i]; bits; bits &= bits - 1) sum++;
    return (float)sum;
}

#define SCALAR_KERNEL(name)                                                                        \
    static void name##_rows(const void *query, const uint8_t *rows, size_t stride, size_t count,   \
                            size_t dim, float *out)                                                \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) out[i] = name(query, rows + i * stride, dim);           \
    }                                                                                              \
    static void name##_list(const void *query, const void *const *rows, size_t count, size_t dim,  \
                            float *out)                                                            \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) out[i] = name(query, rows[i], dim);                     \
    }

SCALAR_KERNEL(dot_fp32)
SCALAR_KERNEL(dot_fp16)
SCALAR_KERNEL(dot_int8)
SCALAR_KERNEL(l2_fp32)
SCALAR_KERNEL(l2_fp16)
SCALAR_KERNEL(l2_int8)
SCALAR_KERNEL(l1_fp32)
SCALAR_KERNEL(l1_fp16)
SCALAR_KERNEL(l1_int8)
SCALAR_KERNEL(hamming_binary)

static void scalar_dot_codes(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                             const uint32_t *rows, size_t count, size_t size, float *out)
{
    (void)total;
    for (size_t i = 0; i < count; i++)
        out[i] = dot_int8((const uint8_t *)query, base + rows[i] * stride, size);
}

static void scalar_dot_int4(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                            const uint32_t *rows, size_t count, size_t size, float *out)
{
    (void)total;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = base + rows[i] * stride;
        int32_t sum = 0;
        for (size_t at = 0; at < size; at++)
            sum += query[at] * (2 * (row[at] & 15) - 15) +
                   query[size + at] * (2 * (row[at] >> 4) - 15);
        out[i] = (float)sum;
    }
}

static void scalar_dot_bits(const int8_t *query, int32_t total, const uint8_t *base, size_t stride,
                            const uint32_t *rows, size_t count, size_t size, float *out)
{
    (void)total;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = base + rows[i] * stride;
        int32_t sum = 0;
        for (size_t at = 0; at < 8 * size; at++)
            sum += row[at / 8] >> at % 8 & 1 ? query[at] : -query[at];
        out[i] = (float)sum;
    }
}

static bool scalar_find(const uint8_t *bytes, size_t words, const uint8_t *text, size_t size,
                        uint64_t *hits)
{
    bool any = false;
    memset(hits, 0, words * sizeof *hits);
    for (size_t i = 0; i < words * 64; i++) {
        if (bytes[i] != text[0] || memcmp(bytes + i, text, size) != 0) continue;
        hits[i / 64] |= (uint64_t)1 << i % 64;
        any = true;
    }
    return any;
}

const distance_kernels kernel_scalar = {
    .name = "scalar",
    .rows = {[METRIC_DOT] = {dot_fp32_rows, dot_fp16_rows, dot_int8_rows},
             [METRIC_L2] = {l2_fp32_rows, l2_fp16_rows, l2_int8_rows},
             [METRIC_L1] = {l1_fp32_rows, l1_fp16_rows, l1_int8_rows},
             [METRIC_HAMMING] = {NULL, NULL, NULL, hamming_binary_rows}},
    .list = {[METRIC_DOT] = {dot_fp32_list, dot_fp16_list, dot_int8_list},
             [METRIC_L2] = {l2_fp32_list, l2_fp16_list, l2_int8_list},
             [METRIC_L1] = {l1_fp32_list, l1_fp16_list, l1_int8_list},
             [METRIC_HAMMING] = {NULL, NULL, NULL, hamming_binary_list}},
    .dot_codes = scalar_dot_codes,
    .dot_int4 = scalar_dot_int4,
    .dot_bits = scalar_dot_bits,
    .find = scalar_find,
};

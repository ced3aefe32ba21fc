#include "vector/codes.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "vector/element.h"
#include "vector/half.h"

#define LIST_ROWS     32u    /* rows whose addresses are collected for one call of a kernel */
#define MEAN_ROWS_MAX 8192u  /* rows of the sample of which the mean is computed */
#define CODE_MAX      127.0f /* largest number of a code; -128 is not used, for symmetry */
#define VECTOR_BYTES  64u    /* the widest SIMD vectors of kernels */

static_assert(MV_DIM_MAX <= INT32_MAX / (127 * 127), "a sum of squares of a code fits in 32 bits");

/* Offset of the scale in an int8 code. */
static size_t int8_scale_offset(const codes_vectors *vectors)
{
    return ((size_t)vectors->dim + 3) / 4 * 4;
}

/* Offset of the scale in an int4 code, and the number of its bytes with numbers. */
static size_t int4_scale_offset(const codes_vectors *vectors)
{
    return ((size_t)vectors->dim + 7) / 8 * 4;
}

size_t codes_stride(mv_quantize quantize, const codes_vectors *vectors)
{
    if (quantize == MV_QUANTIZE_INT8) return int8_scale_offset(vectors) + sizeof(codes_scale);
    if (quantize == MV_QUANTIZE_INT4) return int4_scale_offset(vectors) + sizeof(codes_scale);
    if (quantize == MV_QUANTIZE_FP16) return vectors->dim * sizeof(uint16_t);
    return vectors->stride;
}

uint64_t codes_size(mv_quantize quantize, const codes_vectors *vectors)
{
    if (quantize == MV_QUANTIZE_NONE) return 0;
    uint64_t size = (uint64_t)vectors->rows * codes_stride(quantize, vectors);
    return quantize == MV_QUANTIZE_FP16 ? size : size + VECTOR_BYTES;
}

const codes_scale *codes_scale_of(const codes_vectors *vectors, const uint8_t *code)
{
    return (const codes_scale *)(const void *)(code + int8_scale_offset(vectors));
}

/* Normalize, whatever the length is. */
static void normalize(float *vector, uint32_t dim)
{
    element_scale_floats(vector, dim);
    float inverse_norm = element_inverse_norm(MV_VECTOR_FP32, vector, dim);
    for (uint32_t i = 0; i < dim; i++) vector[i] *= inverse_norm;
}

void codes_vector_of_row(const codes_vectors *vectors, uint32_t row, float *out)
{
    mv_assert(row < vectors->rows);
    mv_assert(vectors->type != MV_VECTOR_BINARY);
    element_to_floats(vectors->type, vectors->base + row * vectors->stride, vectors->dim, out);
    if (!metric_has_norms(vectors->metric)) return;
    float inverse_norm = vectors->inverse_norms[row];
    if (!(inverse_norm >= METRIC_NORM_MIN && inverse_norm <= METRIC_NORM_MAX)) {
        normalize(out, vectors->dim);
        return;
    }
    for (uint32_t i = 0; i < vectors->dim; i++) out[i] *= inverse_norm;
}

static uint32_t mean_step(const codes_vectors *vectors)
{
    return vectors->rows / MEAN_ROWS_MAX + (vectors->rows % MEAN_ROWS_MAX != 0);
}

uint32_t codes_mean_rows(const codes_vectors *vectors)
{
    uint32_t step = mean_step(vectors);
    return vectors->rows / step + (vectors->rows % step != 0);
}

void codes_find_mean(const codes_vectors *vectors, uint32_t begin, uint32_t end, float *mean,
                     float *scratch)
{
    if (!begin) memset(mean, 0, vectors->dim * sizeof *mean);
    for (uint32_t i = begin; i < end; i++) {
        codes_vector_of_row(vectors, i * mean_step(vectors), scratch);
        /* A running mean: a sum could overflow. */
        for (uint32_t at = 0; at < vectors->dim; at++)
            mean[at] += (scratch[at] - mean[at]) / (float)(i + 1);
    }
    if (end < codes_mean_rows(vectors)) return;
    for (uint32_t i = 0; i < vectors->dim; i++)
        if (!isfinite(mean[i])) mean[i] = 0;
}

/* ---------------------------------------------------------------- encoding */

/* The largest magnitude of values - mean. The bits of magnitudes are compared as integers, which
 * have the same order (NaN above infinity), so that compilers can vectorize the loop. */
static float largest_magnitude(const float *values, const float *mean, uint32_t dim)
{
    int32_t largest = 0;
    float magnitude;
    for (uint32_t i = 0; i < dim; i++) {
        int32_t bits;
        magnitude = fabsf(values[i] - mean[i]);
        memcpy(&bits, &magnitude, sizeof bits);
        largest = bits > largest ? bits : largest;
    }
    memcpy(&magnitude, &largest, sizeof magnitude);
    return magnitude;
}

/* Rounds without a branch on the sign, which would be mispredicted for half of the numbers. */
static inline int round_number(float value)
{
    return (int)(value + copysignf(0.5f, value));
}

static inline float clip(float value)
{
    return value > CODE_MAX ? CODE_MAX : value >= -CODE_MAX ? value : -CODE_MAX;
}

/* Encode values - mean as int8 into the `size` bytes of `code`, zeros after the dim numbers.
 * Returns the scale. *squares is the sum of the squared numbers of the code. */
static float scale_down(const float *values, const float *mean, uint32_t dim, size_t size,
                        int8_t *code, float *squares)
{
    mv_assert(dim <= size);
    float largest = largest_magnitude(values, mean, dim);
    /* Not finite where a difference overflows, or where a damaged file has NaN. Neither is the
     * inverse of a largest magnitude below 3.8e-37. */
    bool is_finite = isfinite(largest);
    if (!is_finite) largest = FLT_MAX;
    float inverse = largest > 0 ? CODE_MAX / largest : 0;
    if (is_finite && isfinite(inverse))
        for (uint32_t i = 0; i < dim; i++)
            code[i] = (int8_t)round_number((values[i] - mean[i]) * inverse);
    else
        for (uint32_t i = 0; i < dim; i++)
            code[i] = (int8_t)round_number(
                clip((float)(((double)values[i] - mean[i]) / largest * (double)CODE_MAX)));
    int sum = 0;
    for (uint32_t i = 0; i < dim; i++) sum += code[i] * code[i];
    memset(code + dim, 0, size - dim);
    *squares = (float)sum;
    return largest / CODE_MAX;
}

static float no_infinity(float value)
{
    return value > FLT_MAX ? FLT_MAX : value < -FLT_MAX ? -FLT_MAX : value;
}

/* The term of a distance that depends on one of the two codes alone (codes_scale.bias). An inner
 * product contains <mean, mean> once, so the bias of each of the two codes contains half of it. */
static float bias_of(const codes_vectors *vectors, const float *mean, const int8_t *code,
                     float scale, float squares)
{
    float times = metric_code_squares(vectors->metric);
    if (times > 0) return no_infinity(scale * scale * squares * times);
    float product = 0, mean_squares = 0;
    for (uint32_t i = 0; i < vectors->dim; i++) {
        product += mean[i] * (float)code[i];
        mean_squares += mean[i] * mean[i];
    }
    return no_infinity(-product * scale - mean_squares / 2);
}

static bool encode_fp16(const codes_vectors *vectors, const float *values, uint8_t *code)
{
    for (uint32_t i = 0; i < vectors->dim; i++) {
        if (!(fabsf(values[i]) <= HALF_MAX)) return false;
        uint16_t bits = half_from_float(values[i]);
        memcpy(code + i * sizeof bits, &bits, sizeof bits);
    }
    return true;
}

bool codes_encode(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *scratch)
{
    mv_assert(quantize == MV_QUANTIZE_FP16 || quantize == MV_QUANTIZE_INT8);
    codes_vector_of_row(vectors, row, scratch);
    if (quantize == MV_QUANTIZE_FP16) return encode_fp16(vectors, scratch, code);
    float squares;
    int8_t *numbers = (int8_t *)code;
    size_t offset = int8_scale_offset(vectors);
    codes_scale *scale = (codes_scale *)(void *)(code + offset);
    scale->scale = scale_down(scratch, mean, vectors->dim, offset, numbers, &squares);
    scale->bias = bias_of(vectors, mean, numbers, scale->scale, squares);
    return true;
}

double codes_loss(mv_quantize quantize, const codes_vectors *vectors, const float *mean,
                  uint32_t row, uint8_t *code, float *numbers)
{
    double lost = 0;
    if (!codes_encode(quantize, vectors, mean, row, code, numbers)) return INFINITY;
    float scale = quantize == MV_QUANTIZE_INT8 ? codes_scale_of(vectors, code)->scale : 0;
    for (uint32_t i = 0; i < vectors->dim; i++) {
        uint16_t half;
        double difference;
        if (quantize == MV_QUANTIZE_INT8) {
            difference = (double)numbers[i] - mean[i] - (double)(int8_t)code[i] * scale;
        } else {
            memcpy(&half, code + i * sizeof half, sizeof half);
            difference = (double)numbers[i] - half_to_float(half);
        }
        lost += difference * difference;
    }
    return lost;
}

void codes_as_int4(const codes_vectors *vectors, const uint8_t *int8_code, uint8_t *int4_code)
{
    size_t offset = int4_scale_offset(vectors), dim = vectors->dim,
           lower = dim < offset ? dim : offset;
    const int8_t *numbers = (const int8_t *)int8_code;
    const codes_scale *int8_scale = codes_scale_of(vectors, int8_code);
    codes_scale *scale = (codes_scale *)(void *)(int4_code + offset);
    int32_t squares = 0, product = 0;
    for (size_t i = 0; i < dim; i++) {
        int number = numbers[i];
        squares += number * number;
        product += number * (2 * ((number + 128) >> 4) - 15);
    }
    memset(int4_code, 0, offset);
    for (size_t i = 0; i < lower; i++) int4_code[i] = (uint8_t)((numbers[i] + 128) >> 4);
    for (size_t i = lower; i < dim; i++)
        int4_code[i - lower] |= (uint8_t)((numbers[i] + 128) & 0xf0);
    scale->scale = product ? no_infinity(int8_scale->scale * ((float)squares / (float)product)) : 0;
    scale->bias = int8_scale->bias;
}

/* ---------------------------------------------------------------- queries */

static size_t whole_vectors(size_t size)
{
    return (size + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
}

/* The memory of a prepared query, in this order:
 *
 *   quantize     content
 *   NONE, FP16   the elements of distance_query
 *   INT8         the query's code
 *   INT4         the query's int8 code; its numbers for the lower 4 bits of the rows' bytes; its
 *                numbers for the upper 4 bits
 *
 * and at the end `dim` floats of scratch. Codes are padded to whole SIMD vectors by zeros. Kernels
 * multiply these by the bytes after the numbers of a row, which may be anything. */
static size_t query_int8_size(const codes_vectors *vectors)
{
    return whole_vectors(vectors->dim);
}

static size_t query_int4_size(const codes_vectors *vectors)
{
    return whole_vectors(int4_scale_offset(vectors));
}

size_t codes_query_size(const codes_column *column)
{
    const codes_vectors *vectors = column->vectors;
    size_t floats = mem_whole_lines(vectors->dim * sizeof(float));
    if (column->quantize == MV_QUANTIZE_INT8) return floats + query_int8_size(vectors);
    if (column->quantize == MV_QUANTIZE_INT4)
        return floats + query_int8_size(vectors) + 2 * query_int4_size(vectors);
    return floats + floats;
}

/* The floats of scratch in the memory of a query. */
static float *scratch_of(const codes_column *column, void *memory)
{
    size_t floats = mem_whole_lines(column->vectors->dim * sizeof(float));
    return (float *)(void *)((uint8_t *)memory + (codes_query_size(column) - floats));
}

static int32_t total_of(const int8_t *code, size_t size)
{
    int32_t total = 0;
    for (size_t i = 0; i < size; i++) total += code[i];
    return total;
}

static void set_code(codes_query *query, const int8_t *code, float scale, float bias)
{
    const codes_column *column = query->column;
    query->dot = distance_best()->dot_codes;
    query->code = code;
    query->code_size = query_int8_size(column->vectors);
    query->total = total_of(code, column->vectors->dim);
    float times = metric_code_squares(column->vectors->metric);
    query->multiplier = times > 0 ? 2 * times * scale : scale;
    query->bias = bias;
}

/* For int4 codes: separate the numbers for the lower 4 bits from those for the upper 4 bits. */
static void split_code(codes_query *query, int8_t *code)
{
    const codes_vectors *vectors = query->column->vectors;
    size_t size = query_int4_size(vectors), offset = int4_scale_offset(vectors), dim = vectors->dim,
           lower = dim < offset ? dim : offset;
    int8_t *split = code + query_int8_size(vectors);
    mv_assert(dim - lower <= size);
    memset(split, 0, 2 * size);
    memcpy(split, code, lower);
    memcpy(split + size, code + lower, dim - lower);
    query->dot = distance_best()->dot_int4;
    query->code = split;
    query->code_size = size;
}

/* fp16 codes of a metric with norms are normalized, up to rounding. The distance is computed as
 * half of the squared distance. That is 0 between equal codes, while 1 - <q, x> is only near 0. */
static bool is_normalized_fp16(const codes_column *column)
{
    return column->quantize == MV_QUANTIZE_FP16 && metric_has_norms(column->vectors->metric);
}

static void prepare_stored(codes_query *query, const void *vector, void *memory)
{
    const codes_vectors *vectors = query->column->vectors;
    mv_type type = query->column->quantize == MV_QUANTIZE_FP16 ? MV_VECTOR_FP16 : vectors->type;
    mv_metric metric = vectors->metric;
    if (is_normalized_fp16(query->column)) metric = MV_L2;
    (void)distance_prepare(&query->stored, type, metric, vector, vectors->dim, memory, NULL);
}

void codes_prepare(codes_query *query, const codes_column *column, const void *vector, void *memory)
{
    *query = (codes_query){.column = column};
    const codes_vectors *vectors = column->vectors;
    mv_assert(column->quantize != MV_QUANTIZE_AUTO);
    mv_assert((uintptr_t)memory % VECTOR_BYTES == 0);
    if (column->quantize == MV_QUANTIZE_NONE) {
        prepare_stored(query, vector, memory);
        return;
    }
    const float *values = vector;
    if (metric_has_norms(vectors->metric)) {
        float *scratch = scratch_of(column, memory);
        memmove(scratch, vector, vectors->dim * sizeof *scratch); /* may be the scratch itself */
        normalize(scratch, vectors->dim);
        values = scratch;
    }
    if (column->quantize == MV_QUANTIZE_FP16) {
        prepare_stored(query, values, memory);
        return;
    }
    float squares;
    int8_t *code = memory;
    float scale =
        scale_down(values, column->mean, vectors->dim, query_int8_size(vectors), code, &squares);
    set_code(query, code, scale, bias_of(vectors, column->mean, code, scale, squares));
    if (column->quantize == MV_QUANTIZE_INT4) split_code(query, code);
}

void codes_prepare_row(codes_query *query, const codes_column *column, uint32_t row, void *memory)
{
    const codes_vectors *vectors = column->vectors;
    *query = (codes_query){.column = column};
    mv_assert(row < vectors->rows);
    mv_assert((uintptr_t)memory % VECTOR_BYTES == 0);
    if (column->quantize == MV_QUANTIZE_INT4) {
        float *numbers = scratch_of(column, memory);
        codes_vector_of_row(vectors, row, numbers);
        codes_prepare(query, column, numbers, memory);
        return;
    }
    const uint8_t *code = column->base + row * column->stride;
    if (column->quantize == MV_QUANTIZE_INT8) {
        const codes_scale *scale = codes_scale_of(vectors, code);
        memset((uint8_t *)memory + vectors->dim, 0, query_int8_size(vectors) - vectors->dim);
        memcpy(memory, code, vectors->dim);
        set_code(query, memory, scale->scale, scale->bias);
        return;
    }
    float *scratch = scratch_of(column, memory);
    if (column->quantize == MV_QUANTIZE_FP16)
        element_to_floats(MV_VECTOR_FP16, code, vectors->dim, scratch);
    else
        element_to_given(vectors->type, code, vectors->dim, scratch);
    prepare_stored(query, scratch, memory);
}

/* ---------------------------------------------------------------- distances */

static void measure_codes(const codes_query *query, const uint32_t *rows, uint32_t count,
                          float *out)
{
    const codes_column *column = query->column;
    size_t stride = column->stride;
    query->dot(query->code, query->total, column->base, stride, rows, count, query->code_size, out);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *end = column->base + (rows[i] + (size_t)1) * stride;
        const codes_scale *s = (const codes_scale *)(const void *)end - 1;
        out[i] = distance_or_worst(query->bias + s->bias - query->multiplier * s->scale * out[i]);
    }
}

static void measure_stored(const codes_query *query, const uint32_t *rows, uint32_t count,
                           float *out)
{
    const codes_column *column = query->column;
    const float *inverse_norms = column->vectors->inverse_norms;
    const void *list[LIST_ROWS];
    float norms[LIST_ROWS];
    if (!query->stored.list) { /* distance_prepare refused a row of a damaged file, with NaN */
        for (uint32_t i = 0; i < count; i++) out[i] = INFINITY;
        return;
    }
    for (uint32_t done = 0; done < count; done += LIST_ROWS) {
        uint32_t part = count - done < LIST_ROWS ? count - done : LIST_ROWS;
        for (uint32_t i = 0; i < part; i++) {
            uint32_t row = rows[done + i];
            list[i] = column->base + row * column->stride;
            if (inverse_norms) norms[i] = inverse_norms[row];
        }
        distance_to_list(&query->stored, list, norms, part, out + done);
    }
    if (!is_normalized_fp16(column)) return;
    for (uint32_t i = 0; i < count; i++) out[i] *= 0.5f;
}

void codes_to_prefetched_rows(const codes_query *query, const uint32_t *rows, uint32_t count,
                              float *out)
{
    if (query->dot)
        measure_codes(query, rows, count, out);
    else
        measure_stored(query, rows, count, out);
}

void codes_to_rows(const codes_query *query, const uint32_t *rows, uint32_t count, float *out)
{
    if (query->dot && query->code_size <= DISTANCE_WHOLE_CODES)
        codes_prefetch_rows(query, rows, count);
    codes_to_prefetched_rows(query, rows, count, out);
}

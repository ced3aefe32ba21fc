#include "index/flat_codes.h"

#include <string.h>

#include "base/mem.h"

/* Losses and bounds are computed in floats, whose rounding errors are some units of 2^-24 for each
 * term. These margins are larger. */
#define LOSS_MARGIN  1.0001f
#define ROUND_MARGIN 4e-6f

/* The squares of longer vectors overflow, and those of shorter ones lose their digits. */
#define LENGTH_MAX 1e15f
#define LENGTH_MIN 1e-17f

/* Of fewer dims, codes with what they lost take half of the bytes of vectors and more. */
#define DIM_MIN 32u

bool flat_codes_can(mv_type type, mv_metric metric, uint32_t dim)
{
    return dim >= DIM_MIN && (type == MV_VECTOR_FP32 || type == MV_VECTOR_FP16) &&
           metric_takes_quantize(metric, MV_QUANTIZE_INT8);
}

/* The mean, all zeros: rows come one by one, before any mean is known. */
static size_t mean_size(const codes_vectors *vectors)
{
    return mem_whole_lines(vectors->dim * sizeof(float));
}

static size_t errors_size(const codes_vectors *vectors)
{
    return mem_whole_lines(vectors->rows * sizeof(flat_code_error));
}

static flat_bits bits_of_rows(const flat_codes *fc)
{
    const codes_vectors *vectors = &fc->vectors;
    bool has_bits = fc->wants_bits && flat_bits_can(vectors->dim);
    return (flat_bits){.dim = vectors->dim,
                       .rows = has_bits ? vectors->rows : 0,
                       .code_squares = metric_code_squares(vectors->metric)};
}

static size_t bits_size(const flat_codes *fc)
{
    flat_bits bits = bits_of_rows(fc);
    return flat_bits_size(&bits);
}

size_t flat_codes_size(const flat_codes *fc)
{
    const codes_vectors *vectors = &fc->vectors;
    return mean_size(vectors) + errors_size(vectors) + bits_size(fc) +
           (size_t)codes_size(MV_QUANTIZE_INT8, vectors);
}

void flat_codes_begin(flat_codes *fc, uint8_t *memory)
{
    const codes_vectors *vectors = &fc->vectors;
    uint8_t *errors = memory + mean_size(vectors), *bits = errors + errors_size(vectors),
            *codes = bits + bits_size(fc);
    memset(memory, 0, flat_codes_size(fc));
    fc->errors = (flat_code_error *)(void *)errors;
    fc->bits = bits_of_rows(fc);
    flat_bits_begin(&fc->bits, bits);
    fc->column = (codes_column){.quantize = MV_QUANTIZE_INT8,
                                .vectors = vectors,
                                .base = codes,
                                .stride = codes_stride(MV_QUANTIZE_INT8, vectors),
                                .mean = (const float *)(const void *)memory};
}

static uint8_t *code_at(flat_codes *fc, uint32_t row)
{
    mv_assert(row < fc->vectors.rows);
    return (uint8_t *)(uintptr_t)(fc->column.base + (size_t)row * fc->column.stride);
}

/* What the code lost of `numbers`. `decoded` is scratch. */
static flat_code_error error_of(const float *numbers, const int8_t *code, float scale, uint32_t dim,
                                float *decoded)
{
    for (uint32_t i = 0; i < dim; i++) decoded[i] = (float)code[i] * scale;
    float loss = sqrtf(distance_of_floats(METRIC_L2, numbers, decoded, dim)),
          length = sqrtf(distance_of_floats(METRIC_DOT, decoded, decoded, dim));
    bool is_known = loss < LENGTH_MAX && length < LENGTH_MAX;
    return (flat_code_error){.loss = is_known ? loss * LOSS_MARGIN + LENGTH_MIN : INFINITY,
                             .length = is_known ? length : 0};
}

size_t flat_codes_scratch(uint32_t dim)
{
    return dim + flat_bits_scratch(dim);
}

void flat_codes_encode(flat_codes *fc, uint32_t row, const void *elements, float inverse_norm,
                       float *scratch)
{
    codes_vectors one = fc->vectors;
    one.rows = 1;
    one.base = elements;
    one.stride = 0;
    one.inverse_norms = &inverse_norm;
    uint8_t *code = code_at(fc, row);
    (void)codes_encode(MV_QUANTIZE_INT8, &one, fc->column.mean, 0, code, scratch);
    fc->errors[row] = error_of(scratch, (const int8_t *)code, codes_scale_of(&one, code)->scale,
                               one.dim, scratch + one.dim);
    if (fc->bits.rows) flat_bits_encode(&fc->bits, row, scratch, scratch + one.dim);
}

void flat_codes_copy(flat_codes *fc, uint32_t row, const flat_codes *from, uint32_t from_row)
{
    mv_assert(fc->column.stride == from->column.stride);
    memcpy(code_at(fc, row), from->column.base + (size_t)from_row * from->column.stride,
           fc->column.stride);
    fc->errors[row] = from->errors[from_row];
    if (fc->bits.rows) flat_bits_copy(&fc->bits, row, &from->bits, from_row);
}

/* The memory of a query: what codes_prepare takes, the code for bits, and scratch memory. */
size_t flat_codes_query_size(const flat_codes *fc)
{
    uint32_t dim = fc->vectors.dim;
    return mem_whole_lines(codes_query_size(&fc->column)) + flat_bits_code_size(dim) +
           mean_size(&fc->vectors) + flat_bits_scratch(dim) * sizeof(float);
}

void flat_codes_prepare(flat_codes_query *q, const flat_codes *fc, const void *vector, void *memory)
{
    uint32_t dim = fc->vectors.dim;
    mv_metric metric = fc->vectors.metric;
    uint8_t *after = (uint8_t *)memory + mem_whole_lines(codes_query_size(&fc->column)) +
                     flat_bits_code_size(dim);
    float *numbers = (float *)(void *)after,
          *scratch = (float *)(void *)(after + mean_size(&fc->vectors)),
          times = metric_code_squares(metric);
    memcpy(numbers, vector, dim * sizeof *numbers);
    codes_prepare(&q->query, &fc->column, vector, memory);
    if (metric_has_norms(metric)) {
        element_scale_floats(numbers, dim);
        float inverse_norm = element_inverse_norm(MV_VECTOR_FP32, numbers, dim);
        for (uint32_t i = 0; i < dim; i++) numbers[i] *= inverse_norm;
    }
    float scale = times > 0 ? q->query.multiplier / (2 * times) : q->query.multiplier;
    flat_code_error e = error_of(numbers, q->query.code, scale, dim, scratch);
    q->loss = e.loss;
    q->decoded_length = e.length;
    q->length = e.length + e.loss;
    q->numbers = numbers;
}

void flat_codes_prepare_bits(flat_codes_query *q, const flat_codes *fc)
{
    uint32_t dim = fc->vectors.dim;
    uint8_t *numbers = (uint8_t *)q->numbers, *code = numbers - flat_bits_code_size(dim);
    flat_bits_prepare(&q->bits, dim, q->numbers, (int8_t *)code,
                      (float *)(void *)(numbers + mean_size(&fc->vectors)));
}

/* Of distances times × |q' - x'|². */
static void bound_squares(const flat_codes_query *q, const flat_codes *fc, const uint32_t *rows,
                          uint32_t count, float *bounds)
{
    float times = metric_code_squares(fc->vectors.metric),
          q_squares = q->decoded_length * q->decoded_length;
    for (uint32_t i = 0; i < count; i++) {
        flat_code_error e = fc->errors[rows[i]];
        float squares = bounds[i] / times - ROUND_MARGIN * (q_squares + e.length * e.length),
              least = sqrtf(squares > 0 ? squares : 0) - (q->loss + e.loss);
        bounds[i] = least > 0 ? least * least * times * (1 - ROUND_MARGIN) : -1;
    }
}

/* Of distances -<q', x'>. */
static void bound_products(const flat_codes_query *q, const flat_codes *fc, const uint32_t *rows,
                           uint32_t count, float *bounds)
{
    for (uint32_t i = 0; i < count; i++) {
        flat_code_error e = fc->errors[rows[i]];
        bounds[i] -= q->length * e.loss + e.length * q->loss +
                     ROUND_MARGIN * q->length * (e.length + e.loss);
    }
}

void flat_codes_bounds(const flat_codes_query *q, const flat_codes *fc, const uint32_t *rows,
                       uint32_t count, float *bounds)
{
    codes_query query = q->query;
    query.column = &fc->column;
    codes_to_rows(&query, rows, count, bounds);
    if (metric_code_squares(fc->vectors.metric) > 0)
        bound_squares(q, fc, rows, count, bounds);
    else
        bound_products(q, fc, rows, count, bounds);
}

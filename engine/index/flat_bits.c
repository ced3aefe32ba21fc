#include "index/flat_bits.h"

#include <string.h>

#include "base/mem.h"
#include "base/splitmix.h"

/* Of fewer dims the bounds leave too few rows out. */
#define BITS_DIM_MIN 96u
/* The squares of longer vectors overflow, and those of shorter ones lose their digits. */
#define SQUARES_MAX 1e30f
#define SQUARES_MIN 1e-30f
/* For each unit of |q|² + |x|²: more than the rounding errors of a distance of up to 4,096 dims.
 * With more they are small beside the deviation. */
#define BITS_ROUND_MARGIN 4e-6f
#define BITS_QUERY_MAX    127.0f

bool flat_bits_can(uint32_t dim)
{
    return dim >= BITS_DIM_MIN;
}

/* Numbers of a rotated vector: a multiple of 64, the first `dim` of which were the vector. */
static uint32_t rotated_dim(uint32_t dim)
{
    return (dim + 63) / 64 * 64;
}

static size_t bits_stride(uint32_t dim)
{
    return rotated_dim(dim) / 8;
}

static size_t bits_bytes(const flat_bits *fb)
{
    return mem_whole_lines(fb->rows * bits_stride(fb->dim));
}

size_t flat_bits_size(const flat_bits *fb)
{
    return bits_bytes(fb) + mem_whole_lines(fb->rows * sizeof(flat_bits_scale));
}

void flat_bits_begin(flat_bits *fb, uint8_t *memory)
{
    fb->base = memory;
    fb->scales = (flat_bits_scale *)(void *)(memory + bits_bytes(fb));
}

/* ---------------------------------------------------------------- rotation */

/* Loops of this many numbers become SIMD instructions: compilers want a number that they know. */
#define STEP 4u

static void add_and_subtract(float *restrict a, float *restrict b)
{
    for (uint32_t i = 0; i < STEP; i++) {
        float x = a[i], y = b[i];
        a[i] = x + y;
        b[i] = x - y;
    }
}

/* The Hadamard transform of `count` numbers, a power of two, times `scale`. */
static void transform(float *v, uint32_t count, float scale)
{
    for (uint32_t half = count / 2; half >= STEP; half /= 2)
        for (uint32_t i = 0; i < count; i += 2 * half)
            for (uint32_t j = i; j < i + half; j += STEP) add_and_subtract(v + j, v + j + half);
    for (uint32_t i = 0; i < count; i += STEP) { /* of the last two steps both */
        float *w = v + i, a = (w[0] + w[1]) * scale, b = (w[0] - w[1]) * scale,
              c = (w[2] + w[3]) * scale, d = (w[2] - w[3]) * scale;
        w[0] = a + c;
        w[1] = b + d;
        w[2] = a - c;
        w[3] = b - d;
    }
}

static void change_signs(float *v, uint32_t count, uint32_t round)
{
    static const float signs[16][4] = {
        {1, 1, 1, 1},   {-1, 1, 1, 1},   {1, -1, 1, 1},   {-1, -1, 1, 1},
        {1, 1, -1, 1},  {-1, 1, -1, 1},  {1, -1, -1, 1},  {-1, -1, -1, 1},
        {1, 1, 1, -1},  {-1, 1, 1, -1},  {1, -1, 1, -1},  {-1, -1, 1, -1},
        {1, 1, -1, -1}, {-1, 1, -1, -1}, {1, -1, -1, -1}, {-1, -1, -1, -1},
    };
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = splitmix_hash((uint64_t)round << 32 | i);
        for (uint32_t j = i; j < i + 64; j += 4, bits >>= 4) {
            const float *by = signs[bits & 15];
            for (uint32_t n = 0; n < 4; n++) v[j + n] *= by[n];
        }
    }
}

/* Rotate: turns of random signs and Hadamard transforms (Ailon and Chazelle, The fast
 * Johnson-Lindenstrauss transform), of the first numbers and of the last ones if their number is no
 * power of two. */
static void rotate(const float *numbers, uint32_t dim, float *out)
{
    uint32_t whole = rotated_dim(dim), part = 64;
    while (part * 2 <= whole) part *= 2;
    uint32_t rounds = part == whole ? 2 : 4;
    float scale = 1 / sqrtf((float)part);
    memcpy(out, numbers, dim * sizeof *out);
    memset(out + dim, 0, (whole - dim) * sizeof *out);
    for (uint32_t round = 0; round < rounds; round++) {
        change_signs(out, whole, round);
        transform(round % 2 ? out + (whole - part) : out, part, scale);
    }
}

/* ---------------------------------------------------------------- rows */

uint32_t flat_bits_scratch(uint32_t dim)
{
    return rotated_dim(dim);
}

static bool has_digits(float squares)
{
    return squares >= SQUARES_MIN && squares <= SQUARES_MAX;
}

void flat_bits_encode(flat_bits *fb, uint32_t row, const float *numbers, float *scratch)
{
    uint32_t count = rotated_dim(fb->dim);
    uint8_t *bits = fb->base + row * bits_stride(fb->dim);
    float squares = distance_of_floats(METRIC_DOT, numbers, numbers, fb->dim), sum = 0;
    fb->scales[row] = (flat_bits_scale){.deviation = INFINITY};
    if (!has_digits(squares)) return;
    rotate(numbers, fb->dim, scratch);
    for (uint32_t i = 0; i < count; i += 8) {
        unsigned byte = 0;
        for (uint32_t j = 0; j < 8; j++) {
            byte |= (unsigned)(scratch[i + j] > 0) << j;
            sum += fabsf(scratch[i + j]);
        }
        bits[i / 8] = (uint8_t)byte;
    }
    float cosine_squared = sum * sum / (squares * (float)count),
          tangent = sqrtf(fmaxf(1 / cosine_squared - 1, 0));
    fb->scales[row] = (flat_bits_scale){.multiplier = squares / sum,
                                        .deviation = sqrtf(squares / (float)(count - 1)) * tangent,
                                        .squares = squares};
}

void flat_bits_copy(flat_bits *fb, uint32_t row, const flat_bits *from, uint32_t from_row)
{
    size_t stride = bits_stride(fb->dim);
    mv_assert(fb->dim == from->dim);
    memcpy(fb->base + row * stride, from->base + from_row * stride, stride);
    fb->scales[row] = from->scales[from_row];
}

/* ---------------------------------------------------------------- queries */

size_t flat_bits_code_size(uint32_t dim)
{
    return rotated_dim(dim);
}

void flat_bits_prepare(flat_bits_query *q, uint32_t dim, const float *numbers, int8_t *code,
                       float *scratch)
{
    uint32_t count = rotated_dim(dim);
    int32_t total = 0;
    float squares = distance_of_floats(METRIC_DOT, numbers, numbers, dim), largest = 0, loss = 0;
    *q = (flat_bits_query){.code = code, .length = INFINITY};
    memset(code, 0, count);
    if (!has_digits(squares)) return;
    rotate(numbers, dim, scratch);
    for (uint32_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(scratch[i]));
    float scale = largest / BITS_QUERY_MAX;
    for (uint32_t i = 0; i < count; i++) {
        float number = scratch[i] / scale;
        code[i] = (int8_t)(number + (number < 0 ? -0.5f : 0.5f));
        total += code[i];
        float lost = scratch[i] - (float)code[i] * scale;
        loss += lost * lost;
    }
    *q = (flat_bits_query){.code = code,
                           .total = total,
                           .scale = scale,
                           .length = sqrtf(squares),
                           .loss = sqrtf(loss)};
}

void flat_bits_bounds(const flat_bits_query *q, const flat_bits *fb, const uint32_t *rows,
                      uint32_t count, float *bounds)
{
    float times = fb->code_squares, q_squares = q->length * q->length;
    size_t stride = bits_stride(fb->dim);
    distance_best()->dot_bits(q->code, q->total, fb->base, stride, rows, count, stride, bounds);
    for (uint32_t i = 0; i < count; i++) {
        flat_bits_scale x = fb->scales[rows[i]];
        float product = x.multiplier * q->scale * bounds[i], squares = q_squares + x.squares,
              most = product +
                     FLAT_BITS_DEVIATIONS * (q->length * x.deviation + q->loss * x.multiplier) +
                     BITS_ROUND_MARGIN * squares;
        bounds[i] = times > 0 ? times * (squares - 2 * most) : -most;
    }
}

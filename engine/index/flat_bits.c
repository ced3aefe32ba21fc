#include "index/flat_bits.h"

#include <simde/x86/sse2.h>
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

typedef simde__m128 fours;

#define FOUR 4u
#define SIGN 0x80000000u /* of a float */

/* Two steps of the transform at a time, so that numbers are loaded and stored half as often. */
static inline void take_two_steps(fours *a, fours *b, fours *c, fours *d)
{
    fours p = simde_mm_add_ps(*a, *b), q = simde_mm_sub_ps(*a, *b), r = simde_mm_add_ps(*c, *d),
          s = simde_mm_sub_ps(*c, *d);
    *a = simde_mm_add_ps(p, r);
    *b = simde_mm_add_ps(q, s);
    *c = simde_mm_sub_ps(p, r);
    *d = simde_mm_sub_ps(q, s);
}

static void take_steps_at(float *v, uint32_t distance)
{
    float *w[] = {v, v + distance, v + 2 * distance, v + 3 * distance};
    fours a = simde_mm_loadu_ps(w[0]), b = simde_mm_loadu_ps(w[1]), c = simde_mm_loadu_ps(w[2]),
          d = simde_mm_loadu_ps(w[3]);
    take_two_steps(&a, &b, &c, &d);
    simde_mm_storeu_ps(w[0], a);
    simde_mm_storeu_ps(w[1], b);
    simde_mm_storeu_ps(w[2], c);
    simde_mm_storeu_ps(w[3], d);
}

static void take_step_at(float *v, uint32_t distance)
{
    fours a = simde_mm_loadu_ps(v), b = simde_mm_loadu_ps(v + distance);
    simde_mm_storeu_ps(v, simde_mm_add_ps(a, b));
    simde_mm_storeu_ps(v + distance, simde_mm_sub_ps(a, b));
}

/* The last four steps, within 16 numbers, times `scale`. After two of them the numbers are
 * transposed, for the other two. They stay transposed: the order of rotated numbers does not
 * matter, as long as it is the same for rows and queries. */
static void take_last_steps(float *v, fours scale)
{
    fours a = simde_mm_mul_ps(simde_mm_loadu_ps(v), scale),
          b = simde_mm_mul_ps(simde_mm_loadu_ps(v + 4), scale),
          c = simde_mm_mul_ps(simde_mm_loadu_ps(v + 8), scale),
          d = simde_mm_mul_ps(simde_mm_loadu_ps(v + 12), scale);
    take_two_steps(&a, &b, &c, &d);
    SIMDE_MM_TRANSPOSE4_PS(a, b, c, d);
    take_two_steps(&a, &b, &c, &d);
    simde_mm_storeu_ps(v, a);
    simde_mm_storeu_ps(v + 4, b);
    simde_mm_storeu_ps(v + 8, c);
    simde_mm_storeu_ps(v + 12, d);
}

/* The Hadamard transform of `count` numbers, a power of two and at least 16, times `scale`. */
static void transform(float *v, uint32_t count, float scale)
{
    uint32_t size = count;
    for (; size >= 64; size /= 4)
        for (uint32_t i = 0; i < count; i += size)
            for (uint32_t j = i; j < i + size / 4; j += FOUR) take_steps_at(v + j, size / 4);
    if (size == 32)
        for (uint32_t i = 0; i < count; i += 32)
            for (uint32_t j = i; j < i + 16; j += FOUR) take_step_at(v + j, 16);
    for (uint32_t i = 0; i < count; i += 16) take_last_steps(v + i, simde_mm_set1_ps(scale));
}

static void change_signs(float *v, uint32_t count, uint32_t round)
{
    static const uint32_t signs[16][FOUR] = {
        {0, 0, 0, 0},       {SIGN, 0, 0, 0},       {0, SIGN, 0, 0},       {SIGN, SIGN, 0, 0},
        {0, 0, SIGN, 0},    {SIGN, 0, SIGN, 0},    {0, SIGN, SIGN, 0},    {SIGN, SIGN, SIGN, 0},
        {0, 0, 0, SIGN},    {SIGN, 0, 0, SIGN},    {0, SIGN, 0, SIGN},    {SIGN, SIGN, 0, SIGN},
        {0, 0, SIGN, SIGN}, {SIGN, 0, SIGN, SIGN}, {0, SIGN, SIGN, SIGN}, {SIGN, SIGN, SIGN, SIGN},
    };
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = splitmix_hash((uint64_t)round << 32 | i);
        for (uint32_t j = i; j < i + 64; j += FOUR, bits >>= FOUR)
            simde_mm_storeu_ps(
                v + j,
                simde_mm_xor_ps(simde_mm_loadu_ps(v + j),
                                simde_mm_loadu_ps((const float *)(const void *)signs[bits & 15])));
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
    float squares = distance_of_floats(METRIC_DOT, numbers, numbers, fb->dim), sum_of[FOUR];
    const fours zero = simde_mm_setzero_ps(), sign = simde_mm_set1_ps(-0.0f);
    fours sums = zero;
    fb->scales[row] = (flat_bits_scale){.deviation = INFINITY};
    if (!has_digits(squares)) return;
    rotate(numbers, fb->dim, scratch);
    for (uint32_t i = 0; i < count; i += 2 * FOUR) {
        fours low = simde_mm_loadu_ps(scratch + i), high = simde_mm_loadu_ps(scratch + i + FOUR);
        bits[i / 8] = (uint8_t)(simde_mm_movemask_ps(simde_mm_cmpgt_ps(low, zero)) |
                                simde_mm_movemask_ps(simde_mm_cmpgt_ps(high, zero)) << FOUR);
        sums = simde_mm_add_ps(sums, simde_mm_andnot_ps(sign, low));
        sums = simde_mm_add_ps(sums, simde_mm_andnot_ps(sign, high));
    }
    simde_mm_storeu_ps(sum_of, sums);
    float sum = sum_of[0] + sum_of[1] + sum_of[2] + sum_of[3];
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

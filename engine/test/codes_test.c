/* codes.h: distances from codes against the true ones, computed in double; queries made of a vector
 * and of a row; and the largest and smallest numbers that floats, fp16 and codes can hold. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "test/expect.h"
#include "test/random_bits.h"
#include "vector/codes.h"
#include "vector/element.h"

enum { ROWS = 150, DIM_MAX = 200, TYPES = 3 };

static const mv_type types[TYPES] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8};

/* From -1 to 1. */
static float random_number(void)
{
    return (float)(random_bits() >> 8) * 0x1p-23f - 1;
}

/* ---------------------------------------------------------------- columns */

/* A column, all that belongs to it allocated to the byte. */
typedef struct column {
    codes_vectors vectors;
    codes_column codes;
    uint8_t *bytes;
    float *norms;
    uint8_t *code_bytes;
    float *mean;
    bool is_encoded; /* every row has a code */
    float *truth;    /* ROWS × dim: the numbers as they are stored */
} column;

typedef float (*number_fn)(uint32_t row, uint32_t i);

/* Around a mean that is far from zero, and different in each dimension. */
static float shifted(uint32_t row, uint32_t i)
{
    (void)row;
    return 30 * random_number() + (float)(i % 7) * 8 - 10;
}
static float constant_places(uint32_t row, uint32_t i) /* but for every fifth */
{
    (void)row;
    return i % 5 ? (float)(i % 9) : random_number() * 40;
}
static float same_rows(uint32_t row, uint32_t i)
{
    (void)row;
    return (float)(i % 11) + 1;
}
static float zeros(uint32_t row, uint32_t i)
{
    return row % 3 ? shifted(row, i) : 0;
}
static float all_zeros(uint32_t row, uint32_t i)
{
    (void)row, (void)i;
    return 0;
}
static float spread_out(uint32_t row, uint32_t i) /* by rows, 2^-60 to 2^60 */
{
    (void)i;
    return ldexpf(random_number(), (int)(row % 121) - 60);
}
static float largest(uint32_t row, uint32_t i)
{
    return (row + i) % 3 ? FLT_MAX : -FLT_MAX;
}
static float all_largest(uint32_t row, uint32_t i)
{
    (void)row, (void)i;
    return FLT_MAX;
}
static float smallest(uint32_t row, uint32_t i)
{
    (void)row, (void)i;
    return FLT_TRUE_MIN * (float)((int)(random_bits() % 9) - 4);
}

/* The code of a row; an int4 code by way of its int8 code. */
static bool encode(const column *c, uint32_t row, float *scratch)
{
    uint8_t whole[DIM_MAX + 3 + sizeof(codes_scale)] __attribute__((aligned(4)));
    uint8_t *code = c->code_bytes + row * c->codes.stride;
    if (c->codes.quantize != MV_QUANTIZE_INT4)
        return codes_encode(c->codes.quantize, &c->vectors, c->mean, row, code, scratch);
    bool is_encoded = codes_encode(MV_QUANTIZE_INT8, &c->vectors, c->mean, row, whole, scratch);
    codes_as_int4(&c->vectors, whole, code);
    return is_encoded;
}

/* Fill the column with what `number` gives, as near as the type comes to it, and encode it. */
static column column_create(mv_type type, mv_metric metric, mv_quantize quantize, uint32_t dim,
                            number_fn number)
{
    column c = {.is_encoded = true};
    float numbers[DIM_MAX], scratch[DIM_MAX];
    size_t stride = dim * element_size(type);
    c.bytes = mem_alloc(ROWS * stride);
    c.norms = mem_alloc(ROWS * sizeof *c.norms);
    c.truth = mem_alloc((size_t)ROWS * dim * sizeof *c.truth);
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t i = 0; i < dim; i++) {
            numbers[i] = number(row, i);
            if (type == MV_VECTOR_INT8) numbers[i] = roundf(fminf(fmaxf(numbers[i], -128), 127));
        }
        bool is_zero = true;
        for (uint32_t i = 0; i < dim; i++) is_zero &= numbers[i] == 0;
        if (is_zero && metric == MV_COSINE) numbers[0] = 1; /* it takes no zeros */
        EXPECT(!element_from_floats(type, numbers, dim, c.bytes + row * stride, NULL));
        element_to_floats(type, c.bytes + row * stride, dim, c.truth + (size_t)row * dim);
        c.norms[row] = element_inverse_norm(type, c.bytes + row * stride, dim);
    }
    c.vectors = (codes_vectors){.type = type,
                                .metric = metric,
                                .dim = dim,
                                .rows = ROWS,
                                .base = c.bytes,
                                .stride = stride,
                                .inverse_norms = metric == MV_COSINE ? c.norms : NULL};
    c.codes = (codes_column){
        .quantize = quantize, .base = c.bytes, .stride = codes_stride(quantize, &c.vectors)};
    if (quantize != MV_QUANTIZE_NONE) {
        c.mean = mem_alloc(dim * sizeof *c.mean);
        c.code_bytes = mem_alloc_aligned((size_t)codes_size(quantize, &c.vectors));
        memset(c.code_bytes, 0x5a,
               (size_t)codes_size(quantize, &c.vectors)); /* what lies behind them */
        codes_find_mean(&c.vectors, 0, codes_mean_rows(&c.vectors), c.mean, scratch);
        for (uint32_t row = 0; row < ROWS; row++) c.is_encoded &= encode(&c, row, scratch);
        c.codes.base = c.code_bytes;
        c.codes.mean = c.mean;
    }
    return c;
}

static void column_free(column *c)
{
    size_t dim = c->vectors.dim;
    mem_free(c->bytes, ROWS * c->vectors.stride);
    mem_free(c->norms, ROWS * sizeof *c->norms);
    mem_free(c->truth, ROWS * dim * sizeof *c->truth);
    mem_free(c->mean, dim * sizeof *c->mean);
    mem_free(c->code_bytes, (size_t)codes_size(c->codes.quantize, &c->vectors));
}

/* ---------------------------------------------------------------- the truth */

/* The true distance of two vectors, and *size: what its terms come to without their signs. */
static double true_distance(mv_metric metric, const float *a, const float *b, uint32_t dim,
                            double *size)
{
    double dot = 0, aa = 0, bb = 0, difference = 0, terms = 0, absolute = 0, numbers = 0;
    for (uint32_t i = 0; i < dim; i++) {
        double x = (double)a[i], y = (double)b[i];
        dot += x * y, aa += x * x, bb += y * y;
        difference += (x - y) * (x - y), terms += fabs(x * y);
        absolute += fabs(x - y), numbers += fabs(x) + fabs(y);
    }
    *size = numbers;
    if (metric == MV_L1) return absolute;
    *size = metric == MV_L2 ? aa + bb : metric == MV_IP ? terms : 2;
    if (metric == MV_L2) return difference;
    return metric == MV_IP ? -dot : aa * bb > 0 ? 1 - dot / sqrt(aa * bb) : 1;
}

/* How far a distance from codes may be from the true one, from the definition of the codes: a
 * number less the mean is off by half a step (1 / 254 of the largest of its vector), under int4 a
 * row's by half of one 16 times as wide, an fp16 number by 2^-11 of itself. The errors of the
 * dimensions have either sign, so that their sum grows with the root of `dim`. Chance does not
 * exceed four times that. */
static double allowed(const column *c, const float *a, const float *b, double size)
{
    mv_quantize quantize = c->codes.quantize;
    double root = sqrt((double)c->vectors.dim), rounding = size * 1e-5 + 1e-6;
    if (quantize == MV_QUANTIZE_NONE) return rounding;
    if (quantize == MV_QUANTIZE_FP16) return rounding + 4 * size * 0x1p-11;
    double steps[2] = {0, 0}, lengths[2] = {0, 0}, norms[2] = {1, 1};
    const float *both[2] = {a, b};
    for (int n = 0; n < 2; n++) {
        double squares = 0;
        for (uint32_t i = 0; i < c->vectors.dim; i++)
            squares += (double)both[n][i] * (double)both[n][i];
        if (c->vectors.metric == MV_COSINE && squares > 0) norms[n] = 1 / sqrt(squares);
        for (uint32_t i = 0; i < c->vectors.dim; i++) {
            double number = (double)both[n][i] * norms[n], left = number - (double)c->mean[i];
            steps[n] = fmax(steps[n], fabs(left) / 254);
            lengths[n] += c->vectors.metric == MV_IP ? number * number : left * left;
        }
        lengths[n] = sqrt(lengths[n]);
    }
    double times = c->vectors.metric == MV_L2 ? 2 : 1;
    /* Both errors, over the difference of both or, under ip, over the other: at most their lengths.
     */
    double step = steps[0] + (quantize == MV_QUANTIZE_INT4 ? 17 : 1) * steps[1];
    return rounding + 4 * times * step * (lengths[0] + lengths[1] + step * root);
}

/* ---------------------------------------------------------------- distances */

static codes_column codes_of(const column *c)
{
    codes_column codes = c->codes;
    codes.vectors = &c->vectors;
    return codes;
}

/* The vector of a row as a query: what it gives, and what the row itself gives. */
static void measure_both(const column *c, uint32_t row, const uint32_t *rows, uint32_t count,
                         float *by_vector, float *by_row)
{
    codes_query query;
    codes_column with = codes_of(c);
    uint8_t *memory = mem_alloc_aligned(codes_query_size(&with));
    codes_prepare(&query, &with, c->truth + (size_t)row * c->vectors.dim, memory);
    codes_to_rows(&query, rows, count, by_vector);
    codes_prepare_row(&query, &with, row, memory);
    codes_to_rows(&query, rows, count, by_row);
    mem_free(memory, codes_query_size(&with));
}

static void compare(const column *c)
{
    uint32_t rows[ROWS], dim = c->vectors.dim, far = 0, unlike = 0, unequal = 0, alone_unlike = 0;
    float by_vector[ROWS], by_row[ROWS], back[2 * ROWS], alone;
    double worst = 0;
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i * 77 % ROWS; /* all, in no order */
    for (uint32_t row = 0; row < ROWS; row += 13) {
        const float *a = c->truth + (size_t)row * dim;
        measure_both(c, row, rows, ROWS, by_vector, by_row);
        for (uint32_t i = 0; i < ROWS; i++) {
            double size;
            const float *b = c->truth + (size_t)rows[i] * dim;
            double truth = true_distance(c->vectors.metric, a, b, dim, &size);
            double may_be = allowed(c, a, b, size);
            double error = fabs((double)by_vector[i] - truth);
            far += !(error <= may_be);
            worst = fmax(worst, error / may_be);
            /* With fp16 codes a row is rounded to fp16, a query is not. */
            unlike += !(fabs((double)by_row[i] - truth) <= may_be);
            if (c->codes.quantize != MV_QUANTIZE_FP16)
                unequal += !(fabs((double)by_row[i] - (double)by_vector[i]) <= size * 1e-5 + 1e-6);
        }
        for (uint32_t i = 0; i < 5; i++) { /* alone as in company */
            measure_both(c, row, rows + i, 1, &alone, back);
            alone_unlike += alone != by_vector[i] || back[0] != by_row[i];
        }
    }
    EXPECT(far == 0);
    EXPECT(unlike == 0);
    EXPECT(unequal == 0);
    EXPECT(alone_unlike == 0);
    if (far || unlike) printf("    %u and %u too far, at worst %g times\n", far, unlike, worst);
}

static void test_errors(void)
{
    static const uint32_t dims[] = {1, 3, 24, 64, 65, 127, 200};
    static const number_fn numbers[] = {shifted, constant_places, same_rows};
    for (uint32_t t = 0; t < TYPES; t++) {
        for (mv_metric metric = MV_L2; metric <= MV_L1; metric++) {
            for (mv_quantize quantize = MV_QUANTIZE_NONE;
                 metric_takes_quantize(metric, quantize) && quantize <= MV_QUANTIZE_INT4;
                 quantize++) {
                for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
                    for (size_t n = 0; n < 3; n++) {
                        doing_now("type %d, metric %d, quantize %d, dim %u, numbers %zu",
                                  (int)types[t], (int)metric, (int)quantize, dims[d], n);
                        column c = column_create(types[t], metric, quantize, dims[d], numbers[n]);
                        EXPECT(c.is_encoded);
                        compare(&c);
                        column_free(&c);
                    }
                }
            }
        }
    }
}

/* Rows of zeros, or nothing else: cosine does not take them as vectors. */
static void test_zeros(void)
{
    for (mv_metric metric = MV_L2; metric <= MV_IP; metric++) {
        for (mv_quantize quantize = MV_QUANTIZE_NONE; quantize <= MV_QUANTIZE_INT4; quantize++) {
            doing_now("zeros, metric %d, quantize %d", (int)metric, (int)quantize);
            column c = column_create(MV_VECTOR_FP32, metric, quantize, 33, zeros);
            compare(&c);
            column_free(&c);
            c = column_create(MV_VECTOR_FP32, metric, quantize, 33, all_zeros);
            compare(&c);
            uint32_t row = 5;
            float by_vector, by_row;
            measure_both(&c, 0, &row, 1, &by_vector, &by_row);
            EXPECT(by_vector == 0 && by_row == 0);
            column_free(&c);
        }
    }
}

/* The nearest of the rows is the row itself, for vectors of all sizes under cosine and codes: each
 * has a scale of its own. By an int4 code it is as near as by the int8 code. */
static void test_scales(mv_quantize quantize)
{
    column c = column_create(MV_VECTOR_FP32, MV_COSINE, quantize, 64, spread_out);
    uint32_t rows[ROWS], wrong = 0;
    float by_vector[ROWS], by_row[ROWS];
    doing_now("scales, quantize %d", (int)quantize);
    compare(&c);
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    for (uint32_t row = 0; row < ROWS; row++) {
        measure_both(&c, row, rows, ROWS, by_vector, by_row);
        wrong += !(fabsf(by_vector[row]) < 1e-5f) || !(fabsf(by_row[row]) < 1e-5f);
        for (uint32_t i = 0; i < ROWS; i++)
            wrong += i != row && (by_vector[i] <= by_vector[row] || by_row[i] <= by_row[row]);
    }
    EXPECT(wrong == 0);
    column_free(&c);
}

/* A number that overflows gives a finite distance or +infinity, never NaN. */
static void test_ends(void)
{
    static const number_fn numbers[] = {largest, all_largest, smallest, spread_out};
    uint32_t rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    for (size_t n = 0; n < 4; n++) {
        for (mv_metric metric = MV_L2; metric <= MV_L1; metric++) {
            for (mv_quantize quantize = MV_QUANTIZE_NONE;
                 metric_takes_quantize(metric, quantize) && quantize <= MV_QUANTIZE_INT4;
                 quantize++) {
                float both[2][ROWS];
                uint32_t wrong = 0;
                doing_now("ends %zu, metric %d, quantize %d", n, (int)metric, (int)quantize);
                column c = column_create(MV_VECTOR_FP32, metric, quantize, 40, numbers[n]);
                bool has_halves = metric == MV_COSINE || n == 2;
                EXPECT(c.is_encoded == (quantize != MV_QUANTIZE_FP16 || has_halves));
                for (uint32_t i = 0; c.mean && i < 40; i++) wrong += isfinite(c.mean[i]) == 0;
                for (uint32_t row = 0; c.is_encoded && row < ROWS; row += 7) {
                    measure_both(&c, row, rows, ROWS, both[0], both[1]);
                    for (uint32_t i = 0; i < 2 * ROWS; i++) {
                        float distance = both[i / ROWS][i % ROWS];
                        wrong += !(isfinite(distance) || distance == INFINITY);
                    }
                }
                EXPECT(wrong == 0);
                column_free(&c);
            }
        }
    }
}

/* A half holds 65,504, and what is nearer to that than to the next there would be. */
static void test_halves(void)
{
    static const struct {
        float number;
        bool is_held;
    } cases[] = {{65504, true},     {-65504, true}, {65505, false},    {-65505, false},
                 {65520, false},    {1e30f, false}, {-FLT_MAX, false}, {0, true},
                 {FLT_MIN, true},   {1e-30f, true}, {INFINITY, false}, {NAN, false},
                 {-INFINITY, false}};
    uint8_t code[6];
    float scratch[3];
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        float row[3] = {1, cases[n].number, 2};
        codes_vectors vectors = {MV_VECTOR_FP32, MV_L2, 3, 1, (const uint8_t *)row, 12, NULL};
        doing_now("half of %g", (double)cases[n].number);
        EXPECT(codes_encode(MV_QUANTIZE_FP16, &vectors, NULL, 0, code, scratch) ==
               cases[n].is_held);
    }
}

/* Vectors from a damaged file: distances are then anything but NaN. */
static void test_broken_rows(void)
{
    static const float broken[] = {NAN, INFINITY, -INFINITY};
    for (mv_metric metric = MV_L2; metric <= MV_COSINE; metric++) {
        for (mv_quantize quantize = MV_QUANTIZE_NONE; quantize <= MV_QUANTIZE_INT4; quantize++) {
            for (int n = 0; n < 4 && quantize != MV_QUANTIZE_FP16;
                 n++) { /* it has no code for them */
                uint32_t rows[ROWS], wrong = 0;
                float distances[ROWS], numbers[DIM_MAX], scratch[DIM_MAX];
                doing_now("broken %d, metric %d, quantize %d", n, (int)metric, (int)quantize);
                column c = column_create(MV_VECTOR_FP32, metric, quantize, 24, shifted);
                for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
                codes_column with = codes_of(&c);
                memset(numbers, 0, sizeof numbers);
                if (n < 3) numbers[5] = broken[n];
                memcpy(c.bytes + 4 * c.vectors.stride, numbers, c.vectors.stride);
                if (n == 3) c.norms[4] = NAN; /* and the row is zeros */
                if (c.mean) {
                    codes_find_mean(&c.vectors, 0, codes_mean_rows(&c.vectors), c.mean, scratch);
                    for (uint32_t i = 0; i < 24; i++) wrong += isfinite(c.mean[i]) == 0;
                    for (uint32_t row = 0; row < ROWS; row++) EXPECT(encode(&c, row, scratch));
                }
                uint8_t *memory = mem_alloc_aligned(codes_query_size(&with));
                for (uint32_t row = 3; row <= 4; row++) {
                    codes_query query;
                    codes_prepare_row(&query, &with, row, memory);
                    codes_to_rows(&query, rows, ROWS, distances);
                    for (uint32_t i = 0; i < ROWS; i++)
                        wrong += !(isfinite(distances[i]) || distances[i] == INFINITY);
                }
                EXPECT(wrong == 0);
                mem_free(memory, codes_query_size(&with));
                column_free(&c);
            }
        }
    }
}

/* A code is its numbers, the largest 127 in magnitude, zeros up to a multiple of four, its scale.
 */
static void test_layout(void)
{
    for (uint32_t dim = 1; dim <= DIM_MAX; dim += 9) {
        column c = column_create(MV_VECTOR_FP32, MV_L2, MV_QUANTIZE_INT8, dim, shifted);
        uint32_t wrong = 0;
        EXPECT(c.codes.stride == (dim + 3) / 4 * 4 + sizeof(codes_scale));
        for (uint32_t row = 0; row < ROWS; row++) {
            const int8_t *code = (const int8_t *)c.code_bytes + row * c.codes.stride;
            int most = 0;
            for (uint32_t i = 0; i < dim; i++) most = abs(code[i]) > most ? abs(code[i]) : most;
            for (uint32_t i = dim; i % 4; i++) wrong += code[i] != 0;
            wrong += most != 127 || !(codes_scale_of(&c.vectors, (const uint8_t *)code)->scale > 0);
        }
        EXPECT(wrong == 0);
        EXPECT(codes_stride(MV_QUANTIZE_FP16, &c.vectors) == 2 * dim);
        EXPECT(codes_stride(MV_QUANTIZE_NONE, &c.vectors) == 4 * dim);
        column_free(&c);
    }
}

/* An int4 code: the upper 4 bits of each number of the int8 code, two in a byte with the first in
 * the lower 4 bits, zeros up to a multiple of four bytes, and its scale. */
static void test_layout_of_int4(void)
{
    for (uint32_t dim = 1; dim <= DIM_MAX; dim += 9) {
        column c = column_create(MV_VECTOR_FP32, MV_L2, MV_QUANTIZE_INT4, dim, shifted);
        uint32_t wrong = 0, bytes = (dim + 7) / 8 * 4;
        float scratch[DIM_MAX];
        uint8_t whole[DIM_MAX + 3 + sizeof(codes_scale)] __attribute__((aligned(4)));
        EXPECT(c.codes.stride == bytes + sizeof(codes_scale));
        for (uint32_t row = 0; row < ROWS; row++) {
            const uint8_t *code = c.code_bytes + row * c.codes.stride;
            codes_scale scale;
            memcpy(&scale, code + bytes, sizeof scale);
            EXPECT(codes_encode(MV_QUANTIZE_INT8, &c.vectors, c.mean, row, whole, scratch));
            for (uint32_t i = 0; i < 2 * bytes; i++) {
                int half = i < bytes ? code[i] & 15 : code[i - bytes] >> 4;
                wrong += half != (i < dim ? ((int8_t)whole[i] + 128) / 16 : 0);
            }
            wrong += !(scale.scale > 0) || scale.bias != codes_scale_of(&c.vectors, whole)->bias;
        }
        EXPECT(wrong == 0);
        column_free(&c);
    }
}

int main(void)
{
    RUN(test_errors());
    RUN(test_zeros());
    RUN(test_scales(MV_QUANTIZE_INT8));
    RUN(test_scales(MV_QUANTIZE_INT4));
    RUN(test_ends());
    RUN(test_halves());
    RUN(test_broken_rows());
    RUN(test_layout());
    RUN(test_layout_of_int4());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}

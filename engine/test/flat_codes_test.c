/* Bounds from int8 codes are never above the distance, whatever the numbers are, and those from
 * bits hardly ever. Both leave most rows out. */
#include "index/flat_codes.h"

#include <string.h>

#include "test/expect.h"
#include "test/random_bits.h"

#define ROWS    300u
#define DIM_MAX 768u

static mv_error error;
static float rows[ROWS][DIM_MAX], query[DIM_MAX], distances[ROWS], bounds[ROWS];
static uint32_t numbers[ROWS];
static uint32_t bounded, above; /* rows that bits bounded, and those whose bound was too great */

static float random_number(void)
{
    return (float)random_bits() / 0x1p32f - 0.5f;
}

/* How rows differ from each other. */
typedef enum kind { SPREAD, NEAR, WHOLE, ONE_HOT, KINDS } kind;

static void make_vector(kind of, uint32_t dim, float scale, float *out)
{
    for (uint32_t i = 0; i < dim; i++) {
        float n = random_number();
        out[i] = of == NEAR ? 1 + n / 1000 : of == WHOLE ? (float)(int)(n * 8) : n;
        if (of == ONE_HOT) out[i] = 0;
    }
    if (of == ONE_HOT || of == WHOLE) out[random_bits() % dim] = 1;
    for (uint32_t i = 0; i < dim; i++) out[i] *= scale;
}

static float norm_of(mv_type type, mv_metric metric, const void *elements, uint32_t dim)
{
    return metric_has_norms(metric) ? element_inverse_norm(type, elements, dim) : 0;
}

/* How many of the rows the bounds leave out of a search for ten. */
static uint32_t count_left_out(void)
{
    float nearest[10];
    uint32_t left_out = 0, found = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        if (row >= 10 && distances[row] >= nearest[9]) continue;
        uint32_t at = found < 10 ? found++ : 9;
        for (; at && nearest[at - 1] > distances[row]; at--) nearest[at] = nearest[at - 1];
        nearest[at] = distances[row];
    }
    for (uint32_t row = 0; row < ROWS; row++) left_out += bounds[row] > nearest[9];
    return left_out;
}

/* How many of the rows codes leave out. */
typedef struct left_out {
    uint32_t by_codes, by_bits;
} left_out;

static uint32_t compare_bits(flat_codes_query *q, const flat_codes *fc)
{
    flat_codes_prepare_bits(q, fc);
    flat_bits_bounds(&q->bits, &fc->bits, numbers, ROWS, bounds);
    for (uint32_t row = 0; row < ROWS; row++) above += bounds[row] > distances[row];
    bounded += ROWS;
    return count_left_out();
}

static left_out compare(mv_type type, mv_metric metric, uint32_t dim)
{
    size_t size = element_row_size(type, dim);
    flat_codes fc = {.wants_bits = true,
                     .vectors = {.type = type, .metric = metric, .dim = dim, .rows = ROWS}};
    uint8_t *elements = mem_alloc_aligned(ROWS * size), *prepared,
            *codes = mem_alloc_aligned(flat_codes_size(&fc)),
            *given = mem_alloc_aligned(distance_query_size(type, dim));
    size_t scratch_size = flat_codes_scratch(dim) * sizeof(float);
    float *scratch = mem_alloc_aligned(scratch_size);
    distance_query exact;
    flat_codes_query q;
    flat_codes_begin(&fc, codes);
    size_t prepared_size = flat_codes_query_size(&fc);
    prepared = mem_alloc_aligned(prepared_size);
    EXPECT(!distance_prepare(&exact, type, metric, query, dim, given, &error));
    flat_codes_prepare(&q, &fc, query, prepared);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint8_t *at = elements + row * size;
        EXPECT(!element_from_floats(type, rows[row], dim, at, &error));
        float norm = norm_of(type, metric, at, dim);
        const void *list = at;
        distance_to_list(&exact, &list, &norm, 1, &distances[row]);
        flat_codes_encode(&fc, row, at, norm, scratch);
        numbers[row] = row;
    }
    flat_codes_bounds(&q, &fc, numbers, ROWS, bounds);
    for (uint32_t row = 0; row < ROWS; row++) EXPECT(!(bounds[row] > distances[row]));
    left_out out = {.by_codes = count_left_out()};
    if (fc.bits.rows) out.by_bits = compare_bits(&q, &fc);
    mem_free(elements, ROWS * size);
    mem_free(codes, flat_codes_size(&fc));
    mem_free(given, distance_query_size(type, dim));
    mem_free(prepared, prepared_size);
    mem_free(scratch, scratch_size);
    return out;
}

static void test_bounds(void)
{
    static const mv_metric metrics[] = {MV_L2, MV_IP, MV_COSINE};
    static const uint32_t dims[] = {1, 3, 17, 96, 300, 768};
    static const float scales[] = {1e-30f, 1e-18f, 1e-3f, 1, 1e4f, 1e12f, 1e18f};
    for (uint32_t m = 0; m < 3; m++)
        for (uint32_t d = 0; d < 6; d++)
            for (uint32_t s = 0; s < 7; s++)
                for (uint32_t of = 0; of < KINDS; of++) {
                    for (uint32_t row = 0; row < ROWS; row++)
                        make_vector((kind)of, dims[d], scales[s], rows[row]);
                    make_vector((kind)of, dims[d], scales[s], query);
                    (void)compare(MV_VECTOR_FP32, metrics[m], dims[d]);
                    if (scales[s] > 1e-4f && scales[s] < 1e4f)
                        (void)compare(MV_VECTOR_FP16, metrics[m], dims[d]);
                }
    EXPECT(bounded > 90000 && above <= 3);
}

static void test_use(void)
{
    static const mv_metric metrics[] = {MV_L2, MV_IP, MV_COSINE};
    for (uint32_t row = 0; row < ROWS; row++) make_vector(SPREAD, 768, 1, rows[row]);
    make_vector(SPREAD, 768, 1, query);
    for (uint32_t m = 0; m < 3; m++)
        EXPECT(compare(MV_VECTOR_FP32, metrics[m], 768).by_codes > ROWS * 3 / 4);
    for (uint32_t row = 0; row < 10; row++) /* rows near the query */
        for (uint32_t i = 0; i < 768; i++) rows[row][i] = (rows[row][i] + 2 * query[i]) / 2;
    for (uint32_t m = 0; m < 3; m++)
        EXPECT(compare(MV_VECTOR_FP32, metrics[m], 768).by_bits > ROWS * 3 / 4);
}

/* A copied code is that of the row. */
static void test_copy(void)
{
    float scratch[128 + 128];
    flat_codes a = {.wants_bits = true,
                    .vectors = {.type = MV_VECTOR_FP32, .metric = MV_L2, .dim = 128, .rows = 2}},
               b = a;
    size_t size = flat_codes_size(&a);
    uint8_t *of_a = mem_alloc_aligned(size), *of_b = mem_alloc_aligned(size);
    EXPECT(sizeof scratch == flat_codes_scratch(128) * sizeof(float));
    flat_codes_begin(&a, of_a);
    flat_codes_begin(&b, of_b);
    make_vector(SPREAD, 128, 1, rows[0]);
    flat_codes_encode(&a, 1, rows[0], 0, scratch);
    flat_codes_copy(&b, 0, &a, 1);
    EXPECT(!memcmp(a.column.base + a.column.stride, b.column.base, a.column.stride));
    EXPECT(!memcmp(&a.errors[1], &b.errors[0], sizeof *a.errors));
    EXPECT(!memcmp(a.bits.base + 128 / 8, b.bits.base, 128 / 8));
    EXPECT(!memcmp(&a.bits.scales[1], &b.bits.scales[0], sizeof *a.bits.scales));
    mem_free(of_a, size);
    mem_free(of_b, size);
}

int main(void)
{
    RUN(test_bounds());
    RUN(test_use());
    RUN(test_copy());
    return tests_conclude();
}

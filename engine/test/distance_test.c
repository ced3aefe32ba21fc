/* Every instruction set that this machine can run against the plain C kernels, and distances made
 * of what they give. Rows and queries lie against pages that cannot be read. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/expect.h"
#include "test/random_bits.h"
#include "vector/distance.h"
#include "vector/element.h"

enum { ROWS = 7, TYPES = 4 }; /* more than one block of rows and less than two */

static const char *const names[] = {"scalar", "sse2", "avx2", "avx512", "neon"};
enum { NAMES = sizeof names / sizeof *names };
static const mv_type types[TYPES] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8,
                                     MV_VECTOR_BINARY};
static const char *const family_names[METRIC_FAMILIES] = {
    [METRIC_DOT] = "dot", [METRIC_L2] = "l2", [METRIC_L1] = "l1", [METRIC_HAMMING] = "hamming"};

/* ---------------------------------------------------------------- guarded memory */

/* Memory between pages that cannot be read. */
typedef struct guarded {
    uint8_t *first; /* the first readable byte */
    uint8_t *end;   /* after the last */
} guarded;

static guarded guarded_create(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (size + page) / page * page;
    uint8_t *map = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + page, inside, PROT_READ | PROT_WRITE)) {
        printf("no memory to test with\n");
        exit(1);
    }
    return (guarded){map + page, map + page + inside};
}

/* `size` bytes: at the end, one byte before it (so that nothing is aligned), or at the start. */
typedef enum placing { AT_END, BEFORE_END, AT_START, PLACINGS } placing;

static uint8_t *guarded_place(const guarded *memory, size_t size, placing where)
{
    return where == AT_START ? memory->first : memory->end - size - (where == BEFORE_END);
}

/* ---------------------------------------------------------------- elements */

typedef enum filling { RANDOM, EXTREME, LARGEST, OPPOSITE, TINY, MIXED, FILLINGS } filling;
static const char *const filling_names[] = {"random",   "extreme", "largest",
                                            "opposite", "tiny",    "mixed"};

static float random_float(filling how, bool is_query)
{
    uint32_t bits = random_bits();
    float sign = bits & 1 ? -1 : 1, part = (float)(bits >> 8) * 0x1p-24f;
    switch (how) {
    case EXTREME: return bits & 6 ? sign * FLT_MAX : 0;
    case LARGEST: return FLT_MAX;
    case OPPOSITE: return is_query ? FLT_MAX : -FLT_MAX;
    case TINY: return bits & 6 ? sign * FLT_TRUE_MIN * (float)(bits >> 20) : sign * 0;
    case MIXED: return sign * ldexpf(part, (int)(bits >> 3 & 31) - 16);
    default: return sign * part;
    }
}

static uint16_t random_half(filling how, bool is_query)
{
    uint16_t bits = (uint16_t)random_bits(), sign = bits & 0x8000;
    switch (how) {
    case EXTREME: return bits & 6 ? sign | 0x7bff : 0;
    case LARGEST: return 0x7bff;
    case OPPOSITE: return is_query ? 0x7bff : 0xfbff;
    case TINY: return bits & 0x83ff; /* zeros and subnormals */
    case MIXED: return (bits & 0x7c00) == 0x7c00 ? sign : bits;
    default: return sign | (bits & 0x3bff);
    }
}

static int8_t random_byte(filling how, bool is_query)
{
    uint32_t bits = random_bits();
    switch (how) {
    case EXTREME: return bits & 1 ? -128 : 127;
    case LARGEST: return -128;
    case OPPOSITE: return is_query ? -128 : 127;
    case TINY: return (int8_t)((int)(bits % 3) - 1);
    default: return (int8_t)(bits >> 24);
    }
}

static uint8_t random_eight_bits(filling how, bool is_query)
{
    uint32_t bits = random_bits();
    switch (how) {
    case EXTREME: return bits & 1 ? 0xff : 0;
    case LARGEST: return 0xff;
    case OPPOSITE: return is_query ? 0xff : 0;
    case TINY: return (uint8_t)(1u << bits % 8);
    default: return (uint8_t)(bits >> 24);
    }
}

/* `dim` elements: of vector_binary bytes. A query for fp16 rows is made of floats, of the size that
 * halfs have. */
static void fill(uint8_t *out, mv_type type, size_t dim, filling how, bool is_query)
{
    for (size_t i = 0; i < dim; i++) {
        if (type == MV_VECTOR_BINARY) {
            out[i] = random_eight_bits(how, is_query);
        } else if (type == MV_VECTOR_INT8) {
            out[i] = (uint8_t)random_byte(how, is_query);
        } else if (type == MV_VECTOR_FP16) {
            uint16_t half = random_half(how, is_query);
            float wide;
            element_to_floats(type, &half, 1, &wide);
            if (is_query)
                memcpy(out + i * sizeof wide, &wide, sizeof wide);
            else
                memcpy(out + i * sizeof half, &half, sizeof half);
        } else {
            float value = random_float(how, is_query);
            memcpy(out + i * sizeof value, &value, sizeof value);
        }
    }
}

/* ---------------------------------------------------------------- kernels */

/* How far sums in float may be from the exact one: `magnitude` is the sum of the terms' magnitudes.
 * An addend takes part in at most dim / 8 additions of its lane (four lanes and two sums at least),
 * a few more to bring lanes together, and has up to three roundings itself. Each rounding is by at
 * most 2^-24 of what is summed so far, or half of the smallest float for a subnormal product. */
static double allowed_error(size_t dim, double magnitude)
{
    return ((double)dim / 8 + 10) * 0x1p-24 * magnitude + (double)dim * (double)FLT_TRUE_MIN;
}

/* The plain sum of the terms, and of their magnitudes. */
typedef struct plain_sum {
    double value;
    double magnitude;
} plain_sum;

static uint8_t bit_at(const uint8_t *vector, size_t at)
{
    return vector[at / 8] >> (7 - at % 8) & 1;
}

static plain_sum sum_plainly(mv_type type, metric_family family, const uint8_t *query,
                             const uint8_t *row, size_t dim)
{
    static float a[MV_DIM_MAX], b[MV_DIM_MAX];
    plain_sum sum = {0};
    if (type == MV_VECTOR_BINARY) {
        for (size_t bit = 0; bit < dim * 8; bit++)
            sum.value += bit_at(query, bit) != bit_at(row, bit);
        return sum;
    }
    element_to_floats(type == MV_VECTOR_FP16 ? MV_VECTOR_FP32 : type, query, dim, a);
    element_to_floats(type, row, dim, b);
    for (size_t i = 0; i < dim; i++) {
        double difference = (double)a[i] - b[i], term = (double)a[i] * b[i];
        if (family == METRIC_L2) term = difference * difference;
        if (family == METRIC_L1) term = fabs(difference);
        sum.value += term;
        sum.magnitude += fabs(term);
    }
    return sum;
}

typedef struct measured {
    float of[ROWS];
} measured;

static bool same(const measured *a, const measured *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Measure the rows in memory order, by a list, and each alone; all must agree to the last bit. */
static measured measure(const distance_kernels *kernels, size_t type, metric_family family,
                        const uint8_t *query, const uint8_t *rows, size_t stride, size_t dim)
{
    measured by_rows, by_list, alone, repeated;
    const void *list[ROWS], *first[ROWS];
    for (size_t r = 0; r < ROWS; r++) list[r] = rows + r * stride, first[r] = rows;
    kernels->rows[family][type](query, rows, stride, ROWS, dim, by_rows.of);
    distance_list_fn measure_list = kernels->list[family][type];
    measure_list(query, list, ROWS, dim, by_list.of);
    for (size_t r = 0; r < ROWS; r++) measure_list(query, list + r, 1, dim, alone.of + r);
    measure_list(query, first, ROWS, dim, repeated.of);
    EXPECT(same(&by_rows, &by_list));
    EXPECT(same(&by_rows, &alone));
    EXPECT(repeated.of[0] == repeated.of[ROWS - 1] || isnan(repeated.of[0]));
    return by_rows;
}

/* The reference against the plain sum: of whole numbers and bits it is exact. */
static void compare_reference(size_t type, const plain_sum *plain, const measured *exact)
{
    for (size_t r = 0; r < ROWS; r++) {
        double value = plain[r].value, magnitude = plain[r].magnitude;
        if (types[type] == MV_VECTOR_INT8 || types[type] == MV_VECTOR_BINARY)
            EXPECT(exact->of[r] == (float)value);
        else if (fabs(value) > 1.001 * (double)FLT_MAX)
            EXPECT(!isfinite(exact->of[r]));
        else if (magnitude < (double)FLT_MAX)
            EXPECT(fabs((double)exact->of[r] - value) <=
                   0x1p-23 * magnitude + (double)FLT_TRUE_MIN);
    }
}

static void compare(size_t type, metric_family family, const uint8_t *query, const uint8_t *rows,
                    size_t dim, const char *what)
{
    size_t stride = dim * element_size(types[type]);
    (void)snprintf(doing, sizeof doing, "scalar, %s, dim %zu, type %d, %s", family_names[family],
                   dim, types[type], what);
    measured exact = measure(distance_by_name("scalar"), type, family, query, rows, stride, dim);
    plain_sum plain[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        plain[r] = sum_plainly(types[type], family, query, rows + r * stride, dim);
    compare_reference(type, plain, &exact);
    for (size_t n = 1; n < NAMES; n++) {
        const distance_kernels *kernels = distance_by_name(names[n]);
        if (!kernels) continue;
        doing_now("%s, %s, dim %zu, type %d, %s", names[n], family_names[family], dim, types[type],
                  what);
        measured got = measure(kernels, type, family, query, rows, stride, dim);
        if (types[type] == MV_VECTOR_INT8 || types[type] == MV_VECTOR_BINARY) {
            EXPECT(same(&got, &exact));
            continue;
        }
        for (size_t r = 0; r < ROWS; r++) {
            double allowed = allowed_error(dim, plain[r].magnitude);
            bool overflows = !(plain[r].magnitude + allowed < (double)FLT_MAX);
            EXPECT(overflows || fabs((double)got.of[r] - (double)exact.of[r]) <= allowed);
            EXPECT(family == METRIC_DOT || !isnan(got.of[r])); /* no term is negative */
        }
    }
}

/* Every family that a metric of the type wants kernels of; others have none. */
static void compare_families(size_t type, const uint8_t *query, const uint8_t *rows, size_t dim,
                             const char *what)
{
    bool is_wanted[METRIC_FAMILIES] = {false};
    for (int metric = 1; mv_metric_name((mv_metric)metric); metric++)
        if (metric_takes_type((mv_metric)metric, types[type]))
            is_wanted[metric_kernels((mv_metric)metric)] = true;
    for (int family = 0; family < METRIC_FAMILIES; family++) {
        for (size_t n = 0; n < NAMES && !is_wanted[family]; n++) {
            const distance_kernels *kernels = distance_by_name(names[n]);
            EXPECT(!kernels || (!kernels->rows[family][type] && !kernels->list[family][type]));
        }
        if (is_wanted[family]) compare(type, (metric_family)family, query, rows, dim, what);
    }
}

static void test_dim(const guarded *query_memory, const guarded *rows_memory, size_t dim)
{
    for (size_t type = 0; type < TYPES; type++) {
        for (filling how = 0; how < FILLINGS; how++) {
            placing where = (placing)((dim + how + type) % PLACINGS);
            if (how == RANDOM) where = AT_END;
            size_t size = dim * element_size(types[type]);
            size_t bits = types[type] == MV_VECTOR_BINARY ? 8 : 1;
            size_t query_size = distance_query_size(types[type], dim * bits);
            uint8_t *query = guarded_place(query_memory, query_size, where);
            uint8_t *rows = guarded_place(rows_memory, ROWS * size, where);
            fill(query, types[type], dim, how, true);
            fill(rows, types[type], ROWS * dim, how, false);
            compare_families(type, query, rows, dim, filling_names[how]);
        }
    }
}

static void test_kernels(void)
{
    static const size_t dims[] = {255, 256, 257, 768, 784, 1000, 1536, MV_DIM_MAX};
    guarded query = guarded_create(MV_DIM_MAX * sizeof(float));
    guarded rows = guarded_create(ROWS * MV_DIM_MAX * sizeof(float));
    for (size_t dim = 1; dim <= 130; dim++) test_dim(&query, &rows, dim);
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) test_dim(&query, &rows, dims[d]);
}

/* The largest sums that 8-bit elements can have, against what they are known to be. */
static void test_largest_int8(void)
{
    static int8_t low[MV_DIM_MAX], high[MV_DIM_MAX];
    const void *lows = low, *highs = high;
    memset(low, -128, sizeof low);
    memset(high, 127, sizeof high);
    for (size_t n = 0; n < NAMES; n++) {
        const distance_kernels *kernels = distance_by_name(names[n]);
        if (!kernels) continue;
        doing_now("%s", names[n]);
        float out;
        kernels->list[METRIC_DOT][2](low, &lows, 1, MV_DIM_MAX, &out);
        EXPECT(out == 128.0f * 128 * MV_DIM_MAX);
        kernels->list[METRIC_DOT][2](low, &highs, 1, MV_DIM_MAX, &out);
        EXPECT(out == (float)(-128.0 * 127 * MV_DIM_MAX));
        kernels->list[METRIC_DOT][2](high, &lows, 1, MV_DIM_MAX, &out);
        EXPECT(out == (float)(-128.0 * 127 * MV_DIM_MAX));
        kernels->list[METRIC_L2][2](low, &highs, 1, MV_DIM_MAX, &out);
        EXPECT(out == (float)(255.0 * 255 * MV_DIM_MAX));
        kernels->list[METRIC_L1][2](low, &highs, 1, MV_DIM_MAX, &out);
        EXPECT(out == 255.0f * MV_DIM_MAX);
    }
}

/* ---------------------------------------------------------------- codes */

static int32_t plain_codes(const int8_t *query, const uint8_t *row, size_t size)
{
    int32_t sum = 0;
    for (size_t i = 0; i < size; i++) sum += query[i] * (int8_t)row[i];
    return sum;
}

static int32_t plain_halves(const int8_t *query, const uint8_t *row, size_t size)
{
    int32_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += query[i] * (2 * (row[i] % 16) - 15);
        sum += query[size + i] * (2 * (row[i] / 16) - 15);
    }
    return sum;
}

/* Codes that overlap, the last of which ends where memory does, in lists of all lengths. */
static void test_codes(const distance_kernels *kernels, const guarded *query_memory,
                       const guarded *rows_memory, size_t size, filling how)
{
    enum { CODES = 11 };
    const size_t stride = size - 24;
    uint32_t list[CODES], wrong = 0;
    float out[CODES];
    for (placing where = 0; where < PLACINGS; where++) {
        int8_t *query = (int8_t *)guarded_place(query_memory, 2 * size, where);
        uint8_t *rows = guarded_place(rows_memory, (CODES - 1) * stride + size, where);
        fill((uint8_t *)query, MV_VECTOR_INT8, 2 * size, how, true);
        fill(rows, MV_VECTOR_INT8, (CODES - 1) * stride + size, how, false);
        for (size_t i = 0; i < 2 * size; i++)
            if (query[i] == -128) query[i] = -127; /* codes have no such number */
        if (how == LARGEST) memset(rows, 0xff, (CODES - 1) * stride + size);
        int32_t total = 0, total_of_two = 0;
        for (size_t i = 0; i < 2 * size; i++) total_of_two += query[i];
        for (size_t i = 0; i < size; i++) total += query[i];
        for (uint32_t i = 0; i < CODES; i++) list[i] = i * 7 % CODES;
        for (size_t count = 1; count <= CODES; count++) {
            kernels->dot_codes(query, total, rows, stride, list, count, size, out);
            for (size_t i = 0; i < count; i++)
                wrong += out[i] != (float)plain_codes(query, rows + list[i] * stride, size);
            kernels->dot_int4(query, total_of_two, rows, stride, list, count, size, out);
            for (size_t i = 0; i < count; i++)
                wrong += out[i] != (float)plain_halves(query, rows + list[i] * stride, size);
        }
    }
    doing_now("codes of %zu bytes, %s, %s", size, kernels->name, filling_names[how]);
    EXPECT(wrong == 0);
}

static int32_t plain_bits(const int8_t *query, const uint8_t *row, size_t size)
{
    int32_t sum = 0;
    for (size_t i = 0; i < 8 * size; i++) sum += row[i / 8] >> i % 8 & 1 ? query[i] : -query[i];
    return sum;
}

/* Codes of bits whose last one ends where memory does, in lists of all lengths. */
static void test_bits(const distance_kernels *kernels, const guarded *query_memory,
                      const guarded *rows_memory, size_t size, filling how)
{
    enum { CODES = 11 };
    uint32_t list[CODES], wrong = 0;
    float out[CODES];
    for (placing where = 0; where < PLACINGS; where++) {
        int8_t *query = (int8_t *)guarded_place(query_memory, 8 * size, where);
        uint8_t *rows = guarded_place(rows_memory, CODES * size, where);
        fill((uint8_t *)query, MV_VECTOR_INT8, 8 * size, how, true);
        fill(rows, MV_VECTOR_INT8, CODES * size, how, false);
        int32_t total = 0;
        for (size_t i = 0; i < 8 * size; i++) {
            if (query[i] == -128) query[i] = -127; /* codes have no such number */
            total += query[i];
        }
        for (uint32_t i = 0; i < CODES; i++) list[i] = i * 7 % CODES;
        for (size_t count = 1; count <= CODES; count++) {
            kernels->dot_bits(query, total, rows, size, list, count, size, out);
            for (size_t i = 0; i < count; i++)
                wrong += out[i] != (float)plain_bits(query, rows + list[i] * size, size);
        }
    }
    doing_now("bits of %zu bytes, %s, %s", size, kernels->name, filling_names[how]);
    EXPECT(wrong == 0);
}

static void test_all_codes(void)
{
    guarded query_memory = guarded_create(1 << 18), rows_memory = guarded_create(1 << 21);
    for (size_t n = 0; n < NAMES; n++) {
        const distance_kernels *kernels = distance_by_name(names[n]);
        if (!kernels) continue;
        for (filling how = 0; how < FILLINGS; how++) {
            for (size_t size = 64; size <= 1024; size += 64)
                test_codes(kernels, &query_memory, &rows_memory, size, how);
            test_codes(kernels, &query_memory, &rows_memory, (MV_DIM_MAX + 1) / 2, how);
            for (size_t size = 8; size <= 256; size += 8)
                test_bits(kernels, &query_memory, &rows_memory, size, how);
            test_bits(kernels, &query_memory, &rows_memory, (MV_DIM_MAX + 63) / 64 * 8, how);
        }
    }
}

/* ---------------------------------------------------------------- finding a text */

/* Texts of two letters, so that parts of them are everywhere, and often the whole. */
static void test_find(const distance_kernels *kernels)
{
    guarded memory = guarded_create(1 << 12);
    for (size_t words = 1; words <= 11; words++) {
        for (size_t size = 1; size <= 70; size += size < 12 ? 1 : 7) {
            uint8_t text[70], *bytes = memory.end - (words * 64 + size - 1);
            uint64_t hits[11], wrong = 0;
            uint32_t ones = random_bits() % 8; /* of 8 letters */
            for (uint8_t *at = bytes; at < memory.end; at++) *at = random_bits() % 8 < ones;
            for (size_t i = 0; i < size; i++) text[i] = random_bits() % 8 < ones;
            if (random_bits() % 2) memcpy(text, bytes + random_bits() % (words * 64), size);
            bool any = kernels->find(bytes, words, text, size, hits), wanted_any = false;
            for (size_t i = 0; i < words * 64; i++) {
                bool wanted = memcmp(bytes + i, text, size) == 0;
                wanted_any |= wanted;
                wrong += wanted != (hits[i / 64] >> i % 64 & 1);
            }
            doing_now("%zu words, a text of %zu bytes", words, size);
            EXPECT(wrong == 0 && any == wanted_any);
        }
    }
}

/* ---------------------------------------------------------------- distances */

/* The distance by `kernels` of one fp32 row. */
static float distance_of(const distance_kernels *kernels, mv_metric metric, const float *vector,
                         const float *row, size_t dim, float inverse_norm)
{
    static float elements[MV_DIM_MAX];
    distance_query query;
    float by_rows = 0, by_list = 0;
    const void *list = row;
    EXPECT(!distance_prepare(&query, MV_VECTOR_FP32, metric, vector, dim, elements, NULL));
    query.rows = kernels->rows[metric_kernels(metric)][0];
    query.list = kernels->list[metric_kernels(metric)][0];
    distance_to_rows(&query, (const uint8_t *)row, dim * sizeof *row, &inverse_norm, 1, &by_rows);
    distance_to_list(&query, &list, &inverse_norm, 1, &by_list);
    EXPECT(memcmp(&by_rows, &by_list, sizeof by_rows) == 0);
    return by_rows;
}

static void test_distances(const distance_kernels *kernels)
{
    const float a[3] = {1, 2, 3}, b[3] = {-2, 4, 0.5f}, opposite[3] = {-2, -4, -6}, zero[3] = {0};
    const float norm_a = element_inverse_norm(MV_VECTOR_FP32, a, 3);
    const float norm_b = element_inverse_norm(MV_VECTOR_FP32, b, 3);
    EXPECT(distance_of(kernels, MV_L2, a, b, 3, 0) == 19.25f);
    EXPECT(distance_of(kernels, MV_IP, a, b, 3, 0) == -7.5f);
    double angle = (double)distance_of(kernels, MV_COSINE, a, b, 3, norm_b);
    EXPECT(fabs(angle - (1 - 7.5 / sqrt(14 * 20.25))) < 1e-6);
    float same = distance_of(kernels, MV_COSINE, a, a, 3, norm_a);
    EXPECT(same >= 0 && same < 1e-6f);
    float farthest = distance_of(kernels, MV_COSINE, a, opposite, 3, norm_a / 2);
    EXPECT(farthest <= 2 && farthest > 2 - 1e-6f);
    float none = distance_of(kernels, MV_IP, a, zero, 3, 0);
    EXPECT(none == 0 && !signbit(none));
    EXPECT(distance_of(kernels, MV_L1, a, b, 3, 0) == 7.5f);
    float nothing = distance_of(kernels, MV_L1, a, a, 3, 0);
    EXPECT(nothing == 0 && !signbit(nothing));
}

/* A query of packed bits, prepared. */
static void test_hamming(const distance_kernels *kernels)
{
    const uint8_t query_bits[3] = {0x80, 0xff, 0x01}, rows[2][3] = {{0, 0, 0}, {0x80, 0xff, 0x03}};
    uint8_t elements[3];
    float out[2];
    distance_query query;
    EXPECT(distance_query_size(MV_VECTOR_BINARY, 24) == 3);
    EXPECT(!distance_prepare(&query, MV_VECTOR_BINARY, MV_HAMMING, query_bits, 24, elements, NULL));
    query.rows = kernels->rows[METRIC_HAMMING][3];
    distance_to_rows(&query, rows[0], 3, NULL, 2, out);
    EXPECT(out[0] == 10 && out[1] == 1);
}

/* Beyond the range of a float a distance is infinite, or -FLT_MAX if it is negative. */
static void test_overflow(const distance_kernels *kernels)
{
    static float high[100], low[100], both[100], tiny[100];
    for (int i = 0; i < 100; i++) {
        high[i] = FLT_MAX, low[i] = -FLT_MAX;
        both[i] = i & 1 ? FLT_MAX : -FLT_MAX;
        tiny[i] = FLT_TRUE_MIN;
    }
    const float norm = element_inverse_norm(MV_VECTOR_FP32, high, 100);
    const float *const rows[] = {high, low, both, tiny};
    for (size_t r = 0; r < 4; r++) {
        for (mv_metric metric = MV_L2; metric <= MV_L1; metric++) {
            float distance = distance_of(kernels, metric, high, rows[r], 100, norm);
            EXPECT(isfinite(distance) || distance == INFINITY);
        }
    }
    EXPECT(distance_of(kernels, MV_L2, high, low, 100, 0) == INFINITY);
    EXPECT(distance_of(kernels, MV_L2, high, high, 100, 0) == 0);
    EXPECT(distance_of(kernels, MV_L1, high, low, 100, 0) == INFINITY);
    EXPECT(distance_of(kernels, MV_L1, both, low, 100, 0) == INFINITY);
    EXPECT(distance_of(kernels, MV_L1, high, tiny, 1, 0) == FLT_MAX);
    EXPECT(distance_of(kernels, MV_IP, high, high, 100, 0) == -FLT_MAX);
    EXPECT(distance_of(kernels, MV_IP, high, both, 100, 0) == 0);
    EXPECT(distance_of(kernels, MV_IP, high, low, 100, 0) == INFINITY);
    EXPECT(distance_of(kernels, MV_COSINE, high, high, 100, norm) < 1e-6f);
    EXPECT(distance_of(kernels, MV_COSINE, high, low, 100, norm) > 1.999999f);
    /* A norm from a damaged file. */
    EXPECT(distance_of(kernels, MV_COSINE, high, tiny, 100, NAN) < 1e-6f);
    const float tiny_norm = element_inverse_norm(MV_VECTOR_FP32, tiny, 100);
    EXPECT(distance_of(kernels, MV_COSINE, tiny, tiny, 100, tiny_norm) < 1e-6f);
    EXPECT(distance_of(kernels, MV_COSINE, both, tiny, 100, tiny_norm) == 1);
}

static void test_refusals(void)
{
    const float zeros[2] = {0, -0.0f}, broken[2] = {1, NAN}, part[2] = {1, 1.5f};
    const float large[2] = {1, 1e6f}; /* for a half, but such queries stay float */
    float elements[2];
    distance_query query;
    mv_error error;
    for (size_t t = 0; types[t] != MV_VECTOR_BINARY; t++) {
        mv_err err = distance_prepare(&query, types[t], MV_COSINE, zeros, 2, elements, &error);
        EXPECT(err == MV_MISUSE);
        EXPECT(strstr(error.text, "cosine"));
        EXPECT(!distance_prepare(&query, types[t], MV_L2, zeros, 2, elements, &error));
        EXPECT(distance_prepare(&query, types[t], MV_IP, broken, 2, elements, &error) == MV_MISUSE);
        EXPECT(strstr(error.text, "number 2 "));
    }
    EXPECT(distance_prepare(&query, MV_VECTOR_INT8, MV_L2, part, 2, elements, &error) == MV_MISUSE);
    EXPECT(!distance_prepare(&query, MV_VECTOR_FP16, MV_L2, large, 2, elements, &error));
    EXPECT(distance_query_size(MV_VECTOR_FP32, 3) == 12);
    EXPECT(distance_query_size(MV_VECTOR_FP16, 3) == 12);
    EXPECT(distance_query_size(MV_VECTOR_INT8, 3) == 3);
}

/* Does a process started with MOONVEC_SIMD as given (NULL: not at all) choose `expected`? It is
 * chosen once, so each try needs a process of its own, from before the first. */
static bool chooses(const char *wanted, const char *expected)
{
    pid_t child = fork();
    if (child == 0) {
        int failure = wanted ? setenv("MOONVEC_SIMD", wanted, 1) : unsetenv("MOONVEC_SIMD");
        _exit(failure || strcmp(mv_simd_name(), expected) != 0);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void test_choice(void)
{
    static const char *const best_first[] = {"avx512", "avx2", "sse2", "neon", "scalar"};
    const char *best = NULL;
    for (size_t i = 0; !best; i++)
        if (distance_by_name(best_first[i])) best = best_first[i];
    printf("best here: %s\n", best);
    EXPECT(chooses(NULL, best));
    EXPECT(chooses("", best));
    EXPECT(chooses("altivec", best));
    for (size_t n = 0; n < NAMES; n++)
        EXPECT(chooses(names[n], distance_by_name(names[n]) ? names[n] : best));
    EXPECT(!distance_by_name("altivec"));
    EXPECT(distance_by_name("scalar"));
}

int main(void)
{
    RUN(test_choice());
    RUN(test_kernels());
    RUN(test_largest_int8());
    RUN(test_all_codes());
    for (size_t n = 0; n < NAMES; n++) {
        const distance_kernels *kernels = distance_by_name(names[n]);
        if (!kernels) continue;
        RUN_WITH(names[n], test_distances(kernels));
        RUN_WITH(names[n], test_overflow(kernels));
        RUN_WITH(names[n], test_hamming(kernels));
        RUN_WITH(names[n], test_find(kernels));
    }
    RUN(test_refusals());
    return tests_conclude();
}

/* Queries to measure a graph with: rows that it does not have yet, and others made of them, since
 * what a program asks for may look nothing like a row. */
#include <math.h>
#include <string.h>

#include "index/hnsw_builder.h"
#include "vector/element.h"

typedef enum query_kind {
    QUERY_ROW = 0,        /* a row of the sample */
    QUERY_BETWEEN,        /* the middle between it and a row of the graph, apart from it */
    QUERY_BETWEEN_SAMPLE, /* the same between it and another row of the sample */
    QUERY_NOISE,          /* it, with noise of its own length added */
    QUERY_DIRECTION,      /* a direction drawn evenly, of the length of the row */
    QUERY_FOREIGN,        /* its numbers in reverse order: a row of another field */
} query_kind;

static_assert(QUERY_FOREIGN + 1 == HNSW_BUILD_QUERY_KINDS, "each kind is measured");

/* The kinds of the queries that are made of rows of the sample, an equal share of each entry. Those
 * between two rows have the recalls that differ most from query to query. */
static const query_kind made_kinds[] = {QUERY_BETWEEN,        QUERY_BETWEEN, QUERY_BETWEEN_SAMPLE,
                                        QUERY_BETWEEN_SAMPLE, QUERY_NOISE,   QUERY_DIRECTION,
                                        QUERY_FOREIGN};

#define MADE_SHARES ((uint32_t)(sizeof made_kinds / sizeof *made_kinds))

static_assert(HNSW_BUILD_SAMPLE_MAX +
                      HNSW_BUILD_SAMPLE_MAX / HNSW_BUILD_MADE_ONE_IN * MADE_SHARES <=
                  HNSW_BUILD_QUERIES_MAX,
              "there is memory for all queries");

/* To insert at least this many rows takes much longer than to measure the graph. */
#define LARGE_ROWS 32768u
#define APART_ROWS 8u /* rows drawn to find one in another cluster */

/* The sum of four even numbers, with variance 1: nearly a normal distribution. */
static float draw_normal(uint64_t *state)
{
    uint64_t bits = splitmix_draw(state);
    double sum = 0;
    for (uint32_t i = 0; i < 64; i += 16) sum += (double)(bits >> i & 0xffff) / 65535 - 0.5;
    return (float)(sum * sqrt(3));
}

static uint32_t per_share(const hnsw_builder *b)
{
    return b->sample / HNSW_BUILD_MADE_ONE_IN;
}

uint32_t hnsw_measure_query_count(const hnsw_builder *b)
{
    return b->sample + MADE_SHARES * per_share(b);
}

uint32_t hnsw_measure_query_one_in(const hnsw_builder *b)
{
    uint32_t one_in = per_share(b) / HNSW_BUILD_KIND_MIN;
    return one_in && b->order_count < LARGE_ROWS ? one_in : 1;
}

uint32_t hnsw_measure_query_kind(const hnsw_builder *b, uint32_t item)
{
    mv_assert(item < hnsw_measure_query_count(b));
    return item < b->sample ? QUERY_ROW : made_kinds[(item - b->sample) / per_share(b)];
}

bool hnsw_measure_query_is_among_rows(const hnsw_builder *b, uint32_t item)
{
    return hnsw_measure_query_kind(b, item) <= QUERY_NOISE;
}

static uint32_t sample_row(const hnsw_builder *b, uint32_t i)
{
    return b->order[b->order_count - b->sample + i];
}

static void make_bits(query_kind kind, size_t size, const uint8_t *row, const uint8_t *other,
                      uint64_t *state, uint8_t *out)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t bits = (uint8_t)splitmix_draw(state), few = bits & (uint8_t)splitmix_draw(state);
        few &= (uint8_t)splitmix_draw(state);
        switch (kind) {
        case QUERY_ROW: out[i] = row[i]; break;
        case QUERY_BETWEEN:
        case QUERY_BETWEEN_SAMPLE: out[i] = (uint8_t)((row[i] & bits) | (other[i] & ~bits)); break;
        case QUERY_NOISE: out[i] = row[i] ^ few; break;
        case QUERY_DIRECTION: out[i] = bits; break;
        case QUERY_FOREIGN: out[i] = row[size - 1 - i]; break;
        }
    }
}

/* Find a row apart: of APART_ROWS that are drawn, the one that is farthest from `numbers`. */
static void find_apart(const hnsw_builder *b, query_kind kind, const float *numbers, float *other,
                       uint64_t *state)
{
    const codes_vectors *v = &b->vectors;
    uint32_t apart = 0;
    double most = -1;
    for (uint32_t draw = 0; draw <= APART_ROWS; draw++) {
        uint64_t drawn = splitmix_draw(state);
        uint32_t row = apart;
        if (draw < APART_ROWS)
            row = kind == QUERY_BETWEEN ? (uint32_t)(drawn % v->rows)
                                        : sample_row(b, (uint32_t)(drawn % b->sample));
        double squares = 0;
        element_to_given(v->type, v->base + row * v->stride, v->dim, other);
        for (uint32_t i = 0; i < v->dim; i++) {
            double difference = (double)numbers[i] - (double)other[i];
            squares += difference * difference;
        }
        if (squares > most) {
            most = squares;
            apart = row;
        }
    }
}

static void make_numbers(query_kind kind, uint32_t dim, const float *other, uint64_t *state,
                         float *numbers)
{
    double squares = 0;
    for (uint32_t i = 0; i < dim; i++) squares += (double)numbers[i] * numbers[i];
    float deviation = (float)sqrt(squares / dim);
    for (uint32_t i = 0; i < dim; i++) {
        uint32_t mirrored = dim - 1 - i;
        float number = numbers[i];
        switch (kind) {
        case QUERY_ROW: break;
        case QUERY_BETWEEN:
        case QUERY_BETWEEN_SAMPLE: numbers[i] = number / 2 + other[i] / 2; break;
        case QUERY_NOISE: numbers[i] += deviation * draw_normal(state); break;
        case QUERY_DIRECTION: numbers[i] = deviation * draw_normal(state); break;
        case QUERY_FOREIGN:
            if (i >= mirrored) continue;
            numbers[i] = numbers[mirrored];
            numbers[mirrored] = number;
            break;
        }
    }
}

/* Make the numbers such as a vector of this type and any metric may have: not all zeros. */
static void fit_type(mv_type type, uint32_t dim, float *numbers)
{
    bool has_direction = false;
    float most = type == MV_VECTOR_INT8   ? 127
                 : type == MV_VECTOR_FP16 ? 65504
                                          : MV_VECTOR_NUMBER_MAX;
    for (uint32_t i = 0; i < dim; i++) {
        if (type == MV_VECTOR_INT8) numbers[i] = rintf(numbers[i]);
        numbers[i] = fmaxf(-most, fminf(numbers[i], most));
        has_direction |= numbers[i] != 0;
    }
    if (!has_direction) numbers[0] = 1;
}

void hnsw_measure_query_make(const hnsw_builder *b, uint32_t item, float *given, float *other)
{
    const codes_vectors *v = &b->vectors;
    query_kind kind = (query_kind)hnsw_measure_query_kind(b, item);
    uint32_t row = sample_row(b, item % b->sample);
    uint64_t state = b->head.seed + ((uint64_t)item << 32);
    if (v->type == MV_VECTOR_BINARY) {
        uint32_t another = (uint32_t)(splitmix_draw(&state) % v->rows);
        const uint8_t *bytes = v->base + row * v->stride, *others = v->base + another * v->stride;
        make_bits(kind, element_count(v->type, v->dim), bytes, others, &state,
                  (uint8_t *)(void *)given);
        return;
    }
    element_to_given(v->type, v->base + row * v->stride, v->dim, given);
    if (kind == QUERY_ROW) return;
    if (kind == QUERY_BETWEEN || kind == QUERY_BETWEEN_SAMPLE)
        find_apart(b, kind, given, other, &state);
    make_numbers(kind, v->dim, other, &state, given);
    fit_type(v->type, v->dim, given);
}

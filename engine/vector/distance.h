/* Distances from one query to many rows, by the fastest kernels that this machine can run.
 *
 * A row is `dim` elements of one type, and need not be aligned. The query is prepared once. Its
 * elements have the type of the rows' elements, except that a query for vector_fp16 has floats.
 * Distances are those of mv_metric in moonvec.h: lower is better. They are finite or +infinity,
 * never NaN: a distance above FLT_MAX is infinite, and one below -FLT_MAX is -FLT_MAX. Sums that
 * overflow on their way to a distance that does not are computed again in double. Equal rows have
 * equal distances, wherever they are. */
#ifndef MV_DISTANCE_H
#define MV_DISTANCE_H

#include <float.h>
#include <math.h>

#include "vector/metric.h"

/* Compute what the kernel's family (metric.h) is, of `query` and each row, into one float for each
 * row. `dim` counts elements. No byte outside of the rows is read. */
typedef void (*distance_rows_fn)(const void *query, const uint8_t *rows, size_t stride,
                                 size_t count, size_t dim, float *out);
typedef void (*distance_list_fn)(const void *query, const void *const *rows, size_t count,
                                 size_t dim, float *out);

/* Inner products of a query with int8 codes. `query` and rows have `size` bytes, a multiple of 64.
 * Row r is at base + r × stride, aligned or not; rows may overlap. `total` is the sum of the
 * query's numbers. Results are exact before they are rounded to float. If `size` is above
 * DISTANCE_WHOLE_CODES, rows are prefetched while earlier ones are measured; otherwise the caller
 * has to prefetch whole rows. */
#define DISTANCE_WHOLE_CODES 1024u
typedef void (*distance_codes_fn)(const int8_t *query, int32_t total, const uint8_t *base,
                                  size_t stride, const uint32_t *rows, size_t count, size_t size,
                                  float *out);
/* The kernels of int4 codes have the same type. A row's byte has two numbers u from 0 to 15, each
 * decoded as 2u - 15. `query` has 2 × `size` numbers from -127 to 127: those for the lower 4 bits
 * of the rows' bytes, then those for the upper 4 bits.
 *
 * So have the kernels of codes of bits (flat_bits.h). A row has `size` bytes, a multiple of 8. Bit
 * i % 8 of byte i / 8 is number i: 1 if it is set, else -1. `query` has 8 × `size` numbers. Nothing
 * is prefetched. */

/* Find a text of `size` bytes, at least 1: bit i of `hits` is set if it stands at bytes[i], for i
 * below 64 × words. All bytes that are compared must be readable: 64 × words + size - 1. Returns
 * whether a bit is set. This is no distance, but wants the same instruction sets. */
typedef bool (*distance_find_fn)(const uint8_t *bytes, size_t words, const uint8_t *text,
                                 size_t size, uint64_t *hits);

/* The kernels of one instruction set, by metric_family and element_index; NULL if no metric of the
 * family takes the type. Sums of int8 are exact before they are rounded to float. A float that
 * overflows becomes infinite or NaN. */
typedef struct distance_kernels {
    const char *name;
    /* Rows at a fixed stride, in memory order. Later rows are prefetched. */
    distance_rows_fn rows[METRIC_FAMILIES][ELEMENT_TYPES];
    /* Rows anywhere. Nothing is prefetched. */
    distance_list_fn list[METRIC_FAMILIES][ELEMENT_TYPES];
    distance_codes_fn dot_codes; /* int8 codes */
    distance_codes_fn dot_int4;  /* int4 codes */
    distance_codes_fn dot_bits;  /* codes of bits */
    distance_find_fn find;
} distance_kernels;

/* The kernels of this process, chosen once: the fastest that the CPU can run, or those named by
 * MOONVEC_SIMD in the environment (scalar, sse2, avx2, avx512, neon; ignored if the CPU cannot run
 * them). */
const distance_kernels *distance_best(void);

/* What the kernel of the family is of two vectors of floats. */
static inline float distance_of_floats(metric_family family, const float *a, const float *b,
                                       size_t dim)
{
    float result;
    distance_rows_fn rows = distance_best()->rows[family][element_index(MV_VECTOR_FP32)];
    rows(a, (const uint8_t *)b, dim * sizeof *b, 1, dim, &result);
    return result;
}

/* For tests: the kernels of `name`, or NULL if they are not built in or cannot run here. */
const distance_kernels *distance_by_name(const char *name);

/* A prepared query. */
typedef struct distance_query {
    mv_type type;
    metric_family family;
    metric_finish finish;
    size_t dim;         /* elements */
    float inverse_norm; /* of `elements`, if the metric has norms */
    void *elements;     /* of the query, as the kernels take them; the caller's memory. Floats are
                         * scaled to a length near 1 if the metric has norms */
    distance_rows_fn rows;
    distance_list_fn list;
} distance_query;

/* Bytes of `elements`. */
size_t distance_query_size(mv_type type, size_t dim);
/* Prepare a query from a vector as a program gives it (element_from_given). `elements` has
 * distance_query_size bytes, and must live as long as the query. `metric` takes `type`. MV_MISUSE:
 * a number is NaN or infinite; the vector is all zeros and the metric has norms; the rows are
 * vector_int8 and a number is no whole number from -128 to 127. */
mv_err distance_prepare(distance_query *query, mv_type type, mv_metric metric, const void *vector,
                        size_t dim, void *elements, mv_error *error);

/* Make NaN the farthest distance, and -infinity the nearest finite one. */
static inline float distance_or_worst(float distance)
{
    return distance >= -FLT_MAX ? distance : distance < 0 ? -FLT_MAX : INFINITY;
}

/* Distances to `count` rows. `inverse_norms` has one element_inverse_norm for each row, and is read
 * only if the metric has norms. */
void distance_to_rows(const distance_query *query, const uint8_t *rows, size_t stride,
                      const float *inverse_norms, size_t count, float *out);
void distance_to_list(const distance_query *query, const void *const *rows,
                      const float *inverse_norms, size_t count, float *out);

#endif

/* Distances of one query to many rows, by the best kernels this machine can run.
 *
 * A row is `dim` elements of one type, no alignment needed. The query is prepared once: it has the
 * row's element type, except that for vector_fp16 it stays float. Distances are those of moonvec.h,
 * mv_metric: lower is better. They are finite or +infinity, never NaN: what overflows counts as the
 * worst. Equal rows have equal distances, wherever they lie. */
#ifndef MV_DISTANCE_H
#define MV_DISTANCE_H

#include <math.h>

#include "vector/metric.h"

/* What the kernels' family says (metric.h) of `query` and each row; `out` gets one float per row.
 * `dim` counts elements. Nothing but the rows' own bytes is read. */
typedef void (*distance_rows_fn)(const void *query, const uint8_t *rows, size_t stride,
                                 size_t count, size_t dim, float *out);
typedef void (*distance_list_fn)(const void *query, const void *const *rows, size_t count,
                                 size_t dim, float *out);

/* Inner products of a query with int8 codes: `query` and rows of `size` bytes, a multiple of 64,
 * row r at base + r × stride, aligned or not; rows may overlap. `total` is the sum of the query's
 * numbers. Exact before rounding to float. Rows to come are prefetched while those before are
 * measured where `size` is above DISTANCE_WHOLE_CODES; others the caller is to prefetch whole. */
#define DISTANCE_WHOLE_CODES 1024u
typedef void (*distance_codes_fn)(const int8_t *query, int32_t total, const uint8_t *base,
                                  size_t stride, const uint32_t *rows, size_t count, size_t size,
                                  float *out);
/* The same for int4 codes, where each half h of a byte, 0 to 15, stands for the number 2h - 15.
 * `query` has 2 × `size` numbers, -127 to 127: for the lower halves, then for the upper ones. */

/* One instruction set's kernels, by metric_family and element_index; NULL where no metric of the
 * family takes the type. Sums of int8 are exact before they are rounded to float. What overflows a
 * float becomes infinite or NaN. */
typedef struct distance_kernels {
    const char *name;
    /* Rows at a fixed stride, in memory order: prefetched. */
    distance_rows_fn rows[METRIC_FAMILIES][ELEMENT_TYPES];
    /* Rows anywhere: nothing is prefetched. */
    distance_list_fn list[METRIC_FAMILIES][ELEMENT_TYPES];
    distance_codes_fn dot_codes;
    distance_codes_fn dot_int4;
} distance_kernels;

/* The kernels chosen for this process: once, by what the CPU can do, or by MOONVEC_SIMD in the
 * environment (scalar, sse2, avx2, avx512, neon; ignored when this CPU cannot run it). */
const distance_kernels *distance_best(void);

/* For tests: the kernels of `name`, or NULL when not built in or not runnable here. */
const distance_kernels *distance_by_name(const char *name);

/* A prepared query. */
typedef struct distance_query {
    mv_type type;
    metric_finish finish;
    size_t dim;         /* elements */
    float inverse_norm; /* of the query, if the metric has norms */
    void *elements;     /* what the kernels take; owned by the caller's arena or so */
    distance_rows_fn rows;
    distance_list_fn list;
} distance_query;

/* Bytes that `elements` needs. */
size_t distance_query_size(mv_type type, size_t dim);
/* Prepare for a query as it is given (element_from_given) into `elements` (distance_query_size
 * bytes, which must live as long as the query). MV_MISUSE for NaN and infinity, for a zero vector
 * where the metric has norms, and for what is no whole number from -128 to 127 when the rows are
 * vector_int8. */
mv_err distance_prepare(distance_query *query, mv_type type, mv_metric metric, const void *vector,
                        size_t dim, void *elements, mv_error *error);

/* What overflowed, and NaN, is farther than everything. */
static inline float distance_or_worst(float distance)
{
    return isfinite(distance) ? distance : INFINITY;
}

/* Distances to `count` rows. `inverse_norms` is read only if the metric has norms: one per row, of
 * element_inverse_norm. */
void distance_to_rows(const distance_query *query, const uint8_t *rows, size_t stride,
                      const float *inverse_norms, size_t count, float *out);
void distance_to_list(const distance_query *query, const void *const *rows,
                      const float *inverse_norms, size_t count, float *out);

#endif
